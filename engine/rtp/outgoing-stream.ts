/**
 * One outgoing RTP stream for the life of an endpoint (T22): one SSRC, with sequence numbers and timestamps that go on
 * whatever is sent: relayed packets, music, digits. Where the source changes the first packet has the marker, and its
 * timestamp is as much later as time has passed.
 *
 * Relayed packets keep their distances, so what was lost before us is a gap behind us too; what we leave out ourselves
 * closes up.
 */
import { byte, read16, read32, write16, write32 } from '../sfu/rtp.ts'
import { ahead16, ahead32 } from '../sfu/sequence.ts'

/** Larger jumps of a source are another source. */
const farthestJump = 3_000
const farthestSeconds = 5
/** Longer without a packet of our own is a pause: shorter stalls are caught up (mix.ts, speaker.ts). */
const pauseMs = 300
/** The least that a timestamp moves where the source changes. */
const shortestStepMs = 20

export class OutgoingStream {
  readonly ssrc: number
  packets = 0
  octets = 0
  #sequence: number
  #timestamp: number
  #clockRate = 8_000
  /** When the clock showed `#timestamp`. */
  #clockAtMs = 0
  #sentAtMs = Number.NEGATIVE_INFINITY
  #isStarted = false
  /** Whose packets go out now; compared only. */
  #source: object | null = null
  #sourceSsrc = 0
  #sequenceOffset = 0
  #timestampOffset = 0
  /** Nothing of this source goes out before it. */
  #floor = 0
  #lastIn = 0
  #lastInTimestamp = 0
  #eventIn = -1
  #eventOut = 0

  constructor(random: () => number) {
    this.ssrc = Math.floor(random() * 2 ** 32)
    this.#sequence = Math.floor(random() * 32_768)
    this.#timestamp = Math.floor(random() * 2 ** 32)
  }

  /** Whether something went out within that time. */
  hasSentSince(atMs: number): boolean {
    return this.#sentAtMs >= atMs
  }

  /** What the stream's clock shows: for sender reports. */
  timestampAt(nowMs: number): number {
    if (!this.#isStarted) return this.#timestamp
    return (this.#timestamp + Math.round(((nowMs - this.#clockAtMs) * this.#clockRate) / 1_000)) >>> 0
  }

  /** Makes another stream's packet ours, in place; false: it is too old to be sent. */
  relay(bytes: Uint8Array, source: object, payload: number, clockRate: number, nowMs: number): boolean {
    const sequence = read16(bytes, 2)
    const timestamp = read32(bytes, 4)
    const isNew = this.#isOther(bytes, source) || this.#hasJumped(sequence, timestamp, clockRate, nowMs)
    if (isNew) this.#begin(bytes, source, this.startsAt(clockRate, nowMs), nowMs)
    const out = (sequence + this.#sequenceOffset) & 0xffff
    const outTimestamp = (timestamp + this.#timestampOffset) >>> 0
    if (!this.#advance(out, outTimestamp, clockRate, nowMs)) return false
    if (ahead16(sequence, this.#lastIn) >= 0) {
      this.#lastIn = sequence
      this.#lastInTimestamp = timestamp
    }
    this.#write(bytes, out, outTimestamp, payload, isNew)
    return true
  }

  /**
   * A telephone event (RFC 4733): all packets of one have its timestamp. `isSameClock`: its timestamps run with those of
   * the speech around it; otherwise it gets the time at which it came.
   */
  relayEvent(bytes: Uint8Array, source: object, payload: number, isSameClock: boolean, nowMs: number): boolean {
    const sequence = read16(bytes, 2)
    const timestamp = read32(bytes, 4)
    const isNew = this.#isOther(bytes, source) || Math.abs(ahead16(sequence, this.#lastIn)) > farthestJump
    if (isNew) this.#begin(bytes, source, this.startsAt(this.#clockRate, nowMs), nowMs)
    const out = (sequence + this.#sequenceOffset) & 0xffff
    if (timestamp !== this.#eventIn || isNew) {
      this.#eventIn = timestamp
      this.#eventOut = isSameClock ? (timestamp + this.#timestampOffset) >>> 0 : this.timestampAt(nowMs)
    }
    if (!this.#advance(out, null, this.#clockRate, nowMs)) return false
    if (ahead16(sequence, this.#lastIn) >= 0) this.#lastIn = sequence
    this.#write(bytes, out, this.#eventOut, payload, isNew)
    return true
  }

  /** A packet of the current source that is not passed on: the next one takes its number. */
  omit(bytes: Uint8Array, source: object): void {
    const sequence = read16(bytes, 2)
    if (this.#isOther(bytes, source) || ahead16(sequence, this.#lastIn) <= 0) return
    this.#lastIn = sequence
    this.#floor = (sequence + this.#sequenceOffset) & 0xffff
    this.#sequenceOffset -= 1
  }

  /** The header of a packet of our own making, `samples` long; `timestamp`: an event's. Returns where its payload begins. */
  make(bytes: Uint8Array, { source, payload, samples, clockRate, timestamp }: MadePacket, nowMs: number): number {
    const isNew = this.#source !== source || (timestamp === undefined && nowMs - this.#clockAtMs > pauseMs)
    // An event does not move the clock: what comes after it is as much later as time has passed.
    if (timestamp === undefined || !this.#isStarted) {
      const goesOn = !isNew && clockRate === this.#clockRate
      this.#timestamp = goesOn ? (this.#timestamp + samples) >>> 0 : this.startsAt(clockRate, nowMs)
      this.#clockRate = clockRate
      this.#clockAtMs = nowMs
    }
    this.#source = source
    this.#sequence = (this.#sequence + 1) & 0xffff
    this.#isStarted = true
    this.#sentAtMs = nowMs
    bytes[0] = 0x80
    bytes[1] = 0
    this.#write(bytes, this.#sequence, timestamp ?? this.#timestamp, payload, isNew)
    return 12
  }

  /** The timestamp of what begins now. */
  startsAt(clockRate: number, nowMs: number): number {
    if (!this.#isStarted) return this.#timestamp
    const elapsedMs = Math.max(shortestStepMs, nowMs - this.#clockAtMs)
    return (this.#timestamp + Math.round((elapsedMs * clockRate) / 1_000)) >>> 0
  }

  #isOther(bytes: Uint8Array, source: object): boolean {
    return this.#source !== source || this.#sourceSsrc !== read32(bytes, 8)
  }

  #hasJumped(sequence: number, timestamp: number, clockRate: number, nowMs: number): boolean {
    if (clockRate !== this.#clockRate || Math.abs(ahead16(sequence, this.#lastIn)) > farthestJump) return true
    const elapsed = Math.round(((nowMs - this.#clockAtMs) * clockRate) / 1_000)
    return Math.abs(ahead32(timestamp, (this.#lastInTimestamp + elapsed) | 0)) > farthestSeconds * clockRate
  }

  #begin(bytes: Uint8Array, source: object, timestamp: number, nowMs: number): void {
    const next = this.#isStarted ? (this.#sequence + 1) & 0xffff : this.#sequence
    this.#source = source
    this.#sourceSsrc = read32(bytes, 8)
    this.#lastIn = read16(bytes, 2)
    this.#lastInTimestamp = read32(bytes, 4)
    this.#sequenceOffset = next - this.#lastIn
    this.#timestampOffset = timestamp - this.#lastInTimestamp
    if (!this.#isStarted) this.#clockAtMs = nowMs
    this.#floor = next
    this.#sequence = (next - 1) & 0xffff
    this.#isStarted = true
  }

  /** False: before what this source may send. */
  #advance(sequence: number, timestamp: number | null, clockRate: number, nowMs: number): boolean {
    if (ahead16(sequence, this.#sequence) <= 0) return ahead16(sequence, this.#floor) >= 0
    this.#sequence = sequence
    this.#sentAtMs = nowMs
    if (timestamp !== null) {
      this.#timestamp = timestamp
      this.#clockRate = clockRate
      this.#clockAtMs = nowMs
    }
    // It follows, so that it never is half a round behind.
    if (ahead16(sequence, this.#floor) > farthestJump) this.#floor = (sequence - farthestJump) & 0xffff
    return true
  }

  #write(bytes: Uint8Array, sequence: number, timestamp: number, payload: number, isNew: boolean): void {
    bytes[1] = payload | (isNew ? 0x80 : byte(bytes, 1) & 0x80)
    write16(bytes, 2, sequence)
    write32(bytes, 4, timestamp)
    write32(bytes, 8, this.ssrc)
  }
}

export interface MadePacket {
  /** Whoever makes it; compared only. */
  readonly source: object
  readonly payload: number
  readonly samples: number
  readonly clockRate: number
  readonly timestamp?: number
}
