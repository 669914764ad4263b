/**
 * One RTP stream of a publisher: a simulcast layer, or a track's only one. It keeps what arrived for those who ask again
 * (ONE ring, M5), counts what is missing and asks the publisher for it (RFC 4585), and reports reception (RFC 3550 §6.4).
 */
import type { ReceptionBlock } from './rtcp.ts'
import type { RtpPacket } from './rtp.ts'
import { unwrap16 } from './sequence.ts'

/** Two seconds of a 720p layer. */
const videoSlots = 512
const audioSlots = 128
const mostMissing = 200
const mostAsked = 10
const giveUpMs = 1_000
/** M13: asked again after a round trip, and never more often than this. */
const leastRetryMs = 20
/** A jump this large is a new beginning, not loss. */
export const largestGap = 1_000

interface Missing {
  readonly sinceMs: number
  askedMs: number
  asked: number
}

export class Layer {
  readonly rid: string
  readonly ssrc: number
  readonly clockRate: number
  readonly #keepsRate: boolean
  readonly #ring: (Uint8Array | undefined)[]
  readonly #missing = new Map<number, Missing>()
  /** Unwrapped highest sequence number; -1 before the first packet. */
  highest = -1
  #first = -1
  #received = 0
  #expectedBefore = 0
  #receivedBefore = 0
  #jitter = 0
  #lastTransit = 0
  /** The last sender report: NTP, its RTP timestamp, and when it came. */
  reportNtpHigh = 0
  reportNtpLow = 0
  reportTimestamp = 0
  reportAtMs = 0
  lastPacketMs = 0
  /** Bits a second, over the last second or so that it flowed: a picture switched off will cost the same again. */
  bitrateBps = 0
  #bytes = 0
  #bytesSinceMs = 0
  /** Of the last key frame; 0 until known. */
  height = 0
  #requestedMs = Number.NEGATIVE_INFINITY
  #isRequestPending = false
  #expectedSinceMs = Number.POSITIVE_INFINITY
  /** A fraction of the last second's packets. */
  loss = 0
  /** To the publisher and back, as retransmissions show it. */
  rttMs = 50

  constructor(rid: string, ssrc: number, kind: 'audio' | 'video') {
    this.rid = rid
    this.ssrc = ssrc
    this.clockRate = kind === 'audio' ? 48_000 : 90_000
    this.#keepsRate = kind === 'video'
    this.#ring = new Array(kind === 'audio' ? audioSlots : videoSlots).fill(undefined)
  }

  /** The packet's unwrapped sequence number, or -1 for one that is a duplicate or too old. */
  onPacket(packet: RtpPacket, nowMs: number): number {
    const { sequence } = packet
    if (this.highest < 0) {
      this.highest = sequence + 0x10000 // so that an earlier one is not negative
      this.#first = this.highest
    }
    let full = unwrap16(sequence, this.highest)
    const gap = full - this.highest
    if (gap > largestGap || gap < -largestGap) {
      // Always onwards, so that who follows does not take it for something old.
      full = this.highest + ((sequence - this.highest) & 0xffff)
      this.#restart(full)
    } else if (gap > 0) this.#noteMissing(full, nowMs)
    else if (gap < 0 && !this.#recover(full, nowMs)) return -1
    else if (gap === 0 && this.#received > 0) return -1
    if (full > this.highest) this.highest = full
    this.#ring[full % this.#ring.length] = packet.bytes
    this.#received += 1
    this.#bytes += packet.bytes.length
    this.lastPacketMs = nowMs
    this.#countJitter(packet.timestamp, nowMs)
    return full
  }

  #restart(full: number): void {
    this.#missing.clear()
    this.highest = full
    this.#first = full
    this.#received = 0
    this.#expectedBefore = 0
    this.#receivedBefore = 0
  }

  /** False for a duplicate. What we asked for once tells the round trip by its coming. */
  #recover(full: number, nowMs: number): boolean {
    const missing = this.#missing.get(full)
    if (!missing) return false
    if (missing.asked === 1) this.rttMs += (nowMs - missing.askedMs - this.rttMs) * 0.2
    return this.#missing.delete(full)
  }

  #noteMissing(full: number, nowMs: number): void {
    for (let gone = Math.max(this.highest + 1, full - mostMissing); gone < full; gone++) {
      this.#missing.set(gone, { sinceMs: nowMs, askedMs: 0, asked: 0 })
    }
    while (this.#missing.size > mostMissing) {
      const oldest = this.#missing.keys().next().value
      if (oldest === undefined) break
      this.#missing.delete(oldest)
    }
  }

  /** The bytes of that packet, if they are still here. */
  packet(full: number): Uint8Array | undefined {
    const bytes = this.#ring[full % this.#ring.length]
    if (!bytes || this.highest - full >= this.#ring.length) return undefined
    return (((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0)) === (full & 0xffff) ? bytes : undefined
  }

  /** Sequence numbers to ask for now, ascending; `into` is used again. */
  takeMissing(nowMs: number, into: number[]): void {
    into.length = 0
    const retryMs = Math.max(leastRetryMs, this.rttMs)
    for (const [full, missing] of this.#missing) {
      if (nowMs - missing.sinceMs > giveUpMs || missing.asked >= mostAsked) this.#missing.delete(full)
      else if (missing.asked === 0 || nowMs - missing.askedMs >= retryMs) {
        missing.asked += 1
        missing.askedMs = nowMs
        into.push(full & 0xffff)
      }
    }
  }

  get hasMissing(): boolean {
    return this.#missing.size > 0
  }

  /** True when the publisher is to be asked now. The last wish within 300 ms is granted at their end (M15). */
  requestKeyFrame(nowMs: number, leastMs: number): boolean {
    if (nowMs - this.#requestedMs < leastMs) {
      this.#isRequestPending = true
      return false
    }
    this.#requestedMs = nowMs
    this.#isRequestPending = false
    this.#expectedSinceMs = Number.POSITIVE_INFINITY
    return true
  }

  /** Somebody waits for this stream, which begins: its own first key frame spares the request. */
  expectKeyFrame(nowMs: number): void {
    this.#expectedSinceMs = nowMs
  }

  isKeyFrameDue(nowMs: number, leastMs: number): boolean {
    const isLate = nowMs - this.#expectedSinceMs >= leastMs
    return (this.#isRequestPending || isLate) && this.requestKeyFrame(nowMs, leastMs)
  }

  onKeyFrame(height: number): void {
    this.#isRequestPending = false
    this.#expectedSinceMs = Number.POSITIVE_INFINITY
    if (height > 0) this.height = height
  }

  onSenderReport(ntpHigh: number, ntpLow: number, timestamp: number, nowMs: number): void {
    this.reportNtpHigh = ntpHigh
    this.reportNtpLow = ntpLow
    this.reportTimestamp = timestamp
    this.reportAtMs = nowMs
  }

  /** RFC 3550 A.3 and A.8, each second. */
  takeReport(nowMs: number): ReceptionBlock {
    const expected = this.highest - this.#first + 1
    const expectedNow = expected - this.#expectedBefore
    const lostNow = Math.max(0, expectedNow - (this.#received - this.#receivedBefore))
    this.#expectedBefore = expected
    this.#receivedBefore = this.#received
    this.loss = expectedNow > 0 ? lostNow / expectedNow : 0
    const hasReport = this.reportAtMs > 0
    return {
      ssrc: this.ssrc,
      fraction: Math.min(255, Math.floor(this.loss * 256)),
      lost: expected - this.#received,
      highest: this.highest % 2 ** 32,
      jitter: Math.round(this.#jitter),
      lsr: hasReport ? ((this.reportNtpHigh << 16) | (this.reportNtpLow >>> 16)) >>> 0 : 0,
      dlsr: hasReport ? Math.round((nowMs - this.reportAtMs) * 65.536) : 0,
    }
  }

  measure(nowMs: number): void {
    const spanMs = nowMs - this.#bytesSinceMs
    if (spanMs < 500) return
    if (this.#bytes === 0 && this.#keepsRate) {
      this.#bytesSinceMs = nowMs
      return
    }
    const bps = (this.#bytes * 8000) / spanMs
    this.bitrateBps = this.#bytesSinceMs === 0 ? bps : 0.5 * this.bitrateBps + 0.5 * bps
    this.#bytes = 0
    this.#bytesSinceMs = nowMs
  }

  #countJitter(timestamp: number, nowMs: number): void {
    const transit = (nowMs * this.clockRate) / 1000 - timestamp
    const change = Math.abs(transit - this.#lastTransit)
    this.#lastTransit = transit
    // A timestamp that wrapped or a stream that paused is no jitter.
    if (change < this.clockRate) this.#jitter += (change - this.#jitter) / 16
  }
}
