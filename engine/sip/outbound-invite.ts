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
import type { LegCommand, LegEvent } from '../call/leg.ts'
import type { Instant } from '../machine.ts'
import { formatNameAddr } from './address.ts'
import { sdpOf } from './body.ts'
import type { OutgoingRequest } from './client-transaction.ts'
import { Dialog } from './dialog.ts'
import type { HeaderLine } from './format.ts'
import { parseContacts, retryAfter } from './headers.ts'
import type { Hop } from './hop.ts'
import { InviteUsage, sendBye } from './invite-usage.ts'
import { assertedIdentity, formatAsserted, formatFrom, sdpType } from './leg-headers.ts'
import { type Errand, LegRequest } from './leg-request.ts'
import type { SipMessage } from './message.ts'
import { formatRoutes, nextHopUri } from './route-set.ts'
import { endReason, type Opening, reasonHeaders, type SipLeg } from './sip-leg.ts'
import { formatUri, parseUri } from './uri.ts'

type Dial = Extract<LegCommand, { type: 'dial' }>

/** The ACK to a 2xx; null until it is known where it goes, or what it answers. */
interface Ack {
  sent: { hop: Hop; bytes: Uint8Array } | null
}

export class OutboundInvite implements Opening, Errand {
  readonly nextUri: string
  readonly #leg: SipLeg
  readonly #dial: Dial
  readonly #request: LegRequest
  /** By the tag of the branch that answered. */
  readonly #acks = new Map<string, Ack>()
  #authorization: readonly HeaderLine[] = []
  #cseq = 0
  #isHungUp = false

  constructor(leg: SipLeg, dial: Dial) {
    this.#leg = leg
    this.#dial = dial
    this.nextUri = nextHopUri(dial.to.uri, dial.to.route)
    this.#request = new LegRequest(leg.port, this)
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
    this.#authorization = authorization
    const leg = this.#leg
    const { to, from, fromUser, headers, sdp, isIdentityTrusted } = this.#dial
    const domain = this.#dial.fromDomain ?? leg.port.options.transactions.options.local(hop).host
    const route = formatRoutes(to.uri, to.route)
    return {
      method: 'INVITE',
      uri: route.uri,
      headers: [
        ['Max-Forwards', '70'],
        ...route.headers,
        ['From', `${formatFrom(from, fromUser ?? from.number, domain)};tag=${leg.localTag}`],
        ['To', this.#to(domain)],
        ['Call-ID', leg.callId],
        ['CSeq', `${cseq} INVITE`],
        ...leg.targetHeaders(hop),
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
    if (command.type !== 'hangup' || this.#isHungUp) return
    this.#isHungUp = true
    this.#request.cancel(now, reasonHeaders(command.reason))
  }

  handleRequest(): boolean {
    return false
  }

  onResponse(now: Instant, response: SipMessage, request: LegRequest): void {
    if (response.status < 200) this.#progress(response)
    else if (response.status < 300) this.#answered(now, response, request)
    else this.#refused(response)
  }

  onFailure(_now: Instant, status: 408 | 503): void {
    if (this.#isHungUp) return this.#failCancelled()
    const isTimeout = status === 408
    const reason = isTimeout ? 'Request Timeout' : 'Service Unavailable'
    this.#fail({ status, reason, q850: null, retryAfter: null, contacts: [], isTimeout })
  }

  #progress(response: SipMessage): void {
    const { status, toTag } = response
    const leg = this.#leg
    if (status === 100 || this.#isHungUp || leg.opening !== this) return
    if (toTag !== '' && !leg.usages.has(toTag)) {
      leg.usages.set(toTag, new InviteUsage(leg, Dialog.ofResponse(response, this.#dial.to.uri)))
    }
    leg.emit({ type: 'progress', leg: leg.id, status, sdp: sdpOf(response), branch: toTag })
  }

  #answered(now: Instant, response: SipMessage, request: LegRequest): void {
    const leg = this.#leg
    const known = this.#acks.get(response.toTag)
    if (known !== undefined) {
      if (known.sent !== null) leg.port.options.transactions.sendAck(known.sent.hop, known.sent.bytes)
      return
    }
    const isWanted = leg.opening === this && !this.#isHungUp
    const usage = leg.usages.get(response.toTag)
    const dialog = isWanted && usage ? usage.dialog : Dialog.ofResponse(response, this.#dial.to.uri)
    dialog.confirm(response)
    if (!isWanted) return this.#refuseBranch(now, dialog, response, request)
    const isOffer = this.#dial.sdp === null
    if (!isOffer) this.#sendAck(now, dialog, response, null)
    const chosen = usage ?? new InviteUsage(leg, dialog)
    leg.usages.set(response.toTag, chosen)
    const identity = assertedIdentity(response)
    leg.emit({ type: 'answered', leg: leg.id, sdp: sdpOf(response), isOffer, branch: response.toTag, identity })
    chosen.confirm()
  }

  /** T24: a late or second 2xx gets ACK and BYE. */
  #refuseBranch(now: Instant, dialog: Dialog, response: SipMessage, request: LegRequest): void {
    const leg = this.#leg
    leg.hop ??= request.hop
    this.#sendAck(now, dialog, response, null)
    sendBye(now, leg, dialog, null)
    if (leg.opening === this) this.#failCancelled()
  }

  #sendAck(now: Instant, dialog: Dialog, response: SipMessage, sdp: string | null): void {
    const ack: Ack = { sent: null }
    this.#acks.set(response.toTag, ack)
    const { transactions } = this.#leg.port.options
    this.#leg.withHop(now, dialog.nextUri, (hop) => {
      const headers = sdp === null ? this.#authorization : [...this.#authorization, sdpType]
      const request = dialog.request('ACK', response.cseq, headers, sdp ?? undefined)
      ack.sent = { hop, bytes: transactions.formatAck(hop, request) }
      transactions.sendAck(hop, ack.sent.bytes)
    })
  }

  #refused(response: SipMessage): void {
    const { status, reason } = response
    if (this.#isHungUp) return this.#failCancelled()
    const contacts = parseContacts(response)
    const sorted = contacts === null || contacts === '*' ? [] : [...contacts].sort((a, b) => b.q - a.q)
    this.#fail({
      status,
      reason,
      q850: endReason(response).q850,
      retryAfter: retryAfter(response),
      contacts: status < 400 ? sorted.map(({ address }) => address.uri) : [],
      isTimeout: false,
    })
  }

  #failCancelled(): void {
    const reason = 'Request Terminated'
    this.#fail({ status: 487, reason, q850: null, retryAfter: null, contacts: [], isTimeout: false })
  }

  #fail(outcome: Omit<Extract<LegEvent, { type: 'failed' }>, 'type' | 'leg'>): void {
    const leg = this.#leg
    if (leg.opening !== this) return
    leg.finish({ type: 'failed', leg: leg.id, ...outcome })
    leg.forget()
  }

  /** A device is called in our domain; what lies behind a trunk is in the trunk's. */
  #to(domain: string): string {
    const { to, toNumber } = this.#dial
    const uri = parseUri(to.uri)
    if (uri === null || uri.host === '') return `<${to.uri}>`
    return formatNameAddr({
      uri: formatUri({ scheme: 'sip', user: toNumber, host: to.flow === null ? uri.host : domain }),
    })
  }
}
