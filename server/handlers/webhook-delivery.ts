/** Deliveries of webhooks: listed, looked at, tested, sent again. */
import { randomUUIDv7 } from 'node:crypto'
import { sql } from 'kysely'
import type { Event } from '../../contract/event.ts'
import { type EventType, events } from '../../contract/events.ts'
import { secretMask, standardWebhook } from '../../contract/webhook.ts'
import type { ReplayWebhook } from '../../contract/webhook-delivery.ts'
import { unknownEvent } from '../../contract/unknown-event.ts'
import { ApiError, invalidField } from '../api-error.ts'
import { describe, mayUse, type Principal } from '../auth/principal.ts'
import { matchSql } from '../events/filter.ts'
import { startOf } from '../events/log.ts'
import { newId } from '../ids.ts'
import type { Queries } from '../store/accounts.ts'
import { findConfigured, lockConfigured, readPage } from '../store/configured.ts'
import {
  deliveryIdAt,
  findDelivery,
  newDeliveryId,
  readEventText,
  toDelivery,
  toReplay,
} from '../store/webhook-deliveries.ts'
import type { ReplayFilter } from '../store/webhook-tables.ts'
import { announce, openWebhook, type WebhookRow } from '../store/webhooks.ts'
import { typesChosen, typesNamed } from '../webhooks/event-choice.ts'
import { logFilterOf } from '../webhooks/endpoint.ts'
import { formatRequest } from '../webhooks/request.ts'
import type { Call, Handlers } from './call.ts'
import { noSuch } from './configuration.ts'

const defaultLimit = 100
const mostReplays = 100
const mostRunning = 5
const mostTests = 5
const dayMs = 86_400_000

export const webhookDeliveryHandlers: Handlers<
  | 'testWebhook'
  | 'replayWebhook'
  | 'listWebhookReplays'
  | 'listWebhookDeliveries'
  | 'getWebhookDelivery'
  | 'resendWebhookDelivery'
> = {
  async listWebhookDeliveries({ app, who, params, query }) {
    const { id } = await find(app.database, who, params.id)
    const { status, event_type: pattern, event_id: eventId, since, until } = query
    const types = pattern === undefined ? [] : typesNamed([pattern]).types
    const rows = app.database
      .selectFrom('webhookDeliveries')
      .selectAll()
      .where('webhookId', '=', id)
      .$if(status !== undefined, (page) => page.where('status', '=', status ?? 'pending'))
      .$if(pattern !== undefined, (page) => page.where('eventType', '=', sql<string>`any(${types}::text[])`))
      .$if(eventId !== undefined, (page) => page.where('eventId', '=', eventId ?? ''))
      .$if(since !== undefined, (page) => page.where('createdAt', '>=', new Date(since ?? 0)))
      .$if(until !== undefined, (page) => page.where('createdAt', '<', new Date(until ?? 0)))
    const order = sql<string>`id`
    const paging = { limit: query.limit ?? defaultLimit, cursor: query.cursor, sort: '-id' }
    const page = await readPage(rows, paging, { id: order, sorts: { id: order } })
    return { data: page.rows.map(toDelivery), ...(page.next && { next: page.next }) }
  },

  async getWebhookDelivery({ app, who, params }) {
    const webhook = await find(app.database, who, params.id)
    const row = await findDelivery(app.database, webhook.id, params.delivery_id)
    if (!row) throw noSuch('delivery', params.delivery_id, who)
    const text = await readEventText(app.database, row)
    const last = row.attempts.at(-1)
    const at = last ? Date.parse(last.at) : app.clock()
    const request = text === null ? null : formatRequest(webhook, openWebhook(app.vault, webhook), { ...row, text }, at)
    const mayRead =
      mayUse(who, events[row.eventType as EventType]?.scope ?? 'events') &&
      (row.eventAccountId === who.accountId || mayUse(who, 'subaccounts'))
    return {
      data: {
        ...toDelivery(row),
        attempts: row.attempts,
        request: {
          method: last?.method ?? { ...standardWebhook, ...webhook.settings }.method,
          url: last?.url ?? webhook.url,
          headers: {
            ...request?.headers,
            ...Object.fromEntries((request?.masked ?? []).map((name) => [name, secretMask])),
          },
          body: mayRead ? (request?.body ?? null) : null,
        },
        response: row.response && { ...row.response, body: mayRead ? row.response.body : null },
      },
    }
  },

  testWebhook: (call) =>
    call.write(async (trx) => {
      const { app, who, params, body } = call
      const webhook = await lock(trx, call, params.id)
      const type = exampleType(webhook, body.data.event_type)
      const now = new Date(app.clock())
      const event = exampleEvent(webhook, type, now)
      if (!mayUse(who, events[type].scope)) throw noScope(who, type)
      await refuseManyTests(trx, webhook)
      const row = await trx
        .insertInto('webhookDeliveries')
        .values({
          webhookId: webhook.id,
          id: newDeliveryId(now.getTime()),
          kind: 'test',
          position: null,
          recordedAt: null,
          body: JSON.stringify(event),
          eventId: event.id,
          eventType: type,
          eventAccountId: event.account_id,
          resourceType: event.resource.type,
          resourceId: event.resource.id,
          nextAttemptAt: now,
          createdAt: now,
        })
        .returningAll()
        .executeTakeFirstOrThrow()
      await announce(trx, webhook.id)
      return { data: toDelivery(row) }
    }),

  resendWebhookDelivery: (call) =>
    call.write(async (trx) => {
      const { app, who, params } = call
      const webhook = await lock(trx, call, params.id)
      const delivery = await findDelivery(trx, webhook.id, params.delivery_id)
      if (!delivery) throw noSuch('delivery', params.delivery_id, who)
      expectActive(webhook, delivery.kind)
      const row = await trx
        .updateTable('webhookDeliveries')
        .set({ status: 'pending', attemptCount: 0, nextAttemptAt: new Date(app.clock()), finishedAt: null })
        .where('webhookId', '=', webhook.id)
        .where('id', '=', params.delivery_id)
        .returningAll()
        .executeTakeFirstOrThrow()
      await announce(trx, webhook.id)
      return { data: toDelivery(row) }
    }),

  replayWebhook: (call) =>
    call.write(async (trx) => {
      const { app, who, params, body } = call
      // Counted before it is locked: that takes long where there is much, and who sends would wait, with all webhooks.
      const asked = await find(trx, who, params.id)
      expectActive(asked, 'replay')
      const wanted =
        body.data.failed_since === undefined
          ? await replayOfEvents(trx, app.rootAccountId, asked, body.data)
          : await replayOfFailed(trx, asked, new Date(body.data.failed_since), app.clock())
      const webhook = await lock(trx, call, params.id)
      expectActive(webhook, 'replay')
      const running = await trx
        .selectFrom('webhookReplays')
        .select('id')
        .where('webhookId', '=', webhook.id)
        .where('status', '=', 'running')
        .execute()
      if (running.length >= mostRunning) {
        throw new ApiError('conflict', `${mostRunning} replays are running: wait until one is done.`)
      }
      const id = `rpl_${newId()}`
      const row = await trx
        .insertInto('webhookReplays')
        .values({ ...wanted, id, webhookId: webhook.id, createdAt: new Date(app.clock()) })
        .returningAll()
        .executeTakeFirstOrThrow()
      await announce(trx, webhook.id)
      return { data: toReplay(row) }
    }),

  async listWebhookReplays({ app, who, params }) {
    const { id } = await find(app.database, who, params.id)
    const rows = await app.database
      .selectFrom('webhookReplays')
      .selectAll()
      .where('webhookId', '=', id)
      .orderBy('createdAt', 'desc')
      .orderBy('id')
      .limit(mostReplays)
      .execute()
    return { data: rows.map(toReplay) }
  },
}

async function find(db: Queries, who: Principal, id: string): Promise<WebhookRow> {
  const row = await findConfigured(db, 'webhooks', id, who.accountId)
  if (!row) throw noSuch('webhook', id, who)
  return row
}

async function lock(trx: Queries, { who }: Pick<Call, 'who'>, id: string): Promise<WebhookRow> {
  const row = await lockConfigured(trx, 'webhooks', id, who.accountId)
  if (!row) throw noSuch('webhook', id, who)
  return row
}

function expectActive({ isEnabled }: WebhookRow, kind: string): void {
  if (isEnabled || kind === 'test') return
  throw new ApiError('conflict', 'The webhook is paused or disabled: resume it first.')
}

async function refuseManyTests(trx: Queries, { id }: WebhookRow): Promise<void> {
  const waiting = await trx
    .selectFrom('webhookDeliveries')
    .select('id')
    .where('webhookId', '=', id)
    .where('status', '=', 'pending')
    .where('kind', '=', 'test')
    .limit(mostTests)
    .execute()
  if (waiting.length < mostTests) return
  throw new ApiError('conflict', `${mostTests} tests wait for an answer: wait until one is done.`)
}

const noScope = (who: Principal, type: EventType) =>
  new ApiError('not_allowed', `data.event_type: the credential lacks the scope \`${events[type].scope}\`.`, {
    missing_scope: events[type].scope,
    ...describe(who),
  })

function exampleType(webhook: WebhookRow, wished: string | undefined): EventType {
  const { event_types: patterns, format } = { ...standardWebhook, ...webhook.settings }
  const types = typesChosen({ patterns, scopes: webhook.scopes, format })
  const type = wished === undefined ? [...types][0] : [...types].find((one) => one === wished)
  if (!type) throw invalidField('data.event_type', `the webhook gets no event ${wished ?? ''}`)
  return type
}

/** What the catalogue shows, in the envelope of the log. */
function exampleEvent({ accountId }: WebhookRow, type: EventType, now: Date) {
  const { resource, example } = events[type]
  const at = now.toISOString()
  return {
    id: randomUUIDv7(),
    seq: 0,
    cursor: 'c0',
    type,
    account_id: accountId,
    resource: { type: resource, id: 'test' },
    resource_seq: 0,
    occurred_at: at,
    recorded_at: at,
    actor: null,
    correlation_id: null,
    schema_version: 1,
    data: example,
  } satisfies Event
}

async function replayOfFailed(trx: Queries, { id }: WebhookRow, since: Date, now: number) {
  const { count } = await trx
    .selectFrom('webhookDeliveries')
    .select((is) => is.fn.countAll<number>().as('count'))
    .where('webhookId', '=', id)
    .where('status', 'in', ['failed', 'cancelled'])
    .where('kind', '!=', 'test')
    .where('createdAt', '>=', since)
    .executeTakeFirstOrThrow()
  const filter: ReplayFilter = { kind: 'failed', types: [], resource: null, since: since.toISOString(), until: null }
  return { filter: JSON.stringify(filter), total: count, after: '', until: deliveryIdAt(now + dayMs) }
}

async function replayOfEvents(trx: Queries, rootAccountId: string, webhook: WebhookRow, wish: ReplayWebhook) {
  const { event_types: patterns, format } = { ...standardWebhook, ...webhook.settings }
  const chosen = typesChosen({ patterns, scopes: webhook.scopes, format })
  const named = typesNamed(wish.event_types ?? ['*'])
  if (named.unknown !== undefined) throw invalidField('data.event_types', unknownEvent(named.unknown))
  const types = named.types.filter((type) => chosen.has(type))
  if (types.length === 0) throw invalidField('data.event_types', 'the webhook gets none of them')
  const [kind = '', ...rest] = wish.resource?.split(':') ?? []
  const resource = wish.resource === undefined ? null : { type: kind, ...(rest.length > 0 && { id: rest.join(':') }) }
  const filter: ReplayFilter = {
    kind: 'events',
    types,
    resource,
    since: wish.since ?? null,
    until: wish.until ?? null,
  }
  const after = await startOf(trx, wish.after).catch((error: unknown) => {
    throw error instanceof ApiError && error.code === 'invalid_request'
      ? invalidField('data.after', 'is no cursor that an answer carried')
      : error
  })
  const until = await startOf(trx, 'now')
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from events where position > ${after} and position <= ${until}
      and ${matchSql(logFilterOf(webhook, rootAccountId, filter))}`.execute(trx)
  return {
    filter: JSON.stringify(filter),
    total: rows[0]?.count ?? 0,
    after: String(after),
    until: String(until),
  }
}
