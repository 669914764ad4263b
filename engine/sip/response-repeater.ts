/**
 * Repeats a response of a dialog until its ACK or PRACK: a 2xx after T1, 2*T1 … up to T2 (RFC 3261 §13.3.1.4), a
 * reliable provisional one without that limit (RFC 3262 §3); over every transport, because it is end to end.
 */
import type { Instant } from '../machine.ts'
import { Timer, type TimerQueue } from '../timer-queue.ts'
import { giveUpMs, type Timers } from './timers.ts'

export class ResponseRepeater extends Timer {
  readonly #queue: TimerQueue
  readonly #send: () => void
  readonly #longest: number
  readonly #endsAt: Instant
  readonly #onGivenUp: (now: Instant) => void
  #interval: number

  constructor(
    now: Instant,
    options: {
      queue: TimerQueue
      timers: Timers
      send: () => void
      isProvisional?: boolean
      /** After 64*T1 without ACK or PRACK, or at `endsAt`. */
      onGivenUp: (now: Instant) => void
      endsAt?: Instant
    },
  ) {
    super()
    const { queue, timers, send, isProvisional = false, onGivenUp, endsAt = now + giveUpMs(timers) } = options
    this.#queue = queue
    this.#send = send
    this.#longest = isProvisional ? Infinity : timers.t2
    this.#interval = timers.t1
    this.#endsAt = endsAt
    this.#onGivenUp = onGivenUp
    queue.set(this, now + this.#interval)
  }

  stop(): void {
    this.#queue.cancel(this)
  }

  override wake(now: Instant): void {
    if (now >= this.#endsAt) return this.#onGivenUp(now)
    this.#send()
    this.#interval = Math.min(2 * this.#interval, this.#longest)
    this.#queue.set(this, Math.min(now + this.#interval, this.#endsAt))
  }
}
