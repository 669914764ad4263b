/** The writer of the voice process (T1, T4): there is one at a time, whatever dies or hangs. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, expect, it } from 'vitest'
import pg from 'pg'
import { pino } from 'pino'
import { Spool } from '../server/voice/spool.ts'
import { Writer } from '../server/voice/writer.ts'
import { openWriterSession, takeWriterSession } from '../server/voice/writer-session.ts'
import { WriterThread } from '../server/voice/writer-thread.ts'
import { root, until } from './carillon.ts'
import { testDatabase } from './database.ts'

const { connection } = await testDatabase()
const other = new pg.Client(connection)
await other.connect()
afterAll(() => other.end())
const folder = mkdtempSync(join(tmpdir(), 'carillon-writer-'))
const node = 'voice-test'
const sessions: WriterThread[] = []
const writers: Writer[] = []
let spools = 0
const nothing = { calls: [], legs: [], traces: [], recordings: [], events: [] }

afterEach(async () => {
  for (const writer of writers.splice(0)) await writer.stop()
  for (const session of sessions.splice(0)) await session.end()
})
afterAll(() => rmSync(folder, { recursive: true }))

/** A writer of empty batches, one each time it is asked, which have numbers all the same. */
async function start(session: WriterThread, path = newSpool([])) {
  const spool = await Spool.open(path)
  let wanted = 0
  const superseded = Promise.withResolvers<void>()
  const writer = new Writer({
    ...{ connection, session, node, spool, log: pino({ level: 'silent' }) },
    take: () => {
      if (wanted === 0) return null
      wanted -= 1
      return nothing
    },
    wrote: () => {},
    superseded: () => superseded.resolve(),
  })
  writers.push(writer)
  const write = () => {
    wanted += 1
    return new Promise<void>((resolve) => writer.whenFlushed(resolve))
  }
  return { writer, write, superseded: superseded.promise, spool }
}

/** A file in which batches of those numbers wait. */
function newSpool(numbers: readonly number[]): string {
  spools += 1
  const path = join(folder, `${spools}.ndjson`)
  writeFileSync(path, numbers.map((number) => `${JSON.stringify({ ...nothing, node, number })}\n`).join(''))
  return path
}

const waitForTrace = `
  import pg from 'pg'
  const client = new pg.Client(JSON.parse(process.argv[1]))
  await client.connect()
  while ((await client.query("select from call_traces where call_id = 'large'")).rowCount === 0)
    await client.query('select pg_sleep(0.01)')
  await client.end()`

const after = ({ batch }: WriterThread, count: number) => Array.from({ length: count }, (_, i) => batch + 1 + i)

const held = async (): Promise<WriterThread> => {
  const session = await WriterThread.take(connection, node)
  sessions.push(session)
  return session
}

/** As if the database had been restarted. */
async function cutOff(): Promise<void> {
  const { rowCount } = await other.query(
    `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'
     and database = (select oid from pg_database where datname = current_database())
     and objid::bigint = hashtext($1)::bigint & 4294967295`,
    [node],
  )
  expect(rowCount).toBe(1)
}

it('the second waits until the first is gone, and goes on with its numbers', async () => {
  const first = await held()
  const { write } = await start(first)
  await write()
  await write()
  expect(await openWriterSession(connection, node)).toBeNull()
  const another = await openWriterSession(connection, 'another node')
  expect(another).not.toBeNull()
  await another?.client.end()
  const second = held()
  await writers.splice(0)[0]?.stop()
  expect((await second).batch).toBe(first.batch + 2)
})

it('what a process that died had under way is over before the next one begins', async () => {
  const first = await takeWriterSession(connection, node)
  const statement =
    'with late as (select pg_sleep(0.5)) update voice_batches set batch = 1000 from late where node = $1'
  const running = first.client.query(statement, [node]).catch(() => 'nobody hears of it')
  // With a statement under way the connection is cut, as by a kill.
  void first.client.end()
  await running
  expect((await held()).batch).toBe(1_000)
})

it('a batch of megabytes is on its way while the loop does something else', async () => {
  const session = await held()
  const traces = [{ call_id: 'large', account_id: 'acc', messages: JSON.stringify(['x'.repeat(5_000_000)]) }]
  const written = session.write({ ...nothing, node, number: session.batch + 1, traces }, 10_000)
  // Nothing of this thread runs before another process has seen it in the database.
  const watch = ['--input-type=module', '--eval', waitForTrace, JSON.stringify(connection)]
  execFileSync(process.execPath, watch, { cwd: root, timeout: 20_000 })
  await written
})

/** A batch that waits until `then` is done. */
async function withHeldBatch(
  patienceMs: number,
  then: (session: WriterThread, written: Promise<void>) => Promise<void>,
) {
  const session = await held()
  const traces = [{ call_id: 'late', account_id: 'acc', messages: '[]' }]
  await other.query('begin; lock table call_traces')
  try {
    await then(session, session.write({ ...nothing, node, number: session.batch + 1, traces }, patienceMs))
  } finally {
    await other.query('rollback')
  }
  return session
}

it('whoever waits for a batch hears of it when the session ends meanwhile', async () => {
  const session = await withHeldBatch(10_000, async ({ lost }, written) => {
    const refused = expect(written).rejects.toMatchObject({ why: 'away', code: '57P01' })
    await cutOff()
    await Promise.all([refused, lost])
  })
  const next = session.write({ ...nothing, node, number: session.batch + 1 }, 1_000)
  await expect(next).rejects.toMatchObject({ why: 'away' })
})

it('a database that does not answer in time is away, and who gives its session up lets the lock go', async () => {
  const session = await withHeldBatch(200, async (_, written) => {
    await expect(written).rejects.toMatchObject({ why: 'away', message: expect.stringContaining('timeout') })
  })
  session.drop()
  expect((await held()).batch).toBeGreaterThanOrEqual(session.batch)
})

it('a session that was lost before anybody had a use for it is followed by another one', async () => {
  const session = await held()
  await cutOff()
  await session.lost
  const { write, spool } = await start(session)
  await write()
  await until(() => spool.isEmpty, 'the spool is empty again')
})

it('what the database refuses is no outage', async () => {
  const session = await held()
  const calls = [{ id: 'call_without_what_it_needs' }] as never
  const written = session.write({ ...nothing, node, number: session.batch + 1, calls }, 1_000)
  await expect(written).rejects.toMatchObject({ why: 'fault', code: '23502', table: 'calls' })
})

it('a writer that lost its session takes another one and goes on', async () => {
  const session = await held()
  const { write, spool } = await start(session)
  await write()
  await cutOff()
  await write()
  await until(() => spool.isEmpty, 'the spool is empty again')
  await write()
})

it('a writer in whose place another one wrote does not go on', async () => {
  const session = await held()
  const { write, superseded } = await start(session)
  await write()
  await other.query('update voice_batches set batch = batch + 10 where node = $1', [node])
  await cutOff()
  await superseded
})

it('T4: no call waits for what an outage left: it goes behind it, and all of it goes into the database', async () => {
  const session = await held()
  const { write, spool } = await start(session, newSpool(after(session, 3_000)))
  await write()
  expect(spool.isEmpty).toBe(false)
  await write()
  expect(spool.isEmpty).toBe(false)
  await until(() => spool.isEmpty, 'all of it is written')
  await writers.splice(0)[0]?.stop()
  expect((await held()).batch).toBe(session.batch + 3_002)
})

it('T4: whoever stops leaves what waits in the spool, and the next process writes it before it begins', async () => {
  const session = await held()
  const path = newSpool(after(session, 3_000))
  const { write, spool } = await start(session, path)
  await write()
  await writers.splice(0)[0]?.stop()
  expect(spool.isEmpty).toBe(false)
  const next = await start(await held(), path)
  await next.writer.start()
  expect(next.spool.isEmpty).toBe(true)
  await next.write()
  await writers.splice(0)[0]?.stop()
  expect((await held()).batch).toBe(session.batch + 3_002)
})

it('T3: nothing is taken up before all that waited is written, also when the database goes away meanwhile', async () => {
  const session = await held()
  const { writer, spool } = await start(session, newSpool(after(session, 3)))
  await cutOff()
  await writer.start()
  expect(spool.isEmpty).toBe(true)
  await writers.splice(0)[0]?.stop()
  expect((await held()).batch).toBe(session.batch + 3)
})
