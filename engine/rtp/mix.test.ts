import { beforeEach, describe, expect, it } from 'vitest'
import { Bench, codec, pcma, pcmu } from '../../tests/media/media-bench.ts'
import { loudness, toneShare } from '../testing/goertzel.ts'
import { RtpPhone } from '../testing/rtp-phone.ts'
import { Limiter } from './limiter.ts'
import { soundOf } from './sound.ts'

/** Frequencies that have nothing in common, with a whole number of periods in a tenth of a second. */
const hz = { a: 440, b: 700, c: 1_130 } as const
type Name = keyof typeof hz
const names: readonly Name[] = ['a', 'b', 'c']
const everybody = Object.fromEntries(names.map((one) => [one, names.filter((other) => other !== one)]))

let bench: Bench
let phones: Record<Name, RtpPhone>
beforeEach(() => {
  bench = new Bench()
  for (const [i, name] of names.entries()) bench.leg(name, i + 1)
  phones = { a: new RtpPhone({ hz: hz.a }), b: new RtpPhone({ hz: hz.b }), c: new RtpPhone({ hz: hz.c }) }
})
const mix = (hears: Readonly<Record<string, readonly string[]>>) => bench.order({ type: 'mix', mix: 'm', hears })

/** So many packets of each; what each hears after the first `skip`. */
function talk(packets = 100, who: readonly Name[] = names): void {
  for (let i = 0; i < packets; i++) {
    for (const name of who) bench.from(name, phones[name].speech())
    bench.pass(20)
  }
  for (const name of names) bench.listen(name, phones[name])
}

const heard = (name: Name, since = 50) => phones[name].heard(since, 'PCMA')
const shares = (name: Name, since = 50) =>
  names.map((other) => Math.round(toneShare(heard(name, since).subarray(0, 4_000), hz[other]) * 100) / 100)

describe('M8: who hears whom', () => {
  it('everybody hears the others and not itself, on a clock of 20 ms', () => {
    mix(everybody)
    talk()
    expect(shares('a')).toEqual([0, expect.closeTo(0.5, 1), expect.closeTo(0.5, 1)])
    expect(shares('b')).toEqual([expect.closeTo(0.5, 1), 0, expect.closeTo(0.5, 1)])
    expect(shares('c')).toEqual([expect.closeTo(0.5, 1), expect.closeTo(0.5, 1), 0])
    // Two voices of 8,000: the powers are added.
    expect(loudness(heard('a'))).toBeCloseTo(8_000, -3)
    const { packets } = phones.a
    expect(packets.length).toBeGreaterThanOrEqual(98)
    expect(packets.length).toBeLessThanOrEqual(102)
    expect(
      new Set(packets.slice(1).map(({ timestamp }, i) => (timestamp - (packets[i]?.timestamp ?? 0)) >>> 0)),
    ).toEqual(new Set([160]))
  })

  it('any matrix: one listens and is not heard, one is heard by one only', () => {
    mix({ a: ['b'], b: ['a'], c: ['a', 'b'] })
    talk()
    expect(shares('a')).toEqual([0, 1, 0])
    expect(shares('b')).toEqual([1, 0, 0])
    expect(shares('c')).toEqual([expect.closeTo(0.5, 1), expect.closeTo(0.5, 1), 0])
    mix({ a: ['b', 'c'], b: ['a'], c: ['a', 'b'] }) // a whisper to a
    talk()
    expect(shares('a', 150)).toEqual([0, expect.closeTo(0.5, 1), expect.closeTo(0.5, 1)])
    expect(shares('b', 150)).toEqual([1, 0, 0])
  })

  it('a voice that goes on through a new matrix has no gap', () => {
    mix({ b: ['a'] })
    for (let i = 0; i < 40; i++) {
      if (i % 4 === 0) mix(i % 8 === 0 ? { b: ['a'], c: ['a'] } : { b: ['a'] })
      bench.from('a', phones.a.speech())
      bench.pass(20)
    }
    bench.listen('b', phones.b)
    expect(toneShare(heard('b', 10).subarray(0, 4_000), hz.a)).toBeGreaterThan(0.99)
  })

  it('A-law, µ-law and Opus in one', () => {
    const opus = { ...codec('OPUS', 111), clockRate: 48_000 }
    bench.leg('a', 1, { codecs: [pcmu] })
    bench.leg('c', 3, { codecs: [opus, pcma] })
    phones.a = new RtpPhone({ hz: hz.a, law: 'PCMU' })
    mix(everybody)
    for (let i = 0; i < 100; i++) {
      bench.from('a', phones.a.speech())
      bench.from('b', phones.b.speech())
      bench.pass(20)
    }
    bench.listen('b', phones.b)
    bench.listen('c', phones.c)
    expect(shares('b')).toEqual([1, 0, 0])
    const sent = phones.c.packets.slice(-50)
    expect(new Set(sent.map(({ payload }) => payload))).toEqual(new Set([111]))
    // RFC 7587 §4.1: timestamps count 48 kHz.
    const steps = sent.slice(1).map(({ timestamp }, i) => (timestamp - (sent[i]?.timestamp ?? 0)) >>> 0)
    expect(new Set(steps)).toEqual(new Set([960]))
  })

  it('100 legs: who speaks is heard by all, and by itself not', () => {
    const many = Array.from({ length: 100 }, (_, i) => `leg${i}`)
    for (const [i, name] of many.entries()) bench.leg(name, i + 10)
    mix(Object.fromEntries(many.map((one) => [one, many.filter((other) => other !== one)])))
    const speakers = { leg0: new RtpPhone({ hz: 440 }), leg1: new RtpPhone({ hz: 700 }) }
    for (let i = 0; i < 60; i++) {
      for (const [name, phone] of Object.entries(speakers)) bench.from(name, phone.speech())
      bench.pass(20)
    }
    const share = (name: string, tone: number) => {
      const phone = new RtpPhone()
      bench.listen(name, phone)
      return toneShare(phone.heard(20).subarray(0, 4_000), tone)
    }
    expect(share('leg0', 700)).toBeGreaterThan(0.98)
    expect(share('leg1', 440)).toBeGreaterThan(0.98)
    for (const name of many.slice(2)) expect(share(name, 440)).toBeCloseTo(0.5, 1)
  })
})

describe('sums', () => {
  it('two that shout do not clip: both stay what they are, quieter', () => {
    const limiter = new Limiter()
    const sum = Int32Array.from({ length: 160 }, (_, i) =>
      Math.round(60_000 * Math.sin((2 * Math.PI * 1_000 * i) / 8_000)),
    )
    const into = new Int16Array(160)
    limiter.limit(sum, into)
    expect(Math.max(...into)).toBe(32_000)
    expect(toneShare(into, 1_000)).toBeGreaterThan(0.999)
  })

  it('after something loud it becomes louder again by steps, to what it was', () => {
    const limiter = new Limiter()
    const into = new Int16Array(160)
    limiter.limit(new Int32Array(160).fill(64_000), into)
    const quiet = new Int32Array(160).fill(1_000)
    const levels = Array.from({ length: 15 }, () => {
      limiter.limit(quiet, into)
      return into[159] ?? 0
    })
    expect(levels[0]).toBeLessThan(600)
    expect(levels.at(-1)).toBe(1_000)
    expect(levels.every((level, i) => i === 0 || level >= (levels[i - 1] ?? 0))).toBe(true)
  })
})

describe('what packets and clocks do', () => {
  it('loss and disorder are filled and put right', () => {
    mix({ b: ['a'] })
    const kept: Uint8Array[] = []
    for (let i = 0; i < 100; i++) {
      const packet = phones.a.speech()
      if (i % 20 === 7) continue // lost
      if (i % 10 === 3)
        kept.push(packet) // one later
      else bench.from('a', packet)
      if (i % 10 === 4) for (const late of kept.splice(0)) bench.from('a', late)
      bench.pass(20)
    }
    bench.listen('b', phones.b)
    expect(toneShare(heard('b', 10).subarray(0, 4_000), hz.a)).toBeGreaterThan(0.9)
  })

  it('a loop that stood still goes on from now, without a burst', () => {
    mix(everybody)
    talk(20)
    for (const name of names) phones[name].packets.length = 0
    bench.nowMs += 5_000
    bench.pass(20)
    bench.listen('a', phones.a)
    expect(phones.a.packets.length).toBeLessThanOrEqual(2)
    bench.nowMs += 100
    bench.pass(10)
    bench.listen('a', phones.a)
    expect(phones.a.packets.length).toBeGreaterThanOrEqual(5) // a short one is made up for
  })

  it('a speaker whose timestamps and SSRC begin anew is heard again at once', () => {
    mix({ b: ['a'] })
    talk(50, ['a'])
    phones.a = new RtpPhone({ hz: hz.a, ssrc: 77, timestamp: 1, sequence: 1 })
    phones.b.packets.length = 0
    talk(30, ['a'])
    expect(toneShare(heard('b', 8).subarray(0, 2_400), hz.a)).toBeGreaterThan(0.98)
  })
})

describe('with everything else', () => {
  it('muted: nobody hears it, its keys are reported and not heard', () => {
    mix(everybody)
    bench.order({ type: 'mute', endpoint: 'a', isMuted: true })
    talk(50)
    expect(shares('b', 20)).toEqual([0, 0, 1])
    for (const packet of phones.a.key(5, 101)) {
      bench.from('a', packet)
      bench.pass(20)
    }
    expect(bench.of('dtmf')).toMatchObject([{ endpoint: 'a', digit: '5' }])
    for (const name of names) bench.listen(name, phones[name])
    expect(phones.b.packets.every(({ payload }) => payload === 8)).toBe(true)
    bench.order({ type: 'mute', endpoint: 'a', isMuted: false })
    phones.b.packets.length = 0
    talk(50)
    expect(shares('b', 20)).toEqual([expect.closeTo(0.5, 1), 0, expect.closeTo(0.5, 1)])
  })

  it('on hold it says nothing and is said nothing', () => {
    mix(everybody)
    bench.order({ type: 'remote', endpoint: 'a', remote: { ...bench.remoteOf('a'), direction: 'inactive' } })
    bench.pass(100)
    bench.forget('a')
    talk(50)
    expect(phones.a.packets).toEqual([])
    expect(shares('b', 20)).toEqual([0, 0, 1])
  })

  it('what is played to one takes the place of the mix, for that one', () => {
    mix(everybody)
    bench.files.set(
      '/beep',
      soundOf(
        Int16Array.from({ length: 8_000 }, (_, i) => Math.round(9_000 * Math.sin((2 * Math.PI * 2_000 * i) / 8_000))),
      ),
    )
    bench.order({ type: 'play', endpoint: 'a', play: 'p', source: { type: 'file', path: '/beep', repeat: false } })
    talk(40)
    expect(toneShare(heard('a', 5).subarray(0, 4_000), 2_000)).toBeGreaterThan(0.98)
    expect(shares('b', 20)).toEqual([expect.closeTo(0.5, 1), 0, expect.closeTo(0.5, 1)])
    talk(60)
    expect(shares('a', 70)).toEqual([0, expect.closeTo(0.5, 1), expect.closeTo(0.5, 1)])
    expect(bench.of('played')).toMatchObject([{ reason: 'end' }])
    // One stream all the time (T22).
    const { packets } = phones.a
    expect(packets.slice(1).every(({ sequence }, i) => ((sequence - (packets[i]?.sequence ?? 0)) & 0xffff) === 1)).toBe(
      true,
    )
  })

  it('both sides are recorded: its own voice, and what it heard', () => {
    mix(everybody)
    bench.order({ type: 'record', endpoint: 'a', path: '/r', sides: 'both' })
    talk(100, ['a', 'b'])
    bench.order({ type: 'record_stop', endpoint: 'a' })
    const all = Int16Array.from((bench.recordings.get('/r') ?? []).flatMap((part) => [...part]))
    const side = (from: 0 | 1) => all.filter((_, i) => i % 2 === from).subarray(4_000, 12_000)
    expect(toneShare(side(0), hz.a)).toBeGreaterThan(0.95)
    expect(toneShare(side(1), hz.b)).toBeGreaterThan(0.95)
  })

  it('a bridge, a close and an empty mix end it for whom they name', () => {
    mix(everybody)
    bench.close('c')
    talk(50, ['a', 'b'])
    expect(shares('a', 20)).toEqual([0, 1, 0])
    bench.order({ type: 'bridge', a: 'a', b: 'b' })
    bench.forget('a', 'b')
    for (const name of names) phones[name].packets.length = 0
    talk(50, ['a'])
    expect(phones.b.packets).toHaveLength(50)
    expect(phones.a.packets).toHaveLength(0)
    mix({ a: ['b'], b: ['a'] })
    mix({})
    talk(20, ['a', 'b'])
    expect(phones.a.packets).toHaveLength(0)
    expect(phones.b.packets).toHaveLength(50)
  })

  it('a meeting takes the place of what it was joined to, and the other way round', () => {
    talk(2)
    phones.a.packets.length = 0
    bench.order({ type: 'bridge', a: 'a', b: 'b' })
    bench.order({ type: 'meeting', endpoint: 'a', peer: 'par.phone', worker: 0 })
    talk(10, ['b'])
    expect(phones.a.packets).toEqual([])
    bench.order({ type: 'meeting', endpoint: 'a', peer: 'par.phone', worker: 0 }) // again: nothing
    mix({ a: ['b'] })
    bench.order({ type: 'meeting', endpoint: 'b', peer: 'two.phone', worker: 0 })
    bench.close('b')
    expect(bench.meetings).toEqual([
      ['a', 'par.phone'],
      ['a', null],
      ['b', 'two.phone'],
      ['b', null],
    ])
  })

  it('names of endpoints that are gone do nothing', () => {
    mix({ ghost: ['a'], a: ['ghost', 'b'] })
    talk(50, ['b'])
    expect(shares('a', 20)).toEqual([0, 1, 0])
  })
})
