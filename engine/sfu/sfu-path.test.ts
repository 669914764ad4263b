import { beforeAll, describe, expect, it } from 'vitest'
import { SimulatedCamera, SimulatedMicrophone, threeLayers } from '../testing/camera.ts'
import type { AnswerOptions } from '../testing/description.ts'
import { Meeting, type Page, type Received } from '../testing/meeting.ts'
import { Link, type LinkOptions } from '../testing/network.ts'
import { FeedbackReceiver } from '../testing/receiver.ts'
import { nack, remb } from '../testing/rtcp-packet.ts'
import { ahead16 } from './sequence.ts'

/** Bob behind a path: his feedback and his NACKs as a browser sends them. */
class Watcher {
  readonly meeting = new Meeting(3)
  readonly bob: Page
  readonly down: Link<Uint8Array>
  readonly heights: { readonly atMs: number; readonly height: number }[] = []
  readonly #receiver = new FeedbackReceiver()
  readonly #back = new Link<Uint8Array>({ bps: 1e9, delayMs: 20 })
  readonly #hasFeedback: boolean
  sentBytes = 0
  repairBytes = 0
  sentRepairs = 0
  #seen = 0
  readonly #highest = new Map<number, number>()

  constructor(options: LinkOptions, cameras = 1, answer: AnswerOptions = {}) {
    const { meeting } = this
    this.#hasFeedback = answer.hasTransportFeedback !== false
    this.down = new Link(options)
    for (let i = 0; i < cameras; i++) {
      const page = meeting.page(`ada${i}`).join()
      page.publish(
        [
          { mid: '0', kind: 'audio' },
          { mid: '1', kind: 'video', rids: ['q', 'h', 'f'] },
        ],
        { 0: 'microphone', 1: 'camera' },
      )
      page.camera = new SimulatedCamera('1', threeLayers(5_000 + 100 * i))
      page.microphone = new SimulatedMicrophone('0', 4_000 + i)
    }
    this.bob = meeting.page('bob', answer).join().subscribe()
    meeting.deliver = (page, bytes) => {
      this.sentBytes += bytes.length
      if ((bytes[1] ?? 0) % 0x80 === 97) this.repairBytes += bytes.length
      this.down.send(bytes, bytes.length + 50, page.meeting.nowMs * 1000)
    }
    this.want(720, cameras)
  }

  want(height: number, cameras = 1): void {
    this.bob.want(
      ...Array.from({ length: cameras }, (_, i) => ({ peerId: `ada${i}`, source: 'camera', height }) as const),
    )
  }

  run(ms: number): this {
    this.meeting.run(ms, () => this.#step())
    return this
  }

  #step(): void {
    const { bob, meeting } = this
    const nowUs = meeting.nowMs * 1000
    for (const { packet, atUs } of this.down.arrived(nowUs)) {
      bob.receive(packet)
      const last = bob.received.at(-1)
      if (last?.bytes === packet) this.#onMedia(last, atUs)
    }
    const feedback = this.#hasFeedback ? this.#receiver.take(nowUs) : null
    if (feedback) this.#back.send(feedback, feedback.length, nowUs)
    for (const { packet } of this.#back.arrived(nowUs)) bob.tell(packet)
  }

  #onMedia(packet: Received, atUs: number): void {
    if (packet.number >= 0) this.#receiver.onPacket(packet.number, atUs)
    if (packet.payloadType === 97) {
      this.sentRepairs += 1
      return
    }
    const highest = this.#highest.get(packet.ssrc) ?? packet.sequence - 1
    const gap = ahead16(packet.sequence, highest)
    for (let lost = 1; lost < gap; lost++) {
      this.#back.send(nack(packet.ssrc, [(highest + lost) & 0xffff, 0]), 16, atUs)
    }
    if (gap > 0) this.#highest.set(packet.ssrc, packet.sequence)
  }

  /** What is shown at each moment, by the key frames that began it. */
  shown(): { readonly atMs: number; readonly height: number }[] {
    for (const { payload, payloadType, atMs } of this.bob.received.slice(this.#seen)) {
      // The descriptor of six bytes, then the frame: key, start code, width, height.
      const isKey = payloadType === 96 && payload[5] === 0x10 && payload[8] === 0x9d
      if (isKey) this.heights.push({ atMs, height: ((payload[14] ?? 0) << 8) | (payload[13] ?? 0) })
    }
    this.#seen = this.bob.received.length
    return this.heights
  }

  heightNow(): number {
    return this.shown().at(-1)?.height ?? 0
  }

  audio(fromMs: number): Received[] {
    return this.bob.received.filter(({ payloadType, atMs }) => payloadType === 111 && atMs >= fromMs)
  }
}

const changes = (shown: readonly { readonly height: number }[]) =>
  shown.filter(({ height }, i) => i > 0 && height !== shown[i - 1]?.height).length

describe('M14: 3 Mbit/s, then 400 kbit/s, then 3 Mbit/s', () => {
  const watcher = new Watcher({ bps: 3_000_000, delayMs: 20 })
  const at = { wide: 0, narrow: 0, settled: 0, again: 0 }
  let downMs = 0
  let upMs = 0
  beforeAll(() => {
    watcher.run(10_000)
    at.wide = watcher.heightNow()
    watcher.down.bps = 400_000
    at.narrow = watcher.meeting.nowMs
    while (watcher.heightNow() > 360 && watcher.meeting.nowMs < at.narrow + 10_000) watcher.run(100)
    downMs = watcher.meeting.nowMs - at.narrow
    watcher.run(15_000)
    at.settled = watcher.meeting.nowMs
    watcher.down.bps = 3_000_000
    while (watcher.heightNow() < 720 && watcher.meeting.nowMs < at.settled + 30_000) watcher.run(100)
    upMs = watcher.meeting.nowMs - at.settled
    at.again = watcher.meeting.nowMs
    watcher.run(20_000)
  })

  it('the whole picture at first', () => {
    expect(at.wide).toBe(720)
  })

  it('a layer that fits within 3 s down', () => {
    expect(downMs).toBeLessThanOrEqual(3_000)
  })

  it('the whole picture within 10 s up', () => {
    expect(upMs).toBeLessThanOrEqual(10_000)
  })

  it('no flutter: neither while it is narrow nor when it is wide again', () => {
    const within = (from: number, to: number) => watcher.shown().filter(({ atMs }) => atMs >= from && atMs < to)
    expect(changes(within(at.narrow + 3_000, at.settled))).toBeLessThanOrEqual(2)
    expect(changes(within(at.again, watcher.meeting.nowMs))).toBeLessThanOrEqual(1)
  })

  it('sound never suffers: at most 2 % of it is missing once the picture gave way', () => {
    const from = at.narrow + 3_000
    const numbers = new Set(watcher.audio(from).map(({ sequence }) => sequence))
    expect(numbers.size / ((watcher.meeting.nowMs - from) / 20)).toBeGreaterThan(0.98)
  })
})

describe('M14: a path of little', () => {
  it('the middle layer where it fits and the large one does not, though nobody sent it before', () => {
    const watcher = new Watcher({ bps: 3_000_000, delayMs: 20 }).run(8_000)
    watcher.down.bps = 800_000
    watcher.run(25_000)
    expect(watcher.heightNow()).toBe(360)
  })

  it('three cameras over 250 kbit/s: pictures are paused, and sound arrives', () => {
    const watcher = new Watcher({ bps: 250_000, delayMs: 20 }, 3).run(20_000)
    const quality = watcher.meeting.reportsOf('quality').filter(({ peerId }) => peerId === 'bob')
    expect(quality.some(({ pausedVideos }) => pausedVideos.length > 0)).toBe(true)
    const from = watcher.meeting.nowMs - 10_000
    expect(watcher.audio(from).length).toBeGreaterThan(0.95 * 3 * 500)
  })

  it('10 % random loss on a wide path lowers nothing', () => {
    const watcher = new Watcher({ bps: 20_000_000, delayMs: 20, loss: 0.1 }).run(20_000)
    expect(watcher.heightNow()).toBe(720)
    expect(changes(watcher.shown().filter(({ atMs }) => atMs > 15_000))).toBe(0)
  })

  it('REMB alone decides where the page has no transport-wide feedback', () => {
    const watcher = new Watcher({ bps: 20_000_000, delayMs: 20 }, 1, { hasTransportFeedback: false }).run(3_000)
    expect(watcher.heightNow()).toBe(720)
    watcher.bob.tell(remb(300_000))
    watcher.run(3_000)
    expect(watcher.heightNow()).toBe(180)
    watcher.bob.tell(remb(3_000_000))
    watcher.run(3_000)
    expect(watcher.heightNow()).toBe(720)
  })
})

describe('M15: what repairs and probes cost', () => {
  it.each([0.02, 0.1])('at loss of %d at most 15 % of the estimate', (loss) => {
    const watcher = new Watcher({ bps: 3_000_000, delayMs: 20, loss }).run(5_000)
    const before = watcher.repairBytes
    watcher.run(20_000)
    const estimate = watcher.meeting.reportsOf('quality').findLast(({ peerId }) => peerId === 'bob')?.downlinkBps ?? 0
    expect(watcher.sentRepairs).toBeGreaterThan(0)
    expect((watcher.repairBytes - before) * 8).toBeLessThan(0.15 * estimate * 20)
  })

  it('a page that asks for everything again and again gets no more', () => {
    const watcher = new Watcher({ bps: 20_000_000, delayMs: 20 }).run(3_000)
    const before = watcher.repairBytes
    const { bob } = watcher
    for (let i = 0; i < 100; i++) {
      watcher.run(10)
      const last = bob.received.findLast(({ payloadType }) => payloadType === 96)
      if (last)
        for (let back = 0; back < 200; back += 17)
          bob.tell(nack(last.ssrc, [(last.sequence - back - 16) & 0xffff, 0xffff]))
    }
    const estimate = watcher.meeting.reportsOf('quality').findLast(({ peerId }) => peerId === 'bob')?.downlinkBps ?? 0
    expect((watcher.repairBytes - before) * 8).toBeLessThan(0.15 * estimate * 2 + 20_000)
    expect(watcher.repairBytes).toBeGreaterThan(before)
  })
})
