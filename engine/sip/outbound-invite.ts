/**
 * The INVITE that we open a leg with: its branches while the peer forks, the answer, the refusal, the CANCEL
 * (RFC 3261 §13.2, §9.1).
 *
 *   ringing --2xx--> answered (ACK)          a second or late 2xx: ACK and BYE (T24)
 *      |--3xx-6xx, nobody--> failed
 *      `--hangup--> cancelled --487--> failed; --2xx--> ACK, BYE, failed
 *
 * Invariant: every 2xx gets an ACK each time it comes, as long as the transaction lives.
 */
import type { Identity, LegCommand, LegEvent } from '../call/leg.ts'
import type { Instant } from '../machine.ts'
import { formatNameAddr } from './address.ts'
import { sdpOf } from './body.ts'
import type { OutgoingRequest } from './client-transaction.ts'
import { Dialog } from './dialog.ts'
import type { HeaderLine } from './format.ts'
import { reasonHeaders, requestInDialog, sendBye } from './dialog-request.ts'
import { hasToken, numberHeader, parseContacts, retryAfter } from './headers.ts'
import type { Hop } from './hop.ts'
import { InviteUsage } from './invite-usage.ts'
import { assertedIdentity, formatAsserted, formatFrom, sdpType } from './leg-headers.ts'
import { type Errand, LegRequest } from './leg-request.ts'
import type { SipMessage } from './message.ts'
import { formatRoutes, nextHopUri } from './route-set.ts'
import type { ServerTransaction } from './server-transaction.ts'
import { SessionTimer } from './session-timer.ts'
import { endReason, type Opening, type SipLeg } from './sip-leg.ts'
import { detached } from './text.ts'
import { formatUri, parseUri } from './uri.ts'

type Dial = Extract<LegCommand, { type: 'dial' }>

/** The ACK to a 2xx; null until it is known where it goes, or what it answers. */
interface Ack {
  sent: { hop: Hop; bytes: Uint8Array } | null
}

export class OutboundInvite implements Opening, Errand {
  readonly nextUri: string
  readonly #leg: SipLeg
  /** What was asked; let go with the answer, because the transaction lives on for 32 s. */
  #dial: Dial | null
  readonly #targetUri: string
  readonly #request: LegRequest
  /** By the tag of the branch that answered. */
  readonly #acks = new Map<string, Ack>()
  readonly #session: SessionTimer
  /** Who the caller is by now, for branches that are still to come. */
  #identity: Identity | null = null
  readonly #introduced = new Set<InviteUsage>()
  /** The latest branch that may be told to answer: its `Allow-Events` has `talk`, as of many desk phones. */
  #talker: InviteUsage | null = null
  #cseq = 0
  #isHungUp = false

  constructor(leg: SipLeg, dial: Dial) {
    this.#leg = leg
    this.#dial = dial
    this.#targetUri = dial.to.uri
    this.nextUri = nextHopUri(dial.to.uri, dial.to.route)
    this.#request = new LegRequest(leg.port, this)
    this.#session = new SessionTimer(leg.port.options.sessionSeconds)
  }

  start(now: Instant): void {
    this.#request.start(now)
  }

  get hop(): Hop | null {
    return this.#leg.hop
  }

  get login() {
    return this.#leg.login
  }

  nextCseq(): number {
    this.#cseq += 1
    return this.#cseq
  }

  build(hop: Hop, cseq: number, authorization: readonly HeaderLine[]): OutgoingRequest {
    const leg = this.#leg
    const dial = this.#dial
    if (dial === null) throw new Error(`${leg.id} has its answer`)
    leg.seen = hop
    const { to, from, fromUser, headers, sdp, isIdentityTrusted, maxForwards } = dial
    const domain = dial.fromDomain ?? leg.port.options.transactions.options.local(hop).host
    const route = formatRoutes(to.uri, to.route)
    return {
      method: 'INVITE',
      uri: route.uri,
      headers: [
        ['Max-Forwards', String(maxForwards ?? 70)],
        ...route.headers,
        ['From', `${formatFrom(from, fromUser ?? from.number, domain)};tag=${leg.localTag}`],
        ['To', toOf(dial, domain)],
        ['Call-ID', leg.callId],
        ['CSeq', `${cseq} INVITE`],
        ...leg.targetHeaders(hop, sdp !== null),
        ...this.#session.openingHeaders(),
        ...formatAsserted(from, domain, isIdentityTrusted),
        ...authorization,
        ...headers,
        ['User-Agent', leg.port.options.agent],
        ...(sdp === null ? [] : [sdpType]),
      ],
      ...(sdp === null ? {} : { body: sdp }),
    }
  }

  command(now: Instant, command: LegCommand): void {
    switch (command.type) {
      case 'hangup':
        if (this.#isHungUp) return
        this.#isHungUp = true
        return this.#request.cancel(now, reasonHeaders(command.reason))
      case 'identity':
        this.#identity = command.identity
        for (const usage of this.#leg.usages.values()) usage.command(now, command)
        return
      case 'talk':
        return this.#talk(now)
      case 'answer_offer':
      case 'reject_offer':
        for (const usage of this.#leg.usages.values()) if (usage.isAsked) usage.command(now, command)
        return
    }
  }

  /** §15: a callee may not end an early dialog by BYE. Whoever does has given the call up, whatever he answers later. */
  handleRequest(now: Instant, transaction: ServerTransaction): boolean {
    if (transaction.method !== 'BYE') return false
    const { q850 } = endReason(transaction.request)
    transaction.respond(now, { status: 200 })
    this.#isHungUp = true
    this.#request.cancel(now, [])
    const reason = 'Ended Before the Answer'
    this.#fail(now, { status: 480, reason, q850, retryAfter: null, contacts: [], isTimeout: false })
    return true
  }

  dialogWith(): null {
    return null
  }

  onResponse(now: Instant, response: SipMessage, request: LegRequest): void {
    if (response.status < 200) this.#progress(now, response)
    else if (response.status < 300) this.#answered(now, response, request)
    else if (response.status === 422 && !this.#isHungUp && this.#session.raise(response)) request.retry(now)
    else this.#refused(now, response)
  }

  onFailure(now: Instant, status: 408 | 503): void {
    if (this.#isHungUp) return this.#failCancelled(now)
    const isTimeout = status === 408
    const reason = isTimeout ? 'Request Timeout' : 'Service Unavailable'
    this.#fail(now, { status, reason, q850: null, retryAfter: null, contacts: [], isTimeout })
  }

  #progress(now: Instant, response: SipMessage): void {
    const { status, toTag } = response
    const leg = this.#leg
    if (this.#isHungUp || leg.opening !== this) return
    const sdp = sdpOf(response)
    const takesTalk = hasToken(response, 'allow-events', 'talk')
    // A 100 is of one hop: it begins no dialog (§12.1), but somebody is there.
    if (toTag !== '' && status > 100) {
      const usage = this.#branch(now, response)
      if (isReliable(response) && !this.#acknowledgeProvisional(now, usage, response, sdp)) return
      usage.noteAllowed(response)
      usage.preview = sdp ?? usage.preview
      if (takesTalk) this.#talker = usage
      if (this.#identity !== null && usage.isUpdateAllowed) this.#introduce(now, usage)
    }
    leg.emit({ type: 'progress', leg: leg.id, status, sdp, branch: toTag, ...(takesTalk && { takesTalk }) })
  }

  /** Without a subscription, as those phones want it: what it is about is the dialog that it comes in. */
  #talk(now: Instant): void {
    const leg = this.#leg
    const report = (status: number) => leg.emit({ type: 'talk_result', leg: leg.id, status })
    if (this.#talker === null || this.#isHungUp) return report(481)
    requestInDialog(now, leg, this.#talker.dialog, {
      method: 'NOTIFY',
      headers: (hop) => [['Event', 'talk'], ['Subscription-State', 'active'], ...leg.targetHeaders(hop)],
      onDone: (_at, status) => report(status),
    })
  }

  /** The dialog of a response: known, or begun by it. */
  #branch(now: Instant, response: SipMessage): InviteUsage {
    const leg = this.#leg
    const known = leg.usages.get(response.toTag)
    if (known !== undefined) return known
    const usage = new InviteUsage(leg, Dialog.ofResponse(response, this.#targetUri))
    if (this.#dial !== null && this.#dial.sdp !== null) usage.offers.offer(this.#dial.sdp)
    usage.noteAllowed(response)
    leg.usages.set(response.toTag, usage)
    if (this.#identity !== null && usage.isUpdateAllowed) this.#introduce(now, usage)
    return usage
  }

  #introduce(now: Instant, usage: InviteUsage): void {
    if (this.#identity === null || this.#introduced.has(usage)) return
    this.#introduced.add(usage)
    usage.command(now, { type: 'identity', leg: this.#leg.id, identity: this.#identity })
  }

  /** RFC 3262 §4: false when it is a retransmission, or one before it is missing: it will come again. */
  #acknowledgeProvisional(now: Instant, usage: InviteUsage, response: SipMessage, sdp: string | null): boolean {
    const rseq = numberHeader(response, 'rseq') ?? 0
    if (rseq <= usage.lastRseq || (usage.lastRseq !== 0 && rseq !== usage.lastRseq + 1)) return false
    usage.lastRseq = rseq
    const rack: HeaderLine = ['RAck', `${rseq} ${response.cseq} INVITE`]
    const prack = (at: Instant, answer: string | null) =>
      requestInDialog(at, this.#leg, usage.dialog, {
        method: 'PRACK',
        headers: () => (answer === null ? [rack] : [rack, sdpType]),
        ...(answer === null ? {} : { body: answer }),
      })
    if (sdp !== null && usage.offers.state === 'none') {
      usage.offers.ask()
      usage.owe(prack)
      return true
    }
    if (sdp !== null && usage.offers.state === 'offered') usage.offers.agree()
    prack(now, null)
    return true
  }

  #answered(now: Instant, response: SipMessage, request: LegRequest): void {
    const leg = this.#leg
    const known = this.#acks.get(response.toTag)
    if (known !== undefined) {
      if (known.sent !== null) leg.port.options.transactions.sendAck(known.sent.hop, known.sent.bytes)
      return
    }
    if (leg.opening !== this || this.#isHungUp) return this.#refuseBranch(now, response, request)
    const usage = this.#branch(now, response)
    usage.dialog.confirm(response)
    usage.noteAllowed(response)
    usage.session.takeResponse(now, response)
    const sdp = sdpOf(response)
    const { state } = usage.offers
    const isOffer = state === 'none' && sdp !== null
    if (isOffer) {
      usage.offers.ask()
      this.#acks.set(detached(response.toTag), { sent: null })
      usage.owe((asked, answer) =>
        usage.holdAck(asked, (at) => this.#sendAck(at, usage.dialog, response, request, answer)),
      )
    } else {
      if (state === 'offered') usage.offers.agree()
      this.#acks.set(detached(response.toTag), { sent: null })
      usage.holdAck(now, (at) => this.#sendAck(at, usage.dialog, response, request, null))
    }
    // §13.2.1: what was agreed reliably stands. A 2xx without the answer means the one that came before it.
    const agreed = state === 'offered' ? (sdp ?? usage.preview) : (usage.preview ?? sdp)
    const identity = assertedIdentity(response)
    leg.emit({ type: 'answered', leg: leg.id, sdp: isOffer ? sdp : agreed, isOffer, branch: response.toTag, identity })
    usage.confirm(now)
    this.#introduce(now, usage)
    this.#letGo()
  }

  /** T24: a late or second 2xx gets ACK and BYE. */
  #refuseBranch(now: Instant, response: SipMessage, request: LegRequest): void {
    const leg = this.#leg
    const dialog = Dialog.ofResponse(response, this.#targetUri)
    this.#sendAck(now, dialog, response, request, null)
    sendBye(now, leg, dialog, null)
    this.#failCancelled(now)
  }

  #sendAck(now: Instant, dialog: Dialog, response: SipMessage, request: LegRequest, sdp: string | null): void {
    const ack: Ack = { sent: null }
    this.#acks.set(detached(response.toTag), ack)
    const { transactions } = this.#leg.port.options
    const { authorization } = request
    this.#leg.withHop(now, dialog.nextUri, (hop) => {
      const headers = sdp === null ? authorization : [...authorization, sdpType]
      const message = dialog.request('ACK', response.cseq, headers, sdp ?? undefined)
      ack.sent = { hop, bytes: transactions.formatAck(hop, message) }
      transactions.sendAck(hop, ack.sent.bytes)
    })
  }

  #refused(now: Instant, response: SipMessage): void {
    const { status, reason } = response
    if (this.#isHungUp) return this.#failCancelled(now)
    const contacts = parseContacts(response)
    const sorted = contacts === null || contacts === '*' ? [] : [...contacts].sort((a, b) => b.q - a.q)
    this.#fail(now, {
      status,
      reason,
      q850: endReason(response).q850,
      retryAfter: retryAfter(response),
      contacts: status < 400 ? sorted.map(({ address }) => address.uri) : [],
      isTimeout: false,
    })
  }

  #failCancelled(now: Instant): void {
    const reason = 'Request Terminated'
    this.#fail(now, { status: 487, reason, q850: null, retryAfter: null, contacts: [], isTimeout: false })
  }

  #fail(now: Instant, outcome: Omit<Extract<LegEvent, { type: 'failed' }>, 'type' | 'leg'>): void {
    const leg = this.#leg
    if (leg.opening !== this) return
    leg.finish({ type: 'failed', leg: leg.id, ...outcome })
    leg.forget(now)
    this.#letGo()
  }

  #letGo(): void {
    this.#dial = null
    this.#talker = null
    this.#introduced.clear()
  }
}

/** A device is called in our domain; what lies behind a trunk is in the trunk's. */
function toOf({ to, toNumber }: Dial, domain: string): string {
  const uri = parseUri(to.uri)
  if (uri === null || uri.host === '') return `<${to.uri}>`
  return formatNameAddr({
    uri: formatUri({ scheme: 'sip', user: toNumber, host: to.flow === null ? uri.host : domain }),
  })
}

const isReliable = (response: SipMessage): boolean =>
  hasToken(response, 'require', '100rel') && response.header('rseq') !== undefined
