/**
 * Puts received samples into their order and gives them out on a clock of its own. Samples lie at their timestamp; what
 * is missing is the last frame again, fading; a sender whose clock is faster or slower than ours is followed.
 */
import { ahead32 } from '../sfu/sequence.ts'

/** A power of two: a second at 8 kHz. */
const capacity = 8_192
const mask = capacity - 1
const samplesPerMs = 8
/** Packets that come too late in a row, after which the reader waits again. */
const lateInRow = 3
/** So much more than wanted in the buffer, so many frames long, means that the sender's clock is faster. */
const excessMs = 60
const excessFrames = 25
const skipped = 10 * samplesPerMs
/** Of each frame that stands in for a lost one. */
const fading = 0.6
const mostConcealed = 3

export class JitterBuffer {
  readonly #samples = new Int16Array(capacity)
  readonly #isThere = new Uint8Array(capacity)
  readonly #target: number
  #isStarted = false
  #readAt = 0
  #writtenTo = 0
  #late = 0
  #excess = 0
  #last: Int16Array = new Int16Array(0)
  #concealed = mostConcealed

  constructor(delayMs = 60) {
    this.#target = delayMs * samplesPerMs
  }

  /** Samples that are still to come out. */
  get level(): number {
    return this.#isStarted ? Math.max(0, ahead32(this.#writtenTo, this.#readAt)) : 0
  }

  /** Another stream: its timestamps have nothing to do with those before. */
  restart(): void {
    this.#isStarted = false
  }

  write(timestamp: number, samples: Int16Array, length: number): void {
    if (length > capacity / 2) return
    if (!this.#isStarted) this.#start(timestamp)
    let offset = ahead32(timestamp, this.#readAt)
    if (offset + length > capacity || offset < -capacity) {
      this.#start(timestamp)
      offset = this.#target
    } else if (offset < 0) {
      this.#late += 1
      if (this.#late < lateInRow) return
      this.#start(timestamp)
    } else this.#late = 0
    for (let i = 0; i < length; i++) {
      const at = (timestamp + i) & mask
      this.#samples[at] = samples[i] ?? 0
      this.#isThere[at] = 1
    }
    const end = (timestamp + length) | 0
    if (ahead32(end, this.#writtenTo) > 0) this.#writtenTo = end
  }

  /** The next samples. */
  read(into: Int16Array): void {
    if (!this.#isStarted) {
      into.fill(0)
      return
    }
    let missing = 0
    for (let i = 0; i < into.length; i++) {
      const at = (this.#readAt + i) & mask
      if (this.#isThere[at]) into[i] = this.#samples[at] ?? 0
      else {
        into[i] = this.#concealment(i)
        missing += 1
      }
      this.#isThere[at] = 0
    }
    this.#readAt = (this.#readAt + into.length) | 0
    this.#remember(into, missing)
    this.#followClock()
  }

  #start(timestamp: number): void {
    this.#isStarted = true
    this.#isThere.fill(0)
    this.#readAt = (timestamp - this.#target) | 0
    this.#writtenTo = timestamp
    this.#late = 0
    this.#excess = 0
  }

  #concealment(index: number): number {
    if (this.#concealed >= mostConcealed || index >= this.#last.length) return 0
    return Math.round((this.#last[index] ?? 0) * fading)
  }

  #remember(frame: Int16Array, missing: number): void {
    this.#concealed = missing === frame.length ? this.#concealed + 1 : 0
    if (this.#last.length !== frame.length) this.#last = new Int16Array(frame.length)
    this.#last.set(frame)
  }

  #followClock(): void {
    this.#excess = this.level > this.#target + excessMs * samplesPerMs ? this.#excess + 1 : 0
    if (this.#excess < excessFrames) return
    this.#excess = 0
    for (let i = 0; i < skipped; i++) this.#isThere[(this.#readAt + i) & mask] = 0
    this.#readAt = (this.#readAt + skipped) | 0
  }
}
