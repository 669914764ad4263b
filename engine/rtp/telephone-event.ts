/**
 * Digits as telephone events (RFC 4733). Received: an event is known by its timestamp, so the packets that repeat its end
 * are one digit (T23), and one whose end was lost is finished by the next event or by silence. Sent: a packet each tick
 * with a growing duration, the end three times (§2.5.1.4).
 */
import { byte, read16, write16 } from '../sfu/rtp.ts'
import { ahead32 } from '../sfu/sequence.ts'

const names = '0123456789*#ABCD'
/** A flash of the hook, which some phones send for hold. */
const flash = 16
const bytesOfEvent = 4
const endBit = 0x80
const longestDuration = 0xffff
/** Without a packet for so long, an event whose end was lost is over. */
const lostEndMs = 200
/** What is further behind is no late packet, but a stream that began again somewhere. */
const latestSeconds = 5
/** -10 dBm0. */
const volume = 10
const ends = 3

export interface Digit {
  readonly digit: string
  readonly durationMs: number
}

export const eventOf = (digit: string): number =>
  digit === 'F' ? flash : digit.length === 1 ? names.indexOf(digit) : -1
const nameOf = (event: number): string => (event === flash ? 'F' : (names[event] ?? ''))

export class EventReceiver {
  readonly #clockRate: number
  #event = -1
  #timestamp = 0
  #duration = 0
  /** Of the parts of an event that is longer than a duration can say (§2.5.1.3). */
  #before = 0
  #isReported = true
  #heardAt = 0

  constructor(clockRate: number) {
    this.#clockRate = clockRate
  }

  /** A digit that this packet ends: its own, or the one before it whose end was lost. */
  onPacket(bytes: Uint8Array, at: number, length: number, timestamp: number, nowMs: number): Digit | null {
    const event = byte(bytes, at)
    if (length < bytesOfEvent || nameOf(event) === '') return null
    const duration = read16(bytes, at + 2)
    const isEnd = (byte(bytes, at + 1) & endBit) !== 0
    let ended: Digit | null = null
    if (this.#event === -1 || timestamp !== this.#timestamp) {
      const ahead = ahead32(timestamp, this.#timestamp)
      if (this.#event !== -1 && ahead < 0 && ahead > -latestSeconds * this.#clockRate) return null // late
      if (this.#isNextPart(event, timestamp)) this.#before += longestDuration
      else {
        ended = this.#report()
        this.#before = 0
        this.#isReported = false
      }
      this.#event = event
      this.#timestamp = timestamp
      this.#duration = 0
    }
    this.#heardAt = nowMs
    this.#duration = Math.max(this.#duration, duration)
    // One that was lost and one that ends at once cannot both be told: an event of one packet waits for its repetition.
    return isEnd && !ended ? this.#report() : ended
  }

  /** The digit whose end never came. */
  onSilence(nowMs: number): Digit | null {
    return this.#isReported || nowMs - this.#heardAt < lostEndMs ? null : this.#report()
  }

  #isNextPart(event: number, timestamp: number): boolean {
    // The packet that says the whole duration of the part before may be lost.
    return !this.#isReported && this.#event === event && ahead32(timestamp, this.#timestamp) === longestDuration
  }

  #report(): Digit | null {
    if (this.#isReported) return null
    this.#isReported = true
    const durationMs = Math.round(((this.#before + this.#duration) * 1_000) / this.#clockRate)
    return { digit: nameOf(this.#event), durationMs }
  }
}

/** One event on its way. */
export class EventSender {
  readonly timestamp: number
  readonly #event: number
  readonly #step: number
  readonly #length: number
  #duration = 0
  #endsSent = 0

  constructor(event: number, durationMs: number, { timestamp, clockRate, ptimeMs }: EventTiming) {
    this.#event = event
    this.timestamp = timestamp
    this.#step = (clockRate * ptimeMs) / 1_000
    this.#length = Math.min(longestDuration, Math.round((clockRate * durationMs) / 1_000))
  }

  get isFirst(): boolean {
    return this.#duration === 0
  }

  get isDone(): boolean {
    return this.#endsSent === ends
  }

  /** The next packet's four bytes. */
  write(bytes: Uint8Array, at: number): void {
    this.#duration = Math.min(this.#length, this.#duration + this.#step)
    const isEnd = this.#duration === this.#length
    if (isEnd) this.#endsSent += 1
    bytes[at] = this.#event
    bytes[at + 1] = (isEnd ? endBit : 0) | volume
    write16(bytes, at + 2, this.#duration)
  }
}

interface EventTiming {
  readonly timestamp: number
  readonly clockRate: number
  readonly ptimeMs: number
}
