/**
 * RTP headers (RFC 3550 §5.1) with one- and two-byte extensions (RFC 8285). One parser object is used again for every
 * packet, so that the hot path allocates nothing (M5).
 *
 * Invariant (M9): whatever the bytes are, `parse` returns false or leaves offsets that lie inside them.
 */

const fixedHeader = 12
const oneByteProfile = 0xbede

export class RtpPacket {
  bytes: Uint8Array = new Uint8Array(0)
  payloadType = 0
  isMarked = false
  sequence = 0
  timestamp = 0
  ssrc = 0
  /** Where the payload begins, and how long it is without padding. */
  payloadAt = 0
  payloadLength = 0
  #extensionsAt = 0
  #extensionsEnd = 0
  #isOneByte = true

  parse(bytes: Uint8Array): boolean {
    const length = bytes.length
    if (length < fixedHeader || byte(bytes, 0) >> 6 !== 2) return false
    this.bytes = bytes
    this.payloadType = byte(bytes, 1) & 0x7f
    this.isMarked = byte(bytes, 1) >= 0x80
    this.sequence = read16(bytes, 2)
    this.timestamp = read32(bytes, 4)
    this.ssrc = read32(bytes, 8)
    let at = fixedHeader + (byte(bytes, 0) & 0x0f) * 4
    this.#extensionsAt = 0
    this.#extensionsEnd = 0
    if ((byte(bytes, 0) & 0x10) !== 0) {
      if (at + 4 > length) return false
      const profile = read16(bytes, at)
      const end = at + 4 + read16(bytes, at + 2) * 4
      if (end > length) return false
      this.#isOneByte = profile === oneByteProfile
      if (this.#isOneByte || profile >> 4 === 0x100) {
        this.#extensionsAt = at + 4
        this.#extensionsEnd = end
      }
      at = end
    }
    if (at > length) return false
    const padding = (byte(bytes, 0) & 0x20) !== 0 ? byte(bytes, length - 1) : 0
    if (at + padding > length) return false
    this.payloadAt = at
    this.payloadLength = length - at - padding
    return true
  }

  /** Offset of an extension's data, or 0. Its length is `extensionLength` until the next call. */
  extension(id: number): number {
    let at = this.#extensionsAt
    const end = this.#extensionsEnd
    const { bytes } = this
    while (at < end) {
      const first = byte(bytes, at)
      if (first === 0) {
        at += 1
        continue
      }
      const header = this.#isOneByte ? 1 : 2
      const found = this.#isOneByte ? first >> 4 : first
      if (this.#isOneByte && found === 15) return 0
      if (!this.#isOneByte && at + 1 >= end) return 0
      const length = this.#isOneByte ? (first & 0x0f) + 1 : byte(bytes, at + 1)
      if (at + header + length > end) return 0
      if (found === id) {
        this.extensionLength = length
        return length === 0 ? 0 : at + header
      }
      at += header + length
    }
    return 0
  }

  extensionLength = 0

  /** Text of an extension such as MID or RID; undefined when absent. Allocates: for new streams only. */
  text(id: number): string | undefined {
    const at = id === 0 ? 0 : this.extension(id)
    if (at === 0) return undefined
    let text = ''
    for (let i = at; i < at + this.extensionLength; i++) text += String.fromCharCode(byte(this.bytes, i))
    return text
  }
}

/** The types say that an index may miss; the bounds were checked before. */
export const byte = (bytes: Uint8Array, at: number): number => bytes[at] ?? 0
export const read16 = (bytes: Uint8Array, at: number): number => (byte(bytes, at) << 8) | byte(bytes, at + 1)
export const read24 = (bytes: Uint8Array, at: number): number => (read16(bytes, at) << 8) | byte(bytes, at + 2)
export const read32 = (bytes: Uint8Array, at: number): number =>
  ((read16(bytes, at) << 16) | read16(bytes, at + 2)) >>> 0

export function write16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8
  bytes[at + 1] = value
}
export function write24(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 16
  write16(bytes, at + 1, value)
}
export function write32(bytes: Uint8Array, at: number, value: number): void {
  write16(bytes, at, value >>> 16)
  write16(bytes, at + 2, value)
}

/** RFC 5761 §4: what is RTCP on a port that carries both. */
export const isRtcp = (bytes: Uint8Array): boolean => {
  const type = byte(bytes, 1)
  return type >= 192 && type <= 223
}
