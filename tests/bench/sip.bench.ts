/**
 * `npm run bench:sip`: calls a second through the whole path (digest, routing, media session, records, events), made and
 * taken by sipp, and the CPU that each process spends on one. `npm run bench:sip -- 500 60 50`: calls a second, seconds,
 * accounts. Before it calls are made at half the rate for ten seconds, in which the first of a process are compiled.
 */
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { Carillon, freePort, until } from '../carillon.ts'
import { type LoadPhone, makePhones, voiceFigures } from './phones.ts'
import { childrenOf, cpuOf } from './processes.ts'
import { answers, calls as oneCall, registers } from './sipp-scenarios.ts'
import { Sipp } from './sipp.ts'

const [rate = 500, seconds = 60, accounts = 50] = process.argv.slice(2).map(Number)
const pairsEach = Math.ceil(400 / accounts)
const holdMs = 1_000
const registrations = 10_000
const warmSeconds = 10

const carillon = await Carillon.start({ CARILLON_LOG_LEVEL: 'warn', CARILLON_RTP_PORTS: '20000-39999' })
const sipp = new Sipp(carillon.sipPort)
try {
  const phones = await makePhones(carillon, accounts, 2 * pairsEach)
  const pairs = phones.flatMap((account) => Array.from({ length: pairsEach }, (_, at) => pairOf(account.phones, at)))
  const callees = sipp.lines(
    'callees',
    pairs.map(({ callee }) => [callee.username, callee.realm, callee.credentials].join(';')),
  )
  const callers = sipp.lines(
    'callers',
    pairs.map(({ caller, callee }) => [caller.username, caller.realm, caller.credentials, callee.number].join(';')),
  )
  const calleePort = await freePort()
  const signIn = ['-inf', callees, '-p', String(calleePort)]
  await sipp.run('register', registers, [...signIn, '-r', '200', '-m', String(pairs.length)])
  const idle = await voiceFigures(carillon)
  const answering = sipp.start('uas', answers, ['-p', String(calleePort)])
  const make = async (name: string, perSecond: number, count: number) => {
    const pace = ['-r', String(perSecond), '-m', String(count), '-d', String(holdMs), '-l', '20000']
    await sipp.run(name, oneCall, ['-inf', callers, '-p', String(await freePort()), ...pace])
  }
  const slowRate = Math.ceil(rate / 2)
  await make('warm', slowRate, slowRate * warmSeconds)
  console.log(`${sipp.counts('warm').good} of ${slowRate * warmSeconds} calls to warm up were good`)
  const before = cpu()
  const startedAt = performance.now()
  const calls = rate * seconds
  await make('uac', rate, calls)
  const tookMs = performance.now() - startedAt
  await until(async () => (await carillon.events('cdr.final')).length >= 0, 'events')
  const spent = difference(before, cpu())
  answering.kill('SIGKILL')
  const { good, failed, again } = sipp.counts('uac')
  console.log(
    `${calls} calls at ${rate}/s on ${accounts} accounts: ${good} good, ${failed} failed, ${again} retransmissions, ${(tookMs / 1_000).toFixed(1)} s`,
  )
  if (failed > 0) console.log(sipp.errors('uac'))
  for (const [name, ms] of Object.entries(spent))
    console.log(`  ${name.padEnd(12)} ${(ms / calls).toFixed(3)} ms a call`)
  await refreshes(signIn)
  await wait(35_000) // the last transactions absorb repetitions for 32 s
  const left = await voiceFigures(carillon)
  console.log(
    `  afterwards: ${left.calls} calls, ${left.legs} legs, ${left.transactions} transactions, ${mb(left.rssBytes)} (before: ${mb(idle.rssBytes)})`,
  )
} finally {
  sipp.close()
  await carillon.destroy()
}

/** The first half of the phones calls the second. */
function pairOf(phones: readonly LoadPhone[], at: number): { caller: LoadPhone; callee: LoadPhone } {
  const [caller, callee] = [phones[at], phones[pairsEach + at]]
  if (!caller || !callee) throw new Error('there are too few phones')
  return { caller, callee }
}

function mb(bytes: number): string {
  return `${Math.round(bytes / 1_048_576)} MB`
}

/** Registrations with digest that change nothing, beside Kamailio's in memory. */
async function refreshes(signIn: readonly string[]): Promise<void> {
  const flags = [...signIn, '-r', '500', '-m', String(registrations)]
  const before = cpu().voice ?? 0
  await sipp.run('refresh', registers, flags)
  const ours = ((cpu().voice ?? 0) - before) / registrations
  const kamailio = await startKamailio()
  const since = kamailio.cpu()
  await sipp.run('kamailio', registers, flags, kamailio.port)
  const theirs = (kamailio.cpu() - since) / registrations
  kamailio.stop()
  console.log(`  registration: ${ours.toFixed(3)} ms, Kamailio ${theirs.toFixed(3)} ms: ${(ours / theirs).toFixed(2)}x`)
}

async function startKamailio() {
  const port = await freePort()
  const { folder } = sipp
  const file = join(folder, 'kamailio.cfg')
  writeFileSync(file, kamailioConfig(port))
  const child = spawn('kamailio', ['-f', file, '-DD', '-E', '-m', '64', '-Y', folder, '-P', join(folder, 'pid')], {
    detached: true,
    stdio: 'ignore',
  })
  const family = () => [child.pid ?? 0, ...childrenOf(child.pid ?? 0)]
  await until(() => family().length > 3, 'kamailio')
  await wait(1_000)
  return {
    port,
    cpu: () => family().reduce((sum, pid) => sum + cpuOf(pid), 0),
    stop: () => process.kill(-(child.pid ?? 0), 'SIGKILL'),
  }
}

function kamailioConfig(port: number): string {
  return `#!KAMAILIO
debug=0
log_stderror=yes
children=2
listen=udp:127.0.0.1:${port}
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
modparam("usrloc", "db_mode", 0)
request_route {
  if (!pv_www_authenticate("$td", "secret", "0")) { auth_challenge("$td", "0"); exit; }
  save("location");
}
`
}

/** CPU time of each process so far, in milliseconds. */
function cpu(): Record<string, number> {
  const { voice, api, worker, postgres } = carillon.pids
  const database = [postgres, ...childrenOf(postgres)].reduce((sum, pid) => sum + cpuOf(pid), 0)
  return { voice: cpuOf(voice), worker: cpuOf(worker), api: cpuOf(api), PostgreSQL: database }
}

function difference(before: Record<string, number>, after: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(after).map(([name, ms]) => [name, ms - (before[name] ?? 0)]))
}
