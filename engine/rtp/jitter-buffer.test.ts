import { describe, expect, it } from 'vitest'
import { loudness, sine, toneShare } from '../testing/goertzel.ts'
import { JitterBuffer } from './jitter-buffer.ts'

const tone = sine(400, 80_000)
const frame = (index: number) => tone.subarray(index * 160, index * 160 + 160)

/** Frame `i` is written at tick `at(i)` (null: lost), one frame is read a tick. */
function run(count: number, at: (i: number) => number | null, base = 0, step = 160): Int16Array {
  const buffer = new JitterBuffer(60)
  const heard = new Int16Array(count * 160)
  for (let tick = 0; tick < count; tick++) {
    for (let i = 0; i < count; i++) {
      if (at(i) === tick) buffer.write((base + i * step) >>> 0, frame(i), 160)
    }
    buffer.read(heard.subarray(tick * 160, tick * 160 + 160))
  }
  return heard
}
const middle = (samples: Int16Array) => samples.subarray(1_600, samples.length - 1_600)

describe('a jitter buffer', () => {
  it('gives out what came in, 60 ms later, over the wrap of the timestamp', () => {
    const heard = run(100, (i) => i, 0xffff_f000)
    expect(heard.subarray(480)).toEqual(tone.subarray(0, heard.length - 480))
    expect(loudness(heard.subarray(0, 480))).toBe(0)
  })

  it('puts packets into order', () => {
    const heard = run(100, (i) => (i % 2 === 0 ? i + 2 : i))
    expect(toneShare(middle(heard), 400)).toBeGreaterThan(0.99)
  })

  it('a lost packet is the last one again, a longer gap is silence', () => {
    const heard = run(100, (i) => (i === 30 ? null : i))
    expect(loudness(heard.subarray(33 * 160, 34 * 160))).toBeGreaterThan(1_000)
    const gap = run(100, (i) => (i >= 30 && i < 50 ? null : i))
    expect(loudness(gap.subarray(40 * 160, 50 * 160))).toBe(0)
    expect(loudness(gap.subarray(54 * 160, 60 * 160))).toBeGreaterThan(5_000)
  })

  it('packets that all come later from some moment on are heard again soon', () => {
    const heard = run(150, (i) => (i < 50 ? i : i + 10))
    expect(toneShare(heard.subarray(80 * 160, 140 * 160), 400)).toBeGreaterThan(0.99)
  })

  it('a burst after a stall does not stay as delay', () => {
    const buffer = new JitterBuffer(60)
    for (let i = 0; i < 12; i++) buffer.write(i * 160, frame(i), 160)
    const into = new Int16Array(160)
    for (let i = 12; i < 600; i++) {
      buffer.write(i * 160, frame(i % 400), 160)
      buffer.read(into)
    }
    expect(buffer.level).toBeLessThanOrEqual(8 * 130)
  })

  it('a sender that begins again with other timestamps is followed', () => {
    const buffer = new JitterBuffer(60)
    const heard = new Int16Array(160)
    for (let i = 0; i < 50; i++) {
      buffer.write(i < 25 ? i * 160 : 3_000_000_000 + i * 160, frame(i), 160)
      buffer.read(heard)
    }
    expect(loudness(heard)).toBeGreaterThan(4_000)
  })
})
