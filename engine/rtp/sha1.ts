/**
 * HMAC-SHA1 (RFC 2104, FIPS 180-4) for the tags of SRTP. The state after the key's block is kept, so a packet of G.711
 * costs four compressions: 2 µs, where a new HMAC object of the runtime's own costs 9.
 */

const blockBytes = 64
const innerPad = 0x36
const outerPad = 0x5c
export const digestBytes = 20

const words = new Int32Array(80)
const initial = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0]

const rotate = (value: number, by: number) => (value << by) | (value >>> (32 - by))

/** One block of 64 octets into the state. */
function compress(state: Int32Array, bytes: Uint8Array, at: number): void {
  for (let i = 0; i < 16; i++) {
    const from = at + i * 4
    words[i] =
      ((bytes[from] ?? 0) << 24) |
      ((bytes[from + 1] ?? 0) << 16) |
      ((bytes[from + 2] ?? 0) << 8) |
      (bytes[from + 3] ?? 0)
  }
  for (let i = 16; i < 80; i++) {
    words[i] = rotate((words[i - 3] ?? 0) ^ (words[i - 8] ?? 0) ^ (words[i - 14] ?? 0) ^ (words[i - 16] ?? 0), 1)
  }
  let [a, b, c, d, e] = [state[0] ?? 0, state[1] ?? 0, state[2] ?? 0, state[3] ?? 0, state[4] ?? 0]
  for (let i = 0; i < 80; i++) {
    const mixed =
      i < 20
        ? ((b & c) | (~b & d)) + 0x5a827999
        : i < 40
          ? (b ^ c ^ d) + 0x6ed9eba1
          : i < 60
            ? ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc
            : (b ^ c ^ d) + 0xca62c1d6
    const next = (rotate(a, 5) + mixed + e + (words[i] ?? 0)) | 0
    e = d
    d = c
    c = rotate(b, 30)
    b = a
    a = next
  }
  state[0] = (state[0] ?? 0) + a
  state[1] = (state[1] ?? 0) + b
  state[2] = (state[2] ?? 0) + c
  state[3] = (state[3] ?? 0) + d
  state[4] = (state[4] ?? 0) + e
}

export class HmacSha1 {
  readonly #inner: Int32Array
  readonly #outer: Int32Array
  readonly #state = new Int32Array(5)
  readonly #tail = new Uint8Array(2 * blockBytes)

  /** A key of at most 64 octets. */
  constructor(key: Uint8Array) {
    const keyed = (pad: number) => {
      const block = new Uint8Array(blockBytes).fill(pad)
      key.forEach((byte, i) => {
        block[i] = byte ^ pad
      })
      const state = Int32Array.from(initial)
      compress(state, block, 0)
      return state
    }
    this.#inner = keyed(innerPad)
    this.#outer = keyed(outerPad)
  }

  /** Of the first `length` octets and of `suffix` (32 bits) when it is not null; `into` gets the 20 octets. */
  sign(bytes: Uint8Array, length: number, suffix: number | null, into: Uint8Array): void {
    const state = this.#state
    state.set(this.#inner)
    let at = 0
    for (; at + blockBytes <= length; at += blockBytes) compress(state, bytes, at)
    const tail = this.#tail
    let used = 0
    for (; at < length; at++) tail[used++] = bytes[at] ?? 0
    if (suffix !== null) {
      writeWord(tail, used, suffix)
      used += 4
    }
    this.#finish(state, used, blockBytes + length + (suffix === null ? 0 : 4))
    for (let i = 0; i < 5; i++) writeWord(tail, i * 4, state[i] ?? 0)
    state.set(this.#outer)
    this.#finish(state, digestBytes, blockBytes + digestBytes)
    for (let i = 0; i < 5; i++) writeWord(into, i * 4, state[i] ?? 0)
  }

  /** Padding and length behind the `used` octets of the tail. */
  #finish(state: Int32Array, used: number, totalBytes: number): void {
    const tail = this.#tail
    const end = used + 9 <= blockBytes ? blockBytes : 2 * blockBytes
    tail.fill(0, used, end)
    tail[used] = 0x80
    writeWord(tail, end - 4, totalBytes * 8)
    compress(state, tail, 0)
    if (end > blockBytes) compress(state, tail, blockBytes)
  }
}

function writeWord(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}
