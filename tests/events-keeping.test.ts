/** What becomes of the log: how long an account keeps it, erasure of a person, export, and reading one event (E5, S9). */
import { describe, expect, it } from 'vitest'
import type { Event } from '../contract/event.ts'
import { events as catalogue, eventTypes } from '../contract/events.ts'
import { eraseOld } from '../server/events/erase.ts'
import { formatCell } from '../server/events/export.ts'
import { verifyChain } from '../server/events/verify.ts'
import { call, testApp } from './app.ts'
import { done, inAccount, makeKey, makeTenant, operator, withKey, withToken } from './world.ts'

const { app, http } = await testApp()
const tenant = await makeTenant(http)
const other = await makeTenant(http)
const key = withKey(tenant.key.secret)
const dayMs = 86_400_000

async function settled(): Promise<void> {
  while (await app.database.selectFrom('eventInbox').select('id').limit(1).executeTakeFirst()) app.sequencer.poke()
}
async function logOf(headers: Record<string, string>): Promise<Event[]> {
  await settled()
  return (await done(http, 'GET', '/v3.0/events?limit=1000', undefined, headers)).data
}
const intact = { isIntact: true, events: expect.any(Number) }
const keep = (days: number | null) =>
  call(http, 'PATCH', `/v3.0/accounts/${tenant.accountId}`, { data: { event_days: days } }, key)

describe('an account that keeps events for less than the installation (E5)', () => {
  it('has the data of older ones blanked in place, and told of; the chain holds and seq has no gap', async () => {
    expect((await keep(2)).body.data.event_days).toBe(2)
    const before = await logOf(key)
    const later = new Date(Date.now() + 3 * dayMs)
    expect(await eraseOld(app.database, new Date(Date.now() + dayMs))).toBe(0)
    expect(await eraseOld(app.database, later)).toBe(before.length)
    expect(await eraseOld(app.database, later)).toBe(0)
    const after = await logOf(key)
    expect(after.map(({ seq }) => seq)).toEqual(after.map((_, index) => index + 1))
    for (const [index, event] of before.entries()) expect(after[index]).toEqual({ ...event, data: null, actor: null })
    expect(after.slice(before.length)).toMatchObject([
      { type: 'event.redacted', data: { resource: { type: 'account', id: tenant.accountId }, events: before.length } },
    ])
    expect((await logOf(withKey(other.key.secret))).every(({ data }) => data !== null)).toBe(true)
    for (const { accountId } of [tenant, other]) {
      expect(await verifyChain(app.database, app.signer, accountId)).toEqual(intact)
    }
    // What tells of it holds nothing, and is not told of again and again.
    expect(await eraseOld(app.database, new Date(Date.now() + 30 * dayMs))).toBe(0)
  })

  it('has them blanked batch by batch, each going on where the last one ended', async () => {
    const third = await makeTenant(http)
    await call(
      http,
      'PATCH',
      `/v3.0/accounts/${third.accountId}`,
      { data: { event_days: 2 } },
      withKey(third.key.secret),
    )
    const before = await logOf(withKey(third.key.secret))
    const later = new Date(Date.now() + 3 * dayMs)
    expect(before.length).toBeGreaterThan(4)
    expect(await eraseOld(app.database, later, 2)).toBe(before.length)
    const after = await logOf(withKey(third.key.secret))
    expect(after.slice(0, before.length).every(({ data }) => data === null)).toBe(true)
    const told = after.slice(before.length).map(({ data }) => (data as { events: number }).events)
    expect(told.reduce((sum, events) => sum + events, 0)).toBe(before.length)
    expect(told.every((events) => events <= 2)).toBe(true)
    expect(await verifyChain(app.database, app.signer, third.accountId)).toEqual(intact)
  })

  it('keeps them for a day at least, and for no longer than the installation', async () => {
    for (const days of [0, 1.5, '7', app.config.eventDays + 1]) {
      const { status, body } = await keep(days as number)
      expect([status, body.error.details.issues[0].field]).toEqual([400, 'data.event_days'])
    }
    expect((await keep(app.config.eventDays)).status).toBe(200)
    expect((await keep(null)).body.data.event_days).toBeNull()
  })
})

describe('erasing a person', () => {
  it('is a call of the account’s administrators, and reaches no other account', async () => {
    const erase = (headers: Record<string, string>, user_id = other.user.id) =>
      call(http, 'PUT', '/v3.0/events/erasures', { data: { user_id } }, headers)
    await settled()
    expect((await erase(withToken(other.user.token))).status).toBe(403)
    expect((await erase(key)).body.data).toEqual({ user_id: other.user.id, events: 0 })
    const about = await app.database.selectFrom('events').select('id').where('userId', '=', other.user.id).execute()
    const headers = withKey(other.key.secret)
    const answer = await erase({ ...headers, 'idempotency-key': 'once' })
    expect(answer.body.data).toEqual({ user_id: other.user.id, events: about.length })
    expect((await erase({ ...headers, 'idempotency-key': 'once' })).body).toEqual(answer.body)
    const log = await logOf(headers)
    expect(JSON.stringify(log)).not.toContain(other.user.email)
    expect(log.at(-1)).toMatchObject({
      type: 'event.redacted',
      actor: { type: 'key', id: other.key.id },
      data: { resource: { type: 'user', id: other.user.id }, events: about.length },
    })
    expect(await verifyChain(app.database, app.signer, other.accountId)).toEqual(intact)
  })
})

describe('an export', () => {
  const exported = (query: string, headers: Record<string, string> = inAccount(tenant.accountId)) =>
    http.inject({ url: `/v3.0/events/export?${query}`, headers })

  it('is the list, a line each, with their number told before', async () => {
    await settled()
    const { data } = await done(http, 'GET', '/v3.0/events?limit=1000&type=user.*,meeting.*', undefined, key)
    const { body, headers } = await exported('type=user.*,meeting.*', key)
    expect(headers).toMatchObject({
      'content-type': 'application/x-ndjson; charset=utf-8',
      'content-disposition': 'attachment; filename="events.ndjson"',
      'x-total-count': String(data.length),
      'x-content-type-options': 'nosniff',
    })
    expect(
      body
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual(data)
  })

  it('is a table, in which nothing is a formula and numbers stay whole (S9)', async () => {
    await done(http, 'POST', '/api/v6/meeting', { topic: '=1+1,"x"' }, key)
    await settled()
    const { body, headers } = await exported('format=csv&type=meeting.scheduled', key)
    const rows = parseCsv(body)
    expect(rows[0]?.slice(0, 5)).toEqual(['id', 'seq', 'cursor', 'type', 'account_id'])
    expect(rows).toHaveLength(Number(headers['x-total-count']) + 1)
    expect(JSON.parse(rows.at(-1)?.at(-1) ?? '').meeting.topic).toBe('=1+1,"x"')
    expect(['=1', '+1', '-1', '@x', '\tx', '+32 2', '+0123', '+123456789012345678'].map(formatCell)).toEqual([
      "'=1",
      "'+1",
      "'-1",
      "'@x",
      "'\tx",
      "'+32 2",
      "'+0123",
      "'+123456789012345678",
    ])
    expect(['+3225550100', 'a=b', '', null, 5, 'a,b', 'a"b', 'a\nb'].map(formatCell)).toEqual([
      '+3225550100',
      'a=b',
      '',
      '',
      '5',
      '"a,b"',
      '"a""b"',
      '"a\nb"',
    ])
  })

  it('goes on over many pages, to the present and no further', async () => {
    await settled()
    const whole = (await exported('account=tree', operator)).body.trimEnd().split('\n')
    const { count } = await app.database
      .selectFrom('events')
      .select((is) => is.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow()
    expect(whole).toHaveLength(count)
    const half = JSON.parse(whole[10] ?? '').cursor
    expect((await exported(`account=tree&after=${half}`, operator)).body.trimEnd().split('\n')).toEqual(whole.slice(11))
  })

  it('is refused as the list is', async () => {
    const narrow = await makeKey(http, tenant.accountId, ['meeting'])
    expect((await exported('', withKey(narrow.secret))).statusCode).toBe(403)
    expect((await exported('format=xls', key)).json().error.details.issues[0].field).toBe('format')
    expect((await exported(`account=${other.accountId}`, key)).statusCode).toBe(404)
  })
})

it('one event is found by its id, by whoever may read it', async () => {
  const meetings = await makeKey(http, tenant.accountId, ['events', 'meeting'])
  const [event] = (await logOf(key)).filter(({ type }) => type === 'key.created')
  const read = (headers: Record<string, string>) => call(http, 'GET', `/v3.0/events/${event?.id}`, undefined, headers)
  expect((await read(key)).body).toEqual({ data: event })
  expect((await read(operator)).body).toEqual({ data: event })
  for (const headers of [withKey(meetings.secret), withKey(other.key.secret), withToken(tenant.user.token)]) {
    expect((await read(headers)).status).toBe(404)
  }
})

it('the catalogue has a schema for each type, which its example and its events fit', async () => {
  const { data } = await done(http, 'GET', '/v3.0/event_types', undefined, key)
  expect(data.map(({ type }: { type: string }) => type)).toEqual(eventTypes)
  for (const { type, schema, example, scope, resource } of data) {
    const { data: expected, ...rest } = catalogue[type as (typeof eventTypes)[number]]
    expect({ scope, resource }).toEqual({ scope: rest.scope, resource: rest.resource })
    expect(schema.type).toBe('object')
    expect(Object.keys(schema.properties)).toEqual(Object.keys(expected.shape))
    expect(expected.safeParse(example).success, type).toBe(true)
    expect(JSON.stringify(schema)).not.toContain('"additionalProperties":false')
  }
})

/** RFC 4180. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [[]]
  for (const [, quoted, plain = '', end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    rows.at(-1)?.push(quoted?.replaceAll('""', '"') ?? plain)
    if (end !== ',') rows.push([])
  }
  return rows.slice(0, -1)
}
