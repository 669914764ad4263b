/**
 * HMAC-SHA-256 (RFC 2104) of short texts, by the hash in one step: `createHmac` makes an object of OpenSSL's for each, and
 * takes four times as long, which every challenge to a phone and every answer to one pay for.
 */
import { hash } from 'node:crypto'

const blockBytes = 64
const digestBytes = 32

/** `key`: of 64 octets at most. What it returns gives base64url. */
export function hmacSha256(key: Uint8Array): (text: string) => string {
  if (key.length > blockBytes) throw new Error('A key of HMAC-SHA-256 is at most a block long.')
  const inner = padded(key, 0x36)
  const outer = Buffer.concat([padded(key, 0x5c), Buffer.alloc(digestBytes)])
  return (text) => {
    hash('sha256', Buffer.concat([inner, Buffer.from(text)]), 'buffer').copy(outer, blockBytes)
    return hash('sha256', outer, 'base64url')
  }
}

const padded = (key: Uint8Array, pad: number): Uint8Array =>
  new Uint8Array(blockBytes).map((_, at) => (key[at] ?? 0) ^ pad)
