/** A timer of the process's queue (T9) that calls back; made when it is first set. */
import type { Instant } from '../machine.ts'
import { Timer, type TimerQueue } from '../timer-queue.ts'

export class Alarm extends Timer {
  readonly #timers: TimerQueue
  readonly #ring: (now: Instant) => void

  constructor(timers: TimerQueue, ring: (now: Instant) => void) {
    super()
    this.#timers = timers
    this.#ring = ring
  }

  set(at: Instant): void {
    this.#timers.set(this, at)
  }

  cancel(): void {
    this.#timers.cancel(this)
  }

  override wake(now: Instant): void {
    this.#ring(now)
  }
}
