/** Redundant audio (RFC 2198): where the primary block of a packet lies. */
import { byte } from './rtp.ts'

/** Offset of the primary encoding's data, or -1 when the headers do not fit. */
export function primaryAt(bytes: Uint8Array, from: number, length: number): number {
  const end = from + length
  let at = from
  let redundant = 0
  while (at < end && (byte(bytes, at) & 0x80) !== 0) {
    if (at + 4 > end) return -1
    redundant += ((byte(bytes, at + 2) & 0x03) << 8) | byte(bytes, at + 3)
    at += 4
  }
  if (at >= end) return -1
  const primary = at + 1 + redundant
  return primary <= end ? primary : -1
}
