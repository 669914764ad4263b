import { beforeEach, describe, expect, it } from 'vitest'
import type { JitterBuffer } from '../rtp/jitter-buffer.ts'
import type { Frame } from '../rtp/mouth.ts'
import { SimulatedMicrophone } from '../testing/camera.ts'
import { loudness, sine, toneShare } from '../testing/goertzel.ts'
import { Meeting, type Page } from '../testing/meeting.ts'
import { plainOpus } from '../testing/plain-opus.ts'
import { RtpPacket } from './rtp.ts'
import type { PhoneLine } from './phone-track.ts'

const hz = { ada: 440, bob: 700, phone: 1_130, other: 1_600 } as const

/** 20 ms of a tone, again and again. */
function toneOf(frequency: number): () => Int16Array {
  const tone = sine(frequency, 8_000)
  let at = 0
  return () => {
    const frame = tone.subarray(at, at + 160)
    at = (at + 160) % tone.length
    return frame
  }
}

/** A leg's endpoint: what its peer says goes into the inlet, what it is said is kept. */
class Line implements PhoneLine {
  readonly id: string
  inlet: JitterBuffer | null = null
  readonly heard: Int16Array[] = []
  readonly #tone: () => Int16Array
  isTalking = true
  #timestamp = 0
  #toAtMs = 0

  constructor(id: string, frequency: number) {
    this.id = id
    this.#tone = toneOf(frequency)
  }

  say({ samples }: Frame): void {
    this.heard.push(Int16Array.from(samples))
  }

  tick(nowMs: number): void {
    if (nowMs < this.#toAtMs) return
    this.#toAtMs = nowMs + 20
    this.#timestamp += 160
    if (this.isTalking) this.inlet?.write(this.#timestamp, this.#tone(), 160)
  }

  /** The last half second. */
  share(frequency: number): number {
    return toneShare(Int16Array.from(this.heard.slice(-25).flatMap((part) => [...part])), frequency)
  }
}

let meeting: Meeting
beforeEach(() => {
  meeting = new Meeting()
})

function browser(name: 'ada' | 'bob', hasRed = false): Page {
  const page = meeting.page(name).join()
  page.publish([{ mid: '0', kind: 'audio' }], { 0: 'microphone' })
  const microphone = new SimulatedMicrophone('0', hz[name])
  const [tone, encoder] = [toneOf(hz[name]), plainOpus.newEncoder()]
  Object.assign(microphone, { hasRed, speech: () => encoder.encode(tone()) })
  page.microphone = microphone
  return page.subscribe()
}

function phone(name: 'phone' | 'other' = 'phone'): Line {
  const line = new Line(name, hz[name])
  meeting.say({ type: 'open_peer', peerId: name, filter: [] })
  meeting.say({ type: 'open_phone', peerId: name })
  meeting.say({ type: 'join', peerId: name, roomId: 'room' })
  meeting.sfu.joinLine(name, line, meeting.nowMs)
  return line
}

const run = (ms: number, ...lines: readonly Line[]) =>
  meeting.run(ms, () => {
    for (const line of lines) line.tick(meeting.nowMs)
  })

/** What a browser got of that participant's microphone lately. */
function heardBy(page: Page, peerId: string): Int16Array {
  const { ssrc } = page.streamOf(page.slotOf(peerId, 'microphone') ?? 'none')
  const decoder = plainOpus.newDecoder()
  return Int16Array.from(
    page
      .of(ssrc)
      .slice(-25)
      .flatMap(({ payload }) => [...(decoder.decode(payload) ?? [])]),
  )
}

describe('M8: a phone in a meeting', () => {
  it('hears everybody, also those who send RED, and everybody hears it', () => {
    const [ada, bob] = [browser('ada'), browser('bob', true)]
    const line = phone()
    run(2_000, line)
    expect(line.share(hz.ada)).toBeCloseTo(0.5, 1)
    expect(line.share(hz.bob)).toBeCloseTo(0.5, 1)
    expect(line.share(hz.phone)).toBeLessThan(0.01)
    for (const page of [ada, bob]) expect(toneShare(heardBy(page, 'phone'), hz.phone)).toBeGreaterThan(0.95)
    // Whoever comes later hears it too.
    expect(line.heard.length).toBeGreaterThanOrEqual(98)
  })

  it('two phones hear each other and not themselves', () => {
    const [first, second] = [phone(), phone('other')]
    run(2_000, first, second)
    expect(first.share(hz.other)).toBeGreaterThan(0.98)
    expect(second.share(hz.phone)).toBeGreaterThan(0.98)
  })

  it('it counts as a speaker, by the level in its packets', () => {
    browser('ada').microphone = null
    const line = phone()
    run(1_500, line)
    expect(meeting.reportsOf('speaker').at(-1)?.peerIds).toEqual(['phone'])
    line.isTalking = false
    run(2_000, line)
    expect(meeting.reportsOf('speaker').at(-1)?.peerIds).toEqual([])
  })

  it('silence is not sent, and what comes after it is one stream with it', () => {
    const ada = browser('ada')
    const line = phone()
    run(1_000, line)
    line.isTalking = false
    run(1_500, line)
    const { ssrc } = ada.streamOf(ada.slotOf('phone', 'microphone') ?? 'none')
    const before = ada.of(ssrc).length
    run(2_000, line)
    expect(ada.of(ssrc)).toHaveLength(before)
    line.isTalking = true
    run(1_000, line)
    const packets = ada.of(ssrc)
    expect(packets.length).toBeGreaterThan(before + 30)
    expect(packets.slice(1).every(({ sequence }, i) => ((sequence - (packets[i]?.sequence ?? 0)) & 0xffff) === 1)).toBe(
      true,
    )
    const gap = ((packets[before]?.timestamp ?? 0) - (packets[before - 1]?.timestamp ?? 0)) >>> 0
    expect(gap / 48).toBeGreaterThan(1_900)
    const first = new RtpPacket()
    expect(first.parse(packets[before]?.bytes ?? new Uint8Array())).toBe(true)
    expect(first.isMarked).toBe(true)
  })

  it('muted by the host: neither browsers nor other phones hear it', () => {
    const ada = browser('ada')
    const [line, other] = [phone(), phone('other')]
    run(1_000, line, other)
    meeting.say({ type: 'mute', peerId: 'phone', sources: ['microphone'] })
    run(500, line, other)
    const { ssrc } = ada.streamOf(ada.slotOf('phone', 'microphone') ?? 'none')
    const before = ada.of(ssrc).length
    run(1_000, line, other)
    expect(ada.of(ssrc)).toHaveLength(before)
    expect(other.share(hz.phone)).toBeLessThan(0.01)
    expect(other.share(hz.ada)).toBeGreaterThan(0.98)
    meeting.say({ type: 'mute', peerId: 'phone', sources: [] })
    run(1_000, line, other)
    expect(other.share(hz.phone)).toBeCloseTo(0.5, 1)
    expect(toneShare(heardBy(ada, 'phone'), hz.phone)).toBeGreaterThan(0.95)
  })

  it('a browser that is muted or leaves is not heard any more, nor one of another room', () => {
    const [, bob] = [browser('ada'), browser('bob')]
    const line = phone()
    run(1_000, line)
    meeting.say({ type: 'mute', peerId: 'ada', sources: ['microphone'] })
    run(1_000, line)
    expect(line.share(hz.bob)).toBeGreaterThan(0.98)
    meeting.say({ type: 'leave', peerId: bob.peerId })
    run(1_000, line)
    expect(loudness(line.heard.at(-1) ?? new Int16Array(0))).toBe(0)
  })

  it('the line may come before the peer, and when it goes nothing is left of it', () => {
    const ada = browser('ada')
    const line = new Line('phone', hz.phone)
    meeting.sfu.joinLine('phone', line, meeting.nowMs)
    run(100, line)
    expect(line.inlet).toBeNull()
    meeting.say({ type: 'open_peer', peerId: 'phone', filter: [] })
    meeting.say({ type: 'join', peerId: 'phone', roomId: 'room' })
    meeting.say({ type: 'open_phone', peerId: 'phone' })
    run(1_000, line)
    expect(toneShare(heardBy(ada, 'phone'), hz.phone)).toBeGreaterThan(0.95)
    meeting.sfu.partLine(line, meeting.nowMs)
    expect(line.inlet).toBeNull()
    const count = line.heard.length
    run(200, line)
    expect(line.heard).toHaveLength(count)
    meeting.say({ type: 'leave', peerId: 'phone' })
    expect(ada.slotOf('phone', 'microphone')).toBeUndefined()
  })

  it('a meeting that is closed lets go of the line', () => {
    browser('ada')
    const line = phone()
    run(200, line)
    meeting.say({ type: 'close_room', roomId: 'room' })
    expect(line.inlet).toBeNull()
    expect(meeting.sfu.counters).toMatchObject({ peers: 0, rooms: 0 })
  })
})
