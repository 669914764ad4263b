/** A page's transport-wide feedback (the draft's §3.1) for what arrives, every 50 ms as libwebrtc sends it at these rates. */
import { ahead16 } from '../sfu/sequence.ts'
import { transportFeedback } from './rtcp-packet.ts'

const everyUs = 50_000

export class FeedbackReceiver {
  readonly #arrivedUs = new Map<number, number>()
  #next = -1
  #highest = -1
  #count = 0
  #dueUs = 0

  onPacket(number: number, atUs: number): void {
    if (this.#highest < 0) {
      this.#next = number
      this.#highest = number
    }
    if (ahead16(number, this.#highest) > 0) this.#highest = number
    if (ahead16(number, this.#next) >= 0) this.#arrivedUs.set(number, atUs)
  }

  /** The feedback that is due, or null. */
  take(nowUs: number): Uint8Array | null {
    if (nowUs < this.#dueUs || this.#arrivedUs.size === 0) return null
    this.#dueUs = nowUs + everyUs
    const count = ahead16(this.#highest, this.#next) + 1
    const base = this.#next
    const arrivedUs = Array.from({ length: count }, (_, i) => this.#arrivedUs.get((base + i) & 0xffff) ?? null)
    this.#arrivedUs.clear()
    this.#next = (this.#highest + 1) & 0xffff
    this.#count += 1
    return transportFeedback({ base, arrivedUs, count: this.#count })
  }
}
