/**
 * Non-INVITE client transaction: repeats the request until a final response, absorbs repeated ones.
 * RFC 3261 §17.1.2.
 *
 *   Trying --1xx--> Proceeding --2xx-6xx--> Completed --K--> Terminated
 *      |                `----F (timeout)---------------------^
 *      `-------------2xx-6xx----> Completed
 *
 * Invariant: at most one final response is handed up.
 */
import type { Instant, Machine } from '../machine.ts'
import { giveUpMs, type Timers } from './timers.ts'

export type Input = { type: 'response'; status: number } | { type: 'wake' } | { type: 'transport_error' }
export type Output =
  /** The request, first or again. */
  | { type: 'send' }
  /** Hand up the response that was just handled. */
  | { type: 'response' }
  | { type: 'terminated'; reason: 'done' | 'timeout' | 'transport_error' }

type State =
  | { name: 'trying' | 'proceeding'; resendAt: Instant; interval: number; endsAt: Instant }
  | { name: 'completed'; endsAt: Instant }
  | { name: 'terminated' }

export class NonInviteClientTransaction implements Machine<Input, Output> {
  #state: State
  readonly #outputs: Output[] = [{ type: 'send' }]
  readonly #isReliable: boolean
  readonly #timers: Timers

  constructor(now: Instant, options: { isReliable: boolean; timers: Timers }) {
    const { isReliable, timers } = options
    this.#isReliable = isReliable
    this.#timers = timers
    this.#state = {
      name: 'trying',
      interval: timers.t1,
      resendAt: isReliable ? Infinity : now + timers.t1, // Timer E, unreliable transports only
      endsAt: now + giveUpMs(timers), // Timer F
    }
  }

  get state(): State['name'] {
    return this.#state.name
  }

  poll(): Output | undefined {
    return this.#outputs.shift()
  }

  deadline(): Instant | undefined {
    const s = this.#state
    switch (s.name) {
      case 'trying':
      case 'proceeding':
        return Math.min(s.resendAt, s.endsAt)
      case 'completed':
        return s.endsAt
      case 'terminated':
        return undefined
    }
  }

  handle(now: Instant, input: Input): void {
    const s = this.#state
    switch (s.name) {
      case 'trying':
      case 'proceeding':
        if (input.type === 'response') this.#respond(now, s, input.status)
        if (input.type === 'wake') this.#wakeUnanswered(now, s)
        if (input.type === 'transport_error') this.#end('transport_error')
        return
      case 'completed':
        if (input.type === 'wake' && now >= s.endsAt) this.#end('done')
        return
      case 'terminated':
        return
    }
  }

  #respond(now: Instant, s: State & { name: 'trying' | 'proceeding' }, status: number): void {
    this.#outputs.push({ type: 'response' })
    if (status < 200) s.name = 'proceeding'
    else if (this.#isReliable) this.#end('done')
    else this.#state = { name: 'completed', endsAt: now + this.#timers.t4 } // Timer K
  }

  #wakeUnanswered(now: Instant, s: State & { name: 'trying' | 'proceeding' }): void {
    if (now >= s.endsAt) return this.#end('timeout')
    if (now < s.resendAt) return
    this.#outputs.push({ type: 'send' })
    // "If Timer E fires while in the 'Proceeding' state, … Timer E MUST be reset with a value of T2 seconds": §17.1.2.2.
    s.interval = s.name === 'proceeding' ? this.#timers.t2 : Math.min(2 * s.interval, this.#timers.t2)
    s.resendAt = now + s.interval
  }

  #end(reason: 'done' | 'timeout' | 'transport_error'): void {
    this.#state = { name: 'terminated' }
    this.#outputs.push({ type: 'terminated', reason })
  }
}
