import { expect, it } from 'vitest'
import { Limits } from './limits.ts'

const minute = 60_000

it('all places or none, and each goes back once', () => {
  const limits = new Limits()
  const both = [
    { key: 'a', max: 2 },
    { key: 'b', max: 1 },
  ]
  expect(limits.acquire(both)).toBeNull()
  expect(limits.acquire(both)).toEqual({ key: 'b', max: 1 })
  expect(limits.count('a')).toBe(1)
  expect(limits.acquire(both, true)).toBeNull()
  expect(limits.count('b')).toBe(2)
  limits.release(both)
  limits.release(both)
  expect([limits.count('a'), limits.count('b')]).toEqual([0, 0])
})

it('no limit counts too', () => {
  const limits = new Limits()
  for (let times = 0; times < 3; times += 1) expect(limits.acquire([{ key: 'a', max: null }])).toBeNull()
  expect(limits.acquire([{ key: 'a', max: 3 }])?.key).toBe('a')
})

it('T31: what was spent leaves the hour again, of each account its own', () => {
  const limits = new Limits()
  limits.startSpending('acme', 'x', 0)
  expect(limits.spentMs('acme', 10 * minute)).toBe(10 * minute)
  limits.stopSpending('acme', 'x', 10 * minute)
  limits.stopSpending('acme', 'x', 20 * minute)
  expect(limits.spentMs('acme', 30 * minute)).toBe(10 * minute)
  expect(limits.spentMs('other', 30 * minute)).toBe(0)
  expect(limits.spentMs('acme', 69 * minute)).toBe(10 * minute)
  expect(limits.spentMs('acme', 75 * minute)).toBe(0)
})

it('T31: of a call of many hours only the last one counts', () => {
  const limits = new Limits()
  limits.startSpending('acme', 'x', 0)
  expect(limits.spentMs('acme', 300 * minute)).toBe(60 * minute)
  limits.stopSpending('acme', 'x', 300 * minute)
  expect(limits.spentMs('acme', 300 * minute)).toBe(60 * minute)
})
