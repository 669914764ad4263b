/**
 * Repeats a response of a dialog until its ACK or PRACK: a 2xx after T1, 2*T1 … up to T2 (RFC 3261 §13.3.1.4), a
 * reliable provisional one without that limit (RFC 3262 §3); over every transport, because it is end to end.
 */
import type { Instant } from '../machine.ts'
import { Timer, type TimerQueue } from '../timer-queue.ts'
import type { ServerTransaction } from './server-transaction.ts'
import { giveUpMs, type Timers } from './timers.ts'

export class ResponseRepeater extends Timer {
  readonly #queue: TimerQueue
  readonly #transaction: ServerTransaction
  readonly #bytes: Uint8Array
  readonly #longest: number
  readonly #endsAt: Instant
  readonly #onGivenUp: (now: Instant) => void
  #interval: number

  constructor(
    now: Instant,
    options: {
      queue: TimerQueue
      timers: Timers
      transaction: ServerTransaction
      bytes: Uint8Array
      isProvisional?: boolean
      /** After 64*T1 without ACK or PRACK. */
      onGivenUp: (now: Instant) => void
    },
  ) {
    super()
    const { queue, timers, transaction, bytes, isProvisional = false, onGivenUp } = options
    this.#queue = queue
    this.#transaction = transaction
    this.#bytes = bytes
    this.#longest = isProvisional ? Infinity : timers.t2
    this.#interval = timers.t1
    this.#endsAt = now + giveUpMs(timers)
    this.#onGivenUp = onGivenUp
    queue.set(this, now + this.#interval)
  }

  stop(): void {
    this.#queue.cancel(this)
  }

  override wake(now: Instant): void {
    if (now >= this.#endsAt) return this.#onGivenUp(now)
    this.#transaction.repeat(this.#bytes)
    this.#interval = Math.min(2 * this.#interval, this.#longest)
    this.#queue.set(this, Math.min(now + this.#interval, this.#endsAt))
  }
}
