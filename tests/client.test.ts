/** The typed client against the server over real connections, some of which break. */
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { rolldown } from 'rolldown'
import { beforeAll, describe, expect, it } from 'vitest'
import { ApiFailure, ConnectionFailure, createClient, CursorExpired, type StreamState } from '../contract/client.ts'
import { operationTable } from '../contract/operations.ts'
import { testApp } from './app.ts'
import { until } from './carillon.ts'
import { FlakyProxy } from './flaky-proxy.ts'
import { aWav, inAccount, makeTenant, type Tenant } from './world.ts'

const { app, http } = await testApp()
const url = await http.listen({ host: '127.0.0.1', port: 0 })
const proxy = await FlakyProxy.before(url)

let tenant: Tenant
let client: ReturnType<typeof createClient>
beforeAll(async () => {
  tenant = await makeTenant(http)
  client = createClient({ url: proxy.url, apiKey: tenant.key.secret })
})

const devices = () =>
  app.database.selectFrom('devices').select('name').where('accountId', '=', tenant.accountId).execute()

describe('calls', () => {
  it('are typed by method and path on both surfaces', async () => {
    const { data } = await client.call('PUT /v3.0/devices', { body: { data: { name: 'Desk' } } })
    const read = await client.call('GET /v3.0/devices/{id}', { params: { id: data.id } })
    expect(read.data.name).toBe('Desk')
    const list = await client.call('GET /v3.0/devices', { query: { limit: 1, search: 'Desk' } })
    expect(list.data.map(({ id }) => id)).toEqual([data.id])
    const meeting = await client.call('GET /api/v6/meeting/{id}', { params: { id: tenant.meeting.id } })
    expect([meeting.responseCode, meeting.data.topic]).toEqual([0, 'Plans'])
    // @ts-expect-error there is no such field
    await expect(client.call('PUT /v3.0/devices', { body: { data: { nmae: 'x' } } })).rejects.toThrow(/nmae/)
    // @ts-expect-error there is no such operation
    await expect(client.call('GET /v3.0/nothing')).rejects.toMatchObject({ status: 404 })
    // @ts-expect-error the id is missing
    await expect(client.call('GET /v3.0/devices/{id}')).rejects.toBeInstanceOf(ApiFailure)
  })

  it('send bytes, and answer with bytes and with texts', async () => {
    const { data } = await client.call('PUT /v3.0/medias', { body: { data: { name: 'Hello' } } })
    const params = { id: data.id }
    const bytes = new Uint8Array(aWav(100))
    const sent = await client.call('POST /v3.0/medias/{id}/raw', { params, bytes, mediaType: 'audio/wav' })
    expect(sent.data.duration_ms).toBe(100)
    const sound = await client.call('GET /v3.0/medias/{id}/raw', { params })
    expect(sound.fileName).toMatch(/\.wav$/)
    expect(Buffer.from(sound.bytes).subarray(0, 4).toString()).toBe('RIFF')
    const { icsToken } = tenant.meeting
    const calendar = await client.call('GET /api/v6/meeting/calender/meeting/{icsToken}', { params: { icsToken } })
    expect(calendar).toMatch(/^BEGIN:VCALENDAR/)
  })

  it('act in an account below, and for a person', async () => {
    const operator = client.with({ apiKey: String(inAccount('')['x-api-key']) })
    const { data } = await operator.call('GET /v3.0/whoami', { accountId: tenant.accountId })
    expect(data.account_id).toBe(tenant.accountId)
    const person = await client.with({ userId: tenant.admin.id }).call('GET /v3.0/whoami')
    expect(person.data.user_id).toBe(tenant.admin.id)
  })
})

describe('refusals', () => {
  it('say what is wrong, by type, on both surfaces', async () => {
    const wrong = client.with({ apiKey: 'nonsense' })
    const telephony = await wrong.call('GET /v3.0/devices').catch((error) => error)
    expect(telephony).toBeInstanceOf(ApiFailure)
    expect(telephony).toMatchObject({ status: 401, type: 'unauthenticated', requestId: expect.stringMatching(/-/) })
    await expect(wrong.call('GET /api/v6/meeting')).rejects.toMatchObject({ status: 401, type: 'unauthenticated' })
    const french = client.with({ language: 'fr' }).call('GET /api/v6/meeting/{id}', { params: { id: 'f'.repeat(24) } })
    await expect(french).rejects.toThrow(/existe pas/)
  })

  it('refuse a change of what was changed meanwhile', async () => {
    const { body, etag } = await client.answer('PUT /v3.0/devices', { body: { data: { name: 'Versioned' } } })
    const params = { id: body.data.id }
    const change = (name: string) =>
      client.call('PATCH /v3.0/devices/{id}', { params, body: { data: { name } }, ifMatch: String(etag) })
    await change('First')
    await expect(change('Second')).rejects.toMatchObject({ status: 412, type: 'precondition_failed' })
  })
})

describe('breaks', () => {
  it('do a change once, though its answer was lost', async () => {
    proxy.breakAll()
    proxy.next('lose_answer', 'refuse')
    const answer = await client.answer('PUT /v3.0/devices', { body: { data: { name: 'Only once' } } })
    expect(answer).toMatchObject({ status: 200, isReplayed: true, body: { data: { name: 'Only once' } } })
    expect((await devices()).filter(({ name }) => name === 'Only once')).toHaveLength(1)
  })

  it('give up after the retries, and at once when told to', async () => {
    const nobody = createClient({ url: 'http://127.0.0.1:1', apiKey: 'x', retries: 1 })
    await expect(nobody.call('GET /v3.0/whoami')).rejects.toBeInstanceOf(ConnectionFailure)
    const leaving = new AbortController()
    const asked = nobody.with({ retries: 1000 }).call('GET /v3.0/whoami', { signal: leaving.signal })
    leaving.abort(new Error('left'))
    await expect(asked).rejects.toThrow('left')
  })

  it('wait as long as the server asks, and no other error is tried again', async () => {
    const statuses = [503, 429, 200]
    const seen: string[] = []
    const fake: typeof fetch = async (_url, init) => {
      seen.push(new Headers(init?.headers).get('idempotency-key') ?? '')
      return Response.json({ data: [] }, { status: statuses.shift() ?? 500, headers: { 'retry-after': '0' } })
    }
    const patient = createClient({ url: 'http://x', apiKey: 'x', fetch: fake })
    await patient.call('PUT /v3.0/devices', { body: { data: { name: 'x' } } })
    expect(seen).toHaveLength(3)
    expect(new Set(seen).size).toBe(1)
    await expect(patient.call('GET /v3.0/devices')).rejects.toMatchObject({ status: 500, type: 'unknown' })
    expect(seen).toHaveLength(4)
  })
})

describe('events', () => {
  it('come once and in order through breaks, and can be gone on with', async () => {
    const states: StreamState['status'][] = []
    const breakNow = () => {
      proxy.breakAll()
      return states.at(-1) === 'reconnecting'
    }
    const stream = client.events({ type: ['device.created'], onState: ({ status }) => states.push(status) })
    const before = (await devices()).length
    const names: string[] = []
    const more = Array.from({ length: 20 }, (_, i) => `Burst ${i}`)
    const making = (async () => {
      for (const name of more) {
        await client.call('PUT /v3.0/devices', { body: { data: { name } } })
        if (!name.endsWith('7')) continue
        await until(() => states.at(-1) === 'connected', 'connected')
        await until(breakNow, 'the break was seen')
      }
    })()
    for await (const event of stream) {
      names.push(event.data?.device.name ?? '')
      if (names.length === before + more.length) break
    }
    await making
    expect(names.slice(before)).toEqual(more)
    expect(states).toEqual(['connected', 'reconnecting', 'connected', 'reconnecting', 'connected'])
    const rest = client.events({ type: 'device.created', ...(stream.cursor && { after: stream.cursor }) })
    await client.call('PUT /v3.0/devices', { body: { data: { name: 'Later' } } })
    for await (const event of rest) {
      expect(event.data?.device.name).toBe('Later')
      rest.close()
    }
  })

  const frame = (prev: number, cursor: number, resource_seq = cursor) => {
    const event = { type: 'room.created', resource: { type: 'room', id: '1' }, cursor: `c${cursor}`, resource_seq }
    return `id: c${cursor}\ndata: ${JSON.stringify({ prev: `c${prev}`, event })}\n\n`
  }
  /** Each connection gets the next text, in pieces of seven characters; `after` of each is noted. */
  function fakeStream(...texts: string[]) {
    const asked: (string | null)[] = []
    const fake: typeof fetch = async (address) => {
      asked.push(new URL(String(address)).searchParams.get('after'))
      const pieces = (texts.shift() ?? '').match(/.{1,7}/gs) ?? []
      return new Response(ReadableStream.from(pieces.map((piece) => new TextEncoder().encode(piece))))
    }
    const made = createClient({ url: 'http://x', fetch: fake })
    return { asked, events: made.events.bind(made) }
  }

  it('leave out what is older than what was heard (E4)', async () => {
    const begin = 'retry: 1\nid: c0\n\n'
    const { events } = fakeStream(`${begin}${frame(0, 1, 2)}${frame(1, 2, 1)}${frame(2, 3, 2)}${frame(3, 4, 3)}`)
    const seen: number[] = []
    for await (const { resource_seq } of events({ newestOnly: true })) {
      seen.push(resource_seq)
      if (resource_seq === 3) break
    }
    expect(seen).toEqual([2, 3])
  })

  it('are read again from the last good cursor when a piece is missing or the server says so (E3)', async () => {
    const { events, asked } = fakeStream(
      `id: c0\n\n${frame(0, 1)}: heartbeat\nid: c5\n\n${frame(1, 6)}${frame(7, 8)}`,
      `id: c6\n\nevent: end\ndata: ${JSON.stringify({ reason: 'slow_reader', message: 'slow' })}\n\n`,
      `id: c6\n\n${frame(6, 7)}: heartbeat\nid: c9\n\n`,
      `id: c9\n\n${frame(9, 10)}`,
    )
    const seen: string[] = []
    for await (const { cursor } of events()) {
      seen.push(cursor)
      if (cursor === 'c10') break
    }
    expect(seen).toEqual(['c1', 'c6', 'c7', 'c10'])
    expect(asked).toEqual([null, 'c6', 'c6', 'c9'])
  })

  it('end with a name when the cursor is too old, and when the reader leaves', async () => {
    await app.database.updateTable('eventLog').set({ droppedPosition: 3 }).execute()
    const read = async () => {
      for await (const event of client.events({ after: 'c1' })) throw new Error(event.type)
    }
    const failure = await read().catch((error) => error)
    expect(failure).toBeInstanceOf(CursorExpired)
    expect(failure.oldest).not.toBe('')
    const leaving = new AbortController()
    const reading = (async () => {
      for await (const _ of client.events({ after: 'now', signal: leaving.signal })) throw new Error('an event')
    })()
    leaving.abort(new Error('left'))
    await expect(reading).rejects.toThrow('left')
  })
})

describe('a live list', () => {
  const call = (id: string, status: string, resource_seq: number) => ({ id, status, resource_seq })
  const told = (prev: number, cursor: number, state: ReturnType<typeof call>) => {
    const { resource_seq, ...shown } = state
    const resource = { type: 'call', id: state.id }
    const event = { type: 'call.held', resource, resource_seq, cursor: `c${cursor}`, data: { call: shown } }
    return `id: c${cursor}\ndata: ${JSON.stringify({ prev: `c${prev}`, event })}\n\n`
  }

  it('is the snapshot with the newer events put into it, and a new snapshot when events are gone (E4)', async () => {
    const expired = { error: { type: 'cursor_expired', message: 'gone', details: { oldest: 'c90' } } }
    const answers = [
      Response.json({ data: [call('a', 'ringing', 2), call('b', 'answered', 5)], cursor: 'c0' }),
      new Response(
        `id: c0\n\n${told(0, 1, call('a', 'started', 1))}${told(1, 2, call('a', 'answered', 3))}${told(2, 3, call('b', 'ended', 6))}${told(3, 4, call('d', 'ringing', 2))}`,
      ),
      Response.json(expired, { status: 410 }),
      Response.json({ data: [call('e', 'answered', 9)], cursor: 'c95' }),
    ]
    const asked: string[] = []
    const fake: typeof fetch = async (address) => {
      asked.push(String(address).replace('http://x', ''))
      return answers.shift() ?? new Response('')
    }
    const list = createClient({ url: 'http://x', fetch: fake }).watch('calls')
    const seen: string[] = []
    for await (const items of list) {
      seen.push([...items.values()].map(({ id, status }) => `${id} ${status}`).join())
      if (items.has('e')) list.close()
    }
    expect(seen).toEqual([
      'a ringing,b answered',
      'a answered,b answered',
      'a answered',
      'a answered,d ringing',
      'e answered',
    ])
    expect(asked.slice(0, 3)).toEqual([
      '/v3.0/realtime/calls',
      '/v3.0/realtime/stream?resource=call&after=c0',
      '/v3.0/realtime/stream?resource=call&after=c4',
    ])
  })

  it('follows the server', async () => {
    const list = client.watch('meetings')
    for await (const items of list) {
      expect([...items.keys()]).toEqual([])
      list.close()
    }
  })
})

it('is small, and holds nothing of the contract', async () => {
  const entry = join(import.meta.dirname, '../contract/client.ts')
  const bundle = await rolldown({ input: entry, external: () => false })
  const { output } = await bundle.generate({ minify: true })
  await bundle.close()
  const [{ code, moduleIds }] = output
  expect(moduleIds.filter((id) => id.includes('node_modules'))).toEqual([])
  expect(code).not.toContain(operationTable.createDevice.summary)
  expect(gzipSync(code).length).toBeLessThan(6_000)
})
