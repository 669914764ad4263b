/**
 * `npm run bench:mix`: what a mixed leg costs the switchboard of a media worker, beside one that is relayed: microseconds
 * of processor time for 20 ms of each leg, in alternating rounds, without sockets, so that only our own work is measured.
 * Everybody talks all the time, which is the worst that can be.
 */
import { parseArgs } from 'node:util'
import type { RemoteMedia } from '../../engine/rtp/messages.ts'
import { RtpPhone } from '../../engine/testing/rtp-phone.ts'
import { opus } from '../../server/media/opus.ts'
import { Bench, codec, pcma } from '../media/media-bench.ts'

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, seconds: { type: 'string', default: '10' } },
})
const rounds = Number(values.rounds)
const frames = Number(values.seconds) * 50

type Packets = () => Uint8Array

function talkers(count: number, isOpus: boolean): Packets[] {
  return Array.from({ length: count }, (_, i) => {
    const phone = new RtpPhone({ hz: 300 + 37 * i, ssrc: i + 1 })
    if (!isOpus) return () => phone.speech()
    const encoded = opus.newEncoder().encode(new Int16Array(160).fill(1_000))
    return () => {
      const packet = phone.packet(111, encoded)
      phone.timestamp = (phone.timestamp + 960) >>> 0
      return packet
    }
  })
}

type Join = (bench: Bench, names: readonly string[]) => void
const everybody: Join = (bench, names) => {
  const hears = Object.fromEntries(names.map((name) => [name, names.filter((other) => other !== name)]))
  bench.order({ type: 'mix', mix: 'm', hears })
}
const pairs: Join = (bench, names) => {
  for (let i = 0; i + 1 < names.length; i += 2) {
    bench.order({ type: 'bridge', a: names[i] ?? '', b: names[i + 1] ?? '' })
  }
}

/** Microseconds for 20 ms of one leg. */
function measure(legs: number, isOpus: boolean, join: Join): number {
  const bench = new Bench()
  const names = Array.from({ length: legs }, (_, i) => `leg${i}`)
  const codecs: Partial<RemoteMedia> = isOpus
    ? { codecs: [{ ...codec('OPUS', 111), clockRate: 48_000 }] }
    : { codecs: [pcma] }
  for (const [i, name] of names.entries()) bench.leg(name, i + 1, codecs)
  join(bench, names)
  const phones = talkers(legs, isOpus)
  const packets = Array.from({ length: frames }, () => phones.map((packet) => packet()))
  const before = process.cpuUsage()
  for (const frame of packets) {
    for (const [i, name] of names.entries()) bench.from(name, frame[i] ?? new Uint8Array())
    bench.pass(20)
    bench.forget(...names)
  }
  const { user, system } = process.cpuUsage(before)
  return (user + system) / frames / legs
}

const cases: readonly (readonly [string, () => number])[] = [
  ['relayed, 100 legs in pairs', () => measure(100, false, pairs)],
  ['mixed, 3 legs of G.711', () => measure(3, false, everybody)],
  ['mixed, 10 legs of G.711', () => measure(10, false, everybody)],
  ['mixed, 100 legs of G.711', () => measure(100, false, everybody)],
  ['mixed, 3 legs of Opus', () => measure(3, true, everybody)],
  ['mixed, 10 legs of Opus', () => measure(10, true, everybody)],
]
const results = new Map<string, number[]>()
for (let round = 0; round < rounds; round++) {
  for (const [name, run] of cases) results.set(name, [...(results.get(name) ?? []), run()])
}
const [relayed = 0] = [...results.values()].map(median)
for (const [name, figures] of results) {
  const one = median(figures)
  console.log(
    `${name}: ${one.toFixed(1)} µs for 20 ms of a leg (${(one / 200).toFixed(2)} % of a core), ${(one / relayed).toFixed(1)}x relayed`,
  )
}

function median(figures: readonly number[]): number {
  return [...figures].sort((a, b) => a - b)[Math.floor(figures.length / 2)] ?? 0
}
