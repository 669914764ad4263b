import { expect, it } from 'vitest'
import { call, testApp } from './app.ts'
import { done, makeKey, makeTenant, withKey } from './world.ts'

const perKeyPerSecond = 20
const { app, http } = await testApp({ limits: { perKeyPerSecond, publicPerMinute: 6, signInPerMinute: 10 } })
const unlimited = await testApp()

it('counts sign-ins of an address over all ways to sign in, and tells by headers how many are left', async () => {
  const attempts = ['auth/account', 'auth/user', 'auth/password'].flatMap((path) => Array(4).fill(path))
  const answers = []
  for (const path of attempts) answers.push(await call(http, 'PUT', `/v3.0/${path}`, { data: {} }, {}))
  expect(answers.map(({ status }) => status)).toEqual([...Array(10).fill(400), 429, 429])
  expect(answers[0]?.headers).toMatchObject({ 'ratelimit-limit': '10', 'ratelimit-remaining': '9' })
  expect(answers[10]?.headers).toMatchObject({
    'ratelimit-remaining': '0',
    'retry-after': expect.stringMatching(/^\d+$/),
  })
  expect(answers[10]?.body.error.type).toBe('rate_limited')
  const link = await call(http, 'POST', '/api/v6/link', { token: 'x', password: 'long enough' }, {})
  expect(link.status).toBe(429)
  expect(link.body).toMatchObject({ responseCode: -8, data: { type: 'rate_limited' } })
})

it('counts another address for itself', async () => {
  const from = await http.inject({
    method: 'PUT',
    url: '/v3.0/auth/account',
    remoteAddress: '192.0.2.7',
    payload: { data: { api_key: 'x' } },
  })
  expect(from.statusCode).toBe(401)
})

it('counts public pages of an address', async () => {
  const tenant = await makeTenant(unlimited.http)
  const statuses = []
  for (let visit = 0; visit < 8; visit++) {
    const url = `/api/v6/meeting/calender/user/${tenant.user.icsToken}`
    statuses.push((await call(http, 'GET', url, undefined, {})).status)
  }
  expect(statuses).toEqual([...Array(6).fill(404), 429, 429])
})

it('counts the calls of a key over all operations, and each key for itself', async () => {
  const first = await makeKey(http, app.rootAccountId)
  const second = await makeKey(http, app.rootAccountId)
  const statuses = []
  const paths = ['/v3.0/whoami', '/api/v6/meeting', '/v3.0/keys']
  for (let index = 0; index < perKeyPerSecond + 3; index++) {
    const path = paths[index % paths.length] ?? ''
    statuses.push((await call(http, 'GET', path, undefined, withKey(first.secret))).status)
  }
  expect(statuses.filter((status) => status === 429)).toHaveLength(3)
  expect((await call(http, 'GET', '/v3.0/whoami', undefined, withKey(second.secret))).status).toBe(200)
})

it('does not limit what the operator looks at', async () => {
  for (let index = 0; index < 50; index++) expect((await call(http, 'GET', '/healthz', undefined, {})).status).toBe(200)
  await done(unlimited.http, 'GET', '/v3.0/whoami')
})
