/** Accounts and their administrators. */
import type { Transaction } from 'kysely'
import { DatabaseError } from 'pg'
import type { NewAccount, UpdateAccount } from '../../contract/account.ts'
import { hasRole } from '../../contract/access.ts'
import { ApiError } from '../api-error.ts'
import type { App } from '../app.ts'
import { describe, type Principal, reachOf } from '../auth/principal.ts'
import { append } from '../events/inbox.ts'
import { newIcsToken, newId } from '../ids.ts'
import { sendPasswordLink } from '../mail/password-link.ts'
import { meetingLinks } from '../meeting/links.ts'
import {
  type AccountRow,
  findAccount,
  insertAccount,
  insertDefaultRoom,
  listAccountRows,
  listRoomRows,
  lockAccount,
  lockWholeAccount,
  toAccount,
  toAccounts,
  toAccountState,
  toRoom,
} from '../store/accounts.ts'
import type { Tables } from '../store/database.ts'
import { cancelMeetings } from '../store/participants.ts'
import { settlePresence } from '../store/presence.ts'
import {
  adminColumns,
  insertUser,
  isOrganizer,
  listAdminRows,
  lockOrganizer,
  toOrganizer,
  toUserState,
  updateUserRow,
} from '../store/users.ts'
import { announce } from '../store/webhooks.ts'
import type { Call, Handlers } from './call.ts'
import { changesTo, cleared, given, keepIdentity } from './merge.ts'

const trialMs = 14 * 24 * 3_600_000
const defaultTimezone = 'Europe/Paris'

export const accountHandlers: Handlers<
  | 'createAccount'
  | 'listAccounts'
  | 'getAccount'
  | 'updateAccount'
  | 'deleteAccount'
  | 'listAccountAdmins'
  | 'addAccountAdmin'
  | 'removeAccountAdmin'
  | 'listAccountRooms'
> = {
  async createAccount(call) {
    return call.write(async (trx) => {
      const row = await createAccount(trx, call)
      call.etag(row.resourceSeq)
      return { data: await toAccount(trx, row) }
    })
  },

  async listAccounts({ app, who }) {
    const rows = await listAccountRows(app.database, reachOf(who))
    return { data: await toAccounts(app.database, rows) }
  },

  async getAccount({ app, who, params, etag }) {
    const row = await findAccount(app.database, params.id, reachOf(who))
    if (!row) throw noAccount(params.id, who)
    etag(row.resourceSeq)
    return { data: await toAccount(app.database, row) }
  },

  async updateAccount(call) {
    const { app, who, params, body } = call
    const answer = await call.write(async (trx) => {
      const before = await lockAccount(trx, params.id, reachOf(who))
      if (!before) throw noAccount(params.id, who)
      call.expectVersion(before.resourceSeq)
      keepIdentity(body, before)
      const after = await changeAccount(trx, call, before, body)
      call.etag(after.resourceSeq)
      return { data: await toAccount(trx, after) }
    })
    app.directory.forget()
    await app.voice.changed(params.id)
    return answer
  },

  async deleteAccount(call) {
    const { app, who, params } = call
    let closed: string[] = []
    const answer = await call.write(async (trx) => {
      const row = await lockWholeAccount(trx, params.id, reachOf(who))
      if (!row) throw noAccount(params.id, who)
      call.expectVersion(row.resourceSeq)
      if (row.parentId === null) throw new ApiError('conflict', 'The root account cannot be deleted.')
      await refuseParents(trx, row)
      await refuseTelephony(trx, row.id)
      closed = await app.rooms.closeAllOf(trx, { accountId: row.id }, call.actor)
      await cancelMeetings(trx, meetingLinks(app), { accountId: row.id }, call.actor)
      await append(trx, {
        accountId: row.id,
        userId: null,
        type: 'account.deleted',
        resourceId: row.id,
        resourceSeq: row.resourceSeq + 1,
        actor: call.actor,
        data: { account: toAccountState(row) },
      })
      const webhooks = await trx.selectFrom('webhooks').select('id').where('accountId', '=', row.id).execute()
      for (const { id } of webhooks) await announce(trx, id)
      await trx.deleteFrom('meetings').where('accountId', '=', row.id).execute()
      for (const table of ['calls', 'callLegs', 'callTraces'] as const) {
        await trx.deleteFrom(table).where('accountId', '=', row.id).execute()
      }
      await trx.deleteFrom('accounts').where('id', '=', row.id).execute()
      return { data: { id: row.id } }
    })
    app.rooms.settle(closed)
    app.directory.forget()
    app.credentials.forget()
    await app.voice.changed(params.id)
    return answer
  },

  async listAccountAdmins({ app, who, params }) {
    const row = await findAccount(app.database, params.accountId, reachOf(who))
    if (!row) throw noAccount(params.accountId, who)
    const admins = (await listAdminRows(app.database, row.id)).filter(isOrganizer)
    const visible = who.role === 'user' ? admins.filter((admin) => admin.id === who.userId) : admins
    return { data: visible.map(toOrganizer) }
  },

  addAccountAdmin: (call) => setAdmin(call, true),
  removeAccountAdmin: (call) => setAdmin(call, false),

  async listAccountRooms({ app, who, params }) {
    const row = await findAccount(app.database, params.id, reachOf(who))
    if (!row) throw noAccount(params.id, who)
    return { data: (await listRoomRows(app.database, row.id)).map(toRoom) }
  },
}

const noAccount = (id: string, who: Principal) => new ApiError('not_found', `There is no account ${id}.`, describe(who))

/** Of an account; an e-mail address may be longer. */
const longestName = 120

/** In the order of the published system: the person, the account, its room. */
async function createAccount(trx: Transaction<Tables>, call: Call<'createAccount'>): Promise<AccountRow> {
  const { app, body, actor } = call
  const accountId = newId()
  const user = await insertUser(trx, toNewAdmin(body, accountId)).catch((error: unknown) => {
    throw asDuplicateEmail(error, 'adminEmail', body.adminEmail)
  })
  const account = await insertAccount(trx, toNewAccount(app, body, accountId))
  const room = await insertDefaultRoom(trx, accountId)
  const about = { accountId, userId: null, resourceSeq: 1, actor }
  const created = { ...about, resourceId: accountId, data: { account: toAccountState(account) } }
  await append(trx, { ...created, type: 'account.created' })
  const someone = { ...about, userId: user.id, resourceId: user.id, data: { user: toUserState(user) } }
  await append(trx, { ...someone, type: 'user.created' })
  await settlePresence(trx, [user.id], actor)
  await append(trx, { ...about, type: 'room.created', resourceId: room.id, data: { room: toRoom(room) } })
  if (body.sendPassword && isOrganizer(user)) await sendPasswordLink(trx, app, user)
  return account
}

const toNewAdmin = (body: NewAccount, accountId: string) => ({
  id: newId(),
  accountId,
  email: body.adminEmail,
  firstName: body.adminFirstname,
  lastName: body.adminLastname ?? '',
  externalUserId: null,
  preferredLanguage: body.adminPreferredLanguage ?? 'en',
  timezone: body.adminTimezone ?? defaultTimezone,
  ...adminColumns(true, false),
  icsToken: newIcsToken(),
  passwordHash: null,
})

function toNewAccount(app: App, body: NewAccount, accountId: string) {
  const now = app.clock()
  const accountType = body.accountType ?? 'trial'
  return {
    id: accountId,
    parentId: app.rootAccountId,
    accountType,
    createdAt: new Date(now),
    ...toColumns(body),
    name: body.name ?? body.adminEmail.slice(0, longestName),
    paidUntil: accountType === 'trial' ? new Date(now + trialMs) : body.paidUntil ? new Date(body.paidUntil) : null,
  }
}

/** What a new account starts with; the tables' own defaults say the same. */
const standard = {
  numberOfMeetings: 0,
  numberOfMeetingOrganizers: 0,
  numberOfMeetingRooms: 1,
  displayStandardDialInNumbersInInvite: true,
  defaultMeetingType: 'standard',
  defaultMeetingHasDialin: false,
  defaultMeetingHasRecording: false,
  autoExtendMeetings: false,
  autoDeleteMeetingsAfterXDays: 360,
} as const

function toColumns(body: NewAccount | UpdateAccount) {
  const { iceCandidatesToFilter, customDialInNumbers, defaultMeetingPermissions } = body
  const names = Object.keys(standard) as (keyof typeof standard)[]
  const plain = Object.fromEntries(names.map((name) => [name, cleared<unknown>(body[name], standard[name])]))
  return given({
    ...(plain as Partial<Pick<AccountRow, keyof typeof standard>>),
    name: body.name,
    iceCandidatesToFilter: toJson(cleared(iceCandidatesToFilter, [])),
    customDialInNumbers: toJson(cleared(customDialInNumbers, [])),
    defaultMeetingPermissions: defaultMeetingPermissions === null ? null : toJson(defaultMeetingPermissions),
  })
}

const toJson = (value: unknown) => (value === undefined ? undefined : JSON.stringify(value))

const operatorFields = [
  'accountType',
  'paidUntil',
  'numberOfMeetings',
  'numberOfMeetingOrganizers',
  'numberOfMeetingRooms',
] as const

async function changeAccount(
  trx: Transaction<Tables>,
  call: Call<'updateAccount'>,
  before: AccountRow,
  body: UpdateAccount,
): Promise<AccountRow> {
  if (!hasRole(call.who.role, 'instance')) refuseOperatorFields(call.who, before, body)
  const change = changesTo(before, {
    ...toColumns(body),
    accountType: body.accountType,
    paidUntil: paidUntilOf(before, body),
  })
  if (Object.keys(change).length === 0) return before
  const after = await trx
    .updateTable('accounts')
    .set((is) => ({ ...change, resourceSeq: is('resourceSeq', '+', 1) }))
    .where('id', '=', before.id)
    .returningAll()
    .executeTakeFirstOrThrow()
  await append(trx, {
    accountId: before.id,
    userId: null,
    type: 'account.updated',
    resourceId: before.id,
    resourceSeq: after.resourceSeq,
    actor: call.actor,
    data: { before: toAccountState(before), after: toAccountState(after) },
  })
  return after
}

/** A trial lasts 14 days from its creation, whatever is asked. */
function paidUntilOf(before: AccountRow, body: UpdateAccount): Date | null | undefined {
  const type = body.accountType ?? before.accountType
  if (type === 'trial') return new Date(before.createdAt.getTime() + trialMs)
  if (body.paidUntil === undefined) return undefined
  return body.paidUntil === null ? null : new Date(body.paidUntil)
}

/** Sent back unchanged is no change; the customer may not extend the own licence. */
function refuseOperatorFields(who: Principal, before: AccountRow, body: UpdateAccount): void {
  const current = toAccountState(before)
  for (const field of operatorFields) {
    const wanted = body[field]
    const isSame = field === 'paidUntil' && wanted ? Date.parse(String(wanted)) === before.paidUntil?.getTime() : false
    if (wanted === undefined || wanted === current[field] || isSame) continue
    throw new ApiError('not_allowed', `${field}: only an instance key may change it.`, describe(who))
  }
}

async function refuseParents(trx: Transaction<Tables>, row: AccountRow): Promise<void> {
  const child = await trx.selectFrom('accounts').select('id').where('parentId', '=', row.id).executeTakeFirst()
  if (child)
    throw new ApiError('conflict', `The account has accounts below it, such as ${child.id}: delete them first.`)
}

/** A8: phones and numbers of an account are taken away first, knowingly. */
async function refuseTelephony(trx: Transaction<Tables>, accountId: string): Promise<void> {
  for (const table of ['devices', 'phoneNumbers', 'trunks', 'callflows', 'contacts', 'medias'] as const) {
    const row = await trx
      .selectFrom(table as 'devices')
      .select('accountId')
      .where('accountId', '=', accountId)
      .limit(1)
      .executeTakeFirst()
    const what = table === 'phoneNumbers' ? 'phone numbers' : table
    if (row) throw new ApiError('conflict', `The account has ${what}: delete them first with the telephony API.`)
  }
}

async function setAdmin(call: Call<'addAccountAdmin' | 'removeAccountAdmin'>, isAdmin: boolean) {
  const { app, who, params } = call
  const answer = await call.write(async (trx) => {
    const account = await findAccount(trx, params.accountId, reachOf(who))
    if (!account) throw noAccount(params.accountId, who)
    const before = await lockOrganizer(trx, params.userId, { accountId: account.id })
    // After the person, as all changes of people do: two of them never wait for each other.
    await lockAccount(trx, account.id, null)
    if (!before) throw new ApiError('not_found', `There is no user ${params.userId} in this account.`, describe(who))
    call.etag(before.resourceSeq)
    if (before.isAdmin === isAdmin) return { data: toOrganizer(before) }
    if (!isAdmin) await keepOneAdmin(trx, account.id, before.id)
    const columns = adminColumns(isAdmin, account.parentId === null)
    const after = { ...(await updateUserRow(trx, before.id, columns)), email: before.email }
    await endTokens(trx, after.id)
    await append(trx, {
      accountId: account.id,
      userId: after.id,
      type: 'user.updated',
      resourceId: after.id,
      resourceSeq: after.resourceSeq,
      actor: call.actor,
      data: { before: toUserState(before), after: toUserState(after) },
    })
    call.etag(after.resourceSeq)
    return { data: toOrganizer(after) }
  })
  app.credentials.forget()
  app.directory.forget()
  return answer
}

/** The rights are in the token: somebody whose rights changed signs in again. */
export const endTokens = (trx: Transaction<Tables>, userId: string) =>
  trx.deleteFrom('tokens').where('userId', '=', userId).execute()

export async function keepOneAdmin(trx: Transaction<Tables>, accountId: string, userId: string): Promise<void> {
  const others = (await listAdminRows(trx, accountId)).filter((admin) => admin.isEnabled && admin.id !== userId)
  if (others.length > 0) return
  throw new ApiError(
    'conflict',
    'This is the last administrator of the account who can sign in: make another one first.',
  )
}

export function asDuplicateEmail(error: unknown, field: string, email: string): unknown {
  const isDuplicate = error instanceof DatabaseError && error.code === '23505' && error.constraint === 'users_email'
  if (!isDuplicate) return error
  const message = 'this e-mail address is in use; it can exist once only'
  return new ApiError('already_exists', `${field}: ${email}: ${message}.`, { issues: [{ field, message }] })
}
