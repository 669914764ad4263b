import { describe, expect, it } from 'vitest'
import { ahead16, ahead32, unwrap16 } from './sequence.ts'

describe('RFC 1982 §3.2: serial number arithmetic', () => {
  it.each([
    [1, 0, 1],
    [0, 1, -1],
    [0, 65_535, 1],
    [65_535, 0, -1],
    [32_767, 0, 32_767],
    [32_768, 0, -32_768],
    [5, 65_530, 11],
  ])('%d is %d away from %d', (a, b, distance) => {
    expect(ahead16(a, b)).toBe(distance)
  })

  it.each([
    [3_000, 0, 3_000],
    [100, 2 ** 32 - 100, 200],
    [2 ** 32 - 100, 100, -200],
    [2 ** 31 - 1, 0, 2 ** 31 - 1],
  ])('timestamp %d counts on from %d', (a, b, distance) => {
    expect(ahead32(a, b)).toBe(distance)
  })
})

describe('RFC 3550 A.1: the extended sequence number', () => {
  it('counts on over the wrap, forwards and backwards', () => {
    expect(unwrap16(2, 0x1fffe)).toBe(0x20002)
    expect(unwrap16(0xfffe, 0x20002)).toBe(0x1fffe)
  })

  it('stays exact beyond 32 bits', () => {
    const late = 2 ** 40 + 0xffff
    expect(unwrap16(0, late)).toBe(late + 1)
  })
})
