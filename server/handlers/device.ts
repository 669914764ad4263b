/** Devices: made with a user name that is unique in the installation (T20) and a password that is sealed (S5). */
import { type Transaction, sql } from 'kysely'
import { randomInt } from 'node:crypto'
import { type NewDevice, type PatchDevice, standardDevice } from '../../contract/device.ts'
import type { App } from '../app.ts'
import type { Principal } from '../auth/principal.ts'
import { append } from '../events/inbox.ts'
import { newId } from '../ids.ts'
import { findAccount, type Queries } from '../store/accounts.ts'
import {
  byCreation,
  byText,
  contains,
  deleteConfigured,
  findConfigured,
  insertConfigured,
  lockConfigured,
  readPage,
  updateConfigured,
} from '../store/configured.ts'
import type { Tables } from '../store/database.ts'
import {
  type DeviceRow,
  selectDeviceStatus,
  selectRegistrations,
  toDevice,
  toDeviceState,
  toDeviceStatus,
  toRegistration,
} from '../store/devices.ts'
import { settlePresence } from '../store/presence.ts'
import { realmOf, secretsOf } from '../store/telephony.ts'
import { networksOf } from '../networks.ts'
import type { Call, Handlers } from './call.ts'
import {
  configure,
  expectMusic,
  expectReferences,
  keepObject,
  noSuch,
  refuseWhileUsed,
  seesSecrets,
} from './configuration.ts'
import { changesTo, cleared } from './merge.ts'
import { isMask, mergeSecrets, mergeSettings } from './settings.ts'

export const deviceHandlers: Handlers<
  | 'listDevices'
  | 'getDevice'
  | 'createDevice'
  | 'updateDevice'
  | 'patchDevice'
  | 'deleteDevice'
  | 'listRegistrations'
  | 'listDeviceStatus'
  | 'listNetworks'
> = {
  async listDevices({ app, who, query }) {
    const { owner_id: ownerId, username, enabled, search, external_id: externalId } = query
    const devices = app.database
      .selectFrom('devices')
      .selectAll()
      .where('accountId', '=', who.accountId)
      .$if(ownerId !== undefined, (rows) => rows.where('ownerId', '=', ownerId ?? ''))
      .$if(username !== undefined, (rows) => rows.where(sql`lower(username)`, '=', username?.toLowerCase()))
      .$if(enabled !== undefined, (rows) => rows.where('isEnabled', '=', enabled === 'true'))
      .$if(externalId !== undefined, (rows) => rows.where('externalId', '=', externalId ?? ''))
      .$if(search !== undefined, (rows) => rows.where(contains(sql.ref('name'), search ?? '')))
    const [{ rows, next }, realm] = await Promise.all([
      readPage(devices, { ...query, sort: query.sort ?? 'created' }, sorts),
      ownRealm(app, app.database, who),
    ])
    return { data: rows.map((row) => shown(app, row, realm, who)), ...(next && { next }) }
  },

  async getDevice({ app, who, params, etag }) {
    const row = await findConfigured(app.database, 'devices', params.id, who.accountId)
    if (!row) throw noSuch('device', params.id, who)
    etag(row.resourceSeq)
    return { data: shown(app, row, await ownRealm(app, app.database, who), who) }
  },

  createDevice: (call) =>
    configure(call, async (trx) => {
      const { password, row } = await create(trx, call)
      call.etag(row.resourceSeq)
      const realm = await ownRealm(call.app, trx, call.who)
      return { data: { ...shown(call.app, row, realm, call.who), ...(password !== null && { password }) } }
    }),

  updateDevice: (call) => update(call, call.body.data.id),
  patchDevice: (call) => update(call, call.params.id),

  deleteDevice: (call) =>
    configure(call, async (trx) => {
      const { who, params, actor } = call
      const row = await lockConfigured(trx, 'devices', params.id, who.accountId)
      if (!row) throw noSuch('device', params.id, who)
      call.expectVersion(row.resourceSeq)
      await refuseWhileUsed(trx, 'device', row.id)
      await deleteConfigured(trx, 'devices', row.id)
      await append(trx, {
        accountId: row.accountId,
        userId: row.ownerId,
        type: 'device.deleted',
        resourceId: row.id,
        resourceSeq: row.resourceSeq + 1,
        actor,
        data: { device: toDeviceState(row) },
      })
      await settlePresence(trx, [row.ownerId], actor)
      return { data: { id: row.id, device_id: row.id } }
    }),

  async listRegistrations({ app, who, query }) {
    const registrations = selectRegistrations(app.database, who.accountId)
      .$if(query.owner_id !== undefined, (rows) => rows.where('devices.ownerId', '=', query.owner_id ?? ''))
      .$if(query.device_id !== undefined, (rows) => rows.where('devices.id', '=', query.device_id ?? ''))
    const { rows, next } = await readPage(registrations, { ...query, sort: 'name' }, registrationSorts)
    return { data: rows.map(toRegistration), ...(next && { next }) }
  },

  async listDeviceStatus({ app, who, query }) {
    const devices = selectDeviceStatus(app.database, who.accountId)
      .$if(query.owner_id !== undefined, (rows) => rows.where('devices.ownerId', '=', query.owner_id ?? ''))
      .$if(query.device_id !== undefined, (rows) => rows.where('devices.id', '=', query.device_id ?? ''))
    const { rows, next } = await readPage(devices, { ...query, sort: 'created' }, sorts)
    return { data: Object.fromEntries(rows.map((row) => [row.id, toDeviceStatus(row)])), ...(next && { next }) }
  },

  async listNetworks({ app }) {
    return { data: { networks: networksOf(app.config) } }
  },
}

const sorts = { id: sql<string>`id`, sorts: { created: byCreation, name: byText(sql.ref('name')) } }
const registrationSorts = {
  id: sql<string>`registrations.binding || ' ' || devices.id`,
  sorts: { name: byText(sql.ref('devices.name')) },
}

async function ownRealm(app: App, db: Queries, who: Principal): Promise<string> {
  const account = await findAccount(db, who.accountId, who.accountId)
  if (!account) throw noSuch('account', who.accountId, who)
  return realmOf(account, app.host)
}

function shown(app: App, row: DeviceRow, realm: string, who: Principal) {
  const password = seesSecrets(who) ? secretsOf(app.vault, 'devices', row).password : undefined
  return toDevice(row, realm, password)
}

/** Without what is easily mistaken for something else. */
const letters = 'abcdefghjkmnpqrstuvwxyz23456789'
const draw = (length: number) => Array.from({ length }, () => letters[randomInt(letters.length)]).join('')

async function create(trx: Transaction<Tables>, call: Call<'createDevice'>) {
  const { app, who } = call
  const body: NewDevice = call.body.data
  await expectDeviceReferences(trx, who.accountId, body)
  const isGiven = typeof body.password === 'string' && !isMask(body.password)
  // 31^20 is 99 bits.
  const password = isGiven ? String(body.password) : draw(20)
  const id = newId()
  const row = await insertConfigured(trx, 'devices', {
    id,
    accountId: who.accountId,
    name: body.name,
    ownerId: body.owner_id ?? null,
    username: body.username ?? draw(10),
    isEnabled: body.enabled ?? true,
    musicOnHoldId: body.music_on_hold_id ?? null,
    externalId: body.external_id ?? null,
    settings: JSON.stringify(mergeSettings(standardDevice, {}, body)),
    secrets: app.vault.seal(`devices:${id}`, { password }),
    createdAt: new Date(app.clock()),
  })
  await append(trx, {
    accountId: row.accountId,
    userId: row.ownerId,
    type: 'device.created',
    resourceId: row.id,
    resourceSeq: row.resourceSeq,
    actor: call.actor,
    data: { device: toDeviceState(row) },
  })
  return { row, password: isGiven ? null : password }
}

async function expectDeviceReferences(trx: Transaction<Tables>, accountId: string, body: PatchDevice): Promise<void> {
  await expectReferences(trx, accountId, [{ field: 'data.owner_id', table: 'users', id: body.owner_id }])
  await expectMusic(trx, accountId, 'data.music_on_hold_id', body.music_on_hold_id)
}

const update = (call: Call<'updateDevice' | 'patchDevice'>, id: string) =>
  configure(call, async (trx) => {
    const { app, who } = call
    const before = await lockConfigured(trx, 'devices', id, who.accountId)
    if (!before) throw noSuch('device', id, who)
    call.expectVersion(before.resourceSeq)
    const body: PatchDevice = call.body.data
    keepObject(before, body)
    const after = await change(trx, call, before, body)
    call.etag(after.resourceSeq)
    return { data: shown(app, after, await ownRealm(app, trx, who), who) }
  })

async function change(
  trx: Transaction<Tables>,
  call: Call<'updateDevice' | 'patchDevice'>,
  before: DeviceRow,
  body: PatchDevice,
): Promise<DeviceRow> {
  await expectDeviceReferences(trx, before.accountId, body)
  // A device without a password could not register: null keeps it.
  const { columns, told } = mergeSecrets(call.app.vault, 'devices', before, { password: body.password ?? undefined })
  const wanted = {
    ...changesTo(before, {
      name: body.name ?? undefined,
      ownerId: body.owner_id,
      username: body.username ?? undefined,
      isEnabled: cleared(body.enabled, true),
      musicOnHoldId: body.music_on_hold_id,
      externalId: body.external_id,
      settings: JSON.stringify(mergeSettings(standardDevice, before.settings, body)),
    }),
    ...(columns.secrets && { secrets: columns.secrets }),
  }
  if (Object.keys(wanted).length === 0) return before
  const after = await updateConfigured(trx, 'devices', before.id, wanted)
  await append(trx, {
    accountId: after.accountId,
    userId: after.ownerId,
    type: 'device.updated',
    resourceId: after.id,
    resourceSeq: after.resourceSeq,
    actor: call.actor,
    data: { before: toDeviceState(before), after: toDeviceState(after), ...(told && { secrets: told }) },
  })
  if (after.ownerId !== before.ownerId) await settlePresence(trx, [before.ownerId, after.ownerId], call.actor)
  return after
}
