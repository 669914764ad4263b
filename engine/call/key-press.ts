/**
 * A forwarded call that has to be taken by a key: whoever answers hears a prompt and presses 1, so that a mailbox or an
 * announcement of a mobile network does not take the call. Any other key refuses it.
 */
import type { Instant } from '../machine.ts'
import type { TimerQueue } from '../timer-queue.ts'
import { Alarm } from './alarm.ts'

const acceptKey = '1'
/** For the whole decision, and between two prompts. */
const decideMs = 20_000
const repeatMs = 5000

interface Told {
  prompt(now: Instant): void
  pressed(now: Instant): void
  refused(now: Instant): void
}

export class KeyPress {
  readonly #told: Told
  readonly #end: Alarm
  readonly #again: Alarm

  constructor(timers: TimerQueue, told: Told) {
    this.#told = told
    this.#end = new Alarm(timers, (now) => this.#refuse(now))
    this.#again = new Alarm(timers, (now) => this.#told.prompt(now))
  }

  start(now: Instant): void {
    this.#end.set(now + decideMs)
    this.#told.prompt(now)
  }

  /** The prompt is over: once more in a while. */
  played(now: Instant): void {
    if (this.#end.place >= 0) this.#again.set(now + repeatMs)
  }

  press(now: Instant, digit: string): void {
    if (digit !== acceptKey) return this.#refuse(now)
    this.cancel()
    this.#told.pressed(now)
  }

  cancel(): void {
    this.#end.cancel()
    this.#again.cancel()
  }

  #refuse(now: Instant): void {
    this.cancel()
    this.#told.refused(now)
  }
}
