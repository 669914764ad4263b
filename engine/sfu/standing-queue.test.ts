import { describe, expect, it } from 'vitest'
import { StandingQueue } from './standing-queue.ts'

/** Packets every 10 ms over a path of 20 ms, delayed by `waitMs` at that moment. The receiver's clock is its own. */
class Path {
  readonly queue = new StandingQueue()
  nowMs = 1_000
  skewMs = 700_000

  run(ms: number, waitMs: (sinceMs: number) => number = () => 0): number {
    for (const from = this.nowMs; this.nowMs < from + ms; this.nowMs += 10) {
      const arrivedMs = this.nowMs + this.skewMs + 20 + waitMs(this.nowMs - from)
      this.queue.onArrival(this.nowMs * 1000, arrivedMs * 1000)
    }
    return this.queue.ms
  }
}

describe('RFC 8289 §3: a queue that stands, not one that passes', () => {
  it('is none on an empty path, whatever the clocks say', () => {
    expect(new Path().run(5_000)).toBe(0)
  })

  it('is what every packet waits', () => {
    const path = new Path()
    path.run(2_000)
    expect(path.run(1_000, () => 60)).toBeCloseTo(60)
  })

  it('is not what some wait: a radio that stalls for a quarter of a second and lets all through', () => {
    const path = new Path()
    path.run(2_000)
    for (let stall = 0; stall < 5; stall++) {
      expect(path.run(250, (sinceMs) => 250 - sinceMs)).toBeLessThan(20)
      expect(path.run(100)).toBeLessThan(20)
    }
  })

  it('is seen within half a second, and gone within half a second', () => {
    const path = new Path()
    path.run(2_000)
    expect(path.run(500, () => 80)).toBeCloseTo(80)
    expect(path.run(500)).toBe(0)
  })

  it('is not told from a moment’s packets after a pause', () => {
    const path = new Path()
    path.run(2_000)
    path.nowMs += 5_000
    expect(path.run(100, () => 90)).toBe(0)
    expect(path.run(300, () => 90)).toBeCloseTo(90)
  })

  it('a longer route is no queue for ever', () => {
    const path = new Path()
    path.run(5_000)
    path.skewMs += 40
    expect(path.run(2_000)).toBeCloseTo(40)
    path.run(60_000)
    expect(path.run(2_000)).toBe(0)
  })

  it('M9: a clock that jumps begins anew', () => {
    const path = new Path()
    path.run(2_000)
    path.skewMs += 100_000
    expect(path.run(2_000)).toBe(0)
    path.skewMs -= 150_000
    expect(path.run(2_000)).toBe(0)
  })
})
