/**
 * The published tutorial, call by call: each answer holds every key of the tutorial's answer, with the same type. The
 * samples are contract/examples.ts's, which the documents show too.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { examples } from '../contract/examples.ts'
import { call, instanceKey, testApp } from './app.ts'
import { makeTenant } from './world.ts'

const run = promisify(execFile)

const { http } = await testApp()
const withKey = { 'x-api-key': instanceKey }

/** Names and types, deep: arrays by their first entry. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(shapeOf)
  if (value === null || typeof value !== 'object') return value === null ? 'null' : typeof value
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, shapeOf(entry)]))
}

it('runs from the first call to the last', async () => {
  const before = Date.now()
  const created = await call(http, 'POST', '/api/v6/account', examples.newAccount, withKey)
  expect(created.body.responseCode).toBe(0)
  expect(shapeOf(created.body.data)).toEqual(shapeOf(examples.account))
  expect(created.body.data.name).toBe('test-user@example.com')
  const trialMs = Date.parse(created.body.data.paidUntil) - 14 * 86_400_000
  expect(trialMs).toBeGreaterThanOrEqual(before)
  expect(trialMs).toBeLessThanOrEqual(Date.now())

  const admins = await call(http, 'GET', `/api/v6/account/admin/${created.body.data.id}`, undefined, withKey)
  expect(admins.body.responseCode).toBe(0)
  expect(shapeOf(admins.body.data)).toEqual(shapeOf([examples.organizer]))
  const [admin] = admins.body.data
  expect(admin.icsPath).toBe(`/api/v6/meeting/calender/user/${admin.icsToken}`)

  const scheduled = await call(http, 'POST', '/api/v6/meeting', examples.newMeeting, { 'x-user-id': admin.id })
  expect(scheduled.body.responseCode).toBe(0)
  const meeting = scheduled.body.data
  expect(shapeOf(meeting)).toEqual(shapeOf(examples.meeting))
  expect(meeting).toMatchObject({ isClosed: true, isOpen: false, dtClosedAt: null, duration: '60', icalSequence: '0' })
  expect(meeting.meetingId).toMatch(/^(\d{4}-){3}\d{4}$/)

  const change = { ...examples.updateMeeting, id: meeting.id }
  const updated = await call(http, 'PUT', `/api/v6/meeting/${meeting.id}/false`, change, { 'x-user-id': admin.id })
  expect(updated.body.responseCode).toBe(0)
  expect(shapeOf(updated.body.data)).toEqual(shapeOf(examples.meeting))
  expect(updated.body.data).toMatchObject({
    topic: 'My Updated Meeting Topic',
    startTime: '2020-04-07T09:05:00.000Z',
    endTime: '2020-04-07T10:00:05.000Z',
    icalSequence: '1',
  })
})

describe('with curl', () => {
  /** The lines of the published tutorial, with scheme and placeholders filled and nothing else changed. */
  const lines = (url: string, ids: Record<string, string>) => ({
    account: `curl '${url}/api/v6/account' \\
  -X POST \\
  -H 'X-API-KEY: ${instanceKey}' \\
  -H 'content-type: application/json' \\
  --data-binary '{"sendPassword": true,"accountType": "trial","adminFirstname": "Test","adminLastname": "User","adminEmail": "curl-user@example.com", "adminPreferredLanguage": "en","paidUntil": "2020-04-19T19:03:41.203Z"}'`,
    admin: `curl '${url}/api/v6/account/admin/${ids.account}' \\
  -X GET \\
  -H 'X-API-KEY: ${instanceKey}' \\
  -H 'content-type: application/json'`,
    create: `curl '${url}/api/v6/meeting' \\
  -X POST \\
  -H 'X-USER-ID: ${ids.user}' \\
  -H 'content-type: application/json' \\
  --data-binary '{"topic":"My Meeting Topic","startTime":"2020-04-07T09:00:00.000Z", "endTime":"2020-04-07T10:00:00.000Z","duration":60,"type":"standard","isRecurring":false,"isRecorded":false,"isDialin":false,"invitedParticipants":[],"recurring":{},"meetingPermissionId":null}'`,
    update: `curl '${url}/api/v6/meeting/${ids.meeting}/false' \\
  -X PUT \\
  -H 'X-USER-ID: ${ids.user}' \\
  -H 'content-type: application/json' \\
  --data-binary '{"topic":"My Updated Meeting Topic","id": "${ids.meeting}","startTime":"2020-04-07T09:05:00.000Z","endTime":"2020-04-07T10:00:05.000Z","duration":60,"type":"standard","isRecurring":false,"isRecorded":false,"isDialin":false,"invitedParticipants":[],"recurring":{},"meetingPermissionId":null}'`,
  })
  const shell = async (line: string) => JSON.parse((await run('sh', ['-c', `${line} -sS`])).stdout)

  it('runs to the letter, from this machine', async () => {
    const url = await http.listen({ host: '127.0.0.1', port: 0 })
    const account = await shell(lines(url, {}).account)
    expect(account.responseCode).toBe(0)
    const admins = await shell(lines(url, { account: account.data.id }).admin)
    const ids = { account: account.data.id, user: admins.data[0].id }
    const created = await shell(lines(url, ids).create)
    expect(shapeOf(created.data)).toEqual(shapeOf(examples.meeting))
    const { create, update } = lines(url, { ...ids, meeting: created.data.id })
    expect((await shell(update)).data).toMatchObject({ topic: 'My Updated Meeting Topic', icalSequence: '1' })
    expect(await shell(create.replace(' -H ', " -H 'content-type: text/plain' -H "))).toMatchObject({ responseCode: 0 })
    for (const trace of ['Origin: http://localhost', 'X-Forwarded-For: 127.0.0.1', 'Host: meet.example.com']) {
      const refused = await shell(`${create} -H '${trace}'`)
      expect(refused).toMatchObject({ responseCode: -1 })
      expect(refused.responseMessage).toContain('X-API-KEY')
    }
  })
})

describe('X-USER-ID without a key (S1)', () => {
  const body = { topic: 'From nobody' }
  const plan = (server: typeof http, userId: string, extra: object = {}) =>
    server.inject({
      method: 'POST',
      url: '/api/v6/meeting',
      payload: body,
      ...extra,
      headers: { 'x-user-id': userId, ...headersOf(extra) },
    })
  const headersOf = (extra: { headers?: Record<string, string> }) => extra.headers ?? {}
  const headers = (name: string, value: string) => ({ headers: { [name]: value } })

  it.each([
    ['a proxy', headers('forwarded', 'for=127.0.0.1')],
    ['a proxy', headers('x-forwarded-for', '127.0.0.1')],
    ['a proxy', headers('x-forwarded-proto', 'https')],
    ['a proxy', headers('x-forwarded-host', 'localhost')],
    ['a proxy', headers('x-forwarded-anything', '')],
    ['a proxy', headers('x-real-ip', '127.0.0.1')],
    ['a proxy', headers('via', '1.1 proxy')],
    ['a page', headers('origin', 'http://localhost:8080')],
    ['a page that rebinds names', headers('host', 'attacker.example')],
    ['another machine', { remoteAddress: '192.0.2.1' }],
  ])('is refused when it comes through %s: %j', async (_who, extra) => {
    const { user } = await makeTenant(http)
    const answer = await plan(http, user.id, extra)
    expect(answer.statusCode).toBe(401)
    expect(answer.json().responseMessage).toContain('add the header X-API-KEY')
  })

  it('is refused wherever others can come', async () => {
    const open = await testApp({ environment: { CARILLON_PUBLIC_URL: 'https://meet.example.com' } })
    const { user } = await makeTenant(open.http)
    expect((await plan(open.http, user.id)).statusCode).toBe(401)
  })

  it('is for creating and changing that user’s meetings, and nothing else', async () => {
    const own = await makeTenant(http)
    const other = await makeTenant(http)
    expect((await plan(http, own.user.id)).statusCode).toBe(200)
    const asUser = { 'x-user-id': own.user.id }
    const change = (id: string) => call(http, 'PUT', `/api/v6/meeting/${id}/false`, body, asUser)
    expect((await change(own.meeting.id)).status).toBe(200)
    expect((await change(other.meeting.id)).status).toBe(404)
    for (const url of [
      '/api/v6/meeting',
      `/api/v6/meeting/${own.meeting.id}`,
      `/api/v6/user/${own.user.id}`,
      '/v3.0/whoami',
    ]) {
      expect((await call(http, 'GET', url, undefined, asUser)).status).toBe(401)
    }
    expect((await call(http, 'DELETE', `/api/v6/meeting/${own.meeting.id}`, undefined, asUser)).status).toBe(401)
    expect((await plan(http, '0'.repeat(24))).statusCode).toBe(404)
  })

  it('is logged as a warning', async () => {
    const lines: string[] = []
    const log = pino({ level: 'warn' }, { write: (line: string) => lines.push(line) })
    const watched = await testApp({ log })
    const { user } = await makeTenant(watched.http)
    await plan(watched.http, user.id)
    expect(lines.filter((line) => line.includes('without an API key') && line.includes(user.id))).toHaveLength(1)
  })
})
