/** Rows of 0010-webhooks.sql as Kysely sees them. */
import type { ColumnType, Generated } from 'kysely'
import type { Scope } from '../../contract/access.ts'
import type { WebhookSettings } from '../../contract/webhook.ts'
import type { Attempt } from '../../contract/webhook-delivery.ts'

type Json<T> = ColumnType<T, string, string>
type JsonDefault<T> = ColumnType<T, string | undefined, string>
type Optional<T> = ColumnType<T | null, T | null | undefined, T | null>

/** What an endpoint answered, as far as it is kept. */
export interface KeptResponse {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface ReplayFilter {
  readonly kind: 'failed' | 'events'
  readonly types: readonly string[]
  readonly resource: { readonly type: string; readonly id?: string } | null
  readonly since: string | null
  readonly until: string | null
}

export interface WebhookTables {
  webhooks: {
    id: string
    accountId: string
    resourceSeq: Generated<number>
    externalId: string | null
    name: string | null
    url: string
    isEnabled: Generated<boolean>
    disabledReason: Optional<'failing' | 'gone'>
    stoppedAt: Optional<Date>
    scopes: Scope[]
    settings: JsonDefault<Partial<WebhookSettings>>
    secrets: Buffer
    oldSecretExpiresAt: Optional<Date>
    createdAt: Date
  }
  webhookStates: {
    webhookId: string
    position: number
    failingSince: Optional<Date>
    lastSuccessAt: Optional<Date>
  }
  webhookDeliveries: {
    webhookId: string
    id: string
    kind: 'event' | 'replay' | 'test'
    status: Generated<'pending' | 'delivered' | 'failed' | 'cancelled'>
    position: number | null
    recordedAt: Date | null
    body: Optional<string>
    eventId: string
    eventType: string
    eventAccountId: string
    resourceType: string
    resourceId: string
    attemptCount: Generated<number>
    nextAttemptAt: Date | null
    createdAt: Date
    finishedAt: Optional<Date>
    lastStatus: Optional<number>
    lastError: Optional<string>
    attempts: JsonDefault<Attempt[]>
    response: ColumnType<KeptResponse | null, string | null | undefined, string | null>
  }
  webhookReplays: {
    id: string
    webhookId: string
    status: Generated<'running' | 'done' | 'cancelled'>
    filter: Json<ReplayFilter>
    total: number
    queued: Generated<number>
    after: string
    until: string
    createdAt: Date
    finishedAt: Optional<Date>
  }
}
