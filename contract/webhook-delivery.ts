/** Deliveries: one event on its way to one webhook, with every attempt; and replays, which make many. */
import { z } from 'zod'
import { paging } from './telephony-values.ts'
import { EventPattern } from './webhook.ts'
import { Id, line, Timestamp, TimestampInput } from './values.ts'

export const DeliveryId = z
  .string()
  .regex(/^dlv_[0-9a-f]{24}$/, 'must be dlv_ and 24 hexadecimal digits')
  .meta({ id: 'DeliveryId' })

const DeliveryStatus = z.enum(['pending', 'delivered', 'failed', 'cancelled']).meta({
  id: 'DeliveryStatus',
  description:
    '`failed`: given up after ten attempts, or at once when the log does not hold the event any more, or the webhook may not get it any more. `cancelled`: the webhook was resumed without catching up.',
})

const Attempt = z
  .object({
    at: Timestamp,
    method: z.enum(['POST', 'PUT']),
    url: z.string(),
    status: z.int().nullable().meta({ description: 'Of the answer; null: there was none.' }),
    error: z.string().nullable().meta({ description: 'Why it was a failure; null: it was none.' }),
    duration_ms: z.int(),
  })
  .meta({ id: 'DeliveryAttempt' })
export type Attempt = z.output<typeof Attempt>

const shown = {
  id: DeliveryId,
  webhook_id: Id,
  kind: z.enum(['event', 'replay', 'test']).meta({ description: '`test`: an example, which is not in the log.' }),
  status: DeliveryStatus,
  event: z
    .object({
      id: z.uuid(),
      type: z.string(),
      account_id: Id,
      resource: z.object({ type: z.string(), id: z.string() }),
      cursor: z.string().nullable().meta({ description: 'Null: of a test.' }),
    })
    .meta({ description: '`id` is `webhook-id`: the same with every attempt, resend and replay.' }),
  attempt_count: z.int().meta({ description: 'Since the last resend.' }),
  next_attempt_at: Timestamp.nullable().meta({ description: 'Null: there is none, or the webhook is stopped.' }),
  last_status: z.int().nullable(),
  last_error: z.string().nullable(),
  created: Timestamp,
  finished_at: Timestamp.nullable(),
}
export const Delivery = z.object(shown).meta({ id: 'Delivery' })

export const DeliveryDetail = z
  .object({
    ...shown,
    attempts: z.array(Attempt).meta({ description: 'The newest 30, oldest first.' }),
    request: z
      .object({
        method: z.enum(['POST', 'PUT']),
        url: z.string(),
        headers: z.record(z.string(), z.string()).meta({ description: 'Values of own headers are masked.' }),
        body: z.string().nullable().meta({
          description:
            'Null: the credential may not read events of this family or account, or the log does not hold it any more.',
        }),
      })
      .meta({ description: 'The last attempt, or the next when there was none.' }),
    response: z
      .object({
        headers: z.record(z.string(), z.string()),
        body: z.string().nullable().meta({
          description: 'The first 4 KB. Null: the credential may not read the event, which it may repeat.',
        }),
      })
      .nullable()
      .meta({ description: 'To the last attempt; null: there was none, or the event was erased.' }),
  })
  .meta({ id: 'DeliveryDetail' })

export const DeliveryFilter = z.strictObject({
  limit: paging.limit,
  cursor: paging.cursor,
  status: DeliveryStatus.optional(),
  event_type: EventPattern.optional(),
  event_id: z.uuid().optional(),
  since: TimestampInput.optional().meta({ description: 'Created at or after this.' }),
  until: TimestampInput.optional().meta({ description: 'Created before this.' }),
})

export const TestWebhook = z
  .strictObject({
    event_type: line(100).optional().meta({
      description: 'The example of this type from the catalogue is sent. Default: the first type of the webhook.',
    }),
  })
  .meta({ id: 'TestWebhook' })

export const ReplayWebhook = z
  .strictObject({
    failed_since: TimestampInput.optional().meta({
      description: 'Sends again every delivery since then that failed or was cancelled. Goes with no other field.',
    }),
    event_types: z
      .array(EventPattern)
      .min(1)
      .max(200)
      .optional()
      .meta({ description: 'Default: those of the webhook.' }),
    resource: z
      .string()
      .max(200)
      .regex(/^[a-z_]+(:.+)?$/, 'must be a kind such as meeting, or meeting:<id>')
      .optional(),
    since: TimestampInput.optional().meta({ description: 'Recorded at or after this.' }),
    until: TimestampInput.optional().meta({ description: 'Recorded before this. Default: now.' }),
    after: z.string().max(100).optional().meta({ description: 'Behind this cursor. Default: the oldest event kept.' }),
  })
  .refine(
    ({ failed_since, ...filter }) =>
      (failed_since === undefined) !== Object.values(filter).every((value) => value === undefined),
    { path: ['failed_since'], error: 'give this, or a filter of events: event_types, resource, since, until or after' },
  )
  .meta({ id: 'ReplayWebhook' })
export type ReplayWebhook = z.output<typeof ReplayWebhook>

export const Replay = z
  .object({
    id: z.string(),
    webhook_id: Id,
    status: z
      .enum(['running', 'done', 'cancelled'])
      .meta({ description: '`cancelled`: the webhook was resumed without catching up.' }),
    total: z.int().meta({
      description:
        'How many deliveries or events there were to look at when it began; `filters` of the webhook may leave some out.',
    }),
    queued: z.int().meta({ description: 'How many of them were put up for delivery so far.' }),
    created: Timestamp,
    finished_at: Timestamp.nullable(),
  })
  .meta({ id: 'Replay' })
