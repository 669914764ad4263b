/**
 * How many calls of each kind there are at once, and how many minutes outside in the last hour (T31). A limit of
 * somebody's own is never answered with 503 (T8), and emergency calls are counted but not limited (T18).
 */
import type { Instant } from '../machine.ts'

/** What is counted: `sim:<account>`, `in:<account>`, `out:<account>`, `fwd:<account>`, `trunk:<id>`, `device:<id>`. */
export interface Limit {
  readonly key: string
  /** Null: counted, not limited. */
  readonly max: number | null
}

const hourMs = 3_600_000
const bucketMs = 300_000

export class Limits {
  readonly #counts = new Map<string, number>()
  readonly #spent = new Map<string, Spent>()

  /** All of them or, naming the first that is full, none. */
  acquire(limits: readonly Limit[], isForced = false): Limit | null {
    const full = isForced ? undefined : limits.find(({ key, max }) => max !== null && this.count(key) >= max)
    if (full) return full
    for (const { key } of limits) this.#counts.set(key, this.count(key) + 1)
    return null
  }

  release(limits: readonly Limit[]): void {
    for (const { key } of limits) {
      const left = this.count(key) - 1
      if (left > 0) this.#counts.set(key, left)
      else this.#counts.delete(key)
    }
  }

  count(key: string): number {
    return this.#counts.get(key) ?? 0
  }

  /** Of outside calls of an account, in the last hour to five minutes, with those that are going on. */
  spentMs(accountId: string, now: Instant): number {
    const account = this.#spent.get(accountId)
    if (!account) return 0
    let sum = account.over.sum(now)
    for (const since of account.running.values()) sum += Math.min(now - since, hourMs)
    return sum
  }

  startSpending(accountId: string, legId: string, now: Instant): void {
    this.#of(accountId).running.set(legId, now)
  }

  /** Of calls that ended about `at`, in the process before this one; of each an hour at most. */
  addSpent(accountId: string, at: Instant, ms: number): void {
    this.#of(accountId).over.add(at, ms)
  }

  stopSpending(accountId: string, legId: string, now: Instant): void {
    const account = this.#spent.get(accountId)
    const since = account?.running.get(legId)
    if (!account || since === undefined) return
    account.running.delete(legId)
    account.over.add(now, Math.min(now - since, hourMs))
  }

  #of(accountId: string): Spent {
    const account = this.#spent.get(accountId) ?? { over: new Window(), running: new Map<string, Instant>() }
    this.#spent.set(accountId, account)
    return account
  }
}

interface Spent {
  readonly over: Window
  readonly running: Map<string, Instant>
}

/** A sum over a window that slides by buckets. */
class Window {
  readonly #buckets = new Map<number, number>()

  add(now: Instant, ms: number): void {
    const bucket = Math.floor(now / bucketMs)
    this.#buckets.set(bucket, (this.#buckets.get(bucket) ?? 0) + ms)
    this.#forget(bucket)
  }

  sum(now: Instant): number {
    this.#forget(Math.floor(now / bucketMs))
    let sum = 0
    for (const ms of this.#buckets.values()) sum += ms
    return sum
  }

  #forget(bucket: number): void {
    for (const old of this.#buckets.keys()) if (old <= bucket - hourMs / bucketMs) this.#buckets.delete(old)
  }
}
