/**
 * Whether a peer is there: asks with OPTIONS, and takes any answer for a yes (T15), a refusal too. No answer from any of
 * its addresses is a no.
 *
 * Invariant: `onChange` is told the first finding and each that differs from the one before.
 */
import type { Instant } from '../machine.ts'
import { Timer, type TimerQueue } from '../timer-queue.ts'
import type { ResponseHandler } from './client-transaction.ts'
import type { Hop } from './hop.ts'
import type { LegsOptions } from './leg-port.ts'

export interface PeerProbeOptions {
  readonly transactions: LegsOptions['transactions']
  readonly queue: TimerQueue
  readonly locate: LegsOptions['locate']
  readonly fraction: () => number
  readonly token: () => string
  readonly agent: string
  /** The request URI, and where it leads. */
  readonly uri: string
  /** Whom it says it is from. */
  readonly from: string
  /** From one answer to the next question. It keeps the way through a NAT open too. */
  readonly intervalMs: number
  readonly onChange: (now: Instant, isAlive: boolean) => void
}

export class PeerProbe extends Timer implements ResponseHandler {
  readonly #options: PeerProbeOptions
  readonly #callId: string
  readonly #fromTag: string
  #cseq = 0
  #hops: readonly Hop[] = []
  #isAlive: boolean | null = null
  #isStopped = false

  constructor(options: PeerProbeOptions) {
    super()
    this.#options = options
    this.#callId = options.token()
    this.#fromTag = options.token()
  }

  /** Null: not known yet. */
  get isAlive(): boolean | null {
    return this.#isAlive
  }

  start(now: Instant): void {
    this.wake(now)
  }

  stop(): void {
    this.#isStopped = true
    this.#options.queue.cancel(this)
  }

  override wake(now: Instant): void {
    this.#options.locate(now, this.#options.uri, (at, hops) => {
      this.#hops = hops
      this.#ask(at)
    })
  }

  onResponse(now: Instant, { status }: { status: number }): void {
    if (status >= 200) this.#find(now, true)
  }

  onFailure(now: Instant): void {
    this.#hops = this.#hops.slice(1)
    this.#ask(now)
  }

  #ask(now: Instant): void {
    const [hop] = this.#hops
    if (this.#isStopped) return
    if (hop === undefined) return this.#find(now, false)
    const { transactions, uri, from, agent } = this.#options
    this.#cseq += 1
    const headers = [
      ['Max-Forwards', '70'],
      ['From', `<${from}>;tag=${this.#fromTag}`],
      ['To', `<${uri}>`],
      ['Call-ID', this.#callId],
      ['CSeq', `${this.#cseq} OPTIONS`],
      ['Accept', 'application/sdp'],
      ['User-Agent', agent],
    ] as const
    transactions.request(now, hop, { method: 'OPTIONS', uri, headers }, this)
  }

  #find(now: Instant, isAlive: boolean): void {
    if (this.#isStopped) return
    const { queue, intervalMs, fraction, onChange } = this.#options
    // Not all trunks at once.
    queue.set(this, now + intervalMs * (0.9 + 0.2 * fraction()))
    if (this.#isAlive === isAlive) return
    this.#isAlive = isAlive
    onChange(now, isAlive)
  }
}
