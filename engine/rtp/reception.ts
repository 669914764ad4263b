/**
 * What is known of a received stream (RFC 3550 §6.4.1, appendices A.1, A.3 and A.8): sequence numbers over their wrap,
 * loss, jitter, and the report block that tells the sender. Another SSRC is another stream; what the earlier ones lost
 * stays counted.
 */
import { ahead16 } from '../sfu/sequence.ts'
import type { ReceptionBlock } from '../sfu/rtcp.ts'

/** Larger jumps are a sender that began again. */
const farthestJump = 3_000
/** What comes so much too late or too early did not travel so long: its sender went on from another timestamp. */
const farthestSeconds = 5

export class Reception {
  ssrc = 0
  packets = 0
  jitterMs = 0
  #isStarted = false
  #base = 0
  /** Of 2^16, counted on. */
  #cycles = 0
  #highest = 0
  #received = 0
  /** Of streams before this one. */
  #lostBefore = 0
  #expectedBefore = 0
  #transit = 0
  #hasTransit = false
  #jitter = 0
  #clockRate = 8_000
  #reportedExpected = 0
  #reportedReceived = 0
  #reportMiddle = 0
  #reportAtMs = 0

  /** `clockRate` 0: its timestamps tell no time (an event's packets share one). */
  onPacket(ssrc: number, sequence: number, timestamp: number, clockRate: number, nowMs: number): void {
    if (!this.#isStarted || ssrc !== this.ssrc) this.#begin(ssrc, sequence)
    else {
      const ahead = ahead16(sequence, this.#highest)
      if (ahead > farthestJump || ahead < -farthestJump) this.#begin(ssrc, sequence)
      else if (ahead > 0) {
        if (sequence < this.#highest) this.#cycles += 65_536
        this.#highest = sequence
      }
    }
    this.packets += 1
    this.#received += 1
    if (clockRate > 0) this.#time(timestamp, clockRate, nowMs)
  }

  onSenderReport(ssrc: number, ntpHigh: number, ntpLow: number, nowMs: number): void {
    if (ssrc !== this.ssrc) return
    this.#reportMiddle = (((ntpHigh & 0xffff) << 16) | (ntpLow >>> 16)) >>> 0
    this.#reportAtMs = nowMs
  }

  get expected(): number {
    return this.#expectedBefore + this.#expected
  }

  get lost(): number {
    return this.#lostBefore + Math.max(0, this.#expected - this.#received)
  }

  /** Null: nothing to say yet. */
  report(nowMs: number): ReceptionBlock | null {
    if (!this.#isStarted) return null
    const expected = this.#expected - this.#reportedExpected
    const lost = expected - (this.#received - this.#reportedReceived)
    this.#reportedExpected = this.#expected
    this.#reportedReceived = this.#received
    const sinceMs = this.#reportMiddle === 0 ? 0 : nowMs - this.#reportAtMs
    return {
      ssrc: this.ssrc,
      fraction: expected <= 0 || lost <= 0 ? 0 : Math.min(255, Math.floor((lost * 256) / expected)),
      lost: this.#expected - this.#received,
      highest: (this.#cycles + this.#highest) >>> 0,
      jitter: Math.floor(this.#jitter),
      lsr: this.#reportMiddle,
      dlsr: Math.round((sinceMs * 65_536) / 1_000) >>> 0,
    }
  }

  get #expected(): number {
    return this.#isStarted ? this.#cycles + this.#highest - this.#base + 1 : 0
  }

  #begin(ssrc: number, sequence: number): void {
    this.#lostBefore = this.lost
    this.#expectedBefore = this.expected
    this.#isStarted = true
    this.ssrc = ssrc
    this.#base = sequence
    this.#highest = sequence
    this.#cycles = 0
    this.#received = 0
    this.#hasTransit = false
    this.#reportedExpected = 0
    this.#reportedReceived = 0
    this.#reportMiddle = 0
  }

  #time(timestamp: number, clockRate: number, nowMs: number): void {
    // Only differences count, so the wrap of the timestamp is taken by the 32 bits of the subtraction.
    const transit = (Math.round((nowMs * clockRate) / 1_000) - timestamp) | 0
    if (this.#hasTransit && clockRate === this.#clockRate) {
      const step = Math.abs((transit - this.#transit) | 0)
      if (step < farthestSeconds * clockRate) this.#jitter += (step - this.#jitter) / 16
      this.jitterMs = (this.#jitter * 1_000) / clockRate
    }
    this.#clockRate = clockRate
    this.#transit = transit
    this.#hasTransit = true
  }
}
