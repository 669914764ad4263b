import { expect, it } from 'vitest'
import { deliveryIdAt, newDeliveryId } from './webhook-deliveries.ts'

it('ids sort by creation, within a millisecond, past a full one, and when the clock goes back', () => {
  const now = 1_777_885_320_000
  const times = [...Array(70_000).fill(now), now + 5, now - 1_000, now + 6]
  const ids = times.map((at) => newDeliveryId(at))
  expect(new Set(ids).size).toBe(ids.length)
  expect(ids).toEqual(ids.toSorted())
  for (const id of ids.slice(0, 3)) expect(id).toMatch(/^dlv_[0-9a-f]{24}$/)
  expect(ids.every((id) => id >= deliveryIdAt(now))).toBe(true)
})
