/** The webhooks that are sent to, as the sending process knows them; what changed is read again before the next turn. */
import type pg from 'pg'
import { standardWebhook } from '../../contract/webhook.ts'
import type { App } from '../app.ts'
import { findConfigured } from '../store/configured.ts'
import type { WebhookRow } from '../store/webhooks.ts'
import { Endpoint, type Pending } from './endpoint.ts'
import { type DeliveryColumns, readPending } from './ledger.ts'

type RosterApp = Pick<App, 'database' | 'vault' | 'clock' | 'rootAccountId'>

export class Roster {
  readonly endpoints = new Map<string, Endpoint>()
  /** Ids of webhooks to read again. */
  readonly changed = new Set<string>()
  readonly #app: RosterApp
  readonly #isBusy: (deliveryId: string) => boolean
  readonly #comesAgain: (deliveryId: string) => boolean

  /**
   * `isBusy`: its request is under way, or what became of it is not written down yet; the row is behind then.
   * `comesAgain`: of the latter, that it failed and waits for its next attempt.
   */
  constructor(app: RosterApp, isBusy: (deliveryId: string) => boolean, comesAgain: (deliveryId: string) => boolean) {
    this.#app = app
    this.#isBusy = isBusy
    this.#comesAgain = comesAgain
  }

  clear(): void {
    this.endpoints.clear()
    this.changed.clear()
  }

  async load(client: pg.ClientBase): Promise<void> {
    const { rows } = await client.query<{ id: string }>('select id from webhooks order by created_at')
    for (const { id } of rows) this.changed.add(id)
    await this.refresh(client)
  }

  async refresh(client: pg.ClientBase): Promise<void> {
    for (const id of [...this.changed]) {
      this.changed.delete(id)
      await this.#read(client, id)
    }
  }

  /** What is known of it is wrong: it is read again as if it were new. */
  forget(id: string): void {
    this.endpoints.delete(id)
    this.changed.add(id)
  }

  async #read(client: pg.ClientBase, id: string): Promise<void> {
    const { database, vault, rootAccountId } = this.#app
    const { rows } = await client.query<{ account_id: string }>('select account_id from webhooks where id = $1', [id])
    const webhook = rows[0] && (await findConfigured(database, 'webhooks', id, rows[0].account_id))
    const state = await database.selectFrom('webhookStates').selectAll().where('webhookId', '=', id).executeTakeFirst()
    if (!webhook || !state) {
      this.endpoints.delete(id)
      return
    }
    const known = this.endpoints.get(id)
    const { ordering } = { ...standardWebhook, ...webhook.settings }
    // What was set elsewhere: a pause that went on at the present.
    const isSame =
      known &&
      known.storedPosition === state.position &&
      known.webhook.isEnabled === webhook.isEnabled &&
      known.settings.ordering === ordering
    const endpoint = isSame ? known : new Endpoint(webhook, state, vault, rootAccountId)
    if (isSame) endpoint.configure(webhook, vault, rootAccountId)
    this.endpoints.set(id, endpoint)
    endpoint.isEnding = false
    endpoint.replays = webhook.isEnabled ? await this.#readReplays(id) : []
    await this.#readDeliveries(client, endpoint, webhook)
  }

  #readReplays(id: string) {
    return this.#app.database
      .selectFrom('webhookReplays')
      .selectAll()
      .where('webhookId', '=', id)
      .where('status', '=', 'running')
      .orderBy('createdAt')
      .execute()
  }

  async #readDeliveries(client: pg.ClientBase, endpoint: Endpoint, webhook: WebhookRow): Promise<void> {
    const now = this.#app.clock()
    const rows = (await readPending(client, endpoint.id)).filter(({ kind }) => webhook.isEnabled || kind === 'test')
    const pending = new Set(rows.map(({ id }) => id))
    for (const id of endpoint.pending.keys()) if (!pending.has(id) && !this.#isBusy(id)) endpoint.remove(id)
    for (const row of rows) {
      if (this.#isBusy(row.id)) {
        // It failed amid this, for the endpoint before: it is found when that is written down.
        if (this.#comesAgain(row.id) && !endpoint.pending.has(row.id)) this.changed.add(endpoint.id)
        continue
      }
      const known = endpoint.pending.get(row.id)
      if (row.kind === 'test') {
        endpoint.tests.set(row.id, toPending(row))
      } else if (!known) {
        endpoint.add(toPending(row), now)
      } else if (row.attemptCount === 0 && known.attemptCount > 0) {
        known.attemptCount = 0
        endpoint.queue.hasten(row.id, now)
      }
    }
  }
}

export const toPending = ({ body, ...row }: DeliveryColumns): Pending => ({ ...row, text: body })
