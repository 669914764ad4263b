/** E1 when things break: connections that are cut, two processes that want to be the sequencer, a database that is gone. */
import { sql } from 'kysely'
import pg from 'pg'
import { pino } from 'pino'
import { expect, it, vi } from 'vitest'
import { append, toInboxRow } from '../server/events/inbox.ts'
import { keepPartitions } from '../server/events/retention.ts'
import { lock, Sequencer } from '../server/events/sequencer.ts'
import { verifyChain } from '../server/events/verify.ts'
import { newId } from '../server/ids.ts'
import { call, testApp } from './app.ts'
import { countOf } from './queries.ts'
import { done, makeTenant, withKey } from './world.ts'

const { app, http, connection } = await testApp()
const tenant = await makeTenant(http)
vi.setConfig({ testTimeout: 90_000 })
/** For what takes a tenth of it on cores that nobody else uses. */
const patienceMs = 20_000
const silent = pino({ level: 'silent' })

const event = {
  userId: null,
  type: 'session.created',
  resourceSeq: 1,
  actor: null,
  data: { user_id: null, key_id: null },
} as const

const insert = (resourceId: string) => append(app.database, { ...event, accountId: tenant.accountId, resourceId })

/** In one pass each. */
async function moved(ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    await insert(id)
    app.sequencer.poke()
    await expect.poll(async () => (await logOf([id])).length, { timeout: patienceMs }).toBe(1)
  }
}

/** Cuts the connection of whoever is the sequencer, as soon as somebody is. */
async function cutSequencer(): Promise<void> {
  const client = new pg.Client(connection)
  await client.connect()
  const cut = () =>
    client.query(
      `select pg_terminate_backend(pid) from pg_locks
       where locktype = 'advisory' and objid = ${lock} and granted
       and database = (select oid from pg_database where datname = current_database())`,
    )
  while ((await cut()).rowCount === 0) app.sequencer.poke()
  await client.end()
}

async function logOf(ids: readonly string[]) {
  const rows = await app.database
    .selectFrom('events')
    .select(['resourceId', 'seq', 'position'])
    .where('accountId', '=', tenant.accountId)
    .orderBy('position')
    .execute()
  return rows.filter(({ resourceId }) => ids.includes(resourceId))
}

it('loses, doubles and reorders nothing when its connection is cut in the middle of 1,000 inserts', async () => {
  const ids = Array.from({ length: 1000 }, () => newId())
  for (const [index, id] of ids.entries()) {
    await insert(id)
    app.sequencer.poke()
    if (index % 200 === 100) await cutSequencer()
  }
  await expect.poll(async () => (await logOf(ids)).length, { timeout: patienceMs }).toBe(1000)
  expect((await logOf(ids)).map(({ resourceId }) => resourceId)).toEqual(ids)
  expect(await verifyChain(app.database, app.signer, tenant.accountId)).toMatchObject({ isIntact: true })
})

it('moves a lone event at once, and what comes soon after another together', async () => {
  // A poke at rest begins a pass in the same moment.
  await vi.waitFor(() => {
    const before = countOf('read-inbox')
    app.sequencer.poke()
    expect(countOf('read-inbox')).toBe(before + 1)
  }, patienceMs)
  const ids = Array.from({ length: 200 }, () => newId())
  const moves = countOf('move-inbox')
  const beganAt = performance.now()
  for (const id of ids) {
    await insert(id)
    app.sequencer.poke()
  }
  await expect.poll(async () => (await logOf(ids)).length, { timeout: patienceMs }).toBe(200)
  const elapsedMs = performance.now() - beganAt
  expect(countOf('move-inbox') - moves).toBeLessThanOrEqual(elapsedMs / 10 + 1)
})

it('does not wait between full batches', async () => {
  const ids = Array.from({ length: 1_500 }, () => newId())
  const rows = ids.map((resourceId) => toInboxRow({ ...event, accountId: tenant.accountId, resourceId }))
  const reads = countOf('read-inbox')
  await app.database.insertInto('eventInbox').values(rows).execute()
  app.sequencer.poke()
  await expect.poll(async () => (await logOf(ids)).length, { timeout: patienceMs }).toBe(1_500)
  expect(countOf('read-inbox') - reads).toBeLessThan(10)
  expect(await verifyChain(app.database, app.signer, tenant.accountId)).toMatchObject({ isIntact: true })
})

it('reads the head of an account once', async () => {
  const ids = Array.from({ length: 10 }, () => newId())
  await moved([newId()])
  const reads = countOf('read-heads')
  for (const id of ids) await moved([id])
  expect(countOf('read-heads')).toBe(reads)
})

it('goes on with the chain of an account whose head it did not keep', async () => {
  await moved([newId()])
  // More than are kept: that of the first account is forgotten meanwhile.
  const ids = Array.from({ length: 10_500 }, () => newId())
  for (let from = 0; from < ids.length; from += 500) {
    const rows = ids.slice(from, from + 500).map((id) => toInboxRow({ ...event, accountId: id, resourceId: id }))
    await app.database.insertInto('eventInbox').values(rows).execute()
  }
  const reads = countOf('read-heads')
  app.sequencer.poke()
  await moved([newId()])
  expect(countOf('read-heads')).toBeGreaterThan(reads)
  for (const accountId of [tenant.accountId, ids[0] ?? '']) {
    await append(app.database, { ...event, accountId, resourceId: newId() })
  }
  await moved([newId()])
  for (const accountId of [tenant.accountId, ids[0] ?? '', ids.at(-1) ?? '']) {
    expect(await verifyChain(app.database, app.signer, accountId)).toMatchObject({ isIntact: true })
  }
})

it('reads the heads again after a pass that failed', async () => {
  const { accountId } = tenant
  await moved([newId()])
  const { position } = await app.database.selectFrom('eventLog').select('position').executeTakeFirstOrThrow()
  await sql`alter table event_log add constraint stuck check (position <= ${sql.lit(position)})`.execute(app.database)
  const moves = countOf('move-inbox')
  const ids = Array.from({ length: 10 }, () => newId())
  for (const id of ids) await insert(id)
  await vi.waitFor(() => expect(countOf('move-inbox')).toBeGreaterThan(moves + 1), patienceMs)
  await sql`alter table event_log drop constraint stuck`.execute(app.database)
  await expect.poll(async () => (await logOf(ids)).length, { timeout: patienceMs }).toBe(10)
  expect(await verifyChain(app.database, app.signer, accountId)).toMatchObject({ isIntact: true })
})

it('works in one process at a time, and in the next one when that is gone', async () => {
  await done(http, 'GET', '/v3.0/events?after=now&wait=1') // the first one is at work again
  const second = new Sequencer({ connection, log: silent, clock: Date.now })
  second.start()
  const ids = Array.from({ length: 300 }, () => newId())
  for (const id of ids) {
    await insert(id)
    app.sequencer.poke()
    second.poke()
  }
  await expect.poll(async () => (await logOf(ids)).length, { timeout: patienceMs }).toBe(300)
  expect(second.counts.size).toBe(0) // it came second
  await app.sequencer.stop()
  const more = Array.from({ length: 100 }, () => newId())
  for (const id of more) await insert(id)
  await expect.poll(async () => (await logOf(more)).length, { timeout: patienceMs }).toBe(100)
  expect(second.counts.get('session.created')).toBe(100)
  expect((await logOf([...ids, ...more])).map(({ resourceId }) => resourceId)).toEqual([...ids, ...more])
  expect(await verifyChain(app.database, app.signer, tenant.accountId)).toMatchObject({ isIntact: true })
  await second.stop()
})

it('goes on while old days are dropped', async () => {
  const sequencer = new Sequencer({ connection, log: silent, clock: Date.now })
  sequencer.start()
  const ids = Array.from({ length: 400 }, () => newId())
  for (const [index, id] of ids.entries()) {
    await insert(id)
    sequencer.poke()
    // Tomorrow and the day after exist already; the oldest day of the past is made to be dropped.
    if (index % 50 === 0) await dropOldDay()
  }
  await expect.poll(async () => (await logOf(ids)).length, { timeout: patienceMs }).toBe(400)
  await sequencer.stop()
})

it('goes on from what another process wrote while the lock was its', async () => {
  const both = [0, 1].map(() => new Sequencer({ connection, log: silent, clock: Date.now }))
  const [first, second] = both
  if (!first || !second) throw new Error('there are two')
  for (const sequencer of both) sequencer.start()
  const countsOf = (sequencer: Sequencer) => sequencer.counts.get('session.created') ?? 0
  const ids: string[] = []
  const say = async () => {
    const id = newId()
    ids.push(id)
    await insert(id)
    for (const sequencer of both) sequencer.poke()
    await expect.poll(async () => (await logOf([id])).length, { timeout: patienceMs }).toBe(1)
  }
  // Whoever is cut keeps what it knew; the other one may be faster to take the lock.
  for (const sequencer of [first, second, first]) {
    const before = countsOf(sequencer)
    for (await say(); countsOf(sequencer) === before; await say()) await cutSequencer()
  }
  expect((await logOf(ids)).map(({ resourceId }) => resourceId)).toEqual(ids)
  expect(await verifyChain(app.database, app.signer, tenant.accountId)).toMatchObject({ isIntact: true })
  for (const sequencer of both) await sequencer.stop()
})

async function dropOldDay(): Promise<void> {
  const client = new pg.Client(connection)
  await client.connect()
  await client.query(
    `create table events_20200101 partition of events for values from ('2020-01-01') to ('2020-01-02')`,
  )
  await client.end()
  const dropped = await keepPartitions({ connection, signer: app.signer, now: new Date(), keptDays: 90 })
  expect(dropped).toEqual(['2020-01-01'])
}

it('refuses changes, and nothing else, while the log is far behind', async () => {
  const { backlog } = app.sequencer
  app.sequencer.backlog = 100_001
  const headers = withKey(tenant.key.secret)
  const refused = await call(http, 'POST', '/api/v6/meeting', { topic: 'Too much' }, headers)
  expect([refused.status, refused.headers['retry-after'], refused.body.responseCode]).toEqual([503, '1', -98])
  await done(http, 'GET', '/api/v6/meeting', undefined, headers)
  app.sequencer.backlog = backlog
  await done(http, 'POST', '/api/v6/meeting', { topic: 'Again' }, headers)
})

it('answers 503 with Retry-After while the database is gone, and goes on afterwards', async () => {
  const admin = new pg.Client({ ...connection, database: 'postgres' })
  await admin.connect()
  const name = connection.database ?? ''
  await admin.query(`alter database ${name} allow_connections false`)
  await admin.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [name])
  try {
    const headers = withKey(tenant.key.secret)
    app.credentials.forget()
    for (const [method, url] of [
      ['GET', '/api/v6/meeting'],
      ['POST', '/api/v6/meeting'],
      ['GET', '/v3.0/events'],
    ] as const) {
      const answer = await call(http, method, url, method === 'POST' ? { topic: 'Gone' } : undefined, headers)
      expect(answer.status, `${method} ${url}`).toBe(503)
      expect(answer.headers['retry-after']).toBe('1')
      expect(answer.body.responseCode ?? answer.body.error.type).toBe(url.startsWith('/api') ? -98 : 'unavailable')
      expect(JSON.stringify(answer.body)).not.toMatch(/postgres|socket|ECONN/i)
    }
  } finally {
    await admin.query(`alter database ${name} allow_connections true`)
    await admin.end()
  }
  // A connection of before may break at its next use.
  const again = () => call(http, 'POST', '/api/v6/meeting', { topic: 'Back' }, withKey(tenant.key.secret))
  await expect.poll(async () => (await again()).status, { timeout: patienceMs }).toBe(200)
})
