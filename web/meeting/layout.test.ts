import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type Box, gridOf, stageOf } from './layout.ts'

const area = { width: 1280, height: 700 }

const overlap = (a: Box, b: Box) =>
  a.left < b.left + b.width && b.left < a.left + a.width && a.top < b.top + b.height && b.top < a.top + a.height

it('gives two people on a wide screen a column each, and on a phone a row each', () => {
  const [first, second] = gridOf(2, area)
  expect(first?.top).toBe(second?.top)
  const [above, below] = gridOf(2, { width: 374, height: 700 })
  expect(above?.left).toBe(below?.left)
  expect(below?.top).toBeGreaterThan(above?.top ?? 0)
})

it('gives nine people three columns', () => {
  expect(new Set(gridOf(9, area).map(({ left }) => left)).size).toBe(3)
})

it('centres a last row that is not full', () => {
  const boxes = gridOf(5, area)
  const last = boxes.slice(3)
  const middle = last.reduce((sum, { left, width }) => sum + left + width / 2, 0) / last.length
  expect(middle).toBeCloseTo(area.width / 2, -1)
})

it('never overlaps tiles, never leaves the area, whatever the window is', () => {
  const sizes = fc.record({ width: fc.integer({ min: 320, max: 4000 }), height: fc.integer({ min: 240, max: 2200 }) })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 0, max: 12 }), sizes, (main, strip, size) => {
      const stage = stageOf(main, strip, size)
      const boxes = [...stage.main, ...stage.strip]
      expect(stage.main).toHaveLength(main)
      for (const [index, box] of boxes.entries()) {
        expect(box.width).toBeGreaterThan(0)
        expect(box.left).toBeGreaterThanOrEqual(0)
        expect(box.top).toBeGreaterThanOrEqual(-1)
        expect(box.left + box.width).toBeLessThanOrEqual(size.width + 1)
        expect(box.top + box.height).toBeLessThanOrEqual(size.height + 1)
        for (const other of boxes.slice(index + 1)) expect(overlap(box, other)).toBe(false)
      }
    }),
  )
})
