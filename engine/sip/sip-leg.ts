/**
 * One leg: what it was opened with, its dialogs (several while a dialled peer forks), and the one that was confirmed.
 *
 *   opening (an INVITE goes in or out) --2xx--> confirmed --BYE--> gone
 *         `--error, CANCEL, hangup----------------------------------^
 *
 * Invariant: a leg says that it is over once, and is kept until the peer knows.
 */
import type { LegCommand, LegEvent, LegId, SipReason, WrittenDialog } from '../call/leg.ts'
import type { Instant } from '../machine.ts'
import type { HeaderLine } from './format.ts'
import { parseReasons } from './headers.ts'
import type { Hop } from './hop.ts'
import type { InviteUsage } from './invite-usage.ts'
import { allow, formatContact, supported, supportedUnreliable } from './leg-headers.ts'
import type { LegPort, Login } from './leg-port.ts'
import type { SipMessage } from './message.ts'
import type { ServerTransaction } from './server-transaction.ts'

/** The INVITE that opens a leg, while it has no final answer. */
export interface Opening {
  command(now: Instant, command: LegCommand): void
  /** A request in an early dialog that is the opening's own matter: PRACK. True when it was answered. */
  handleRequest(now: Instant, transaction: ServerTransaction): boolean
  /** The dialog as it is once that has answered the peer, to be written down before (T5); null: it is not ours to answer. */
  dialogWith(now: Instant, answer: DialogAnswer): WrittenDialog | null
}

export type DialogAnswer = Pick<Extract<LegCommand, { type: 'answer' }>, 'sdp' | 'identity'>

export interface LegParts {
  readonly id: LegId
  readonly callId: string
  readonly localTag: string
  /** Where the peer's requests come from and ours go to, whatever the dialog says (T10); null: by the dialog. */
  readonly hop: Hop | null
  readonly login: Login | null
  readonly isIdentityTrusted: boolean
  /** Where identities that we assert are at home. */
  readonly domain: string
  /** We opened it: the Call-ID is ours. */
  readonly isCaller: boolean
}

export class SipLeg {
  readonly id: LegId
  readonly callId: string
  readonly localTag: string
  readonly login: Login | null
  readonly isIdentityTrusted: boolean
  readonly domain: string
  readonly isCaller: boolean
  hop: Hop | null
  /** Where its last request came from or went to. */
  seen: Hop | null = null
  readonly port: LegPort
  opening: Opening | null = null
  /** By the tag of the peer. */
  readonly usages = new Map<string, InviteUsage>()
  confirmed: InviteUsage | null = null
  /** The last event was given. */
  isOver = false
  readonly #forget: (leg: SipLeg) => void

  constructor(port: LegPort, parts: LegParts, forget: (leg: SipLeg) => void) {
    this.port = port
    this.id = parts.id
    this.callId = parts.callId
    this.localTag = parts.localTag
    this.hop = parts.hop
    this.login = parts.login
    this.isIdentityTrusted = parts.isIdentityTrusted
    this.domain = parts.domain
    this.isCaller = parts.isCaller
    this.#forget = forget
  }

  command(now: Instant, command: LegCommand): void {
    if (this.confirmed !== null) this.confirmed.command(now, command)
    else this.opening?.command(now, command)
  }

  hasDialog(request: SipMessage): boolean {
    return request.callId === this.callId && this.usages.has(request.fromTag)
  }

  handleRequest(now: Instant, transaction: ServerTransaction): void {
    this.seen = transaction.source
    // A device that moved to another flow is reached by that one from now on.
    if (this.hop !== null) this.hop = transaction.source
    if (this.opening?.handleRequest(now, transaction)) return
    this.usages.get(transaction.request.fromTag)?.handleRequest(now, transaction)
  }

  handleAck(now: Instant, ack: SipMessage): void {
    if (ack.callId === this.callId) this.usages.get(ack.fromTag)?.handleAck(now, ack)
  }

  emit(event: LegEvent): void {
    if (!this.isOver) this.port.emit(event)
  }

  /** The last event of the leg; later ones are not heard. */
  finish(event: LegEvent): void {
    this.emit(event)
    this.isOver = true
  }

  /** Nothing more can come of it. */
  forget(now: Instant): void {
    this.isOver = true
    this.opening = null
    this.confirmed = null
    const usages = [...this.usages.values()]
    this.usages.clear()
    for (const usage of usages) usage.release(now)
    this.#forget(this)
  }

  /** Where a message goes that is no transaction: an ACK. Never calls back when that leads nowhere. */
  withHop(now: Instant, uri: string, use: (hop: Hop) => void): void {
    if (this.hop !== null) return use(this.hop)
    this.port.options.locate(now, uri, (_at, [first]) => {
      if (first !== undefined) use(first)
    })
  }

  /**
   * Contact, Allow and Supported, as they stand in every INVITE, UPDATE and answer to one. `isReliable`: without an offer
   * of ours reliable provisional responses would have to carry one; we would rather have it in the 2xx.
   */
  targetHeaders(hop: Hop, isReliable = true): HeaderLine[] {
    const contact = formatContact(hop, this.port.options.transactions.options.local(hop))
    return [contact, allow, isReliable ? supported : supportedUnreliable]
  }
}

/** What Reason (RFC 3326) says of an end: the SIP status, and the cause of Q.850. */
export function endReason(message: SipMessage): { status: number | null; q850: number | null } {
  const reasons = parseReasons(message)
  const cause = (protocol: string) => reasons.find((one) => one.protocol.toUpperCase() === protocol)?.cause ?? null
  return { status: cause('SIP'), q850: cause('Q.850') }
}

export function sipReason(message: SipMessage): SipReason | null {
  for (const { protocol, cause, text } of parseReasons(message)) {
    const upper = protocol.toUpperCase()
    if (cause !== null && (upper === 'SIP' || upper === 'Q.850')) return { cause, text, protocol: upper }
  }
  return null
}
