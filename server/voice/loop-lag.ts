/**
 * How late the event loop is now (T8): all that it was late by in its last second of work. One pause of the collector is
 * no overload; a loop that is late again and again is, and so is one long stall, at once; both are soon forgotten.
 */

const stepMs = 50
const samples = 20

export class LoopLag {
  readonly #late = new Float64Array(samples)
  #at = 0
  #dueMs = 0
  #timer: NodeJS.Timeout | null = null

  start(): void {
    this.#dueMs = performance.now() + stepMs
    this.#timer = setInterval(() => this.#note(performance.now()), stepMs)
    this.#timer.unref()
  }

  stop(): void {
    if (this.#timer) clearInterval(this.#timer)
  }

  /** Milliseconds; at least 0. */
  get recentMs(): number {
    // What has not fired yet is late already.
    let sum = Math.max(0, performance.now() - this.#dueMs)
    for (const late of this.#late) sum += late
    return sum
  }

  #note(nowMs: number): void {
    this.#late[this.#at] = Math.max(0, nowMs - this.#dueMs)
    this.#at = (this.#at + 1) % samples
    this.#dueMs = nowMs + stepMs
  }
}
