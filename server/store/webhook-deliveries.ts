/** Deliveries and replays: rows, how they are found, and what readers see of them. */
import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import type { z } from 'zod'
import type { Delivery, Replay } from '../../contract/webhook-delivery.ts'
import { formatCursor, logEventColumns, toLogEvent } from '../events/log-event.ts'
import type { Queries } from './accounts.ts'
import type { DeliveryRow, ReplayRow } from './webhooks.ts'

let lastAt = 0
let count = 0

/**
 * Begins with the time and counts within a millisecond: ids sort by creation, which is the order that deliveries are
 * sent in, and old ones are found by their ids.
 */
export function newDeliveryId(now: number): string {
  if (now > lastAt || count === 0xffff) {
    lastAt = Math.max(now, lastAt + 1)
    count = 0
  } else count += 1
  return `${deliveryIdAt(lastAt)}${count.toString(16).padStart(4, '0')}${randomBytes(4).toString('hex')}`
}

/** Before every id of that moment, behind every older one. */
export const deliveryIdAt = (now: number): string => `dlv_${Math.max(0, now).toString(16).padStart(12, '0')}`

export const toDelivery = (row: DeliveryRow): z.output<typeof Delivery> => ({
  id: row.id,
  webhook_id: row.webhookId,
  kind: row.kind,
  status: row.status,
  event: {
    id: row.eventId,
    type: row.eventType,
    account_id: row.eventAccountId,
    resource: { type: row.resourceType, id: row.resourceId },
    cursor: row.position === null ? null : formatCursor(row.position),
  },
  attempt_count: row.attemptCount,
  next_attempt_at: row.nextAttemptAt?.toISOString() ?? null,
  last_status: row.lastStatus,
  last_error: row.lastError,
  created: row.createdAt.toISOString(),
  finished_at: row.finishedAt?.toISOString() ?? null,
})

export const findDelivery = (db: Queries, webhookId: string, id: string): Promise<DeliveryRow | undefined> =>
  db
    .selectFrom('webhookDeliveries')
    .selectAll()
    .where('webhookId', '=', webhookId)
    .where('id', '=', id)
    .executeTakeFirst()

/** The event as every reader gets it; null: the log does not hold it any more. */
export async function readEventText(
  db: Queries,
  { body, position, recordedAt }: Pick<DeliveryRow, 'body' | 'position' | 'recordedAt'>,
): Promise<string | null> {
  if (body !== null || position === null || recordedAt === null) return body
  const row = await db
    .selectFrom('events')
    .select(logEventColumns)
    .where('position', '=', position)
    .where('recordedAt', '=', recordedAt)
    .executeTakeFirst()
  return row ? toLogEvent(row).text : null
}

export const toReplay = (row: ReplayRow): z.output<typeof Replay> => ({
  id: row.id,
  webhook_id: row.webhookId,
  status: row.status,
  total: row.total,
  queued: row.queued,
  created: row.createdAt.toISOString(),
  finished_at: row.finishedAt?.toISOString() ?? null,
})

export const keptDeliveryDays = 30
const dayMs = 86_400_000
const mostDropped = 5_000

/** Deliveries that are over are kept for 30 days, replays too. */
export async function dropOldDeliveries(db: Queries, now: number): Promise<void> {
  const before = deliveryIdAt(now - keptDeliveryDays * dayMs)
  const webhooks = await db.selectFrom('webhooks').select('id').execute()
  for (const { id } of webhooks) {
    for (let dropped = mostDropped; dropped === mostDropped; ) {
      const { numAffectedRows = 0n } = await sql`
        delete from webhook_deliveries where webhook_id = ${id} and id in (
          select id from webhook_deliveries
          where webhook_id = ${id} and id < ${before} and status <> 'pending' order by id limit ${mostDropped}
        )`.execute(db)
      dropped = Number(numAffectedRows)
    }
  }
  await db
    .deleteFrom('webhookReplays')
    .where('finishedAt', '<', new Date(now - keptDeliveryDays * dayMs))
    .execute()
}
