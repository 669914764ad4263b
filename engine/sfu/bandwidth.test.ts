import { describe, expect, it } from 'vitest'
import { Link, type LinkOptions } from '../testing/network.ts'
import { FeedbackReceiver } from '../testing/receiver.ts'
import { transportFeedback } from '../testing/rtcp-packet.ts'
import { BandwidthEstimate } from './bandwidth.ts'

const stepMs = 4

/** A sender that sends what it is told through one link, and hears of it 40 ms after. */
class Path {
  readonly estimate = new BandwidthEstimate()
  readonly link: Link<number>
  readonly #receiver = new FeedbackReceiver()
  readonly #back = new Link<Uint8Array>({ bps: 1e9, delayMs: 20 })
  nowMs = 1_000
  #owed = 0

  constructor(options: LinkOptions) {
    this.link = new Link(options)
  }

  /** Sends at that rate for so long; `each` sees every step. */
  run(ms: number, bps: number | (() => number), each: () => void = () => {}): this {
    for (const until = this.nowMs + ms; this.nowMs < until; ) {
      this.nowMs += stepMs
      const nowUs = this.nowMs * 1000
      this.#owed += ((typeof bps === 'number' ? bps : bps()) / 8_000) * stepMs
      for (; this.#owed >= 1_000; this.#owed -= 1_000) {
        this.link.send(this.estimate.onSent(1_000, nowUs), 1_000, nowUs)
      }
      for (const { packet, atUs } of this.link.arrived(nowUs)) this.#receiver.onPacket(packet, atUs)
      const feedback = this.#receiver.take(nowUs)
      if (feedback) this.#back.send(feedback, feedback.length, nowUs)
      for (const { packet } of this.#back.arrived(nowUs)) this.estimate.onFeedback(packet, 12, packet.length, nowUs)
      each()
    }
    return this
  }
}

describe('M14: what the path carries', () => {
  it('falls within a second when the path is too narrow, and not far below it', () => {
    const path = new Path({ bps: 400_000, delayMs: 20 })
    path.run(1_000, 1_000_000)
    expect(path.estimate.bps).toBeLessThan(450_000)
    path.run(5_000, () => path.estimate.bps)
    expect(path.estimate.bps).toBeGreaterThan(250_000)
    expect(path.estimate.bps).toBeLessThan(500_000)
  })

  it('does not fall on a path that is wide enough', () => {
    const path = new Path({ bps: 5_000_000, delayMs: 20 })
    const start = path.estimate.bps
    path.run(20_000, 2_000_000)
    expect(path.estimate.bps).toBeGreaterThanOrEqual(start)
  })

  it.each([0.05, 0.1, 0.2])('random loss of %d without a queue lowers nothing', (loss) => {
    const path = new Path({ bps: 10_000_000, delayMs: 20, loss })
    const start = path.estimate.bps
    path.run(20_000, 1_000_000)
    expect(path.estimate.bps).toBeGreaterThanOrEqual(start)
    expect(path.estimate.loss).toBeCloseTo(loss, 1)
  })

  it('loss of every second packet does', () => {
    const path = new Path({ bps: 10_000_000, delayMs: 20, loss: 0.5 })
    path.run(3_000, 1_000_000)
    expect(path.estimate.bps).toBeLessThan(1_000_000)
  })

  it('grows no further than what was shown to arrive', () => {
    const path = new Path({ bps: 10_000_000, delayMs: 20 })
    const start = path.estimate.bps
    path.run(60_000, 200_000)
    expect(path.estimate.bps).toBe(start)
  })

  it('grows again when the path is wide again', () => {
    const path = new Path({ bps: 400_000, delayMs: 20 })
    path.run(5_000, () => Math.max(500_000, path.estimate.bps))
    const narrow = path.estimate.bps
    path.link.bps = 5_000_000
    path.run(10_000, () => path.estimate.bps)
    expect(path.estimate.bps).toBeGreaterThan(1.5 * narrow)
  })

  it('a probe that does not fit takes nothing from what flowed before it', () => {
    const path = new Path({ bps: 800_000, delayMs: 20 })
    path.run(2_000, 1_000_000).run(10_000, 470_000)
    const before = path.estimate.bps
    path.estimate.onProbe((path.nowMs + 1_100) * 1000)
    path.run(300, 1_400_000)
    expect(path.estimate.onProbeArrived(1_400_000)).toBe(false)
    path.run(1_000, 470_000)
    expect(path.estimate.bps).toBeGreaterThanOrEqual(before)
    expect(before).toBeGreaterThan(470_000)
  })

  it('settles: on a full path it neither creeps down nor fills the queue for good', () => {
    const path = new Path({ bps: 1_000_000, delayMs: 20 })
    path.run(5_000, () => path.estimate.bps)
    const seen: number[] = []
    path.run(
      30_000,
      () => path.estimate.bps,
      () => seen.push(path.estimate.bps),
    )
    expect(Math.min(...seen)).toBeGreaterThan(600_000)
    expect(seen.reduce((sum, one) => sum + one, 0) / seen.length).toBeLessThan(1_150_000)
  })

  it('one burst of delay takes a part of what flows, and gives it back within ten seconds', () => {
    const path = new Path({ bps: 10_000_000, delayMs: 20 })
    path.run(3_000, 1_000_000)
    path.link.bps = 300_000
    path.run(40, 1_000_000)
    path.link.bps = 10_000_000
    path.run(1_000, 1_000_000)
    expect(path.estimate.bps).toBeGreaterThan(500_000)
    path.run(9_000, 1_000_000)
    expect(path.estimate.bps).toBeGreaterThan(1_000_000)
  })
})

describe('M14: REMB, where there is no transport-wide feedback', () => {
  it('is the estimate', () => {
    const estimate = new BandwidthEstimate()
    estimate.onMaximum(700_000)
    expect(estimate.bps).toBe(700_000)
    estimate.onMaximum(2_000_000)
    expect(estimate.bps).toBe(2_000_000)
  })

  it('is a limit where there is', () => {
    const { estimate } = new Path({ bps: 10_000_000, delayMs: 20 }).run(2_000, 1_000_000)
    const own = estimate.bps
    estimate.onMaximum(500_000)
    expect(estimate.bps).toBe(500_000)
    estimate.onMaximum(50_000_000)
    expect(estimate.bps).toBe(own)
  })

  it('of nothing, or of more than there is, stays in reason', () => {
    const estimate = new BandwidthEstimate()
    estimate.onMaximum(0)
    expect(estimate.bps).toBe(80_000)
    estimate.onMaximum(2 ** 80)
    expect(estimate.bps).toBe(100_000_000)
  })
})

describe('M9: feedback that is nonsense', () => {
  const feed = (estimate: BandwidthEstimate, bytes: Uint8Array, nowUs = 2_000_000) =>
    estimate.onFeedback(bytes, 12, bytes.length, nowUs)
  const valid = transportFeedback({ base: 0, arrivedUs: [1_000_000, 1_020_000, null, 1_040_000] })

  it.each([
    ['about nothing', valid.map((byte, i) => (i === 14 || i === 15 ? 0 : byte))],
    ['with a run of no length', valid.map((byte, i) => (i === 20 || i === 21 ? 0 : byte))],
    ['cut before its chunks', valid.slice(0, 20)],
  ])('%s changes nothing', (_name, bytes) => {
    const estimate = new BandwidthEstimate()
    feed(estimate, Uint8Array.from(bytes))
    expect(estimate).toMatchObject({ hasFeedback: false, loss: 0, bps: new BandwidthEstimate().bps })
  })

  it('about more packets than it tells of moves nothing', () => {
    const estimate = new BandwidthEstimate()
    feed(estimate, Uint8Array.from(valid.map((byte, i) => (i === 14 ? 0xff : byte))))
    expect(estimate).toMatchObject({ ackedBps: 0, isOverused: false, bps: new BandwidthEstimate().bps })
  })

  it('cut in its deltas it counts for what is there', () => {
    const estimate = new BandwidthEstimate()
    feed(estimate, valid.slice(0, valid.length - 3))
    expect(estimate.hasFeedback).toBe(true)
    expect(estimate.bps).toBe(new BandwidthEstimate().bps)
  })

  it('about packets that were never sent proves nothing about the path', () => {
    const path = new Path({ bps: 10_000_000, delayMs: 20 }).run(2_000, 500_000)
    const before = path.estimate.bps
    for (let i = 0; i < 100; i++) {
      const nowUs = path.nowMs * 1000 + i * 50_000
      feed(
        path.estimate,
        transportFeedback({ base: 30_000 + i * 4, arrivedUs: [0, 1, 2, 3].map((one) => nowUs + one) }),
        nowUs,
      )
    }
    expect(path.estimate.bps).toBeLessThanOrEqual(before)
  })

  it('about what was sent long ago is not heard', () => {
    const path = new Path({ bps: 10_000_000, delayMs: 20 }).run(1_000, 500_000)
    const acked = path.estimate.ackedBps
    feed(path.estimate, transportFeedback({ base: 0, arrivedUs: [1, 2, 3].map((one) => one * 20_000) }), 60_000_000)
    expect(path.estimate.ackedBps).toBeLessThanOrEqual(acked)
  })
})
