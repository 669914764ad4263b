import { describe, expect, it } from 'vitest'
import { decodeG711, encodeG711, type Law, recodeG711, recoded, silence } from './g711.ts'

const codes = Uint8Array.from({ length: 256 }, (_, code) => code)
function decode(law: Law, bytes: Uint8Array): Int16Array {
  const samples = new Int16Array(bytes.length)
  decodeG711(law, bytes, 0, bytes.length, samples)
  return samples
}
function encode(law: Law, samples: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(samples.length)
  encodeG711(law, Int16Array.from(samples), bytes)
  return bytes
}

describe.each(['PCMA', 'PCMU'] as const)('ITU-T G.711, %s', (law) => {
  it('every code decodes to a sample that encodes to it again', () => {
    const again = encode(law, [...decode(law, codes)])
    // µ-law has two codes for zero.
    expect([...again].filter((code, i) => code !== i && !(law === 'PCMU' && i === 0x7f))).toEqual([])
  })

  it('every sample is within half a step of what it decodes to', () => {
    const samples = Array.from({ length: 65_536 }, (_, i) => i - 32_768)
    const decoded = decode(law, encode(law, samples))
    const worst = Math.max(
      ...samples.map((sample, i) => Math.abs(sample - (decoded[i] ?? 0)) / Math.max(256, Math.abs(sample))),
    )
    expect(worst).toBeLessThan(1 / 23)
  })

  it('silence is near nothing', () => {
    expect(Math.abs(decode(law, Uint8Array.of(silence[law]))[0] ?? 99)).toBeLessThan(9)
  })
})

it('known values of the tables', () => {
  expect([...decode('PCMA', Uint8Array.of(0xd5, 0x55, 0xaa, 0x2a, 0x80))]).toEqual([8, -8, 32_256, -32_256, 5_504])
  expect([...decode('PCMU', Uint8Array.of(0xff, 0x7f, 0x80, 0x00, 0xe7))]).toEqual([0, 0, 32_124, -32_124, 260])
  expect([...encode('PCMA', [0, -1, 32_767, -32_768])]).toEqual([0xd5, 0x55, 0xaa, 0x2a])
  expect([...encode('PCMU', [0, 32_767, -32_768])]).toEqual([0xff, 0x80, 0x00])
})

it('recoding there and back changes a sample by one step at most', () => {
  const bytes = Uint8Array.from(codes)
  recodeG711(recoded.PCMA, bytes, 0, 256)
  recodeG711(recoded.PCMU, bytes, 0, 256)
  const before = decode('PCMA', codes)
  const after = decode('PCMA', bytes)
  const worst = Math.max(
    ...[...before].map((sample, i) => Math.abs(sample - (after[i] ?? 0)) / Math.max(256, Math.abs(sample))),
  )
  expect(worst).toBeLessThan(1 / 15)
})
