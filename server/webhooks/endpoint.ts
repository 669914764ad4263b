/** One active webhook in the memory of the process that sends: what is configured, where it is, what waits for it. */
import { EndpointQueue, type Heard, type QueuedDelivery } from '../../engine/delivery/endpoint-queue.ts'
import { type EventType, events } from '../../contract/events.ts'
import { type EventCondition, standardWebhook, type WebhookSettings } from '../../contract/webhook.ts'
import type { Vault } from '../auth/vault.ts'
import type { LogFilter } from '../events/filter.ts'
import type { ReplayFilter } from '../store/webhook-tables.ts'
import { openWebhook, type ReplayRow, type WebhookRow } from '../store/webhooks.ts'
import { typesChosen } from './event-choice.ts'
import { type Compose, createCompose } from './request.ts'

/** What the webhook gets of the log; of a replay, what that asks for. */
export function logFilterOf(webhook: WebhookRow, rootAccountId: string, replay?: ReplayFilter): LogFilter {
  const { event_types: patterns, format, include_subaccounts } = { ...standardWebhook, ...webhook.settings }
  const id = webhook.accountId
  const chosen = typesChosen({ patterns, scopes: webhook.scopes, format })
  const wanted = replay ? replay.types.filter((type) => chosen.has(type as never)) : chosen
  return {
    // Below the root is everything, also what was deleted since.
    accounts: !include_subaccounts
      ? { kind: 'one', id }
      : id === rootAccountId
        ? { kind: 'all' }
        : { kind: 'tree', id },
    types: new Set<string>(wanted),
    userId: null,
    ...(replay?.resource && { resource: replay.resource }),
    ...(replay?.since && { since: new Date(replay.since) }),
    ...(replay?.until && { until: new Date(replay.until) }),
  }
}

/** What is known of a delivery until it is over. */
export interface Pending {
  readonly id: string
  readonly kind: 'event' | 'replay' | 'test'
  readonly eventId: string
  readonly eventType: string
  readonly eventAccountId: string
  readonly position: number | null
  readonly recordedAt: Date | null
  readonly resourceType: string
  readonly resourceId: string
  attemptCount: number
  readonly nextAttemptAt: Date | null
  /** The event, until the first attempt is made; later it is read again from the log. */
  text: string | null
}

interface State {
  readonly position: number
  readonly failingSince: Date | null
  readonly lastSuccessAt: Date | null
}

export class Endpoint {
  readonly id: string
  webhook: WebhookRow
  settings: WebhookSettings
  conditions: readonly EventCondition[]
  filter: LogFilter
  compose: Compose
  readonly queue: EndpointQueue
  readonly pending = new Map<string, Pending>()
  /** They stand in no queue: each is sent once, at once. */
  readonly tests = new Map<string, Pending>()
  replays: ReplayRow[] = []
  /** Where the log was read to, and up to where that is written down. */
  position: number
  storedPosition: number
  failingSince: number | null
  lastSuccessAt: number | null = null
  /** Since the last time it was written down. */
  isHealthNew = false
  /** It was turned off by us, which is being written down. */
  isEnding = false

  constructor(webhook: WebhookRow, state: State, vault: Vault, rootAccountId: string) {
    this.id = webhook.id
    this.webhook = webhook
    this.settings = { ...standardWebhook, ...webhook.settings }
    this.conditions = this.settings.filters
    this.filter = logFilterOf(webhook, rootAccountId)
    this.compose = createCompose(webhook, openWebhook(vault, webhook))
    this.queue = new EndpointQueue(this.settings.ordering, heardOf(state))
    this.position = state.position
    this.storedPosition = state.position
    this.failingSince = state.failingSince?.getTime() ?? null
  }

  /** After a change of the webhook; not of its ordering, which is another endpoint with another queue. */
  configure(webhook: WebhookRow, vault: Vault, rootAccountId: string): void {
    this.webhook = webhook
    this.settings = { ...standardWebhook, ...webhook.settings }
    this.conditions = this.settings.filters
    this.filter = logFilterOf(webhook, rootAccountId)
    this.compose = createCompose(webhook, openWebhook(vault, webhook))
  }

  /** What waits or is sent again was found for it as it was: whoever turned it elsewhere may be allowed less (E6). */
  mayGet({ eventType, eventAccountId }: Pending): boolean {
    const { accountId, scopes } = this.webhook
    const isWithin = eventAccountId === accountId || this.settings.include_subaccounts
    return isWithin && scopes.includes(events[eventType as EventType]?.scope ?? 'events')
  }

  add(delivery: Pending, now: number): void {
    if (this.pending.has(delivery.id)) return
    this.pending.set(delivery.id, delivery)
    this.queue.add(toQueued(delivery), now)
  }

  remove(id: string): void {
    this.pending.delete(id)
    this.queue.remove(id)
  }

  /** What is far from being sent need not lie in memory. */
  forgetTexts(): void {
    for (const delivery of this.pending.values()) delivery.text = null
  }
}

function heardOf({ failingSince, lastSuccessAt }: State): Heard {
  if (failingSince !== null) return 'failure'
  return lastSuccessAt === null ? 'nothing' : 'success'
}

const toQueued = (delivery: Pending): QueuedDelivery => ({
  id: delivery.id,
  resource: `${delivery.resourceType}:${delivery.resourceId}`,
  attempts: delivery.attemptCount,
  dueAt: delivery.nextAttemptAt?.getTime() ?? 0,
})
