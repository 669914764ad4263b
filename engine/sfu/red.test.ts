import { describe, expect, it } from 'vitest'
import { primaryAt } from './red.ts'

/** RFC 2198 §3: headers of redundant blocks, the last header, then the blocks. */
const red = (...lengths: readonly number[]) => [
  ...lengths.flatMap((length) => [0x80 | 111, 0x0f, 0x00 | (length >> 8), length & 0xff]),
  111,
  ...lengths.flatMap((length) => new Array<number>(length).fill(0xee)),
]
const find = (payload: readonly number[], cut = payload.length) => primaryAt(Uint8Array.from([7, ...payload]), 1, cut)

describe('RFC 2198 §3: the primary block', () => {
  it.each([
    ['alone', []],
    ['behind one redundant block', [40]],
    ['behind two, one of them empty', [0, 30]],
    ['behind a block of the largest length', [1023]],
  ])('%s', (_name, lengths) => {
    const payload = red(...lengths)
    expect(find([...payload, 1, 2, 3])).toBe(1 + payload.length)
  })

  it('may be empty: silence', () => {
    const payload = red(10)
    expect(find(payload)).toBe(1 + payload.length)
  })

  it('M9: no cut makes it lie outside the packet', () => {
    const payload = [...red(10, 10), 1, 2, 3]
    const whole = payload.length - 3
    for (let length = 0; length < payload.length; length++) {
      expect(find(payload, length), `${length} bytes`).toBe(length < whole ? -1 : 1 + whole)
    }
  })

  it('M9: headers that never end are no packet', () => {
    expect(find([0x80, 0, 0, 0, 0x80, 0, 0, 0])).toBe(-1)
  })
})
