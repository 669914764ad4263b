import { describe, expect, it } from 'vitest'
import { estimateMos } from './quality.ts'

const clean = { codec: 'PCMA', lossRatio: 0, jitterMs: 0, rttMs: 20, ptimeMs: 20 }

describe('ITU-T G.107', () => {
  it('a clean path of G.711 is as good as it gets, G.729 a little worse', () => {
    expect(estimateMos(clean)).toBeCloseTo(4.4, 1)
    expect(estimateMos({ ...clean, codec: 'G729' })).toBeCloseTo(4.1, 1)
  })

  it('loss, delay and jitter each take away', () => {
    const scores = [0, 0.01, 0.03, 0.1, 0.5].map((lossRatio) => estimateMos({ ...clean, lossRatio }))
    expect(scores).toEqual([...scores].sort((a, b) => b - a))
    expect(scores.at(-1)).toBeLessThan(2)
    expect(estimateMos({ ...clean, rttMs: 800 })).toBeLessThan(3.8)
    expect(estimateMos({ ...clean, jitterMs: 200 })).toBeLessThan(3.8)
  })

  it('stays between 1 and 4.5 whatever it is given', () => {
    const worst = estimateMos({ codec: 'x', lossRatio: 1, jitterMs: 5_000, rttMs: 60_000, ptimeMs: 60 })
    expect(worst).toBe(1)
  })
})
