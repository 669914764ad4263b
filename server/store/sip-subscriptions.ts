/** Subscriptions of phones, as the voice process keeps them over its restarts (T7). Times are of the wall clock. */
import { sql } from 'kysely'
import type { SubscriptionState } from '../../engine/sip/subscriptions.ts'
import type { Hop } from '../../engine/sip/hop.ts'
import type { Database } from './database.ts'

/** Of a statement, which ends at 65,535 parameters. */
const mostRows = 1_000

export async function listSipSubscriptions(database: Database, node: string): Promise<SubscriptionState[]> {
  const rows = await database.selectFrom('sipSubscriptions').selectAll().where('node', '=', node).execute()
  return rows.map((row) => ({
    id: row.id,
    accountId: row.accountId,
    deviceId: row.deviceId,
    event: row.event,
    resource: row.resource,
    dialog: {
      callId: row.callId,
      localTag: row.localTag,
      remoteTag: row.remoteTag,
      local: row.localUri,
      remote: row.remoteUri,
      localCseq: row.localCseq,
      remoteCseq: row.remoteCseq,
      target: row.remoteTarget,
      routes: row.routeSet,
    },
    source: row.flow as Hop, // as it is written below
    version: row.documentVersion,
    expiresAt: row.expiresAt.getTime(),
  }))
}

/** Writes and deletes subscriptions, all of them or none. A device that was deleted meanwhile has none. */
export async function writeSipSubscriptions(
  database: Database,
  node: string,
  kept: readonly SubscriptionState[],
  gone: readonly string[],
): Promise<void> {
  await database.transaction().execute(async (trx) => {
    if (gone.length > 0)
      await trx.deleteFrom('sipSubscriptions').where('id', '=', sql<string>`any(${gone}::text[])`).execute()
    if (kept.length === 0) return
    const devices = await trx
      .selectFrom('devices')
      .select('id')
      .where('id', '=', sql<string>`any(${[...new Set(kept.map(({ deviceId }) => deviceId))]}::text[])`)
      .forKeyShare()
      .execute()
    const known = new Set(devices.map(({ id }) => id))
    const rows = kept.filter(({ deviceId }) => known.has(deviceId)).map((state) => toRow(state, node))
    for (let at = 0; at < rows.length; at += mostRows) {
      await trx
        .insertInto('sipSubscriptions')
        .values(rows.slice(at, at + mostRows))
        .onConflict((conflict) =>
          conflict.column('id').doUpdateSet((is) => ({
            localCseq: is.ref('excluded.localCseq'),
            remoteCseq: is.ref('excluded.remoteCseq'),
            remoteTarget: is.ref('excluded.remoteTarget'),
            flow: is.ref('excluded.flow'),
            documentVersion: is.ref('excluded.documentVersion'),
            expiresAt: is.ref('excluded.expiresAt'),
            node: is.ref('excluded.node'),
          })),
        )
        .execute()
    }
  })
}

const toRow = ({ dialog, source, version, expiresAt, ...state }: SubscriptionState, node: string) => ({
  ...state,
  callId: dialog.callId,
  localTag: dialog.localTag,
  remoteTag: dialog.remoteTag,
  localCseq: dialog.localCseq,
  remoteCseq: dialog.remoteCseq,
  localUri: dialog.local,
  remoteUri: dialog.remote,
  remoteTarget: dialog.target,
  routeSet: JSON.stringify(dialog.routes),
  flow: JSON.stringify(source),
  // The first document is on its way when a subscription is written.
  documentVersion: Math.max(0, version),
  expiresAt: new Date(expiresAt),
  node,
})
