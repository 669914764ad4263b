import { expect, it } from 'vitest'
import { seededRandom } from '../testing/random.ts'
import { fuzzSdp } from './sdp.fuzz.ts'

it('spoiled session descriptions, the same at every run', () => {
  expect(() => fuzzSdp(seededRandom(12), 8_000)).not.toThrow()
})
