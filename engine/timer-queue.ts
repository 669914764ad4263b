/**
 * One timer queue for a whole process (T9): a binary heap of timers that know their own place in it, so that a timer is
 * set, moved and cancelled in O(log n) and none is left behind. The driver sleeps until `deadline` and calls `run`.
 *
 * Invariant: a timer fires at most once for each `set`, never before its time, in the order of time; those of one
 * moment in no particular order.
 */
import type { Instant } from './machine.ts'

/** What wants to be woken. One object has one timer: what has several deadlines sets the first of them. */
export abstract class Timer {
  /** When it fires; without meaning while the timer is not set. */
  wakeAt: Instant = 0
  /** Its place in the heap, the queue's own; -1 while not set. */
  place = -1

  abstract wake(now: Instant): void
}

export class TimerQueue {
  readonly #heap: Timer[] = []

  get size(): number {
    return this.#heap.length
  }

  deadline(): Instant | undefined {
    return this.#heap[0]?.wakeAt
  }

  /** Sets or moves a timer; undefined cancels it. */
  set(timer: Timer, at: Instant | undefined): void {
    if (at === undefined) return this.cancel(timer)
    if (timer.place < 0) {
      timer.wakeAt = at
      this.#heap.push(timer)
      this.#rise(timer, this.#heap.length - 1)
    } else if (at !== timer.wakeAt) {
      const isEarlier = at < timer.wakeAt
      timer.wakeAt = at
      if (isEarlier) this.#rise(timer, timer.place)
      else this.#sink(timer, timer.place)
    }
  }

  cancel(timer: Timer): void {
    const { place } = timer
    if (place < 0) return
    timer.place = -1
    const last = this.#heap.pop()
    if (last === undefined || last === timer) return
    if (last.wakeAt < timer.wakeAt) this.#rise(last, place)
    else this.#sink(last, place)
  }

  /** Wakes what is due. What is set meanwhile and already due is woken too. */
  run(now: Instant): void {
    for (let first = this.#heap[0]; first !== undefined && first.wakeAt <= now; first = this.#heap[0]) {
      this.cancel(first)
      first.wake(now)
    }
  }

  /** Puts the timer at `place` or, while it is earlier than its parent, above. */
  #rise(timer: Timer, place: number): void {
    const heap = this.#heap
    while (place > 0) {
      const above = (place - 1) >> 1
      const parent = heap[above]
      if (parent === undefined || parent.wakeAt <= timer.wakeAt) break
      heap[place] = parent
      parent.place = place
      place = above
    }
    heap[place] = timer
    timer.place = place
  }

  /** Puts the timer at `place` or, while a child is earlier, below. */
  #sink(timer: Timer, place: number): void {
    const heap = this.#heap
    for (;;) {
      const left = heap[2 * place + 1]
      if (left === undefined) break
      const right = heap[2 * place + 2]
      const child = right !== undefined && right.wakeAt < left.wakeAt ? right : left
      if (child.wakeAt >= timer.wakeAt) break
      const below = child.place
      heap[place] = child
      child.place = place
      place = below
    }
    heap[place] = timer
    timer.place = place
  }
}
