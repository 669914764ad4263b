/** `/v3.0/websockets/events` over real sockets: who may what, what is told, commands, and how it ends (E2-E7, S4). */
import { randomBytes } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import type { Socket } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { closeCodes, socketLimits } from '../contract/realtime.ts'
import { operationTable } from '../contract/operations.ts'
import { cookieName } from '../server/auth/cookie.ts'
import type { Follower } from '../server/events/feed.ts'
import { toInboxRow } from '../server/events/inbox.ts'
import { newId } from '../server/ids.ts'
import { noVoice, type Voice } from '../server/app.ts'
import { testApp } from './app.ts'
import { openSocket, type SocketClient } from './event-socket.ts'
import { readSse } from './event-stream.ts'
import { fakeVoice } from './voice.ts'
import { done, insertLiveCall, makeKey, makeTenant, tokenFor, withKey, withTelephony } from './world.ts'

let voice: Voice = noVoice
// All clients are in this process: a stall of it must not make one that reads a slow one.
const { app, http, setNow } = await testApp({
  streams: { heartbeatMs: 100, slowMs: 2_000 },
  voice: { ...noVoice, command: (command) => voice.command(command) },
})
voice = fakeVoice(app.database)
const origin = await http.listen({ host: '127.0.0.1', port: 0 })
const tenant = await withTelephony({ app, http }, await makeTenant(http))
const other = await makeTenant(http)
const key = withKey(tenant.key.secret)

const open: SocketClient[] = []
afterEach(() => {
  for (const client of open.splice(0)) client.close()
})

async function connect(headers: Record<string, string> = {}): Promise<SocketClient> {
  const client = await openSocket(origin, headers)
  open.push(client)
  return client
}

/** One that is known. */
async function signedIn(secret = tenant.key.secret): Promise<SocketClient> {
  const client = await connect()
  client.say({ type: 'authenticate', api_key: secret })
  expect(await client.next()).toMatchObject({ type: 'authenticated' })
  return client
}

const schedule = (topic = 'T') => done(http, 'POST', '/api/v6/meeting', { topic }, key).then(({ data }) => data)
const meetings = { type: 'meeting.scheduled' }

describe('who it is', () => {
  it('is said by the first frame, or by headers, or by the cookie of a page of this server', async () => {
    const client = await connect()
    client.say({ type: 'authenticate', token: tenant.user.token })
    expect(await client.next()).toMatchObject({ user_id: tenant.user.id, role: 'user', account_id: tenant.accountId })
    expect(await (await connect(key)).next()).toMatchObject({ type: 'authenticated', role: 'admin' })
    const cookie = `${cookieName(app.config.publicUrl)}=${tenant.admin.token}`
    expect(await (await connect({ cookie, origin })).next()).toMatchObject({ user_id: tenant.admin.id })
    for (const site of ['https://evil.example', 'null', 'http://127.0.0.1:1']) {
      const refused = await connect({ cookie, origin: site })
      expect(await refused.closed).toMatchObject({ code: closeCodes.unauthenticated.code })
    }
  })

  it('is an account below, or a person, for a key that may', async () => {
    const client = await connect()
    client.say({ type: 'authenticate', api_key: 'the-instance-key-of-the-tests', account_id: other.accountId })
    expect(await client.next()).toMatchObject({ account_id: other.accountId, role: 'admin' })
    const person = await connect()
    person.say({ type: 'authenticate', api_key: tenant.key.secret, user_id: tenant.user.id })
    expect(await person.next()).toMatchObject({ user_id: tenant.user.id })
    const foreign = await connect()
    foreign.say({ type: 'authenticate', api_key: tenant.key.secret, account_id: other.accountId })
    expect(await foreign.next()).toMatchObject({ type: 'error', error: { type: 'not_found' } })
    expect(await foreign.closed).toMatchObject({ code: closeCodes.unauthenticated.code })
  })

  it.each([
    ['an unknown key', { type: 'authenticate', api_key: 'unknown' }],
    ['no credential', { type: 'authenticate' }],
    ['two of them', { type: 'authenticate', api_key: 'a', token: 'b' }],
    ['another frame first', { type: 'subscribe', id: 'a' }],
    ['what is no frame', 'hello'],
  ])('is not known by %s, which closes it', async (_what, frame) => {
    const client = await connect()
    client.say(frame)
    expect(await client.closed).toMatchObject({ code: closeCodes.unauthenticated.code })
  })

  it('must be known within five seconds', async () => {
    const client = await connect()
    const began = Date.now()
    expect(await client.closed).toMatchObject({ code: closeCodes.unauthenticated.code })
    expect(Date.now() - began).toBeGreaterThan(socketLimits.authenticateSeconds * 1000 - 200)
  })
})

describe('a subscription', () => {
  it('tells the same bytes as the log and as Server-Sent Events (E6)', async () => {
    const log = (await http.inject({ url: '/v3.0/events?limit=1000', headers: key })).body
    const { data } = JSON.parse(log)
    const client = await signedIn()
    client.say({ type: 'subscribe', id: 'all' })
    await client.events('all', data.length)
    expect(log.startsWith(`{"data":[${client.texts.get('all')?.join()}]`)).toBe(true)
    const sse = await readSse(`${origin}/v3.0/realtime/stream`, key)
    await sse.next(data.length)
    expect(client.texts.get('all')).toEqual(sse.texts)
    sse.close()
  })

  it('begins at a cursor, is one of several, filters, and ends when it is asked to', async () => {
    const client = await signedIn()
    client.say({ type: 'subscribe', id: 'now', after: 'now', filter: meetings })
    const { cursor } = await client.until('subscribed')
    client.say({ type: 'subscribe', id: 'deleted', after: cursor, filter: { type: 'account.deleted' } })
    await client.until('subscribed')
    await schedule('One')
    const [one] = await client.events('now', 1)
    expect(one?.data).toMatchObject({ meeting: { topic: 'One' } })
    client.say({ type: 'subscribe', id: 'again', after: cursor, filter: meetings })
    expect(await client.events('again', 1)).toEqual([one])
    client.say({ type: 'unsubscribe', id: 'now' })
    expect(await client.until('unsubscribed')).toMatchObject({ id: 'now', cursor: expect.stringMatching(/^c/) })
    await schedule('Two')
    await client.events('again', 1)
    expect(client.texts.get('now')).toHaveLength(1)
    // What did not match has been passed (E3).
    const passed = async () => (await client.until('heartbeat')).cursors
    const { cursor: two } = JSON.parse(client.texts.get('again')?.at(-1) ?? '')
    for (let cursors = await passed(); cursors.deleted !== two; ) cursors = await passed()
    expect(await passed()).not.toHaveProperty('now')
  })

  it('needs its scopes, and is refused by the name of the one that is missing; the socket goes on', async () => {
    const narrow = await makeKey(http, tenant.accountId, ['realtime', 'meeting'])
    const client = await signedIn(narrow.secret)
    const refused = async (frame: object) => {
      client.say({ type: 'subscribe', id: 'x', ...frame })
      return (await client.until('error')).error
    }
    expect(await refused({ filter: { type: 'call.*' } })).toMatchObject({
      details: { missing_scope: 'telephony:read' },
    })
    expect(await refused({ filter: { account: 'tree' } })).toMatchObject({ details: { missing_scope: 'subaccounts' } })
    expect(await refused({ filter: { account: other.accountId } })).toMatchObject({
      details: { missing_scope: 'subaccounts' },
    })
    expect(await refused({ after: 'czzzzzzzz' })).toMatchObject({
      type: 'invalid_request',
      message: expect.stringContaining('after'),
    })
    expect(await refused({ after: 'garbage' })).toMatchObject({ type: 'invalid_request' })
    expect(await refused({ filter: { type: 'no.such' } })).toMatchObject({ type: 'invalid_request' })
    expect(await refused({ filter: { limit: 1 } })).toMatchObject({ details: { issues: [{ field: 'filter.limit' }] } })
    client.say({ type: 'subscribe', id: 'x', after: 'now' })
    expect(await client.next()).toMatchObject({ type: 'subscribed', id: 'x' })
    expect(await refused({})).toMatchObject({ type: 'conflict' })
    const events = await makeKey(http, tenant.accountId, ['events', 'meeting'])
    const without = await signedIn(events.secret)
    without.say({ type: 'subscribe', id: 'x' })
    expect((await without.until('error')).error).toMatchObject({ details: { missing_scope: 'realtime' } })
  })

  it('that fails after it was unsubscribed ends no later one of the same name', async () => {
    const client = await signedIn()
    let fail = (_error: Error) => {}
    const failed = new Promise<never>((_resolve, reject) => {
      fail = reject
    })
    const failing = { position: 0, next: () => failed, stop: () => {} }
    const follow = vi.spyOn(app.feed, 'follow').mockReturnValueOnce(failing as unknown as Follower)
    const error = vi.spyOn(app.log, 'error').mockImplementation(() => {})
    client.say({ type: 'subscribe', id: 's', after: 'now' })
    await client.until('subscribed')
    client.say({ type: 'unsubscribe', id: 's' })
    await client.until('unsubscribed')
    client.say({ type: 'subscribe', id: 's', after: 'now', filter: meetings })
    await client.until('subscribed')
    fail(new Error('late'))
    await vi.waitFor(() => expect(error).toHaveBeenCalled(), 10_000)
    await schedule('Still told')
    expect(await client.next()).toMatchObject({ type: 'event', id: 's' })
    client.say({ type: 'unsubscribe', id: 's' })
    expect(await client.next()).toMatchObject({ type: 'unsubscribed' })
    follow.mockRestore()
    error.mockRestore()
  })

  it('is one of a hundred at most, and thousands are cut off', async () => {
    const client = await signedIn()
    const { subscriptions } = socketLimits
    for (let index = 0; index < subscriptions; index++)
      client.say({ type: 'subscribe', id: `s${index}`, after: 'now', filter: meetings })
    for (let index = 0; index < subscriptions; index++) await client.until('subscribed')
    client.say({ type: 'subscribe', id: 'more' })
    expect((await client.until('error')).error.message).toContain(`${subscriptions}`)
    await schedule()
    await Promise.all([client.events('s99', 1)])
    for (let index = 0; index < 3_000; index++) client.say({ type: 'unsubscribe', id: 'x' })
    expect(await client.closed).toMatchObject({ code: closeCodes.rate_limited.code })
    await vi.waitFor(() => expect(app.feed.followers).toBe(0), 10_000)
  })
})

describe('frames', () => {
  it('that are written by who reads no answer are not carried out without end (each answer waits to be read)', async () => {
    await vi.waitFor(() => expect(app.streams.size, 'those of before are gone').toBe(0), 10_000)
    const lines: object[] = []
    const info = vi.spyOn(app.log, 'info').mockImplementation((line: unknown) => void lines.push(line as object))
    const stuck = await rawSocket()
    // An error names the field, so that the answer is about as long as the question.
    const wrong = toFrame(JSON.stringify({ type: 'unsubscribe', id: 'x', ['y'.repeat(60_000)]: 1 }))
    const flood = setInterval(() => stuck.write(wrong), 25)
    stuck.on('error', () => {})
    await vi.waitFor(() => expect(lines).toContainEqual(expect.objectContaining({ reason: 'slow_reader' })), 15_000)
    await vi.waitFor(() => expect(app.streams.size).toBe(0), 10_000)
    clearInterval(flood)
    stuck.destroy()
    info.mockRestore()
  })

  it('that wait for a slow one are counted, and too many close it by name', async () => {
    const client = await signedIn()
    const find = vi.spyOn(app.credentials, 'find').mockReturnValueOnce(new Promise(() => {}))
    client.say({ type: 'authenticate', api_key: 'slow' })
    const wait = () => client.say({ type: 'unsubscribe', id: 'x' })
    for (let index = 2; index < socketLimits.framesWaiting - 8; index++) wait()
    // No faster than is allowed, so that it is not their rate.
    const more = setInterval(wait, 1_500 / socketLimits.framesPerSecond)
    expect(await client.closed).toMatchObject({ code: closeCodes.rate_limited.code })
    expect(find).toHaveBeenCalled()
    clearInterval(more)
    find.mockRestore()
  })

  it.each([
    ['no JSON', '{', 'frame'],
    ['a list', '[]', 'frame'],
    ['null', 'null', 'frame'],
    ['an unknown kind', { type: 'dance', id: 'd' }, 'type'],
    ['no id', { type: 'subscribe' }, 'id'],
    ['an unknown field', { type: 'unsubscribe', id: 'd', more: 1 }, 'more'],
    ['NUL', '{"type":"subscribe","id":"a\\u0000"}', 'id'],
    ['what would change its kind', '{"type":"subscribe","id":"a","__proto__":{}}', '__proto__'],
  ])('that are %s are answered with an error that names the field, and are not fatal', async (_what, frame, field) => {
    const client = await signedIn()
    client.say(frame)
    const { error } = await client.until('error')
    expect(error).toMatchObject({ type: 'invalid_request', details: { issues: [{ field }] } })
    client.say({ type: 'subscribe', id: 'ok', after: 'now' })
    expect(await client.next()).toMatchObject({ type: 'subscribed' })
  })

  it('that are too large close it', async () => {
    const client = await signedIn()
    client.say('x'.repeat(socketLimits.frameBytes + 1))
    expect(await client.closed).toMatchObject({ code: 1009 })
    const other = await signedIn()
    other.say('x'.repeat(400_000))
    expect(await other.closed).toMatchObject({ code: 1009 })
  })
})

describe('a command', () => {
  const call = async (client: SocketClient, frame: object) => {
    client.say({ type: 'call', id: 'c', ...frame })
    return client.until('result')
  }

  it('is the operation of HTTP, with the same validation, rights, idempotency and answer', async () => {
    const client = await signedIn()
    const call_id = await insertLiveCall(app.database, tenant)
    const frame = {
      operation: 'muteCall',
      params: { call_id },
      body: { data: {} },
      headers: { 'Idempotency-Key': newId() },
    }
    const first = await call(client, frame)
    expect(first).toMatchObject({ id: 'c', status: 200, body: { data: { call_id, status: 'done' } } })
    const again = await call(client, frame)
    expect(again).toMatchObject({ headers: { 'idempotent-replayed': 'true' }, body: first.body })
    const http2 = await http.inject({
      method: 'POST',
      url: `/v3.0/realtime/calls/${call_id}/mute`,
      headers: { ...key, 'idempotency-key': frame.headers['Idempotency-Key'] },
      payload: { data: {} },
    })
    expect(http2.json()).toEqual(first.body)
    const { headers: _, ...plain } = frame
    expect(await call(client, { ...plain, params: { call_id: 'x' } })).toMatchObject({
      status: 400,
      body: { error: { type: 'invalid_request', details: { issues: [{ field: 'call_id' }] } } },
    })
    expect(await call(client, { ...plain, params: { call_id: `call_${newId()}` } })).toMatchObject({ status: 404 })
    expect(await call(client, { ...plain, body: { data: { surprise: 1 } } })).toMatchObject({ status: 400 })
  })

  it.each(
    Object.entries(operationTable).filter(
      ([, { access }]) => access.kind === 'credential' && access.scope === 'calls:control',
    ),
  )('%s may be given, with its scope only', async (operation) => {
    const client = await signedIn()
    expect((await call(client, { operation, params: {}, body: { data: { surprise: 1 } } })).status).toBe(400)
    const narrow = await signedIn((await makeKey(http, tenant.accountId, ['realtime'])).secret)
    expect(await call(narrow, { operation })).toMatchObject({
      status: 403,
      body: { error: { details: { missing_scope: 'calls:control' } } },
    })
  })

  it.each(['deleteAccount', 'createKey', 'listEvents', 'constructor', '__proto__', ''])(
    '%j is none',
    async (operation) => {
      const client = await signedIn()
      expect(await call(client, { operation })).toMatchObject({ status: 404, body: { error: { type: 'not_found' } } })
    },
  )
})

describe('its end', () => {
  it('comes within five seconds of that of its key, by name; a new credential in time keeps it (S4)', async () => {
    const first = await makeKey(http, tenant.accountId)
    const second = await makeKey(http, tenant.accountId)
    const [kept, ended] = await Promise.all([signedIn(first.secret), signedIn(first.secret)])
    for (const client of [kept, ended]) {
      client.say({ type: 'subscribe', id: 's', after: 'now', filter: meetings })
      await client.until('subscribed')
    }
    kept.say({ type: 'authenticate', api_key: second.secret })
    await kept.until('authenticated')
    const began = Date.now()
    await done(http, 'DELETE', `/v3.0/keys/${first.id}`, undefined, key)
    expect(await ended.until('ended')).toMatchObject({ id: 's', reason: 'session_invalid' })
    expect(await ended.closed).toMatchObject({ code: closeCodes.session_invalid.code })
    expect(Date.now() - began).toBeLessThan(5_000)
    await schedule('Kept')
    expect(await kept.events('s', 1)).toHaveLength(1)
  })

  it('comes with that of its session; one with other rights ends what was subscribed to', async () => {
    const token = await tokenFor(http, tenant.user.email)
    const client = await connect()
    client.say({ type: 'authenticate', token })
    await client.until('authenticated')
    client.say({ type: 'subscribe', id: 's' })
    await client.until('subscribed')
    client.say({ type: 'authenticate', api_key: tenant.key.secret })
    expect(await client.until('ended')).toMatchObject({ id: 's', reason: 'session_invalid' })
    expect(await client.next()).toMatchObject({ type: 'authenticated', role: 'admin' })
    client.say({ type: 'authenticate', token })
    await client.until('authenticated')
    try {
      setNow(Date.now() + 24 * 3_600_000 + 1_000)
      expect(await client.closed).toMatchObject({ code: closeCodes.session_invalid.code })
    } finally {
      setNow(undefined)
    }
  })

  it('cuts off by name who does not read, and serves the others', async () => {
    const stuck = await rawSocket()
    const client = await signedIn()
    client.say({ type: 'subscribe', id: 'o', after: 'now' })
    await client.until('subscribed')
    await vi.waitFor(() => expect(app.feed.followers).toBe(2), 10_000)
    const large = Array.from({ length: 60 }, () =>
      toInboxRow({
        accountId: tenant.accountId,
        type: 'session.deleted',
        resourceId: newId(),
        resourceSeq: 1,
        userId: null,
        actor: null,
        data: { user_id: null, key_id: 'x'.repeat(200_000) },
      }),
    )
    await app.database.insertInto('eventInbox').values(large).execute()
    app.sequencer.poke()
    expect(await client.events('o', 60)).toHaveLength(60)
    await vi.waitFor(() => expect(app.feed.followers).toBe(1), 10_000)
    let text = ''
    stuck.on('data', (data: Buffer) => {
      text = (text + data.toString('latin1')).slice(-2_000)
    })
    stuck.resume()
    await vi.waitFor(() => expect(text.includes('"reason":"slow_reader"')).toBe(true), 10_000)
    stuck.destroy()
  })

  it('comes with the process, so that clients come back', async () => {
    const last = await testApp()
    const client = await openSocket(await last.http.listen({ host: '127.0.0.1', port: 0 }))
    client.say({ type: 'authenticate', api_key: 'the-instance-key-of-the-tests' })
    await client.until('authenticated')
    client.say({ type: 'subscribe', id: 's' })
    await client.until('subscribed')
    const closing = last.http.close()
    expect(await client.until('ended')).toMatchObject({ reason: 'unavailable' })
    expect(await client.closed).toMatchObject({ code: 1012 })
    await closing
  })
})

/** Masked by zeros (RFC 6455 §5.2 and §5.3). */
function toFrame(text: string): Buffer {
  const payload = Buffer.from(text)
  const { length } = payload
  const size = length < 126 ? [0x80 | length] : [0x80 | 126, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([0x81, ...size, 0, 0, 0, 0]), payload])
}

/** A client that subscribes and does not read. */
function rawSocket(): Promise<Socket> {
  const { hostname, port } = new URL(origin)
  const headers = {
    ...key,
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': randomBytes(16).toString('base64'),
  }
  const request = httpRequest({ hostname, port, path: '/v3.0/websockets/events', headers })
  request.end()
  return new Promise((resolve) =>
    request.once('upgrade', (_response, socket) => {
      socket.pause()
      socket.write(toFrame(JSON.stringify({ type: 'subscribe', id: 'r', after: 'now' })))
      resolve(socket as Socket)
    }),
  )
}
