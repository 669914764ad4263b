/** The account as the telephony API shows it: read and changed as a whole, with what only those above it may change. */
import { isDeepStrictEqual } from 'node:util'
import type { Transaction } from 'kysely'
import { sql } from 'kysely'
import type { PatchTelephonyAccount, TelephonyAccount } from '../../contract/telephony-account.ts'
import { standardAccount } from '../../contract/telephony-account.ts'
import { ApiError, invalidField } from '../api-error.ts'
import type { App } from '../app.ts'
import { describe, mayUse, type Principal } from '../auth/principal.ts'
import { append } from '../events/inbox.ts'
import {
  type AccountRow,
  findAccount,
  isDescendant,
  lockAccount,
  type Queries,
  toAccountState,
} from '../store/accounts.ts'
import { homeCountry, renumberContacts } from '../store/contacts.ts'
import { byCreation, byText, contains, readPage } from '../store/configured.ts'
import type { Tables } from '../store/database.ts'
import { realmOf, secretsOf } from '../store/telephony.ts'
import { toTelephonyAccountState } from '../store/telephony-people.ts'
import type { Call, Handlers } from './call.ts'
import { expectMusic, isFromAbove, keepObject, noSuch, rethrowConflict, seesSecrets } from './configuration.ts'
import { changesTo } from './merge.ts'
import { mergeSecrets, mergeSettings } from './settings.ts'

export const telephonyAccountHandlers: Handlers<
  'getTelephonyAccount' | 'updateTelephonyAccount' | 'patchTelephonyAccount' | 'listAccountChildren'
> = {
  async getTelephonyAccount({ app, who, etag }) {
    const row = await findAccount(app.database, who.accountId, who.accountId)
    if (!row) throw noSuch('account', who.accountId, who)
    etag(row.resourceSeq)
    return { data: await toTelephonyAccount(app, app.database, row, who) }
  },

  updateTelephonyAccount: (call) => update(call, call.body.data.id, call.body.data),
  patchTelephonyAccount: (call) => update(call, call.params.id, call.body.data),

  async listAccountChildren({ app, who, params, query }) {
    const { id } = params
    const isSeen = id === who.accountId || (await isDescendant(app.database, id, who.accountId))
    if (!isSeen) throw noSuch('account', id, who)
    const children = app.database
      .selectFrom('accounts')
      .select(['id', 'name', 'realm', 'telephonyEnabled', 'externalId', 'createdAt'])
      .where('parentId', '=', id)
      .$if(query.external_id !== undefined, (rows) => rows.where('externalId', '=', query.external_id ?? ''))
      .$if(query.search !== undefined, (rows) => rows.where(contains(sql.ref('name'), query.search ?? '')))
    const { rows, next } = await readPage(children, { ...query, sort: query.sort ?? 'created' }, sorts)
    return { data: rows.map((row) => toChild(app, row, id)), ...(next && { next }) }
  },
}

const sorts = { id: sql<string>`id`, sorts: { created: byCreation, name: byText(sql.ref('name')) } }

interface Child {
  readonly id: string
  readonly name: string
  readonly realm: string | null
  readonly telephonyEnabled: boolean
  readonly externalId: string | null
  readonly createdAt: Date
}

const toChild = (app: App, row: Child, parentId: string) => ({
  id: row.id,
  name: row.name,
  parent_id: parentId,
  realm: realmOf(row, app.host),
  telephony_enabled: row.telephonyEnabled,
  external_id: row.externalId,
  created: row.createdAt.toISOString(),
})

async function toTelephonyAccount(app: App, db: Queries, row: AccountRow, who: Principal): Promise<TelephonyAccount> {
  const children = await db
    .selectFrom('accounts')
    .select('id')
    .where('parentId', '=', row.id)
    .orderBy('createdAt')
    .orderBy('id')
    .limit(10_000)
    .execute()
  return {
    ...toTelephonyAccountState(row),
    realm: realmOf(row, app.host),
    prov_key: null,
    hostname_suffix: app.host,
    // Who may not act in accounts below need not know them.
    children: mayUse(who, 'subaccounts') ? children.map(({ id }) => id) : [],
    ...(seesSecrets(who) && { provision: toProvision(secretsOf(app.vault, 'accounts', row)) }),
  }
}

const toProvision = ({ admin_password, admin_pin }: Readonly<Record<string, string>>) => ({
  admin_password: admin_password ?? null,
  admin_pin: admin_pin ?? null,
})

async function update(
  call: Call<'updateTelephonyAccount' | 'patchTelephonyAccount'>,
  id: string,
  body: PatchTelephonyAccount,
) {
  const { app, who } = call
  const answer = await call
    .write(async (trx) => {
      const before = id === who.accountId ? await lockAccount(trx, id, who.accountId) : undefined
      if (!before) throw noSuch('account', id, who)
      call.expectVersion(before.resourceSeq)
      const after = await change(trx, call, before, body)
      call.etag(after.resourceSeq)
      return { data: await toTelephonyAccount(app, trx, after, who) }
    })
    .catch(rethrowConflict)
  app.directory.forget()
  await app.voice.changed(who.accountId)
  return answer
}

async function change(
  trx: Transaction<Tables>,
  call: Call<'updateTelephonyAccount' | 'patchTelephonyAccount'>,
  before: AccountRow,
  body: PatchTelephonyAccount,
): Promise<AccountRow> {
  const { app, who } = call
  keepObject({ ...before, accountId: before.id }, body)
  if (!isFromAbove(who, app.rootAccountId)) refuseFromBelow(app, who, before, body)
  const { eventDays } = app.config
  if ((body.event_days ?? 0) > eventDays) {
    throw invalidField('data.event_days', `is at most ${eventDays}, as long as this installation keeps events`)
  }
  await expectMusic(trx, before.id, 'data.music_on_hold_id', body.music_on_hold_id)
  const settings = mergeSettings(standardAccount, before.settings, body)
  const { columns, told } = mergeSecrets(app.vault, 'accounts', before, provisionOf(body))
  const wanted = {
    ...changesTo(before, {
      name: body.name,
      telephonyEnabled: body.telephony_enabled ?? undefined,
      realm: realmColumn(app, before, body.realm),
      musicOnHoldId: body.music_on_hold_id,
      externalId: body.external_id,
      settings: JSON.stringify(settings),
    }),
    ...columns,
  }
  if (Object.keys(wanted).length === 0) return before
  const after = await trx
    .updateTable('accounts')
    .set((is) => ({ ...wanted, resourceSeq: is('resourceSeq', '+', 1) }))
    .where('id', '=', before.id)
    .returningAll()
    .executeTakeFirstOrThrow()
  const country = after.settings.country ?? homeCountry
  if (country !== (before.settings.country ?? homeCountry)) await renumberContacts(trx, before.id, country)
  await append(trx, {
    accountId: before.id,
    userId: null,
    type: 'account.updated',
    resourceId: before.id,
    resourceSeq: after.resourceSeq,
    actor: call.actor,
    data: { before: toAccountState(before), after: toAccountState(after), ...(told && { secrets: told }) },
  })
  return after
}

function provisionOf({ provision }: PatchTelephonyAccount) {
  if (provision === undefined) return {}
  if (provision === null) return { admin_password: null, admin_pin: null }
  return { admin_password: provision.admin_password, admin_pin: provision.admin_pin }
}

/** The realm that is made from the id is stored as none; nobody may take that of another account. */
function realmColumn(app: App, { id }: AccountRow, realm: string | null | undefined): string | null | undefined {
  if (realm === undefined || realm === null) return realm
  if (realm === realmOf({ id, realm: null }, app.host)) return null
  if (/^[0-9a-f]{24}\./.test(realm)) throw invalidField('data.realm', 'is made from the id of another account')
  return realm
}

const fromAbove = [
  'telephony_enabled',
  'restriction',
  'billing',
  'max_outside_calls_per_device',
  'max_outside_minutes_per_hour',
  'max_call_seconds',
  'platform_trunk_enabled',
  'sandbox',
] as const

/** Sent back unchanged is no change; a customer may not widen what the own account may do. */
function refuseFromBelow(app: App, who: Principal, before: AccountRow, body: PatchTelephonyAccount): void {
  const current = toTelephonyAccountState(before)
  const merged = { ...standardAccount, ...mergeSettings(standardAccount, before.settings, body) }
  const wanted = { ...merged, telephony_enabled: body.telephony_enabled ?? current.telephony_enabled }
  const field = fromAbove.find((name) => !isDeepStrictEqual(wanted[name], current[name]))
  const isOtherRealm =
    body.realm !== undefined &&
    (body.realm ?? realmOf({ ...before, realm: null }, app.host)) !== realmOf(before, app.host)
  if (field === undefined && !isOtherRealm) return
  throw new ApiError(
    'not_allowed',
    `${field ?? 'realm'}: only an instance key or the parent account may change it.`,
    describe(who),
  )
}
