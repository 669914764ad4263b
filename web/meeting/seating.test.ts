import { expect, it } from 'vitest'
import { Seating } from './seating.ts'

const people = Array.from({ length: 12 }, (_, index) => `p${index}`)

function seated(): Seating {
  const seating = new Seating()
  seating.setPeople(people)
  return seating
}

it('keeps everybody where they are while those on the first page speak', () => {
  const seating = seated()
  seating.hear(['p3'], 0, false)
  expect(seating.look(10_000, false)).toBe(false)
  expect(seating.order).toEqual(people)
})

it('seats a speaker of another page on the first after 1.5 s, in place of who was silent longest', () => {
  const seating = seated()
  for (const [at, id] of people.slice(0, 9).entries()) if (id !== 'p4') seating.hear([id], at + 1, false)
  seating.hear(['p10'], 1_000, false)
  expect(seating.look(2_400, false)).toBe(false)
  expect(seating.look(2_500, false)).toBe(true)
  expect(seating.order.indexOf('p10')).toBe(4)
  expect(seating.order.indexOf('p4')).toBe(10)
})

it('moves nobody under the pointer', () => {
  const seating = seated()
  seating.hear(['p10'], 0, true)
  expect(seating.look(5_000, true)).toBe(false)
  expect(seating.look(5_000, false)).toBe(true)
})

it('closes the gap of who left and seats who comes at the end', () => {
  const seating = seated()
  seating.setPeople([...people.filter((id) => id !== 'p1'), 'p12'])
  expect(seating.order.slice(0, 2)).toEqual(['p0', 'p2'])
  expect(seating.order.at(-1)).toBe('p12')
})
