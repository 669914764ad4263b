/** `GET /v3.0/realtime/stream` over real sockets: what it tells, to whom, from where, and how it ends (E2-E6, S4). */
import { connect, type Socket } from 'node:net'
import { afterEach, expect, it, vi } from 'vitest'
import type { Principal } from '../server/auth/principal.ts'
import { toInboxRow } from '../server/events/inbox.ts'
import { newId } from '../server/ids.ts'
import { testApp } from './app.ts'
import { readSse, type SseReader } from './event-stream.ts'
import { done, makeKey, makeTenant, operator, tokenFor, unique, withKey, withToken } from './world.ts'

// Both readers are in this process: a stall of it must not make the one that reads a slow one.
const { app, http, setNow } = await testApp({ streams: { heartbeatMs: 100, slowMs: 2_000 } })
const origin = await http.listen({ host: '127.0.0.1', port: 0 })
const tenant = await makeTenant(http)
const other = await makeTenant(http)
const key = withKey(tenant.key.secret)

const open: SseReader[] = []
afterEach(() => {
  for (const reader of open.splice(0)) reader.close()
})

async function stream(query = '', headers: Record<string, string> = key): Promise<SseReader> {
  const reader = await readSse(`${origin}/v3.0/realtime/stream?${query}`, headers)
  open.push(reader)
  return reader
}

const schedule = (topic = 'T', of = tenant) =>
  done(http, 'POST', '/api/v6/meeting', { topic }, withKey(of.key.secret)).then(({ data }) => data)
/** The cursor behind everything that was told until now. */
async function present(): Promise<string> {
  while (await app.database.selectFrom('eventInbox').select('id').limit(1).executeTakeFirst()) app.sequencer.poke()
  return (await done(http, 'GET', '/v3.0/events?after=now', undefined, key)).next
}

/** The last frame, which says why. */
async function endOf({ frames }: SseReader) {
  let last = { event: '', data: '' }
  for await (const frame of frames) last = frame
  expect(last.event).toBe('end')
  return JSON.parse(last.data)
}

it('tells what happens, in a form that no proxy keeps back and no page of another site reads', async () => {
  const { response, next } = await stream('after=now')
  expect(response.status).toBe(200)
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
    'x-content-type-options': 'nosniff',
    'x-request-id': expect.any(String),
  })
  expect(response.headers.get('access-control-allow-origin')).toBeNull()
  const { id } = await schedule('Live')
  const [event] = await next(1)
  expect(event).toMatchObject({ type: 'meeting.scheduled', resource: { id }, data: { meeting: { topic: 'Live' } } })
})

it('has the headers that every other answer has', async () => {
  const { response } = await stream('after=now')
  const page = await fetch(`${origin}/v3.0/events`, { headers: key })
  const ofBodies = ['content-length', 'content-type', 'transfer-encoding']
  const names = [...page.headers.keys()].filter((name) => !ofBodies.includes(name))
  expect(names).toContain('ratelimit-remaining')
  expect([...response.headers.keys()]).toEqual(expect.arrayContaining(names))
})

it('opens nothing for who asks for its head only', async () => {
  const add = vi.spyOn(app.streams, 'add')
  const response = await fetch(`${origin}/v3.0/realtime/stream`, { method: 'HEAD', headers: key })
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
  expect(add).not.toHaveBeenCalled()
  add.mockRestore()
})

it('shows the same bytes as the log, from the beginning, and to whoever comes back (E6)', async () => {
  const first = await stream()
  const log = (await http.inject({ url: '/v3.0/events?limit=1000', headers: key })).body
  const count = JSON.parse(log).data.length
  await first.next(count)
  expect(log.startsWith(`{"data":[${first.texts.join()}]`)).toBe(true)
  const half = JSON.parse(first.texts[Math.floor(count / 2)] ?? '').cursor
  const second = await stream('', { ...key, 'last-event-id': half })
  await second.next(count - Math.floor(count / 2) - 1)
  expect(second.texts).toEqual(first.texts.slice(Math.floor(count / 2) + 1))
  const third = await stream(`after=${half}`)
  await third.next(second.texts.length)
  expect(third.texts).toEqual(second.texts)
})

it('goes on without loss for a client that was away for an hour, whatever happened meanwhile', async () => {
  const reader = await stream('after=now&type=meeting.*')
  await schedule('Before')
  const [before] = await reader.next(1)
  reader.close()
  const topics = Array.from({ length: 50 }, (_, index) => `Missed ${index}`)
  try {
    for (const [index, topic] of topics.entries()) {
      setNow(Date.now() + index * 72_000)
      await schedule(topic)
    }
    setNow(Date.now() + 3_600_000)
    const again = await stream('type=meeting.*', { ...key, 'last-event-id': before?.cursor ?? '' })
    const live = schedule('After')
    const events = await again.next(51)
    await live
    expect(events.map(({ data }) => (data as { meeting: { topic: string } }).meeting.topic)).toEqual([
      ...topics,
      'After',
    ])
  } finally {
    setNow(undefined)
  }
})

it('moves the cursor on past what does not match, with frames that browsers tell nobody of (E3)', async () => {
  const reader = await stream('after=now&type=account.deleted')
  await schedule('Not asked for')
  const cursor = await present()
  for await (const { id, data } of reader.frames) {
    expect(data).toBe('')
    if (id === cursor) return
  }
})

it('filters as the list does', async () => {
  const start = await present()
  const meeting = await schedule('One')
  await schedule('Two')
  await done(http, 'PUT', `/api/v6/meeting/${meeting.id}/false`, { topic: 'Three' }, key)
  const seen = async (query: string) => {
    const list = await done(http, 'GET', `/v3.0/events?after=${start}&wait=5&${query}`, undefined, key)
    const { next } = await stream(`after=${start}&${query}`)
    const streamed = await next(list.data.length)
    expect(streamed).toEqual(list.data)
    return streamed.map(({ type }) => type)
  }
  await vi.waitFor(async () => expect(await seen('type=meeting.updated')).toHaveLength(1), 10_000)
  expect(await seen('type=meeting.*')).toHaveLength(3)
  expect(await seen(`resource=meeting:${meeting.id}`)).toEqual(['meeting.scheduled', 'meeting.updated'])
  expect(await seen(`since=2020-01-01T00:00:00Z&until=2100-01-01T00:00:00Z`)).toHaveLength(3)
})

it('is for those who may: another account’s events and other people’s are not there, and what may not be asked is refused by scope', async () => {
  const plain = await stream('after=now', withToken(tenant.user.token))
  const own = await stream('after=now')
  await schedule('Of another account', other)
  const admins = await done(
    http,
    'POST',
    '/api/v6/meeting',
    { topic: 'Of the admin' },
    { ...operator, 'x-user-id': tenant.admin.id },
  )
  const users = await done(
    http,
    'POST',
    '/api/v6/meeting',
    { topic: 'Own' },
    { ...operator, 'x-user-id': tenant.user.id },
  )
  expect((await own.next(2)).map(({ resource }) => resource.id)).toEqual([admins.data.id, users.data.id])
  expect((await plain.next(1)).map(({ resource }) => resource.id)).toEqual([users.data.id])

  const refused = async (query: string, headers: Record<string, string>) => {
    const response = await fetch(`${origin}/v3.0/realtime/stream?${query}`, { headers })
    return { status: response.status, error: ((await response.json()) as { error: object }).error }
  }
  const events = await makeKey(http, tenant.accountId, ['events', 'meeting'])
  expect(await refused('', withKey(events.secret))).toMatchObject({
    status: 403,
    error: { details: { missing_scope: 'realtime' } },
  })
  const realtime = await makeKey(http, tenant.accountId, ['realtime', 'meeting'])
  const narrow = withKey(realtime.secret)
  expect(await refused('type=call.*', narrow)).toMatchObject({
    status: 403,
    error: { details: { missing_scope: 'telephony:read' } },
  })
  expect(await refused('account=tree', narrow)).toMatchObject({
    status: 403,
    error: { details: { missing_scope: 'subaccounts' } },
  })
  expect(await refused(`account=${other.accountId}`, key)).toMatchObject({ status: 404 })
  expect(await refused('after=nonsense', key)).toMatchObject({
    status: 400,
    error: { details: { issues: [{ field: 'after' }] } },
  })
  expect(await refused('', { ...key, 'last-event-id': 'c\u00ff' })).toMatchObject({ status: 400 })
  expect(await refused('limit=5', key)).toMatchObject({ status: 400 })
  expect(await refused('', {})).toMatchObject({ status: 401 })
  expect((await stream('after=now', narrow)).response.status).toBe(200)
})

it('follows a whole tree, with accounts that came after it began', async () => {
  const reader = await stream('account=tree&after=now&type=meeting.scheduled', operator)
  const late = await makeTenant(http)
  expect((await reader.next(1))[0]).toMatchObject({ account_id: late.accountId })
})

it('ends within five seconds when its key, session or rights end, and says so (S4)', async () => {
  const made = await makeKey(http, tenant.accountId)
  const token = await tokenFor(http, tenant.user.email)
  const readers = await Promise.all([
    stream('after=now', withKey(made.secret)),
    stream('after=now', withToken(token)),
    stream('after=now', withToken(other.admin.token)),
  ])
  const untouched = await stream('after=now&type=meeting.*')
  await Promise.all(readers.map(({ frames }) => frames.next()))
  const began = Date.now()
  await done(http, 'DELETE', `/v3.0/keys/${made.id}`, undefined, key)
  await done(http, 'DELETE', '/v3.0/auth', undefined, withToken(token))
  const name = `x${unique()}@example.com`
  const second = await done(http, 'POST', '/api/v6/user', {
    accountId: other.accountId,
    email: name,
    firstName: 'S',
    isAdmin: true,
  })
  await done(http, 'DELETE', `/api/v6/account/admin/${other.accountId}/${other.admin.id}`)
  expect(second.data.id).toBeTruthy()
  const ends = await Promise.all(readers.map(endOf))
  expect(Date.now() - began).toBeLessThan(5_000)
  for (const end of ends) expect(end).toMatchObject({ reason: 'session_invalid', message: expect.any(String) })
  await schedule('Still there')
  expect(await untouched.next(1)).toHaveLength(1)
})

it('ends although others before it cannot be looked at, or were closed meanwhile', async () => {
  const error = vi.spyOn(app.log, 'error').mockImplementation(() => {})
  const made = await makeKey(http, tenant.accountId)
  const who = await new Promise<Principal>((resolve) => {
    const add = vi.spyOn(app.streams, 'add').mockImplementationOnce((stream) => {
      add.mockRestore()
      resolve(stream.who)
      return () => {}
    })
    void stream('after=now')
  })
  const broken = { who, secret: null, again: () => Promise.reject(new TypeError('no address')), end: vi.fn() }
  const forgetBroken = app.streams.add(broken)
  const closed = vi.fn()
  const again = () => {
    forgetClosed()
    return broken.again()
  }
  const forgetClosed = app.streams.add({ who, secret: null, again, end: closed })
  const reader = await stream('after=now', withKey(made.secret))
  await reader.frames.next()
  await done(http, 'DELETE', `/v3.0/keys/${made.id}`, undefined, key)
  expect(await endOf(reader)).toMatchObject({ reason: 'session_invalid' })
  forgetBroken()
  expect(broken.end).toHaveBeenCalledWith('unavailable')
  expect(closed).not.toHaveBeenCalled()
  error.mockRestore()
})

it('does not keep a session alive by itself, and ends with it', async () => {
  const token = await tokenFor(http, tenant.user.email)
  const reader = await stream('after=now', withToken(token))
  await reader.frames.next()
  try {
    setNow(Date.now() + 24 * 3_600_000 + 1_000)
    expect(await endOf(reader)).toMatchObject({ reason: 'session_invalid' })
  } finally {
    setNow(undefined)
  }
})

it('cuts off by name who does not read, holds little for them, and serves the others', async () => {
  const lines: object[] = []
  const info = vi.spyOn(app.log, 'info').mockImplementation((line: unknown) => void lines.push(line as object))
  const stuck = await rawReader('after=now')
  const reader = await stream('after=now')
  await vi.waitFor(() => expect(app.streams.size).toBe(2), 10_000)
  const large = Array.from({ length: 60 }, () => ({
    ...toInboxRow({
      accountId: tenant.accountId,
      type: 'session.deleted',
      resourceId: newId(),
      resourceSeq: 1,
      userId: null,
      actor: null,
      data: { user_id: null, key_id: 'x'.repeat(200_000) },
    }),
  }))
  await app.database.insertInto('eventInbox').values(large).execute()
  app.sequencer.poke()
  expect(await reader.next(60)).toHaveLength(60)
  await vi.waitFor(() => expect(lines).toContainEqual(expect.objectContaining({ reason: 'slow_reader' })), 10_000)
  // It may still take what was under way, and the name of its end.
  stuck.resume()
  let text = ''
  stuck.on('data', (data: Buffer) => {
    text = (text + data.toString('latin1')).slice(-2_000)
  })
  await vi.waitFor(() => expect(text.includes('"reason":"slow_reader"')).toBe(true), 10_000)
  stuck.destroy()
  info.mockRestore()
})

/** A client that asks and does not read. */
function rawReader(query: string): Promise<Socket> {
  const socket = connect(Number(new URL(origin).port), '127.0.0.1')
  socket.write(
    `GET /v3.0/realtime/stream?${query} HTTP/1.1\r\nhost: localhost\r\nx-api-key: ${tenant.key.secret}\r\n\r\n`,
  )
  return new Promise((resolve) =>
    socket.once('data', () => {
      socket.pause()
      resolve(socket)
    }),
  )
}

it('says goodbye to everybody when the process ends, so that they come back', async () => {
  const last = await testApp()
  const address = await last.http.listen({ host: '127.0.0.1', port: 0 })
  const reader = await readSse(`${address}/v3.0/realtime/stream`, operator)
  await reader.frames.next()
  const closing = last.http.close()
  expect(await endOf(reader)).toMatchObject({ reason: 'unavailable' })
  await closing
})
