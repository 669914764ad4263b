import { expect, it } from 'vitest'
import { detectNumber } from './detected-number.ts'

it.each([
  ['+32475123456', 'BE', 'mobile'],
  ['+3225550100', 'BE', 'national'],
  ['+3290012345', 'BE', 'premium'],
  ['+33612345678', 'FR', 'mobile'],
  ['+33800123456', 'FR', 'toll_free'],
  ['+447700900123', 'GB', 'mobile'],
  ['+441534123456', null, null],
  ['+12125550100', 'US', 'national'],
  ['+14165550100', 'CA', 'national'],
  ['+12425550100', null, null],
  ['+18005550100', null, null],
  ['+35220881234', 'LU', 'national'],
  ['+881612345678', null, 'premium'],
  ['+8613912345678', null, null],
  ['+999123', null, null],
  ['+321', null, null],
  ['0475123456', null, null],
  ['alice', null, null],
  [null, null, null],
] as const)('%s', (number, country, type) => {
  expect(detectNumber(number)).toEqual({ country, type })
})
