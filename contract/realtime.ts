/**
 * What is said on the streams: the frames of `GET /v3.0/realtime/stream` (Server-Sent Events) and of the WebSocket
 * `/v3.0/websockets/events`. Both carry the events of the log, from any cursor, and are gone on with at any cursor.
 *
 * Invariant (E3): `prev` is the cursor of the event before it on the same stream, or the one where the stream began. A
 * reader that holds another one missed something.
 */
import { z } from 'zod'
import { RoleName, ScopeName } from './access.ts'
import { type ErrorCode, errors } from './errors.ts'
import { Cursor, Event, EventFilter } from './event.ts'
import { Id, JsonValue, Timestamp } from './values.ts'

/** What a stream is asked for: as the list of events, without its pages. */
export const StreamFilter = EventFilter.omit({ limit: true, wait: true }).meta({ id: 'StreamFilter' })
export type StreamFilter = z.output<typeof StreamFilter>

export const endReasons = {
  session_invalid: 'The key, token or session ended or was revoked, or its rights changed.',
  slow_reader: 'It did not read for half a minute while there was something to send.',
  cursor_expired: 'It was behind what is kept: begin again, at `oldest` or with a snapshot.',
  unavailable: 'The server stops or cannot read the log: come back at the last cursor.',
} as const
export type EndReason = keyof typeof endReasons

/** Also `data` of the last Server-Sent Event, whose `event` is `end`. */
export const StreamEnd = z
  .object({
    reason: z.enum(Object.keys(endReasons) as [EndReason, ...EndReason[]]),
    message: z.string(),
    oldest: z.string().optional().meta({ description: 'With `cursor_expired`: the oldest cursor.' }),
  })
  .meta({ id: 'StreamEnd', description: 'The last that a stream says; each reason has its own remedy.' })
export type StreamEnd = z.output<typeof StreamEnd>

const told = {
  prev: Cursor.meta({ description: 'The event before it on this stream, or where it began.' }),
  event: Event,
}

/** `data` of a Server-Sent Event. The frame’s `id` is the event’s cursor; a frame of an `id` alone moves it on. */
export const SseEvent = z.object(told).meta({ id: 'SseEvent' })

const SubscriptionId = z
  .string()
  .min(1)
  .max(64)
  .meta({ description: 'Chosen by the client; names the subscription in all frames.' })
const CallFrameId = z.string().min(1).max(64).meta({ description: 'Chosen by the client; the result carries it.' })

export const clientFrames = {
  authenticate: z
    .strictObject({
      type: z.literal('authenticate'),
      api_key: z.string().min(1).max(500).optional(),
      token: z.string().min(1).max(500).optional(),
      account_id: Id.optional().meta({ description: 'Act in this account below the own one, as `X-Account-ID`.' }),
      user_id: Id.optional().meta({ description: 'With a key: act for this person, as `X-USER-ID`.' }),
    })
    .refine(({ api_key, token }) => (api_key === undefined) !== (token === undefined), {
      message: 'must be given, or else `token`',
      path: ['api_key'],
    })
    .meta({
      id: 'AuthenticateFrame',
      description: 'Within 5 s, unless a cookie did; again at any time, before the credential ends.',
    }),
  subscribe: z
    .strictObject({
      type: z.literal('subscribe'),
      id: SubscriptionId,
      after: StreamFilter.shape.after,
      filter: StreamFilter.omit({ after: true }).optional().meta({ description: 'Default: all that may be read.' }),
    })
    .meta({ id: 'SubscribeFrame', description: 'Events from a cursor on. Needs `realtime` and the family’s scope.' }),
  unsubscribe: z.strictObject({ type: z.literal('unsubscribe'), id: SubscriptionId }).meta({ id: 'UnsubscribeFrame' }),
  call: z
    .strictObject({
      type: z.literal('call'),
      id: CallFrameId,
      operation: z.string().max(100).meta({ description: 'An `operationId` whose scope is `calls:control`.' }),
      params: z.record(z.string(), JsonValue).optional(),
      query: z.record(z.string(), JsonValue).optional(),
      body: JsonValue.optional(),
      headers: z
        .record(z.string().max(64), z.string().max(1000))
        .optional()
        .meta({ description: 'Those of HTTP that count: `Idempotency-Key`, `Prefer`, `If-Match`, `Accept-Language`.' }),
    })
    .meta({ id: 'CallFrame', description: 'A command, as the same operation over HTTP.' }),
}

export const ClientFrame = z.discriminatedUnion('type', [
  clientFrames.authenticate,
  clientFrames.subscribe,
  clientFrames.unsubscribe,
  clientFrames.call,
])
export type ClientFrame = z.output<typeof ClientFrame>

const Failure = z
  .object({
    type: z.enum(Object.keys(errors) as [ErrorCode, ...ErrorCode[]]),
    message: z.string(),
    details: z.record(z.string(), JsonValue),
  })
  .meta({ id: 'FrameFailure', description: 'As `error` of the HTTP API.' })

export const serverFrames = {
  authenticated: z
    .object({
      type: z.literal('authenticated'),
      account_id: Id,
      user_id: Id.nullable(),
      role: RoleName,
      scopes: z.array(ScopeName),
      expires_at: Timestamp.nullable().meta({ description: 'Authenticate again before this.' }),
    })
    .meta({ id: 'AuthenticatedFrame' }),
  subscribed: z
    .object({ type: z.literal('subscribed'), id: SubscriptionId, cursor: Cursor })
    .meta({ id: 'SubscribedFrame', description: 'It begins after this cursor.' }),
  unsubscribed: z
    .object({ type: z.literal('unsubscribed'), id: SubscriptionId, cursor: Cursor })
    .meta({ id: 'UnsubscribedFrame', description: 'Nothing more comes; it was read up to this cursor.' }),
  event: z.object({ type: z.literal('event'), id: SubscriptionId, ...told }).meta({ id: 'EventFrame' }),
  heartbeat: z
    .object({ type: z.literal('heartbeat'), cursors: z.record(z.string(), Cursor) })
    .meta({ id: 'HeartbeatFrame', description: 'Every 15 s: how far each subscription has been read (E3).' }),
  ended: z
    .object({ type: z.literal('ended'), id: SubscriptionId, ...StreamEnd.shape })
    .meta({ id: 'EndedFrame', description: 'A subscription is over; the socket may go on.' }),
  result: z
    .object({
      type: z.literal('result'),
      id: CallFrameId,
      status: z.int().meta({ description: 'As over HTTP.' }),
      headers: z.record(z.string(), z.string()).meta({ description: '`etag`, `idempotent-replayed`, if there.' }),
      body: JsonValue.meta({ description: 'As over HTTP: the answer, or `error`.' }),
    })
    .meta({ id: 'ResultFrame' }),
  error: z
    .object({
      type: z.literal('error'),
      id: z.string().nullable().meta({ description: 'Of the frame it answers, if that had one.' }),
      error: Failure,
    })
    .meta({ id: 'ErrorFrame', description: 'A frame that was refused; the socket goes on.' }),
}

export const ServerFrame = z.discriminatedUnion('type', [
  serverFrames.authenticated,
  serverFrames.subscribed,
  serverFrames.unsubscribed,
  serverFrames.event,
  serverFrames.heartbeat,
  serverFrames.ended,
  serverFrames.result,
  serverFrames.error,
])
export type ServerFrame = z.output<typeof ServerFrame>

/** Of the WebSocket (RFC 6455 §7.4.2: 4000 to 4999 are the application’s). */
export const closeCodes = {
  unauthenticated: { code: 4401, description: 'Nothing authenticated it within 5 s, or the first frame did not.' },
  session_invalid: { code: 4402, description: endReasons.session_invalid },
  slow_reader: { code: 4408, description: endReasons.slow_reader },
  rate_limited: { code: 4429, description: 'Too many frames.' },
} as const

/** What one socket may hold and send. */
export const socketLimits = {
  subscriptions: 100,
  frameBytes: 65_536,
  framesPerSecond: 50,
  frameBurst: 200,
  /** Not carried out yet, because earlier ones take time or their answers are not read. */
  framesWaiting: 200,
  callsAtOnce: 20,
  authenticateSeconds: 5,
  heartbeatSeconds: 15,
} as const
