import { describe, expect, it } from 'vitest'
import { rtpPacket } from '../testing/packet.ts'
import { read16, read32 } from '../sfu/rtp.ts'
import { OutgoingStream } from './outgoing-stream.ts'

interface Seen {
  readonly sequence: number
  readonly timestamp: number
  readonly isMarked: boolean
  readonly payload: number
}
const read = (bytes: Uint8Array): Seen => ({
  sequence: read16(bytes, 2),
  timestamp: read32(bytes, 4),
  isMarked: (bytes[1] ?? 0) >= 0x80,
  payload: (bytes[1] ?? 0) & 0x7f,
})
const alice = {}
const bob = {}

class Wire {
  readonly stream: OutgoingStream
  readonly seen: Seen[] = []
  constructor(random = 0.5) {
    this.stream = new OutgoingStream(() => random)
  }
  relay(from: object, sequence: number, nowMs: number, timestamp = sequence * 160, ssrc = 1): boolean {
    const bytes = rtpPacket({ ssrc, sequence: sequence & 0xffff, timestamp: timestamp >>> 0, payload: [1] })
    const isSent = this.stream.relay(bytes, from, 8, 8_000, nowMs)
    if (isSent) this.#note(bytes)
    return isSent
  }
  event(from: object, sequence: number, nowMs: number, timestamp: number, isSameClock = true): void {
    const bytes = rtpPacket({ ssrc: 1, sequence, timestamp, payload: [1, 2, 3, 4] })
    if (this.stream.relayEvent(bytes, from, 101, isSameClock, nowMs)) this.#note(bytes)
  }
  make(source: object, nowMs: number, timestamp?: number): void {
    const bytes = new Uint8Array(200).fill(0xff)
    const packet = {
      source,
      payload: 0,
      samples: 160,
      clockRate: 8_000,
      ...(timestamp === undefined ? {} : { timestamp }),
    }
    expect(this.stream.make(bytes, packet, nowMs)).toBe(12)
    this.#note(bytes)
  }
  #note(bytes: Uint8Array): void {
    expect(read32(bytes, 8)).toBe(this.stream.ssrc)
    this.seen.push(read(bytes))
  }
  get sequences(): number[] {
    return this.seen.map(({ sequence }) => (sequence - (this.seen[0]?.sequence ?? 0)) & 0xffff)
  }
  get times(): number[] {
    return this.seen.map(({ timestamp }) => (timestamp - (this.seen[0]?.timestamp ?? 0)) >>> 0)
  }
  get marks(): boolean[] {
    return this.seen.map(({ isMarked }) => isMarked)
  }
}

describe('T22: one stream whatever the source', () => {
  it('relayed, music, relayed by another: numbers and time go on, the marker is at each change', () => {
    const wire = new Wire()
    for (let i = 0; i < 3; i++) wire.relay(alice, 65_534 + i, i * 20)
    for (let i = 0; i < 3; i++) wire.make(alice, 60 + i * 20)
    for (let i = 0; i < 3; i++) wire.relay(bob, 9_000 + i, 120 + i * 20)
    expect(wire.sequences).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
    expect(wire.times).toEqual([0, 160, 320, 480, 640, 800, 960, 1_120, 1_280])
    expect(wire.marks).toEqual([true, false, false, false, false, false, true, false, false])
    wire.make({}, 180)
    expect(wire.marks.at(-1)).toBe(true)
  })

  it('a pause between sources is as long in the timestamps', () => {
    const wire = new Wire()
    wire.relay(alice, 1, 0)
    wire.relay(bob, 1, 1_000)
    expect(wire.times).toEqual([0, 8_000])
  })

  it('another SSRC, or a jump of the numbers or the timestamps, is another source', () => {
    const wire = new Wire()
    wire.relay(alice, 10, 0)
    wire.relay(alice, 30_000, 20, 1, 2)
    wire.relay(alice, 40_000, 40, 161, 2)
    wire.relay(alice, 40_001, 60, 3_000_000_000, 2)
    expect(wire.sequences).toEqual([0, 1, 2, 3])
    expect(wire.times).toEqual([0, 160, 320, 480])
    expect(wire.marks).toEqual([true, true, true, true])
  })

  it('loss and order of the source show through', () => {
    const wire = new Wire()
    for (const sequence of [1, 2, 5, 4, 6]) wire.relay(alice, sequence, sequence * 20)
    expect(wire.sequences).toEqual([0, 1, 4, 3, 5])
    expect(wire.times).toEqual([0, 160, 640, 480, 800])
  })

  it('packets from before a change are not sent after it', () => {
    const wire = new Wire()
    wire.relay(alice, 1, 0)
    wire.relay(bob, 50, 20)
    wire.relay(bob, 51, 40)
    expect(wire.relay(bob, 49, 45)).toBe(false)
    expect(wire.sequences).toEqual([0, 1, 2])
  })

  it('what is left out leaves no gap', () => {
    const wire = new Wire()
    wire.relay(alice, 1, 0)
    wire.stream.omit(rtpPacket({ ssrc: 1, sequence: 2, timestamp: 320, payload: [] }), alice)
    wire.stream.omit(rtpPacket({ ssrc: 1, sequence: 3, timestamp: 480, payload: [] }), alice)
    wire.relay(alice, 4, 60)
    expect(wire.sequences).toEqual([0, 1])
    expect(wire.times).toEqual([0, 480])
  })

  it('a pause of the sender (silence suppression) is no jump', () => {
    const wire = new Wire()
    wire.relay(alice, 1, 0)
    wire.relay(alice, 2, 20_000, 160 + 160_000)
    expect(wire.times).toEqual([0, 160_000])
    expect(wire.marks).toEqual([true, false])
  })

  it('goes on for long, over many wraps', () => {
    const wire = new Wire()
    for (let i = 0; i < 200_000; i++) expect(wire.relay(alice, i, i * 20)).toBe(true)
    expect(wire.sequences.at(-1)).toBe(199_999 & 0xffff)
  })
})

describe('RFC 4733: events keep their timestamp', () => {
  it('between speech', () => {
    const wire = new Wire()
    wire.relay(alice, 1, 0)
    for (const [sequence, nowMs] of [
      [2, 20],
      [3, 40],
      [4, 60],
    ] as const)
      wire.event(alice, sequence, nowMs, 320)
    wire.relay(alice, 5, 80)
    expect(wire.sequences).toEqual([0, 1, 2, 3, 4])
    expect(wire.times).toEqual([0, 160, 160, 160, 640])
  })

  it('on another clock they get the time at which they came', () => {
    const wire = new Wire()
    wire.relay(alice, 1, 0)
    for (const [sequence, nowMs] of [
      [2, 20],
      [3, 40],
    ] as const)
      wire.event(alice, sequence, nowMs, 777_777, false)
    wire.relay(alice, 4, 60)
    expect(wire.times).toEqual([0, 160, 160, 480])
  })

  it('of our own making: the clock goes on behind them', () => {
    const wire = new Wire()
    wire.make(alice, 0)
    const at = wire.stream.startsAt(8_000, 20)
    for (let i = 0; i < 5; i++) wire.make(bob, 20 + i * 20, at)
    wire.make(alice, 120)
    expect(wire.times).toEqual([0, 160, 160, 160, 160, 160, 960])
    expect(wire.marks).toEqual([true, true, false, false, false, false, true])
  })
})
