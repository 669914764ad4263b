import { expect, it } from 'vitest'
import { joined } from './first-page.ts'

/** Number 9 is newer than number 1. */
const rows = (...numbers: readonly number[]) =>
  numbers.map((one) => ({ id: `d${one}`, created: `2026-05-04T09:00:0${one}.000Z` }))
const ids = (first: readonly number[], read: readonly number[], isAll = false) => {
  const { rows: all, hasGap } = joined({ rows: rows(...first), isAll }, rows(...read))
  return [all.map(({ id }) => Number(id.slice(1))), hasGap]
}

it('goes on below the first page with what was read before', () => {
  expect(ids([9, 8, 7], [8, 7, 6, 5, 4])).toEqual([[9, 8, 7, 6, 5, 4], false])
  expect(ids([9, 8], [])).toEqual([[9, 8], false])
})

it('leaves out what the first page does not hold any more', () => {
  expect(ids([9, 7, 6], [9, 8, 7, 6, 5])).toEqual([[9, 7, 6, 5], false])
  expect(ids([9], [9, 8, 7], true)).toEqual([[9], false])
  expect(ids([], [9, 8], true)).toEqual([[], false])
})

it('tells of a gap when so much came that they do not meet', () => {
  expect(ids([9, 8, 7], [5, 4])).toEqual([[9, 8, 7, 5, 4], true])
})
