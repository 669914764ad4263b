/**
 * The little of STUN (RFC 8489) that mending a binding request takes: which attributes it has, and its integrity, checked
 * and made again with the short-term credential of the receiver (RFC 8445 §7.1.2).
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { crc32 } from 'node:zlib'

const headerBytes = 20
const bindingRequest = 0x0001
const magicCookie = 0x2112a442
const fingerprintMask = 0x5354554e
const integrityBytes = 20
const attribute = {
  username: 0x0006,
  messageIntegrity: 0x0008,
  fingerprint: 0x8028,
  iceControlled: 0x8029,
  iceControlling: 0x802a,
} as const

/** Where the values of a binding request's attributes begin; null when it is none, or not whole. */
export function readBindingRequest(message: Buffer): ReadonlyMap<number, Buffer> | null {
  if (message.length < headerBytes || message.readUInt16BE(0) !== bindingRequest) return null
  if (message.readUInt32BE(4) !== magicCookie || message.readUInt16BE(2) !== message.length - headerBytes) return null
  const attributes = new Map<number, Buffer>()
  for (let at = headerBytes; at < message.length; ) {
    if (at + 4 > message.length) return null
    const length = message.readUInt16BE(at + 2)
    if (at + 4 + length > message.length) return null
    attributes.set(message.readUInt16BE(at), message.subarray(at + 4, at + 4 + length))
    at += 4 + Math.ceil(length / 4) * 4
  }
  return attributes
}

/** The receiver's part of `receiver:sender` (RFC 8445 §7.2.2). */
export const receiverOf = (attributes: ReadonlyMap<number, Buffer>): string =>
  attributes.get(attribute.username)?.toString('latin1').split(':')[0] ?? ''

/** The tie-breaker, when it is the zero that the native library takes for an absent attribute. */
function zeroTieBreaker(attributes: ReadonlyMap<number, Buffer>): Buffer | null {
  const value = attributes.get(attribute.iceControlling) ?? attributes.get(attribute.iceControlled)
  return value?.length === 8 && value.every((byte) => byte === 0) ? value : null
}

/** Changes the message in place. False: it needs no mending, or was not made by somebody who knows the password. */
export function mendTieBreaker(message: Buffer, attributes: ReadonlyMap<number, Buffer>, password: string): boolean {
  const tieBreaker = zeroTieBreaker(attributes)
  const integrity = attributes.get(attribute.messageIntegrity)
  const fingerprint = attributes.get(attribute.fingerprint)
  if (!tieBreaker || integrity?.length !== integrityBytes || fingerprint?.length !== 4) return false
  if (!timingSafeEqual(integrity, hmacOf(message, integrity, password))) return false
  tieBreaker[7] = 1
  integrity.set(hmacOf(message, integrity, password))
  const end = fingerprint.byteOffset - message.byteOffset - 4
  fingerprint.writeUInt32BE((crc32(message.subarray(0, end)) ^ fingerprintMask) >>> 0)
  return true
}

/** RFC 8489 §14.5: over what comes before it, with a length as if it were the last attribute. */
function hmacOf(message: Buffer, integrity: Buffer, password: string): Buffer {
  const at = integrity.byteOffset - message.byteOffset
  const covered = Buffer.from(message.subarray(0, at - 4))
  covered.writeUInt16BE(at + integrityBytes - headerBytes, 2)
  return createHmac('sha1', password).update(covered).digest()
}
