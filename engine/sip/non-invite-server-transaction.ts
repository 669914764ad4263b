/**
 * Non-INVITE server transaction: absorbs retransmitted requests and answers them with what was answered before.
 * RFC 3261 §17.2.2.
 *
 *   Trying --1xx--> Proceeding --2xx-6xx--> Completed --J--> Terminated
 *      `-------------2xx-6xx-----------------^
 *
 * Invariant: nothing is sent but in answer to a request or to `respond`.
 */
import type { Instant, Machine } from '../machine.ts'
import { giveUpMs, type Timers } from './timers.ts'

export type Input =
  | { type: 'request' }
  | { type: 'respond'; status: number; bytes: Uint8Array }
  | { type: 'wake' }
  | { type: 'transport_error' }
export type Output = { type: 'send'; bytes: Uint8Array } | { type: 'terminated'; reason: 'done' | 'transport_error' }

type State =
  | { name: 'trying' }
  | { name: 'proceeding'; last: Uint8Array }
  | { name: 'completed'; last: Uint8Array; endsAt: Instant }
  | { name: 'terminated' }

export class NonInviteServerTransaction implements Machine<Input, Output> {
  #state: State = { name: 'trying' }
  readonly #outputs: Output[] = []
  readonly #isReliable: boolean
  readonly #timers: Timers

  constructor(options: { isReliable: boolean; timers: Timers }) {
    this.#isReliable = options.isReliable
    this.#timers = options.timers
  }

  get state(): State['name'] {
    return this.#state.name
  }

  poll(): Output | undefined {
    return this.#outputs.shift()
  }

  deadline(): Instant | undefined {
    return this.#state.name === 'completed' ? this.#state.endsAt : undefined
  }

  handle(now: Instant, input: Input): void {
    const s = this.#state
    switch (s.name) {
      case 'trying':
        // "If retransmissions of the request arrive in this state, they are ignored": §17.2.2.
        if (input.type === 'respond') this.#respond(now, input)
        return
      case 'proceeding':
        if (input.type === 'request') this.#send(s.last)
        if (input.type === 'respond') this.#respond(now, input)
        if (input.type === 'transport_error') this.#end('transport_error')
        return
      case 'completed':
        // "Any other final responses passed by the TU to the server transaction MUST be discarded": §17.2.2.
        if (input.type === 'request') this.#send(s.last)
        if (input.type === 'wake' && now >= s.endsAt) this.#end('done')
        if (input.type === 'transport_error') this.#end('transport_error')
        return
      case 'terminated':
        return
    }
  }

  #respond(now: Instant, { status, bytes }: { status: number; bytes: Uint8Array }): void {
    this.#send(bytes)
    if (status < 200) this.#state = { name: 'proceeding', last: bytes }
    else if (this.#isReliable) this.#end('done')
    else this.#state = { name: 'completed', last: bytes, endsAt: now + giveUpMs(this.#timers) } // Timer J
  }

  #send(bytes: Uint8Array): void {
    this.#outputs.push({ type: 'send', bytes })
  }

  #end(reason: 'done' | 'transport_error'): void {
    this.#state = { name: 'terminated' }
    this.#outputs.push({ type: 'terminated', reason })
  }
}
