import { describe, expect, it } from 'vitest'
import { loudness, toneShare } from '../testing/goertzel.ts'
import { renderTone } from './tones.ts'

const part = (samples: Int16Array, fromMs: number, toMs: number) => samples.subarray(fromMs * 8, toMs * 8)

describe('ITU-T E.180 supplement 2', () => {
  it.each([
    ['be', 425, 1_000, 4_000],
    ['fr', 440, 1_500, 5_000],
    ['nl', 425, 1_000, 5_000],
    ['de', 425, 1_000, 5_000],
    ['lu', 425, 1_000, 5_000],
    ['ch', 425, 1_000, 5_000],
    ['es', 425, 1_500, 4_500],
    ['it', 425, 1_000, 5_000],
    ['BE', 425, 1_000, 4_000],
    ['zz', 425, 1_000, 5_000],
  ])('%s rings at %d Hz for %d ms of %d', (country, hz, on, round) => {
    const samples = renderTone('ringback', country)
    expect(samples.length).toBe(round * 8)
    expect(toneShare(part(samples, 100, on - 100), hz)).toBeGreaterThan(0.95)
    expect(loudness(part(samples, on, round))).toBe(0)
  })

  it('two frequencies are each half of it', () => {
    const samples = part(renderTone('ringback', 'us'), 500, 1_500)
    expect(toneShare(samples, 440)).toBeCloseTo(0.5, 1)
    expect(toneShare(samples, 480)).toBeCloseTo(0.5, 1)
    expect(loudness(part(renderTone('ringback', 'gb'), 400, 600))).toBe(0)
  })

  it('busy and congestion differ by their cadence', () => {
    expect(renderTone('busy', 'be').length).toBe(8_000)
    expect(renderTone('congestion', 'be').length).toBe(334 * 8)
  })

  it('a dial tone has no seam', () => {
    const samples = renderTone('dial', 'us')
    const twice = Int16Array.from([...samples, ...samples])
    expect(toneShare(twice.subarray(7_000, 9_000), 350)).toBeCloseTo(0.5, 1)
    expect(Math.abs((twice[8_000] ?? 0) - (twice[7_999] ?? 0))).toBeLessThan(4_000)
  })

  it('is as loud as telephones expect', () => {
    const dbm0 = 20 * Math.log10(loudness(renderTone('dial', 'fr')) / (32_767 / Math.SQRT2)) + 3.14
    expect(dbm0).toBeCloseTo(-10, 0)
  })
})
