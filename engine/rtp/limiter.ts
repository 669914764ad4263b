/**
 * Brings a sum of voices back to 16 bits. Where it is too loud the whole frame becomes quieter at once, and louder again
 * by steps, so that two who shout are a little quieter instead of clipped.
 */

const ceiling = 32_000
/** In a frame of 20 ms: 6 dB in a fifth of a second. */
const recovery = 1.07

export class Limiter {
  #gain = 1

  limit(sum: Int32Array, into: Int16Array): void {
    let peak = 0
    for (let i = 0; i < into.length; i++) {
      const size = Math.abs(sum[i] ?? 0)
      if (size > peak) peak = size
    }
    const most = peak > ceiling ? ceiling / peak : 1
    const from = Math.min(this.#gain, most)
    const to = Math.min(most, from * recovery)
    this.#gain = to
    const step = (to - from) / into.length
    for (let i = 0; i < into.length; i++) into[i] = Math.round((sum[i] ?? 0) * (from + step * i))
  }
}
