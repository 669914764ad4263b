/** What is sent: the event as the log shows it, or a hook's body, signed as Standard Webhooks says. */
import { standardWebhook } from '../../contract/webhook.ts'
import type { OpenedWebhook, WebhookRow } from '../store/webhooks.ts'
import { toHook } from './meeting-hooks.ts'
import { createSign, type Sign } from './signature.ts'

export interface SentEvent {
  /** Of the delivery. */
  readonly id: string
  readonly eventId: string
  readonly kind: 'event' | 'replay' | 'test'
  readonly text: string
}

export interface WebhookRequest {
  readonly method: 'POST' | 'PUT'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** Headers whose values are nobody's to see. */
  readonly masked: readonly string[]
  readonly body: string
}

/** Null: of this event nothing is left to send. */
export type Compose = (event: SentEvent, now: number) => WebhookRequest | null

export function createCompose(webhook: WebhookRow, opened: OpenedWebhook): Compose {
  const { method, format } = { ...standardWebhook, ...webhook.settings }
  const own = { ...opened.headers, ...(opened.apiKey !== null && { 'x-api-key': opened.apiKey }) }
  const sign = createSign(opened.secret)
  const signOld = opened.oldSecret === null ? null : createSign(opened.oldSecret)
  const oldEnd = webhook.oldSecretExpiresAt?.getTime() ?? 0
  return ({ id, eventId, kind, text }, now) => {
    const hook = format === 'meeting_v6' ? toHook(text) : { name: null, body: text }
    if (!hook) return null
    const timestamp = Math.floor(now / 1000)
    const signs: Sign[] = signOld !== null && now < oldEnd ? [sign, signOld] : [sign]
    return {
      method,
      url: webhook.url,
      masked: Object.keys(own),
      body: hook.body,
      headers: {
        ...own,
        'content-type': 'application/json',
        'user-agent': 'Carillon',
        'webhook-id': eventId,
        'webhook-timestamp': String(timestamp),
        'webhook-signature': signs.map((one) => one(eventId, timestamp, hook.body)).join(' '),
        'carillon-delivery': id,
        ...(kind === 'test' && { 'carillon-test': 'true' }),
        ...(hook.name !== null && { 'x-hook': hook.name }),
      },
    }
  }
}

/** For whoever looks at a delivery. */
export const formatRequest = (webhook: WebhookRow, opened: OpenedWebhook, event: SentEvent, now: number) =>
  createCompose(webhook, opened)(event, now)
