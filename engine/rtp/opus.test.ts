import { beforeEach, describe, expect, it } from 'vitest'
import { opus } from '../../server/media/opus.ts'
import { Bench, codec, pcma } from '../../tests/media/media-bench.ts'
import { sine, toneShare } from '../testing/goertzel.ts'
import { RtpPhone } from '../testing/rtp-phone.ts'
import type { OpusDecoder, OpusEncoder } from './opus.ts'

const opus48 = { ...codec('OPUS', 111), clockRate: 48_000 }
const eventsOf48 = { ...codec('TELEPHONE-EVENT', 110), clockRate: 48_000 }
const seconds = 8_000

/** A phone with nothing but Opus. */
class OpusPhone {
  readonly rtp = new RtpPhone({ ssrc: 9 })
  readonly #encoder: OpusEncoder = opus.newEncoder()
  readonly #decoder: OpusDecoder = opus.newDecoder()
  readonly #tone: Int16Array
  #at = 0

  constructor(hz: number) {
    this.#tone = sine(hz, seconds)
  }

  speech(): Uint8Array {
    const frame = this.#tone.subarray(this.#at, this.#at + 160)
    this.#at = (this.#at + 160) % seconds
    const packet = this.rtp.packet(111, this.#encoder.encode(frame))
    this.rtp.timestamp = (this.rtp.timestamp + 960) >>> 0
    return packet
  }

  heard(): Int16Array {
    return Int16Array.from(
      this.rtp.packets
        .filter(({ payload }) => payload === 111)
        .flatMap(({ bytes }) => [...(this.#decoder.decode(bytes.subarray(12)) ?? [])]),
    )
  }
}

let bench: Bench
beforeEach(() => {
  bench = new Bench()
})
const bridge = () => bench.order({ type: 'bridge', a: 'a', b: 'b' })
const middle = (samples: Int16Array) => samples.subarray(4_000, 12_000)

function talk(a: OpusPhone, b: RtpPhone, packets = 120): void {
  for (let i = 0; i < packets; i++) {
    bench.from('a', a.speech())
    bench.from('b', b.speech())
    bench.pass(20)
  }
  bench.listen('a', a.rtp)
  bench.listen('b', b)
}

describe('Opus (RFC 6716, 7587)', () => {
  it('there and back, at 8 kHz: the tone is the same', () => {
    const [encoder, decoder] = [opus.newEncoder(), opus.newDecoder()]
    const tone = sine(1_000, seconds * 2)
    const back = new Int16Array(tone.length)
    for (let at = 0; at < tone.length; at += 160)
      back.set(decoder.decode(encoder.encode(tone.subarray(at, at + 160))) ?? [], at)
    expect(toneShare(middle(back), 1_000)).toBeGreaterThan(0.98)
  })

  it('what is no Opus is no sound and no fault', () => {
    const decoder = opus.newDecoder()
    expect(decoder.decode(Uint8Array.from([255, 255, 255]))).toBeNull()
    expect(decoder.decode(new Uint8Array(0))).toBeNull()
  })

  it('T22: an Opus phone and one of G.711 in a bridge hear each other', () => {
    bench.leg('a', 1, { codecs: [opus48] })
    bench.leg('b', 2, { codecs: [pcma] })
    bridge()
    const [a, b] = [new OpusPhone(500), new RtpPhone({ hz: 900 })]
    talk(a, b)
    expect(toneShare(middle(b.heard()), 500)).toBeGreaterThan(0.97)
    expect(toneShare(middle(a.heard()), 900)).toBeGreaterThan(0.97)
  })

  it('T22: two that have it are relayed as they are', () => {
    bench.leg('a', 1, { codecs: [opus48, pcma] })
    bench.leg('b', 2, { codecs: [{ ...opus48, payload: 96, sendPayload: 96 }, pcma] })
    bridge()
    const a = new OpusPhone(500)
    const sent = Array.from({ length: 20 }, () => a.speech())
    for (const packet of sent) bench.from('a', packet)
    const b = new RtpPhone()
    bench.listen('b', b)
    expect(b.packets.map(({ payload, bytes }) => [payload, [...bytes.slice(12)]])).toEqual(
      sent.map((packet) => [96, [...packet.slice(12)]]),
    )
  })

  it('T22: of a phone that agreed to both only what needs it is transcoded', () => {
    bench.leg('a', 1, { codecs: [pcma, opus48] })
    bench.leg('b', 2, { codecs: [pcma] })
    bridge()
    const [a, b] = [new RtpPhone({ hz: 500 }), new RtpPhone({ hz: 900 })]
    bench.from('a', a.speech())
    expect(bench.rtp.get('b')).toHaveLength(1) // at once: it was relayed
    bench.forget('b')
    const changed = new OpusPhone(700)
    for (let i = 0; i < 60; i++) {
      bench.from('a', changed.speech())
      bench.pass(20)
    }
    bench.listen('b', b)
    expect(toneShare(b.heard().subarray(4_000, 8_000), 700)).toBeGreaterThan(0.97)
  })

  it('T23: keys pass through transcoding, once, with the clock of the other side', () => {
    bench.leg('a', 1, { codecs: [opus48], dtmf: eventsOf48 })
    bench.leg('b', 2, { codecs: [pcma] })
    bridge()
    const [a, b] = [new OpusPhone(500), new RtpPhone({ hz: 900 })]
    talk(a, b, 20)
    for (const packet of a.rtp.key(7, 110, 8)) {
      bench.from('a', packet)
      bench.pass(20)
    }
    talk(a, b, 40)
    expect(bench.of('dtmf')).toMatchObject([{ endpoint: 'a', digit: '7' }])
    const keys = b.packets.filter(({ payload }) => payload === 101)
    expect(new Set(keys.map(({ timestamp }) => timestamp)).size).toBe(1)
    expect(keys.filter(({ bytes }) => (bytes[13] ?? 0) >= 0x80)).toHaveLength(3)
  })

  it('is played to, and recorded on both sides', () => {
    bench.leg('a', 1, { codecs: [opus48] })
    const a = new OpusPhone(500)
    bench.order({ type: 'record', endpoint: 'a', path: '/r', sides: 'both' })
    bench.order({
      type: 'play',
      endpoint: 'a',
      play: 'p',
      source: { type: 'tone', tone: 'dial', country: 'DE' },
    })
    for (let i = 0; i < 120; i++) {
      bench.from('a', a.speech())
      bench.pass(20)
    }
    bench.listen('a', a.rtp)
    expect(toneShare(middle(a.heard()), 425)).toBeGreaterThan(0.97)
    bench.order({ type: 'record_stop', endpoint: 'a' })
    const all = Int16Array.from((bench.recordings.get('/r') ?? []).flatMap((part) => [...part]))
    const side = (from: 0 | 1) => middle(all.filter((_, i) => i % 2 === from))
    expect(toneShare(side(0), 500)).toBeGreaterThan(0.97)
    expect(toneShare(side(1), 425)).toBeGreaterThan(0.97)
    expect(bench.of('recorded')[0]?.message).toBeUndefined()
  })
})
