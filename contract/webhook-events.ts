/** What happens to webhooks themselves. That one delivery failed is no event: it would be delivered, and could fail. */
import { z } from 'zod'
import { changedWithSecrets } from './configuration-events.ts'
import { defineEvents } from './define.ts'
import { Timestamp } from './values.ts'
import { WebhookState } from './webhook.ts'
import { webhookExamples } from './webhook-examples.ts'

const scope = 'webhooks' as const
const resource = 'webhook' as const
const { state } = webhookExamples
const stopped = { ...state, enabled: false, status: 'paused', stopped_at: '2026-05-09T09:00:00.000Z' } as const
const data = z.object({ webhook: WebhookState })

export const webhookEvents = defineEvents({
  'webhook.created': { summary: 'A webhook was made.', resource, scope, data, example: { webhook: state } },
  'webhook.updated': {
    summary: 'A webhook was changed.',
    resource,
    scope,
    data: changedWithSecrets(WebhookState),
    example: {
      before: state,
      after: { ...state, ordering: 'strict' },
      secrets: { 'headers.authorization': { changed: true } },
    },
  },
  'webhook.deleted': {
    summary: 'A webhook was deleted, with its deliveries.',
    resource,
    scope,
    data,
    example: { webhook: state },
  },
  'webhook.paused': {
    summary: 'A webhook was paused: nothing is sent until it is resumed.',
    resource,
    scope,
    data,
    example: { webhook: stopped },
  },
  'webhook.resumed': {
    summary: 'A webhook sends again.',
    resource,
    scope,
    data: data.extend({ catch_up: z.boolean().meta({ description: 'What happened meanwhile is delivered too.' }) }),
    example: { webhook: state, catch_up: true },
  },
  'webhook.disabled': {
    summary: 'A webhook was turned off by us; the administrators were told by mail.',
    resource,
    scope,
    data: data.extend({ failing_since: Timestamp.nullable() }),
    example: {
      webhook: { ...stopped, status: 'disabled', disabled_reason: 'failing' },
      failing_since: '2026-05-04T09:00:00.000Z',
    },
  },
  'webhook.secret_rotated': {
    summary: 'A webhook has a new signing secret; the old one signs too until `old_secret_expires_at`.',
    resource,
    scope,
    data,
    example: { webhook: { ...state, old_secret_expires_at: '2026-05-05T09:00:00.000Z' } },
  },
})
