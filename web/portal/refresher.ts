/**
 * Reads again what events tell of, however many there are: what is being read is not begun anew, as on a busy account it
 * would never end, but read once more after it has.
 */
import { hashKey, type QueryClient, type QueryKey } from '@tanstack/react-query'

/** A busy second is one question. */
const settleMs = 400

export class Refresher {
  readonly #cache: QueryClient
  readonly #stale = new Map<string, QueryKey>()
  readonly #reading = new Set<string>()
  #timer: ReturnType<typeof setTimeout> | null = null
  #isStopped = false

  constructor(cache: QueryClient) {
    this.#cache = cache
  }

  /** What is remembered by this key, and by longer ones that begin so, is old. */
  see(key: QueryKey): void {
    this.#stale.set(hashKey(key), key)
    this.#settle()
  }

  stop(): void {
    this.#isStopped = true
    if (this.#timer) clearTimeout(this.#timer)
  }

  #settle(): void {
    if (!this.#isStopped) this.#timer ??= setTimeout(() => this.#refresh(), settleMs)
  }

  #refresh(): void {
    this.#timer = null
    for (const [hash, queryKey] of this.#stale) {
      if (this.#reading.has(hash)) continue
      // An answer that was on its way already may be older than the event.
      const isOnItsWay = this.#cache.isFetching({ queryKey }) > 0
      if (!isOnItsWay) this.#stale.delete(hash)
      this.#reading.add(hash)
      void this.#cache.invalidateQueries({ queryKey }, { cancelRefetch: false }).finally(() => {
        this.#reading.delete(hash)
        if (this.#stale.has(hash)) this.#settle()
      })
    }
  }
}
