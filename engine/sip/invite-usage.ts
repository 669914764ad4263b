/**
 * What goes on in one dialog of a leg (RFC 5057 calls it the invite usage): offers both ways, ACK and BYE, the session
 * timer, INFO and REFER. While the leg is opened there may be several; one of them is confirmed.
 *
 * Invariant: a confirmed usage ends once, by whoever is first; what crosses that end is answered and changes nothing.
 */
import type { LegCommand, SipReason } from '../call/leg.ts'
import type { Instant } from '../machine.ts'
import { Timer } from '../timer-queue.ts'
import { sdpOf } from './body.ts'
import { Dialog, type DialogState } from './dialog.ts'
import { dtmfTypes, formatDtmf, parseDtmf } from './dtmf-info.ts'
import { sendBye, requestInDialog } from './dialog-request.ts'
import { contentType, parseReferTo } from './headers.ts'
import type { Hop } from './hop.ts'
import { allow, supported } from './leg-headers.ts'
import type { SipMessage } from './message.ts'
import { OfferAnswer } from './offer-answer.ts'
import { allowsUpdate, OwnChanges } from './own-changes.ts'
import { PeerChanges } from './peer-changes.ts'
import { isReferOnly, ReferSubscription } from './refer-subscription.ts'
import type { ReliableResponses } from './reliable-responses.ts'
import { ResponseRepeater } from './response-repeater.ts'
import type { ServerTransaction } from './server-transaction.ts'
import { type SessionTerms, SessionTimer } from './session-timer.ts'
import { endReason, type SipLeg } from './sip-leg.ts'
import { decodeText, encodeText } from './text.ts'
import { giveUpMs } from './timers.ts'

/** A 2xx of ours, and where it goes. */
interface Answer {
  readonly hop: Hop
  readonly text: string
}

/** A confirmed dialog as it is written down (T5). */
export interface UsageSnapshot {
  readonly version: 1
  /** When it was; absent: by a version before this one. */
  readonly at?: Instant
  /** It had no ACK yet: whoever takes the dialog up repeats it. */
  readonly answer?: Answer | null
  readonly dialog: DialogState
  readonly hop: Hop | null
  /** Of the leg, where it is not `hop`. */
  readonly seen?: Hop | null
  readonly domain: string
  readonly isCaller: boolean
  readonly isIdentityTrusted: boolean
  readonly isUpdateAllowed: boolean
  readonly session: SessionTerms | null
}

export class InviteUsage extends Timer {
  readonly leg: SipLeg
  readonly dialog: Dialog
  readonly offers = new OfferAnswer()
  readonly session: SessionTimer
  readonly own: OwnChanges
  readonly peer: PeerChanges
  isUpdateAllowed = false
  isConfirmed = false
  /** The last description that a provisional response of the peer had. */
  preview: string | null = null
  /** The last reliable provisional response of the peer (RFC 3262 §4); 0: there was none. */
  lastRseq = 0
  /** Our own before we answered, whose last PRACK may come behind the 2xx; null: we did not. */
  reliable: ReliableResponses | null = null
  /** Our 2xx to an INVITE that has no ACK yet. */
  #unacknowledged: { readonly repeater: ResponseRepeater; readonly answer: Answer; readonly isAgain?: true } | null =
    null
  /** Our ACK that waits until the answer is durable. */
  #heldAck: ((now: Instant) => void) | null = null
  /** The ACK or PRACK that waits for our answer to an offer in a response. */
  #owed: ((now: Instant, sdp: string | null) => void) | null = null
  /** §15: "the callee's UA MUST NOT send a BYE on a confirmed dialog until it has received an ACK". It waits here. */
  #waitingBye: { reason: SipReason | null } | null = null
  #refer: { transaction: ServerTransaction; subscription: ReferSubscription | null } | null = null
  #subscription: ReferSubscription | null = null
  #hasReferred = false

  constructor(leg: SipLeg, dialog: Dialog) {
    super()
    this.leg = leg
    this.dialog = dialog
    this.session = new SessionTimer(leg.port.options.sessionSeconds)
    this.own = new OwnChanges(this)
    this.peer = new PeerChanges(this)
  }

  /** Takes up what another process wrote down; `sdp`: what of ours the peer was told last. */
  static restore(now: Instant, leg: SipLeg, snapshot: UsageSnapshot, sdp: string | null): InviteUsage {
    const { at = now } = snapshot
    const usage = new InviteUsage(leg, Dialog.restore(snapshot.dialog, now - at))
    usage.isUpdateAllowed = snapshot.isUpdateAllowed
    usage.isConfirmed = true
    usage.offers.restore(sdp)
    usage.session.resume(now, snapshot.session, leg.port.options.fraction())
    if (snapshot.answer) usage.#repeatAgain(now, snapshot.answer, at)
    usage.reschedule()
    return usage
  }

  /** A re-INVITE may begin: no other one is under way, in either direction (§14.1). */
  get mayInvite(): boolean {
    const { state } = this.offers
    const isQuiet = this.#unacknowledged === null && this.#owed === null && !this.peer.isWaiting
    return this.isConfirmed && isQuiet && (state === 'agreed' || state === 'none')
  }

  /** It waits for an answer of call logic. */
  get isAsked(): boolean {
    return this.#owed !== null || this.peer.isWaiting
  }

  /** The peer has no ACK to its answer yet. */
  get isAckHeld(): boolean {
    return this.#heldAck !== null
  }

  noteAllowed(message: SipMessage): void {
    this.isUpdateAllowed = allowsUpdate(message) ?? this.isUpdateAllowed
  }

  /** A response carried an offer: `send` gets our answer, or null when there will be none. */
  owe(send: (now: Instant, sdp: string | null) => void): void {
    this.#owed = send
  }

  /** We answered an INVITE: `bytes` are repeated until the ACK. */
  awaitAck(now: Instant, transaction: ServerTransaction, bytes: Uint8Array): void {
    const { queue, transactions } = this.leg.port.options
    const repeater = new ResponseRepeater(now, {
      queue,
      timers: transactions.timers,
      send: () => transaction.repeat(bytes),
      onGivenUp: (at) => this.#onNoAck(at),
    })
    this.#unacknowledged = { repeater, answer: { hop: transaction.replyTo, text: decodeText(bytes) } }
  }

  /** §13.3.1.4 across a restart: whoever has it already says so by another ACK. */
  #repeatAgain(now: Instant, answer: Answer, since: Instant): void {
    const { queue, transactions } = this.leg.port.options
    const { timers } = transactions
    const endsAt = since + giveUpMs(timers)
    if (now >= endsAt) return
    const bytes = encodeText(answer.text)
    const repeater = new ResponseRepeater(now, {
      queue,
      timers,
      send: () => transactions.sendAck(answer.hop, bytes),
      // Most likely its ACK came to the process before this one; so a BYE does not wait for it either.
      onGivenUp: (at) => this.acknowledge(at, null),
      endsAt,
    })
    this.#unacknowledged = { repeater, answer, isAgain: true }
  }

  /** T5: the peer has its ACK when this dialog can be taken up again, or at once where it is ended. */
  holdAck(now: Instant, send: (now: Instant) => void): void {
    const { whenDurable } = this.leg.port.options
    if (whenDurable === undefined) return send(now)
    this.#heldAck = send
    whenDurable((at) => {
      if (this.#heldAck !== send) return
      this.#releaseAck(at)
      this.own.pump(at)
      this.reschedule()
    })
  }

  #releaseAck(now: Instant): void {
    const send = this.#heldAck
    this.#heldAck = null
    send?.(now)
  }

  /** The dialog is confirmed; all others of the leg are forgotten. */
  confirm(now: Instant): void {
    const { leg } = this
    for (const [tag, usage] of leg.usages) {
      if (usage === this) continue
      usage.release(now)
      leg.usages.delete(tag)
    }
    leg.confirmed = this
    leg.opening = null
    this.isConfirmed = true
    this.emitSnapshot(now)
    this.own.pump(now)
    this.reschedule()
  }

  command(now: Instant, command: LegCommand): void {
    if (this.leg.isOver) return
    switch (command.type) {
      case 'hangup':
        this.#hangup(now, command.reason)
        break
      case 'offer':
        this.own.add(now, { kind: 'offer', sdp: command.sdp, identity: command.identity ?? null })
        break
      case 'identity':
        this.own.add(now, { kind: 'identity', identity: command.identity })
        break
      case 'answer_offer':
        this.#answerOffer(now, command.sdp)
        break
      case 'reject_offer':
        this.#rejectOffer(now, command.status)
        break
      case 'info_dtmf':
        this.#sendDtmf(now, command.digit, command.durationMs)
        break
      case 'refer_answer':
        this.#answerRefer(now, command.status)
        break
      case 'refer_progress':
        this.#subscription?.notify(now, command.status)
        break
    }
    this.reschedule()
  }

  handleRequest(now: Instant, transaction: ServerTransaction): void {
    const { method, request } = transaction
    if (!this.dialog.takeRemoteCseq(request.cseq)) {
      transaction.respond(now, { status: 500, reason: 'CSeq Out of Order' })
      return
    }
    if (method === 'BYE') return this.#handleBye(now, transaction)
    if (this.leg.isOver) transaction.respond(now, { status: 481 })
    else this.#handleLive(now, transaction)
    this.reschedule()
  }

  /** The ACK to an answer before the last one may come again, and says nothing of the last one (§13.2.2.4: its CSeq). */
  handleAck(now: Instant, ack: SipMessage): void {
    if (this.#unacknowledged === null || cseqOf(this.#unacknowledged.answer) !== ack.cseq) return
    this.acknowledge(now, sdpOf(ack))
    this.reschedule()
  }

  /** The peer has our 2xx. */
  acknowledge(now: Instant, sdp: string | null): void {
    if (this.#unacknowledged === null) return
    this.#unacknowledged.repeater.stop()
    this.#unacknowledged = null
    if (this.offers.state === 'offered') this.offers.agree()
    this.leg.emit({ type: 'acked', leg: this.leg.id, sdp })
    if (this.#waitingBye !== null) this.#sendBye(now, this.#waitingBye.reason)
    else this.own.pump(now)
  }

  override wake(now: Instant): void {
    this.own.wake(now)
    this.peer.wake(now)
    const due = this.session.deadline()
    if (due !== undefined && now >= due && !this.leg.isOver) this.#onSessionDue(now)
    this.reschedule()
  }

  reschedule(): void {
    const due = [this.own.deadline(), this.peer.deadline(), this.session.deadline()].filter((at) => at !== undefined)
    this.leg.port.options.queue.set(this, due.length === 0 ? undefined : Math.min(...due))
  }

  /** The peer is not there any more, or has no such dialog: it gets a BYE all the same. An early one has its INVITE. */
  die(now: Instant, by: 'timeout' | 'error', status: number): void {
    const { leg } = this
    if (!this.isConfirmed || leg.isOver) return
    leg.finish({ type: 'ended', leg: leg.id, by, status, q850: null })
    this.#close(now)
    this.#sendBye(now, null)
  }

  /** RFC 4028 §10: a refresh that failed is tried once more before the interval ends. */
  onRefreshFailed(now: Instant): void {
    if (!this.session.postpone(now)) this.die(now, 'timeout', 408)
  }

  emitSnapshot(now: Instant): void {
    const { leg, session, isConfirmed } = this
    if (!isConfirmed) return
    const answer = this.#unacknowledged?.answer ?? null
    const dialog = this.snapshot(now, { session: session.terms, answer })
    leg.emit({ type: 'confirmed', leg: leg.id, dialog })
  }

  snapshot(now: Instant, parts: Pick<UsageSnapshot, 'session' | 'answer'>): UsageSnapshot {
    const { dialog, isUpdateAllowed } = this
    const { hop, seen, domain, isCaller, isIdentityTrusted } = this.leg
    return {
      version: 1,
      at: now,
      dialog: dialog.state,
      ...{ hop, domain, isCaller, isIdentityTrusted, isUpdateAllowed },
      ...(hop === null ? { seen } : {}),
      ...parts,
    }
  }

  /** Its timers stop; the leg is gone, or another dialog of it was confirmed. */
  release(now: Instant): void {
    this.#close(now)
    this.#releaseAck(now)
    this.#unacknowledged?.repeater.stop()
    this.#unacknowledged = null
  }

  /** Nothing new begins, and what the peer waits for gets an answer (§15.1.2: 487). */
  #close(now: Instant): void {
    this.own.stop(now)
    this.peer.reject(now, 487)
    this.#owed?.(now, null)
    this.#owed = null
    this.#refer?.transaction.respond(now, { status: 487 })
    this.#refer = null
    this.session.stop()
    this.reschedule()
  }

  #handleLive(now: Instant, transaction: ServerTransaction): void {
    switch (transaction.method) {
      case 'INVITE':
      case 'UPDATE':
        return this.peer.handle(now, transaction)
      case 'INFO':
        return this.#handleInfo(now, transaction)
      case 'REFER':
        return this.#handleRefer(now, transaction)
      case 'OPTIONS':
        transaction.respond(now, { status: 200, headers: [allow, supported, ['Accept', 'application/sdp']] })
        return
      case 'PRACK':
        return this.#handlePrack(now, transaction)
      case 'NOTIFY':
        // There is no subscription of ours.
        transaction.respond(now, { status: 481 })
        return
      default:
        transaction.respond(now, { status: 405, headers: [allow] })
    }
  }

  #answerOffer(now: Instant, sdp: string): void {
    if (this.peer.answer(now, sdp) || this.#owed === null) return
    const send = this.#owed
    this.#owed = null
    this.offers.answer(sdp)
    send(now, sdp)
    this.emitSnapshot(now)
    this.own.pump(now)
  }

  /** §13.2.2.4: an offer in a 2xx that is not wanted gets its ACK, and the call ends by BYE. */
  #rejectOffer(now: Instant, status: number): void {
    if (this.peer.reject(now, status)) return this.own.pump(now)
    if (this.#owed === null || !this.isConfirmed) return
    this.leg.finish({ type: 'ended', leg: this.leg.id, by: 'local', status, q850: null })
    this.#close(now)
    this.#sendBye(now, { protocol: 'SIP', cause: status, text: 'Not Acceptable Here' })
  }

  #handlePrack(now: Instant, transaction: ServerTransaction): void {
    const { request } = transaction
    const isKnown = this.reliable !== null && this.reliable.acknowledge(now, request) !== 'unknown'
    if (isKnown && request.body.length > 0) this.peer.handle(now, transaction)
    else transaction.respond(now, { status: isKnown ? 200 : 481 })
  }

  #handleInfo(now: Instant, transaction: ServerTransaction): void {
    const { request } = transaction
    const digit = parseDtmf(request)
    if (digit !== null) this.leg.emit({ type: 'dtmf', leg: this.leg.id, digit })
    // RFC 6086 §4.2.2: an INFO without body is a sign of life; a flash is understood and means nothing.
    const isKnown = request.body.length === 0 || dtmfTypes.includes(contentType(request))
    transaction.respond(now, isKnown ? { status: 200 } : { status: 415, headers: [['Accept', dtmfTypes.join(', ')]] })
  }

  #sendDtmf(now: Instant, digit: string, durationMs: number): void {
    requestInDialog(now, this.leg, this.dialog, {
      method: 'INFO',
      headers: () => [['Content-Type', 'application/dtmf-relay']],
      body: formatDtmf(digit, durationMs),
      onDone: (at, status) => {
        if (status === 481) this.die(at, 'error', 481)
      },
    })
  }

  #handleRefer(now: Instant, transaction: ServerTransaction): void {
    const { request } = transaction
    const target = parseReferTo(request)
    if (target === null || target.method !== 'INVITE') {
      transaction.respond(now, { status: 400, reason: 'Bad Refer-To' })
      return
    }
    if (this.#refer !== null) {
      transaction.respond(now, { status: 500, headers: [['Retry-After', '1']] })
      return
    }
    const id = this.#hasReferred ? request.cseq : null
    this.#hasReferred = true
    const subscription = isReferOnly(request) ? null : new ReferSubscription(this.leg, this.dialog, id)
    this.#refer = { transaction, subscription }
    const { uri, replaces } = target
    const referredBy = request.header('referred-by') ?? null
    this.leg.emit({ type: 'refer', leg: this.leg.id, target: { uri, replaces, referredBy } })
  }

  /** RFC 3515 §2.4.4: the first NOTIFY comes at once; RFC 4488 §4: or the 202 says that none will. */
  #answerRefer(now: Instant, status: number): void {
    if (this.#refer === null) return
    const { transaction, subscription } = this.#refer
    this.#refer = null
    const headers = [...this.leg.targetHeaders(transaction.source)]
    if (subscription === null) headers.push(['Refer-Sub', 'false'])
    transaction.respond(now, status < 300 ? { status, headers } : { status })
    if (status >= 300) return
    this.#subscription = subscription
    subscription?.notify(now, 100)
  }

  #onSessionDue(now: Instant): void {
    if (this.session.terms?.isOurs !== true) return this.die(now, 'timeout', 408)
    this.session.stop()
    this.own.add(now, { kind: 'refresh' })
  }

  #hangup(now: Instant, reason: SipReason | null): void {
    this.leg.finish({ type: 'ended', leg: this.leg.id, by: 'local', status: null, q850: null })
    this.#close(now)
    if (this.#unacknowledged !== null && !this.#unacknowledged.isAgain) {
      this.#waitingBye = { reason }
      return
    }
    this.#unacknowledged?.repeater.stop()
    this.#unacknowledged = null
    this.#sendBye(now, reason)
  }

  /** §13.3.1.4: "If the server retransmits the 2xx response for 64*T1 seconds without receiving an ACK, … a BYE". */
  #onNoAck(now: Instant): void {
    this.#unacknowledged = null
    const { leg } = this
    leg.finish({ type: 'ended', leg: leg.id, by: 'timeout', status: 408, q850: null })
    this.#close(now)
    this.#sendBye(now, this.#waitingBye?.reason ?? { protocol: 'SIP', cause: 408, text: 'No ACK' })
  }

  #sendBye(now: Instant, reason: SipReason | null): void {
    this.#waitingBye = null
    this.#releaseAck(now)
    sendBye(now, this.leg, this.dialog, reason, (at) => this.leg.forget(at))
  }

  #handleBye(now: Instant, transaction: ServerTransaction): void {
    const { leg } = this
    const { status, q850 } = endReason(transaction.request)
    const { whenDurable } = leg.port.options
    // T5: until the end is durable it tries again, with the next process if need be.
    if (whenDurable) whenDurable((at) => void transaction.respond(at, { status: 200 }))
    else transaction.respond(now, { status: 200 })
    leg.finish({ type: 'ended', leg: leg.id, by: 'remote', status, q850 })
    leg.forget(now)
  }
}

/** Of the INVITE that it answers. */
const cseqOf = ({ text }: Answer): number => Number(/^CSeq:[ \t]*(\d+)/im.exec(text)?.[1])
