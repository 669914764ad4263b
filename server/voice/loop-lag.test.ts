import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { LoopLag } from './loop-lag.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

it('T8: is nothing while the loop keeps up', () => {
  const lag = new LoopLag()
  lag.start()
  vi.advanceTimersByTime(5_000)
  expect(lag.recentMs).toBeLessThan(2)
  lag.stop()
})

it('T8: a pause of the collector is no overload', () => {
  const lag = new LoopLag()
  lag.start()
  vi.advanceTimersByTime(1_000)
  const now = performance.now()
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => now + 250)
  expect(lag.recentMs).toBeLessThan(300)
  clock.mockRestore()
  lag.stop()
})

it('T8: is what the loop is late by at once, and forgotten a second after', () => {
  const lag = new LoopLag()
  lag.start()
  vi.advanceTimersByTime(1_000)
  const now = performance.now()
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => now + 500)
  expect(lag.recentMs).toBeGreaterThan(400)
  clock.mockRestore()
  vi.advanceTimersByTime(2_000)
  expect(lag.recentMs).toBeLessThan(2)
  lag.stop()
})
