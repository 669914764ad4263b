/** Users of the telephony API: the people who are organizers on the other one when they have an e-mail address (A8). */
import { isDeepStrictEqual } from 'node:util'
import { type Transaction, sql } from 'kysely'
import {
  type NewTelephonyUser,
  ownFields,
  type PatchTelephonyUser,
  standardUser,
} from '../../contract/telephony-user.ts'
import { ApiError, invalidField } from '../api-error.ts'
import { hashPassword } from '../auth/password.ts'
import { describe, ownOnly, type Principal } from '../auth/principal.ts'
import { append } from '../events/inbox.ts'
import { newIcsToken, newId } from '../ids.ts'
import { type AccountRow, countOrganizers, lockAccount } from '../store/accounts.ts'
import { byCreation, byText, contains, findConfigured, readPage } from '../store/configured.ts'
import type { Tables } from '../store/database.ts'
import { settlePresence } from '../store/presence.ts'
import { secretsOf } from '../store/telephony.ts'
import { toTelephonyUser } from '../store/telephony-people.ts'
import {
  findUser,
  insertUser,
  lockUser,
  type PrivLevel,
  toUserState,
  type UserRow,
  updateUserRow,
} from '../store/users.ts'
import { endTokens, keepOneAdmin } from './account.ts'
import type { Call, Handlers } from './call.ts'
import {
  configure,
  expectMusic,
  expectReferences,
  expectScope,
  keepObject,
  noSuch,
  seesSecrets,
} from './configuration.ts'
import { changesTo, cleared } from './merge.ts'
import { isMask, mergeSecrets, mergeSettings } from './settings.ts'
import { removeUser } from './user.ts'

export const telephonyUserHandlers: Handlers<
  | 'listTelephonyUsers'
  | 'getTelephonyUser'
  | 'createTelephonyUser'
  | 'updateTelephonyUser'
  | 'patchTelephonyUser'
  | 'deleteTelephonyUser'
> = {
  async listTelephonyUsers({ app, who, query }) {
    const { email, username, priv_level: level, enabled, search, external_id: externalId } = query
    const users = app.database
      .selectFrom('users')
      .selectAll()
      .where('accountId', '=', who.accountId)
      .$if(email !== undefined, (rows) => rows.where(sql`lower(email)`, '=', email?.toLowerCase()))
      .$if(username !== undefined, (rows) =>
        rows.where(sql`lower(coalesce(username, email))`, '=', username?.toLowerCase()),
      )
      .$if(level !== undefined, (rows) => rows.where('privLevel', '=', level ?? 'user'))
      .$if(enabled !== undefined, (rows) => rows.where('isEnabled', '=', enabled === 'true'))
      .$if(externalId !== undefined, (rows) => rows.where('externalUserId', '=', externalId ?? ''))
      .$if(search !== undefined, (rows) => rows.where(contains(fullName, search ?? '')))
    const { rows, next } = await readPage(users, { ...query, sort: query.sort ?? 'created' }, sorts)
    return { data: rows.map(toTelephonyUser), ...(next && { next }) }
  },

  async getTelephonyUser({ app, who, params, etag }) {
    const row = await findUser(app.database, params.id, { accountId: who.accountId, userId: ownOnly(who) })
    if (!row) throw noSuch('user', params.id, who)
    etag(row.resourceSeq)
    return { data: shown(app, row, who) }
  },

  async createTelephonyUser(call) {
    const passwordHash = await hashOf(call.body.data.password)
    const answer = await configure(call, async (trx) => {
      const row = await create(trx, call, passwordHash ?? null)
      call.etag(row.resourceSeq)
      return { data: shown(call.app, row, call.who) }
    })
    call.app.directory.forget()
    return answer
  },

  updateTelephonyUser: (call) => update(call, call.body.data.id),
  patchTelephonyUser: (call) => update(call, call.params.id),

  async deleteTelephonyUser(call) {
    const { app, who, params } = call
    let closed: string[] = []
    const answer = await configure(call, async (trx) => {
      const row = await lockUser(trx, params.id, { accountId: who.accountId })
      if (!row) throw noSuch('user', params.id, who)
      call.expectVersion(row.resourceSeq)
      closed = await removeUser(trx, call, row)
      return { data: { id: row.id, user_id: row.id } }
    })
    app.rooms.settle(closed)
    app.directory.forget()
    app.credentials.forget()
    return answer
  },
}

const fullName = sql`(first_name || ' ' || last_name)`
const byName = byText(sql`(last_name || ' ' || first_name)`)
const sorts = { id: sql<string>`id`, sorts: { created: byCreation, name: byName } }

const shown = (app: Call['app'], row: UserRow, who: Principal) => ({
  ...toTelephonyUser(row),
  ...(seesSecrets(who) && { hotdesk_pin: secretsOf(app.vault, 'users', row).hotdesk_pin ?? null }),
})

/** Undefined: the password stays as it is. */
async function hashOf(password: string | null | undefined): Promise<string | null | undefined> {
  if (password === null) return null
  return password === undefined || isMask(password) ? undefined : hashPassword(password)
}

/** Whoever signs in with a password, or as an administrator, has scopes that this credential may lack (A7). */
function expectMayAdmit(
  who: Principal,
  { password, priv_level: level }: PatchTelephonyUser,
  before: Pick<UserRow, 'privLevel'> = { privLevel: 'user' },
): void {
  if (typeof password === 'string' && !isMask(password)) expectScope(who, 'account', 'data.password')
  if (level && level !== 'user' && level !== before.privLevel) expectScope(who, 'account', 'data.priv_level')
}

/** As the published meeting system has it. */
const standard = { language: 'en', timeZone: 'Europe/Paris' }

async function create(
  trx: Transaction<Tables>,
  call: Call<'createTelephonyUser'>,
  passwordHash: string | null,
): Promise<UserRow> {
  const { app, who } = call
  const body: NewTelephonyUser = call.body.data
  expectMayAdmit(who, body)
  const account = await lockOwn(trx, who)
  if (body.email) await expectRoomForOrganizer(trx, account)
  const { email, username } = loginColumns(body, { email: null, username: null })
  await expectUserReferences(trx, account.id, body)
  const id = newId()
  const sealed = mergeSecrets(app.vault, 'users', { id, secrets: null }, { hotdesk_pin: body.hotdesk_pin })
  const row = await insertUser(trx, {
    id,
    accountId: account.id,
    email,
    username,
    ...levelColumns(body.priv_level ?? 'user', account),
    firstName: body.first_name,
    lastName: body.last_name ?? '',
    externalUserId: body.external_id ?? null,
    isEnabled: body.enabled ?? true,
    preferredLanguage: body.language ?? account.settings.language ?? standard.language,
    timezone: body.time_zone ?? account.settings.time_zone ?? standard.timeZone,
    musicOnHoldId: body.music_on_hold_id ?? null,
    browserphoneId: body.browserphone_id ?? null,
    quickcallDevice: body.quickcall_device ?? null,
    settings: JSON.stringify(mergeSettings(standardUser, {}, body)),
    icsToken: newIcsToken(),
    passwordHash,
    createdAt: new Date(app.clock()),
    ...sealed.columns,
  })
  await append(trx, {
    accountId: row.accountId,
    userId: row.id,
    type: 'user.created',
    resourceId: row.id,
    resourceSeq: row.resourceSeq,
    actor: call.actor,
    data: { user: toUserState(row) },
  })
  await settlePresence(trx, [row.id], call.actor)
  return row
}

async function lockOwn(trx: Transaction<Tables>, who: Principal): Promise<AccountRow> {
  const account = await lockAccount(trx, who.accountId, who.accountId)
  if (!account) throw noSuch('account', who.accountId, who)
  return account
}

async function expectRoomForOrganizer(trx: Transaction<Tables>, account: AccountRow): Promise<void> {
  const limit = account.numberOfMeetingOrganizers
  if (limit === 0 || (await countOrganizers(trx, account.id)) < limit) return
  throw new ApiError('conflict', `data.email: the account may have ${limit} people with an e-mail address.`)
}

/** A user name with an @ would be somebody's e-mail address: it is the own one, and stored once. */
function loginColumns(
  body: { readonly email?: string | null | undefined; readonly username?: string | null | undefined },
  before: { readonly email: string | null; readonly username: string | null },
): { email: string | null; username: string | null } {
  const email = body.email === undefined ? before.email : body.email
  const wanted = body.username === undefined ? before.username : body.username
  // Sent back with a new address: the one that was shown before is no wish for it.
  const isShown = wanted !== null && before.username === null && isSameText(wanted, before.email)
  const isEmail = wanted !== null && (isSameText(wanted, email) || isShown)
  const username = wanted === null || isEmail ? null : wanted
  if (username !== null && !/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(username)) {
    throw invalidField('data.username', 'must be the e-mail address, or up to 64 letters, digits and . _ -')
  }
  return { email, username }
}

const isSameText = (a: string, b: string | null) => b !== null && a.toLowerCase() === b.toLowerCase()

function levelColumns(level: PrivLevel, account: Pick<AccountRow, 'parentId'>) {
  const isRoot = account.parentId === null
  if (level === 'superduper' && !isRoot) throw invalidField('data.priv_level', 'exists in the root account only')
  // There an administrator is one, whichever word is used.
  const privLevel: PrivLevel = level === 'user' ? 'user' : isRoot ? 'superduper' : 'admin'
  return { privLevel, isAdmin: privLevel !== 'user' }
}

async function expectUserReferences(trx: Transaction<Tables>, accountId: string, body: PatchTelephonyUser) {
  await expectMusic(trx, accountId, 'data.music_on_hold_id', body.music_on_hold_id)
  await expectReferences(trx, accountId, [
    { field: 'data.browserphone_id', table: 'devices', id: body.browserphone_id },
    { field: 'data.quickcall_device', table: 'devices', id: body.quickcall_device },
  ])
}

async function update(call: Call<'updateTelephonyUser' | 'patchTelephonyUser'>, id: string) {
  const { app, who } = call
  const body: PatchTelephonyUser = call.body.data
  const passwordHash = await hashOf(body.password)
  const answer = await configure(call, async (trx) => {
    const before = await lockUser(trx, id, { accountId: who.accountId, userId: ownOnly(who) })
    if (!before) throw noSuch('user', id, who)
    call.expectVersion(before.resourceSeq)
    keepObject(before, body)
    if (who.role === 'user') {
      refuseOthersFields(who, before, body)
      await expectOwnDevice(trx, before, body.quickcall_device)
    }
    expectMayAdmit(who, body, before)
    const after = await change(trx, call, before, body, passwordHash)
    call.etag(after.resourceSeq)
    return { data: shown(app, after, who) }
  })
  app.credentials.forget()
  app.directory.forget()
  return answer
}

/** Sent back unchanged is no change. */
function refuseOthersFields(who: Principal, before: UserRow, body: PatchTelephonyUser): void {
  const current: Readonly<Record<string, unknown>> = toTelephonyUser(before)
  const own: readonly string[] = ownFields
  const field = Object.entries(body).find(
    ([name, value]) => !own.includes(name) && value !== undefined && !isDeepStrictEqual(value, current[name]),
  )?.[0]
  if (field === undefined) return
  throw new ApiError('not_allowed', `${field}: only an administrator may change it.`, describe(who))
}

/** It calls with its own rights and rings first: somebody else's is for an administrator to choose. */
async function expectOwnDevice(
  trx: Transaction<Tables>,
  before: UserRow,
  id: string | null | undefined,
): Promise<void> {
  if (!id || id === before.quickcallDevice) return
  const device = await findConfigured(trx, 'devices', id, before.accountId)
  if (device?.ownerId !== before.id) throw invalidField('data.quickcall_device', `is none of your devices: ${id}`)
}

async function change(
  trx: Transaction<Tables>,
  call: Call<'updateTelephonyUser' | 'patchTelephonyUser'>,
  before: UserRow,
  body: PatchTelephonyUser,
  passwordHash: string | null | undefined,
): Promise<UserRow> {
  const { app, who } = call
  await expectUserReferences(trx, before.accountId, body)
  const account = await lockOwn(trx, who)
  const sealed = mergeSecrets(app.vault, 'users', before, { hotdesk_pin: body.hotdesk_pin })
  const wanted = {
    ...changesTo(before, {
      ...loginColumns(body, before),
      ...levelColumns(cleared(body.priv_level, 'user') ?? before.privLevel, account),
      firstName: body.first_name ?? undefined,
      lastName: cleared(body.last_name, ''),
      externalUserId: body.external_id,
      isEnabled: cleared(body.enabled, true),
      preferredLanguage: cleared(body.language, account.settings.language ?? standard.language),
      timezone: cleared(body.time_zone, account.settings.time_zone ?? standard.timeZone),
      musicOnHoldId: body.music_on_hold_id,
      browserphoneId: body.browserphone_id,
      quickcallDevice: body.quickcall_device,
      settings: JSON.stringify(mergeSettings(standardUser, before.settings, body)),
    }),
    ...sealed.columns,
    ...(passwordHash !== undefined && { passwordHash }),
  }
  if (Object.keys(wanted).length === 0) return before
  const isLosingRights = wanted.isAdmin === false || (before.isAdmin && wanted.isEnabled === false)
  if (isLosingRights) await keepOneAdmin(trx, before.accountId, before.id)
  if (wanted.email && before.email === null) await expectRoomForOrganizer(trx, account)
  if (wanted.email === null) await refusePlanner(trx, before)
  const after = await updateUserRow(trx, before.id, wanted)
  // A link that was mailed to the old address is void (S6); the rights are in the token.
  if (after.email !== before.email) await trx.deleteFrom('oneTimeLinks').where('userId', '=', before.id).execute()
  const endsSessions = ['isAdmin', 'email', 'isEnabled', 'passwordHash'].some((name) => name in wanted)
  if (endsSessions) await endTokens(trx, before.id)
  const told = { ...sealed.told, ...(passwordHash !== undefined && { password: { changed: true as const } }) }
  await append(trx, {
    accountId: before.accountId,
    userId: before.id,
    type: 'user.updated',
    resourceId: before.id,
    resourceSeq: after.resourceSeq,
    actor: call.actor,
    data: {
      before: toUserState(before),
      after: toUserState(after),
      ...(Object.keys(told).length > 0 && { secrets: told }),
    },
  })
  await settlePresence(trx, [after.id], call.actor)
  return after
}

/** Meetings show who planned them by the e-mail address. */
async function refusePlanner(trx: Transaction<Tables>, { id }: UserRow): Promise<void> {
  const meeting = await trx
    .selectFrom('meetings')
    .select('id')
    .where('addedByUserId', '=', id)
    .limit(1)
    .executeTakeFirst()
  if (!meeting) return
  throw new ApiError('conflict', `data.email: this person planned meetings, such as ${meeting.id}, and needs one.`)
}
