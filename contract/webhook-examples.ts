/** The objects that the documents show. Tests parse each. */
import type { z } from 'zod'
import { examples } from './examples.ts'
import type { DeliveryDetail } from './webhook-delivery.ts'
import { secretMask, standardWebhook, type WebhookState } from './webhook.ts'

const accountId = examples.ids.account
export const webhookIds = { webhook: '5e945c36b863b82cefdd0020', delivery: 'dlv_5e945c36b863b82cefdd0021' } as const

const state: z.output<typeof WebhookState> = {
  id: webhookIds.webhook,
  account_id: accountId,
  name: 'CRM',
  url: 'https://crm.example.com/carillon',
  enabled: true,
  external_id: null,
  ...standardWebhook,
  event_types: ['call.*', 'meeting.ended'],
  ordering: 'per_resource',
  headers: { authorization: secretMask },
  status: 'active',
  disabled_reason: null,
  stopped_at: null,
  schema_version: 1,
  public_key: null,
  old_secret_expires_at: null,
  created: '2026-05-04T08:00:00.000Z',
}
const webhook = { ...state, cursor: 'c1z', pending: 0, failing_since: null, last_success_at: null }
const attempt = {
  at: '2026-05-04T09:02:00.120Z',
  method: 'POST',
  url: state.url,
  status: 200,
  error: null,
  duration_ms: 43,
} as const
const delivery = {
  id: webhookIds.delivery,
  webhook_id: state.id,
  kind: 'event',
  status: 'delivered',
  event: {
    id: '019a0000-0000-7000-8000-000000000002',
    type: 'call.ended',
    account_id: accountId,
    resource: { type: 'call', id: 'call_5e94578578a5e3001f2b8e01' },
    cursor: 'c1z',
  },
  attempt_count: 1,
  next_attempt_at: null,
  last_status: 200,
  last_error: null,
  created: '2026-05-04T09:02:00.100Z',
  finished_at: '2026-05-04T09:02:00.163Z',
} as const
const detail: z.output<typeof DeliveryDetail> = {
  ...delivery,
  attempts: [attempt],
  request: {
    method: 'POST',
    url: state.url,
    headers: {
      'content-type': 'application/json',
      'webhook-id': delivery.event.id,
      'webhook-timestamp': '1777885320',
      authorization: secretMask,
    },
    body: '{"id":"019a0000-0000-7000-8000-000000000002","type":"call.ended"}',
  },
  response: { headers: { 'content-type': 'text/plain' }, body: 'ok' },
}

export const webhookExamples = {
  state,
  webhook,
  secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  delivery,
  detail,
  replay: {
    id: 'rpl_5e945c36b863b82cefdd0022',
    webhook_id: state.id,
    status: 'running',
    total: 120,
    queued: 0,
    created: '2026-05-04T10:00:00.000Z',
    finished_at: null,
  },
} as const
