/** RTCP as a browser would send it (RFC 3550, RFC 4585, RFC 5104, RFC 3611, REMB), written from the RFCs. */
import { bytes16, bytes32 } from './packet.ts'

const browser = 0x0b0b0b0b

/** One packet of a compound: its body is what follows the first word. */
export function rtcpPacket(type: number, count: number, body: readonly number[]): Uint8Array {
  const padded = [...body]
  while (padded.length % 4 !== 0) padded.push(0)
  return Uint8Array.from([0x80 | count, type, ...bytes16(padded.length / 4), ...padded])
}

export const compound = (...packets: readonly Uint8Array[]): Uint8Array =>
  Uint8Array.from(packets.flatMap((packet) => [...packet]))

export interface BlockFields {
  readonly ssrc: number
  readonly fraction?: number
  readonly lost?: number
  readonly highest?: number
  readonly jitter?: number
  readonly lsr?: number
  readonly dlsr?: number
}

const block = ({ ssrc, fraction = 0, lost = 0, highest = 0, jitter = 0, lsr = 0, dlsr = 0 }: BlockFields) => [
  ...bytes32(ssrc),
  fraction,
  ...bytes32(lost & 0xffffff).slice(1),
  ...[highest, jitter, lsr, dlsr].flatMap(bytes32),
]

export const receiverReport = (...blocks: readonly BlockFields[]): Uint8Array =>
  rtcpPacket(201, blocks.length, [...bytes32(browser), ...blocks.flatMap(block)])

export const senderReport = (
  ssrc: number,
  { ntpHigh, ntpLow = 0, timestamp }: { ntpHigh: number; ntpLow?: number; timestamp: number },
  ...blocks: readonly BlockFields[]
): Uint8Array =>
  rtcpPacket(200, blocks.length, [
    ...[ssrc, ntpHigh, ntpLow, timestamp, 10, 1000].flatMap(bytes32),
    ...blocks.flatMap(block),
  ])

/** Pairs of a first sequence number and the mask of the sixteen after it. */
export const nack = (ssrc: number, ...items: readonly (readonly [first: number, mask: number])[]): Uint8Array =>
  rtcpPacket(205, 1, [...bytes32(browser), ...bytes32(ssrc), ...items.flat().flatMap(bytes16)])

export const pli = (ssrc: number): Uint8Array => rtcpPacket(206, 1, [...bytes32(browser), ...bytes32(ssrc)])

export const fir = (...ssrcs: readonly number[]): Uint8Array =>
  rtcpPacket(206, 4, [...bytes32(browser), ...bytes32(0), ...ssrcs.flatMap((ssrc) => [...bytes32(ssrc), 1, 0, 0, 0])])

export function remb(bps: number, ...ssrcs: readonly number[]): Uint8Array {
  let exponent = 0
  while (bps / 2 ** exponent >= 2 ** 18) exponent += 1
  const mantissa = Math.floor(bps / 2 ** exponent)
  const name = [...'REMB'].map((letter) => letter.charCodeAt(0))
  const rate = [ssrcs.length, (exponent << 2) | (mantissa >> 16), ...bytes16(mantissa & 0xffff)]
  return rtcpPacket(206, 15, [...bytes32(browser), ...bytes32(0), ...name, ...rate, ...ssrcs.flatMap(bytes32)])
}

/** RFC 3611 §4.4. */
export const referenceTime = (ssrc: number, ntpHigh: number, ntpLow: number): Uint8Array =>
  rtcpPacket(207, 0, [...bytes32(ssrc), 4, 0, 0, 2, ...bytes32(ntpHigh), ...bytes32(ntpLow)])

export interface FeedbackFields {
  readonly base: number
  /** When each packet from `base` on arrived; null: not yet. */
  readonly arrivedUs: readonly (number | null)[]
  readonly count?: number
}

/**
 * draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1 in the manner of libwebrtc: run lengths where they pay, vectors
 * of one bit where no delta is large, of two bits where one is.
 */
export function transportFeedback({ base, arrivedUs, count = 0 }: FeedbackFields): Uint8Array {
  const first = arrivedUs.find((at) => at !== null) ?? 0
  const reference = Math.floor(first / 64_000)
  const deltas: number[] = []
  const symbols: number[] = []
  let last = reference * 64_000
  for (const at of arrivedUs) {
    if (at === null) {
      symbols.push(0)
      continue
    }
    const delta = Math.round((at - last) / 250)
    last += delta * 250
    const isSmall = delta >= 0 && delta <= 255
    symbols.push(isSmall ? 1 : 2)
    deltas.push(...(isSmall ? [delta] : bytes16(delta & 0xffff)))
  }
  const body = [
    ...[...bytes32(browser), ...bytes32(0), ...bytes16(base), ...bytes16(arrivedUs.length)],
    ...[...bytes32(reference & 0xffffff).slice(1), count & 0xff],
    ...statusChunks(symbols),
    ...deltas,
  ]
  return rtcpPacket(205, 15, body)
}

function statusChunks(symbols: readonly number[]): number[] {
  const bytes: number[] = []
  for (let at = 0; at < symbols.length; ) {
    const symbol = symbols[at] ?? 0
    let run = 1
    while (symbols[at + run] === symbol && run < 8191) run += 1
    const next = symbols.slice(at, at + 14)
    if (run >= 14 || at + run === symbols.length) {
      bytes.push(...bytes16((symbol << 13) | run))
      at += run
    } else if (!next.includes(2)) {
      bytes.push(...bytes16(next.reduce((word, one, i) => word | (one << (13 - i)), 0x8000)))
      at += 14
    } else {
      bytes.push(...bytes16(next.slice(0, 7).reduce((word, one, i) => word | (one << (12 - 2 * i)), 0xc000)))
      at += 7
    }
  }
  return bytes
}
