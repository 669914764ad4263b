/** Webhooks as a customer has them: made through the API, signed, delivered, looked at, sent again. */
import { createPublicKey, verify } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { allScopes } from '../contract/access.ts'
import { secretMask } from '../contract/webhook.ts'
import { call } from './app.ts'
import { eventually, type Received, webhookApp } from './webhook-receiver.ts'
import { done, makeKey, makeTenant, operator, withKey } from './world.ts'

const { app, http, receiver } = await webhookApp()
const scopes = allScopes.filter((scope) => scope !== 'secrets' && scope !== 'instance')
const key = await makeKey(http, app.rootAccountId, scopes)
const headers = withKey(key.secret)
let paths = 0
// Attempts have their own pace.
vi.setConfig({ testTimeout: 90_000 })
beforeEach(() => {
  receiver.answer = 200
})

async function make(fields: object = {}, credential = headers) {
  const path = `/hook-${paths++}`
  // What was done before is in the log, and so behind the cursor of a webhook that is made now.
  await eventually(() => app.database.selectFrom('eventInbox').select('id').execute()).toEqual([])
  const asked = { url: receiver.url + path, event_types: ['key.created'], ...fields }
  const { data } = await done(http, 'PUT', '/v3.0/webhooks', { data: asked }, credential)
  return { ...data, path }
}
const change = (id: string, data: object, credential = headers) =>
  call(http, 'PATCH', `/v3.0/webhooks/${id}`, { data }, credential)
const act = async (id: string, what: string, data?: object) =>
  (await done(http, 'POST', `/v3.0/webhooks/${id}/${what}`, data && { data }, headers)).data
const read = async (path: string, credential: Record<string, string> = headers) =>
  (await done(http, 'GET', `/v3.0/webhooks${path}`, undefined, credential)).data
const deliveries = (id: string, query = '') => read(`/${id}/deliveries${query}`)

/** Something that happens in the root account. */
async function happen(name = 'Somebody'): Promise<string> {
  const made = await done(http, 'PUT', '/v3.0/keys', { data: { name, scopes: ['meeting'] } }, headers)
  return made.data.id
}
const arrived = async (path: string, count: number): Promise<Received[]> => {
  const events = () => receiver.of(path).filter((one) => one.headers['carillon-test'] === undefined)
  await eventually(() => events().length).toBe(count)
  return events()
}
/** What was changed is what is sent by from now on: the test comes behind the change. */
async function settled(id: string): Promise<void> {
  const test = await act(id, 'test', {})
  await eventually(async () => (await read(`/${id}/deliveries/${test.id}`)).status).toBe('delivered')
}
const resources = (received: readonly Received[]) => received.map(({ body }) => JSON.parse(body).resource.id)

describe('a delivery', () => {
  it('is what the log shows, byte by byte, and the stock verifier accepts it', async () => {
    const { path, secret } = await make({ headers: { 'X-Own': 'my own value' } })
    const keyId = await happen()
    const [got] = await arrived(path, 1)
    expect(secret).toMatch(/^whsec_/)
    const event = new Webhook(secret).verify(got?.body ?? '', got?.headers ?? {}) as { id: string; resource: object }
    expect(event.resource).toEqual({ type: 'key', id: keyId })
    expect(got).toMatchObject({
      method: 'POST',
      headers: { 'webhook-id': event.id, 'content-type': 'application/json', 'x-own': 'my own value' },
    })
    const log = await http.inject({ method: 'GET', url: `/v3.0/events?resource=key:${keyId}`, headers })
    expect(log.body).toContain(got?.body)
    expect(() => new Webhook(secret).verify(`${got?.body} `, got?.headers ?? {})).toThrow()
  })

  it('can be signed with ed25519, whose public key is shown', async () => {
    const { path, public_key, secret } = await make({ signing: 'ed25519', method: 'PUT' })
    expect(secret).toBeUndefined()
    await happen()
    const [got] = await arrived(path, 1)
    expect(got?.method).toBe('PUT')
    const { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': signature = '' } = got?.headers ?? {}
    expect(signature).toMatch(/^v1a,/)
    const x = Buffer.from(public_key.replace('whpk_', ''), 'base64').toString('base64url')
    const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
    const isGenuine = (body: string) =>
      verify(null, Buffer.from(`${id}.${at}.${body}`), publicKey, Buffer.from(signature.slice(4), 'base64'))
    expect([isGenuine(got?.body ?? ''), isGenuine('{}')]).toEqual([true, false])
  })

  it('is signed with both secrets while one replaces the other', async () => {
    const { id, path, secret } = await make()
    const rotated = await act(id, 'rotate_secret', { overlap_seconds: 3600 })
    expect(rotated.secret).toMatch(/^whsec_/)
    expect(rotated.secret).not.toBe(secret)
    await settled(id)
    await happen()
    const [got] = await arrived(path, 1)
    for (const one of [secret, rotated.secret]) new Webhook(one).verify(got?.body ?? '', got?.headers ?? {})
    const last = await act(id, 'rotate_secret', { overlap_seconds: 0 })
    await settled(id)
    await happen()
    const [, next] = await arrived(path, 2)
    new Webhook(last.secret).verify(next?.body ?? '', next?.headers ?? {})
    expect(() => new Webhook(rotated.secret).verify(next?.body ?? '', next?.headers ?? {})).toThrow()
    // Another kind of signature is another secret; the old one signs a day longer.
    const changed = (await change(id, { signing: 'ed25519' })).body.data
    expect(changed.public_key).toMatch(/^whpk_/)
    await settled(id)
    await happen()
    const [, , both] = await arrived(path, 3)
    expect(both?.headers['webhook-signature']).toMatch(/^v1a,\S+ v1,\S+$/)
    new Webhook(last.secret).verify(both?.body ?? '', both?.headers ?? {})
  })

  it('is tried again after whatever is no 2xx, with the same id, and every attempt is told', async () => {
    const { id, path } = await make()
    receiver.answer = 500
    await happen()
    const [first] = await arrived(path, 1)
    await eventually(async () => (await deliveries(id))[0]?.attempt_count).toBe(1)
    const [waiting] = await deliveries(id)
    expect(waiting).toMatchObject({ status: 'pending', last_status: 500, last_error: 'answered 500', kind: 'event' })
    const [{ at, duration_ms }] = (await read(`/${id}/deliveries/${waiting.id}`)).attempts
    const delay = Date.parse(waiting.next_attempt_at) - Date.parse(at) - duration_ms
    expect(delay).toBeGreaterThan(4_400)
    expect(delay).toBeLessThan(6_000)
    expect(await read(`/${id}`)).toMatchObject({ pending: 1, failing_since: expect.any(String), last_success_at: null })
    receiver.answer = 204
    const [, second] = await arrived(path, 2)
    expect(second?.headers['webhook-id']).toBe(first?.headers['webhook-id'])
    await eventually(async () => (await deliveries(id))[0]?.status).toBe('delivered')
    const detail = await read(`/${id}/deliveries/${waiting.id}`)
    expect(detail.attempts).toMatchObject([
      { status: 500, error: 'answered 500', url: receiver.url + path, method: 'POST' },
      { status: 204, error: null },
    ])
    expect(detail).toMatchObject({ attempt_count: 2, next_attempt_at: null, response: { body: '' } })
    expect(detail.request.body).toBe(second?.body)
    expect(detail.request.headers['webhook-timestamp']).toBe(second?.headers['webhook-timestamp'])
    expect(detail.request.headers['webhook-signature']).toBe(second?.headers['webhook-signature'])
    expect(await read(`/${id}`)).toMatchObject({ pending: 0, failing_since: null, last_success_at: expect.any(String) })
  })

  it('honours Retry-After, and stops at 410', async () => {
    const { id, path } = await make()
    receiver.answer = (_request, response) => response.writeHead(503, { 'retry-after': '3600' }).end('later')
    await happen()
    await arrived(path, 1)
    await eventually(async () => (await deliveries(id))[0]?.last_status).toBe(503)
    const [waiting] = await deliveries(id)
    expect(Date.parse(waiting.next_attempt_at) - Date.now()).toBeGreaterThan(3_500_000)
    receiver.answer = 410
    await act(id, `deliveries/${waiting.id}/resend`)
    await happen('kept')
    await eventually(async () => (await read(`/${id}`)).status).toBe('disabled')
    expect(await read(`/${id}`)).toMatchObject({ disabled_reason: 'gone', enabled: false })
    const mails = await app.database.selectFrom('mails').select(['recipient', 'subject', 'body']).execute()
    expect(mails.map(({ recipient }) => recipient)).toContain('root@example.com')
    expect(mails.some(({ body }) => body.includes(id) && !body.includes(path))).toBe(true)
    const before = receiver.of(path).length
    receiver.answer = 200
    await act(id, 'resume', {})
    // What waited and what happened meanwhile.
    await eventually(async () => (await deliveries(id, '?status=delivered')).length).toBe(2)
    expect(receiver.of(path).length).toBe(before + 2)
  })
})

describe('which events', () => {
  it('are those of the types, the conditions and nothing else', async () => {
    const all = await make({ event_types: ['*'] })
    const family = await make({ event_types: ['key.*'] })
    const some = await make({
      event_types: ['key.*', 'meeting.scheduled'],
      filters: [
        { path: 'data.key.name', op: 'prefix', value: 'Wanted' },
        { path: 'data.key.scopes.0', op: 'in', value: ['meeting', 'account'] },
        { path: 'type', op: 'ne', value: 'key.deleted' },
        { path: 'data.nothing', op: 'exists', value: false },
        { path: 'correlation_id', op: 'eq', value: null },
        { path: 'actor.type', op: 'not_in', value: ['user', 'system'] },
      ],
    })
    const [wanted, other] = [await happen('Wanted one'), await happen('Another')]
    await done(http, 'DELETE', `/v3.0/keys/${wanted}`, undefined, headers)
    await arrived(family.path, 3)
    await eventually(() => receiver.of(all.path).some(({ body }) => JSON.parse(body).type === 'key.deleted')).toBe(true)
    expect(resources(receiver.of(family.path)).sort()).toEqual([wanted, wanted, other].sort())
    const types = receiver.of(all.path).map(({ body }) => JSON.parse(body).type)
    expect(types).toContain('webhook.created')
    await arrived(some.path, 1)
    expect(resources(receiver.of(some.path))).toEqual([wanted])
    // The cursor moves on past what is not sent (E3).
    await eventually(async () => (await deliveries(some.id)).length).toBe(1)
  })

  it('of a call, of one user and of a direction can be chosen', async () => {
    // `data` of the catalogue is what conditions see.
    const { path } = await make({
      event_types: ['meeting.scheduled'],
      filters: [{ path: 'data.meeting.topic', op: 'eq', value: 'Mine' }],
    })
    const topics = ['Yours', 'Mine']
    for (const topic of topics) await done(http, 'POST', '/api/v6/meeting', { topic }, headers)
    const [got] = await arrived(path, 1)
    expect(JSON.parse(got?.body ?? '').data.meeting.topic).toBe('Mine')
  })

  it('are of accounts below only when asked, with the scope for it', async () => {
    const own = await make()
    const tree = await make({ include_subaccounts: true })
    const tenant = await makeTenant(http)
    await arrived(tree.path, 1)
    expect(JSON.parse(receiver.of(tree.path)[0]?.body ?? '').account_id).toBe(tenant.accountId)
    // What comes next in the own account is the first that it gets.
    const keyId = await happen()
    expect(resources(await arrived(own.path, 1))).toEqual([keyId])
    const limited = await makeKey(http, app.rootAccountId, ['webhooks', 'account'])
    const refused = await call(
      http,
      'PUT',
      '/v3.0/webhooks',
      { data: { url: receiver.url, include_subaccounts: true } },
      withKey(limited.secret),
    )
    expect([refused.status, refused.body.error.details.missing_scope]).toEqual([403, 'subaccounts'])
  })

  it('are at most those that the credential may read, also when somebody else turns it to another address (E6)', async () => {
    const limited = withKey((await makeKey(http, app.rootAccountId, ['webhooks', 'meeting'])).secret)
    const refused = await call(
      http,
      'PUT',
      '/v3.0/webhooks',
      { data: { url: receiver.url, event_types: ['meeting.ended', 'key.created'] } },
      limited,
    )
    expect([refused.status, refused.body.error.details.missing_scope]).toEqual([403, 'account'])
    const own = await make({ event_types: ['*'] }, limited)
    const rich = await make({ event_types: ['*'] })
    await change(rich.id, { url: `${receiver.url}/turned` }, limited)
    await settled(rich.id)
    await happen()
    await done(http, 'POST', '/api/v6/meeting', { topic: 'Seen' }, headers)
    for (const path of [own.path, '/turned']) {
      const sent = () => receiver.of(path).filter((one) => one.headers['carillon-test'] === undefined)
      await eventually(() => sent().some(({ body }) => body.includes('meeting.scheduled'))).toBe(true)
      // In any order: what was there before may come after it.
      const families = () => new Set(sent().map(({ body }) => JSON.parse(body).type.split('.')[0]))
      await eventually(families).toEqual(new Set(['meeting', 'webhook']))
    }
    // What it may not read it does not find in the deliveries either.
    const other = await make()
    await happen()
    await arrived(other.path, 1)
    const [delivery] = await deliveries(other.id)
    expect((await read(`/${other.id}/deliveries/${delivery.id}`, limited)).request.body).toBeNull()
    expect((await read(`/${other.id}/deliveries/${delivery.id}`)).request.body).toBe(receiver.of(other.path)[0]?.body)
  })
})

describe('its secrets', () => {
  it('are shown once, then with the scope `secrets` only; masks sent back change nothing', async () => {
    const made = await make({ headers: { Authorization: 'Bearer planted', 'x-b': 'b' }, api_key: 'planted-key' })
    expect(made.secret).toMatch(/^whsec_/)
    expect(made.headers).toEqual({ authorization: secretMask, 'x-b': secretMask })
    const plain = await read(`/${made.id}`)
    expect([plain.secret, plain.api_key]).toEqual([undefined, undefined])
    const seen = await read(`/${made.id}`, operator)
    expect(seen).toMatchObject({
      secret: made.secret,
      api_key: 'planted-key',
      headers: { authorization: 'Bearer planted' },
    })
    const answer = await call(
      http,
      'POST',
      '/v3.0/webhooks',
      { data: { ...plain, headers: { ...plain.headers, 'x-b': null, 'X-C': 'c' } } },
      headers,
    )
    expect(answer.status).toBe(200)
    expect((await read(`/${made.id}`, operator)).headers).toEqual({ authorization: 'Bearer planted', 'x-c': 'c' })
    await change(made.id, { headers: null })
    expect((await read(`/${made.id}`, operator)).headers).toEqual({})
    // It sends back what it was sent.
    receiver.answer = (request, response) => response.end(JSON.stringify(request.headers))
    await happen()
    const [got] = await arrived(made.path, 1)
    expect(got?.headers['x-api-key']).toBe('planted-key')
    await eventually(async () => (await deliveries(made.id))[0]?.status).toBe('delivered')
    const [delivery] = await deliveries(made.id)
    const detail = await read(`/${made.id}/deliveries/${delivery.id}`)
    expect(detail.request.headers['x-api-key']).toBe(secretMask)
    expect(detail.response.body).toContain('x-api-key')
    expect(JSON.stringify(detail)).not.toContain('planted')
  })

  it('are in 20 headers at most, those that are there counted, so that all can be sent back', async () => {
    const some = (letter: string) =>
      Object.fromEntries(Array.from({ length: 15 }, (_, at) => [`x-${letter}${at}`, 'v']))
    const { id } = await make({ headers: some('a') })
    const refused = await change(id, { headers: some('b') })
    expect(refused.status).toBe(400)
    expect(refused.body.error.details.issues[0].field).toBe('data.headers')
    const away = Object.fromEntries(Object.keys(some('a')).map((name) => [name, null]))
    expect((await change(id, { headers: { ...away, 'x-b': 'v' } })).status).toBe(200)
    expect((await change(id, { headers: some('b') })).status).toBe(200)
    expect((await change(id, await read(`/${id}`))).status).toBe(200)
  })

  it('are not repeated to a repeated call', async () => {
    const once = { ...headers, 'idempotency-key': 'make-a-webhook' }
    const data = { url: `${receiver.url}/once` }
    const first = await done(http, 'PUT', '/v3.0/webhooks', { data }, once)
    const again = await done(http, 'PUT', '/v3.0/webhooks', { data }, once)
    expect(again.data).toEqual({ ...first.data, secret: undefined })
  })
})

describe('an address', () => {
  const put = (url: string, credential: Record<string, string>) =>
    call(http, 'PUT', '/v3.0/webhooks', { data: { url } }, credential)

  it.each([
    ['http://10.0.0.1/', 'data.url'],
    ['http://169.254.169.254/latest/meta-data', 'data.url'],
    ['http://127.0.0.1:8080/', 'data.url'],
    ['http://[::1]:9999/', 'data.url'],
    ['ftp://example.com/', 'data.url'],
    ['http://user:secret@example.com/', 'data.url'],
    ['https://example.com/#part', 'data.url'],
    ['nothing', 'data.url'],
  ])('%s is refused at once', async (url, field) => {
    const answer = await put(url, headers)
    expect(answer.status).toBe(400)
    expect(answer.body.error.details.issues[0].field).toBe(field)
    expect(answer.body.error.message).not.toContain('secret@')
  })

  it('inside the allowed networks is for the root organisation, and accounts that the operator names', async () => {
    const tenant = await makeTenant(http)
    const answer = await put(receiver.url, withKey(tenant.key.secret))
    expect([answer.status, answer.body.error.message]).toEqual([400, expect.stringContaining('is not public')])
    expect((await put('http://localhost:1234/', withKey(tenant.key.secret))).status).toBe(400)
    expect((await put('https://93.184.215.14/', withKey(tenant.key.secret))).status).toBe(200)
  })
})

describe.each([
  [{ event_types: ['nothing.happened'] }, 'data.event_types'],
  [{ event_types: [] }, 'data.event_types'],
  [{ event_types: ['key.created'], format: 'meeting_v6' }, 'data.event_types'],
  [{ headers: { host: 'x' } }, 'data.headers.host'],
  [{ headers: { 'webhook-id': 'x' } }, 'data.headers.webhook-id'],
  [{ headers: { 'x y': 'x' } }, 'data.headers.x y'],
  [{ headers: { 'x-a': 'two\r\nlines' } }, 'data.headers.x-a'],
  [{ filters: [{ path: 'type', op: 'in', value: 'x' }] }, 'data.filters.0.value'],
  [{ filters: [{ path: '__proto__..', op: 'eq', value: 'x' }] }, 'data.filters.0.path'],
  [{ ordering: 'sometimes' }, 'data.ordering'],
  [{ after: 'c-nothing' }, 'after'],
])('%o', (fields, field) => {
  it(`is refused, naming ${field}`, async () => {
    const answer = await call(http, 'PUT', '/v3.0/webhooks', { data: { url: receiver.url, ...fields } }, headers)
    expect(answer.status).toBe(400)
    expect(answer.body.error.details.issues[0].field).toBe(field)
  })
})
