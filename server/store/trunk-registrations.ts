/** Bindings of trunks that register here, as the voice process keeps them over its restarts (T7). */
import type { Database } from './database.ts'
import type { BindingName, RegistrationRow } from './registrations.ts'

/** `deviceId` is the trunk's. */
export async function listTrunkRegistrations(database: Database, node: string): Promise<RegistrationRow[]> {
  const rows = await database.selectFrom('trunkRegistrations').select('registration').where('node', '=', node).execute()
  return rows.map(({ registration: { registeredAt, expiresAt, ...rest } }) => ({
    ...rest,
    registeredAt: new Date(registeredAt),
    expiresAt: new Date(expiresAt),
  }))
}

/** Writes and deletes bindings, all of them or none. A trunk that was deleted meanwhile has none. */
export async function writeTrunkRegistrations(
  database: Database,
  kept: readonly RegistrationRow[],
  gone: readonly BindingName[],
): Promise<void> {
  await database.transaction().execute(async (trx) => {
    for (const { deviceId, binding } of gone) {
      await trx
        .deleteFrom('trunkRegistrations')
        .where('trunkId', '=', deviceId)
        .where('binding', '=', binding)
        .execute()
    }
    if (kept.length === 0) return
    const trunks = await trx
      .selectFrom('trunks')
      .select('id')
      .where('id', 'in', [...new Set(kept.map(({ deviceId }) => deviceId))])
      .forKeyShare()
      .execute()
    const known = new Set(trunks.map(({ id }) => id))
    const rows = kept.filter(({ deviceId }) => known.has(deviceId))
    if (rows.length === 0) return
    await trx
      .insertInto('trunkRegistrations')
      .values(
        rows.map((row) => ({
          trunkId: row.deviceId,
          binding: row.binding,
          registration: JSON.stringify(row),
          node: row.node,
        })),
      )
      .onConflict((conflict) =>
        conflict.columns(['trunkId', 'binding']).doUpdateSet((is) => ({
          registration: is.ref('excluded.registration'),
          node: is.ref('excluded.node'),
        })),
      )
      .execute()
  })
}
