/**
 * `npm run bench:webhooks`: from the commit of an event to its first attempt at a webhook.
 *
 *   1. 1,000 events a second, one webhook: p99 at most 500 ms.
 *   2. The same beside 100 webhooks that hang or refuse: p99 stays.
 *   3. 8,000 events a second for ten seconds: what waits stays bounded, and drains afterwards.
 *
 * The events are those of calls, of 900 octets, written into the inbox as the voice process does. Receiver and load are
 * in this process, so times are of one clock. `SECONDS` and `RATE` make it shorter.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { randomUUIDv7 } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { callExamples } from '../../contract/call.ts'
import { newId } from '../../server/ids.ts'
import { startPostgres } from '../../server/postgres/embedded.ts'
import { migrate } from '../../server/store/migrate.ts'

const seconds = Number(process.env.SECONDS ?? 20)
const rate = Number(process.env.RATE ?? 1_000)
const burstRate = 8_000
const burstSeconds = 10
const eventsPerCall = 8
const goalMs = 500
const data = JSON.stringify({ call: callExamples.state, leg_id: null })
let calls = 0
let callId = ''

interface Product {
  readonly url: string
  readonly headers: Record<string, string>
  readonly accountId: string
}
interface Figures {
  readonly waiting: number
  readonly inFlight: number
  readonly open: number
  readonly rss: number
  readonly cpu: { readonly user: number; readonly system: number }
}

const folder = mkdtempSync(join(tmpdir(), 'carillon-bench-'))
const postgres = await startPostgres({ folder })
await migrate(postgres.connection)
const child = fork(join(import.meta.dirname, 'webhooks-product.ts'), [JSON.stringify(postgres.connection)])
const [product]: [Product] = (await once(child, 'message')) as [Product]
const client = new pg.Client(postgres.connection)
await client.connect()

/** When each event was committed, and how long it took to arrive. */
const committed = new Map<string, number>()
let delays: number[] = []
const receiver = createServer((request, response) => {
  request.resume()
  if (request.url === '/hang') return
  const id = String(request.headers['webhook-id'])
  const at = committed.get(id)
  if (at !== undefined) delays.push(Math.max(0, performance.now() - at))
  committed.delete(id)
  response.end()
}).listen(0, '127.0.0.1')
await once(receiver, 'listening')
const address = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`

try {
  await make('/well')
  await load(rate, 3) // the compiler and the caches warm up
  await drained()
  const alone = await measure('one webhook')
  for (let index = 0; index < 100; index++) await make(index % 2 === 0 ? '/hang' : ':refused')
  const beside = await measure('beside 100 dead ones')
  await burst()
  const isGood = alone <= goalMs && beside <= goalMs
  console.log(`\np99 ${alone.toFixed(0)} ms alone, ${beside.toFixed(0)} ms beside 100 dead ones (goal ${goalMs} ms)`)
  process.exitCode = isGood ? 0 : 1
} finally {
  child.kill()
  await client.end()
  await postgres.stop()
  receiver.closeAllConnections()
  receiver.close()
  rmSync(folder, { recursive: true, force: true })
}

async function make(path: string): Promise<void> {
  const url = path === ':refused' ? 'http://127.0.0.1:9/' : address + path
  const answer = await fetch(`${product.url}/v3.0/webhooks`, {
    method: 'PUT',
    headers: { ...product.headers, 'content-type': 'application/json' },
    body: JSON.stringify({ data: { url, event_types: ['call.*'] } }),
  })
  if (!answer.ok) throw new Error(await answer.text())
}

async function measure(what: string): Promise<number> {
  delays = []
  const before = await figures(child)
  await load(rate, seconds)
  await drained()
  const after = await figures(child)
  const sorted = delays.toSorted((a, b) => a - b)
  const at = (part: number) => sorted[Math.floor(sorted.length * part)] ?? Number.NaN
  const micros = (after.cpu.user + after.cpu.system - before.cpu.user - before.cpu.system) / sorted.length
  console.log(
    `${what}: ${sorted.length} events, p50 ${at(0.5).toFixed(1)}, p99 ${at(0.99).toFixed(1)}, worst ${at(1 - 1e-9).toFixed(1)} ms; ` +
      `${micros.toFixed(0)} µs CPU an event; ${after.open} breakers open; ${(after.rss / 1e6).toFixed(0)} MB`,
  )
  return at(0.99)
}

async function burst(): Promise<void> {
  delays = []
  let mostWaiting = 0
  let isOver = false
  const watching = (async () => {
    while (!isOver) {
      mostWaiting = Math.max(mostWaiting, (await figures(child)).waiting)
      await wait(200)
    }
  })()
  const began = performance.now()
  await load(burstRate, burstSeconds)
  const loaded = performance.now()
  await drained()
  isOver = true
  await watching
  const drain = (performance.now() - loaded) / 1000
  const all = burstRate * burstSeconds
  console.log(
    `burst: ${all} events in ${((loaded - began) / 1000).toFixed(1)} s; at most ${mostWaiting} deliveries waited; ` +
      `drained ${drain.toFixed(1)} s later, ${(all / (drain + burstSeconds)).toFixed(0)} a second`,
  )
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
  const resources = ids.map(() => {
    if (calls++ % eventsPerCall === 0) callId = `call_${newId()}`
    return callId
  })
  // Known before it is written: the receiver may be faster than the answer to the commit.
  for (const id of ids) committed.set(id, Number.POSITIVE_INFINITY)
  await client.query({
    name: 'load',
    text: `insert into event_inbox (event_id, account_id, type, resource_type, resource_id, resource_seq, occurred_at,
             schema_version, data)
           select id, $3, 'call.answered', 'call', resource, 1, now(), 1, $4 from unnest($1::uuid[], $2::text[]) as g (id, resource)`,
    values: [ids, resources, product.accountId, data],
  })
  const now = performance.now()
  for (const id of ids) if (committed.has(id)) committed.set(id, now)
}

async function drained(): Promise<void> {
  while (committed.size > 0) await wait(50)
}

async function figures(process: ChildProcess): Promise<Figures> {
  process.send('figures')
  const [answer] = (await once(process, 'message')) as [Figures]
  return answer
}
