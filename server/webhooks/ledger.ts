/**
 * What the sending process writes down, in batches, one statement each, on the connection that holds the lock: a process
 * that lost the lock writes nothing any more.
 */
import type pg from 'pg'
import type { Attempt } from '../../contract/webhook-delivery.ts'
import type { LogEvent } from '../events/log-event.ts'
import { newDeliveryId } from '../store/webhook-deliveries.ts'
import type { KeptResponse } from '../store/webhook-tables.ts'
import type { Pending } from './endpoint.ts'

export interface NewDelivery extends Pending {
  readonly webhookId: string
}

export const toNewDelivery = (
  webhookId: string,
  event: LogEvent,
  now: number,
  kind: 'event' | 'replay' = 'event',
): NewDelivery => ({
  webhookId,
  id: newDeliveryId(now),
  kind,
  eventId: event.id,
  eventType: event.type,
  eventAccountId: event.accountId,
  position: event.position,
  recordedAt: new Date(event.recordedAt),
  resourceType: event.resourceType,
  resourceId: event.resourceId,
  attemptCount: 0,
  nextAttemptAt: new Date(now),
  text: event.text,
})

/** How far the log was read for a webhook. */
export interface Advance {
  readonly webhookId: string
  readonly before: number
  readonly after: number
}

export interface Outcome {
  readonly webhookId: string
  readonly id: string
  readonly status: 'pending' | 'delivered' | 'failed'
  readonly attemptCount: number
  readonly nextAttemptAt: Date | null
  readonly finishedAt: Date | null
  readonly attempt: Attempt
  readonly response: KeptResponse | null
}

export interface Health {
  readonly webhookId: string
  readonly failingSince: Date | null
  readonly lastSuccessAt: Date | null
}

/**
 * Deliveries appear in the statement that moves the cursor past their events. Answers the webhooks whose cursor moved: not
 * those that were stopped, deleted or set elsewhere meanwhile, and of these no delivery is there either.
 */
export async function writeIntake(
  client: pg.ClientBase,
  advances: readonly Advance[],
  deliveries: readonly NewDelivery[],
  now: Date,
): Promise<Set<string>> {
  const { rows } = await client.query<{ webhook_id: string }>({
    name: 'webhook-intake',
    text: intakeStatement,
    values: [
      advances.map((one) => one.webhookId),
      advances.map((one) => one.before),
      advances.map((one) => one.after),
      ...columnsOf(deliveries),
      now,
    ],
  })
  return new Set(rows.map((row) => row.webhook_id))
}

const columnsOf = (deliveries: readonly NewDelivery[]) => [
  deliveries.map((one) => one.webhookId),
  deliveries.map((one) => one.id),
  deliveries.map((one) => one.kind),
  deliveries.map((one) => one.position),
  deliveries.map((one) => one.recordedAt),
  deliveries.map((one) => one.eventId),
  deliveries.map((one) => one.eventType),
  deliveries.map((one) => one.eventAccountId),
  deliveries.map((one) => one.resourceType),
  deliveries.map((one) => one.resourceId),
]

const given = (from: number) => `
  unnest($${from}::text[], $${from + 1}::text[], $${from + 2}::text[], $${from + 3}::bigint[], $${from + 4}::timestamptz[],
    $${from + 5}::uuid[], $${from + 6}::text[], $${from + 7}::text[], $${from + 8}::text[], $${from + 9}::text[])
  as given (webhook_id, id, kind, position, recorded_at, event_id, event_type, event_account_id, resource_type, resource_id)`
const insertInto = `
  insert into webhook_deliveries (webhook_id, id, kind, position, recorded_at, event_id, event_type, event_account_id,
    resource_type, resource_id, next_attempt_at, created_at)`

const intakeStatement = `
  with alive as (
    -- Waits for whoever is changing one of them, and then sees what it is.
    select id from webhooks where id = any($1::text[]) and is_enabled for share
  ), moved as (
    update webhook_states set position = advance.after
    from unnest($1::text[], $2::bigint[], $3::bigint[]) as advance (webhook_id, before, after), alive
    where webhook_states.webhook_id = advance.webhook_id and alive.id = advance.webhook_id
      and webhook_states.position = advance.before
    returning webhook_states.webhook_id
  ), made as (
    ${insertInto}
    select given.*, $14::timestamptz, $14::timestamptz from ${given(4)} join moved on moved.webhook_id = given.webhook_id
  )
  select webhook_id from moved`

/** The same for a replay: false when it was ended or deleted meanwhile. */
export async function writeReplay(
  client: pg.ClientBase,
  replay: { readonly id: string; readonly before: string; readonly after: string; readonly isDone: boolean },
  deliveries: readonly NewDelivery[],
  now: Date,
): Promise<boolean> {
  const { rows } = await client.query({
    name: 'webhook-replay',
    text: replayStatement,
    values: [replay.id, replay.before, replay.after, replay.isDone, ...columnsOf(deliveries), now, deliveries.length],
  })
  return rows.length > 0
}

const moveReplay = `
  update webhook_replays set after = $3, queued = queued + $16::bigint,
    status = case when $4::boolean then 'done' else status end,
    finished_at = case when $4::boolean then $15::timestamptz end
  where id = $1 and status = 'running' and after = $2
  returning id, webhook_id`

const replayStatement = `
  with moved as (${moveReplay}), made as (
    ${insertInto}
    select given.*, $15::timestamptz, $15::timestamptz from ${given(5)} join moved on moved.webhook_id = given.webhook_id
  )
  select id from moved`

/** Deliveries that failed or were cancelled wait again; the answer is what became pending, in its order. */
export async function writeRetries(
  client: pg.ClientBase,
  replay: { readonly id: string; readonly webhookId: string; readonly after: string; readonly until: string },
  since: Date,
  { limit, now }: { readonly limit: number; readonly now: Date },
): Promise<DeliveryColumns[]> {
  const { rows } = await client.query<DeliveryColumns>({
    name: 'webhook-retries',
    text: retriesStatement,
    values: [replay.webhookId, replay.after, replay.until, since, limit, now, replay.id],
  })
  return rows.sort((one, other) => (one.id < other.id ? -1 : 1))
}

export type DeliveryColumns = Omit<Pending, 'text'> & { readonly body: string | null }
const pendingColumns = `id, kind, event_id as "eventId", event_type as "eventType",
  event_account_id as "eventAccountId", position, recorded_at as "recordedAt", resource_type as "resourceType",
  resource_id as "resourceId", attempt_count as "attemptCount", next_attempt_at as "nextAttemptAt", body`

const retriesStatement = `
  with chosen as (
    select id from webhook_deliveries
    where webhook_id = $1 and id > $2 and id < $3 and status in ('failed', 'cancelled') and kind <> 'test'
      and created_at >= $4
    order by id limit $5
  ), last as (select max(id) as id, count(*) as count from chosen), moved as (
    update webhook_replays set after = coalesce(last.id, after), queued = queued + last.count,
      status = case when last.count < $5 then 'done' else status end,
      finished_at = case when last.count < $5 then $6::timestamptz end
    from last where webhook_replays.id = $7 and status = 'running' and after = $2
    returning webhook_replays.id
  )
  update webhook_deliveries set status = 'pending', attempt_count = 0, next_attempt_at = $6, finished_at = null
  from chosen where webhook_id = $1 and webhook_deliveries.id = chosen.id and exists (select from moved)
  returning webhook_deliveries.${pendingColumns}`

export async function readPending(client: pg.ClientBase, webhookId: string): Promise<DeliveryColumns[]> {
  const { rows } = await client.query<DeliveryColumns>({
    name: 'webhook-pending',
    text: `select ${pendingColumns} from webhook_deliveries where webhook_id = $1 and status = 'pending' order by id`,
    values: [webhookId],
  })
  return rows
}

/** What became of attempts. A delivery that was cancelled meanwhile stays so. */
export async function writeOutcomes(client: pg.ClientBase, outcomes: readonly Outcome[]): Promise<void> {
  if (outcomes.length === 0) return
  await client.query({
    name: 'webhook-outcomes',
    text: outcomesStatement,
    values: [
      outcomes.map((one) => one.webhookId),
      outcomes.map((one) => one.id),
      outcomes.map((one) => one.status),
      outcomes.map((one) => one.attemptCount),
      outcomes.map((one) => one.nextAttemptAt),
      outcomes.map((one) => one.finishedAt),
      outcomes.map((one) => one.attempt.status),
      outcomes.map((one) => one.attempt.error),
      outcomes.map((one) => JSON.stringify(one.attempt)),
      outcomes.map((one) => one.response && JSON.stringify(one.response)),
    ],
  })
}

const mostAttempts = 30

const outcomesStatement = `
  update webhook_deliveries as delivery set
    status = given.status, attempt_count = given.attempt_count, next_attempt_at = given.next_attempt_at,
    finished_at = given.finished_at, last_status = given.last_status, last_error = given.last_error,
    attempts = case when jsonb_array_length(attempts) < ${mostAttempts} then attempts else attempts - 0 end || given.attempt,
    response = given.response
  from unnest($1::text[], $2::text[], $3::text[], $4::integer[], $5::timestamptz[], $6::timestamptz[], $7::integer[],
    $8::text[], $9::jsonb[], $10::jsonb[]) as given (webhook_id, id, status, attempt_count, next_attempt_at, finished_at,
    last_status, last_error, attempt, response)
  where delivery.webhook_id = given.webhook_id and delivery.webhook_id = any($1::text[])
    and delivery.id = given.id and delivery.id = any($2::text[]) and delivery.status = 'pending'`

export async function writeHealth(client: pg.ClientBase, health: readonly Health[]): Promise<void> {
  if (health.length === 0) return
  await client.query({
    name: 'webhook-health',
    text: `update webhook_states set failing_since = given.failing_since,
             last_success_at = coalesce(given.last_success_at, webhook_states.last_success_at)
           from unnest($1::text[], $2::timestamptz[], $3::timestamptz[]) as given (webhook_id, failing_since, last_success_at)
           where webhook_states.webhook_id = given.webhook_id`,
    values: [
      health.map((one) => one.webhookId),
      health.map((one) => one.failingSince),
      health.map((one) => one.lastSuccessAt),
    ],
  })
}
