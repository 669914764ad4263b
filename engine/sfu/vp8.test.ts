import { describe, expect, it } from 'vitest'
import { vp8Payload } from '../testing/packet.ts'
import { Vp8Descriptor } from './vp8.ts'

const prefix = [1, 2, 3, 4]
const parse = (payload: ArrayLike<number>) => {
  const descriptor = new Vp8Descriptor()
  const bytes = Uint8Array.from([...prefix, ...Array.from(payload), 0xff])
  return { isValid: descriptor.parse(bytes, prefix.length, payload.length), descriptor }
}

describe('RFC 7741 §4.2: the payload descriptor', () => {
  it('takes the shortest form', () => {
    const { isValid, descriptor } = parse([0x10, 0x01])
    expect(isValid).toBe(true)
    expect(descriptor).toMatchObject({ isKeyFrame: false, pictureIdAt: 0, tl0PicIdxAt: 0 })
  })

  it('reads a picture id of 15 bits and TL0PICIDX where they lie', () => {
    const { descriptor } = parse(vp8Payload({ pictureId: 0x7ffe, tl0PicIdx: 200 }))
    expect(descriptor).toMatchObject({ pictureId: 0x7ffe, pictureIdBits: 15, pictureIdAt: 6, tl0PicIdx: 200 })
    expect(descriptor.tl0PicIdxAt).toBe(8)
  })

  it('reads a picture id of 7 bits', () => {
    const { descriptor } = parse(vp8Payload({ pictureId: 100, isShort: true, tl0PicIdx: 1 }))
    expect(descriptor).toMatchObject({ pictureId: 100, pictureIdBits: 7, pictureIdAt: 6, tl0PicIdxAt: 7 })
  })

  it('steps over the temporal layer and key index byte', () => {
    const { isValid, descriptor } = parse([0x90, 0xf0, 0x80, 0x05, 0x07, 0x20, 0x00])
    expect(isValid).toBe(true)
    expect(descriptor).toMatchObject({ isKeyFrame: true, pictureId: 5, tl0PicIdx: 7 })
  })

  it.each([
    ['nothing', []],
    ['no flags', [0x90]],
    ['no picture id', [0x90, 0x80]],
    ['half a picture id', [0x90, 0x80, 0x81]],
    ['no TL0PICIDX', [0x90, 0x40]],
    ['no temporal byte', [0x90, 0x20]],
    ['no frame data', [0x90, 0x20, 0x00]],
    ['no data behind the shortest descriptor', [0x10]],
  ])('M9: %s is refused', (_name, payload) => {
    expect(parse(payload).isValid).toBe(false)
  })

  it('M9: what the packet before had is not remembered', () => {
    const { descriptor } = parse(vp8Payload({ isKey: true, pictureId: 3, tl0PicIdx: 4 }))
    descriptor.parse(Uint8Array.of(0x00, 0x00), 0, 2)
    expect(descriptor).toMatchObject({ isKeyFrame: false, pictureIdAt: 0, pictureIdBits: 0, tl0PicIdxAt: 0, height: 0 })
  })
})

describe('RFC 7741 §4.3: the frame', () => {
  it('a key frame begins where S is set in partition 0 and P is clear, and tells its height', () => {
    const { descriptor } = parse(vp8Payload({ isKey: true, pictureId: 1, height: 720 }))
    expect(descriptor).toMatchObject({ isKeyFrame: true, height: 720 })
  })

  it('the scaling bits are no part of the height', () => {
    const payload = vp8Payload({ isKey: true, height: 360 })
    payload[10] = (payload[10] ?? 0) | 0xc0
    expect(parse(payload).descriptor.height).toBe(360)
  })

  it('a key frame cut before its size has none', () => {
    expect(parse(vp8Payload({ isKey: true }).subarray(0, 8)).descriptor).toMatchObject({ isKeyFrame: true, height: 0 })
  })

  it.each([
    ['a later packet of a key frame', vp8Payload({ isKey: true, isStart: false })],
    ['an inter frame', vp8Payload({})],
    ['another partition', Uint8Array.of(0x11, 0x00, 0, 0)],
  ])('%s is none', (_name, payload) => {
    const { isValid, descriptor } = parse(payload)
    expect(isValid).toBe(true)
    expect(descriptor.isKeyFrame).toBe(false)
  })
})
