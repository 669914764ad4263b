/** The event log by its own API, and as it grows. */
import { z } from 'zod'
import { defineOperations } from './define.ts'
import { Event, EventFilter, EventId, EventTypeInfo, ExportFilter } from './event.ts'
import { examples } from './examples.ts'
import { StreamFilter } from './realtime.ts'
import { creating, dataOf, listing, readErrors } from './resource.ts'
import { Id } from './values.ts'

const { ids } = examples
const log = { surface: 'telephony', tag: 'Events', method: 'GET' } as const
const reader = { kind: 'credential', scope: 'events', minRole: 'user' } as const
const logErrors = [...readErrors, 'cursor_expired'] as const

const event: z.output<typeof Event> = {
  id: '019a0000-0000-7000-8000-000000000001',
  seq: 1,
  cursor: 'c1',
  type: 'meeting.started',
  account_id: ids.account,
  resource: { type: 'meeting', id: ids.meeting },
  resource_seq: 2,
  occurred_at: '2026-05-04T09:01:00.000Z',
  recorded_at: '2026-05-04T09:01:00.003Z',
  actor: null,
  correlation_id: null,
  schema_version: 1,
  data: { meetingId: '9974-7653-8886-0485', at: '2026-05-04T09:01:00.000Z' },
}

export const eventOperations = defineOperations({
  listEvents: {
    ...log,
    path: '/v3.0/events',
    access: reader,
    summary: 'Read the event log, oldest first; `wait` makes it a long poll',
    query: EventFilter,
    result: z.object({
      data: z.array(Event).meta({ description: 'At most `limit`; fewer where they are large.' }),
      next: z.string().meta({ description: 'The cursor to give as `after` next time, also when `data` is empty.' }),
    }),
    errors: logErrors,
    example: { result: { data: [event], next: 'c1' } },
  },
  getEvent: {
    ...log,
    path: '/v3.0/events/{id}',
    access: reader,
    summary: 'Read one event',
    params: z.object({ id: EventId }),
    result: dataOf(Event),
    errors: readErrors,
    example: { result: { data: event } },
  },
  exportEvents: {
    ...log,
    path: '/v3.0/events/export',
    access: reader,
    summary: 'Export the event log as NDJSON or CSV',
    description:
      'Everything that the filter finds until now, as one file. `X-Total-Count` says how many lines will come (without the CSV’s head): what arrived of them is the progress. An export that ends early is cut off in the middle of the transfer.',
    query: ExportFilter,
    mediaType: 'application/x-ndjson',
    isStream: true,
    result: z.string(),
    errors: logErrors,
    example: { result: `${JSON.stringify(event)}\n` },
  },
  listEventTypes: listing({
    tag: 'Events',
    scope: 'events',
    minRole: 'user',
    path: '/v3.0/event_types',
    summary: 'List the types of events, with the schema of each',
    query: z.strictObject({}),
    data: z.array(EventTypeInfo),
    example: [
      {
        type: 'user.password_set',
        summary: 'A password was set through a one-time link.',
        resource: 'user',
        scope: 'account',
        schema_version: 1,
        schema: { type: 'object', properties: { userId: { type: 'string' } }, required: ['userId'] },
        example: { userId: ids.user },
      },
    ],
  }),
  eraseEvents: creating({
    tag: 'Events',
    scope: 'account',
    path: '/v3.0/events/erasures',
    summary: 'Erase what the log of the account tells of a person',
    description:
      'Data, actors and addresses of all events that concern the person are erased for ever; envelopes and `seq` stay, and `event.redacted` tells how many. What the person does afterwards is told again.',
    body: z
      .strictObject({ user_id: Id.meta({ description: 'Of a person who is or was in the account.' }) })
      .meta({ id: 'NewErasure' }),
    data: z.object({ user_id: Id, events: z.int().meta({ description: 'How many events were erased.' }) }),
    asked: { user_id: ids.user },
    example: { user_id: ids.user, events: 3 },
  }),
  streamEvents: {
    surface: 'telephony',
    tag: 'Realtime',
    method: 'GET',
    path: '/v3.0/realtime/stream',
    access: { kind: 'credential', scope: 'realtime', minRole: 'user' },
    summary: 'Follow the event log (Server-Sent Events)',
    description:
      'Each frame’s `data` is `{"prev", "event"}` and its `id` the event’s cursor; `prev` is the cursor of the frame before it, or where the stream began. Every 15 seconds a frame of an `id` alone moves on past what does not match. Come back with `Last-Event-ID`, or `after`. The last frame is named `end` and says why. Types that are asked for need their scope.',
    query: StreamFilter,
    mediaType: 'text/event-stream',
    isStream: true,
    result: z.string(),
    errors: logErrors,
    example: { result: `id: c1\ndata: ${JSON.stringify({ prev: 'c0', event })}\n\n` },
  },
})
