import { describe, expect, it } from 'vitest'
import { isSameAddress, Latch } from './latch.ts'

const signalled = { address: '10.0.0.5', port: 4_000, rtcpPort: 4_001, signalling: '203.0.113.7' }
function latch(): Latch {
  const one = new Latch()
  one.signal(signalled)
  return one
}
const from = (one: Latch, address: string, port: number) => {
  const isAllowed = one.allows(address, port)
  if (isAllowed) one.take(address, port)
  return isAllowed
}
const to = ({ address, port, controlPort }: Latch) => [address, port, controlPort]

describe('T10', () => {
  it('sends to the signalled address before anything came', () => {
    expect(to(latch())).toEqual(['10.0.0.5', 4_000, 4_001])
  })

  it('latches to the signalling address, whatever the port, and hears nobody else', () => {
    const one = latch()
    expect(from(one, '203.0.113.7', 61_000)).toBe(true)
    expect(to(one)).toEqual(['203.0.113.7', 61_000, 61_001])
    expect(from(one, '10.0.0.5', 4_000)).toBe(false)
    expect(from(one, '203.0.113.7', 61_002)).toBe(false)
    expect(one.refused).toBe(2)
  })

  it('a stranger is never latched to, and counted', () => {
    const one = latch()
    expect(from(one, '198.51.100.66', 4_000)).toBe(false)
    expect(one.refused).toBe(1)
    expect(from(one, '10.0.0.5', 4_000)).toBe(true)
    expect(to(one)).toEqual(['10.0.0.5', 4_000, 4_001])
  })

  it('nothing is sent to a port that does not exist', () => {
    const one = latch()
    expect([from(one, '203.0.113.7', 0), one.allowsControl('203.0.113.7', 0)]).toEqual([false, false])
    expect(from(one, '203.0.113.7', 65_535)).toBe(true)
    expect(to(one)).toEqual(['203.0.113.7', 65_535, 65_535])
  })

  it('before a description nobody is heard, and nobody is a stranger', () => {
    const one = new Latch()
    expect(from(one, '10.0.0.5', 4_000)).toBe(false)
    expect([one.refused, one.address]).toEqual([0, null])
  })

  it('latches again after a new description; what it knew holds until then', () => {
    const one = latch()
    from(one, '203.0.113.7', 61_000)
    one.signal(signalled)
    expect(to(one)).toEqual(['203.0.113.7', 61_000, 61_001])
    expect(from(one, '203.0.113.7', 62_000)).toBe(true)
    expect(to(one)).toEqual(['203.0.113.7', 62_000, 62_001])
    one.signal({ ...signalled, port: 5_000, rtcpPort: 5_001 })
    expect(to(one)).toEqual(['10.0.0.5', 5_000, 5_001])
  })

  it('what is still on its way from the old port does not decide after a description with another one', () => {
    for (const [address, port, moved] of [
      ['10.0.0.5', 4_000, 5_000],
      ['203.0.113.7', 61_000, 62_000],
    ] as const) {
      const one = latch()
      from(one, address, port)
      one.signal({ ...signalled, port: 5_000, rtcpPort: 5_001 })
      expect(from(one, address, port)).toBe(true)
      expect(one.allowsControl(address, port + 1)).toBe(true)
      one.takeControl(address, port + 1)
      expect(to(one)).toEqual(['10.0.0.5', 5_000, 5_001])
      expect(from(one, address, moved)).toBe(true)
      expect(to(one)).toEqual([address, moved, moved + 1])
      expect(from(one, address, port)).toBe(false)
      expect(one.allowsControl(address, moved + 1)).toBe(true)
    }
  })

  it('a peer that describes another port and goes on sending from the old one is found again', () => {
    const one = latch()
    from(one, '203.0.113.7', 61_000)
    one.signal({ ...signalled, port: 5_000, rtcpPort: 5_001 })
    for (let i = 0; i < 50; i++) from(one, '203.0.113.7', 61_000)
    expect(to(one)).toEqual(['203.0.113.7', 61_000, 61_001])
  })

  it('a hold by 0.0.0.0 is no move: the first packet after it decides', () => {
    const one = latch()
    from(one, '203.0.113.7', 61_000)
    one.signal({ ...signalled, address: '0.0.0.0' })
    one.signal(signalled)
    from(one, '203.0.113.7', 61_000)
    expect(to(one)).toEqual(['203.0.113.7', 61_000, 61_001])
  })

  it('RTCP from the peer shows its own port', () => {
    const one = latch()
    from(one, '203.0.113.7', 61_000)
    expect(one.allowsControl('198.51.100.66', 4_001)).toBe(false)
    expect(one.allowsControl('203.0.113.7', 9_999)).toBe(true)
    one.takeControl('203.0.113.7', 9_999)
    expect(to(one)).toEqual(['203.0.113.7', 61_000, 9_999])
    expect(one.allowsControl('203.0.113.7', 9_998)).toBe(false)
  })

  it('where the address is the signalled one, RTCP goes where it was signalled', () => {
    const one = new Latch()
    one.signal({ ...signalled, rtcpPort: 4_444 })
    from(one, '10.0.0.5', 4_000)
    expect(to(one)).toEqual(['10.0.0.5', 4_000, 4_444])
  })
})

it('an address is the same however it is written', () => {
  expect(isSameAddress('2001:DB8::1', '2001:db8:0:0:0:0:0:1')).toBe(true)
  expect(isSameAddress('::ffff:192.0.2.1', '::ffff:c000:201')).toBe(true)
  expect(isSameAddress('fe80::1%eth0', 'fe80::1')).toBe(true)
  expect(isSameAddress('2001:db8::1', '2001:db8::2')).toBe(false)
  expect(isSameAddress('192.0.2.1', '192.0.2.2')).toBe(false)
})
