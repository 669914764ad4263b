import { describe, expect, it } from 'vitest'
import { rtpPacket, type RtpFields } from '../testing/packet.ts'
import { isRtcp, read16, read24, read32, RtpPacket, write16, write24, write32 } from './rtp.ts'

const parsed = (bytes: Uint8Array) => {
  const packet = new RtpPacket()
  expect(packet.parse(bytes)).toBe(true)
  return packet
}
const parse = (fields: RtpFields) => parsed(rtpPacket(fields))
const payloadOf = ({ bytes, payloadAt, payloadLength }: RtpPacket) => [
  ...bytes.subarray(payloadAt, payloadAt + payloadLength),
]

describe('RFC 3550 §5.1: the fixed header', () => {
  it('reads every field at its largest', () => {
    const packet = parse({
      ...{ payloadType: 127, isMarked: true, sequence: 0xffff, timestamp: 0xffffffff, ssrc: 0xfffffffe },
      payload: [9, 8, 7],
    })
    expect(packet).toMatchObject({
      ...{ payloadType: 127, isMarked: true, sequence: 0xffff, timestamp: 0xffffffff, ssrc: 0xfffffffe },
    })
    expect(payloadOf(packet)).toEqual([9, 8, 7])
  })

  it('skips contributing sources', () => {
    expect(payloadOf(parse({ sequence: 1, ssrc: 2, csrcs: [11, 12, 13], payload: [5] }))).toEqual([5])
  })

  it('cuts padding off, also where nothing else is in it', () => {
    expect(payloadOf(parse({ sequence: 1, ssrc: 2, payload: [5, 6], padding: 4 }))).toEqual([5, 6])
    expect(parse({ sequence: 1, ssrc: 2, payload: [], padding: 255 }).payloadLength).toBe(0)
  })

  it('takes an empty payload', () => {
    expect(parse({ sequence: 1, ssrc: 2, payload: [] }).payloadLength).toBe(0)
  })

  const whole = rtpPacket({ sequence: 1, ssrc: 2, csrcs: [3], extensions: new Map([[1, [1, 2]]]), payload: [] })
  it.each([...whole.keys()])('refuses a packet cut after %d bytes', (length) => {
    expect(new RtpPacket().parse(whole.subarray(0, length))).toBe(false)
  })

  it.each([
    ['another version', (bytes: Uint8Array) => bytes.fill(0x40, 0, 1)],
    ['more contributing sources than bytes', (bytes: Uint8Array) => bytes.fill(0x8f, 0, 1)],
    ['more padding than payload', (bytes: Uint8Array) => bytes.fill(0xa0, 0, 1).fill(200, bytes.length - 1)],
  ])('refuses %s', (_name, spoil) => {
    const bytes = rtpPacket({ sequence: 1, ssrc: 2 })
    expect(new RtpPacket().parse(bytes)).toBe(true)
    expect(new RtpPacket().parse(spoil(bytes))).toBe(false)
  })

  it('forgets the extensions of the packet before', () => {
    const packet = parse({ sequence: 1, ssrc: 2, extensions: new Map([[4, 'audio']]) })
    expect(packet.text(4)).toBe('audio')
    packet.parse(rtpPacket({ sequence: 2, ssrc: 2 }))
    expect(packet.text(4)).toBeUndefined()
  })
})

describe('RFC 8285: header extensions', () => {
  const extensions = new Map<number, readonly number[] | string>([
    [3, [0x12, 0x34]],
    [1, [0x85]],
    [10, 'hi'],
  ])

  it.each([
    ['§4.2 one byte', false],
    ['§4.3 two bytes', true],
  ])('%s: finds each by its id', (_name, isTwoByte) => {
    const packet = parse({ sequence: 1, ssrc: 2, extensions, isTwoByte, payload: [5] })
    expect(read16(packet.bytes, packet.extension(3))).toBe(0x1234)
    expect(packet.extensionLength).toBe(2)
    expect(packet.bytes[packet.extension(1)]).toBe(0x85)
    expect(packet.extensionLength).toBe(1)
    expect(packet.text(10)).toBe('hi')
    expect(packet.extension(9)).toBe(0)
    expect(packet.text(0)).toBeUndefined()
    expect(payloadOf(packet)).toEqual([5])
  })

  it('§4.3: takes an id above 14 and data longer than 16', () => {
    const long = 'a-mid-of-twenty-char'
    const packet = parse({ sequence: 1, ssrc: 2, extensions: new Map([[200, long]]), isTwoByte: true })
    expect(packet.text(200)).toBe(long)
  })

  it('§4.2: stops at id 15, and steps over padding between elements', () => {
    const packet = parse({ sequence: 1, ssrc: 2, extensions: new Map([[1, [1, 1, 1, 1, 1, 1, 1]]]) })
    packet.bytes.set([0, 0, 0x50, 0xaa, 0xf0, 0x60, 0xbb, 0], 16)
    expect(packet.bytes[packet.extension(5)]).toBe(0xaa)
    expect(packet.extension(6)).toBe(0)
  })

  it('§4.2: reads no element that is longer than the block', () => {
    const packet = parse({ sequence: 1, ssrc: 2, extensions: new Map([[1, [1, 2, 3]]]), payload: [1, 2, 3, 4, 5, 6] })
    packet.bytes[16] = 0x1f
    expect(packet.extension(1)).toBe(0)
  })

  it('§4.3: an element without data, or without its length, is none', () => {
    const packet = parse({ sequence: 1, ssrc: 2, extensions: new Map([[1, [1, 2]]]), isTwoByte: true })
    packet.bytes.set([7, 0, 0, 9], 16)
    expect(packet.extension(7)).toBe(0)
    expect(packet.extension(9)).toBe(0)
  })

  it('§3: what neither form is, is skipped', () => {
    const bytes = rtpPacket({ sequence: 1, ssrc: 2, extensions, payload: [5] })
    bytes.set([0xab, 0xcd], 12)
    const packet = parsed(bytes)
    expect(packet.extension(3)).toBe(0)
    expect(payloadOf(packet)).toEqual([5])
  })
})

it('RFC 5761 §4: tells RTCP from RTP by the second byte', () => {
  expect([191, 192, 200, 207, 223, 224].map((type) => isRtcp(Uint8Array.of(0x80, type)))).toEqual([
    ...[false, true, true, true, true, false],
  ])
  expect(isRtcp(new Uint8Array(0))).toBe(false)
})

it('numbers are read as they were written', () => {
  const bytes = new Uint8Array(4)
  write32(bytes, 0, 0xfedcba98)
  expect(read32(bytes, 0)).toBe(0xfedcba98)
  write24(bytes, 1, 0xabcdef)
  expect([read24(bytes, 1), bytes[0]]).toEqual([0xabcdef, 0xfe])
  write16(bytes, 2, 0x1_ffff)
  expect([read16(bytes, 2), bytes[1]]).toEqual([0xffff, 0xab])
})
