import { expect, it } from 'vitest'
import { AddressQuota } from './address-quota.ts'

function quota(most: number) {
  const refused: string[] = []
  return { quota: new AddressQuota({ most, refused: (address) => refused.push(address) }), refused }
}

it('an address has so many, whatever others have, and one more for each that it gives back', () => {
  const { quota: two, refused } = quota(2)
  expect(['192.0.2.1', '::ffff:192.0.2.1', '192.0.2.1', '192.0.2.2'].map((address) => two.take(address))).toEqual([
    true,
    true,
    false,
    true,
  ])
  two.release('192.0.2.1')
  expect([two.take('192.0.2.1'), two.take('192.0.2.1')]).toEqual([true, false])
  expect(refused).toEqual(['192.0.2.1'])
})

it('somebody is told again after it had room', () => {
  const { quota: two, refused } = quota(2)
  for (let i = 0; i < 3; i++) two.take('192.0.2.1')
  for (let i = 0; i < 2; i++) two.release('192.0.2.1')
  for (let i = 0; i < 3; i++) two.take('192.0.2.1')
  expect(refused).toEqual(['192.0.2.1', '192.0.2.1'])
})

it.each([
  ['2001:db8:1:2::1', '2001:db8:1:2:ffff::9'],
  ['2001:db8::1', '2001:0db8:0:0::7'],
  ['::1', '::2'],
  ['2001:db8:0:0:1::', '2001:db8::192.0.2.7'],
  ['fe80::1%eth0', 'fe80::2%eth0'],
])('a site of IPv6 is one address: %s and %s', (one, other) => {
  const { quota: single, refused } = quota(1)
  expect([single.take(one), single.take(other)]).toEqual([true, false])
  single.release(other)
  expect(single.take(one)).toBe(true)
  expect(refused).toHaveLength(1)
})

it.each([
  ['2001:db8:1:2::1', '2001:db8:1:3::1'],
  ['::1', '0:0:0:1::1'],
])('two sites are two: %s and %s', (one, other) => {
  const { quota: single } = quota(1)
  expect([single.take(one), single.take(other)]).toEqual([true, true])
})
