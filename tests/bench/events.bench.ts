/**
 * `npm run bench:events`: from the commit of an event to whoever follows the log.
 *
 *   1. 1,000 events a second: p99 to Server-Sent Events and to the WebSocket at most 50 ms.
 *   2. 8,000 events a second: p99 at most 250 ms.
 *   3. 5,000 streams that wait: at most 100 MB more memory.
 *   4. Pages of the log: at least 20,000 events a second.
 *
 * The events are those of calls, of 900 octets, written into the inbox as the voice process does. Readers and load are in
 * this process, so times are of one clock. `SECONDS`, `STREAMS` make it shorter. Before the streams that wait are weighed,
 * a thousand were opened and ended: compiled code is no stream. V8's young generation is told apart, because its size goes
 * by how fast streams were opened: it holds none of them after the collection that each figure begins with.
 */
import { fork } from 'node:child_process'
import { randomUUIDv7 } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { Agent, get, type IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { WebSocket } from 'undici'
import { callExamples } from '../../contract/call.ts'
import { newId } from '../../server/ids.ts'
import { startPostgres } from '../../server/postgres/embedded.ts'
import { migrate } from '../../server/store/migrate.ts'

const seconds = Number(process.env.SECONDS ?? 20)
const idleStreams = Number(process.env.STREAMS ?? 5_000)
const warmStreams = 1_000
const goals = { calmMs: 50, busyMs: 250, idleMegabytes: 100, pageEvents: 20_000 }
const readersOfEach = 2
const data = JSON.stringify({ call: callExamples.state, leg_id: null })

interface Product {
  readonly url: string
  readonly headers: Record<string, string>
  readonly accountId: string
}
interface Figures {
  readonly streams: number
  /** Resident octets, and those of them that are V8's young generation. */
  readonly rss: number
  readonly young: number
  readonly cpu: { readonly user: number; readonly system: number }
}

const folder = mkdtempSync(join(tmpdir(), 'carillon-bench-'))
const postgres = await startPostgres({ folder })
await migrate(postgres.connection)
const product = fork(join(import.meta.dirname, 'events-product.ts'), [JSON.stringify(postgres.connection)], {
  execArgv: ['--expose-gc'],
})
const [{ url, headers, accountId }] = (await once(product, 'message')) as [Product]
const client = new pg.Client(postgres.connection)
await client.connect()

/** When each event was committed, and to how many readers it has yet to come. */
const committed = new Map<string, { at: number; left: number }>()
const delays = { sse: [] as number[], socket: [] as number[] }
const results: boolean[] = []

try {
  await idle() // first: what a burst leaves in the heap would hide it
  for (let index = 0; index < readersOfEach; index++) {
    await readSse()
    await readSocket()
  }
  await load(1_000, 3) // the compiler and the caches warm up
  await drained()
  await measure(1_000, goals.calmMs)
  await measure(8_000, goals.busyMs)
  await pages()
  process.exitCode = results.every(Boolean) ? 0 : 1
} finally {
  product.kill()
  await client.end()
  await postgres.stop()
  rmSync(folder, { recursive: true, force: true })
}
process.exit()

function saw(kind: keyof typeof delays, text: string): void {
  for (const [, id = ''] of text.matchAll(/"event":\{"id":"([0-9a-f-]{36})"/g)) {
    const event = committed.get(id)
    if (!event) continue
    delays[kind].push(Math.max(0, performance.now() - event.at))
    event.left -= 1
    if (event.left === 0) committed.delete(id)
  }
}

function openSse(agent?: Agent): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const options = { headers, ...(agent && { agent }) }
    get(`${url}/v3.0/realtime/stream?after=now`, options, (response) => {
      if (response.statusCode === 200) resolve(response)
      else reject(new Error(`a stream was refused: ${response.statusCode}`))
    }).on('error', reject)
  })
}

async function readSse(): Promise<void> {
  const response = await openSse()
  let rest = ''
  response.setEncoding('utf8').on('data', (piece: string) => {
    const end = piece.lastIndexOf('\n\n')
    if (end < 0) {
      rest += piece
      return
    }
    saw('sse', rest + piece.slice(0, end))
    rest = piece.slice(end)
  })
}

async function readSocket(): Promise<void> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v3.0/websockets/events`, { headers })
  await once(socket, 'open')
  socket.send(JSON.stringify({ type: 'subscribe', id: 's', after: 'now' }))
  await new Promise<void>((resolve) =>
    socket.addEventListener('message', ({ data: frame }) => {
      if (String(frame).startsWith('{"type":"subscribed"')) resolve()
      saw('socket', String(frame))
    }),
  )
}

async function measure(rate: number, goalMs: number): Promise<void> {
  delays.sse = []
  delays.socket = []
  const before = await figures()
  await load(rate, seconds)
  const left = committed.size
  await drained()
  const after = await figures()
  const micros = (after.cpu.user + after.cpu.system - before.cpu.user - before.cpu.system) / (rate * seconds)
  for (const kind of ['sse', 'socket'] as const) {
    const sorted = delays[kind].toSorted((a, b) => a - b)
    const at = (part: number) => sorted[Math.floor(sorted.length * part)] ?? Number.NaN
    results.push(at(0.99) <= goalMs)
    console.log(
      `${rate}/s to ${kind.padEnd(6)} p50 ${at(0.5).toFixed(1)}, p99 ${at(0.99).toFixed(1)}, worst ${at(1 - 1e-9).toFixed(1)} ms (goal p99 ${goalMs})`,
    )
  }
  console.log(
    `  ${micros.toFixed(0)} µs CPU an event with ${readersOfEach * 2} readers; ${left} on their way at the end`,
  )
}

async function pages(): Promise<void> {
  const began = performance.now()
  let count = 0
  for (let after = ''; ; ) {
    const answer = await fetch(`${url}/v3.0/events?limit=1000${after}`, { headers })
    const text = await answer.text()
    // Not parsed: what that costs is the reader's.
    const found = text.split(',"cursor":"').length - 1
    if (found === 0) break
    count += found
    after = `&after=${/"next":"(\w+)"\}$/.exec(text)?.[1]}`
  }
  const rate = count / ((performance.now() - began) / 1000)
  results.push(rate >= goals.pageEvents)
  console.log(`pages of the log: ${count} events, ${rate.toFixed(0)} a second (goal ${goals.pageEvents})`)
}

async function open(agent: Agent, count: number): Promise<void> {
  for (let opened = 0; opened < count; opened += 100) {
    const some = await Promise.all(Array.from({ length: Math.min(100, count - opened) }, () => openSse(agent)))
    for (const response of some) response.on('error', () => {}).resume() // its agent ends it
  }
}

async function idle(): Promise<void> {
  const warming = new Agent({ maxSockets: warmStreams })
  await open(warming, warmStreams)
  warming.destroy()
  while ((await figures()).streams > 0) await wait(50)
  const before = await figures()
  const agent = new Agent({ maxSockets: idleStreams })
  await open(agent, idleStreams)
  await wait(3_000)
  const after = await figures()
  const whole = (after.rss - before.rss) / 1e6
  const megabytes = whole - (after.young - before.young) / 1e6
  results.push(megabytes <= goals.idleMegabytes)
  console.log(
    `${after.streams - before.streams} idle streams: ${megabytes.toFixed(0)} MB more, ${((megabytes * 1e3) / idleStreams).toFixed(1)} KB each (goal ${goals.idleMegabytes} MB; ${whole.toFixed(0)} MB with the young generation)`,
  )
  const beganAt = performance.now()
  const start = await figures()
  await wait(10_000)
  const end = await figures()
  const used = end.cpu.user + end.cpu.system - start.cpu.user - start.cpu.system
  console.log(`  ${(used / 10 / (performance.now() - beganAt)).toFixed(1)} % of a core to keep them`)
  agent.destroy()
}

/** So many events a second, a transaction each hundredth of a second. */
async function load(perSecond: number, forSeconds: number): Promise<void> {
  const tickMs = 10
  const began = performance.now()
  let made = 0
  for (let elapsed = 0; elapsed < forSeconds * 1000; elapsed = performance.now() - began) {
    const due = Math.floor((Math.min(elapsed + tickMs, forSeconds * 1000) * perSecond) / 1000) - made
    if (due > 0) await insert(due)
    made += Math.max(0, due)
    await wait(Math.max(0, tickMs - (performance.now() - began - elapsed)))
  }
}

async function insert(count: number): Promise<void> {
  const ids = Array.from({ length: count }, () => randomUUIDv7())
  const resources = ids.map(() => `call_${newId()}`)
  // Known before it is written: a reader may be faster than the answer to the commit.
  const events = ids.map(() => ({ at: Number.POSITIVE_INFINITY, left: readersOfEach * 2 }))
  for (const [index, event] of events.entries()) committed.set(ids[index] ?? '', event)
  await client.query({
    name: 'load',
    text: `insert into event_inbox (event_id, account_id, type, resource_type, resource_id, resource_seq, occurred_at,
             schema_version, data)
           select id, $3, 'call.answered', 'call', resource, 1, now(), 1, $4 from unnest($1::uuid[], $2::text[]) as g (id, resource)`,
    values: [ids, resources, accountId, data],
  })
  const at = performance.now()
  for (const event of events) event.at = at
  product.send('wrote')
}

async function drained(): Promise<void> {
  while (committed.size > 0) await wait(20)
}

async function figures(): Promise<Figures> {
  product.send('figures')
  const [answer] = (await once(product, 'message')) as [Figures]
  return answer
}
