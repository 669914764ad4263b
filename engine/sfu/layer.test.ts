import { describe, expect, it } from 'vitest'
import { rtpPacket } from '../testing/packet.ts'
import { Layer } from './layer.ts'
import { RtpPacket } from './rtp.ts'

const clockRate = 90_000

class Feed {
  readonly layer = new Layer('f', 7, 'video')
  readonly #packet = new RtpPacket()

  /** Sent at `sentMs` by the publisher's clock, when not as it arrives. */
  arrive(sequence: number, nowMs: number, sentMs = nowMs): number {
    const timestamp = Math.round((sentMs * clockRate) / 1000) >>> 0
    this.#packet.parse(rtpPacket({ ssrc: 7, sequence: sequence & 0xffff, timestamp, payload: [sequence & 0xff] }))
    return this.layer.onPacket(this.#packet, nowMs)
  }
  asked(nowMs: number): number[] {
    const into: number[] = []
    this.layer.takeMissing(nowMs, into)
    return into
  }
  payload(full: number): number | undefined {
    const bytes = this.layer.packet(full)
    return bytes?.[12]
  }
}

describe('RFC 4585 §6.2.1, M13: what is missing is asked for', () => {
  it('at once, in order, each by its own number', () => {
    const feed = new Feed()
    feed.arrive(65_534, 0)
    feed.arrive(3, 1)
    expect(feed.asked(1)).toEqual([65_535, 0, 1, 2])
    expect(feed.layer.hasMissing).toBe(true)
  })

  it('again after a round trip, not before', () => {
    const feed = new Feed()
    feed.arrive(1, 0)
    feed.arrive(3, 0)
    feed.layer.rttMs = 80
    expect([0, 79, 80, 159, 160].map((ms) => feed.asked(ms).length)).toEqual([1, 0, 1, 0, 1])
  })

  it('on a path without delay, never more often than every 20 ms', () => {
    const feed = new Feed()
    feed.arrive(1, 0)
    feed.arrive(3, 0)
    feed.layer.rttMs = 2
    expect([0, 10, 19, 20, 39, 40].map((ms) => feed.asked(ms).length)).toEqual([1, 0, 0, 1, 0, 1])
  })

  it('no more once it came; the answer to the first question tells the round trip', () => {
    const feed = new Feed()
    feed.arrive(1, 0)
    feed.arrive(3, 0)
    feed.asked(0)
    feed.layer.rttMs = 100
    expect(feed.arrive(2, 40)).toBe(0x10002)
    expect(feed.layer.rttMs).toBeLessThan(100)
    expect(feed.layer.hasMissing).toBe(false)
    expect(feed.asked(500)).toEqual([])
  })

  it('an answer after two questions tells nothing: whose answer is it', () => {
    const feed = new Feed()
    feed.arrive(1, 0)
    feed.arrive(3, 0)
    feed.layer.rttMs = 30
    feed.asked(0)
    feed.asked(30)
    feed.arrive(2, 31)
    expect(feed.layer.rttMs).toBe(30)
  })

  it('not for ever', () => {
    const feed = new Feed()
    feed.arrive(1, 0)
    feed.arrive(3, 0)
    feed.layer.rttMs = 20
    let count = 0
    for (let ms = 0; ms <= 3_000; ms += 10) count += feed.asked(ms).length
    expect(count).toBe(10)
    expect(feed.layer.hasMissing).toBe(false)
  })

  it('not for more than can be repaired: the newest 200', () => {
    const feed = new Feed()
    feed.arrive(0, 0)
    feed.arrive(500, 0)
    feed.arrive(600, 0)
    const asked = feed.asked(0)
    expect(asked.length).toBe(200)
    expect(asked.at(-1)).toBe(599)
    expect([...asked].sort((a, b) => a - b)).toEqual(asked)
  })
})

describe('which packet it is', () => {
  it('a duplicate is none, whether the newest or an older one', () => {
    const feed = new Feed()
    expect(feed.arrive(5, 0)).toBe(0x10005)
    expect(feed.arrive(5, 1)).toBe(-1)
    expect(feed.arrive(6, 1)).toBe(0x10006)
    expect(feed.arrive(5, 2)).toBe(-1)
    expect(feed.layer.takeReport(1_000).lost).toBe(0)
  })

  it('one from before the first is none', () => {
    const feed = new Feed()
    feed.arrive(5, 0)
    expect(feed.arrive(4, 0)).toBe(-1)
  })

  it('counts on over the wrap', () => {
    const feed = new Feed()
    expect([65_535, 0, 1].map((sequence) => feed.arrive(sequence, 0))).toEqual([0x1ffff, 0x20000, 0x20001])
  })

  it.each([
    ['forwards', 30_000],
    ['backwards', -20_000],
  ])('a jump %s is a new beginning: nothing is missing, and it is newer than all before', (_name, jump) => {
    const feed = new Feed()
    feed.arrive(25_000, 0)
    feed.arrive(25_002, 0)
    const before = feed.layer.highest
    const full = feed.arrive(25_000 + jump, 10)
    expect(full).toBeGreaterThan(before)
    expect(full & 0xffff).toBe(25_000 + jump)
    expect(feed.asked(10)).toEqual([])
    expect(feed.arrive(25_001 + jump, 11)).toBe(full + 1)
    expect(feed.layer.takeReport(1_000)).toMatchObject({ fraction: 0, lost: 0 })
  })
})

describe('M5: what arrived is kept for who asks again', () => {
  it('two seconds of it', () => {
    const feed = new Feed()
    for (let sequence = 65_000; sequence < 66_000; sequence++) feed.arrive(sequence, 0)
    const newest = feed.layer.highest
    expect(feed.payload(newest)).toBe(65_999 & 0xff)
    expect(feed.payload(newest - 511)).toBe((65_999 - 511) & 0xff)
    expect(feed.payload(newest - 512)).toBeUndefined()
    expect(feed.payload(newest + 1)).toBeUndefined()
  })

  it('not what a packet of an earlier round left in its place', () => {
    const feed = new Feed()
    for (let sequence = 0; sequence < 600; sequence++) if (sequence !== 550) feed.arrive(sequence, 0)
    expect(feed.payload(0x10000 + 550)).toBeUndefined()
    feed.arrive(550, 1)
    expect(feed.payload(0x10000 + 550)).toBe(550 & 0xff)
  })
})

describe('RFC 3550 §6.4.1: reception reports', () => {
  it('A.3: loss since the last report and in all; what came late is not lost', () => {
    const feed = new Feed()
    for (const sequence of [0, 1, 2, 4, 5, 6, 7, 9]) feed.arrive(sequence, 0)
    expect(feed.layer.takeReport(1_000)).toMatchObject({ ssrc: 7, fraction: 51, lost: 2, highest: 0x10009 })
    feed.arrive(8, 1_001)
    feed.arrive(10, 1_002)
    expect(feed.layer.takeReport(2_000)).toMatchObject({ fraction: 0, lost: 1, highest: 0x1000a })
  })

  it('A.8: jitter is what arrival wanders from the sender’s clock', () => {
    const steady = new Feed()
    for (let i = 0; i < 100; i++) steady.arrive(i, i * 20 + 5, i * 20)
    expect(steady.layer.takeReport(2_000).jitter).toBeLessThan(10)
    const wandering = new Feed()
    for (let i = 0; i < 200; i++) wandering.arrive(i, i * 20 + (i % 2) * 10, i * 20)
    // Every packet is 10 ms off the one before: 900 ticks.
    expect(wandering.layer.takeReport(2_000).jitter).toBeGreaterThan(890)
    expect(wandering.layer.takeReport(2_000).jitter).toBeLessThanOrEqual(900)
  })

  it('A.8: a timestamp that wraps is no jitter', () => {
    const feed = new Feed()
    const wrapMs = (2 ** 32 * 1_000) / clockRate
    for (let i = 0; i < 100; i++) feed.arrive(i, i * 20, wrapMs - 1_000 + i * 20)
    expect(feed.layer.takeReport(2_000).jitter).toBeLessThan(10)
  })

  it('§6.4.1: LSR is the middle of the last sender report’s time, DLSR how long ago it came', () => {
    const feed = new Feed()
    feed.arrive(1, 0)
    expect(feed.layer.takeReport(500)).toMatchObject({ lsr: 0, dlsr: 0 })
    feed.layer.onSenderReport(0xe1234567, 0x89abcdef, 1_000, 1_000)
    expect(feed.layer.takeReport(1_500)).toMatchObject({ lsr: 0x456789ab, dlsr: 32_768 })
  })
})

describe('M15: key frames are asked for 300 ms apart', () => {
  it('the first at once, those within 300 ms once at their end', () => {
    const { layer } = new Feed()
    expect(layer.requestKeyFrame(1_000, 300)).toBe(true)
    expect([1_050, 1_299].map((ms) => layer.requestKeyFrame(ms, 300))).toEqual([false, false])
    expect([1_290, 1_300, 1_310, 1_700].map((ms) => layer.isKeyFrameDue(ms, 300))).toEqual([false, true, false, false])
  })

  it('of a stream that begins, only when its own does not come', () => {
    const { layer } = new Feed()
    layer.expectKeyFrame(1_000)
    expect([1_010, 1_299, 1_300, 1_310].map((ms) => layer.isKeyFrameDue(ms, 300))).toEqual([false, false, true, false])
    layer.expectKeyFrame(2_000)
    layer.onKeyFrame(720)
    expect(layer.isKeyFrameDue(2_400, 300)).toBe(false)
  })

  it('what came meanwhile is not asked for again', () => {
    const { layer } = new Feed()
    layer.requestKeyFrame(1_000, 300)
    layer.requestKeyFrame(1_050, 300)
    layer.onKeyFrame(720)
    expect(layer.isKeyFrameDue(1_300, 300)).toBe(false)
    expect(layer.height).toBe(720)
    layer.onKeyFrame(0)
    expect(layer.height).toBe(720)
  })
})

it('the bitrate follows what arrives', () => {
  const feed = new Feed()
  feed.layer.measure(1_000)
  for (let i = 0; i < 50; i++) feed.arrive(i, 1_000 + i * 20)
  feed.layer.measure(2_000)
  feed.layer.measure(2_100)
  expect(feed.layer.bitrateBps).toBeCloseTo((50 * 13 * 8) / 2, 0)
})
