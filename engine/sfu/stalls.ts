/**
 * Stalls of the process's loop (M11): one is nothing; twice within ten seconds costs everybody the larger layers, five
 * times refuses new video, until it keeps up again.
 */
import type { Shedding } from './allocation.ts'

const windowMs = 10_000
const toShed = 2
const toRefuse = 5

export class Stalls {
  #atMs: readonly number[] = []

  add(nowMs: number): void {
    this.#atMs = [...this.#recent(nowMs), nowMs]
  }

  shedding(nowMs: number): Shedding {
    if (this.#atMs.length === 0) return 0
    this.#atMs = this.#recent(nowMs)
    const { length } = this.#atMs
    return length >= toRefuse ? 2 : length >= toShed ? 1 : 0
  }

  #recent(nowMs: number): readonly number[] {
    return this.#atMs.filter((at) => nowMs - at < windowMs)
  }
}
