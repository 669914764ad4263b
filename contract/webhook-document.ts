/** What a webhook's endpoint gets and answers, as the `webhooks` of OpenAPI 3.1: the request of `format: "standard"`. */
import { z } from 'zod'
import { Event } from './event.ts'
import { type EventType, events } from './events.ts'
import { examples } from './examples.ts'

const header = (name: string, description: string) => ({
  name,
  in: 'header',
  required: true,
  description,
  schema: { type: 'string' },
})

export const webhookHeaders = [
  header('webhook-id', 'The id of the event: the same with every attempt, resend and replay.'),
  header('webhook-timestamp', 'Seconds since 1970, of this attempt.'),
  header(
    'webhook-signature',
    'Of `{webhook-id}.{webhook-timestamp}.{body}`: `v1,` and HMAC-SHA-256, or `v1a,` and ed25519, in base64; after a change of the secret two, with a space between them.',
  ),
  header('carillon-delivery', 'The id of the delivery.'),
]

export const webhookAnswers = {
  '2XX': { description: 'Accepted. Only the status counts; it must come within 15 seconds.' },
  410: { description: 'The endpoint is gone: the webhook is turned off.' },
  default: {
    description:
      'Anything else, redirects too, is a failure: it is tried ten times within 75 hours. `Retry-After` of 429 and 503 is honoured.',
  },
}

/** The whole event, with the data of its type. */
export const webhookBody = (type: EventType) => ({
  schema: Event.extend({ type: z.literal(type), data: events[type].data.nullable() }),
  example: {
    id: '019a0000-0000-7000-8000-000000000001',
    seq: 1,
    cursor: 'c1',
    type,
    account_id: examples.ids.account,
    resource: { type: events[type].resource, id: examples.ids.meeting },
    resource_seq: 1,
    occurred_at: '2026-05-04T09:01:00.000Z',
    recorded_at: '2026-05-04T09:01:00.003Z',
    actor: null,
    correlation_id: null,
    schema_version: 1,
    data: events[type].example,
  },
})
