/** The feed in the process: followers from any cursor see what the log holds, once, in order, whatever breaks (E1, E6, E7). */
import fc from 'fast-check'
import pg from 'pg'
import { expect, it, vi } from 'vitest'
import { type EventType, eventTypes } from '../contract/events.ts'
import { erasePerson } from '../server/events/erase.ts'
import { Feed } from '../server/events/feed.ts'
import type { LogAccounts, LogFilter } from '../server/events/filter.ts'
import { toInboxRow } from '../server/events/inbox.ts'
import { readPage, startOf } from '../server/events/log.ts'
import type { LogEvent } from '../server/events/log-event.ts'
import { newId } from '../server/ids.ts'
import { testApp } from './app.ts'
import { countOf } from './queries.ts'
import { makeTenant } from './world.ts'

const { app, http, connection } = await testApp()
const tenants = [await makeTenant(http), await makeTenant(http)]
const [ownId = '', otherId = ''] = tenants.map(({ accountId }) => accountId)
const never = new AbortController().signal
const everything: LogFilter = { accounts: { kind: 'all' }, types: new Set(eventTypes), userId: null }
const ofOne = (id: string): LogFilter => ({ ...everything, accounts: { kind: 'one', id } })

interface Said {
  readonly accountId?: string
  readonly type?: EventType
  readonly resourceId?: string
  readonly userId?: string | null
  readonly correlationId?: string
  readonly padding?: string
}

const say = (said: Said = {}) => sayAll([said])

/** In one statement, so in one order. */
async function sayAll(all: readonly Said[]): Promise<void> {
  const rows = all.map(({ accountId = ownId, type = 'session.deleted', padding, ...rest }) => ({
    ...toInboxRow({
      accountId,
      type: 'session.deleted',
      resourceId: rest.resourceId ?? newId(),
      resourceSeq: 1,
      userId: rest.userId ?? null,
      actor: null,
      data: { user_id: null, key_id: padding ?? null },
      ...(rest.correlationId !== undefined && { correlationId: rest.correlationId }),
    }),
    type,
  }))
  await app.database.insertInto('eventInbox').values(rows).execute()
  app.sequencer.poke()
}

const present = () => startOf(app.database, 'now')

/** Has the feed keep in memory what comes, until it is stopped. */
const watch = (after: number) => app.feed.follow({ after, filter: everything })

/** How many times a feed of this process read rows of the log. */
const readings = () => countOf('tail')

/** When the feed has read everything that was said. */
async function settled(): Promise<number> {
  while (await app.database.selectFrom('eventInbox').select('id').limit(1).executeTakeFirst()) app.sequencer.poke()
  const end = await present()
  await vi.waitFor(() => expect(app.feed.position).toBe(end), 10_000)
  return end
}

/** Follows until it saw so many, and says what. */
async function collect(after: number, filter: LogFilter, count: number, feed = app.feed): Promise<LogEvent[]> {
  const follower = feed.follow({ after, filter })
  const seen: LogEvent[] = []
  for (let events = await follower.next(); events !== null; events = await follower.next()) {
    seen.push(...events)
    if (seen.length >= count) follower.stop()
  }
  return seen
}

/** Their connections; not the sequencer's, which has its own test. */
async function cutFeeds(): Promise<void> {
  const client = new pg.Client(connection)
  await client.connect()
  await client.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and pid <> pg_backend_pid()
       and (query like 'listen%' or query like '%as newest%' or query = 'select position from event_log')`,
  )
  await client.end()
}

const positions = (events: readonly LogEvent[]) => events.map(({ position }) => position)
const texts = (events: readonly LogEvent[]) => events.map(({ text }) => text)

async function wholeLog(after: number, filter: LogFilter): Promise<LogEvent[]> {
  const all: LogEvent[] = []
  for (let at = after; ; ) {
    const { events, position } = await readPage(app.database, at, filter, 300)
    all.push(...events)
    if (position === at || events.length === 0) return all
    at = position
  }
}

it('shows every follower the same, from wherever it starts, while events come (E6)', async () => {
  const start = await settled()
  const total = 3_000
  const followers = [0, 0, 0].map(() => collect(start, everything, total))
  for (let said = 0; said < total; said += 100) {
    await sayAll(Array.from({ length: 100 }, (_, index) => ({ accountId: index % 2 ? ownId : otherId })))
    if (said % 1000 === 500) {
      const late = await present()
      followers.push(collect(late, everything, total - (late - start)), collect(start, everything, total))
    }
    if (said === 1_500) followers.push(collect(start, ofOne(otherId), total / 2))
  }
  const seen = await Promise.all(followers)
  const expected = await wholeLog(start, everything)
  expect(positions(expected)).toEqual(expected.map((_, index) => start + index + 1))
  for (const events of seen) {
    const first = events[0]?.position ?? 0
    const isWide = new Set(events.map(({ accountId }) => accountId)).size === 2
    const wanted = expected.filter((one) => one.position >= first && (isWide || one.accountId === otherId))
    expect(texts(events)).toEqual(texts(wanted))
  }
})

it('loses and doubles nothing when its connection is cut and others begin late', async () => {
  const start = await settled()
  const late = new Feed({ connection, database: app.database, log: app.log })
  const early = [collect(start, ofOne(ownId), 400), collect(start, everything, 400, late)]
  for (let round = 0; round < 4; round++) {
    if (round === 1) await late.start()
    await sayAll(Array.from({ length: 50 }, () => ({})))
    await cutFeeds()
    await sayAll(Array.from({ length: 50 }, () => ({})))
  }
  const expected = await Promise.all(early)
  for (const events of expected) expect(positions(events)).toEqual(Array.from({ length: 400 }, (_, i) => start + i + 1))
  await late.stop()
})

it('means the same in memory and in the database (E6)', async () => {
  const start = await settled()
  const watching = watch(start)
  const resourceIds = [newId(), newId()]
  const userIds = [null, newId(), newId()]
  const types = ['session.deleted', 'session.created', 'key.deleted'] as const
  const pick = <T>(list: readonly T[], index: number) => list[index % list.length] as T
  for (let turn = 0; turn < 6; turn++) {
    const said = Array.from({ length: 40 }, (_, index) => ({
      accountId: pick([ownId, otherId, app.rootAccountId], index + turn),
      type: pick(types, index >> 1),
      resourceId: pick(resourceIds, index >> 2),
      userId: pick(userIds, index >> 3),
      ...(index % 5 === 0 && { correlationId: `cmd_${index % 2}` }),
    }))
    await sayAll(said)
    await settled()
  }
  const all = await wholeLog(start, everything)
  const times = fc.option(fc.constantFrom(...all.map(({ recordedAt }) => new Date(recordedAt))), { nil: undefined })
  const filters = fc.record({
    accounts: fc.constantFrom<LogAccounts>(
      { kind: 'all' },
      { kind: 'one', id: otherId },
      { kind: 'tree', id: ownId },
      { kind: 'tree', id: app.rootAccountId },
    ),
    types: fc.subarray([...types], { minLength: 1 }).map((list) => new Set<string>(list)),
    userId: fc.constantFrom(...userIds),
    resource: fc.option(
      fc.record(
        { type: fc.constantFrom('session', 'key'), id: fc.constantFrom(...resourceIds) },
        { requiredKeys: ['type'] },
      ),
      { nil: undefined },
    ),
    correlationId: fc.constantFrom(undefined, 'cmd_0', 'cmd_1'),
    since: times,
    until: times,
  })
  let matched = 0
  const { pages } = app.feed
  await fc.assert(
    fc.asyncProperty(filters, async (filter) => {
      const inMemory = await app.feed.next(start, filter)
      const inDatabase = await wholeLog(start, filter)
      matched += inDatabase.length
      expect(texts(inMemory?.events ?? [])).toEqual(texts(inDatabase))
    }),
    { numRuns: 200 },
  )
  expect(matched).toBeGreaterThan(100)
  expect(app.feed.pages).toBe(pages)
  watching.stop()
})

it('moves a follower on past what does not match, also while it waits (E3)', async () => {
  const start = await settled()
  const follower = app.feed.follow({ after: start, filter: ofOne(otherId) })
  const next = follower.next()
  await sayAll([{}, {}, {}])
  const end = await settled()
  expect(end).toBe(start + 3)
  expect(follower.position).toBe(end)
  await say({ accountId: otherId })
  expect(positions((await next) ?? [])).toEqual([end + 1])
  expect(follower.position).toBe(end + 1)
  expect(app.feed.followers).toBe(1)
  const last = follower.next()
  follower.stop()
  expect(await last).toBeNull()
  expect(follower.position).toBe(end + 1)
  expect(app.feed.followers).toBe(0)
})

it('gives pages of so many bytes, one event at least, and leaves nothing out', async () => {
  const start = await settled()
  await sayAll(Array.from({ length: 6 }, () => ({ padding: 'x'.repeat(3_000_000) })))
  await settled()
  const { events, position } = await readPage(app.database, start, everything, 100)
  expect(events.length).toBeLessThan(6)
  expect(position).toBe(events.at(-1)?.position)
  expect(positions(await collect(start, everything, 6))).toEqual(positions(await wholeLog(start, everything)))
})

it.each([
  ['while somebody follows', true],
  ['while nobody did', false],
])('shows nobody from memory what was erased %s (E5)', async (_, isFollowed) => {
  const start = await settled()
  const watching = watch(start)
  const userId = newId()
  await say({ userId, resourceId: 'a person' })
  await settled()
  const { pages, redactions } = app.feed
  expect((await app.feed.next(start, everything))?.events[0]?.text).toContain('a person')
  expect(app.feed.pages).toBe(pages) // it was in memory
  if (!isFollowed) watching.stop()
  const actor = { type: 'system', id: null } as const
  expect(await erasePerson(app.database, { accountId: ownId, userId, actor, now: new Date() })).toBe(1)
  app.sequencer.poke()
  await settled()
  expect(app.feed.redactions).toBeGreaterThan(redactions)
  const [erased] = await collect(start, everything, 2)
  expect(JSON.parse(erased?.text ?? '')).toMatchObject({ data: null, resource: { id: 'a person' } })
  watching.stop()
})

it('waits for the first event of a command, before and after it came (E7)', async () => {
  const after = await settled()
  const command = { accountId: ownId, correlationId: 'cmd_w', after, timeoutMs: 20_000, signal: never }
  const waiting = app.feed.wait(command)
  const foreign = app.feed.wait({ ...command, accountId: otherId })
  await sayAll([
    {},
    { accountId: otherId, correlationId: 'cmd_w' },
    { correlationId: 'cmd_w' },
    { correlationId: 'cmd_w' },
  ])
  expect([(await waiting)?.position, (await foreign)?.position]).toEqual([after + 3, after + 2])
  expect((await app.feed.wait(command))?.position).toBe(after + 3)
  expect((await app.feed.wait({ ...command, after: after + 3 }))?.position).toBe(after + 4)
  expect((await app.feed.wait({ ...command, after: 0 }))?.position).toBe(after + 3)
})

it('finds the event of a command that came before it was waited for, when nobody followed meanwhile (E7)', async () => {
  const after = await settled()
  await sayAll([{}, { correlationId: 'cmd_s' }, { correlationId: 'cmd_s' }])
  await settled()
  const command = { accountId: ownId, correlationId: 'cmd_s', after, timeoutMs: 20_000, signal: never }
  expect((await app.feed.wait(command))?.position).toBe(after + 2)
  expect((await app.feed.wait({ ...command, after: after + 2 }))?.position).toBe(after + 3)
})

it('reads nothing while nobody follows or waits, and knows how far the log reaches', async () => {
  const start = await settled()
  const before = readings()
  for (let said = 0; said < 5; said++) {
    await sayAll([{}, {}])
    expect(await settled()).toBe(start + 2 * said + 2)
  }
  expect(readings()).toBe(before)
  const seen = collect(start, everything, 12)
  await sayAll([{}, {}])
  expect(positions(await seen)).toEqual(Array.from({ length: 12 }, (_, index) => start + index + 1))
  expect(readings()).toBeGreaterThan(before)
})

it('reads a batch that it was told of once', async () => {
  const start = await settled()
  const watching = watch(start)
  const before = readings()
  for (let said = 0; said < 5; said++) {
    await say()
    await settled()
  }
  // The look of each second reads too.
  expect(readings() - before).toBeLessThan(10)
  watching.stop()
})

it('gives whoever comes and goes, while events come, all that is after its cursor', async () => {
  const start = await settled()
  let said = 0
  let isOver = false
  const saying = (async () => {
    for (; said < 400; said += 4) await sayAll([{}, {}, {}, {}])
    isOver = true
  })()
  for (let at = start; !isOver || at < start + said; ) {
    const events = await collect(at, everything, 1)
    expect(positions(events)).toEqual(events.map((_, index) => at + index + 1))
    at = events.at(-1)?.position ?? at
    const silentUntil = app.feed.position + 8
    if (!isOver) await vi.waitFor(() => expect(isOver || app.feed.position >= silentUntil).toBe(true), 10_000)
  }
  await saying
  expect(app.feed.followers).toBe(0)
})

it('knows how far the log reaches also after its connection was lost while nobody followed', async () => {
  const start = await settled()
  await cutFeeds()
  await sayAll([{}, {}])
  expect(await settled()).toBe(start + 2)
  expect(positions(await collect(start, everything, 2))).toEqual([start + 1, start + 2])
})

it('says that no event came when the time is over, when it is not wanted any more, and when the process ends', async () => {
  const command = {
    accountId: ownId,
    correlationId: 'cmd_none',
    after: await settled(),
    timeoutMs: 20_000,
    signal: never,
  }
  expect(await app.feed.wait({ ...command, timeoutMs: 10 })).toBeNull()
  expect(await app.feed.wait({ ...command, signal: AbortSignal.abort() })).toBeNull()
  const feed = new Feed({ connection, database: app.database, log: app.log })
  await feed.start()
  const waiting = feed.wait(command)
  const following = collect(await present(), everything, 1, feed)
  await feed.stop()
  expect([await waiting, await following]).toEqual([null, []])
})
