/**
 * The one buffer that everything leaves from. A published packet goes to many: its payload is copied here once and stays
 * in place, each receiver's header is written before it, and the transport copies the whole before `send` returns (M5).
 * The views that are handed out are made once for each length and used again, so that sending allocates nothing.
 */
import { write16, write32 } from './rtp.ts'

/** Where payloads lie: after a fixed header and one extension of two bytes. */
export const payloadAt = 20
/** Without the extension the header begins here, so that it ends at the payload too. */
const shortHeaderAt = 8
const mediaBytes = 2_048
const reportBytes = 1_500
export const outgoingBytes = mediaBytes + reportBytes
/** What a packet may be at most: an Ethernet frame less IPv6, UDP and SRTP (M11). */
const largestPacket = 1_440

export class Outgoing {
  readonly bytes: Uint8Array
  /** Where reports are written: they may be due while a payload lies here. */
  readonly report: Uint8Array
  readonly #buffer: Uint8Array
  readonly #long = new Views(payloadAt + largestPacket)
  readonly #short = new Views(payloadAt + largestPacket)
  readonly #reports = new Views(reportBytes)
  #loaded: Uint8Array | null = null
  #loadedAt = 0

  /** `buffer` has `outgoingBytes`; what is sent is a `subarray` of it. */
  constructor(buffer: Uint8Array) {
    this.#buffer = buffer
    this.bytes = buffer.subarray(0, mediaBytes)
    this.report = buffer.subarray(mediaBytes, outgoingBytes)
  }

  /** Copies a payload into its place, unless it lies there. False: too long to be sent. */
  load(packet: Uint8Array, from: number, end: number): boolean {
    if (packet === this.#loaded && from === this.#loadedAt) return true
    if (end - from > largestPacket - payloadAt) return false
    this.bytes.set(packet.subarray(from, end), payloadAt)
    this.#loaded = packet
    this.#loadedAt = from
    return true
  }

  /** RFC 4588 §4: the same with its number before it. */
  loadRepair(packet: Uint8Array, from: number, end: number, sequence: number): boolean {
    if (end - from > largestPacket - payloadAt - 2) return false
    this.#loaded = null
    write16(this.bytes, payloadAt, sequence)
    this.bytes.set(packet.subarray(from, end), payloadAt + 2)
    return true
  }

  /** RFC 3550 §5.1: as much padding as one packet can have, and nothing else. */
  loadPadding(): number {
    this.#loaded = null
    this.bytes.fill(0, payloadAt, payloadAt + 254)
    this.bytes[payloadAt + 254] = 255
    return 255
  }

  /**
   * Writes the header before the payload, with a transport-wide number where `extension` is its id and not 0; what to
   * send. `flags` are the bits of the first byte beside the version's and the extension's.
   */
  head(
    flags: number,
    type: number,
    sequence: number,
    timestamp: number,
    ssrc: number,
    extension: number,
    transportSequence: number,
    payloadLength: number,
  ): Uint8Array {
    const { bytes } = this
    const at = extension === 0 ? shortHeaderAt : 0
    bytes[at] = 0x80 | flags | (extension === 0 ? 0 : 0x10)
    bytes[at + 1] = type
    write16(bytes, at + 2, sequence)
    write32(bytes, at + 4, timestamp)
    write32(bytes, at + 8, ssrc)
    if (extension !== 0) {
      bytes[12] = 0xbe
      bytes[13] = 0xde
      bytes[14] = 0
      bytes[15] = 1
      bytes[16] = (extension << 4) | 1
      write16(bytes, 17, transportSequence)
      bytes[19] = 0
    }
    const end = payloadAt + payloadLength
    return (extension === 0 ? this.#short : this.#long).view(this.#buffer, at, end)
  }

  /** The first `length` bytes of `report`. */
  reportOf(length: number): Uint8Array {
    return this.#reports.view(this.#buffer, mediaBytes, mediaBytes + length)
  }
}

/** Views that begin at one place, by their length. */
class Views {
  readonly #views: (Uint8Array | undefined)[]

  constructor(longest: number) {
    this.#views = new Array(longest + 1).fill(undefined)
  }

  view(buffer: Uint8Array, from: number, end: number): Uint8Array {
    const known = this.#views[end - from]
    if (known) return known
    const view = buffer.subarray(from, end)
    this.#views[end - from] = view
    return view
  }
}
