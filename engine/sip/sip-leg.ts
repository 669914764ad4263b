/**
 * One leg: what it was opened with, its dialogs (several while a dialled peer forks), and the one that was confirmed.
 *
 *   opening (an INVITE goes in or out) --2xx--> confirmed --BYE--> gone
 *         `--error, CANCEL, hangup----------------------------------^
 *
 * Invariant: a leg says that it is over once, and is kept until the peer knows.
 */
import type { LegCommand, LegEvent, LegId, SipReason } from '../call/leg.ts'
import type { Instant } from '../machine.ts'
import type { HeaderLine } from './format.ts'
import { formatReason, parseReasons } from './headers.ts'
import type { Hop } from './hop.ts'
import type { InviteUsage } from './invite-usage.ts'
import { allow, formatContact, supported } from './leg-headers.ts'
import type { LegPort, Login } from './leg-port.ts'
import type { SipMessage } from './message.ts'
import type { ServerTransaction } from './server-transaction.ts'

/** The INVITE that opens a leg, while it has no final answer. */
export interface Opening {
  command(now: Instant, command: LegCommand): void
  /** A request in an early dialog that is the opening's own matter: PRACK. True when it was answered. */
  handleRequest(now: Instant, transaction: ServerTransaction): boolean
}

export interface LegParts {
  readonly id: LegId
  readonly callId: string
  readonly localTag: string
  /** Where the peer's requests come from and ours go to, whatever the dialog says (T10); null: by the dialog. */
  readonly hop: Hop | null
  readonly login: Login | null
  readonly isIdentityTrusted: boolean
}

export class SipLeg {
  readonly id: LegId
  readonly callId: string
  readonly localTag: string
  readonly login: Login | null
  readonly isIdentityTrusted: boolean
  hop: Hop | null
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
    this.#forget = forget
  }

  command(now: Instant, command: LegCommand): void {
    if (this.confirmed !== null) this.confirmed.command(now, command)
    else this.opening?.command(now, command)
  }

  /** A request in a dialog of this leg. False: not one of its dialogs. */
  handleRequest(now: Instant, transaction: ServerTransaction): boolean {
    const { request, source } = transaction
    const usage = this.usages.get(request.fromTag)
    if (usage === undefined || request.callId !== this.callId) return false
    // A device that moved to another flow is reached by that one from now on.
    if (this.hop !== null) this.hop = source
    if (this.opening?.handleRequest(now, transaction)) return true
    usage.handleRequest(now, transaction)
    return true
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
  forget(): void {
    this.isOver = true
    this.opening = null
    for (const usage of this.usages.values()) usage.release()
    this.usages.clear()
    this.#forget(this)
  }

  /** Where a message goes that is no transaction: an ACK. Never calls back when that leads nowhere. */
  withHop(now: Instant, uri: string, use: (hop: Hop) => void): void {
    if (this.hop !== null) return use(this.hop)
    this.port.options.locate(now, uri, (_at, [first]) => {
      if (first !== undefined) use(first)
    })
  }

  /** Contact, Allow and Supported, as they stand in every INVITE, UPDATE and answer to one. */
  targetHeaders(hop: Hop): HeaderLine[] {
    return [formatContact(hop, this.port.options.transactions.options.local(hop)), allow, supported]
  }
}

export const reasonHeaders = (reason: SipReason | null): HeaderLine[] =>
  reason === null ? [] : [['Reason', formatReason(reason)]]

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
