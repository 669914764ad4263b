import { describe, expect, it } from 'vitest'
import { drawInteger, seededRandom } from './testing/random.ts'
import { Timer, TimerQueue } from './timer-queue.ts'

class Alarm extends Timer {
  readonly wokenAt: number[] = []
  readonly #onWake: (now: number) => void
  constructor(onWake: (now: number) => void = () => {}) {
    super()
    this.#onWake = onWake
  }
  wake(now: number): void {
    this.wokenAt.push(now)
    this.#onWake(now)
  }
}

describe('T9 one timer queue a process', () => {
  it('wakes in the order of time, whatever was set, moved and cancelled before', () => {
    const random = seededRandom(7)
    const queue = new TimerQueue()
    const woken: Alarm[] = []
    const alarms = Array.from({ length: 500 }, () => {
      const alarm: Alarm = new Alarm(() => woken.push(alarm))
      return alarm
    })
    const due = new Map<Alarm, number>()
    for (let round = 0; round < 5_000; round += 1) {
      const alarm = alarms[drawInteger(random, alarms.length)]
      if (alarm === undefined) continue
      const at = random() < 0.3 ? undefined : drawInteger(random, 1_000)
      queue.set(alarm, at)
      if (at === undefined) due.delete(alarm)
      else due.set(alarm, at)
    }
    expect(queue.size).toBe(due.size)
    expect(queue.deadline()).toBe(Math.min(...due.values()))
    queue.run(1_000)
    expect(queue.size).toBe(0)
    expect(queue.deadline()).toBeUndefined()
    expect(new Set(woken)).toEqual(new Set(due.keys()))
    const times = woken.map((alarm) => due.get(alarm) ?? -1)
    expect(times).toEqual([...times].sort((a, b) => a - b))
  })

  it('wakes nothing before its time, and each once', () => {
    const queue = new TimerQueue()
    const [early, late] = [new Alarm(), new Alarm()]
    queue.set(late, 20)
    queue.set(early, 10)
    queue.run(9)
    expect(early.wokenAt).toEqual([])
    queue.run(10)
    queue.run(10)
    expect(early.wokenAt).toEqual([10])
    expect(queue.deadline()).toBe(20)
    queue.cancel(late)
    queue.cancel(late)
    queue.run(100)
    expect(late.wokenAt).toEqual([])
  })

  it('lets a timer set itself and cancel others while it is woken', () => {
    const queue = new TimerQueue()
    const other = new Alarm()
    const again: Alarm = new Alarm((now) => {
      queue.cancel(other)
      if (again.wokenAt.length < 3) queue.set(again, now + 10)
    })
    queue.set(again, 10)
    queue.set(other, 15)
    for (let now = 0; now <= 50; now += 1) queue.run(now)
    expect(again.wokenAt).toEqual([10, 20, 30])
    expect(other.wokenAt).toEqual([])
    expect(queue.size).toBe(0)
  })
})
