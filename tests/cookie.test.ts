/** The session of a page (S2, S4): its cookie serves pages of this server, and nothing that another site sends. */
import { describe, expect, it } from 'vitest'
import type { Operation } from '../contract/define.ts'
import { operationTable } from '../contract/operations.ts'
import { authenticate } from '../server/auth/authenticate.ts'
import { cookieName } from '../server/auth/cookie.ts'
import { hashPassword } from '../server/auth/password.ts'
import { testApp } from './app.ts'
import { exampleBody, fromPage, makeTenant, pathOf, withKey, withTelephony } from './world.ts'

const { app, http, setNow } = await testApp()
const tenant = await withTelephony({ app, http }, await makeTenant(http))
const password = 'correct horse battery'
await app.database
  .updateTable('users')
  .set({ passwordHash: await hashPassword(password) })
  .where('id', 'in', [tenant.admin.id, tenant.user.id])
  .execute()
const hour = 3_600_000

const signIn = (headers: Record<string, string> = fromPage, username = tenant.admin.email) =>
  http.inject({
    method: 'PUT',
    url: '/v3.0/auth/session',
    headers: { 'content-type': 'application/json', ...headers },
    payload: { data: { username, password } },
  })

async function cookieOf(username?: string): Promise<string> {
  const { cookies } = await signIn(fromPage, username)
  return `${cookies[0]?.name}=${cookies[0]?.value}`
}

const whoami = (headers: Record<string, string>) => http.inject({ method: 'GET', url: '/v3.0/whoami', headers })

/** What any other site can make a browser send, and what only it would. */
const otherSites: [string, Record<string, string>][] = [
  ['another origin', { origin: 'https://evil.example', 'content-type': 'text/plain' }],
  ['another port', { origin: 'http://localhost:8081' }],
  ['another scheme', { origin: 'https://localhost:8080' }],
  ['no origin at all (a sandboxed frame)', { origin: 'null' }],
  ['another site by its metadata', { 'sec-fetch-site': 'cross-site' }],
  ['a neighbour of the same site', { 'sec-fetch-site': 'same-site' }],
]

describe('signing in', () => {
  it('makes a cookie that no script reads and no other site sends, and shows the token to nobody', async () => {
    const answer = await signIn()
    expect(answer.statusCode).toBe(200)
    expect(answer.cookies).toHaveLength(1)
    const [cookie] = answer.cookies
    expect(cookie).toMatchObject({ name: 'carillon-8080', path: '/', httpOnly: true, sameSite: 'Lax' })
    expect(answer.json().data).toMatchObject({ account_id: tenant.accountId, user_id: tenant.admin.id })
    expect(answer.body).not.toContain(cookie?.value)
    const who = await whoami({ cookie: `carillon-8080=${cookie?.value}` })
    expect(who.json().data).toMatchObject({ kind: 'token', user_id: tenant.admin.id, role: 'admin' })
  })

  it('has the prefix that binds it to the host, and Secure, under TLS', async () => {
    expect(cookieName('https://pbx.example')).toBe('__Host-carillon')
    expect(cookieName('https://pbx.example:8443')).toBe('__Host-carillon-8443')
    const secure = await testApp({ environment: { CARILLON_PUBLIC_URL: 'https://pbx.example' } })
    await secure.app.database
      .updateTable('users')
      .set({ passwordHash: await hashPassword(password) })
      .where('email', '=', 'root@example.com')
      .execute()
    const answer = await secure.http.inject({
      method: 'PUT',
      url: '/v3.0/auth/session',
      headers: { origin: 'https://pbx.example', 'x-carillon-client': 'test', 'content-type': 'application/json' },
      payload: { data: { username: 'root@example.com', password } },
    })
    expect(answer.cookies[0]).toMatchObject({ name: '__Host-carillon', path: '/', secure: true, httpOnly: true })
    expect(answer.cookies[0]).not.toHaveProperty('domain')
  })

  it.each(otherSites)('is refused to %s', async (_what, headers) => {
    const answer = await signIn({ ...fromPage, ...headers })
    expect(answer.statusCode).toBe(403)
    expect(answer.cookies).toEqual([])
  })

  it.each([
    ['Origin', { 'x-carillon-client': 'test' }],
    ['X-Carillon-Client', { origin: fromPage.origin }],
    ['Content-Type', { ...fromPage, 'content-type': 'text/plain' }],
    ['Content-Type', { ...fromPage, 'content-type': 'application/jsonx' }],
  ])('names the header that is missing or wrong: %s', async (name, headers) => {
    const answer = await signIn(headers)
    expect(answer.statusCode).toBe(403)
    expect(answer.json().error.message).toContain(name)
  })

  it('answers to a wrong password what it answers to an unknown person, and gives no cookie', async () => {
    const ask = (username: string) =>
      http.inject({
        method: 'PUT',
        url: '/v3.0/auth/session',
        headers: { ...fromPage, 'content-type': 'application/json' },
        payload: { data: { username, password: 'not the password' } },
      })
    const [wrong, unknown] = [await ask(tenant.admin.email), await ask('nobody@example.com')]
    expect(wrong.statusCode).toBe(401)
    expect(wrong.cookies).toEqual([])
    expect(wrong.json().error.message).toBe(unknown.json().error.message)
  })
})

describe.each(Object.entries(operationTable) as [string, Operation][])('%s with a cookie', (_id, operation) => {
  const isOpen = operation.access.kind === 'public' && !operation.access.isForPages

  it.each(otherSites)('does nothing for %s', async (_what, headers) => {
    const answer = await ask(operation, { ...fromPage, ...headers })
    // What is open to all takes nothing from the cookie: it is asked for with a token or password in its body.
    if (isOpen) return expect(answer.statusCode).toBe(operation.method === 'GET' ? 200 : 401)
    expect(answer.statusCode).toBe(403)
    expect(await sessionLives()).toBe(true)
  })

  it('needs the headers that another site cannot send, unless it only reads', async () => {
    if (operation.method === 'GET' || isOpen) return
    for (const name of ['origin', 'x-carillon-client', 'content-type']) {
      const { [name]: _, ...rest }: Record<string, string> = { 'content-type': 'application/json', ...fromPage }
      const answer = await ask(operation, rest)
      expect(answer.statusCode, name).toBe(403)
      expect(answer.json().error?.message ?? answer.json().responseMessage).toMatch(new RegExp(name, 'i'))
    }
    expect(await sessionLives()).toBe(true)
  })
})

const cookie = await cookieOf()
const sessionLives = async () => (await whoami({ cookie })).statusCode === 200

async function ask(operation: Operation, headers: Record<string, string>) {
  const body = exampleBody(operation, tenant)
  return http.inject({
    method: operation.method,
    url: pathOf(operation, tenant),
    headers: { cookie, ...headers },
    ...(body !== undefined && operation.method !== 'GET' && { payload: JSON.stringify(body) }),
  })
}

describe('a session', () => {
  it('changes things for its own page, by the name the page was reached by', async () => {
    for (const origin of ['http://localhost:8080', 'http://127.0.0.1:8123']) {
      const answer = await http.inject({
        method: 'PUT',
        url: '/v3.0/devices',
        headers: {
          cookie,
          origin,
          host: '127.0.0.1:8123',
          'x-carillon-client': 'test',
          'content-type': 'application/json; charset=utf-8',
          'sec-fetch-site': 'same-origin',
        },
        payload: { data: { name: 'By cookie' } },
      })
      expect(answer.statusCode, answer.body).toBe(200)
    }
  })

  it('may do what the person may: a plain user is no administrator', async () => {
    const mine = await cookieOf(tenant.user.email)
    const answer = await http.inject({ method: 'GET', url: '/v3.0/keys', headers: { cookie: mine } })
    expect(answer.statusCode).toBe(403)
    expect(answer.json().error.details).toMatchObject({ role: 'user', user_id: tenant.user.id })
  })

  it('is set aside by a header that names a credential', async () => {
    const who = await whoami({ cookie, 'sec-fetch-site': 'cross-site', ...withKey(tenant.key.secret) })
    expect(who.json().data).toMatchObject({ kind: 'key', key_id: tenant.key.id })
    expect((await whoami({ cookie, ...withKey('unknown') })).statusCode).toBe(401)
  })

  it('opens a WebSocket for a page of this server only (S4)', async () => {
    const asked: unknown[] = []
    const trial = await testApp()
    trial.http.get('/trial', async (request) => {
      asked.push(await authenticate(trial.app, request, { kind: 'credential', scope: 'events', minRole: 'user' }))
      return {}
    })
    const open = (headers: Record<string, string>) =>
      trial.http.inject({ url: '/trial', headers: { cookie: 'carillon-8080=x', upgrade: 'websocket', ...headers } })
    expect((await open({})).statusCode).toBe(403)
    expect((await open({ origin: 'https://evil.example' })).statusCode).toBe(403)
    expect((await open({ origin: fromPage.origin })).statusCode).toBe(401) // as far as the token, which nobody has
    expect(asked).toEqual([])
  })

  it('lasts 24 hours after its last use', async () => {
    const start = Date.now()
    const own = await cookieOf()
    const look = async (at: number) => {
      setNow(start + at)
      app.credentials.forget()
      const { statusCode } = await whoami({ cookie: own })
      await app.credentials.flush()
      return statusCode
    }
    expect(await look(23 * hour)).toBe(200)
    expect(await look(46 * hour)).toBe(200)
    expect(await look(71 * hour)).toBe(401)
    setNow(undefined)
  })

  it('ends at once when it is given back, and its cookie is taken away', async () => {
    const own = await cookieOf()
    const answer = await http.inject({
      method: 'DELETE',
      url: '/v3.0/auth/session',
      headers: { cookie: own, ...fromPage, 'content-type': 'application/json' },
    })
    expect(answer.statusCode).toBe(200)
    expect(answer.cookies[0]).toMatchObject({ name: 'carillon-8080', value: '', path: '/' })
    expect(answer.cookies[0]?.expires?.getTime()).toBeLessThan(Date.now())
    expect((await whoami({ cookie: own })).statusCode).toBe(401)
  })
})
