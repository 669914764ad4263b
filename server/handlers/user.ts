/** Organizers, and the password that a mailed link sets. */
import type { Transaction } from 'kysely'
import type { NewOrganizer, UpdateOrganizer } from '../../contract/account.ts'
import { hasRole } from '../../contract/access.ts'
import { ApiError } from '../api-error.ts'
import { hashPassword } from '../auth/password.ts'
import { describe, ownOnly, type Principal, reachOf } from '../auth/principal.ts'
import { append } from '../events/inbox.ts'
import { hashSecret, newIcsToken, newId } from '../ids.ts'
import { sendPasswordLink } from '../mail/password-link.ts'
import { meetingLinks } from '../meeting/links.ts'
import { countOrganizers, findAccount, lockAccount } from '../store/accounts.ts'
import type { Tables } from '../store/database.ts'
import { cancelMeetings } from '../store/participants.ts'
import { deletePresence, settlePresence } from '../store/presence.ts'
import {
  adminColumns,
  findOrganizer,
  insertUser,
  isOrganizer,
  listOrganizerRows,
  lockOrganizer,
  type OrganizerRow,
  toOrganizer,
  toUserState,
  type UserRow,
  updateUserRow,
} from '../store/users.ts'
import { asDuplicateEmail, endTokens, keepOneAdmin } from './account.ts'
import type { Call, Handlers } from './call.ts'
import { refuseWhileUsed, rethrowConflict } from './configuration.ts'
import { removeContactsOf } from './contact.ts'
import { changesTo, cleared, keepIdentity } from './merge.ts'

export const userHandlers: Handlers<
  'listUsers' | 'createUser' | 'getUser' | 'updateUser' | 'deleteUser' | 'useOneTimeLink'
> = {
  async listUsers({ app, who, query }) {
    const accountId = query.accountId ?? reachOf(who)
    if (query.accountId && !(await findAccount(app.database, query.accountId, reachOf(who)))) {
      throw new ApiError('not_found', `accountId: there is no account ${query.accountId}.`, describe(who))
    }
    return { data: (await listOrganizerRows(app.database, { accountId })).map(toOrganizer) }
  },

  async createUser(call) {
    const { app } = call
    const answer = await call.write(async (trx) => {
      const row = await createUser(trx, call)
      call.etag(row.resourceSeq)
      return { data: toOrganizer(row) }
    })
    app.directory.forget()
    await app.voice.changed(answer.data.accountId)
    return answer
  },

  async getUser({ app, who, params, etag }) {
    const row = await findOrganizer(app.database, params.id, { accountId: reachOf(who), userId: ownOnly(who) })
    if (!row) throw noUser(params.id, who)
    etag(row.resourceSeq)
    return { data: toOrganizer(row) }
  },

  async updateUser(call) {
    const { app, who, params, body } = call
    let { accountId } = who
    const answer = await call.write(async (trx) => {
      const before = await lockOrganizer(trx, params.id, { accountId: reachOf(who), userId: ownOnly(who) })
      if (!before) throw noUser(params.id, who)
      accountId = before.accountId
      call.expectVersion(before.resourceSeq)
      const after = await changeUser(trx, call, before, body)
      if (before.isAdmin !== after.isAdmin || before.email !== after.email) await endTokens(trx, after.id)
      call.etag(after.resourceSeq)
      return { data: toOrganizer(after) }
    })
    app.credentials.forget()
    app.directory.forget()
    await app.voice.changed(accountId)
    return answer
  },

  async deleteUser(call) {
    const { app, who, params } = call
    let { accountId } = who
    let closed: string[] = []
    const answer = await call
      .write(async (trx) => {
        const row = await lockOrganizer(trx, params.id, { accountId: reachOf(who) })
        if (!row) throw noUser(params.id, who)
        call.expectVersion(row.resourceSeq)
        closed = await removeUser(trx, call, row)
        accountId = row.accountId
        return { data: { id: row.id } }
      })
      .catch(rethrowConflict)
    app.rooms.settle(closed)
    app.directory.forget()
    app.credentials.forget()
    await app.voice.changed(accountId)
    return answer
  },

  async useOneTimeLink({ app, body, ip, write }) {
    const passwordHash = await hashPassword(body.password)
    const answer = await write(async (trx) => {
      const hash = hashSecret(body.token)
      const link = await trx.deleteFrom('oneTimeLinks').where('hash', '=', hash).returningAll().executeTakeFirst()
      if (!link || link.expiresAt.getTime() <= app.clock()) {
        throw new ApiError('session_invalid', 'token: this link was used, replaced or is older than 24 hours.')
      }
      const user = await updateUserRow(trx, link.userId, { passwordHash })
      await trx.deleteFrom('oneTimeLinks').where('userId', '=', user.id).execute()
      await trx.deleteFrom('tokens').where('userId', '=', user.id).where('keyId', 'is', null).execute()
      await append(trx, {
        accountId: user.accountId,
        userId: user.id,
        type: 'user.password_set',
        resourceId: user.id,
        resourceSeq: user.resourceSeq,
        actor: { type: 'user', id: user.id, ip },
        data: { userId: user.id },
      })
      return { data: { email: user.email ?? '' } }
    })
    app.credentials.forget()
    return answer
  },
}

/**
 * With the meetings this person planned and the own phone book; refused while a device or callflow names the person.
 * Which meetings it closed, for `settle`.
 */
export async function removeUser(
  trx: Transaction<Tables>,
  { app, actor }: Pick<Call, 'app' | 'actor'>,
  row: UserRow,
): Promise<string[]> {
  await lockAccount(trx, row.accountId, null)
  if (row.isAdmin) await keepOneAdmin(trx, row.accountId, row.id)
  await refuseWhileUsed(trx, 'user', row.id)
  const closed = await app.rooms.closeAllOf(trx, { userId: row.id }, actor)
  await cancelMeetings(trx, meetingLinks(app), { userId: row.id }, actor)
  await removeContactsOf(trx, { actor }, row.id)
  await append(trx, {
    accountId: row.accountId,
    userId: row.id,
    type: 'user.deleted',
    resourceId: row.id,
    resourceSeq: row.resourceSeq + 1,
    actor,
    data: { user: toUserState(row) },
  })
  await deletePresence(trx, row.id, actor)
  await trx.deleteFrom('users').where('id', '=', row.id).execute()
  return closed
}

const noUser = (id: string, who: Principal) => new ApiError('not_found', `There is no user ${id}.`, describe(who))

async function createUser(trx: Transaction<Tables>, call: Call<'createUser'>): Promise<OrganizerRow> {
  const { app, who, body } = call
  const reach = reachOf(who)
  const account = await lockAccount(trx, body.accountId ?? who.accountId, reach)
  if (!account) throw new ApiError('not_found', `accountId: there is no account ${body.accountId}.`, describe(who))
  const limit = account.numberOfMeetingOrganizers
  if (limit > 0 && (await countOrganizers(trx, account.id)) >= limit) {
    throw new ApiError('room_limit', `The account may have ${limit} organizers: raise numberOfMeetingOrganizers.`)
  }
  const isRoot = account.parentId === null
  const user = await insertUser(trx, toNewUser(body, account.id, isRoot)).catch((error: unknown) => {
    throw asDuplicateEmail(error, 'email', body.email)
  })
  if (!isOrganizer(user)) throw new Error(`user ${user.id} has lost the e-mail address`)
  await append(trx, {
    accountId: account.id,
    userId: user.id,
    type: 'user.created',
    resourceId: user.id,
    resourceSeq: 1,
    actor: call.actor,
    data: { user: toUserState(user) },
  })
  await settlePresence(trx, [user.id], call.actor)
  if (body.sendPassword) await sendPasswordLink(trx, app, user)
  return user
}

/** As the published system has it. */
const standard = { preferredLanguage: 'en', timezone: 'Europe/Paris' }

const toNewUser = (body: NewOrganizer, accountId: string, isRoot: boolean) => ({
  id: newId(),
  accountId,
  email: body.email,
  firstName: body.firstName,
  lastName: body.lastName ?? '',
  externalUserId: body.externalUserId ?? null,
  preferredLanguage: body.preferredLanguage ?? standard.preferredLanguage,
  timezone: body.timezone ?? standard.timezone,
  additionalTimezones: JSON.stringify(body.additionalTimezones ?? []),
  ...adminColumns(body.isAdmin ?? false, isRoot),
  icsToken: newIcsToken(),
  passwordHash: null,
})

async function changeUser(
  trx: Transaction<Tables>,
  call: Call<'updateUser'>,
  before: OrganizerRow,
  body: UpdateOrganizer,
): Promise<OrganizerRow> {
  keepIdentity(body, before)
  const isNewRight = body.isAdmin !== undefined && body.isAdmin !== before.isAdmin
  if (isNewRight && !hasRole(call.who.role, 'admin')) {
    throw new ApiError('not_allowed', 'isAdmin: only an administrator may change it.', describe(call.who))
  }
  if (isNewRight && body.isAdmin === false) {
    await lockAccount(trx, before.accountId, null)
    await keepOneAdmin(trx, before.accountId, before.id)
  }
  const zones = cleared(body.additionalTimezones, [])
  const change = changesTo(before, {
    email: body.email,
    firstName: body.firstName,
    lastName: cleared(body.lastName, ''),
    externalUserId: body.externalUserId,
    preferredLanguage: cleared(body.preferredLanguage, standard.preferredLanguage),
    timezone: cleared(body.timezone, standard.timezone),
    additionalTimezones: zones && JSON.stringify(zones),
    ...(isNewRight && adminColumns(body.isAdmin === true, before.accountId === call.app.rootAccountId)),
  })
  if (Object.keys(change).length === 0) return before
  const updated = await updateUserRow(trx, before.id, change).catch((error: unknown) => {
    throw asDuplicateEmail(error, 'email', body.email ?? '')
  })
  const after = { ...updated, email: body.email ?? before.email }
  // A link that was mailed to the old address is void (S6).
  if (after.email !== before.email) await trx.deleteFrom('oneTimeLinks').where('userId', '=', before.id).execute()
  await append(trx, {
    accountId: before.accountId,
    userId: before.id,
    type: 'user.updated',
    resourceId: before.id,
    resourceSeq: after.resourceSeq,
    actor: call.actor,
    data: { before: toUserState(before), after: toUserState(after) },
  })
  return after
}
