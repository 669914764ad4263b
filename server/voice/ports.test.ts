import { expect, it } from 'vitest'
import { Ports } from './ports.ts'

const range = { first: 30_000, last: 30_003 }

it('the one that was free longest is taken first; without one there is none', () => {
  const ports = new Ports(range)
  expect([ports.take('a'), ports.take('b'), ports.take('c')]).toEqual([30_000, 30_002, null])
  ports.release('b')
  ports.release('a')
  expect([ports.take('c'), ports.take('d'), ports.size]).toEqual([30_002, 30_000, 2])
})

it('T6: a restored call has its port, and nobody else gets it meanwhile', () => {
  const ports = new Ports(range)
  ports.claim('a', 30_000)
  expect([ports.take('b'), ports.take('c')]).toEqual([30_002, null])
  ports.release('a')
  expect(ports.take('c')).toBe(30_000)
})

it('the port of a call that outlived another range is not taken by the next one', () => {
  const ports = new Ports(range)
  for (const [endpoint, port] of [
    ['below', 29_998],
    ['between', 30_001],
    ['above', 40_000],
  ] as const) {
    ports.claim(endpoint, port)
    ports.release(endpoint)
  }
  expect([ports.take('a'), ports.take('b'), ports.take('c')]).toEqual([30_000, 30_002, null])
})
