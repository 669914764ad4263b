/**
 * The peer's re-INVITEs and UPDATEs in a dialog (RFC 3261 §14.2, RFC 3311 §5.2), and its offers in PRACK: what cannot be
 * now is refused at once, offers go to call logic and wait for its answer.
 *
 * Invariant: each request gets a final response, after 64*T1 without one a 500.
 */
import type { Instant } from '../machine.ts'
import { sdpOf } from './body.ts'
import type { HeaderLine } from './format.ts'
import type { InviteUsage } from './invite-usage.ts'
import { sdpType } from './leg-headers.ts'
import type { ServerTransaction } from './server-transaction.ts'
import { minSeHeader, type SessionTerms } from './session-timer.ts'
import { giveUpMs } from './timers.ts'

interface Pending {
  readonly transaction: ServerTransaction
  readonly hasOffer: boolean
  readonly session: { terms: SessionTerms | null; headers: HeaderLine[] }
  readonly endsAt: Instant
}

export class PeerChanges {
  readonly #usage: InviteUsage
  #pending: Pending | null = null

  constructor(usage: InviteUsage) {
    this.#usage = usage
  }

  get isInviting(): boolean {
    return this.#pending?.transaction.method === 'INVITE'
  }

  get isWaiting(): boolean {
    return this.#pending !== null
  }

  deadline(): Instant | undefined {
    return this.#pending?.endsAt
  }

  handle(now: Instant, transaction: ServerTransaction): void {
    const usage = this.#usage
    const { request, method } = transaction
    const sdp = sdpOf(request)
    const obstacle = this.#obstacle(now, method, sdp !== null)
    if (obstacle !== null) {
      transaction.respond(now, obstacle)
      return
    }
    const session = method === 'PRACK' ? { terms: null, headers: [] } : usage.session.judgeRequest(request)
    if (session === 'small') {
      transaction.respond(now, { status: 422, headers: [minSeHeader] })
      return
    }
    usage.noteAllowed(request)
    const endsAt = now + giveUpMs(usage.leg.port.options.transactions.timers)
    const change: Pending = { transaction, hasOffer: sdp !== null, session, endsAt }
    // What waits for its answer goes on to wait.
    if (method !== 'INVITE' && sdp === null) return this.#agree(now, change, null)
    this.#pending = change
    if (sdp !== null) usage.offers.ask()
    if (method === 'INVITE') {
      transaction.respond(now, { status: 100 })
      transaction.handler = { onCancel: (at) => this.reject(at, 487) }
    }
    usage.leg.emit({ type: 'offer', leg: usage.leg.id, sdp })
  }

  /** False when nothing waits for it. */
  answer(now: Instant, sdp: string): boolean {
    const pending = this.#pending
    if (pending === null) return false
    this.#pending = null
    if (pending.hasOffer) this.#usage.offers.answer(sdp)
    else this.#usage.offers.offer(sdp)
    this.#agree(now, pending, sdp)
    return true
  }

  reject(now: Instant, status: number): boolean {
    const pending = this.#pending
    if (pending === null) return false
    this.#pending = null
    if (pending.hasOffer) this.#usage.offers.refuse()
    pending.transaction.respond(now, { status })
    return true
  }

  wake(now: Instant): void {
    if (this.#pending !== null && now >= this.#pending.endsAt) this.reject(now, 500)
  }

  #agree(now: Instant, { transaction, session }: Pending, sdp: string | null): void {
    const usage = this.#usage
    const { request, method, source } = transaction
    const isMoved = method !== 'PRACK' && usage.dialog.refreshTarget(request)
    const headers = [...usage.leg.targetHeaders(source), ...session.headers]
    if (sdp !== null) headers.push(sdpType)
    const bytes = transaction.respond(now, { status: 200, headers, ...(sdp === null ? {} : { body: sdp }) })
    if (method === 'INVITE') usage.awaitAck(now, transaction, bytes)
    if (method !== 'PRACK') usage.session.start(now, session.terms)
    if (isMoved || sdp !== null) usage.emitSnapshot(now)
  }

  /** Why it cannot be now; null when it can. */
  #obstacle(now: Instant, method: string, hasOffer: boolean): { status: number; headers?: HeaderLine[] } | null {
    const usage = this.#usage
    const isOffered = usage.offers.state === 'offered'
    if (method === 'INVITE') {
      // §14.2: "A UAS that receives an INVITE on a dialog while an INVITE it had sent on that dialog is in progress MUST
      // return a 491"; our 2xx with an offer still wants its answer.
      if (usage.own.isInviting || isOffered) return { status: 491 }
      if (this.#pending !== null || !usage.isConfirmed) return this.#busy()
      // Whoever sends a new INVITE has seen the 2xx to the one before, whatever became of the ACK.
      usage.acknowledge(now, null)
      return null
    }
    if (!hasOffer) return null
    if (isOffered) return { status: 491 }
    return this.#pending !== null || usage.offers.state !== 'agreed' ? this.#busy() : null
  }

  /** §14.2, RFC 3311 §5.2: 500, "and MUST include a Retry-After header field with a randomly chosen value" of 0 to 10. */
  #busy(): { status: number; headers: HeaderLine[] } {
    const seconds = Math.floor(this.#usage.leg.port.options.fraction() * 11)
    return { status: 500, headers: [['Retry-After', String(seconds)]] }
  }
}
