/** Webhooks: rows, what readers see of them, and how far each is. */
import { type Selectable, sql } from 'kysely'
import type { z } from 'zod'
import { secretMask, standardWebhook, type Webhook, type WebhookState } from '../../contract/webhook.ts'
import type { Vault } from '../auth/vault.ts'
import { formatCursor } from '../events/log-event.ts'
import { publicKeyOf } from '../webhooks/signature.ts'
import type { Queries } from './accounts.ts'
import type { RowOf } from './configured.ts'
import { secretsOf } from './telephony.ts'
import type { WebhookTables } from './webhook-tables.ts'

export type WebhookRow = RowOf<'webhooks'>
/** Of the vault: the signing secret, and under `header:<name>` what is sent with each request. */
export const headerPrefix = 'header:'

/** Who sends is told of a change by this channel; the payload is the webhook's id. */
export const webhooksChannel = 'carillon_webhooks'

/** Within the transaction of the change: it is told when the change is there. */
export async function announce(db: Queries, webhookId: string): Promise<void> {
  await sql`select pg_notify(${webhooksChannel}, ${webhookId})`.execute(db)
}

export interface OpenedWebhook {
  readonly secret: string
  readonly oldSecret: string | null
  readonly apiKey: string | null
  readonly headers: Readonly<Record<string, string>>
}

export function openWebhook(vault: Vault, row: WebhookRow): OpenedWebhook {
  const { secret = '', old_secret: oldSecret, api_key: apiKey, ...rest } = secretsOf(vault, 'webhooks', row)
  const headers = Object.entries(rest).map(([name, value]) => [name.slice(headerPrefix.length), value])
  return { secret, oldSecret: oldSecret ?? null, apiKey: apiKey ?? null, headers: Object.fromEntries(headers) }
}

/** What the log shows: header values are masked. */
export function toWebhookState(vault: Vault, row: WebhookRow): z.output<typeof WebhookState> {
  const { secret, headers } = openWebhook(vault, row)
  return {
    id: row.id,
    account_id: row.accountId,
    name: row.name,
    url: row.url,
    enabled: row.isEnabled,
    external_id: row.externalId,
    ...standardWebhook,
    ...row.settings,
    headers: Object.fromEntries(Object.keys(headers).map((name) => [name, secretMask])),
    status: row.isEnabled ? 'active' : row.disabledReason === null ? 'paused' : 'disabled',
    disabled_reason: row.disabledReason,
    stopped_at: row.stoppedAt?.toISOString() ?? null,
    schema_version: 1,
    public_key: publicKeyOf(secret),
    old_secret_expires_at: row.oldSecretExpiresAt?.toISOString() ?? null,
    created: row.createdAt.toISOString(),
  }
}

interface Progress {
  readonly position: number
  readonly pending: number
  readonly failingSince: Date | null
  readonly lastSuccessAt: Date | null
}

export async function readProgress(db: Queries, ids: readonly string[]): Promise<Map<string, Progress>> {
  if (ids.length === 0) return new Map()
  const rows = await db
    .selectFrom('webhookStates')
    .selectAll()
    .select((is) =>
      is
        .selectFrom('webhookDeliveries')
        .select((count) => count.fn.countAll<number>().as('count'))
        .whereRef('webhookDeliveries.webhookId', '=', 'webhookStates.webhookId')
        .where('status', '=', 'pending')
        .as('pending'),
    )
    .where('webhookId', 'in', [...ids])
    .execute()
  return new Map(rows.map((row) => [row.webhookId, { ...row, pending: row.pending ?? 0 }]))
}

export interface ShownSecrets {
  /** Of headers and keys: the reader has the scope `secrets`. */
  readonly all: boolean
  /** The signing secret: it was made by this call. */
  readonly isNew: boolean
}

export function toWebhook(vault: Vault, row: WebhookRow, progress: Progress | undefined, show: ShownSecrets): Webhook {
  const opened = openWebhook(vault, row)
  const isShared = publicKeyOf(opened.secret) === null
  return {
    ...toWebhookState(vault, row),
    ...(show.all && { headers: opened.headers, api_key: opened.apiKey }),
    ...((show.all || show.isNew) && isShared && { secret: opened.secret }),
    cursor: formatCursor(progress?.position ?? 0),
    pending: progress?.pending ?? 0,
    failing_since: progress?.failingSince?.toISOString() ?? null,
    last_success_at: progress?.lastSuccessAt?.toISOString() ?? null,
  }
}

export type DeliveryRow = Selectable<WebhookTables['webhookDeliveries']>
export type ReplayRow = Selectable<WebhookTables['webhookReplays']>
