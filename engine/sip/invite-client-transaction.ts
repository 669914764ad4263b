/**
 * INVITE client transaction: repeats the INVITE until something answers, acknowledges a final error, and hands up
 * every response that says something new. RFC 3261 §17.1.1 with the Accepted state of RFC 6026 §7.2.
 *
 *   Calling --1xx--> Proceeding --2xx--> Accepted --M--> Terminated
 *      |  `--B (timeout)----|-----------------------------^
 *      `---3xx-6xx----------`-----> Completed --D--> Terminated
 *
 * Invariant: the ACK to a 2xx is never sent here; it is the dialog's (§13.2.2.4).
 */
import type { Instant, Machine } from '../machine.ts'
import { giveUpMs, type Timers } from './timers.ts'

export type Input =
  | { type: 'response'; status: number }
  /** Its user wants it cancelled. */
  | { type: 'cancel' }
  | { type: 'wake' }
  | { type: 'transport_error' }
export type Output =
  /** The INVITE, first or again. */
  | { type: 'send' }
  /** The ACK to the response that was just handled. */
  | { type: 'ack' }
  /** Hand up the response that was just handled. */
  | { type: 'response' }
  /** The CANCEL, which is a transaction of its own. */
  | { type: 'cancel' }
  | { type: 'terminated'; reason: 'done' | 'timeout' | 'transport_error' }

type State =
  | { name: 'calling'; resendAt: Instant; interval: number; endsAt: Instant; isCancelled: boolean }
  /** `endsAt`: of a cancelled one; nothing else limits how long a phone may ring. */
  | { name: 'proceeding'; endsAt: Instant | undefined }
  | { name: 'accepted'; endsAt: Instant }
  | { name: 'completed'; endsAt: Instant }
  | { name: 'terminated' }

export class InviteClientTransaction implements Machine<Input, Output> {
  #state: State
  readonly #outputs: Output[] = [{ type: 'send' }]
  readonly #isReliable: boolean
  readonly #timers: Timers

  constructor(now: Instant, options: { isReliable: boolean; timers: Timers }) {
    const { isReliable, timers } = options
    this.#isReliable = isReliable
    this.#timers = timers
    this.#state = {
      name: 'calling',
      interval: timers.t1,
      resendAt: isReliable ? Infinity : now + timers.t1, // Timer A, unreliable transports only
      endsAt: now + giveUpMs(timers), // Timer B
      isCancelled: false,
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
      case 'calling':
        return Math.min(s.resendAt, s.endsAt)
      case 'proceeding':
      case 'accepted':
      case 'completed':
        return s.endsAt
      case 'terminated':
        return undefined
    }
  }

  handle(now: Instant, input: Input): void {
    const s = this.#state
    switch (s.name) {
      case 'calling':
        if (input.type === 'wake') return this.#wakeCalling(now, s)
        // "If no provisional response has been received, the CANCEL request MUST NOT be sent": §9.1. It waits for one.
        if (input.type === 'cancel') s.isCancelled = true
        return this.#handleUnanswered(now, input, s.isCancelled)
      case 'proceeding':
        if (input.type === 'wake' && s.endsAt !== undefined && now >= s.endsAt) return this.#end('timeout')
        if (input.type === 'cancel' && s.endsAt === undefined) return this.#cancel(now)
        return this.#handleUnanswered(now, input, false)
      case 'accepted':
        // Each 2xx is handed up: a retransmission lost its ACK, another one comes from another branch (RFC 6026 §7.2).
        if (input.type === 'response' && isSuccess(input.status)) this.#outputs.push({ type: 'response' })
        if (input.type === 'wake' && now >= s.endsAt) this.#end('done')
        return
      case 'completed':
        if (input.type === 'response') this.#handleCompleted(input.status)
        if (input.type === 'wake' && now >= s.endsAt) this.#end('done')
        if (input.type === 'transport_error') this.#end('transport_error')
        return
      case 'terminated':
        return
    }
  }

  #wakeCalling(now: Instant, s: State & { name: 'calling' }): void {
    if (now >= s.endsAt) return this.#end('timeout')
    if (now < s.resendAt) return
    this.#outputs.push({ type: 'send' })
    s.interval *= 2 // Not capped by T2: §17.1.1.2.
    s.resendAt = now + s.interval
  }

  #handleUnanswered(now: Instant, input: Input, isCancelled: boolean): void {
    if (input.type === 'transport_error') return this.#end('transport_error')
    if (input.type !== 'response') return
    if (input.status < 200) this.#proceed()
    else if (isSuccess(input.status))
      this.#state = { name: 'accepted', endsAt: now + giveUpMs(this.#timers) } // Timer M
    else this.#outputs.push({ type: 'ack' })
    this.#outputs.push({ type: 'response' })
    if (input.status >= 300) this.#complete(now)
    if (input.status < 200 && isCancelled) this.#cancel(now)
  }

  #proceed(): void {
    if (this.#state.name === 'calling') this.#state = { name: 'proceeding', endsAt: undefined }
  }

  /** §9.1: without a final response in 64*T1 a cancelled transaction is given up. */
  #cancel(now: Instant): void {
    this.#outputs.push({ type: 'cancel' })
    this.#state = { name: 'proceeding', endsAt: now + giveUpMs(this.#timers) }
  }

  #complete(now: Instant): void {
    if (this.#isReliable) return this.#end('done')
    this.#state = { name: 'completed', endsAt: now + giveUpMs(this.#timers) } // Timer D: "at least 32 seconds"
  }

  /** A 2xx after an error is a branch that answered too late; the user must end it, though no RFC draws this arrow. */
  #handleCompleted(status: number): void {
    if (status >= 300) this.#outputs.push({ type: 'ack' })
    else if (isSuccess(status)) this.#outputs.push({ type: 'response' })
  }

  #end(reason: 'done' | 'timeout' | 'transport_error'): void {
    this.#state = { name: 'terminated' }
    this.#outputs.push({ type: 'terminated', reason })
  }
}

const isSuccess = (status: number) => status >= 200 && status < 300
