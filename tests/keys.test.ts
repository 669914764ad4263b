/** Keys, tokens and sign-in (A7, S4, S11). */
import { describe, expect, it } from 'vitest'
import { Credentials } from '../server/auth/credentials.ts'
import { call, instanceKey, testApp } from './app.ts'
import { done, makeKey, makeTenant, operator, tokenFor, withKey, withToken } from './world.ts'

const { app, http, setNow } = await testApp()
const tenant = await makeTenant(http)
const key = withKey(tenant.key.secret)
const hour = 3_600_000
const whoami = (headers: Record<string, string>, ip?: string) =>
  http.inject({ method: 'GET', url: '/v3.0/whoami', headers, ...(ip !== undefined && { remoteAddress: ip }) })
const statusOf = async (headers: Record<string, string>, ip?: string) => (await whoami(headers, ip)).statusCode
const authAccount = async (api_key: string) =>
  (await done(http, 'PUT', '/v3.0/auth/account', { data: { api_key } }, {})).auth_token as string

describe('a key', () => {
  it('has 256 bits, is shown once, and only its hash is stored', async () => {
    const { data } = await done(http, 'PUT', '/v3.0/keys', { data: { name: 'CRM', scopes: ['events'] } }, key)
    expect(Buffer.from(data.key, 'base64url')).toHaveLength(32)
    const listed = await done(http, 'GET', '/v3.0/keys', undefined, key)
    expect(listed.data.find(({ id }: { id: string }) => id === data.id)).toEqual({ ...data, key: undefined })
    const stored = await app.database.selectFrom('apiKeys').selectAll().execute()
    expect(JSON.stringify(stored)).not.toContain(data.key)
    expect(stored.find(({ id }) => id === data.id)?.hash).toHaveLength(32)
  })

  it('works as X-API-KEY, X-Auth-Token and Bearer', async () => {
    expect(await statusOf(key)).toBe(200)
    expect(await statusOf({ 'x-auth-token': tenant.key.secret })).toBe(200)
    expect(await statusOf({ authorization: `Bearer ${tenant.key.secret}` })).toBe(200)
  })

  it('may be limited to networks, its tokens too', async () => {
    const body = { name: 'Net', accountId: tenant.accountId, networks: ['192.0.2.0/24', '2001:db8::1'] }
    const { data } = await done(http, 'POST', '/api/v6/apikey', body)
    expect(await statusOf(withKey(data.key), '192.0.2.77')).toBe(200)
    expect(await statusOf(withKey(data.key), '::ffff:192.0.2.77')).toBe(200)
    expect(await statusOf(withKey(data.key), '2001:db8::1')).toBe(200)
    expect(await statusOf(withKey(data.key), '192.0.3.1')).toBe(403)
    const made = await http.inject({
      method: 'PUT',
      url: '/v3.0/auth/account',
      remoteAddress: '192.0.2.1',
      payload: { data: { api_key: data.key } },
    })
    const token = withToken(made.json().auth_token)
    expect(await statusOf(token, '192.0.2.1')).toBe(200)
    expect(await statusOf(token, '192.0.3.1')).toBe(403)
    const outside = await call(http, 'PUT', '/v3.0/auth/account', { data: { api_key: data.key } }, {})
    expect(outside.status).toBe(403)
  })

  it('ends at its time, its tokens too', async () => {
    const now = Date.now()
    const expiresAt = new Date(now + hour).toISOString()
    const { data } = await done(http, 'POST', '/api/v6/apikey', {
      name: 'Short',
      accountId: tenant.accountId,
      expiresAt,
    })
    const token = await authAccount(data.key)
    setNow(now + hour - 1)
    expect([await statusOf(withKey(data.key)), await statusOf(withToken(token))]).toEqual([200, 200])
    setNow(now + hour)
    expect([await statusOf(withKey(data.key)), await statusOf(withToken(token))]).toEqual([401, 401])
    setNow(Date.now())
    const past = await call(http, 'POST', '/api/v6/apikey', { name: 'Past', expiresAt: '2020-01-01T00:00:00Z' })
    expect(past.body).toMatchObject({ responseCode: -4, data: { issues: [{ field: 'expiresAt' }] } })
  })

  it('is replaced by rotation: both work during the overlap', async () => {
    const now = Date.now()
    setNow(now)
    const old = await makeKey(http, tenant.accountId, ['account', 'events'])
    const headers = { ...operator, 'x-account-id': tenant.accountId }
    const rotated = await done(http, 'POST', `/v3.0/keys/${old.id}/rotate`, { data: { overlap_seconds: 60 } }, headers)
    expect(rotated.data).toMatchObject({ scopes: ['account', 'events'], name: 'Test' })
    expect(rotated.data.id).not.toBe(old.id)
    expect([await statusOf(withKey(old.secret)), await statusOf(withKey(rotated.data.key))]).toEqual([200, 200])
    setNow(now + 60_000)
    expect([await statusOf(withKey(old.secret)), await statusOf(withKey(rotated.data.key))]).toEqual([401, 200])
    const url = '/v3.0/events?type=key.rotated'
    const told = async () => (await done(http, 'GET', url, undefined, headers)).data.at(-1)?.data
    await expect.poll(told, { timeout: 10_000 }).toMatchObject({ old_expires_at: new Date(now + 60_000).toISOString() })
    setNow(Date.now())
  })

  it('takes its tokens along when it is deleted, at once', async () => {
    const made = await makeKey(http, tenant.accountId, ['account', 'act_as'])
    const token = await authAccount(made.secret)
    const acting = await done(
      http,
      'PUT',
      '/v3.0/auth/user',
      { data: { username: tenant.user.email, api_key: made.secret } },
      {},
    )
    expect(await statusOf(withToken(acting.auth_token))).toBe(200)
    await done(http, 'DELETE', `/api/v6/apikey/${made.id}`, undefined, key)
    for (const headers of [withKey(made.secret), withToken(token), withToken(acting.auth_token)]) {
      expect(await statusOf(headers)).toBe(401)
    }
  })

  it('that another process deleted ends within two seconds', async () => {
    const made = await makeKey(http, tenant.accountId, ['account'])
    const { database, rootAccountId } = app
    let now = Date.now()
    const elsewhere = new Credentials({ database, rootAccountId, instanceApiKey: instanceKey, clock: () => now })
    expect(await elsewhere.find(made.secret)).toMatchObject({ keyId: made.id })
    await done(http, 'DELETE', `/api/v6/apikey/${made.id}`, undefined, key)
    now += 1_999
    expect(await elsewhere.find(made.secret)).not.toBeNull()
    now += 1
    expect(await elsewhere.find(made.secret)).toBeNull()
  })

  it('may at most what its maker may', async () => {
    const small = await makeKey(http, tenant.accountId, ['account', 'meeting'])
    const more = await call(
      http,
      'PUT',
      '/v3.0/keys',
      { data: { name: 'More', scopes: ['events'] } },
      withKey(small.secret),
    )
    expect(more.status).toBe(403)
    const same = await done(http, 'PUT', '/v3.0/keys', { data: { name: 'Same' } }, withKey(small.secret))
    expect(same.data).toMatchObject({ scopes: ['account', 'meeting'], role: 'admin' })
    for (const body of [{ level: 'instance' }, { permissions: ['instance'] }, { accountId: app.rootAccountId }]) {
      const answer = await call(http, 'POST', '/api/v6/apikey', { name: 'Up', ...body }, key)
      expect([403, 404]).toContain(answer.status)
    }
    const rotate = await call(http, 'POST', `/v3.0/keys/${tenant.key.id}/rotate`, { data: {} }, withKey(small.secret))
    expect(rotate.status).toBe(403)
  })

  it('of the instance makes the first key of an account below', async () => {
    const headers = { ...operator, 'x-account-id': tenant.accountId }
    const { data } = await done(http, 'PUT', '/v3.0/keys', { data: { name: 'First' } }, headers)
    expect(data).toMatchObject({ account_id: tenant.accountId, role: 'admin' })
    expect(data.scopes).not.toContain('instance')
    expect((await whoami(withKey(data.key))).json().data).toMatchObject({ account_id: tenant.accountId, role: 'admin' })
  })

  it('tells when it was used last', async () => {
    const made = await makeKey(http, tenant.accountId, ['account'])
    const used = Date.parse('2030-05-05T05:05:05.000Z')
    setNow(used)
    await statusOf(withKey(made.secret))
    await app.credentials.flush()
    setNow(Date.now())
    const listed = await done(http, 'GET', '/v3.0/keys', undefined, key)
    const found = listed.data.find(({ id }: { id: string }) => id === made.id)
    expect(found.last_used_at).toBe('2030-05-05T05:05:05.000Z')
  })
})

describe('a token', () => {
  it('stands at the top and in data, and says whose it is', async () => {
    const body = { data: { username: tenant.user.email.toUpperCase(), api_key: instanceKey } }
    const answer = await done(http, 'PUT', '/v3.0/auth/user', body, {})
    expect(answer.data).toMatchObject({
      auth_token: answer.auth_token,
      account_id: tenant.accountId,
      user_id: tenant.user.id,
      expires_at: expect.any(String),
    })
    expect((await whoami(withToken(answer.auth_token))).json().data).toMatchObject({
      kind: 'token',
      role: 'user',
      user_id: tenant.user.id,
    })
    const stored = await app.database.selectFrom('tokens').selectAll().execute()
    expect(JSON.stringify(stored)).not.toContain(answer.auth_token)
  })

  it('slides 24 hours after its last use', async () => {
    const start = Date.now()
    setNow(start)
    const token = withToken(await tokenFor(http, tenant.user.email))
    for (const hours of [20, 40, 60]) {
      setNow(start + hours * hour)
      expect(await statusOf(token)).toBe(200)
      await app.credentials.flush()
    }
    setNow(start + 84 * hour + 1)
    expect(await statusOf(token)).toBe(401)
    setNow(Date.now())
  })

  it('can be given back', async () => {
    const token = withToken(await tokenFor(http, tenant.user.email))
    await done(http, 'DELETE', '/v3.0/auth', undefined, token)
    expect(await statusOf(token)).toBe(401)
  })

  it('of the instance key dies when that key is changed', async () => {
    const token = await authAccount(instanceKey)
    expect(await statusOf(withToken(token))).toBe(200)
    const { database, rootAccountId } = app
    const next = new Credentials({ database, rootAccountId, instanceApiKey: 'the next instance key', clock: Date.now })
    expect(await next.find(token)).toBeNull()
    expect(await next.find(instanceKey)).toBeNull()
  })

  it('needs act_as of a key that makes one for a person of its account', async () => {
    const sign = (username: string, api_key: string) =>
      call(http, 'PUT', '/v3.0/auth/user', { data: { username, api_key } }, {})
    const refused = await sign(tenant.user.email, tenant.key.secret)
    expect(refused.status).toBe(403)
    expect(refused.body.error.details.missing_scope).toBe('act_as')
    const acting = await makeKey(http, tenant.accountId, ['act_as', 'meeting'])
    const answer = await sign(tenant.user.email, acting.secret)
    expect((await whoami(withToken(answer.body.auth_token))).json().data.scopes).toEqual(['meeting'])
    const other = await makeTenant(http)
    const foreign = await sign(other.user.email, acting.secret)
    const absent = await sign('nobody@example.com', acting.secret)
    expect([foreign.status, foreign.body.error.message]).toEqual([absent.status, absent.body.error.message])
    expect(foreign.status).toBe(401)
  })
})

describe('sign-in with a password', () => {
  it('answers an unknown person as a wrong password', async () => {
    const sign = (username: string) =>
      call(http, 'PUT', '/v3.0/auth/password', { data: { username, password: 'wrong password' } }, {})
    const [wrong, unknown, without] = [
      await sign('root@example.com'),
      await sign('nobody@example.com'),
      await sign(tenant.user.email),
    ]
    const anonymous = ({ status, body }: typeof wrong) => ({ status, ...body.error, details: null })
    expect(anonymous(unknown)).toEqual(anonymous(wrong))
    expect(anonymous(without)).toEqual(anonymous(wrong))
    expect(wrong.status).toBe(401)
    const right = { username: 'ROOT@example.com', password: 'root password 1' }
    expect((await call(http, 'PUT', '/v3.0/auth/password', { data: right }, {})).status).toBe(200)
  })
})
