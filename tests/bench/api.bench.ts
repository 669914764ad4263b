/**
 * `npm run bench:api`: the processor time that POST /api/v6/meeting costs the api process, against the bare framework
 * with the same statement; 32 connections, alternating rounds. Time of the processor, not of the clock: what else the
 * machine does then counts for neither. The sequencer works in this process, so it is in neither figure.
 *
 * `ROUNDS` and `CALLS` make it shorter.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import autocannon from 'autocannon'
import { pino } from 'pino'
import { Sequencer } from '../../server/events/sequencer.ts'
import { startPostgres } from '../../server/postgres/embedded.ts'
import { migrate } from '../../server/store/migrate.ts'

const rounds = Number(process.env.ROUNDS ?? 7)
const calls = Number(process.env.CALLS ?? 6000)
const connections = 32
const goal = 1.3
const body = JSON.stringify({ topic: 'A meeting', startTime: '2030-05-04T09:00:00.000Z', duration: 60 })

interface Side {
  readonly name: string
  readonly child: ChildProcess
  readonly url: string
  readonly headers: Record<string, string>
  readonly micros: number[]
}

const folder = mkdtempSync(join(tmpdir(), 'carillon-bench-'))
const postgres = await startPostgres({ folder })
await migrate(postgres.connection)
const sequencer = new Sequencer({ connection: postgres.connection, log: pino({ level: 'warn' }), clock: Date.now })
sequencer.start()
const sides: Side[] = []
try {
  for (const name of ['product', 'bare']) sides.push(await startSide(name))
  for (const side of sides) await load(side, calls) // the compiler and the caches warm up
  for (let round = 1; round <= rounds; round++) {
    for (const side of round % 2 === 0 ? [...sides].reverse() : sides) {
      const micros = await measure(side)
      side.micros.push(micros)
      console.log(`round ${round} ${side.name.padEnd(7)} ${micros.toFixed(1)} µs a call`)
    }
  }
  const [product = 0, bare = 0] = sides.map(({ micros }) => median(micros))
  const ratio = product / bare
  console.log(
    `\nmedian: product ${product.toFixed(1)} µs, bare ${bare.toFixed(1)} µs, ratio ${ratio.toFixed(2)} (goal ${goal})`,
  )
} finally {
  for (const { child } of sides) child.kill()
  await sequencer.stop()
  await postgres.stop()
  rmSync(folder, { recursive: true, force: true })
}

async function startSide(name: string): Promise<Side> {
  const child = fork(join(import.meta.dirname, `api-${name}.ts`), [JSON.stringify(postgres.connection)])
  const [ready] = await once(child, 'message')
  return { name, child, micros: [], ...ready }
}

async function load({ url, headers }: Side, amount: number): Promise<void> {
  const result = await autocannon({
    url: `${url}/api/v6/meeting`,
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body,
    connections,
    amount,
  })
  if (result['2xx'] !== amount)
    throw new Error(`${amount - result['2xx']} of ${amount} calls were not answered with 200`)
}

async function measure(side: Side): Promise<number> {
  const before = await cpuOf(side)
  await load(side, calls)
  return ((await cpuOf(side)) - before) / calls
}

async function cpuOf({ child }: Side): Promise<number> {
  child.send('cpu')
  const [{ user, system }] = await once(child, 'message')
  return user + system
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}
