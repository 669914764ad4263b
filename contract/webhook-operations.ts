/** Webhooks: the verbs of an object, what can be done with one, and its deliveries. */
import { z } from 'zod'
import { defineOperations } from './define.ts'
import type { ErrorCode } from './errors.ts'
import {
  ById,
  creating,
  dataOf,
  deletedAs,
  deleting,
  listing,
  patching,
  reading,
  updating,
  writeErrors,
} from './resource.ts'
import { Id } from './values.ts'
import {
  NewWebhook,
  PatchWebhook,
  ResumeWebhook,
  RotateWebhookSecret,
  UpdateWebhook,
  Webhook,
  WebhookFilter,
} from './webhook.ts'
import {
  Delivery,
  DeliveryDetail,
  DeliveryFilter,
  DeliveryId,
  Replay,
  ReplayWebhook,
  TestWebhook,
} from './webhook-delivery.ts'
import { webhookExamples, webhookIds } from './webhook-examples.ts'

const webhooks = { tag: 'Webhooks', scope: 'webhooks' } as const
const { webhook, secret, delivery, detail, replay } = webhookExamples
const ByDelivery = z.object({ id: Id, delivery_id: DeliveryId })
const paused = { ...webhook, enabled: false, status: 'paused', stopped_at: '2026-05-04T09:00:00.000Z' } as const

/** What is done with a webhook: `POST /v3.0/webhooks/{id}/…`. */
const action = {
  surface: 'telephony',
  tag: webhooks.tag,
  method: 'POST',
  access: { kind: 'credential', scope: 'webhooks', minRole: 'admin' },
  params: ById,
  errors: writeErrors,
} as const
const asked = <T extends z.ZodType>(type: T) => z.strictObject({ data: type })
const resumeErrors: readonly ErrorCode[] = [...writeErrors, 'cursor_expired']

export const webhookOperations = defineOperations({
  listWebhooks: listing({
    ...webhooks,
    path: '/v3.0/webhooks',
    summary: 'List webhooks',
    query: WebhookFilter,
    data: z.array(Webhook),
    example: [webhook],
  }),
  getWebhook: reading({
    ...webhooks,
    path: '/v3.0/webhooks/{id}',
    summary: 'Read one webhook',
    params: ById,
    data: Webhook,
    example: webhook,
  }),
  createWebhook: {
    ...creating({
      ...webhooks,
      path: '/v3.0/webhooks',
      summary: 'Create a webhook',
      description:
        'Its events are those that the credential may read. An address that can never be reached, such as a private one, is refused.',
      body: NewWebhook,
      data: Webhook,
      asked: { name: webhook.name, url: webhook.url, event_types: webhook.event_types, ordering: 'per_resource' },
      example: { ...webhook, headers: {}, secret },
      shownOnce: 'secret',
    }),
    errors: resumeErrors,
  },
  updateWebhook: updating({
    ...webhooks,
    path: '/v3.0/webhooks',
    summary: 'Change a webhook: absent fields stay, null clears',
    body: UpdateWebhook,
    data: Webhook,
    asked: { id: webhookIds.webhook, ordering: 'strict' },
    example: { ...webhook, ordering: 'strict' },
  }),
  patchWebhook: patching({
    ...webhooks,
    path: '/v3.0/webhooks/{id}',
    summary: 'Change a webhook (RFC 7396)',
    params: ById,
    body: PatchWebhook,
    data: Webhook,
    asked: { headers: { authorization: 'Bearer of-your-own' } },
    example: webhook,
  }),
  deleteWebhook: deleting({
    ...webhooks,
    path: '/v3.0/webhooks/{id}',
    summary: 'Delete a webhook with its deliveries',
    params: ById,
    data: deletedAs('webhook_id'),
    example: { id: webhookIds.webhook, webhook_id: webhookIds.webhook },
  }),
  pauseWebhook: {
    ...action,
    path: '/v3.0/webhooks/{id}/pause',
    summary: 'Send nothing until it is resumed; its place in the log is kept',
    result: dataOf(Webhook),
    example: { result: { data: paused } },
  },
  resumeWebhook: {
    ...action,
    path: '/v3.0/webhooks/{id}/resume',
    summary: 'Send again, after a pause or after we disabled it',
    description: 'With `catch_up` what happened meanwhile is delivered; 410 when the log does not reach back so far.',
    body: asked(ResumeWebhook),
    result: dataOf(Webhook),
    errors: resumeErrors,
    example: { body: { data: { catch_up: true } }, result: { data: webhook } },
  },
  rotateWebhookSecret: {
    ...action,
    path: '/v3.0/webhooks/{id}/rotate_secret',
    summary: 'Make a new signing secret; the old one signs too during the overlap',
    body: asked(RotateWebhookSecret),
    result: dataOf(Webhook),
    shownOnce: 'secret',
    example: {
      body: { data: { overlap_seconds: 86_400 } },
      result: { data: { ...webhook, old_secret_expires_at: '2026-05-05T09:00:00.000Z', secret } },
    },
  },
  testWebhook: {
    ...action,
    path: '/v3.0/webhooks/{id}/test',
    summary: 'Send an example event, also while it is paused',
    description:
      'One attempt is made; read the delivery to see how it went. At most five tests of a webhook wait at a time (409). It carries the header `carillon-test: true`, and is not in the log.',
    body: asked(TestWebhook),
    result: dataOf(Delivery),
    example: {
      body: { data: { event_type: 'call.ended' } },
      result: {
        data: {
          ...delivery,
          kind: 'test',
          status: 'pending',
          event: { ...delivery.event, cursor: null },
          attempt_count: 0,
          next_attempt_at: delivery.created,
          last_status: null,
          finished_at: null,
        },
      },
    },
  },
  replayWebhook: {
    ...action,
    path: '/v3.0/webhooks/{id}/replay',
    summary: 'Send events again: those of a filter, or all that failed',
    description:
      'It is carried out in the background, in the order of the log; `GET` on the same address tells how far it is.',
    body: asked(ReplayWebhook),
    result: dataOf(Replay),
    errors: resumeErrors,
    example: { body: { data: { failed_since: '2026-05-04T00:00:00Z' } }, result: { data: replay } },
  },
  listWebhookReplays: reading({
    ...webhooks,
    path: '/v3.0/webhooks/{id}/replay',
    summary: 'How far replays are: the newest 100',
    params: ById,
    data: z.array(Replay),
    example: [replay],
  }),
  listWebhookDeliveries: {
    ...listing({
      ...webhooks,
      path: '/v3.0/webhooks/{id}/deliveries',
      summary: 'List deliveries, newest first; without `limit` 100. They are kept for 30 days',
      query: DeliveryFilter,
      data: z.array(Delivery),
      example: [delivery],
    }),
    params: ById,
  },
  getWebhookDelivery: reading({
    ...webhooks,
    path: '/v3.0/webhooks/{id}/deliveries/{delivery_id}',
    summary: 'Read one delivery: what was sent and answered, and every attempt',
    params: ByDelivery,
    data: DeliveryDetail,
    example: detail,
  }),
  resendWebhookDelivery: {
    ...action,
    path: '/v3.0/webhooks/{id}/deliveries/{delivery_id}/resend',
    summary: 'Send a delivery again, now, with the same `webhook-id`',
    params: ByDelivery,
    result: dataOf(Delivery),
    example: {
      result: { data: { ...delivery, status: 'pending', attempt_count: 0, next_attempt_at: delivery.created } },
    },
  },
})
