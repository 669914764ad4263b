/** Trunks: what a carrier needs to know of us and we of it; their passwords are sealed (S5). */
import { type Transaction, sql } from 'kysely'
import { type NewTrunk, type PatchTrunk, standardTrunk, type TrunkSettings } from '../../contract/trunk.ts'
import { ApiError, invalidField } from '../api-error.ts'
import { describe, type Principal } from '../auth/principal.ts'
import { append } from '../events/inbox.ts'
import { newId } from '../ids.ts'
import {
  byCreation,
  byText,
  contains,
  deleteConfigured,
  findConfigured,
  insertConfigured,
  lockConfigured,
  readPage,
  type RowOf,
  updateConfigured,
} from '../store/configured.ts'
import type { Tables } from '../store/database.ts'
import { secretsOf } from '../store/telephony.ts'
import { toTrunkState } from '../store/trunks.ts'
import type { Call, Handlers } from './call.ts'
import { configure, isFromAbove, keepObject, noSuch, refuseWhileUsed, seesSecrets } from './configuration.ts'
import { changesTo, cleared } from './merge.ts'
import { mergeSecrets, mergeSettings } from './settings.ts'

type TrunkRow = RowOf<'trunks'>

export const trunkHandlers: Handlers<
  'listTrunks' | 'getTrunk' | 'createTrunk' | 'updateTrunk' | 'patchTrunk' | 'deleteTrunk'
> = {
  async listTrunks({ app, who, query }) {
    const { category, enabled, search, external_id: externalId } = query
    const trunks = app.database
      .selectFrom('trunks')
      .selectAll()
      .where('accountId', '=', who.accountId)
      .$if(category !== undefined, (rows) => rows.where('category', '=', category ?? 'carrier'))
      .$if(enabled !== undefined, (rows) => rows.where('isEnabled', '=', enabled === 'true'))
      .$if(externalId !== undefined, (rows) => rows.where('externalId', '=', externalId ?? ''))
      .$if(search !== undefined, (rows) => rows.where(contains(sql.ref('name'), search ?? '')))
    const { rows, next } = await readPage(trunks, { ...query, sort: query.sort ?? 'trunk_order' }, sorts)
    return { data: rows.map((row) => shown(app, row, who)), ...(next && { next }) }
  },

  async getTrunk({ app, who, params, etag }) {
    const row = await findConfigured(app.database, 'trunks', params.id, who.accountId)
    if (!row) throw noSuch('trunk', params.id, who)
    etag(row.resourceSeq)
    return { data: shown(app, row, who) }
  },

  createTrunk: (call) =>
    configure(call, async (trx) => {
      const row = await create(trx, call)
      call.etag(row.resourceSeq)
      return { data: shown(call.app, row, call.who) }
    }),

  updateTrunk: (call) => update(call, call.body.data.id),
  patchTrunk: (call) => update(call, call.params.id),

  deleteTrunk: (call) =>
    configure(call, async (trx) => {
      const { app, who, params, actor } = call
      const row = await lockConfigured(trx, 'trunks', params.id, who.accountId)
      if (!row) throw noSuch('trunk', params.id, who)
      call.expectVersion(row.resourceSeq)
      expectMaster(app, who, row)
      await refuseWhileUsed(trx, 'trunk', row.id)
      await deleteConfigured(trx, 'trunks', row.id)
      await append(trx, {
        accountId: row.accountId,
        userId: null,
        type: 'trunk.deleted',
        resourceId: row.id,
        resourceSeq: row.resourceSeq + 1,
        actor,
        data: { trunk: toTrunkState(row) },
      })
      return { data: { id: row.id, trunk_id: row.id } }
    }),
}

const sorts = {
  id: sql<string>`id`,
  sorts: {
    trunk_order: sql<string>`lpad(trunk_order::text, 6, '0')`,
    created: byCreation,
    name: byText(sql.ref('name')),
  },
}

const shown = (app: Call['app'], row: TrunkRow, who: Principal) => ({
  ...toTrunkState(row),
  ...(seesSecrets(who) && { password: secretsOf(app.vault, 'trunks', row).password ?? null }),
})

const standard = { category: 'carrier', trunk_order: 100 } as const

async function create(trx: Transaction<Tables>, call: Call<'createTrunk'>): Promise<TrunkRow> {
  const { app, who, actor } = call
  const body: NewTrunk = call.body.data
  const id = newId()
  const settings = mergeSettings(standardTrunk, {}, body)
  const { columns } = mergeSecrets(app.vault, 'trunks', { id, secrets: null }, { password: body.password })
  expectMasterWord(app, who, settings)
  expectUsable({ ...standardTrunk, ...settings }, Boolean(columns.secrets))
  const row = await insertConfigured(trx, 'trunks', {
    id,
    accountId: who.accountId,
    name: body.name,
    category: body.category ?? standard.category,
    trunkOrder: body.trunk_order ?? standard.trunk_order,
    isEnabled: body.enabled ?? true,
    externalId: body.external_id ?? null,
    settings: JSON.stringify(settings),
    secrets: columns.secrets ?? null,
    createdAt: new Date(app.clock()),
  })
  await append(trx, {
    accountId: row.accountId,
    userId: null,
    type: 'trunk.created',
    resourceId: row.id,
    resourceSeq: row.resourceSeq,
    actor,
    data: { trunk: toTrunkState(row) },
  })
  return row
}

const update = (call: Call<'updateTrunk' | 'patchTrunk'>, id: string) =>
  configure(call, async (trx) => {
    const { app, who } = call
    const before = await lockConfigured(trx, 'trunks', id, who.accountId)
    if (!before) throw noSuch('trunk', id, who)
    call.expectVersion(before.resourceSeq)
    const body: PatchTrunk = call.body.data
    keepObject(before, body)
    const after = await change(trx, call, before, body)
    call.etag(after.resourceSeq)
    return { data: shown(app, after, who) }
  })

async function change(
  trx: Transaction<Tables>,
  call: Call<'updateTrunk' | 'patchTrunk'>,
  before: TrunkRow,
  body: PatchTrunk,
): Promise<TrunkRow> {
  const { app, who, actor } = call
  const settings = mergeSettings(standardTrunk, before.settings, body)
  const { columns, told } = mergeSecrets(app.vault, 'trunks', before, { password: body.password })
  const wanted = {
    ...changesTo(before, {
      name: body.name ?? undefined,
      category: cleared(body.category, standard.category),
      trunkOrder: cleared(body.trunk_order, standard.trunk_order),
      isEnabled: cleared(body.enabled, true),
      externalId: body.external_id,
      settings: JSON.stringify(settings),
    }),
    ...columns,
  }
  if (Object.keys(wanted).length === 0) return before
  expectMaster(app, who, before)
  expectMasterWord(app, who, settings)
  const secrets = columns.secrets === undefined ? before.secrets : columns.secrets
  expectUsable({ ...standardTrunk, ...settings }, secrets !== null)
  const after = await updateConfigured(trx, 'trunks', before.id, wanted)
  await append(trx, {
    accountId: after.accountId,
    userId: null,
    type: 'trunk.updated',
    resourceId: after.id,
    resourceSeq: after.resourceSeq,
    actor,
    data: { before: toTrunkState(before), after: toTrunkState(after), ...(told && { secrets: told }) },
  })
  return after
}

/** A provider's trunk in a customer's account is the provider's. */
function expectMaster({ rootAccountId }: Call['app'], who: Principal, { settings }: Pick<TrunkRow, 'settings'>): void {
  if (settings.priv_level !== 'superduper' || isFromAbove(who, rootAccountId)) return
  throw new ApiError(
    'not_allowed',
    'priv_level: only an instance key or the parent account may change it.',
    describe(who),
  )
}

const expectMasterWord = (app: Call['app'], who: Principal, settings: Partial<TrunkSettings>) =>
  expectMaster(app, who, { settings })

/** What could never carry a call. */
function expectUsable({ server, username, advanced }: TrunkSettings, hasPassword: boolean): void {
  const canSignIn = username !== null && hasPassword
  if (advanced.registration && server === null) throw invalidField('data.server', 'is where `registration` registers')
  if (advanced.registration && !canSignIn) {
    throw invalidField('data.advanced.registration', 'needs `username` and `password`')
  }
  if (server === null && advanced.addresses.length === 0 && !canSignIn) {
    throw invalidField('data.server', 'must be given, or `username` and `password` to sign in here with')
  }
}
