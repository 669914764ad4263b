/** Bindings of devices, as the voice process keeps them over its restarts (T7). */
import type { Selectable, Transaction } from 'kysely'
import type { InboxRow } from '../events/inbox.ts'
import type { Database, Tables } from './database.ts'
import { settlePresence } from './presence.ts'
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
    // All bindings of a device have its version: what is seen of it is one thing (E4).
    for (const { resourceId, resourceSeq } of events) {
      await trx.updateTable('registrations').set({ resourceSeq }).where('deviceId', '=', resourceId).execute()
    }
    if (events.length > 0)
      await trx
        .insertInto('eventInbox')
        .values([...events])
        .execute()
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
    .where('id', 'in', ids)
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
  for (const { deviceId, binding } of gone) {
    await trx.deleteFrom('registrations').where('deviceId', '=', deviceId).where('binding', '=', binding).execute()
  }
  if (kept.length === 0) return
  const devices = await trx
    .selectFrom('devices')
    .select('id')
    .where('id', 'in', [...new Set(kept.map(({ deviceId }) => deviceId))])
    .forKeyShare()
    .execute()
  const known = new Set(devices.map(({ id }) => id))
  const rows = kept.filter(({ deviceId }) => known.has(deviceId))
  if (rows.length === 0) return
  await trx
    .insertInto('registrations')
    .values(rows.map((row) => ({ ...row, path: JSON.stringify(row.path), flow: JSON.stringify(row.flow) })))
    .onConflict((conflict) =>
      conflict.columns(['deviceId', 'binding']).doUpdateSet((is) => ({
        aor: is.ref('excluded.aor'),
        contact: is.ref('excluded.contact'),
        instance: is.ref('excluded.instance'),
        regId: is.ref('excluded.regId'),
        callId: is.ref('excluded.callId'),
        cseq: is.ref('excluded.cseq'),
        path: is.ref('excluded.path'),
        flow: is.ref('excluded.flow'),
        transport: is.ref('excluded.transport'),
        userAgent: is.ref('excluded.userAgent'),
        contactIp: is.ref('excluded.contactIp'),
        contactPort: is.ref('excluded.contactPort'),
        expiresAt: is.ref('excluded.expiresAt'),
        node: is.ref('excluded.node'),
      })),
    )
    .execute()
}
