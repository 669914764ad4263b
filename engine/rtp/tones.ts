/**
 * The tones a caller hears, by country (ITU-T E.180 supplement 2; without an entry, those of ETSI TR 101 041). A tone is
 * rendered once, one round of its cadence, and played round and round.
 */
import type { ToneName } from './messages.ts'

/** On, off, on, off … in milliseconds; empty: without a pause. */
interface Tone {
  readonly frequencies: readonly number[]
  readonly cadence: readonly number[]
}
type Tones = Readonly<Record<ToneName, Tone>>

const tone = (frequencies: number | readonly number[], ...cadence: readonly number[]): Tone => ({
  frequencies: typeof frequencies === 'number' ? [frequencies] : frequencies,
  cadence,
})

/** Europe: one frequency, with a ringback that is mostly 1 s in 5 s. */
const european = (frequency: number, ringback: number[], busy: number[], congestion: number[]): Tones => ({
  dial: tone(frequency),
  ringback: tone(frequency, ...ringback),
  busy: tone(frequency, ...busy),
  congestion: tone(frequency, ...congestion),
})
const northAmerican: Tones = {
  dial: tone([350, 440]),
  ringback: tone([440, 480], 2_000, 4_000),
  busy: tone([480, 620], 500, 500),
  congestion: tone([480, 620], 250, 250),
}
const standard = european(425, [1_000, 4_000], [500, 500], [250, 250])

const byCountry = new Map<string, Tones>([
  ['at', european(420, [1_000, 5_000], [400, 400], [200, 200])],
  ['be', european(425, [1_000, 3_000], [500, 500], [167, 167])],
  ['ca', northAmerican],
  ['ch', european(425, [1_000, 4_000], [500, 500], [200, 200])],
  ['de', european(425, [1_000, 4_000], [480, 480], [240, 240])],
  ['es', european(425, [1_500, 3_000], [200, 200], [200, 200, 200, 200, 200, 600])],
  ['fr', european(440, [1_500, 3_500], [500, 500], [250, 250])],
  [
    'gb',
    {
      dial: tone([350, 440]),
      ringback: tone([400, 450], 400, 200, 400, 2_000),
      busy: tone(400, 375, 375),
      congestion: tone(400, 400, 350, 225, 525),
    },
  ],
  ['it', { ...european(425, [1_000, 4_000], [500, 500], [200, 200]), dial: tone(425, 200, 200, 600, 1_000) }],
  ['lu', european(425, [1_000, 4_000], [480, 480], [240, 240])],
  ['nl', european(425, [1_000, 4_000], [500, 500], [250, 250])],
  ['pt', european(425, [1_000, 5_000], [500, 500], [200, 200])],
  ['us', northAmerican],
])

const sampleRate = 8_000
/** -10 dBm0 in all, where a full sine is +3.14 dBm0. */
const loudest = 32_767 * 10 ** (-13.14 / 20)
/** So that a tone begins and ends without a click. */
const rampSamples = 40

/** One round of a tone, at 8 kHz. */
export function renderTone(name: ToneName, country: string): Int16Array {
  const { frequencies, cadence } = (byCountry.get(country.toLowerCase()) ?? standard)[name]
  // Whole hertz come round in a second, so a tone without a pause has no seam.
  if (cadence.length === 0) return sines(frequencies, sampleRate)
  const samples = new Int16Array(cadence.reduce((sum, ms) => sum + ms * 8, 0))
  let at = 0
  cadence.forEach((ms, index) => {
    if (index % 2 === 0) samples.set(ramped(sines(frequencies, ms * 8)), at)
    at += ms * 8
  })
  return samples
}

function sines(frequencies: readonly number[], length: number): Int16Array {
  const amplitude = loudest / Math.sqrt(frequencies.length)
  return Int16Array.from({ length }, (_, i) =>
    Math.round(frequencies.reduce((sum, hz) => sum + amplitude * Math.sin((2 * Math.PI * hz * i) / sampleRate), 0)),
  )
}

function ramped(samples: Int16Array): Int16Array {
  const { length } = samples
  return samples.map((sample, i) => Math.round(sample * Math.min(1, i / rampSamples, (length - 1 - i) / rampSamples)))
}
