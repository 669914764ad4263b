/** The power of one frequency in samples, as a share of all their power: 1 for a pure tone, near 0 for another. */
export function toneShare(samples: Int16Array, hz: number, sampleRate = 8_000): number {
  const coefficient = 2 * Math.cos((2 * Math.PI * hz) / sampleRate)
  let [before, last, energy] = [0, 0, 0]
  for (const sample of samples) {
    const next = sample + coefficient * last - before
    before = last
    last = next
    energy += sample * sample
  }
  if (energy === 0) return 0
  const power = last * last + before * before - coefficient * last * before
  return (2 * power) / (samples.length * energy)
}

/** Root mean square. */
export const loudness = (samples: Int16Array): number =>
  Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / Math.max(1, samples.length))

export const sine = (hz: number, length: number, amplitude = 8_000, sampleRate = 8_000): Int16Array =>
  Int16Array.from({ length }, (_, i) => Math.round(amplitude * Math.sin((2 * Math.PI * hz * i) / sampleRate)))
