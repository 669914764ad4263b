/**
 * `npm run bench:rtp`: calls of two telephones through the media worker and through Debian's rtpengine (user space), in
 * alternating rounds: microseconds of processor time a packet, loss and delay. The relay has one core, the telephones
 * (rtp-load.c) the other. Goals: 1.0 of rtpengine, 500 calls on one core with nothing lost, SRTP at most twice plain.
 *
 * What SRTP costs: calls that cross the worker twice, with the way between its two endpoints plain or secret. The secret
 * one has one packet protected and one opened more; added to one hop, that is a call with SRTP on both legs.
 */
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { MediaOrder, MediaReport, RemoteMedia } from '../../engine/rtp/messages.ts'
import { MediaClient } from '../../server/voice/media-client.ts'
import { freeUdpPort, until } from '../media/worker.ts'
import { Rtpengine } from './rtpengine.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '12' },
    calls: { type: 'string', default: '400' },
    most: { type: 'string', default: '500' },
    /** One of `relay`, `most`, `srtp`. */
    only: { type: 'string', default: '' },
    /** Node's flags for our worker, such as `--cpu-prof`. */
    flags: { type: 'string', default: '' },
  },
})
const [rounds, seconds] = [Number(values.rounds), Number(values.seconds)]
/** Of each run, rtp-load.c counts nothing. */
const warmUpSeconds = 2
const firstTelephone = 18_000
const firstEndpoint = 20_000
const relayCore = ['taskset', '-c', '0']
const telephoneCore = ['taskset', '-c', '1']
const packetsPerSecond = 100

const folder = mkdtempSync(join(tmpdir(), 'carillon-bench-rtp-'))
const load = join(folder, 'rtp-load')

interface Heard {
  readonly sent: number
  readonly received: number
  readonly wrong: number
  readonly late: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  readonly generatorLateMs: number
}
interface Figures extends Heard {
  readonly microsPerPacket: number
  readonly corePercent: number
}
interface Relay {
  readonly name: string
  readonly pid: number
  /** The port for each telephone. */
  readonly ports: readonly number[]
  stop(): Promise<void>
}

type Kind = 'plain' | 'twice' | 'twice secret'

async function carillon(calls: number, kind: Kind): Promise<Relay> {
  const socketPath = join(folder, 'media.sock')
  const udpPort = await freeUdpPort()
  const settings = {
    socketPath,
    udpPort,
    bindAddress: '127.0.0.1',
    candidates: [],
    mendedPort: null,
    rtpTimeoutMs: 60_000,
  }
  const program = join(import.meta.dirname, '../../server/media/worker.ts')
  const flags = values.flags.split(' ').filter(Boolean)
  const line = [...relayCore, process.execPath, ...flags, '--expose-gc', program, JSON.stringify(settings)]
  const worker = spawn(line[0] ?? '', line.slice(1), { stdio: ['ignore', 'inherit', 'inherit'], cwd: folder })
  let opened = 0
  let refused: string | null = null
  const client = new MediaClient(socketPath, (report: MediaReport) => {
    if (report.type === 'opened') opened += 1
    if (report.type === 'open_failed') refused = report.message
  })
  await until('the worker', () => client.isUp)
  const ports: number[] = []
  let endpoints = 0
  const open = (
    remotePort: number,
    srtp: RemoteMedia['srtp'],
  ): { readonly endpoint: string; readonly port: number } => {
    const port = firstEndpoint + endpoints * 2
    const endpoint = `e${endpoints}`
    endpoints += 1
    const orders: MediaOrder[] = [
      { type: 'open', endpoint, port, address: '127.0.0.1' },
      { type: 'remote', endpoint, remote: remoteAt(remotePort, srtp) },
    ]
    for (const order of orders) client.order(order)
    return { endpoint, port }
  }
  const bridge = (a: string, b: string) => client.order({ type: 'bridge', a, b })
  for (let call = 0; call < calls; call++) {
    const [a, b] = [firstTelephone + call * 4, firstTelephone + call * 4 + 2]
    if (kind === 'plain') {
      const [left, right] = [open(a, null), open(b, null)]
      bridge(left.endpoint, right.endpoint)
      ports.push(left.port, right.port)
    } else {
      const next = firstEndpoint + endpoints * 2
      const keys = kind === 'twice secret' ? (['A'.repeat(40), 'B'.repeat(40)] as const) : null
      const secret = (receive: 0 | 1): RemoteMedia['srtp'] =>
        keys && { suite: 'AES_CM_128_HMAC_SHA1_80', receive: keys[receive], send: keys[receive === 0 ? 1 : 0] }
      const left = open(a, null)
      const middle = [open(next + 4, secret(0)), open(next + 2, secret(1))] as const
      const right = open(b, null)
      bridge(left.endpoint, middle[0].endpoint)
      bridge(middle[1].endpoint, right.endpoint)
      ports.push(left.port, right.port)
    }
  }
  const stop = async () => {
    client.stop()
    const ended = new Promise((resolve) => worker.once('exit', resolve))
    worker.kill('SIGTERM')
    await ended
  }
  const isReady = () => opened === endpoints || refused !== null
  await until('all endpoints', isReady, () => opened).catch((error: unknown) =>
    stop().then(() => Promise.reject(error)),
  )
  if (refused !== null) {
    await stop()
    throw new Error(refused)
  }
  return { name: `Carillon, ${kind}`, pid: worker.pid ?? 0, ports, stop }
}

const remoteAt = (port: number, srtp: RemoteMedia['srtp']): RemoteMedia => ({
  address: '127.0.0.1',
  port,
  rtcpPort: port + 1,
  signalling: '127.0.0.1',
  direction: 'sendrecv',
  codecs: [{ name: 'PCMA', clockRate: 8_000, payload: 8, sendPayload: 8 }],
  dtmf: null,
  comfortNoise: null,
  ptimeMs: 20,
  srtp,
})

async function rtpengine(calls: number): Promise<Relay> {
  const engine = new Rtpengine(relayCore)
  await engine.start()
  const ports: number[] = []
  for (let call = 0; call < calls; call++) {
    const a = firstTelephone + call * 4
    ports.push(...(await engine.call(`call-${call}`, a, a + 2)))
  }
  return { name: 'rtpengine', pid: engine.pid, ports, stop: () => engine.stop() }
}

/** Seconds of processor time, from /proc: `taskset` became the program that it starts. */
function cpuSeconds(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

async function measure(open: () => Promise<Relay>, calls: number): Promise<Figures> {
  const relay = await open()
  const figures = await loaded(relay, calls).finally(() => relay.stop())
  show(relay.name, calls, figures)
  return figures
}

async function loaded({ pid, ports }: Relay, calls: number): Promise<Figures> {
  const line = [...telephoneCore, load, String(calls), String(seconds), String(firstTelephone)]
  const telephones = spawn(line[0] ?? '', line.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] })
  telephones.stdin.end(ports.join('\n'))
  let output = ''
  telephones.stdout.on('data', (bytes) => {
    output += String(bytes)
  })
  const ended = new Promise((resolve) => telephones.once('close', resolve))
  await wait(warmUpSeconds * 1_000)
  const [cpuBefore, before] = [cpuSeconds(pid), performance.now()]
  await wait((seconds - warmUpSeconds) * 1_000)
  const cpu = cpuSeconds(pid) - cpuBefore
  const span = (performance.now() - before) / 1_000
  await ended
  if (output === '') throw new Error('the telephones said nothing')
  const microsPerPacket = (cpu * 1e6) / (calls * packetsPerSecond * span)
  return { ...(JSON.parse(output) as Heard), microsPerPacket, corePercent: (100 * cpu) / span }
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

function show(name: string, calls: number, { sent, received, wrong, late, ...figures }: Figures): void {
  const loss = (100 * (sent - received)) / sent
  console.log(
    `${name.padEnd(24)} ${calls} calls  ${figures.microsPerPacket.toFixed(2)} µs a packet  ` +
      `${figures.corePercent.toFixed(0)} % of a core  loss ${loss.toFixed(4)} %  p50 ${figures.p50Ms} ms  ` +
      `p99 ${figures.p99Ms} ms  max ${figures.maxMs} ms  >20 ms ${late}  wrong ${wrong}  ` +
      `(telephones late ${figures.generatorLateMs} ms)`,
  )
}

const median = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? 0

/** Where others use the cores, telephones come late and relays work in batches: such a pair tells nothing. */
const quietMs = 25
const mostAttempts = 3

async function pairs(left: () => Promise<Figures>, right: () => Promise<Figures>): Promise<[number, number][]> {
  const quiet: [number, number][] = []
  for (let attempt = 0; quiet.length < rounds && attempt < rounds * mostAttempts; attempt++) {
    const both = [await left(), await right()] as const
    if (both.every(({ generatorLateMs }) => generatorLateMs <= quietMs)) {
      quiet.push([both[0].microsPerPacket, both[1].microsPerPacket])
    }
  }
  if (quiet.length < rounds) console.log(`only ${quiet.length} of ${rounds} rounds were quiet`)
  return quiet
}

async function compare(calls: number): Promise<void> {
  if (!existsSync('/usr/bin/rtpengine')) return console.log('rtpengine is not installed (Debian: rtpengine-daemon)')
  const both = await pairs(
    () => measure(() => carillon(calls, 'plain'), calls),
    () => measure(() => rtpengine(calls), calls),
  )
  if (both.length === 0) return
  console.log(
    `\nmedian ${median(both.map(([ours]) => ours)).toFixed(2)} µs, ` +
      `rtpengine ${median(both.map(([, theirs]) => theirs)).toFixed(2)} µs, ` +
      `ratio ${median(both.map(([ours, theirs]) => ours / theirs)).toFixed(2)} (goal 1.00)\n`,
  )
}

async function compareSecret(calls: number): Promise<void> {
  const both = await pairs(
    () => measure(() => carillon(calls, 'twice'), calls),
    () => measure(() => carillon(calls, 'twice secret'), calls),
  )
  if (both.length === 0) return
  const ratios = both.map(([plain, secret]) => (plain / 2 + secret - plain) / (plain / 2))
  console.log(`\nSRTP on both legs: median ${median(ratios).toFixed(2)} of plain (goal 2.00)\n`)
}

execFileSync('cc', ['-O2', join(import.meta.dirname, 'rtp-load.c'), '-o', load])
const does = (part: string) => values.only === '' || values.only === part
if (does('relay')) await compare(Number(values.calls))
if (does('most')) await measure(() => carillon(Number(values.most), 'plain'), Number(values.most))
if (does('srtp')) await compareSecret(Math.round(Number(values.calls) / 4))
rmSync(folder, { recursive: true, force: true })
