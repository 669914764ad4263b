/** The VP8 payload descriptor (RFC 7741 §4.2) and the key frame header (§4.3). */
import { byte, read16 } from './rtp.ts'

/** One object, used again: offsets are from the beginning of the packet; 0 means absent. */
export class Vp8Descriptor {
  isKeyFrame = false
  pictureIdAt = 0
  /** 7 or 15 bits. */
  pictureIdBits = 0
  pictureId = 0
  tl0PicIdxAt = 0
  tl0PicIdx = 0
  /** Of a key frame's first packet. */
  height = 0

  /** False when the payload is shorter than it says it is. */
  parse(bytes: Uint8Array, from: number, length: number): boolean {
    this.isKeyFrame = false
    this.pictureIdAt = 0
    this.pictureIdBits = 0
    this.tl0PicIdxAt = 0
    this.height = 0
    const end = from + length
    if (length < 1) return false
    const first = byte(bytes, from)
    let at = from + 1
    if ((first & 0x80) !== 0) {
      if (at >= end) return false
      const flags = byte(bytes, at)
      at += 1
      if ((flags & 0x80) !== 0) {
        if (at >= end) return false
        this.pictureIdAt = at
        const isLong = (byte(bytes, at) & 0x80) !== 0
        if (isLong && at + 2 > end) return false
        this.pictureIdBits = isLong ? 15 : 7
        this.pictureId = isLong ? read16(bytes, at) & 0x7fff : byte(bytes, at) & 0x7f
        at += isLong ? 2 : 1
      }
      if ((flags & 0x40) !== 0) {
        if (at >= end) return false
        this.tl0PicIdxAt = at
        this.tl0PicIdx = byte(bytes, at)
        at += 1
      }
      if ((flags & 0x30) !== 0) at += 1
    }
    if (at >= end) return false
    // S set and partition 0: the frame begins here, and its inverse key frame bit follows.
    const isStart = (first & 0x10) !== 0 && (first & 0x07) === 0
    this.isKeyFrame = isStart && (byte(bytes, at) & 0x01) === 0
    if (this.isKeyFrame && at + 10 <= end) {
      this.height = (byte(bytes, at + 8) | (byte(bytes, at + 9) << 8)) & 0x3fff
    }
    return true
  }
}
