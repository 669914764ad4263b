/** Where an H.264 stream can be entered (RFC 6184): a packet that carries a sequence parameter set or begins an IDR. */
import { byte, read16 } from './rtp.ts'

const idr = 5
const sps = 7
const stapA = 24
const fuA = 28

export function isH264KeyFrame(bytes: Uint8Array, from: number, length: number): boolean {
  if (length < 1) return false
  const end = from + length
  const type = byte(bytes, from) & 0x1f
  if (type === sps || type === idr) return true
  if (type === fuA) return length >= 2 && (byte(bytes, from + 1) & 0x80) !== 0 && (byte(bytes, from + 1) & 0x1f) === idr
  if (type !== stapA) return false
  let at = from + 1
  while (at + 2 < end) {
    const size = read16(bytes, at)
    const inner = byte(bytes, at + 2) & 0x1f
    if (inner === sps || inner === idr) return true
    at += 2 + size
  }
  return false
}
