/**
 * `npm run bench:sip`: calls a second through the whole path (digest, routing, media session, records, events), made and
 * taken by sipp, and the CPU that each process spends on one. `npm run bench:sip -- 500 60 50`: calls a second, seconds,
 * accounts.
 */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { createVault } from '../../server/auth/vault.ts'
import type { VoiceFigures } from '../../server/voice/control-protocol.ts'
import { Carillon, freePort, until } from '../carillon.ts'

const [rate = 500, seconds = 60, accounts = 50] = process.argv.slice(2).map(Number)
const devicesEach = Math.ceil(400 / accounts) * 2
const holdMs = 1_000
const ticksPerSecond = 100
const registrations = 10_000

const head = `<?xml version="1.0" encoding="ISO-8859-1" ?>`
const register = `${head}
<scenario name="register">
  <send retrans="500"><![CDATA[
REGISTER sip:[field1] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport
Max-Forwards: 70
From: <sip:[field0]@[field1]>;tag=[call_number]
To: <sip:[field0]@[field1]>
Call-ID: [call_id]
CSeq: 1 REGISTER
Contact: <sip:[field0]@[local_ip]:[local_port]>
Expires: 3600
Content-Length: 0

]]></send>
  <recv response="401" auth="true" />
  <send retrans="500"><![CDATA[
REGISTER sip:[field1] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport
Max-Forwards: 70
From: <sip:[field0]@[field1]>;tag=[call_number]
To: <sip:[field0]@[field1]>
Call-ID: [call_id]
CSeq: 2 REGISTER
Contact: <sip:[field0]@[local_ip]:[local_port]>
Expires: 3600
[field2]
Content-Length: 0

]]></send>
  <recv response="200" />
</scenario>
`
const invite = (cseq: number, credentials: string) => `INVITE sip:[field3]@[field1] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport
Max-Forwards: 70
From: <sip:[field0]@[field1]>;tag=[call_number]
To: <sip:[field3]@[field1]>
Call-ID: [call_id]
CSeq: ${cseq} INVITE
Contact: <sip:[field0]@[local_ip]:[local_port]>
${credentials}Content-Type: application/sdp
Content-Length: [len]

v=0
o=sipp 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio 6000 RTP/AVP 8 0 101
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
`
const within = (method: string, cseq: number, branch = '[branch]') => `${method} [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=${branch};rport
Max-Forwards: 70
From: <sip:[field0]@[field1]>;tag=[call_number]
To: <sip:[field3]@[field1]>[peer_tag_param]
Call-ID: [call_id]
CSeq: ${cseq} ${method}
Content-Length: 0
`
const call = `${head}
<scenario name="call">
  <send retrans="500"><![CDATA[
${invite(1, '')}
]]></send>
  <recv response="401" auth="true" />
  <send><![CDATA[
${within('ACK', 1, '[branch-2]').replace('[next_url]', 'sip:[field3]@[field1]')}
]]></send>
  <send retrans="500"><![CDATA[
${invite(2, '[field2]\n')}
]]></send>
  <recv response="100" optional="true" />
  <recv response="180" optional="true" />
  <recv response="200" rtd="true" rrs="true" />
  <send><![CDATA[
${within('ACK', 2)}
]]></send>
  <pause />
  <send retrans="500"><![CDATA[
${within('BYE', 3)}
]]></send>
  <recv response="200" />
</scenario>
`

const folder = mkdtempSync(join(tmpdir(), 'carillon-sipp-'))
const carillon = await Carillon.start({ CARILLON_LOG_LEVEL: 'warn', CARILLON_RTP_PORTS: '20000-39999' })
try {
  await prepare()
  const uasPort = await freePort('udp')
  await sipp('register', [
    '-sf',
    scenario('register', register),
    '-inf',
    join(folder, 'callees.csv'),
    '-p',
    String(uasPort),
    '-r',
    '200',
    '-m',
    String((accounts * devicesEach) / 2),
  ])
  const idle = await voiceFigures()
  const uas = start('uas', ['-sn', 'uas', '-p', String(uasPort)])
  const before = cpu()
  const startedAt = performance.now()
  const calls = rate * seconds
  await sipp('uac', [
    '-sf',
    scenario('uac', call),
    '-inf',
    join(folder, 'callers.csv'),
    '-p',
    String(await freePort('udp')),
    '-r',
    String(rate),
    '-m',
    String(calls),
    '-d',
    String(holdMs),
    '-l',
    '20000',
    '-trace_stat',
    '-trace_err',
    '-fd',
    '1',
  ])
  const tookMs = performance.now() - startedAt
  await until(async () => (await carillon.events('cdr.final')).length >= 0, 'events')
  const spent = difference(before, cpu())
  uas.kill('SIGKILL')
  const figures = statistics()
  console.log(
    `${calls} calls at ${rate}/s on ${accounts} accounts: ${figures.good} good, ${figures.failed} failed, ${figures.again} retransmissions, ${(tookMs / 1_000).toFixed(1)} s`,
  )
  if (figures.failed > 0) console.log(errors())
  for (const [name, ms] of Object.entries(spent))
    console.log(`  ${name.padEnd(12)} ${(ms / calls).toFixed(3)} ms a call`)
  await refreshes(uasPort)
  await wait(35_000) // the last transactions absorb repetitions for 32 s
  const left = await voiceFigures()
  console.log(
    `  afterwards: ${left.calls} calls, ${left.legs} legs, ${left.transactions} transactions, ${mb(left.rssBytes)} (before: ${mb(idle.rssBytes)})`,
  )
} finally {
  await carillon.destroy()
  rmSync(folder, { recursive: true, force: true })
}

/** Accounts, devices and numbers, straight into the database: a thousand calls of the API would say nothing more. */
async function prepare(): Promise<void> {
  const { dataDir } = carillon
  const password = readFileSync(join(dataDir, 'postgres/password'), 'utf8').trim()
  const db = new pg.Client({
    host: join(dataDir, 'postgres/sockets'),
    port: 5432,
    user: 'postgres',
    password,
    database: 'postgres',
  })
  await db.connect()
  const vault = createVault(readFileSync(join(dataDir, 'master.key')))
  const [callers, callees] = [['SEQUENTIAL'], ['SEQUENTIAL']]
  for (let at = 0; at < accounts; at++) {
    const { accountId } = await carillon.account()
    const settings = { billing: {}, max_outside_calls_per_device: null }
    await db.query('update accounts set telephony_enabled = true, settings = $2 where id = $1', [accountId, settings])
    for (let index = 0; index < devicesEach; index++) {
      const [user, device, flow] = [hex(), hex(), hex()]
      const [number, username] = [String(1_000 + index), `d${at}x${index}`]
      await db.query(
        "insert into users (id, account_id, first_name, last_name, preferred_language, timezone, ics_token, priv_level, is_admin) values ($1, $2, $3, '', 'en', 'UTC', $4, 'user', false)",
        [user, accountId, username, hex()],
      )
      await db.query(
        'insert into devices (id, account_id, name, owner_id, username, secrets) values ($1, $2, $3, $4, $5, $6)',
        [device, accountId, username, user, username, vault.seal(`devices:${device}`, { password: 'secret' })],
      )
      const tree = { id: 'a', module: 'user', data: { id: user }, children: {} }
      await db.query('insert into callflows (id, account_id, name, numbers, flow) values ($1, $2, $3, $4, $5)', [
        flow,
        accountId,
        number,
        JSON.stringify([number]),
        tree,
      ])
      const realm = `${accountId}.localhost`
      if (index % 2 === 0)
        callers.push(
          `${username};${realm};[authentication username=${username} password=secret];${number.replace(/.$/, (digit) => String(Number(digit) + 1))}`,
        )
      else callees.push(`${username};${realm};[authentication username=${username} password=secret]`)
    }
    await askVoice({ type: 'changed', accountId })
  }
  await db.end()
  writeFileSync(join(folder, 'callers.csv'), `${callers.join('\n')}\n`)
  writeFileSync(join(folder, 'callees.csv'), `${callees.join('\n')}\n`)
}

function hex(): string {
  return randomBytes(12).toString('hex')
}

/** Asks the voice process, as the api does. */
async function askVoice(question: object) {
  const socket = connect(join(carillon.dataDir, 'voice.sock'))
  socket.write(`${JSON.stringify({ ...question, request: 1 })}\n`)
  let text = ''
  while (!/"request":1[^\n]*\n/.test(text)) text += (await once(socket, 'data'))[0]
  socket.destroy()
  return JSON.parse(text.split('\n').find((line) => line.includes('"request":1')) ?? '{}')
}

async function voiceFigures(): Promise<VoiceFigures> {
  return (await askVoice({ type: 'figures' })).figures
}

function mb(bytes: number): string {
  return `${Math.round(bytes / 1_048_576)} MB`
}

/** Registrations with digest that change nothing, beside Kamailio's in memory. */
async function refreshes(port: number): Promise<void> {
  const flags = ['-sf', join(folder, 'register.xml'), '-inf', join(folder, 'callees.csv'), '-p', String(port)]
  const load = ['-r', '500', '-m', String(registrations)]
  const before = cpu().voice ?? 0
  await sipp('refresh', [...flags, ...load])
  const ours = ((cpu().voice ?? 0) - before) / registrations
  const kamailio = await startKamailio()
  const since = kamailio.cpu()
  await once(start('kamailio', [...flags, ...load], kamailio.port), 'exit')
  const theirs = (kamailio.cpu() - since) / registrations
  kamailio.stop()
  console.log(`  registration: ${ours.toFixed(3)} ms, Kamailio ${theirs.toFixed(3)} ms: ${(ours / theirs).toFixed(2)}x`)
}

async function startKamailio() {
  const port = await freePort('udp')
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

function scenario(name: string, text: string): string {
  const file = join(folder, `${name}.xml`)
  writeFileSync(file, text)
  return file
}

function start(name: string, flags: readonly string[], port = carillon.sipPort) {
  const target = `127.0.0.1:${port}`
  const buffers = ['-buff_size', '4194304']
  const child = spawn('sipp', [target, '-i', '127.0.0.1', '-nostdin', ...flags, ...buffers], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  child.stdout.on('data', (text) => (output = (output + text).slice(-20_000)))
  child.stderr.on('data', (text) => (output = (output + text).slice(-20_000)))
  child.on('exit', (code) => {
    if (code !== null && code > 1 && code < 253)
      console.log(`${name}: sipp ended with ${code}\n${output.slice(-2_000)}`)
  })
  return child
}

async function sipp(name: string, flags: readonly string[]): Promise<void> {
  await once(start(name, flags), 'exit')
}

function statistics(): { good: number; failed: number; again: number } {
  const file = readdirSync(folder).find((name) => name.startsWith('uac_') && name.endsWith('.csv'))
  const lines = readFileSync(join(folder, file ?? ''), 'utf8')
    .trim()
    .split('\n')
  const names = lines[0]?.split(';') ?? []
  const last = lines.at(-1)?.split(';') ?? []
  const of = (name: string) => Number(last[names.indexOf(name)])
  return { good: of('SuccessfulCall(C)'), failed: of('FailedCall(C)'), again: of('Retransmissions(C)') }
}

/** What sipp did not expect, the first of it. */
function errors(): string {
  const file = readdirSync(folder).find((name) => name.startsWith('uac_') && name.endsWith('errors.log'))
  return file === undefined ? '' : readFileSync(join(folder, file), 'utf8').slice(0, 1_500)
}

/** CPU time of each process so far, in milliseconds. */
function cpu(): Record<string, number> {
  const { voice, api, worker, postgres } = carillon.pids
  const database = [postgres, ...childrenOf(postgres)].reduce((sum, pid) => sum + cpuOf(pid), 0)
  return { voice: cpuOf(voice), worker: cpuOf(worker), api: cpuOf(api), PostgreSQL: database }
}

function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && parentOf(name) === pid)
    .map(Number)
}

function parentOf(pid: string): number {
  try {
    return Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
  } catch {
    return 0 // it ended
  }
}

function cpuOf(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    return ((Number(fields[11]) + Number(fields[12])) * 1_000) / ticksPerSecond
  } catch {
    return 0
  }
}

function difference(before: Record<string, number>, after: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(after).map(([name, ms]) => [name, ms - (before[name] ?? 0)]))
}
