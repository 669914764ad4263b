/**
 * The INVITE that a peer opened a leg with, until we answer, refuse it, or the peer cancels it (RFC 3261 §13.3, §9.2).
 * Provisional responses are reliable where the peer asks (RFC 3262); then the answer waits for their PRACK.
 *
 * Invariant: the INVITE gets one final response, whatever comes first.
 */
import type { LegCommand, SipReason } from '../call/leg.ts'
import type { Instant } from '../machine.ts'
import { Timer } from '../timer-queue.ts'
import type { Dialog } from './dialog.ts'
import type { HeaderLine, ResponseParts } from './format.ts'
import { InviteUsage, type UsageSnapshot } from './invite-usage.ts'
import { formatAsserted, sdpType } from './leg-headers.ts'
import type { SipMessage } from './message.ts'
import { ReliableResponses, reliabilityOf } from './reliable-responses.ts'
import type { RequestHandler, ServerTransaction } from './server-transaction.ts'
import type { SessionTerms } from './session-timer.ts'
import { type DialogAnswer, type Opening, type SipLeg, sipReason } from './sip-leg.ts'
import { decodeText } from './text.ts'

/** §13.3.1.1: "the UAS MUST send a non-100 provisional response at every minute", or proxies take it for dead. */
const repeatMs = 60_000
/** §17.2.1: a 100 unless another response goes out "within 200 ms"; mostly one does, and a datagram a call is spared. */
const tryingMs = 200

export class InboundInvite extends Timer implements Opening, RequestHandler {
  readonly #leg: SipLeg
  readonly #transaction: ServerTransaction
  readonly #usage: InviteUsage
  readonly #hasOffer: boolean
  readonly #reliability: ReturnType<typeof reliabilityOf>
  readonly #reliable: ReliableResponses
  readonly #session: { terms: SessionTerms | null; headers: HeaderLine[] }
  /** What call logic said last, for callers who wait long. */
  #last: { status: number; sdp: string | null } | null = null
  #answer: Extract<LegCommand, { type: 'answer' }> | null = null

  constructor(
    now: Instant,
    leg: SipLeg,
    transaction: ServerTransaction,
    parts: { dialog: Dialog; sdp: string | null; session: { terms: SessionTerms | null; headers: HeaderLine[] } },
  ) {
    super()
    const { request } = transaction
    this.#leg = leg
    this.#transaction = transaction
    this.#session = parts.session
    this.#hasOffer = parts.sdp !== null
    this.#reliability = reliabilityOf(request)
    this.#usage = new InviteUsage(leg, parts.dialog)
    if (this.#hasOffer) this.#usage.offers.ask()
    this.#usage.noteAllowed(request)
    this.#reliable = new ReliableResponses(transaction, leg.port, (now) => this.#onNoPrack(now))
    leg.usages.set(parts.dialog.state.remoteTag, this.#usage)
    transaction.handler = this
    leg.port.options.queue.set(this, now + tryingMs)
  }

  command(now: Instant, command: LegCommand): void {
    switch (command.type) {
      case 'progress':
        return this.#progress(now, command.status, command.sdp)
      case 'answer':
        this.#answer = command
        return this.#tryAnswer(now)
      case 'reject':
        return this.#refuse(now, command.status, command.reason, command.headers)
      case 'hangup':
        return this.#refuse(now, statusOf(command.reason))
      default:
        // The rest is about dialogs that go on: offers wait for the answer there.
        this.#usage.command(now, command)
    }
  }

  dialogWith(now: Instant, answer: DialogAnswer): UsageSnapshot {
    const hop = this.#transaction.replyTo
    const text = decodeText(this.#transaction.draft(this.#answerParts(answer)))
    return this.#usage.snapshot(now, { session: this.#session.terms, answer: { hop, text } })
  }

  handleRequest(now: Instant, transaction: ServerTransaction): boolean {
    const { method, request } = transaction
    if (method === 'PRACK') {
      this.#handlePrack(now, transaction)
      return true
    }
    if (method !== 'BYE') return false
    // §15: the caller may end an early dialog by BYE; for us it is a CANCEL.
    transaction.respond(now, { status: 200 })
    this.onCancel(now, request)
    return true
  }

  /** §9.2: "it SHOULD immediately respond to the INVITE with a 487". */
  onCancel(now: Instant, cancel: SipMessage): void {
    this.#cancel(now, 487, sipReason(cancel))
  }

  override wake(now: Instant): void {
    if (this.#last !== null) this.#progress(now, this.#last.status, this.#last.sdp)
    else if (this.#answer === null) this.#transaction.respond(now, { status: 100 })
  }

  #progress(now: Instant, status: number, sdp: string | null): void {
    if (this.#answer !== null) return
    this.#last = { status, sdp }
    this.#leg.port.options.queue.set(this, now + repeatMs)
    // RFC 3262 §5: without an offer in the INVITE the first reliable response must have one, which is the 2xx here.
    if (!this.#hasOffer && this.#reliability === 'required') {
      this.#transaction.respond(now, { status: 100 })
      return
    }
    const early = this.#hasOffer ? this.#earlySdp(sdp) : null
    const isReliable = this.#reliability === 'required' || (this.#reliability === 'possible' && early !== null)
    const headers = this.#leg.targetHeaders(this.#transaction.source)
    if (early !== null) headers.push(sdpType)
    const parts = { status, headers, ...(early === null ? {} : { body: early }) }
    if (isReliable) this.#reliable.send(now, parts, early)
    else this.#transaction.respond(now, parts)
  }

  /** A reliable response answers the offer; what follows says nothing more. */
  #earlySdp(sdp: string | null): string | null {
    return this.#reliable.answer === null ? sdp : null
  }

  #handlePrack(now: Instant, prack: ServerTransaction): void {
    const { request } = prack
    if (!this.#usage.dialog.takeRemoteCseq(request.cseq)) {
      prack.respond(now, { status: 500, reason: 'CSeq Out of Order' })
      return
    }
    const answer = this.#reliable.acknowledge(now, request)
    if (answer === 'unknown') {
      prack.respond(now, { status: 481 })
      return
    }
    if (answer !== null) this.#usage.offers.answer(answer)
    // RFC 3262 §5: a PRACK may have the next offer.
    if (request.body.length > 0) this.#usage.peer.handle(now, prack)
    else prack.respond(now, { status: 200 })
    this.#usage.reschedule()
    if (this.#leg.opening === this) this.#tryAnswer(now)
  }

  /** RFC 3262 §3: no 2xx "until the provisional response is acknowledged" that has the answer. */
  #tryAnswer(now: Instant): void {
    if (this.#answer === null || this.#reliable.isAnswering) return
    const { sdp } = this.#answer
    const { offers } = this.#usage
    const early = this.#agreedEarly
    const parts = this.#answerParts(this.#answer)
    if (early === null && this.#hasOffer) offers.answer(sdp)
    else if (early === null) offers.offer(sdp)
    this.#stop()
    this.#usage.reliable = this.#reliable
    const bytes = this.#transaction.respond(now, parts)
    this.#usage.awaitAck(now, this.#transaction, bytes)
    this.#usage.session.start(now, this.#session.terms)
    this.#usage.confirm(now)
    // RFC 6337 §3.1: what was answered reliably stands; another description is a new offer.
    if (early !== null && early !== sdp) this.#usage.own.add(now, { kind: 'amend', sdp })
  }

  /** What a reliable provisional response answered already. */
  get #agreedEarly(): string | null {
    const { offers } = this.#usage
    return offers.state === 'agreed' ? offers.local : null
  }

  #answerParts({ sdp, identity }: DialogAnswer): ResponseParts {
    const leg = this.#leg
    const headers: HeaderLine[] = [...leg.targetHeaders(this.#transaction.source), ...this.#session.headers]
    headers.push(['Server', leg.port.options.agent])
    if (identity !== undefined) headers.push(...formatAsserted(identity, leg.domain, leg.isIdentityTrusted))
    if (this.#agreedEarly !== null) return { status: 200, headers }
    return { status: 200, headers: [...headers, sdpType], body: sdp }
  }

  #refuse(now: Instant, status: number, reason?: string, headers: readonly HeaderLine[] = []): void {
    this.#stop()
    this.#transaction.respond(now, { status, headers, ...(reason === undefined ? {} : { reason }) })
    this.#leg.forget(now)
  }

  /** RFC 3262 §3: without PRACK for 64*T1 the INVITE "SHOULD" be rejected "with a 5xx response". */
  #onNoPrack(now: Instant): void {
    this.#cancel(now, 504, { protocol: 'SIP', cause: 504, text: 'No PRACK' })
  }

  #cancel(now: Instant, status: number, reason: SipReason | null): void {
    this.#stop()
    this.#transaction.respond(now, { status })
    this.#leg.finish({ type: 'cancelled', leg: this.#leg.id, reason })
    this.#leg.forget(now)
  }

  #stop(): void {
    this.#reliable.stop()
    this.#leg.port.options.queue.cancel(this)
  }
}

/** What a hang-up means to a caller who was not answered. */
function statusOf(reason: SipReason | null): number {
  const isError = reason !== null && reason.protocol === 'SIP' && reason.cause >= 400 && reason.cause < 700
  return isError ? reason.cause : 480
}
