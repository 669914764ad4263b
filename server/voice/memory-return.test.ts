import { expect, it } from 'vitest'
import { MemoryReturn } from './memory-return.ts'

function collectionsOf(sweeps: readonly number[]): number[] {
  let collections = 0
  const memory = new MemoryReturn(() => {
    collections += 1
  })
  return sweeps.map((transactions) => {
    memory.sweep(transactions)
    return collections
  })
}

it('collects once when a busy time is over, and not while it lasts', () => {
  expect(collectionsOf([0, 6_000, 9_000, 2_000, 251, 250, 0, 0])).toEqual([0, 0, 0, 0, 0, 1, 1, 1])
})

it('collects again after the next one', () => {
  expect(collectionsOf([5_000, 100, 100, 5_000, 100])).toEqual([0, 1, 1, 1, 2])
})

it('leaves a process alone that never was busy', () => {
  expect(collectionsOf([0, 200, 4_999, 10, 0])).toEqual([0, 0, 0, 0, 0])
})
