/** Bindings of devices, as the voice process keeps them over its restarts (T7). */
import { type Selectable, sql, type Transaction } from 'kysely'
import type { InboxRow } from '../events/inbox.ts'
import type { Database, Tables } from './database.ts'
import { settlePresence } from './presence.ts'
import { columns, insertEvents, recordset, toJson } from './recordset.ts'
import type { CallTables } from './telephony-tables.ts'

export type RegistrationRow = Omit<
  Selectable<CallTables['registrations']>,
  'registeredAt' | 'expiresAt' | 'resourceSeq'
> & {
  readonly registeredAt: Date
  readonly expiresAt: Date
}

export interface BindingName {
  readonly deviceId: string
  readonly binding: string
}

export const listRegistrations = (database: Database, node: string): Promise<RegistrationRow[]> =>
  database.selectFrom('registrations').selectAll().where('node', '=', node).execute()

const bindingTypes = {
  device_id: 'text',
  binding: 'text',
  account_id: 'text',
  aor: 'text',
  contact: 'text',
  instance: 'text',
  reg_id: 'integer',
  call_id: 'text',
  cseq: 'bigint',
  path: 'jsonb',
  flow: 'jsonb',
  transport: 'text',
  user_agent: 'text',
  contact_ip: 'text',
  contact_port: 'integer',
  registered_at: 'timestamptz',
  expires_at: 'timestamptz',
  node: 'text',
} as const
/** Of a binding that is there already; `registered_at` is of its beginning. */
const constant = new Set(['device_id', 'binding', 'account_id', 'registered_at'])
const changing = Object.keys(bindingTypes).filter((name) => !constant.has(name))

const toBindingRow = (row: RegistrationRow): Record<keyof typeof bindingTypes, unknown> => ({
  device_id: row.deviceId,
  binding: row.binding,
  account_id: row.accountId,
  aor: row.aor,
  contact: row.contact,
  instance: row.instance,
  reg_id: row.regId,
  call_id: row.callId,
  cseq: row.cseq,
  path: row.path,
  flow: row.flow,
  transport: row.transport,
  user_agent: row.userAgent,
  contact_ip: row.contactIp,
  contact_port: row.contactPort,
  registered_at: row.registeredAt,
  expires_at: row.expiresAt,
  node: row.node,
})

/** Writes and deletes bindings with what is told of them, all or nothing. A device that was deleted meanwhile has none. */
export async function writeRegistrations(
  database: Database,
  kept: readonly RegistrationRow[],
  gone: readonly BindingName[],
  events: readonly InboxRow[],
): Promise<void> {
  await database.transaction().execute(async (trx) => {
    const owners = await ownersOf(trx, events)
    await writeBindings(trx, kept, gone)
    await countUp(trx, events)
    await insertEvents(trx, events)
    await settlePresence(trx, owners, null)
  })
}

/** Of the devices that the events tell of; nobody gives them to another until the transaction ends. */
async function ownersOf(trx: Transaction<Tables>, events: readonly InboxRow[]): Promise<(string | null)[]> {
  const ids = [...new Set(events.map(({ resourceId }) => resourceId))]
  if (ids.length === 0) return []
  const devices = await trx
    .selectFrom('devices')
    .select('ownerId')
    .where('id', '=', sql<string>`any(${ids}::text[])`)
    .orderBy('id')
    .forShare()
    .execute()
  return devices.map(({ ownerId }) => ownerId)
}

async function writeBindings(
  trx: Transaction<Tables>,
  kept: readonly RegistrationRow[],
  gone: readonly BindingName[],
): Promise<void> {
  if (gone.length > 0) {
    const names = toJson(gone.map(({ deviceId, binding }) => ({ device_id: deviceId, binding })))
    await sql`
      delete from registrations g using ${recordset(names, { device_id: 'text', binding: 'text' })}
      where g.device_id = r.device_id and g.binding = r.binding`.execute(trx)
  }
  if (kept.length === 0) return
  const ids = [...new Set(kept.map(({ deviceId }) => deviceId))]
  const devices = await trx
    .selectFrom('devices')
    .select('id')
    .where('id', '=', sql<string>`any(${ids}::text[])`)
    .orderBy('id')
    .forKeyShare()
    .execute()
  const known = new Set(devices.map(({ id }) => id))
  const rows = toJson(kept.filter(({ deviceId }) => known.has(deviceId)).map(toBindingRow))
  await sql`
    insert into registrations (${sql.raw(columns(bindingTypes))})
    select ${sql.raw(columns(bindingTypes, 'r.'))} from ${recordset(rows, bindingTypes)}
    on conflict (device_id, binding) do update
    set ${sql.raw(changing.map((name) => `${name} = excluded.${name}`).join(', '))}`.execute(trx)
}

/** All bindings of a device have the version of its last event: what is seen of it is one thing (E4). */
async function countUp(trx: Transaction<Tables>, events: readonly InboxRow[]): Promise<void> {
  if (events.length === 0) return
  const versions = new Map(events.map(({ resourceId, resourceSeq }) => [resourceId, resourceSeq]))
  const rows = toJson([...versions].map(([device_id, version]) => ({ device_id, version })))
  await sql`
    update registrations g set resource_seq = r.version
    from ${recordset(rows, { device_id: 'text', version: 'bigint' })}
    where g.device_id = r.device_id`.execute(trx)
}
