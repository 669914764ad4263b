/**
 * RTCP of an endpoint (RFC 3550 §6): a compound of a sender or receiver report and SDES, every five seconds by and by;
 * from the peer's reports, the round trip and what it lost. RTCP ends at us: each leg has streams of its own.
 */
import { readRtcp, type RtcpSink } from '../sfu/rtcp.ts'
import { write16, write24, write32 } from '../sfu/rtp.ts'
import type { OutgoingStream } from './outgoing-stream.ts'
import type { Reception } from './reception.ts'

const senderReport = 200
const receiverReport = 201
const sourceDescription = 202
const goodbye = 203
const cnameItem = 1
const intervalMs = 5_000
/** Room for every compound of ours. */
export const controlBytes = 200

export class Control implements RtcpSink {
  /** Of the last reports that told it. */
  rttMs: number | null = null
  readonly #stream: OutgoingStream
  readonly #reception: Reception
  readonly #cname: string
  readonly #random: () => number
  #nextAtMs = Number.POSITIVE_INFINITY
  #nowMs = 0
  #reportedPackets = 0
  #fractions = 0
  #reports = 0

  constructor(stream: OutgoingStream, reception: Reception, cname: string, random: () => number) {
    this.#stream = stream
    this.#reception = reception
    this.#cname = cname
    this.#random = random
  }

  /** What the peer lost of ours, on the whole. */
  get peerLossRatio(): number | null {
    return this.#reports === 0 ? null : this.#fractions / this.#reports / 256
  }

  start(nowMs: number): void {
    if (this.#nextAtMs === Number.POSITIVE_INFINITY) this.#nextAtMs = nowMs + this.#interval() / 2
  }

  /** The length of a compound that is due now, or 0. */
  poll(bytes: Uint8Array, nowMs: number): number {
    if (nowMs < this.#nextAtMs) return 0
    this.#nextAtMs = nowMs + this.#interval()
    return this.#write(bytes, nowMs)
  }

  goodbye(bytes: Uint8Array, nowMs: number): number {
    const length = this.#write(bytes, nowMs)
    bytes[length] = 0x81
    bytes[length + 1] = goodbye
    write16(bytes, length + 2, 1)
    write32(bytes, length + 4, this.#stream.ssrc)
    return length + 8
  }

  /** False when it is no RTCP. */
  read(bytes: Uint8Array, nowMs: number): boolean {
    this.#nowMs = nowMs
    return readRtcp(bytes, this)
  }

  senderReport(ssrc: number, ntpHigh: number, ntpLow: number): void {
    this.#reception.onSenderReport(ssrc, ntpHigh, ntpLow, this.#nowMs)
  }

  reportBlock(ssrc: number, fraction: number, lsr: number, dlsr: number): void {
    if (ssrc !== this.#stream.ssrc) return
    this.#fractions += fraction
    this.#reports += 1
    if (lsr === 0) return
    const rtt = (ntpMiddle(this.#nowMs) - lsr - dlsr) | 0
    // A clock that is a little off makes it negative; one that is nonsense makes it long.
    if (rtt >= 0 && rtt < 60 * 65_536) this.rttMs = (rtt * 1_000) / 65_536
  }

  nack(): void {}
  keyFrameRequest(): void {}
  transportFeedback(): void {}
  maximumBitrate(): void {}
  referenceTime(): void {}

  /** RFC 3550 §6.3.1: so that not everybody reports at once. */
  #interval(): number {
    return intervalMs * (0.5 + this.#random())
  }

  #write(bytes: Uint8Array, nowMs: number): number {
    const stream = this.#stream
    const hasSent = stream.packets > this.#reportedPackets
    this.#reportedPackets = stream.packets
    const block = this.#reception.report(nowMs)
    const from = hasSent ? 28 : 8
    const length = from + (block ? 24 : 0)
    header(bytes, 0, block ? 1 : 0, hasSent ? senderReport : receiverReport, length)
    write32(bytes, 4, stream.ssrc)
    if (hasSent) {
      write32(bytes, 8, Math.floor(nowMs / 1_000) >>> 0)
      write32(bytes, 12, ntpFraction(nowMs))
      write32(bytes, 16, stream.timestampAt(nowMs))
      write32(bytes, 20, stream.packets >>> 0)
      write32(bytes, 24, stream.octets >>> 0)
    }
    if (block) {
      write32(bytes, from, block.ssrc)
      bytes[from + 4] = block.fraction
      write24(bytes, from + 5, Math.max(-0x80_0000, Math.min(0x7f_ffff, block.lost)) & 0xff_ffff)
      write32(bytes, from + 8, block.highest)
      write32(bytes, from + 12, block.jitter)
      write32(bytes, from + 16, block.lsr)
      write32(bytes, from + 20, block.dlsr)
    }
    return this.#writeDescription(bytes, length)
  }

  #writeDescription(bytes: Uint8Array, at: number): number {
    const cname = this.#cname
    // The item list ends with at least one zero and fills its word.
    const length = 8 + Math.ceil((2 + cname.length + 1) / 4) * 4
    bytes.fill(0, at, at + length)
    header(bytes, at, 1, sourceDescription, length)
    write32(bytes, at + 4, this.#stream.ssrc)
    bytes[at + 8] = cnameItem
    bytes[at + 9] = cname.length
    for (let i = 0; i < cname.length; i++) bytes[at + 10 + i] = cname.charCodeAt(i)
    return at + length
  }
}

function header(bytes: Uint8Array, at: number, count: number, type: number, length: number): void {
  bytes[at] = 0x80 | count
  bytes[at + 1] = type
  write16(bytes, at + 2, length / 4 - 1)
}

/** Our clock runs since some moment; RTCP only compares it with itself. */
const ntpFraction = (nowMs: number) => Math.floor(((nowMs % 1_000) / 1_000) * 2 ** 32) >>> 0
const ntpMiddle = (nowMs: number) => (((Math.floor(nowMs / 1_000) & 0xffff) << 16) | (ntpFraction(nowMs) >>> 16)) >>> 0
