/** The event's envelope as readers see it, and what they may ask for. */
import { z } from 'zod'
import { ScopeName } from './access.ts'
import { Id, JsonValue, Timestamp, TimestampInput } from './values.ts'

export const Actor = z
  .object({
    type: z.enum(['key', 'user', 'participant', 'system']),
    id: z.string().nullable(),
    on_behalf_of: z.string().optional().meta({ description: 'The user or account acted for.' }),
    ip: z.string().optional(),
  })
  .meta({ id: 'Actor' })
export type Actor = z.output<typeof Actor>

export const Cursor = z
  .string()
  .meta({ id: 'Cursor', description: 'A place in the log: opaque, and valid with every filter and on every surface.' })

export const Event = z
  .object({
    id: z.uuid().meta({ description: 'UUIDv7.' }),
    seq: z.int().meta({ description: 'Counts the events of the account, without gaps.' }),
    cursor: Cursor.meta({ description: 'Opaque: give it as `after` to go on from here.' }),
    type: z.string(),
    account_id: Id,
    resource: z.object({ type: z.string(), id: z.string() }),
    resource_seq: z.int().meta({ description: 'The version of the resource; older than what you hold: ignore it.' }),
    occurred_at: Timestamp,
    recorded_at: Timestamp,
    actor: Actor.nullable(),
    correlation_id: z.string().nullable(),
    schema_version: z.int(),
    data: JsonValue.meta({ description: 'As the catalogue says for this type; null after an erasure.' }),
  })
  .meta({ id: 'Event' })
export type Event = z.output<typeof Event>

export const EventFilter = z.strictObject({
  after: z
    .string()
    .max(100)
    .optional()
    .meta({ description: 'A cursor, or `now`. Absent: the oldest event that is kept.' }),
  type: z
    .string()
    .max(1000)
    .regex(
      /^[a-z_]+(\.[a-z_]+|\.\*)?(,[a-z_]+(\.[a-z_]+|\.\*)?)*$/,
      'must be types such as meeting.started or meeting.*',
    )
    .optional()
    .meta({ description: 'Types, comma-separated; `meeting.*` for a family.' }),
  resource: z
    .string()
    .max(200)
    .regex(/^[a-z_]+(:.+)?$/, 'must be a kind such as meeting, or meeting:<id>')
    .optional()
    .meta({ description: '`meeting`, or `meeting:<id>`.' }),
  correlation_id: z
    .string()
    .min(1)
    .max(100)
    .optional()
    .meta({ description: 'What one command caused: its `command_id`.' }),
  account: z
    .union([z.enum(['self', 'tree']), Id])
    .optional()
    .meta({
      description: '`self` (default), a descendant’s id, or `tree`. The latter two need the scope `subaccounts`.',
    }),
  since: TimestampInput.optional().meta({ description: 'Recorded at or after this.' }),
  until: TimestampInput.optional().meta({ description: 'Recorded before this.' }),
  limit: z.coerce.number().int().min(1).max(1000).optional().meta({ description: 'Default 100.' }),
  wait: z.coerce
    .number()
    .int()
    .min(0)
    .max(60)
    .optional()
    .meta({ description: 'Seconds to wait for the first event when there is none.' }),
})
export type EventFilter = z.output<typeof EventFilter>

export const EventId = z.uuid().meta({ id: 'EventId' })

/** The whole of what a filter finds, up to now. */
export const ExportFilter = EventFilter.omit({ limit: true, wait: true }).extend({
  format: z.enum(['ndjson', 'csv']).optional().meta({
    description:
      '`ndjson` (default): an event a line, as the list shows it. `csv`: a row each, RFC 4180; what a spreadsheet would take for a formula begins with an apostrophe.',
  }),
})

export const EventTypeInfo = z
  .object({
    type: z.string(),
    summary: z.string(),
    resource: z.string().meta({ description: 'The kind of object it tells of, as in `resource.type`.' }),
    scope: ScopeName.meta({ description: 'What a reader needs besides `events`, `realtime` or `webhooks`.' }),
    schema_version: z.int(),
    schema: z.record(z.string(), JsonValue).meta({ description: 'JSON Schema (2020-12) of `data`.' }),
    example: JsonValue.meta({ description: 'Of `data`.' }),
  })
  .meta({ id: 'EventTypeInfo' })
export type EventTypeInfo = z.output<typeof EventTypeInfo>
