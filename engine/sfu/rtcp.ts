/**
 * RTCP (RFC 3550 §6, RFC 4585, RFC 5104, RFC 3611): reading what browsers send, writing what we send. Reading calls a
 * sink for each item and stops quietly where the bytes stop making sense (M9).
 */
import { byte, read16, read24, read32, write16, write24, write32 } from './rtp.ts'

export interface RtcpSink {
  senderReport(ssrc: number, ntpHigh: number, ntpLow: number, rtpTimestamp: number): void
  /** `fraction` of 256. `lsr` and `dlsr` in 1/65536 s; 0 when no report was had. */
  reportBlock(ssrc: number, fraction: number, lsr: number, dlsr: number): void
  nack(ssrc: number, sequence: number): void
  /** PLI or FIR. */
  keyFrameRequest(ssrc: number): void
  /** Transport-wide feedback: the FCI, from its base sequence number on. */
  transportFeedback(bytes: Uint8Array, from: number, end: number): void
  /** REMB. */
  maximumBitrate(bps: number): void
  /** XR receiver reference time: answer it with DLRR. */
  referenceTime(ssrc: number, ntpMiddle: number): void
}

const senderReport = 200
const receiverReport = 201
const transportFeedback = 205
const payloadFeedback = 206
const extendedReport = 207
const remb = 0x52454d42

/** False when something in it was no RTCP. */
export function readRtcp(bytes: Uint8Array, sink: RtcpSink): boolean {
  let at = 0
  while (at + 4 <= bytes.length) {
    if (byte(bytes, at) >> 6 !== 2) return false
    const end = at + 4 + read16(bytes, at + 2) * 4
    if (end > bytes.length) return false
    if (!readOne(bytes, at, end, sink)) return false
    at = end
  }
  return at === bytes.length
}

function readOne(bytes: Uint8Array, at: number, end: number, sink: RtcpSink): boolean {
  const count = byte(bytes, at) & 0x1f
  switch (byte(bytes, at + 1)) {
    case senderReport:
      if (at + 28 > end) return false
      sink.senderReport(read32(bytes, at + 4), read32(bytes, at + 8), read32(bytes, at + 12), read32(bytes, at + 16))
      return readBlocks(bytes, at + 28, end, count, sink)
    case receiverReport:
      return readBlocks(bytes, at + 8, end, count, sink)
    case transportFeedback:
      return readTransportFeedback(bytes, at, end, count, sink)
    case payloadFeedback:
      return readPayloadFeedback(bytes, at, end, count, sink)
    case extendedReport:
      return readExtendedReport(bytes, at, end, sink)
    default:
      return true
  }
}

function readBlocks(bytes: Uint8Array, from: number, end: number, count: number, sink: RtcpSink): boolean {
  if (from + count * 24 > end) return false
  for (let at = from; at < from + count * 24; at += 24) {
    sink.reportBlock(read32(bytes, at), byte(bytes, at + 4), read32(bytes, at + 16), read32(bytes, at + 20))
  }
  return true
}

function readTransportFeedback(bytes: Uint8Array, at: number, end: number, format: number, sink: RtcpSink): boolean {
  if (at + 12 > end) return false
  if (format === 15) {
    if (at + 20 > end) return false
    sink.transportFeedback(bytes, at + 12, end)
  }
  if (format !== 1) return true
  const ssrc = read32(bytes, at + 8)
  for (let item = at + 12; item + 4 <= end; item += 4) {
    const first = read16(bytes, item)
    const mask = read16(bytes, item + 2)
    sink.nack(ssrc, first)
    for (let bit = 0; bit < 16; bit++) if ((mask >> bit) & 1) sink.nack(ssrc, (first + bit + 1) & 0xffff)
  }
  return true
}

function readPayloadFeedback(bytes: Uint8Array, at: number, end: number, format: number, sink: RtcpSink): boolean {
  if (at + 12 > end) return false
  if (format === 1) sink.keyFrameRequest(read32(bytes, at + 8))
  if (format === 4) for (let fci = at + 12; fci + 8 <= end; fci += 8) sink.keyFrameRequest(read32(bytes, fci))
  if (format === 15 && at + 20 <= end && read32(bytes, at + 12) === remb) {
    const exponent = byte(bytes, at + 17) >> 2
    const mantissa = read24(bytes, at + 17) & 0x3ffff
    sink.maximumBitrate(mantissa * 2 ** exponent)
  }
  return true
}

function readExtendedReport(bytes: Uint8Array, at: number, end: number, sink: RtcpSink): boolean {
  if (at + 8 > end) return false
  const ssrc = read32(bytes, at + 4)
  for (let block = at + 8; block + 4 <= end; ) {
    const next = block + 4 + read16(bytes, block + 2) * 4
    if (next > end) return false
    if (byte(bytes, block) === 4 && block + 12 <= next) sink.referenceTime(ssrc, middle(bytes, block + 4))
    block = next
  }
  return true
}

/** The middle 32 of an NTP timestamp's 64 bits: what LSR and LRR carry. */
const middle = (bytes: Uint8Array, at: number) => read32(bytes, at + 2)

function header(bytes: Uint8Array, count: number, type: number, length: number): void {
  bytes[0] = 0x80 | count
  bytes[1] = type
  write16(bytes, 2, length / 4 - 1)
}

/** RFC 4585 §6.3.1. Returns the length written. */
export function writePli(bytes: Uint8Array, sender: number, ssrc: number): number {
  header(bytes, 1, payloadFeedback, 12)
  write32(bytes, 4, sender)
  write32(bytes, 8, ssrc)
  return 12
}

/** RFC 4585 §6.2.1; `sequences` ascending. */
export function writeNack(bytes: Uint8Array, sender: number, ssrc: number, sequences: readonly number[]): number {
  write32(bytes, 4, sender)
  write32(bytes, 8, ssrc)
  let at = 12
  for (let i = 0; i < sequences.length && at + 4 <= bytes.length; ) {
    const first = sequences[i] ?? 0
    let mask = 0
    i += 1
    for (; i < sequences.length; i++) {
      const distance = ((sequences[i] ?? 0) - first) & 0xffff
      if (distance < 1 || distance > 16) break
      mask |= 1 << (distance - 1)
    }
    write16(bytes, at, first)
    write16(bytes, at + 2, mask)
    at += 4
  }
  header(bytes, 1, transportFeedback, at)
  return at
}

export interface SentStream {
  readonly ssrc: number
  readonly ntpHigh: number
  readonly ntpLow: number
  readonly timestamp: number
  readonly packets: number
  readonly octets: number
}

/** RFC 3550 §6.4.1, without report blocks, at that offset: several in one datagram are fine. */
export function writeSenderReport(bytes: Uint8Array, sent: SentStream, at = 0): number {
  bytes[at] = 0x80
  bytes[at + 1] = senderReport
  write16(bytes, at + 2, 6)
  write32(bytes, at + 4, sent.ssrc)
  write32(bytes, at + 8, sent.ntpHigh)
  write32(bytes, at + 12, sent.ntpLow)
  write32(bytes, at + 16, sent.timestamp)
  write32(bytes, at + 20, sent.packets)
  write32(bytes, at + 24, sent.octets)
  return 28
}

export interface ReceptionBlock {
  readonly ssrc: number
  /** Of 256. */
  readonly fraction: number
  readonly lost: number
  readonly highest: number
  readonly jitter: number
  readonly lsr: number
  readonly dlsr: number
}

/** RFC 3550 §6.4.2. */
export function writeReceiverReport(bytes: Uint8Array, sender: number, blocks: readonly ReceptionBlock[]): number {
  const length = 8 + blocks.length * 24
  header(bytes, blocks.length, receiverReport, length)
  write32(bytes, 4, sender)
  let at = 8
  for (const block of blocks) {
    write32(bytes, at, block.ssrc)
    bytes[at + 4] = block.fraction
    write24(bytes, at + 5, Math.max(-0x800000, Math.min(0x7fffff, block.lost)) & 0xffffff)
    write32(bytes, at + 8, block.highest)
    write32(bytes, at + 12, block.jitter)
    write32(bytes, at + 16, block.lsr)
    write32(bytes, at + 20, block.dlsr)
    at += 24
  }
  return length
}

/** RFC 3611 §4.5: the answer to a receiver's reference time, by which it learns the round trip (M13). */
export function writeDlrr(bytes: Uint8Array, sender: number, ssrc: number, lrr: number, dlrr: number): number {
  header(bytes, 0, extendedReport, 24)
  write32(bytes, 4, sender)
  bytes[8] = 5
  bytes[9] = 0
  write16(bytes, 10, 3)
  write32(bytes, 12, ssrc)
  write32(bytes, 16, lrr)
  write32(bytes, 20, dlrr)
  return 24
}
