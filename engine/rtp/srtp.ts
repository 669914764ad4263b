/**
 * SRTP and SRTCP (RFC 3711) with AES_CM_128_HMAC_SHA1_80 and _32: one object a direction, made from the key and salt of
 * SDES. AES is injected as a function that encrypts blocks: the runtime's own does ten in 1 µs when its object is kept,
 * which no script beats.
 *
 * Invariant: nothing of a packet is used, and no state changes, before its tag was right.
 */
import type { SrtpSuite } from './messages.ts'
import { byte, read16, read32, write16, write32 } from '../sfu/rtp.ts'
import { ahead16 } from '../sfu/sequence.ts'
import { digestBytes, HmacSha1 } from './sha1.ts'

/** Encrypts whole blocks of 16 octets, each by itself (ECB). The result is used before the next call. */
export type Aes128 = (key: Uint8Array) => (blocks: Uint8Array) => Uint8Array

const keyBytes = 16
const saltBytes = 14
const controlTagBytes = 10
const controlIndexBytes = 4
const encryptedBit = 0x8000_0000
const blockBytes = 16
const largestPacket = 2_048
/** Of streams at a time: a peer has one, and another after a transfer. */
const mostStreams = 8
/** How far the rollover counter of a stream that we meet in its middle may be (T6): 16 times 22 minutes. */
const mostRollovers = 16

/** Labels of RFC 3711 §4.3.2. */
const labels = { rtp: [0, 1, 2], rtcp: [3, 4, 5] } as const

const tagBytes = (suite: SrtpSuite): number => (suite === 'AES_CM_128_HMAC_SHA1_32' ? 4 : 10)
/** More than a packet of either kind grows by. */
export const mostAdded = controlTagBytes + controlIndexBytes

class Cipher {
  readonly #encrypt: (blocks: Uint8Array) => Uint8Array
  readonly #salt: Uint8Array
  readonly #blocks = new Uint8Array(largestPacket)
  readonly #digest = new Uint8Array(digestBytes)
  readonly hmac: HmacSha1

  constructor(aes: Aes128, master: Uint8Array, [cipherLabel, tagLabel, saltLabel]: readonly [number, number, number]) {
    const encryptMaster = aes(master.subarray(0, keyBytes))
    const salt = master.subarray(keyBytes)
    // The result may be used again by the next call.
    const derive = (label: number, length: number) => {
      const blocks = new Uint8Array(2 * blockBytes)
      for (const at of [0, blockBytes]) {
        blocks.set(salt, at)
        blocks[at + 7] = byte(blocks, at + 7) ^ label
        blocks[at + 15] = at / blockBytes
      }
      return Uint8Array.from(encryptMaster(blocks).subarray(0, length))
    }
    this.hmac = new HmacSha1(derive(tagLabel, digestBytes))
    this.#salt = derive(saltLabel, saltBytes)
    this.#encrypt = aes(derive(cipherLabel, keyBytes))
  }

  /** RFC 3711 §4.1.1: counter mode, in place; `high` and `low` are the index, 48 bits in all. */
  apply(bytes: Uint8Array, from: number, end: number, ssrc: number, high: number, low: number): void {
    const count = Math.ceil((end - from) / blockBytes)
    const blocks = this.#blocks
    const salt = this.#salt
    for (let i = 0; i < saltBytes; i++) blocks[i] = byte(salt, i)
    write32(blocks, 4, (read32(blocks, 4) ^ ssrc) >>> 0)
    write32(blocks, 8, (read32(blocks, 8) ^ high) >>> 0)
    write16(blocks, 12, read16(blocks, 12) ^ low)
    write16(blocks, 14, 0)
    for (let block = 1; block < count; block++) {
      blocks.copyWithin(block * blockBytes, 0, 14)
      write16(blocks, block * blockBytes + 14, block)
    }
    const stream = this.#encrypt(blocks.subarray(0, count * blockBytes))
    for (let at = from; at < end; at++) bytes[at] = byte(bytes, at) ^ byte(stream, at - from)
  }

  writeTag(bytes: Uint8Array, length: number, suffix: number | null, into: Uint8Array, at: number, size: number): void {
    this.hmac.sign(bytes, length, suffix, this.#digest)
    for (let i = 0; i < size; i++) into[at + i] = byte(this.#digest, i)
  }

  hasTag(bytes: Uint8Array, length: number, suffix: number | null, at: number, size: number): boolean {
    this.hmac.sign(bytes, length, suffix, this.#digest)
    let difference = 0
    for (let i = 0; i < size; i++) difference |= byte(this.#digest, i) ^ byte(bytes, at + i)
    return difference === 0
  }
}

/** Where the encrypted part begins; 0: it is no packet. */
function payloadAt(bytes: Uint8Array, length: number): number {
  let at = 12 + (byte(bytes, 0) & 0x0f) * 4
  if ((byte(bytes, 0) & 0x10) !== 0) at += at + 4 <= length ? 4 + read16(bytes, at + 2) * 4 : length
  return at <= length ? at : 0
}

export class SrtpSender {
  readonly #rtp: Cipher
  readonly #rtcp: Cipher
  readonly #tagBytes: number
  #ssrc = -1
  #rollovers = 0
  #last = 0
  #controlIndex = 0

  constructor(aes: Aes128, suite: SrtpSuite, key: string) {
    const master = decodeKey(key)
    this.#rtp = new Cipher(aes, master, labels.rtp)
    this.#rtcp = new Cipher(aes, master, labels.rtcp)
    this.#tagBytes = tagBytes(suite)
  }

  /** In place; `bytes` has room behind `length`. Returns the new length, or 0 when it is no packet. */
  protect(bytes: Uint8Array, length: number): number {
    const from = payloadAt(bytes, length)
    if (from === 0 || length + this.#tagBytes > bytes.length) return 0
    const ssrc = read32(bytes, 8)
    const sequence = read16(bytes, 2)
    const rollovers = this.#rolloversOf(ssrc, sequence)
    this.#rtp.apply(bytes, from, length, ssrc, rollovers, sequence)
    this.#rtp.writeTag(bytes, length, rollovers, bytes, length, this.#tagBytes)
    return length + this.#tagBytes
  }

  protectControl(bytes: Uint8Array, length: number): number {
    if (length < 8 || length + mostAdded > bytes.length) return 0
    const index = this.#controlIndex
    this.#controlIndex = (this.#controlIndex + 1) & 0x7fff_ffff
    this.#rtcp.apply(bytes, 8, length, read32(bytes, 4), index >>> 16, index & 0xffff)
    write32(bytes, length, (index | encryptedBit) >>> 0)
    this.#rtcp.writeTag(bytes, length + controlIndexBytes, null, bytes, length + controlIndexBytes, controlTagBytes)
    return length + mostAdded
  }

  /** Relayed packets may leave out of order, also around a wrap. */
  #rolloversOf(ssrc: number, sequence: number): number {
    if (ssrc !== this.#ssrc) {
      this.#ssrc = ssrc
      this.#rollovers = 0
      this.#last = sequence
      return 0
    }
    const isAhead = ahead16(sequence, this.#last) > 0
    if (!isAhead) return sequence > this.#last ? Math.max(0, this.#rollovers - 1) : this.#rollovers
    if (sequence < this.#last) this.#rollovers += 1
    this.#last = sequence
    return this.#rollovers
  }
}

interface ReceivedStream {
  rollovers: number
  highest: number
  readonly seen: ReplayWindow
}

export class SrtpReceiver {
  readonly #rtp: Cipher
  readonly #rtcp: Cipher
  readonly #tagBytes: number
  readonly #streams = new Map<number, ReceivedStream>()
  readonly #controls = new Map<number, ReplayWindow>()

  constructor(aes: Aes128, suite: SrtpSuite, key: string) {
    const master = decodeKey(key)
    this.#rtp = new Cipher(aes, master, labels.rtp)
    this.#rtcp = new Cipher(aes, master, labels.rtcp)
    this.#tagBytes = tagBytes(suite)
  }

  /** In place. Returns the length without the tag, or 0: forged, doubled or no packet. */
  unprotect(bytes: Uint8Array): number {
    const length = bytes.length - this.#tagBytes
    const from = length < 12 || bytes.length > largestPacket ? 0 : payloadAt(bytes, length)
    if (from === 0) return 0
    const ssrc = read32(bytes, 8)
    const sequence = read16(bytes, 2)
    const stream = this.#streams.get(ssrc)
    const rollovers = stream ? this.#check(bytes, length, sequence, stream) : this.#meet(bytes, length)
    if (rollovers < 0) return 0
    this.#learn(ssrc, rollovers, sequence)
    this.#rtp.apply(bytes, from, length, ssrc, rollovers, sequence)
    return length
  }

  unprotectControl(bytes: Uint8Array): number {
    const length = bytes.length - mostAdded
    if (length < 8 || bytes.length > largestPacket) return 0
    const said = read32(bytes, length)
    const index = said & 0x7fff_ffff
    const ssrc = read32(bytes, 4)
    const seen = this.#controls.get(ssrc) ?? new ReplayWindow()
    if (seen.has(index)) return 0
    if (!this.#rtcp.hasTag(bytes, length + controlIndexBytes, null, length + controlIndexBytes, controlTagBytes))
      return 0
    seen.add(index)
    remember(this.#controls, ssrc, seen)
    if (said >= encryptedBit) this.#rtcp.apply(bytes, 8, length, ssrc, index >>> 16, index & 0xffff)
    return length
  }

  /** RFC 3711 appendix A: the rollover counter that is nearest; -1 when the packet is not to be used. */
  #check(bytes: Uint8Array, length: number, sequence: number, { rollovers, highest, seen }: ReceivedStream): number {
    const ahead = ahead16(sequence, highest)
    const guess = rollovers + (ahead > 0 && sequence < highest ? 1 : ahead < 0 && sequence > highest ? -1 : 0)
    if (guess < 0 || seen.has(guess * 65_536 + sequence)) return -1
    return this.#rtp.hasTag(bytes, length, guess, length, this.#tagBytes) ? guess : -1
  }

  /** The first packet of a stream: mostly of its beginning, but a worker's successor meets it anywhere (T6). */
  #meet(bytes: Uint8Array, length: number): number {
    for (let guess = 0; guess < mostRollovers; guess++) {
      if (this.#rtp.hasTag(bytes, length, guess, length, this.#tagBytes)) return guess
    }
    return -1
  }

  #learn(ssrc: number, rollovers: number, sequence: number): void {
    const index = rollovers * 65_536 + sequence
    const stream = this.#streams.get(ssrc) ?? { rollovers, highest: sequence, seen: new ReplayWindow() }
    stream.seen.add(index)
    if (index >= stream.rollovers * 65_536 + stream.highest) {
      stream.rollovers = rollovers
      stream.highest = sequence
    }
    remember(this.#streams, ssrc, stream)
  }
}

function remember<T>(map: Map<number, T>, key: number, value: T): void {
  if (map.has(key)) return
  const oldest = map.keys().next().value
  if (map.size >= mostStreams && oldest !== undefined) map.delete(oldest)
  map.set(key, value)
}

/** RFC 3711 §3.3.2: which of the last 128 indexes were received. */
class ReplayWindow {
  readonly #seen = new Uint32Array(4)
  #highest = -1

  has(index: number): boolean {
    const age = this.#highest - index
    if (this.#highest < 0 || age < 0) return false
    return age >= 128 || (((this.#seen[age >> 5] ?? 0) >>> (age & 31)) & 1) === 1
  }

  add(index: number): void {
    const ahead = index - this.#highest
    if (this.#highest < 0 || ahead > 0) {
      this.#shift(this.#highest < 0 ? 128 : ahead)
      this.#highest = index
    }
    const age = this.#highest - index
    if (age < 128) this.#seen[age >> 5] = ((this.#seen[age >> 5] ?? 0) | (1 << (age & 31))) >>> 0
  }

  #shift(by: number): void {
    const seen = this.#seen
    const whole = Math.min(4, by >> 5)
    const bits = by & 31
    for (let i = 3; i >= 0; i--) {
      const high = i - whole >= 0 ? (seen[i - whole] ?? 0) : 0
      const low = i - whole - 1 >= 0 ? (seen[i - whole - 1] ?? 0) : 0
      seen[i] = bits === 0 ? high : ((high << bits) | (low >>> (32 - bits))) >>> 0
    }
  }
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/** 40 letters of base64 are 30 octets: key and salt. */
function decodeKey(text: string): Uint8Array {
  const bytes = new Uint8Array(keyBytes + saltBytes)
  for (let i = 0; i < bytes.length / 3; i++) {
    const [a, b, c, d] = [0, 1, 2, 3].map((k) => Math.max(0, alphabet.indexOf(text[i * 4 + k] ?? 'A')))
    const bits = ((a ?? 0) << 18) | ((b ?? 0) << 12) | ((c ?? 0) << 6) | (d ?? 0)
    bytes[i * 3] = bits >> 16
    bytes[i * 3 + 1] = bits >> 8
    bytes[i * 3 + 2] = bits
  }
  return bytes
}
