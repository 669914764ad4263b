/**
 * `npm run bench:sfu`: one publisher of 1,000 packets of 1,100 bytes a second, twenty subscribers, feedback and repair
 * on. Microseconds of processor time a forwarded packet and the delay that is added, beside Debian's Janus in the same
 * run, alternating, over the same pair of virtual cables. Goal: 0.75 of Janus, 9 µs, p99 below 10 ms.
 */
import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { SyntheticPeer, type SyntheticSignalling } from '../../dev/synthetic-peer.ts'
import type { SourcePlan } from '../../dev/synthetic-source.ts'
import { seeded, startWorker, until } from '../media/worker.ts'
import { Janus, Namespace } from './janus.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '8' },
    subscribers: { type: 'string', default: '20' },
    /** Node's flags for our worker, such as `--cpu-prof`. */
    flags: { type: 'string', default: '' },
    only: { type: 'string', default: '' },
  },
})
const subscribers = Number(values.subscribers)
const seconds = Number(values.seconds)

/** One stream: 200 pictures a second of five packets, so that packets are spread over time. */
const heavy: SourcePlan = {
  source: 'camera',
  mid: '0',
  kind: 'video',
  layers: [{ rid: '', height: 720, framesPerSecond: 200, packetsPerFrame: 5, packetBytes: 1_100 }],
}

interface Unit {
  readonly name: string
  cpuMicros(): Promise<number>
  signalling(name: string): Promise<SyntheticSignalling>
  readonly isTellingAddresses: boolean
  stop(): Promise<void>
}

interface Figures {
  readonly microsPerPacket: number
  readonly packetsPerSecond: number
  readonly deliveredPercent: number
  readonly p50Ms: number
  readonly p99Ms: number
}

async function carillon(namespace: Namespace): Promise<Unit> {
  const flags = values.flags === '' ? [] : values.flags.split(' ')
  const worker = await startWorker({ address: namespace.inside, under: namespace.under, flags })
  return {
    name: 'Carillon',
    isTellingAddresses: false,
    cpuMicros: async () => (await worker.link.client.stats()).cpuMicros,
    signalling: async (name) => worker.link.signalling(name, 'bench'),
    stop: () => worker.stop(),
  }
}

async function janus(namespace: Namespace): Promise<Unit> {
  const unit = new Janus(namespace)
  const feed = { id: 0 }
  return {
    name: 'Janus',
    isTellingAddresses: true,
    cpuMicros: async () => unit.cpuMicros(),
    signalling: () => unit.signalling(feed),
    stop: () => unit.stop(),
  }
}

async function measure(unit: Unit, namespace: Namespace): Promise<Figures> {
  const random = seeded(1)
  const common = { bindAddress: namespace.outside, isTellingAddresses: unit.isTellingAddresses, random }
  const publisher = new SyntheticPeer({
    ...common,
    name: 'publisher',
    signalling: await unit.signalling('publisher'),
    plans: [heavy],
    isSubscribing: false,
  })
  await publisher.join()
  const peers: SyntheticPeer[] = []
  for (let i = 0; i < subscribers; i++) {
    const name = `subscriber-${i}`
    const peer = new SyntheticPeer({ ...common, name, signalling: await unit.signalling(name), plans: [] })
    await peer.join()
    await peer.wanted([{ peerId: 'publisher', source: 'camera', height: 720 }])
    peers.push(peer)
  }
  const packets = () =>
    peers.reduce((sum, { receiver }) => sum + receiver.streams.reduce((n, one) => n + one.packets, 0), 0)
  const isFlowing = () => peers.every(({ receiver }) => receiver.streams.some((one) => one.packets > 100))
  await until(
    `${unit.name} forwards to everybody`,
    isFlowing,
    () => peers.map(({ receiver }) => receiver.streams),
    20_000,
  )
  const delays: number[] = []
  for (const { receiver } of peers) receiver.onDelay = (ms) => delays.push(ms)
  const stream = publisher.streams[0]
  const before = { cpu: await unit.cpuMicros(), packets: packets(), sent: stream?.sentPackets ?? 0 }
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
  const after = { cpu: await unit.cpuMicros(), packets: packets(), sent: stream?.sentPackets ?? 0 }
  await Promise.all([...peers, publisher].map((peer) => peer.leave()))
  delays.sort((a, b) => a - b)
  const count = after.packets - before.packets
  return {
    microsPerPacket: (after.cpu - before.cpu) / count,
    packetsPerSecond: count / seconds,
    deliveredPercent: (count / ((after.sent - before.sent) * subscribers)) * 100,
    p50Ms: delays[Math.floor(delays.length * 0.5)] ?? 0,
    p99Ms: delays[Math.floor(delays.length * 0.99)] ?? 0,
  }
}

function median(of: readonly number[]): number {
  return [...of].sort((a, b) => a - b)[Math.floor(of.length / 2)] ?? 0
}

const units = [carillon, ...(existsSync('/usr/bin/janus') && values.only === '' ? [janus] : [])]
if (units.length === 1 && values.only === '')
  console.log('Janus is not installed (apt-get install janus): only our own figures')
const namespace = new Namespace()
const seen = new Map<string, number[]>()
try {
  console.log('unit | µs a packet | packets/s | delivered % | delay p50 ms | p99 ms')
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const start of units) {
      const unit = await start(namespace)
      const figures = await measure(unit, namespace).finally(() => unit.stop())
      seen.set(unit.name, [...(seen.get(unit.name) ?? []), figures.microsPerPacket])
      const { microsPerPacket, packetsPerSecond, deliveredPercent, p50Ms, p99Ms } = figures
      console.log(
        [
          unit.name,
          microsPerPacket.toFixed(2),
          packetsPerSecond.toFixed(0),
          deliveredPercent.toFixed(1),
          p50Ms.toFixed(1),
          p99Ms.toFixed(1),
        ].join(' | '),
      )
    }
  }
  const own = median(seen.get('Carillon') ?? [])
  const other = median(seen.get('Janus') ?? [])
  const ratio = other === 0 ? '' : `, Janus ${other.toFixed(2)}, ratio ${(own / other).toFixed(2)} (goal 0.75)`
  console.log(`median: Carillon ${own.toFixed(2)} µs${ratio}`)
} finally {
  namespace.remove()
}
process.exit(0)
