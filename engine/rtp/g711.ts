/**
 * G.711: A-law and µ-law by tables. Decoding has 256 entries; encoding is indexed by the bits of a sample that the law can
 * tell apart (13 for A, 14 for µ). Recoding goes code by code, so transcoding a packet is one look-up an octet.
 */

export type Law = 'PCMA' | 'PCMU'

export const isLaw = (name: string): name is Law => name === 'PCMA' || name === 'PCMU'

const toggledA = 0x55
const biasMu = 132
const mostMu = 32_635

function encodeA(sample: number): number {
  const magnitude = (sample >= 0 ? sample : -sample - 1) >> 4
  const exponent = magnitude < 16 ? 0 : 28 - Math.clz32(magnitude)
  const mantissa = (exponent === 0 ? magnitude : magnitude >> (exponent - 1)) & 0x0f
  return ((sample >= 0 ? 0x80 : 0) | (exponent << 4) | mantissa) ^ toggledA
}

function decodeA(code: number): number {
  const bits = code ^ toggledA
  const exponent = (bits >> 4) & 7
  const mantissa = ((bits & 0x0f) << 4) + 8
  const magnitude = exponent === 0 ? mantissa : (mantissa + 0x100) << (exponent - 1)
  return bits & 0x80 ? magnitude : -magnitude
}

function encodeMu(sample: number): number {
  const magnitude = Math.min(Math.abs(sample), mostMu) + biasMu
  const exponent = 24 - Math.clz32(magnitude)
  const mantissa = (magnitude >> (exponent + 3)) & 0x0f
  return ~((sample < 0 ? 0x80 : 0) | (exponent << 4) | mantissa) & 0xff
}

function decodeMu(code: number): number {
  const bits = ~code
  const magnitude = ((((bits & 0x0f) << 3) + biasMu) << ((bits >> 4) & 7)) - biasMu
  return bits & 0x80 ? -magnitude : magnitude
}

const signed16 = (value: number) => (value << 16) >> 16
const decoded = (decode: (code: number) => number) => Int16Array.from({ length: 256 }, (_, code) => decode(code))

const linear: Readonly<Record<Law, Int16Array>> = { PCMA: decoded(decodeA), PCMU: decoded(decodeMu) }
/** The middle of what shares an index. */
const codeA = Uint8Array.from({ length: 8_192 }, (_, index) => encodeA(signed16((index << 3) + 4)))
const codeMu = Uint8Array.from({ length: 16_384 }, (_, index) => encodeMu(signed16((index << 2) + 2)))

/** What a code of one law is in the other. */
export const recoded: Readonly<Record<Law, Uint8Array>> = {
  PCMA: linear.PCMA.reduce((table, sample, code) => table.fill(encodeMu(sample), code, code + 1), new Uint8Array(256)),
  PCMU: linear.PCMU.reduce((table, sample, code) => table.fill(encodeA(sample), code, code + 1), new Uint8Array(256)),
}

/** The code of silence. */
export const silence: Readonly<Record<Law, number>> = { PCMA: encodeA(0), PCMU: encodeMu(0) }

export function decodeG711(law: Law, codes: Uint8Array, from: number, length: number, into: Int16Array): void {
  const table = linear[law]
  for (let i = 0; i < length; i++) into[i] = table[codes[from + i] ?? 0] ?? 0
}

export function encodeG711(law: Law, samples: Int16Array, into: Uint8Array): void {
  if (law === 'PCMA') for (let i = 0; i < samples.length; i++) into[i] = codeA[((samples[i] ?? 0) >> 3) & 0x1fff] ?? 0
  else for (let i = 0; i < samples.length; i++) into[i] = codeMu[((samples[i] ?? 0) >> 2) & 0x3fff] ?? 0
}

/** In place. */
export function recodeG711(table: Uint8Array, codes: Uint8Array, from: number, length: number): void {
  for (let i = from; i < from + length; i++) codes[i] = table[codes[i] ?? 0] ?? 0
}
