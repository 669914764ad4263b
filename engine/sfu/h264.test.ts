import { describe, expect, it } from 'vitest'
import { isH264KeyFrame } from './h264.ts'

const isKey = (payload: readonly number[]) =>
  isH264KeyFrame(Uint8Array.from([9, 9, ...payload, 0x67]), 2, payload.length)

describe('RFC 6184: where a stream can be entered', () => {
  it.each([
    ['§5.6 a sequence parameter set', [0x67, 1, 2]],
    ['§5.6 an IDR slice', [0x65, 1]],
    ['§5.7.1 STAP-A that begins with one', [0x78, 0, 2, 0x67, 1, 0, 2, 0x68, 1]],
    ['§5.7.1 STAP-A with an IDR behind', [0x78, 0, 1, 0x09, 0, 2, 0x65, 1]],
    ['§5.8 the first fragment of an IDR', [0x7c, 0x85, 1]],
  ])('%s', (_name, payload) => {
    expect(isKey(payload)).toBe(true)
  })

  it.each([
    ['nothing', []],
    ['a slice that is no IDR', [0x61, 1]],
    ['a picture parameter set alone', [0x68, 1]],
    ['§5.8 a later fragment of an IDR', [0x7c, 0x05, 1]],
    ['§5.8 the first fragment of another slice', [0x7c, 0x81, 1]],
    ['M9: a fragment without its header', [0x7c]],
    ['M9: STAP-A whose sizes lead out of it', [0x78, 0xff, 0xff, 0x09]],
    ['M9: STAP-A of empty units', [0x78, 0, 0, 0, 0, 0, 0]],
    ['M9: STAP-A cut in a size', [0x78, 0]],
  ])('not %s', (_name, payload) => {
    expect(isKey(payload)).toBe(false)
  })
})
