import { describe, expect, it } from 'vitest'
import { loudness, sine, toneShare } from '../testing/goertzel.ts'
import { mutate } from '../testing/mutation.ts'
import { seededRandom } from '../testing/random.ts'
import { encodeG711 } from './g711.ts'
import { formatWavHeader, parseWav } from './wav.ts'

const pcm = (samples: Int16Array) => new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength)
const wav = (samples: Int16Array, channels = 1, rate = 8_000) => {
  const data = pcm(samples)
  return Uint8Array.from([...formatWavHeader(channels, rate, data.length), ...data])
}
function coded(law: 'PCMA' | 'PCMU', samples: Int16Array): Uint8Array {
  const header = formatWavHeader(1, 8_000, samples.length)
  header[20] = law === 'PCMA' ? 6 : 7
  header[34] = 8
  const codes = new Uint8Array(samples.length)
  encodeG711(law, samples, codes)
  return Uint8Array.from([...header, ...codes])
}
function read(bytes: Uint8Array): Int16Array {
  const sound = parseWav(bytes)
  if ('reason' in sound) throw new Error(sound.reason)
  const samples = new Int16Array(sound.length)
  sound.read(0, samples)
  return samples
}
const reason = (bytes: Uint8Array) => {
  const sound = parseWav(bytes)
  return 'reason' in sound ? sound.reason : null
}
const tone = sine(440, 1_600)

describe('WAV', () => {
  it('what is written is read', () => {
    expect(read(wav(tone))).toEqual(tone)
  })

  it.each(['PCMA', 'PCMU'] as const)('%s', (law) => {
    expect(toneShare(read(coded(law, tone)), 440)).toBeGreaterThan(0.99)
  })

  it('16 kHz comes to 8, and what lies above 4 kHz goes', () => {
    const low = read(wav(sine(440, 3_200, 8_000, 16_000), 1, 16_000))
    expect(low.length).toBe(1_600)
    expect(toneShare(low, 440)).toBeGreaterThan(0.99)
    expect(loudness(low)).toBeCloseTo(8_000 / Math.SQRT2, -3)
    expect(loudness(read(wav(sine(6_000, 3_200, 8_000, 16_000), 1, 16_000)).subarray(50, 1_500))).toBeLessThan(80)
  })

  it('two channels are added', () => {
    const stereo = Int16Array.from({ length: 3_200 }, (_, i) => (i % 2 === 0 ? (tone[i >> 1] ?? 0) : 0))
    expect(loudness(read(wav(stereo, 2)))).toBeCloseTo(loudness(tone) / 2, -2)
  })

  it('chunks before the sound are passed over, and a length that was never written goes to the end', () => {
    const whole = wav(tone)
    const list = Uint8Array.from([...'LIST'].map((letter) => letter.charCodeAt(0)).concat([3, 0, 0, 0, 1, 2, 3, 0]))
    const bytes = Uint8Array.from([...whole.subarray(0, 36), ...list, ...whole.subarray(36)])
    bytes.fill(0, 36 + list.length + 4, 36 + list.length + 8)
    expect(read(bytes)).toEqual(tone)
  })

  it.each([
    [new Uint8Array(0), 'no WAV'],
    [wav(tone).subarray(0, 30), 'format is cut off'],
    [wav(tone).subarray(0, 36), 'no sound'],
    [wav(tone, 1, 44_100), '8 or 16 kHz'],
    [wav(tone, 6), 'one or two channels'],
  ])('says what is wrong: %#', (bytes, part) => {
    expect(reason(bytes)).toContain(part)
  })

  it('a finished file without sound has none, whatever comes behind', () => {
    const remarks = [...'LIST'].map((letter) => letter.charCodeAt(0))
    const bytes = Uint8Array.from([...formatWavHeader(1, 8_000, 0), ...remarks, 4, 0, 0, 0, 73, 78, 70, 79])
    new DataView(bytes.buffer).setUint32(4, bytes.length - 8, true)
    expect(read(bytes)).toHaveLength(0)
  })

  it('spoiled files give samples or a sentence', () => {
    const random = seededRandom(5)
    const short = wav(tone.subarray(0, 100))
    for (let round = 0; round < 3_000; round++) {
      const sound = parseWav(mutate(random, short))
      if ('reason' in sound) continue
      expect(sound.length).toBeLessThanOrEqual(250)
      sound.read(0, new Int16Array(sound.length + 160))
    }
  })
})
