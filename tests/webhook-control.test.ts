/** What can be done with a webhook: tests, pauses, replays, resends; the orderings and isolation as receivers see them. */
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { examples } from '../contract/examples.ts'
import { keptDeliveryDays, dropOldDeliveries } from '../server/store/webhook-deliveries.ts'
import { call } from './app.ts'
import { eventually, type Received, webhookApp } from './webhook-receiver.ts'
import { done, makeKey, withKey } from './world.ts'

const { app, http, receiver, setNow, dispatcher } = await webhookApp()
const key = await makeKey(http, app.rootAccountId)
const headers = withKey(key.secret)
let paths = 0
// Attempts have their own pace.
vi.setConfig({ testTimeout: 180_000 })
beforeEach(() => {
  receiver.answer = 200
  setNow(undefined)
})

async function make(fields: object = {}) {
  const path = `/hook-${paths++}`
  // What was done before is in the log, and so behind the cursor of a webhook that is made now.
  await eventually(() => app.database.selectFrom('eventInbox').select('id').execute()).toEqual([])
  const asked = { url: receiver.url + path, event_types: ['key.created'], ...fields }
  const { data } = await done(http, 'PUT', '/v3.0/webhooks', { data: asked }, headers)
  return { ...data, path }
}
const act = async (id: string, what: string, data?: object) =>
  (await done(http, 'POST', `/v3.0/webhooks/${id}/${what}`, data && { data }, headers)).data
const read = async (path: string) => (await done(http, 'GET', `/v3.0/webhooks${path}`, undefined, headers)).data
const remove = (id: string) => done(http, 'DELETE', `/v3.0/webhooks/${id}`, undefined, headers)

async function happen(name = 'Somebody'): Promise<string> {
  const made = await done(http, 'PUT', '/v3.0/keys', { data: { name, scopes: ['meeting'] } }, headers)
  return made.data.id
}
const arrived = async (path: string, count: number): Promise<Received[]> => {
  await eventually(() => receiver.of(path).length).toBe(count)
  return receiver.of(path)
}
const namesOf = (received: readonly Received[]) => received.map(({ body }) => JSON.parse(body).data.key.name)

it('a test sends the example of the catalogue, once, also while it is paused', async () => {
  const { id, path } = await make({ event_types: ['meeting.*'] })
  await act(id, 'pause')
  const delivery = await act(id, 'test', { event_type: 'meeting.ended' })
  const [got] = await arrived(path, 1)
  expect(got?.headers).toMatchObject({ 'carillon-test': 'true', 'carillon-delivery': delivery.id })
  expect(JSON.parse(got?.body ?? '')).toMatchObject({ type: 'meeting.ended', seq: 0, data: { reason: 'host' } })
  await eventually(async () => (await read(`/${id}/deliveries/${delivery.id}`)).status).toBe('delivered')
  receiver.answer = 500
  const failing = await act(id, 'test', {})
  await eventually(async () => (await read(`/${id}/deliveries/${failing.id}`)).status).toBe('failed')
  expect((await read(`/${id}`)).failing_since).toBeNull()
  expect((await read(`/${id}/deliveries/${failing.id}`)).kind).toBe('test')
  const other = await call(http, 'POST', `/v3.0/webhooks/${id}/test`, { data: { event_type: 'call.ended' } }, headers)
  expect([other.status, other.body.error.details.issues[0].field]).toEqual([400, 'data.event_type'])
  await remove(id)
})

describe('a pause', () => {
  it('sends nothing, and what happened meanwhile afterwards, in order', async () => {
    const { id, path } = await make({ ordering: 'strict' })
    await happen('before')
    await arrived(path, 1)
    expect(await act(id, 'pause')).toMatchObject({ enabled: false, status: 'paused', stopped_at: expect.any(String) })
    for (const name of ['one', 'two', 'three']) await happen(name)
    // Another webhook, made later, has them all: this one could have had them by now.
    const { path: witness, id: witnessId } = await make()
    await happen('four')
    await arrived(witness, 1)
    expect(namesOf(receiver.of(path))).toEqual(['before'])
    await act(id, 'resume', {})
    expect(namesOf(await arrived(path, 5))).toEqual(['before', 'one', 'two', 'three', 'four'])
    await Promise.all([remove(id), remove(witnessId)])
  })

  it('can be ended at the present: what waited is cancelled, and replayed on demand', async () => {
    const { id, path } = await make()
    receiver.answer = 500
    await happen('failed')
    await arrived(path, 1)
    await eventually(async () => (await read(`/${id}`)).pending).toBe(1)
    await done(http, 'PATCH', `/v3.0/webhooks/${id}`, { data: { enabled: false } }, headers)
    const at = new Date().toISOString()
    await happen('missed')
    await eventually(async () => (await app.database.selectFrom('eventInbox').selectAll().execute()).length).toBe(0)
    receiver.answer = 200
    await act(id, 'resume', { catch_up: false })
    await happen('after')
    await eventually(() => namesOf(receiver.of(path))).toEqual(['failed', 'after'])
    expect((await read(`/${id}/deliveries?status=cancelled`)).length).toBe(1)
    // All that failed or was cancelled.
    const failed = await act(id, 'replay', { failed_since: at.replace(/T.*/, 'T00:00:00Z') })
    expect(failed).toMatchObject({ status: 'running', total: 1 })
    await eventually(() => namesOf(receiver.of(path))).toEqual(['failed', 'after', 'failed'])
    // And what never became a delivery.
    const missed = await act(id, 'replay', { since: at, event_types: ['key.*'] })
    expect(missed.total).toBe(2)
    await eventually(() => namesOf(receiver.of(path)).slice(3).sort()).toEqual(['after', 'missed'])
    const told = await read(`/${id}/replay`)
    expect(told.map(({ status, queued }: { status: string; queued: number }) => [status, queued])).toEqual([
      ['done', 2],
      ['done', 1],
    ])
    // The same event has the same id, whichever way it comes.
    const ids = receiver.of(path).map((one) => one.headers['webhook-id'])
    expect(new Set(ids).size).toBe(3)
    await remove(id)
  })

  it('refuses what would be sent', async () => {
    const { id, path } = await make()
    await happen()
    await arrived(path, 1)
    await eventually(async () => (await read(`/${id}/deliveries?status=delivered`)).length).toBe(1)
    const [delivery] = await read(`/${id}/deliveries`)
    await act(id, 'pause')
    for (const [what, body] of [
      [`deliveries/${delivery.id}/resend`, undefined],
      ['replay', { data: { failed_since: '2026-01-01T00:00:00Z' } }],
    ] as const) {
      expect((await call(http, 'POST', `/v3.0/webhooks/${id}/${what}`, body, headers)).status).toBe(409)
    }
    await remove(id)
  })
})

describe('a replay', () => {
  it('is of a resource, types, a time or what follows a cursor', async () => {
    const { id, path } = await make({ event_types: ['key.*'] })
    const [first, second] = [await happen('first'), await happen('second')]
    await arrived(path, 2)
    const [, { event }] = (await read(`/${id}/deliveries`)).toReversed()
    const replay = async (filter: object) => {
      const before = receiver.of(path).length
      const { total } = await act(id, 'replay', filter)
      const got = await arrived(path, before + total)
      return got.slice(before).map(({ body }) => JSON.parse(body).resource.id)
    }
    expect(await replay({ resource: `key:${first}` })).toEqual([first])
    expect(await replay({ resource: 'key', event_types: ['key.created'], after: event.cursor })).toEqual([])
    expect((await replay({ resource: `key:${second}`, until: '2100-01-01T00:00:00Z' })).length).toBe(1)
    for (const [body, field] of [
      [{}, 'data.failed_since'],
      [{ failed_since: '2026-01-01T00:00:00Z', resource: 'key' }, 'data.failed_since'],
      [{ event_types: ['meeting.*'] }, 'data.event_types'],
      [{ after: 'c-x' }, 'data.after'],
    ] as const) {
      const answer = await call(http, 'POST', `/v3.0/webhooks/${id}/replay`, { data: body }, headers)
      expect([answer.status, answer.body.error.details.issues[0].field]).toEqual([400, field])
    }
    await remove(id)
  })

  it('takes thousands in batches, each once', async () => {
    const { id, path } = await make()
    const count = 1_300
    for (let done = 0; done < count; done += 50) {
      await Promise.all(Array.from({ length: 50 }, (_, index) => happen(`bulk ${done + index}`)))
    }
    await eventually(() => new Set(receiver.of(path).map((one) => one.headers['webhook-id'])).size).toBe(count)
    const { total } = await act(id, 'replay', { resource: 'key', since: new Date(Date.now() - 600_000).toISOString() })
    expect(total).toBeGreaterThanOrEqual(count)
    await eventually(async () => (await read(`/${id}/replay`))[0]?.queued).toBe(total)
    // Looking at thousands of them again and again would take longer than they do.
    await eventually(async () => (await read(`/${id}`)).pending).toBe(0)
    const all: { kind: string; event: { id: string } }[] = await read(`/${id}/deliveries?status=delivered&limit=10000`)
    const ofReplay = all.filter(({ kind }) => kind === 'replay').map(({ event }) => event.id)
    expect([ofReplay.length, new Set(ofReplay).size]).toEqual([total, total])
    await remove(id)
  })
})

it('meeting_v6 sends the bare meeting to the hook, with the key', async () => {
  const { id, path } = await make({ event_types: ['meeting.*'], format: 'meeting_v6', api_key: 'the-hooks-own-key' })
  const planned = await done(http, 'POST', '/api/v6/meeting', { topic: 'Hooked' }, headers)
  const meetingId = planned.data.id
  await done(http, 'PUT', `/api/v6/meeting/${meetingId}/false`, { topic: 'Moved' }, headers)
  await done(http, 'POST', `/api/v6/meeting/${meetingId}/close`, undefined, headers)
  await done(http, 'DELETE', `/api/v6/meeting/${meetingId}`, undefined, headers)
  const got = await arrived(path, 4)
  expect(got.map((one) => one.headers['x-hook']).sort()).toEqual([
    'onMeetingClosed',
    'onMeetingDeleted',
    'onMeetingScheduled',
    'onMeetingUpdated',
  ])
  const names = Object.keys(examples.meeting).filter((name) => !['icsToken', 'hostUrl'].includes(name))
  for (const { headers: sent, body } of got) {
    expect(sent['x-api-key']).toBe('the-hooks-own-key')
    const meeting = JSON.parse(body)
    const known = sent['x-hook'] === 'onMeetingUpdated' ? names.filter((name) => name !== 'isActive') : names
    expect(Object.keys(meeting).sort()).toEqual(known.sort())
    expect(meeting).toMatchObject({ id: meetingId, isClosed: /Closed|Deleted/.test(sent['x-hook'] ?? '') })
    expect(body).not.toContain(planned.data.icsToken)
    expect(body).not.toContain('#host=')
  }
  const scheduled = got.find((one) => one.headers['x-hook'] === 'onMeetingScheduled')
  expect(JSON.parse(scheduled?.body ?? '')).toMatchObject({ topic: 'Hooked', joinUrl: planned.data.joinUrl })
  await remove(id)
})

describe('an endpoint that fails', () => {
  it('holds nobody else: a hundred dead ones, and one that is well', async () => {
    const dead = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        make({ url: index % 2 === 0 ? `${receiver.url}/hang` : 'http://127.0.0.1:9/', ordering: 'strict' }),
      ),
    )
    const well = await make()
    receiver.answer = (request, response) => {
      if (request.url !== '/hang') response.end()
    }
    for (let index = 0; index < 20; index++) await happen(`well ${index}`)
    expect(namesOf(await arrived(well.path, 20)).toSorted()).toHaveLength(20)
    const { figures } = dispatcher
    expect(figures.endpoints).toBeGreaterThan(100)
    await Promise.all([...dead, well].map(({ id }) => remove(id)))
    await eventually(() => dispatcher.figures.endpoints).toBe(0)
  })

  it('is disabled after five days without one success, with an event and a mail, and goes on where it was', async () => {
    const { id, path } = await make()
    const start = Date.now()
    setNow(start)
    receiver.answer = 500
    await happen('first')
    await arrived(path, 1)
    await eventually(async () => (await read(`/${id}`)).failing_since).not.toBeNull()
    const hour = 3_600_000
    // From attempt to attempt; each day something new happens, and is what an open breaker is tried with.
    let days = 0
    const attempted = async (now: number) => {
      const before = receiver.of(path).length
      setNow(now)
      dispatcher.poke()
      await eventually(() => receiver.of(path).length).toBeGreaterThan(before)
      // All that came is written down.
      await eventually(async () => {
        const rows: { attempt_count: number }[] = await read(`/${id}/deliveries`)
        return rows.reduce((sum, one) => sum + one.attempt_count, 0) - receiver.of(path).length
      }).toBe(0)
    }
    for (let now = start; ; ) {
      const waiting: { next_attempt_at: string }[] = await read(`/${id}/deliveries?status=pending`)
      now = Math.max(now, Math.min(...waiting.map((one) => Date.parse(one.next_attempt_at)))) + 61_000
      if (now > start + 119 * hour) break
      await attempted(now)
      if (now < start + (days + 1) * 24 * hour) continue
      await happen(`day ${days++}`)
      now += 61_000
      await attempted(now)
    }
    expect((await read(`/${id}`)).status).toBe('active')
    // The oldest were given up after ten attempts; they can be sent again.
    const givenUp = await read(`/${id}/deliveries?status=failed`)
    expect(givenUp.length).toBeGreaterThan(0)
    for (const one of givenUp) expect((await read(`/${id}/deliveries/${one.id}`)).attempts).toHaveLength(10)
    setNow(start + 121 * hour)
    await happen('last straw')
    dispatcher.poke()
    await eventually(async () => (await read(`/${id}`)).disabled_reason).toBe('failing')
    const log = await done(
      http,
      'GET',
      `/v3.0/events?resource=webhook:${id}&type=webhook.disabled&wait=30`,
      undefined,
      headers,
    )
    expect(log.data.at(-1)).toMatchObject({ resource: { id }, data: { failing_since: new Date(start).toISOString() } })
    const mails = await app.database
      .selectFrom('mails')
      .select('body')
      .where('recipient', '=', 'root@example.com')
      .execute()
    expect(mails.some(({ body }) => body.includes('five days') && body.includes(id))).toBe(true)
    receiver.answer = 200
    await happen('while it was off')
    await act(id, 'resume', {})
    // What was not given up, what it was told last, and what happened while it was off.
    await eventually(async () => (await read(`/${id}/deliveries?status=delivered`)).length).toBe(
      days + 3 - givenUp.length,
    )
    await remove(id)
  })
})

it('deliveries are kept for 30 days; those that wait, longer', async () => {
  const { id } = await make()
  await act(id, 'test', { event_type: 'key.created' })
  await eventually(async () => (await read(`/${id}/deliveries?status=delivered`)).length).toBe(1)
  const dayMs = 86_400_000
  await dropOldDeliveries(app.database, Date.now() + (keptDeliveryDays - 1) * dayMs)
  expect(await read(`/${id}/deliveries`)).not.toHaveLength(0)
  // The clock was days ahead in a test before, and ids never go back.
  await dropOldDeliveries(app.database, Date.now() + (keptDeliveryDays + 10) * dayMs)
  expect(await read(`/${id}/deliveries`)).toHaveLength(0)
})

describe('headers of one’s own', () => {
  it('cannot be those that we send, and the refusal names the one and why', async () => {
    const data = { url: `${receiver.url}/x`, headers: { host: 'elsewhere.example', 'x-tenant': 'bells' } }
    const refused = await call(http, 'PUT', '/v3.0/webhooks', { data }, headers)
    expect(refused.status).toBe(400)
    expect(refused.body.error.details.issues).toEqual([
      { field: 'data.headers.host', message: 'is a header that we send ourselves' },
    ])
  })
})
