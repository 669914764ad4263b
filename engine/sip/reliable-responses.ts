/**
 * Reliable provisional responses to one INVITE (RFC 3262 §3): numbered by RSeq, one at a time, repeated until their
 * PRACK.
 */
import type { Instant } from '../machine.ts'
import type { ResponseParts } from './format.ts'
import { hasToken, parseRack } from './headers.ts'
import type { LegPort } from './leg-port.ts'
import type { SipMessage } from './message.ts'
import { ResponseRepeater } from './response-repeater.ts'
import type { ServerTransaction } from './server-transaction.ts'

interface Outstanding {
  readonly rseq: number
  readonly answer: string | null
  readonly repeater: ResponseRepeater
}

export class ReliableResponses {
  readonly #transaction: ServerTransaction
  readonly #cseq: number
  readonly #port: LegPort
  readonly #onNoPrack: (now: Instant) => void
  readonly #waiting: { parts: ResponseParts; answer: string | null }[] = []
  #rseq: number
  #outstanding: Outstanding | null = null
  /** The answer to the peer's offer, as soon as one was sent reliably. */
  answer: string | null = null

  constructor(transaction: ServerTransaction, port: LegPort, onNoPrack: (now: Instant) => void) {
    this.#transaction = transaction
    this.#cseq = transaction.request.cseq
    this.#port = port
    this.#onNoPrack = onNoPrack
    // "The initial value … chosen uniformly from 1 to 2**31 - 1"; below 2**30 it never gets too large.
    this.#rseq = Math.floor(port.options.fraction() * 2 ** 30)
  }

  /** A response with the answer is not acknowledged yet. */
  get isAnswering(): boolean {
    return this.#outstanding?.answer != null || this.#waiting.some(({ answer }) => answer !== null)
  }

  send(now: Instant, parts: ResponseParts, answer: string | null): void {
    if (answer !== null) this.answer = answer
    this.#waiting.push({ parts, answer })
    this.#next(now)
  }

  /** The answer that the peer has now, if that response had one; 'unknown' when the PRACK is for none of ours. */
  acknowledge(now: Instant, prack: SipMessage): string | null | 'unknown' {
    const rack = parseRack(prack.header('rack') ?? '')
    const outstanding = this.#outstanding
    if (rack === null || outstanding === null || rack.rseq !== outstanding.rseq) return 'unknown'
    if (rack.cseq !== this.#cseq || rack.method !== 'INVITE') return 'unknown'
    outstanding.repeater.stop()
    this.#outstanding = null
    this.#next(now)
    return outstanding.answer
  }

  /** There is a final response. A PRACK for what went out before may still be on its way, and "MUST" be taken (§3). */
  stop(): void {
    this.#outstanding?.repeater.stop()
    this.#waiting.length = 0
  }

  /** "The UAS MUST NOT send a second reliable provisional response until the first is acknowledged." */
  #next(now: Instant): void {
    const next = this.#outstanding === null ? this.#waiting.shift() : undefined
    if (next === undefined) return
    this.#rseq += 1
    const { parts, answer } = next
    const headers = [...(parts.headers ?? []), ['Require', '100rel'] as const, ['RSeq', String(this.#rseq)] as const]
    const bytes = this.#transaction.respond(now, { ...parts, headers })
    const { queue, transactions } = this.#port.options
    const repeater = new ResponseRepeater(now, {
      queue,
      timers: transactions.timers,
      send: () => this.#transaction.repeat(bytes),
      isProvisional: true,
      onGivenUp: (at) => this.#onNoPrack(at),
    })
    this.#outstanding = { rseq: this.#rseq, answer, repeater }
  }
}

/** Whether a caller can take reliable provisional responses, or nothing else (§3). */
export const reliabilityOf = (invite: SipMessage): 'required' | 'possible' | 'impossible' => {
  if (hasToken(invite, 'require', '100rel')) return 'required'
  return hasToken(invite, 'supported', '100rel') ? 'possible' : 'impossible'
}
