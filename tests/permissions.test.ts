/**
 * Every operation of the table against every kind of credential: what is expected follows from its `access` alone, so
 * that a new operation is tested by being in the table.
 */
import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { hasRole, type Role } from '../contract/access.ts'
import type { Operation } from '../contract/define.ts'
import { operationTable } from '../contract/operations.ts'
import { newId } from '../server/ids.ts'
import { begin, call, testApp } from './app.ts'
import { until } from './carillon.ts'
import {
  aWav,
  done,
  exampleBody,
  isOfOneAccount,
  makeKey,
  makeTenant,
  newNumber,
  operator,
  pageHeaders,
  pathOf,
  type Tenant,
  tokenFor,
  unique,
  withKey,
  withTelephony,
  withToken,
} from './world.ts'

const { app, http, setNow } = await testApp()
/** The one that owns what is asked for, and the one that may see nothing of it. */
const own = await withTelephony({ app, http }, await makeTenant(http))
const foreign = await makeTenant(http)
const expired = await makeExpiredKey()
/** Each operation is asked with the one that lacks its scope. */
const withoutScopes = await makeKey(http, own.accountId, ['calls:control'])
const withoutControl = await makeKey(http, own.accountId, ['realtime'])
const adminsMeeting = await meetingOfAdmin()
const silence = aWav(20)
const table = Object.entries(operationTable) as [string, Operation][]
const guarded = table.filter(([, { access }]) => access.kind === 'credential')

// Five at once: most of their time goes by between a request and its answer.
describe.concurrent.each(guarded)('%s', (id, operation) => {
  const { access } = operation
  if (access.kind === 'public') return

  it.each([
    ['no credential', {}],
    ['an unknown key', withKey('unknown')],
    ['an unknown token', withToken('unknown')],
    ['an expired key', withKey(expired)],
  ])('answers 401 to %s before it looks at anything else', async (_name, headers) => {
    const answer = await ask(operation, pathOf(operation, own), 'not even JSON', headers)
    expect(answer.status).toBe(401)
    expect(answer.headers['www-authenticate']).toBe('Bearer')
    if (operation.surface === 'meeting') expect(answer.body).toMatchObject({ responseCode: -1 })
    else expect(answer.body.error.type).toBe('unauthenticated')
  })

  it('names the scope that a key lacks, what the key has, and its account', async () => {
    const isControl = access.scope === 'calls:control'
    const lacking = isControl ? withoutControl : withoutScopes
    const answer = await ask(operation, pathOf(operation, own), '{', withKey(lacking.secret))
    if (access.scope === null) return expect(answer.status).not.toBe(403)
    expect(answer.status).toBe(403)
    const details = operation.surface === 'meeting' ? answer.body.data : answer.body.error.details
    expect(details).toMatchObject({
      missing_scope: access.scope,
      scopes: isControl ? ['realtime'] : ['calls:control'],
      role: 'admin',
      account_id: own.accountId,
    })
  })

  it.each([
    ['user', withToken(own.user.token)],
    ['admin', withToken(own.admin.token)],
    ['admin', withKey(own.key.secret)],
    ['instance', operator],
  ] as const)('lets the role %s do what the table says', async (role: Role, headers) => {
    const tenant = await fresh(operation, role)
    const credential = 'x-auth-token' in headers ? withToken(tenant[role === 'user' ? 'user' : 'admin'].token) : headers
    const used = role === 'admin' && 'x-api-key' in headers ? withKey(tenant.key.secret) : credential
    const answer = await ask(operation, pathOf(operation, tenant), bodyOf(id, operation, tenant), {
      ...used,
      ...(role === 'instance' && id === 'createMeeting' && { 'x-user-id': tenant.user.id }),
      ...(role === 'instance' && isOfOneAccount(operation) && { 'x-account-id': tenant.accountId }),
    })
    if (!hasRole(role, access.minRole)) return expectForbidden(operation, answer, role)
    if (/^delete(Token|Session)$/.test(id) && 'x-api-key' in used) return expect(answer.status).toBe(400)
    expect(answer.status, JSON.stringify(answer.body)).toBe(200)
  })

  it('answers to a foreign id what it answers to an absent one', async () => {
    const names = Object.keys(operation.params?.shape ?? {})
    if (!names.some((name) => /id$/i.test(name))) return
    const outsider = access.minRole === 'instance' ? operator : withKey(foreign.key.secret)
    const path = pathOf(operation, own)
    const absent = path
      .replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, randomUUID())
      .replaceAll(/[0-9a-f]{24}/g, newId())
      .replaceAll(/\+\d+/g, newNumber())
    const answer = await ask(operation, absent, bodyOf(id, operation, own), outsider)
    expect(answer.status).toBe(404)
    if (access.minRole === 'instance') return // it reaches every account
    const other = await ask(operation, path, bodyOf(id, operation, own), outsider)
    expect(anonymous(other)).toEqual(anonymous(answer))
  })

  it('answers to a foreign id in the body what it answers to an absent one', async () => {
    const body = bodyOf(id, operation, own)
    if (typeof body !== 'string') return
    const named = /"(?:id|owner_id)":"([^"]+)"/.exec(body)?.[1]
    if (operation.surface !== 'telephony' || named === undefined) return
    const outsider = withKey(foreign.key.secret)
    const absent = body.replaceAll(named, /^[0-9a-f]+$/.test(named) ? newId() : newNumber())
    const [answer, other] = [
      await ask(operation, operation.path, absent, outsider),
      await ask(operation, operation.path, body, outsider),
    ]
    expect(answer.status).toBe(JSON.parse(body).data.id === named ? 404 : 400)
    expect(anonymous(other)).toEqual(anonymous(answer))
  })
})

it.each(table.filter(([, { access }]) => access.kind === 'public'))(
  '%s asks for no credential',
  async (id, operation) => {
    const answer = await ask(operation, pathOf(operation, own), bodyOf(id, operation, own), pageHeaders(operation))
    // A body of the example names no key, password or link that exists.
    if (operation.method === 'GET') expect(answer.status).toBe(200)
    else expect(answer.status).toBe(401)
  },
)

describe('a plain user', () => {
  it.each([
    ['GET', () => `/api/v6/user/${own.admin.id}`],
    ['PUT', () => `/api/v6/user/${own.admin.id}`],
    ['GET', () => `/api/v6/meeting/${adminsMeeting}`],
    ['PUT', () => `/api/v6/meeting/${adminsMeeting}/false`],
    ['DELETE', () => `/api/v6/meeting/${adminsMeeting}`],
    ['POST', () => `/api/v6/meeting/${adminsMeeting}/close`],
  ] as const)('finds nothing of colleagues: %s', async (method, path) => {
    const answer = await http.inject({ method, url: path(), headers: withToken(own.user.token), payload: '{}' })
    expect(answer.statusCode).toBe(404)
  })

  it('lists own meetings only, whatever filter is given', async () => {
    for (const query of ['', `?accountId=${own.accountId}`, `?addedByUserId=${own.admin.id}`]) {
      const { data } = await done(http, 'GET', `/api/v6/meeting${query}`, undefined, withToken(own.user.token))
      expect(new Set(data.map((one: { addedByUserId: string }) => one.addedByUserId)).has(own.admin.id)).toBe(false)
    }
  })

  it('cannot become an administrator', async () => {
    const url = `/api/v6/user/${own.user.id}`
    const answer = await http.inject({
      method: 'PUT',
      url,
      headers: withToken(own.user.token),
      payload: { isAdmin: true },
    })
    expect(answer.statusCode).toBe(403)
    expect((await done(http, 'GET', url, undefined, operator)).data.isAdmin).toBe(false)
  })
})

describe('a key that may change people, and no accounts', () => {
  it('makes nobody who may more than it, and takes nobody’s place', async () => {
    const { secret } = await makeKey(http, own.accountId, ['telephony:read', 'telephony:write'])
    const send = (method: 'PUT' | 'PATCH', path: string, data: object) =>
      call(http, method, `/v3.0/${path}`, { data }, withKey(secret))
    const password = 'correct horse battery'
    const { body } = await send('PUT', 'users', { first_name: 'Plain', priv_level: 'user' })
    const self = `users/${body.data.id}`
    for (const [field, refused] of [
      ['password', await send('PUT', 'users', { first_name: 'New', username: `new-${unique()}`, password })],
      ['priv_level', await send('PUT', 'users', { first_name: 'New', priv_level: 'admin' })],
      ['password', await send('PATCH', `users/${own.admin.id}`, { password })],
      ['password', await send('PATCH', self, { password })],
      ['priv_level', await send('PATCH', self, { priv_level: 'admin' })],
    ] as const) {
      expect(refused.status).toBe(403)
      expect(refused.body.error.message).toContain(`data.${field}`)
      expect(refused.body.error.details.missing_scope).toBe('account')
    }
    const { data } = await done(http, 'GET', `/v3.0/users/${own.admin.id}`, undefined, withKey(secret))
    expect((await send('PATCH', `users/${own.admin.id}`, { ...data, password: '**********' })).status).toBe(200)
  })
})

describe('acting for others', () => {
  it('lets a key act for a person of its account, and for nobody else', async () => {
    const body = { topic: 'For another' }
    const key = withKey(own.key.secret)
    const inside = await done(http, 'POST', '/api/v6/meeting', body, {
      ...key,
      'x-user-email': own.user.email.toUpperCase(),
    })
    expect(inside.data).toMatchObject({ addedByUserId: own.user.id, accountId: own.accountId })
    const outside = await http.inject({
      method: 'POST',
      url: '/api/v6/meeting',
      headers: { ...key, 'x-user-id': foreign.user.id },
      payload: body,
    })
    expect(outside.statusCode).toBe(404)
  })

  it('lets nobody act for another with a token', async () => {
    const headers = { ...withToken(own.user.token), 'x-user-id': own.admin.id }
    const answer = await http.inject({ method: 'GET', url: '/api/v6/meeting', headers })
    expect(answer.statusCode).toBe(403)
  })

  it('reaches accounts below with X-Account-ID, and none beside', async () => {
    const below = await done(http, 'GET', '/v3.0/whoami', undefined, { ...operator, 'x-account-id': own.accountId })
    expect(below.data).toMatchObject({ account_id: own.accountId, role: 'admin' })
    const headers = { ...withKey(own.key.secret), 'x-account-id': foreign.accountId }
    const beside = await http.inject({ method: 'GET', url: '/v3.0/whoami', headers })
    expect(beside.statusCode).toBe(404)
    const without = { ...withKey(withoutScopes.secret), 'x-account-id': foreign.accountId }
    const refused = await http.inject({ method: 'GET', url: '/v3.0/whoami', headers: without })
    expect(refused.statusCode).toBe(403)
    expect(refused.json().error.details.missing_scope).toBe('subaccounts')
  })

  it('lets no plain user into an account below', async () => {
    const email = `${unique()}@example.com`
    await done(http, 'POST', '/api/v6/user', { accountId: app.rootAccountId, email, firstName: 'Pat' })
    const headers = { ...withToken(await tokenFor(http, email)), 'x-account-id': own.accountId }
    for (const url of ['/api/v6/meeting', '/v3.0/events', '/v3.0/calls_history', `/api/v6/user/${own.admin.id}`]) {
      expect((await http.inject({ method: 'GET', url, headers })).statusCode, url).toBe(403)
    }
  })
})

type Answer = Awaited<ReturnType<typeof ask>>

function expectForbidden(operation: Operation, answer: Answer, role: Role): void {
  expect(answer.status).toBe(403)
  const details = operation.surface === 'meeting' ? answer.body.data : answer.body.error.details
  expect(details).toMatchObject({ role })
  if (operation.surface === 'meeting') expect(answer.body.responseCode).toBe(-3)
}

async function meetingOfAdmin(): Promise<string> {
  const headers = { ...operator, 'x-user-id': own.admin.id }
  return (await done(http, 'POST', '/api/v6/meeting', { topic: 'Of the admin' }, headers)).data.id
}

/** Operations that change what they are given get a tenant of their own, unless they are to be refused. */
async function fresh({ access, method, surface, path }: Operation, role: Role): Promise<Tenant> {
  if (access.kind === 'credential' && !hasRole(role, access.minRole)) return own
  if (method === 'GET' && role !== 'instance') return own
  const tenant = await makeTenant(http)
  if (surface !== 'telephony') return tenant
  const whole = await withTelephony({ app, http }, tenant)
  if (path === operationTable.eraseEvents.path) await until(async () => !(await isWaiting(tenant)), 'the log has all')
  return whole
}

/** Something of this account is not in the log yet: its people cannot be erased from it. */
async function isWaiting({ accountId }: Tenant): Promise<boolean> {
  const waiting = app.database.selectFrom('eventInbox').select('id').where('accountId', '=', accountId)
  return (await waiting.executeTakeFirst()) !== undefined
}

/** The example of the contract, with what must be new or must be of this tenant. */
function bodyOf(id: string, operation: Operation, tenant: Tenant): string | Buffer {
  if (operation.upload) return silence
  const example = exampleBody(operation, tenant)
  if (example === undefined) return ''
  const changes: Record<string, object> = {
    createAccount: { adminEmail: `${unique()}@example.com` },
    createUser: { email: `${unique()}@example.com`, accountId: tenant.accountId },
    updateMeeting: { id: tenant.meeting.id },
  }
  return JSON.stringify({ ...(example as object), ...changes[id] })
}

async function ask({ method }: Operation, url: string, payload: string | Buffer, headers: Record<string, string>) {
  const answer = await begin(http, {
    method,
    url,
    headers: { ...(payload !== '' && { 'content-type': 'application/json' }), ...headers },
    ...(method !== 'GET' && { payload }),
  })
  const type = String(answer.headers['content-type'])
  return {
    status: answer.statusCode,
    headers: answer.headers,
    body: /json(;|$)/.test(type) && !type.includes('ndjson') ? JSON.parse(answer.body) : answer.body,
  }
}

const anonymous = ({ status, body }: Answer) => ({
  status,
  body: JSON.parse(
    JSON.stringify(body)
      .replaceAll(/(key_|call_)?[0-9a-f]{24}|\+\d{8,}/g, 'an id')
      .replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'a request'),
  ),
})

/** The clock moves on, but not so far that tokens end. */
async function makeExpiredKey(): Promise<string> {
  const expiresAt = new Date(Date.now() + 3_600_000).toISOString()
  const made = await done(http, 'POST', '/api/v6/apikey', { name: 'Short', accountId: own.accountId, expiresAt })
  setNow(Date.now() + 7_200_000)
  return made.data.key
}
