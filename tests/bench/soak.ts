/**
 * `npm run soak`: many calls through the whole product, and many that are cancelled, handed on or taken by nobody; then
 * everything is to be where it was: memory, objects, sockets, timers, transactions, legs, ports; and each call has ended
 * once in the log. `npm run soak -- 200000 20000 100`: calls that are answered, others, calls a second. It exits with 1
 * when anything is left.
 *
 * A first, small round warms the processes up; what they are after it is what they must be again after the second.
 */
import { createSocket } from 'node:dgram'
import { setTimeout as wait } from 'node:timers/promises'
import { Carillon, freePort } from '../carillon.ts'
import { type LoadPhone, makePhones, openDatabaseOf, type PhoneAccount, voiceFigures } from './phones.ts'
import { Sipp } from './sipp.ts'
import * as scenarios from './sipp-scenarios.ts'
import { describeLook, differences, SoakProbe } from './soak-probe.ts'

const [calls = 200_000, others = 20_000, rate = 100] = process.argv.slice(2).map(Number)
const accounts = 20
/** Of each account: callers, and phones that answer, ring only, say nothing, and hang up by themselves. */
const eachKind = 20
const first = { calls: 30 * rate, others: 12 * rate }
const progressMs = 15_000
const registersPerSecond = 200

type Counts = Readonly<Record<string, number>>

const carillon = await Carillon.start({
  CARILLON_LOG_LEVEL: 'warn',
  CARILLON_RTP_PORTS: '10000-29999',
  NODE_OPTIONS: '--inspect-port=0',
})
const sipp = new Sipp(carillon.sipPort)
const nobody = createSocket('udp4')
const faults: string[] = []
/** Calls that phones made, and those of them that went as they should. */
const made = { offered: 0, good: 0 }
try {
  const phones = await makePhones(carillon, accounts, 5 * eachKind)
  await startCallees(phones)
  const probe = await SoakProbe.open(carillon)
  await load('first', first, phones)
  const before = await probe.look()
  console.log(`after the first round\n${describeLook(before)}`)
  await load('second', { calls, others }, phones)
  const after = await probe.look()
  console.log(`after the second round\n${describeLook(after)}`)
  faults.push(...differences(before, after, calls + others), ...(await faultsOfRecords()))
} finally {
  sipp.close()
  nobody.close()
  await carillon.destroy()
}
console.log(
  faults.length === 0 ? 'everything is as it was' : faults.map((fault) => `NOT AS IT WAS: ${fault}`).join('\n'),
)
process.exit(faults.length === 0 ? 0 : 1)

/** The phones of one kind of all accounts, those of the same place one after the other. */
function ofKind(phones: readonly PhoneAccount[], kind: number): LoadPhone[] {
  return Array.from({ length: eachKind }, (_, at) =>
    phones.flatMap((one) => one.phones[kind * eachKind + at] ?? []),
  ).flat()
}

/** They are called where they signed in from: first it is done there, then they are served there. */
async function startCallees(phones: readonly PhoneAccount[]): Promise<void> {
  const callees = [
    ['answers', scenarios.answers],
    ['rings', scenarios.ringsOnly],
    ['silent', null],
    ['hangs-up', scenarios.hangsUp],
  ] as const
  for (const [at, [name, scenario]] of callees.entries()) {
    const port = await freePort()
    const lines = ofKind(phones, at + 1).map(({ username, realm, credentials }) =>
      [username, realm, credentials].join(';'),
    )
    const signIn = `${name}-signs-in`
    const flags = ['-inf', sipp.lines(signIn, lines), '-r', String(registersPerSecond), '-m', String(lines.length)]
    await sipp.run(signIn, scenarios.registers, [...flags, '-p', String(port)])
    if (sipp.counts(signIn).good !== lines.length) throw new Error(`${name}: ${sipp.errors(signIn)}`)
    if (scenario === null) nobody.bind(port, '127.0.0.1')
    else sipp.start(name, scenario, ['-p', String(port), '-d', '1000'])
  }
}

/** Calls of every kind beside each other, spread over the same time. */
async function load(
  round: string,
  count: { calls: number; others: number },
  phones: readonly PhoneAccount[],
): Promise<void> {
  const each = Math.round(count.others / 4)
  const kinds = [
    { name: 'answered', scenario: scenarios.calls, callee: 1, count: count.calls, pauseMs: 1_000 },
    { name: 'cancelled', scenario: scenarios.cancels, callee: 2, count: each, pauseMs: 300 },
    { name: 'rung out', scenario: scenarios.waitsInVain, callee: 2, count: each, pauseMs: 0 },
    { name: 'to nobody', scenario: scenarios.waitsInVain, callee: 3, count: each, pauseMs: 0 },
    { name: 'handed on', scenario: scenarios.handsOn, callee: 1, count: each, pauseMs: 500 },
  ]
  const seconds = count.calls / rate
  const [callers, targets] = [ofKind(phones, 0), ofKind(phones, 4)]
  const running = kinds.map(async ({ name, scenario, callee, count, pauseMs }) => {
    const callees = ofKind(phones, callee)
    const lines = callers.map(({ username, realm, credentials }, at) =>
      [username, realm, credentials, callees[at]?.number, targets[at]?.number].join(';'),
    )
    const file = `${round}-${name.replace(' ', '-')}`
    // So many in ten seconds, since there may be less than one a second.
    const pace = ['-r', String(Math.max(1, Math.round((10 * count) / seconds))), '-rp', '10000', '-m', String(count)]
    const flags = ['-inf', sipp.lines(file, lines), '-d', String(pauseMs), '-l', '5000', '-p', String(await freePort())]
    await sipp.run(file, scenario, [...flags, ...pace])
    return { name, file, count, ...sipp.counts(file) }
  })
  const all = Promise.all(running)
  while ((await Promise.race([all, wait(progressMs, null, { ref: false })])) === null) await progress(round)
  for (const { name, file, count, good, failed, again } of await all) {
    console.log(`  ${name}: ${good} good, ${failed} failed, ${again} retransmissions`)
    made.offered += count
    made.good += good
    if (good === count && failed === 0) continue
    faults.push(`${round}: ${good} of ${count} calls ${name} went as they should`)
    console.log(sipp.errors(file))
  }
}

async function progress(round: string): Promise<void> {
  const { calls, legs, transactions, timers, rssBytes, heapBytes, messagesIn } = await voiceFigures(carillon)
  const mb = (bytes: number) => `${Math.round(bytes / 1_048_576)} MB`
  console.log(
    `${new Date().toISOString().slice(11, 19)} ${round}: ${messagesIn} messages in, ${calls} calls, ${legs} legs, ${transactions} transactions, ${timers} timers, ${mb(rssBytes)} (heap ${mb(heapBytes)})`,
  )
}

/** What the log and the rows say of ends, in words; nothing when each call has one of each. */
async function faultsOfRecords(): Promise<string[]> {
  const db = await openDatabaseOf(carillon)
  const { rows } = await db.query<Counts>(`
    select count(*)::int as calls,
      count(*) filter (where ended_at is null)::int as "rows without an end",
      count(*) filter (where ended is distinct from 1)::int as "calls that have not exactly one call.ended",
      count(*) filter (where final is distinct from 1)::int as "calls that have not exactly one cdr.final",
      count(*) filter (where trace is null)::int as "calls without a ladder"
    from calls c
    left join (select resource_id, count(*) filter (where type = 'call.ended') as ended,
        count(*) filter (where type = 'cdr.final') as final from events group by 1) e on e.resource_id = c.id
    left join (select distinct call_id as trace from call_traces) t on t.trace = c.id`)
  await db.end()
  const [{ calls: written = 0, ...wrong } = {}] = rows
  console.log(`${written} rows of calls`)
  // A call that was shed (T8) has none.
  const isRight = written >= made.good && written <= made.offered
  const missing = isRight ? [] : [`${written} rows of calls; ${made.good} of ${made.offered} calls went well`]
  return [...missing, ...Object.entries(wrong).flatMap(([what, count]) => (count === 0 ? [] : [`${count} ${what}`]))]
}
