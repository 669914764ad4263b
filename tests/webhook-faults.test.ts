/** What one webhook does must not harm another, nor tell what it may not: lost events, erasure, tests without end, addresses. */
import type { ServerResponse } from 'node:http'
import { sql } from 'kysely'
import { beforeEach, expect, it, vi } from 'vitest'
import { allScopes, type Scope } from '../contract/access.ts'
import { secretMask } from '../contract/webhook.ts'
import { erasePerson } from '../server/events/erase.ts'
import { append } from '../server/events/inbox.ts'
import { newId } from '../server/ids.ts'
import { announce } from '../server/store/webhooks.ts'
import { Places } from '../server/webhooks/places.ts'
import { call } from './app.ts'
import { countOf } from './queries.ts'
import { eventually, webhookApp } from './webhook-receiver.ts'
import { done, inAccount, makeKey, makeTenant, operator, withKey } from './world.ts'

const { app, http, receiver, dispatcher } = await webhookApp()
const keyWithout = async (...lacking: Scope[]) => {
  const scopes = allScopes.filter((scope) => ![...lacking, 'secrets', 'instance'].includes(scope))
  return withKey((await makeKey(http, app.rootAccountId, scopes)).secret)
}
const headers = await keyWithout()
const actor = { type: 'system', id: null } as const
let paths = 0
vi.setConfig({ testTimeout: 60_000 })
beforeEach(() => {
  receiver.answer = 200
})

async function settled(): Promise<void> {
  await eventually(() => app.database.selectFrom('eventInbox').select('id').execute()).toEqual([])
  const { position } = await app.database.selectFrom('eventLog').select('position').executeTakeFirstOrThrow()
  await eventually(() => app.feed.position).toBeGreaterThanOrEqual(position)
}
async function make(fields: object = {}) {
  const path = `/fault-${paths++}`
  await settled()
  const asked = { url: receiver.url + path, event_types: ['key.created'], ...fields }
  const { data } = await done(http, 'PUT', '/v3.0/webhooks', { data: asked }, headers)
  await eventually(() => dispatcher.figures.endpoints).toBeGreaterThan(0)
  return { id: data.id as string, path }
}
const patch = (id: string, data: object) => done(http, 'PATCH', `/v3.0/webhooks/${id}`, { data }, headers)
const read = async (path: string, credential: Record<string, string> = headers) =>
  (await done(http, 'GET', `/v3.0/webhooks${path}`, undefined, credential)).data
const remove = (id: string) => done(http, 'DELETE', `/v3.0/webhooks/${id}`, undefined, headers)
const happen = (name: string) => done(http, 'PUT', '/v3.0/keys', { data: { name, scopes: ['meeting'] } }, headers)
const arrived = (path: string, count: number) => eventually(() => receiver.of(path).length).toBe(count)

/** Whether the process read an event when it came into the log. */
async function isLogRead(): Promise<boolean> {
  await settled()
  const before = countOf('tail')
  await happen('to nobody')
  await settled()
  return countOf('tail') > before
}

/** Keeps requests open until they are let go. */
function hold(path: string): () => void {
  const held: ServerResponse[] = []
  receiver.answer = (_request, response, { path: at }) => (at === path ? held.push(response) : response.end())
  return () => {
    receiver.answer = 200
    for (const response of held) response.end()
  }
}

/** Something that a person did. */
async function sayOf(userId: string, resourceId: string): Promise<void> {
  await app.database.transaction().execute((trx) =>
    append(trx, {
      accountId: app.rootAccountId,
      userId,
      type: 'session.deleted',
      resourceId,
      resourceSeq: 1,
      actor: null,
      data: { user_id: userId, key_id: null },
    }),
  )
  app.sequencer.poke()
  await settled()
}
async function erase(userId: string): Promise<void> {
  await erasePerson(app.database, { accountId: app.rootAccountId, userId, actor, now: new Date() })
  app.sequencer.poke()
  await settled()
}

it('has the log read while it is on, and not by its absence', async () => {
  expect(await isLogRead()).toBe(false)
  const { id, path } = await make()
  await happen('to somebody')
  await arrived(path, 1)
  expect(await isLogRead()).toBe(true)
  await patch(id, { enabled: false })
  await eventually(isLogRead).toBe(false)
  await patch(id, { enabled: true })
  await eventually(isLogRead).toBe(true)
  await remove(id)
  await eventually(isLogRead).toBe(false)
})

it('goes on with what is kept when retention was faster, and holds nobody else', async () => {
  const behind = await make()
  const well = await make()
  // What is read is not in memory any more, and the log begins later.
  await sayOf('gone', 'gone')
  await erase('gone')
  await app.database
    .updateTable('eventLog')
    .set((is) => ({ droppedPosition: is.ref('position') }))
    .execute()
  await app.database.updateTable('webhookStates').set({ position: 0 }).where('webhookId', '=', behind.id).execute()
  await announce(app.database, behind.id)
  await happen('after')
  await arrived(well.path, 1)
  await arrived(behind.path, 1)
  await Promise.all([remove(behind.id), remove(well.id)])
})

it('has another ordering while requests are under way, and loses none and sends none twice', async () => {
  const { id, path } = await make()
  const release = hold(path)
  for (const name of ['one', 'two', 'three']) await happen(name)
  await arrived(path, 3)
  await patch(id, { ordering: 'strict' })
  await patch(id, { ordering: 'per_resource' })
  const before = dispatcher.figures.endpoints
  await happen('four')
  await arrived(path, 4)
  release()
  await eventually(async () => (await read(`/${id}/deliveries?status=delivered`)).length).toBe(4)
  await happen('five')
  await eventually(async () => (await read(`/${id}/deliveries?status=delivered`)).length).toBe(5)
  expect([receiver.of(path).length, dispatcher.figures.endpoints]).toEqual([5, before])
  await remove(id)
})

it('has another ordering as a request fails, and tries that one again', async () => {
  const { id, path } = await make()
  const held: ServerResponse[] = []
  receiver.answer = (_request, response) => held.push(response)
  await happen('fails')
  await arrived(path, 1)
  await app.database.transaction().execute(async (trx) => {
    await sql`lock table webhook_states in access exclusive mode`.execute(trx)
    const settings = JSON.stringify({ event_types: ['key.created'], ordering: 'strict' })
    await app.database.updateTable('webhooks').set({ settings }).where('id', '=', id).execute()
    await announce(app.database, id)
    // Amid reading it again.
    const stuck = sql`select from pg_locks where not granted and relation = 'webhook_states'::regclass
      and database = (select oid from pg_database where datname = current_database())`
    await eventually(async () => (await stuck.execute(trx)).rows.length).toBe(1)
    held[0]?.writeHead(500).end()
    await eventually(() => dispatcher.figures.inFlight).toBe(0)
  })
  await eventually(async () => (await read(`/${id}/deliveries`))[0]?.attempt_count).toBe(1)
  await eventually(() => dispatcher.figures.waiting).toBe(1)
  await remove(id)
})

it('is tested five times at once and not more, which takes no place of an event', async () => {
  const { id, path } = await make()
  const release = hold(path)
  const test = () => call(http, 'POST', `/v3.0/webhooks/${id}/test`, { data: {} }, headers)
  for (let count = 0; count < 5; count++) expect((await test()).status).toBe(200)
  const refused = await test()
  expect([refused.status, refused.body.error.message]).toEqual([409, expect.stringContaining('5 tests')])
  await arrived(path, 5)
  await happen('beside them')
  await arrived(path, 6)
  release()
  await eventually(async () => (await read(`/${id}/deliveries?status=delivered`)).length).toBe(6)
  expect((await test()).status).toBe(200)
  await remove(id)
})

it('takes its headers and key to another origin only for who may see them', async () => {
  const own = { headers: { authorization: 'Bearer planted', 'x-b': 'planted too' }, api_key: 'planted-key' }
  const elsewhere = receiver.url.replace('127.0.0.1', '127.0.0.2')
  const { id } = await make(own)
  const shown = async () => {
    const { headers: names, api_key } = await read(`/${id}`, operator)
    return { headers: names, api_key }
  }
  await patch(id, { url: `${receiver.url}/another-path` })
  expect(await shown()).toEqual(own)
  await patch(id, { url: elsewhere, headers: { authorization: secretMask, 'x-b': 'given anew' } })
  expect(await shown()).toEqual({ headers: { 'x-b': 'given anew' }, api_key: null })
  await done(http, 'PATCH', `/v3.0/webhooks/${id}`, { data: { url: receiver.url } }, operator)
  expect((await shown()).headers).toEqual({ 'x-b': 'given anew' })
  await remove(id)
})

it('gets nothing of a person that was erased while it waited, and its answers are erased too (E5)', async () => {
  const { id, path } = await make({ event_types: ['session.deleted'], ordering: 'strict' })
  const userId = newId()
  receiver.answer = (request, response) => response.end(String(request.headers['webhook-id']))
  await sayOf(userId, 'first')
  await eventually(async () => (await read(`/${id}/deliveries?status=delivered`)).length).toBe(1)
  const [{ id: first }] = await read(`/${id}/deliveries`)
  expect((await read(`/${id}/deliveries/${first}`)).response.body).not.toBe('')
  const release = hold(path)
  await sayOf('another', 'held')
  await arrived(path, 2)
  await sayOf(userId, 'second')
  await eventually(async () => (await read(`/${id}`)).pending).toBe(2)
  await erase(userId)
  release()
  await arrived(path, 3)
  const last = JSON.parse(receiver.of(path)[2]?.body ?? '')
  expect(last).toMatchObject({ resource: { id: 'second' }, data: null })
  expect((await read(`/${id}/deliveries/${first}`)).response).toBeNull()
  await remove(id)
})

it('tells of events of accounts below only with the scope for it, also by what was answered', async () => {
  const { id, path } = await make({ include_subaccounts: true })
  receiver.answer = (_request, response, { body }) => response.end(body)
  const tenant = await makeTenant(http)
  await arrived(path, 1)
  await eventually(async () => (await read(`/${id}/deliveries?status=delivered`)).length).toBe(1)
  const [delivery] = await read(`/${id}/deliveries`)
  expect(delivery.event.account_id).toBe(tenant.accountId)
  const seen = await read(`/${id}/deliveries/${delivery.id}`)
  expect([seen.request.body, seen.response.body]).toEqual([receiver.of(path)[0]?.body, receiver.of(path)[0]?.body])
  const hidden = await read(`/${id}/deliveries/${delivery.id}`, await keyWithout('subaccounts'))
  expect([hidden.request.body, hidden.response.body]).toEqual([null, null])
  await remove(id)
})

it.each([
  ['family of events', 'account', { event_types: ['meeting.*'] }, () => happen('another’s')],
  ['subaccount', 'subaccounts', { include_subaccounts: false }, () => makeTenant(http)],
] as const)(
  'sends whoever turned it elsewhere nothing of a %s that they may not read, whatever waits (E6)',
  async (...of) => {
    const [, scope, less, begin] = of
    const limited = await keyWithout(scope)
    const { id, path } = await make({ include_subaccounts: true })
    receiver.answer = 500
    await begin()
    await arrived(path, 1)
    await eventually(async () => (await read(`/${id}/deliveries`))[0]?.last_status).toBe(500)
    receiver.answer = 200
    const data = { url: `${receiver.url}${path}/elsewhere`, ...less }
    await done(http, 'PATCH', `/v3.0/webhooks/${id}`, { data }, limited)
    const [delivery] = await read(`/${id}/deliveries`)
    await done(http, 'POST', `/v3.0/webhooks/${id}/deliveries/${delivery.id}/resend`, undefined, limited)
    await eventually(async () => (await read(`/${id}/deliveries`))[0]?.status).not.toBe('pending')
    const [ended] = await read(`/${id}/deliveries`)
    expect(ended).toMatchObject({ status: 'failed', last_error: expect.stringContaining('may not get') })
    expect(receiver.of(`${path}/elsewhere`)).toEqual([])
    expect((await read(`/${id}`)).pending).toBe(0)
    await remove(id)
  },
)

it('is not turned off because the address that it had says that it is gone', async () => {
  const { id, path } = await make()
  const held: ServerResponse[] = []
  receiver.answer = (_request, response, { path: at }) => (at === path ? held.push(response) : response.end())
  await happen('asked there')
  await arrived(path, 1)
  await patch(id, { url: `${receiver.url}${path}/new` })
  await done(http, 'POST', `/v3.0/webhooks/${id}/test`, { data: {} }, headers)
  await arrived(`${path}/new`, 1)
  held[0]?.writeHead(410).end()
  await eventually(async () => (await read(`/${id}/deliveries?status=pending`))[0]?.last_status).toBe(410)
  await happen('asked here')
  await eventually(() => receiver.of(`${path}/new`).some(({ body }) => body.includes('asked here'))).toBe(true)
  expect(await read(`/${id}`)).toMatchObject({ status: 'active', disabled_reason: null })
  await remove(id)
})

it('is counted through for a replay before it is locked, for which whoever sends would wait with all others', async () => {
  const { id } = await make()
  const replay = () => done(http, 'POST', `/v3.0/webhooks/${id}/replay`, { data: { event_types: ['*'] } }, headers)
  const { data } = await app.database.transaction().execute(async (trx) => {
    await trx.selectFrom('webhooks').select('id').where('id', '=', id).forUpdate().execute()
    const replaying = replay()
    // Who waits, in a transaction that has read the log.
    const countedWaiters = sql`
      select distinct held.pid from pg_locks waiting join pg_locks held on held.pid = waiting.pid
      where not waiting.granted and held.granted and held.relation = 'events'::regclass
        and held.database = (select oid from pg_database where datname = current_database())`
    await eventually(async () => (await countedWaiters.execute(app.database)).rows.length).toBe(1)
    return { data: replaying }
  })
  expect((await data).data).toMatchObject({ webhook_id: id, total: expect.any(Number) })
  await remove(id)
})

it('fails at once what cannot be sent any more, which is not held against it', async () => {
  const { id, path } = await make({ event_types: ['meeting.*'], format: 'meeting_v6', ordering: 'strict' })
  const release = hold(path)
  const tenant = await makeTenant(http)
  await done(http, 'POST', '/api/v6/meeting', { topic: 'Held' }, headers)
  await arrived(path, 1)
  await done(http, 'POST', '/api/v6/meeting', { topic: 'Erased' }, headers)
  await eventually(async () => (await read(`/${id}`)).pending).toBe(2)
  await app.database
    .updateTable('events')
    .set({ data: null })
    .where('type', '=', 'meeting.scheduled')
    .where('accountId', '=', app.rootAccountId)
    .execute()
  await sayOf(tenant.user.id, 'x')
  await erase(tenant.user.id)
  release()
  await eventually(async () => (await read(`/${id}/deliveries?status=failed`)).length).toBe(1)
  const [failed] = await read(`/${id}/deliveries?status=failed`)
  expect(failed).toMatchObject({ attempt_count: 1, last_error: expect.stringContaining('does not hold') })
  expect(await read(`/${id}`)).toMatchObject({ pending: 0, failing_since: null })
  await remove(id)
})

it('is forgotten with its account', async () => {
  await eventually(() => dispatcher.figures.endpoints).toBe(0)
  const account = await done(http, 'POST', '/api/v6/account', {
    adminFirstname: 'Ann',
    adminLastname: 'Admin',
    adminEmail: 'gone@example.com',
  })
  const accountId: string = account.data.id
  // Of a paused one no cursor moves, which would find out too.
  const data = { url: 'https://93.184.215.14/', enabled: false }
  await done(http, 'PUT', '/v3.0/webhooks', { data }, inAccount(accountId))
  await eventually(() => dispatcher.figures.endpoints).toBe(1)
  await done(http, 'DELETE', `/api/v6/account/${accountId}`, undefined, operator)
  await eventually(() => dispatcher.figures.endpoints).toBe(0)
})

it('places are so many in all, so many for one account, and there is one for the next', () => {
  const places = new Places(6, 4)
  const take = (accountId: string, most: number) => {
    let taken = 0
    for (; taken < most && places.isFreeFor(accountId, taken); taken++) places.take(`${accountId}${taken}`, accountId)
    return taken
  }
  expect(take('a', 9), 'half of what its account has').toBe(2)
  places.take('a1', 'a')
  expect(places.size).toBe(2)
  expect(places.isFreeFor('a', 0), 'another endpoint of the account').toBe(true)
  expect(take('b', 9)).toBe(2)
  expect([places.isFreeFor('a', 0), places.isFreeFor('c', 0)], 'two are left, for who has none').toEqual([false, true])
  for (const id of ['a1', 'a1', 'unknown']) places.free(id)
  expect([places.has('a1'), places.size, places.isFreeFor('a', 1)]).toEqual([false, 3, true])
})
