/** Webhooks: made, read, changed, paused and resumed. What is sent, and when, is server/webhooks. */
import { type Transaction, sql } from 'kysely'
import { allScopes, type Scope } from '../../contract/access.ts'
import {
  mostHeaders,
  type NewWebhook,
  type PatchWebhook,
  standardWebhook,
  type WebhookSettings,
} from '../../contract/webhook.ts'
import { unknownEvent } from '../../contract/unknown-event.ts'
import { ApiError, invalidField } from '../api-error.ts'
import { mayUse, type Principal } from '../auth/principal.ts'
import { startOf } from '../events/log.ts'
import { formatCursor } from '../events/log-event.ts'
import { append } from '../events/inbox.ts'
import { newId } from '../ids.ts'
import {
  byCreation,
  deleteConfigured,
  findConfigured,
  insertConfigured,
  lockConfigured,
  readPage,
  updateConfigured,
} from '../store/configured.ts'
import type { Tables } from '../store/database.ts'
import {
  announce,
  headerPrefix,
  openWebhook,
  readProgress,
  toWebhook,
  toWebhookState,
  type WebhookRow,
} from '../store/webhooks.ts'
import { scopesOf, typesChosen, typesNamed } from '../webhooks/event-choice.ts'
import { newSigningSecret } from '../webhooks/signature.ts'
import type { Call, Handlers } from './call.ts'
import { expectScope, keepObject, noSuch, seesSecrets } from './configuration.ts'
import { changesTo, cleared } from './merge.ts'
import { type ChangedSecrets, isMask, mergeSecrets, mergeSettings } from './settings.ts'

type Changing = Pick<Call, 'app' | 'who' | 'actor'>

const dayMs = 86_400_000

export const webhookHandlers: Handlers<
  | 'listWebhooks'
  | 'getWebhook'
  | 'createWebhook'
  | 'updateWebhook'
  | 'patchWebhook'
  | 'deleteWebhook'
  | 'pauseWebhook'
  | 'resumeWebhook'
  | 'rotateWebhookSecret'
> = {
  async listWebhooks({ app, who, query }) {
    const { enabled, external_id: externalId } = query
    const webhooks = app.database
      .selectFrom('webhooks')
      .selectAll()
      .where('accountId', '=', who.accountId)
      .$if(enabled !== undefined, (rows) => rows.where('isEnabled', '=', enabled === 'true'))
      .$if(externalId !== undefined, (rows) => rows.where('externalId', '=', externalId ?? ''))
    const { rows, next } = await readPage(webhooks, { ...query, sort: query.sort ?? 'created' }, sorts)
    const progress = await readProgress(
      app.database,
      rows.map(({ id }) => id),
    )
    const show = { all: seesSecrets(who), isNew: false }
    return { data: rows.map((row) => toWebhook(app.vault, row, progress.get(row.id), show)), ...(next && { next }) }
  },

  async getWebhook(call) {
    const { app, who, params } = call
    const row = await findConfigured(app.database, 'webhooks', params.id, who.accountId)
    if (!row) throw noSuch('webhook', params.id, who)
    call.etag(row.resourceSeq)
    return { data: await shown(app.database, call, row) }
  },

  async createWebhook(call) {
    await expectReachable(call, call.body.data.url)
    return call.write(async (trx) => {
      const row = await create(trx, call, call.body.data)
      call.etag(row.resourceSeq)
      return { data: await shown(trx, call, row, true) }
    })
  },

  updateWebhook: (call) => update(call, call.body.data.id),
  patchWebhook: (call) => update(call, call.params.id),

  deleteWebhook: (call) =>
    call.write(async (trx) => {
      const row = await lock(trx, call, call.params.id)
      await deleteConfigured(trx, 'webhooks', row.id)
      await announce(trx, row.id)
      const resourceSeq = row.resourceSeq + 1
      const data = { webhook: toWebhookState(call.app.vault, row) }
      await append(trx, { ...eventOf(row, call), resourceSeq, type: 'webhook.deleted', data })
      return { data: { id: row.id, webhook_id: row.id } }
    }),

  pauseWebhook: (call) =>
    call.write(async (trx) => {
      const before = await lock(trx, call, call.params.id)
      const row = before.isEnabled
        ? await updateConfigured(trx, 'webhooks', before.id, stopColumns(call.app.clock()))
        : before
      if (row !== before) {
        await announce(trx, row.id)
        const data = { webhook: toWebhookState(call.app.vault, row) }
        await append(trx, { ...eventOf(row, call), type: 'webhook.paused', data })
      }
      call.etag(row.resourceSeq)
      return { data: await shown(trx, call, row) }
    }),

  resumeWebhook: (call) =>
    call.write(async (trx) => {
      const before = await lock(trx, call, call.params.id)
      const catchUp = call.body.data.catch_up ?? true
      const row = before.isEnabled ? before : await updateConfigured(trx, 'webhooks', before.id, goColumns)
      if (row !== before) {
        await goOn(trx, row, catchUp, call.app.clock())
        await announce(trx, row.id)
        const data = { webhook: toWebhookState(call.app.vault, row), catch_up: catchUp }
        await append(trx, { ...eventOf(row, call), type: 'webhook.resumed', data })
      }
      call.etag(row.resourceSeq)
      return { data: await shown(trx, call, row) }
    }),

  rotateWebhookSecret: (call) =>
    call.write(async (trx) => {
      const { app, params, body } = call
      const before = await lock(trx, call, params.id)
      const { signing } = { ...standardWebhook, ...before.settings }
      const overlapMs = (body.data.overlap_seconds ?? dayMs / 1000) * 1000
      const { columns } = mergeSecrets(app.vault, 'webhooks', before, newSecrets(app, before, signing))
      const row = await updateConfigured(trx, 'webhooks', before.id, {
        ...(columns.secrets && { secrets: columns.secrets }),
        oldSecretExpiresAt: new Date(app.clock() + overlapMs),
      })
      await announce(trx, row.id)
      const data = { webhook: toWebhookState(app.vault, row) }
      await append(trx, { ...eventOf(row, call), type: 'webhook.secret_rotated', data })
      call.etag(row.resourceSeq)
      return { data: await shown(trx, call, row, true) }
    }),
}

const sorts = { id: sql<string>`id`, sorts: { created: byCreation } }

const eventOf = (row: WebhookRow, { actor }: Pick<Call, 'actor'>) => ({
  accountId: row.accountId,
  userId: null,
  resourceId: row.id,
  resourceSeq: row.resourceSeq,
  actor,
})

async function shown(db: Parameters<typeof readProgress>[0], { app, who }: Changing, row: WebhookRow, isNew = false) {
  const progress = await readProgress(db, [row.id])
  return toWebhook(app.vault, row, progress.get(row.id), { all: seesSecrets(who), isNew })
}

async function lock(
  trx: Transaction<Tables>,
  { who, expectVersion }: Pick<Call, 'who' | 'expectVersion'>,
  id: string,
): Promise<WebhookRow> {
  const row = await lockConfigured(trx, 'webhooks', id, who.accountId)
  if (!row) throw noSuch('webhook', id, who)
  expectVersion(row.resourceSeq)
  return row
}

/** What can never be delivered is refused at once (S8). Asked before the transaction: a name server may take its time. */
async function expectReachable({ app, who }: Pick<Call, 'app' | 'who'>, url: string | null | undefined): Promise<void> {
  if (!url) return
  const refusal = await app.outgoing.clientFor(who.accountId).refusal(url)
  if (refusal !== null) throw invalidField('data.url', `cannot be reached: ${refusal}`)
}

const stopColumns = (now: number) => ({ isEnabled: false, stoppedAt: new Date(now), disabledReason: null })
const goColumns = { isEnabled: true, stoppedAt: null, disabledReason: null }

/** Goes on where it was, or at the present; five days of failure begin anew. */
async function goOn(trx: Transaction<Tables>, { id }: WebhookRow, catchUp: boolean, now: number): Promise<void> {
  const log = await trx.selectFrom('eventLog').selectAll().executeTakeFirstOrThrow()
  const state = await trx
    .selectFrom('webhookStates')
    .selectAll()
    .where('webhookId', '=', id)
    .forUpdate()
    .executeTakeFirstOrThrow()
  if (catchUp && state.position < log.droppedPosition) {
    const oldest = formatCursor(log.droppedPosition)
    throw new ApiError(
      'cursor_expired',
      `The log does not reach back to where it stopped: resume with \`catch_up\` false, then replay from ${oldest}.`,
      { oldest },
    )
  }
  const position = catchUp ? state.position : log.position
  await trx.updateTable('webhookStates').set({ position, failingSince: null }).where('webhookId', '=', id).execute()
  const waiting = trx.updateTable('webhookDeliveries').where('webhookId', '=', id).where('status', '=', 'pending')
  // Somebody says that it works again: what waits is not left waiting for its next attempt.
  if (catchUp) return void (await waiting.set({ attemptCount: 0, nextAttemptAt: new Date(now) }).execute())
  const over = { status: 'cancelled' as const, finishedAt: new Date(now) }
  await waiting.set({ ...over, nextAttemptAt: null }).execute()
  await trx
    .updateTable('webhookReplays')
    .set(over)
    .where('webhookId', '=', id)
    .where('status', '=', 'running')
    .execute()
}

async function create(trx: Transaction<Tables>, call: Changing, body: NewWebhook): Promise<WebhookRow> {
  const { app, who } = call
  const id = newId()
  const settings = mergeSettings(standardWebhook, {}, body)
  const all = { ...standardWebhook, ...settings }
  const scopes = grantedScopes(who, all)
  const secret = newSigningSecret(all.signing)
  const { columns } = mergeSecrets(app.vault, 'webhooks', { id, secrets: null }, { secret, ...wantedSecrets(body) })
  const position = await startOf(trx, body.after ?? 'now')
  const isEnabled = body.enabled ?? true
  const row = await insertConfigured(trx, 'webhooks', {
    id,
    accountId: who.accountId,
    name: body.name ?? null,
    url: body.url,
    isEnabled,
    ...(!isEnabled && { stoppedAt: new Date(app.clock()) }),
    externalId: body.external_id ?? null,
    scopes,
    settings: JSON.stringify(settings),
    secrets: columns.secrets ?? Buffer.alloc(0), // never: there is a signing secret
    createdAt: new Date(app.clock()),
  })
  await trx.insertInto('webhookStates').values({ webhookId: id, position }).execute()
  await announce(trx, id)
  const data = { webhook: toWebhookState(app.vault, row) }
  await append(trx, { ...eventOf(row, call), type: 'webhook.created', data })
  return row
}

async function update(call: Call<'updateWebhook' | 'patchWebhook'>, id: string) {
  const body: PatchWebhook = call.body.data
  if (body.url === null) throw invalidField('data.url', 'cannot be null')
  await expectReachable(call, body.url)
  return call.write(async (trx) => {
    const before = await lock(trx, call, id)
    keepObject(before, body)
    const after = await change(trx, call, before, body)
    call.etag(after.resourceSeq)
    const isNew = openWebhook(call.app.vault, before).secret !== openWebhook(call.app.vault, after).secret
    return { data: await shown(trx, call, after, isNew) }
  })
}

async function change(trx: Transaction<Tables>, call: Changing, before: WebhookRow, body: PatchWebhook) {
  const { app, who } = call
  const settings = mergeSettings(standardWebhook, before.settings, body)
  const all = { ...standardWebhook, ...settings }
  const { columns, told } = secretsAfter(call, before, all.signing, body)
  const isEnabled = cleared(body.enabled, true)
  const wanted = {
    ...changesTo(before, {
      name: body.name,
      url: body.url ?? undefined,
      externalId: body.external_id,
      settings: JSON.stringify(settings),
    }),
    ...columns,
    ...(isEnabled === false && before.isEnabled && stopColumns(app.clock())),
    ...(isEnabled === true && !before.isEnabled && goColumns),
  }
  if (Object.keys(wanted).length === 0) return before
  const scopes = isRedirected(before, body, all) ? { scopes: grantedScopes(who, all) } : {}
  const after = await updateConfigured(trx, 'webhooks', before.id, { ...wanted, ...scopes })
  if (after.isEnabled && !before.isEnabled) await goOn(trx, after, true, app.clock())
  await announce(trx, after.id)
  await append(trx, {
    ...eventOf(after, call),
    type: 'webhook.updated',
    data: {
      before: toWebhookState(app.vault, before),
      after: toWebhookState(app.vault, after),
      ...(told && { secrets: told }),
    },
  })
  return after
}

/**
 * Whoever decides where events go or which must be allowed to read them: what an earlier maker was allowed to read is not
 * sent to an address that another chose.
 */
function isRedirected(before: WebhookRow, body: PatchWebhook, after: WebhookSettings): boolean {
  const was = { ...standardWebhook, ...before.settings }
  return (
    (body.url !== undefined && body.url !== before.url) ||
    was.format !== after.format ||
    was.include_subaccounts !== after.include_subaccounts ||
    was.event_types.join() !== after.event_types.join()
  )
}

/** E6: of what is named, what the credential may read; a type that it may not read is refused by name. */
function grantedScopes(who: Principal, { event_types, format, include_subaccounts }: WebhookSettings): Scope[] {
  const { types, unknown } = typesNamed(event_types)
  if (unknown !== undefined) throw invalidField('data.event_types', unknownEvent(unknown))
  if (include_subaccounts) expectScope(who, 'subaccounts', 'data.include_subaccounts')
  for (const type of typesNamed(event_types.filter((pattern) => !pattern.includes('*'))).types) {
    for (const scope of scopesOf([type])) expectScope(who, scope, `data.event_types: ${type}`)
  }
  const scopes = allScopes.filter((scope) => scopesOf(types).has(scope) && mayUse(who, scope))
  if (typesChosen({ patterns: event_types, scopes, format }).size > 0) return scopes
  if (typesChosen({ patterns: event_types, scopes: allScopes, format }).size === 0) {
    throw invalidField('data.event_types', 'names nothing that `meeting_v6` sends: events of meetings')
  }
  const [missing] = scopesOf(types)
  expectScope(who, missing ?? 'events', 'data.event_types')
  return scopes
}

/** What is given; absent fields and masks say nothing. */
function wantedSecrets({ headers, api_key }: Pick<PatchWebhook, 'headers' | 'api_key'>) {
  const named = Object.entries(headers ?? {}).map(
    ([name, value]) => [headerPrefix + name.toLowerCase(), value] as const,
  )
  const given = [['api_key', api_key] as const, ...named].filter(([, value]) => value !== undefined && !isMask(value))
  return Object.fromEntries(given)
}

/**
 * A new kind of signature is a new secret. Null takes all headers away, and so does another origin that is set by somebody
 * who may not see them: they would be sent there.
 */
function secretsAfter(
  { app, who }: Changing,
  before: WebhookRow,
  signing: WebhookSettings['signing'],
  body: PatchWebhook,
) {
  const isElsewhere = !seesSecrets(who) && !!body.url && new URL(body.url).origin !== new URL(before.url).origin
  const none = body.headers === null || isElsewhere ? Object.keys(openWebhook(app.vault, before).headers) : []
  const removed = {
    ...Object.fromEntries(none.map((name) => [headerPrefix + name, null])),
    ...(isElsewhere && { api_key: null }),
  }
  const isOther = signing !== { ...standardWebhook, ...before.settings }.signing
  const renewed = isOther ? newSecrets(app, before, signing) : {}
  const wanted = { ...removed, ...wantedSecrets(body), ...renewed }
  refuseManyHeaders(openWebhook(app.vault, before).headers, wanted)
  const { columns, told } = mergeSecrets(app.vault, 'webhooks', before, wanted)
  return {
    columns: {
      ...(columns.secrets && { secrets: columns.secrets }),
      ...(isOther && { oldSecretExpiresAt: new Date(app.clock() + dayMs) }),
    },
    told: told && toldOf(told),
  }
}

/** With those that are there already. */
function refuseManyHeaders(before: object, wanted: Readonly<Record<string, string | null | undefined>>): void {
  const names = new Set(Object.keys(before).map((name) => headerPrefix + name))
  for (const [name, value] of Object.entries(wanted)) {
    if (value === null) names.delete(name)
    else if (name.startsWith(headerPrefix)) names.add(name)
  }
  if (names.size > mostHeaders) throw invalidField('data.headers', `must be at most ${mostHeaders}`)
}

const toldOf = ({ old_secret: _, ...told }: NonNullable<ChangedSecrets['told']>) =>
  Object.fromEntries(Object.entries(told).map(([name, value]) => [name.replace(headerPrefix, 'headers.'), value]))

/** The secret before signs too, until its time is over. */
const newSecrets = (app: Call['app'], row: WebhookRow, signing: WebhookSettings['signing']) => ({
  secret: newSigningSecret(signing),
  old_secret: openWebhook(app.vault, row).secret,
})
