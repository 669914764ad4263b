/**
 * Transport-wide feedback for what a publisher sends (draft-holmer-rmcat-transport-wide-cc-extensions-01): when each
 * packet arrived, told back every 50 ms or so. Without it the browser's own estimate is blind.
 */
import { write16, write24, write32 } from './rtp.ts'
import { unwrap16 } from './sequence.ts'

const slots = 2048
const notArrived = -1
/** The browser needs several a second; more is waste. */
const largestFeedback = 400

export class ArrivalLog {
  readonly #arrivedUs = new Float64Array(slots).fill(notArrived)
  /** Unwrapped: the first not told, and the last that arrived. */
  #next = -1
  #last = -1
  #count = 0

  onPacket(sequence: number, nowUs: number): void {
    if (this.#last < 0) {
      this.#next = sequence
      this.#last = sequence
    }
    let full = unwrap16(sequence, this.#last)
    if (full < this.#next && this.#next - full < slots) return // told as lost already
    if (full < this.#next || full - this.#next >= slots) {
      full = this.#last + ((sequence - this.#last) & 0xffff) // always onwards
      this.#skipTo(full)
    }
    if (full > this.#last) {
      for (let gap = this.#last + 1; gap < full; gap++) this.#arrivedUs[gap % slots] = notArrived
      this.#last = full
    }
    this.#arrivedUs[full % slots] = nowUs
  }

  /** Begins anew: the sender jumped. */
  #skipTo(full: number): void {
    this.#arrivedUs.fill(notArrived)
    this.#next = full
    this.#last = full
  }

  get hasNews(): boolean {
    return this.#last >= this.#next && this.#last >= 0
  }

  /** Returns the length written, or 0 when there is nothing to tell. */
  write(bytes: Uint8Array, sender: number, ssrc: number): number {
    if (!this.hasNews) return 0
    let first = this.#next
    while (this.#at(first) === notArrived) first += 1
    // What was lost before the first that arrived is told too: else the browser never hears of it.
    const base = first - this.#next < largestFeedback ? this.#next : first
    const count = Math.min(this.#last - base + 1, largestFeedback)
    const referenceUs = Math.floor(this.#at(first) / 64_000) * 64_000
    write32(bytes, 4, sender)
    write32(bytes, 8, ssrc)
    write16(bytes, 12, base & 0xffff)
    write24(bytes, 16, (referenceUs / 64_000) & 0xffffff)
    bytes[19] = this.#count++ & 0xff
    const deltasAt = 20 + Math.ceil(count / 7) * 2
    const { end, told } = this.#writeChunks(bytes, base, count, referenceUs, deltasAt)
    write16(bytes, 14, told)
    const length = Math.ceil(end / 4) * 4
    bytes.fill(0, end, length)
    bytes[0] = 0x8f
    bytes[1] = 205
    write16(bytes, 2, length / 4 - 1)
    this.#next = base + told
    return length
  }

  /** Two-bit status vectors throughout: simple, and small for what one feedback holds. */
  #writeChunks(bytes: Uint8Array, base: number, count: number, referenceUs: number, deltasAt: number) {
    let at = deltasAt
    let lastUs = referenceUs
    for (let chunk = 0; chunk * 7 < count; chunk++) {
      let word = 0xc000
      for (let i = 0; i < 7; i++) {
        const index = chunk * 7 + i
        const arrived = index < count ? this.#at(base + index) : notArrived
        if (arrived === notArrived) continue
        const delta = Math.round((arrived - lastUs) / 250)
        const isSmall = delta >= 0 && delta <= 255
        word |= (isSmall ? 1 : 2) << (12 - 2 * i)
        if (isSmall) bytes[at++] = delta
        else {
          write16(bytes, at, Math.max(-32768, Math.min(32767, delta)) & 0xffff)
          at += 2
        }
        lastUs += Math.max(-32768, Math.min(32767, delta)) * 250
      }
      write16(bytes, 20 + chunk * 2, word)
    }
    return { end: at, told: count }
  }

  #at(full: number): number {
    return this.#arrivedUs[full % slots] ?? notArrived
  }
}
