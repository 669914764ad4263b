/**
 * Dialogs that ended while one process followed another (T5). Whoever hangs up has its 200 once the end is durable; where
 * the process died on the way the BYE comes again, to the next one, which may have ended the dialog itself by then. It has
 * that 200: a 481 is for dialogs that never were (RFC 3261 §15.1.2).
 *
 * Invariant: all of it is forgotten when nobody repeats a BYE any more, 64*T1 after the start (§17.1.2.2, timer F).
 */
import type { Instant } from '../machine.ts'
import { Timer, type TimerQueue } from '../timer-queue.ts'
import type { SipMessage } from './message.ts'
import { giveUpMs, type Timers } from './timers.ts'

export class EndedDialogs extends Timer {
  readonly #callIds = new Set<string>()
  #isKeeping = false

  keep(now: Instant, callIds: Iterable<string>, { queue, timers }: { queue: TimerQueue; timers: Timers }): void {
    this.#isKeeping = true
    queue.set(this, now + giveUpMs(timers))
    for (const id of callIds) this.add(id)
  }

  /** Of the process before, and ended by this one. */
  add(callId: string): void {
    if (this.#isKeeping) this.#callIds.add(callId)
  }

  /** It ends one of them once more. */
  hasEndOf({ method, callId }: SipMessage): boolean {
    return method === 'BYE' && this.#callIds.has(callId)
  }

  override wake(): void {
    this.#isKeeping = false
    this.#callIds.clear()
  }
}
