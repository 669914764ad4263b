/**
 * The INVITE that a peer opened a leg with, until we answer, refuse it, or the peer cancels it (RFC 3261 §13.3, §9.2).
 *
 * Invariant: the INVITE gets one final response, whatever comes first.
 */
import type { LegCommand, SipReason } from '../call/leg.ts'
import type { Instant } from '../machine.ts'
import type { HeaderLine } from './format.ts'
import { InviteUsage } from './invite-usage.ts'
import { formatAsserted, sdpType } from './leg-headers.ts'
import type { SipMessage } from './message.ts'
import type { Dialog } from './dialog.ts'
import type { RequestHandler, ServerTransaction } from './server-transaction.ts'
import { type Opening, type SipLeg, sipReason } from './sip-leg.ts'

export class InboundInvite implements Opening, RequestHandler {
  readonly #leg: SipLeg
  readonly #transaction: ServerTransaction
  readonly #usage: InviteUsage

  constructor(leg: SipLeg, transaction: ServerTransaction, dialog: Dialog) {
    this.#leg = leg
    this.#transaction = transaction
    this.#usage = new InviteUsage(leg, dialog)
    leg.usages.set(dialog.state.remoteTag, this.#usage)
    transaction.handler = this
  }

  command(now: Instant, command: LegCommand): void {
    switch (command.type) {
      case 'progress':
        return this.#progress(now, command.status, command.sdp)
      case 'answer':
        return this.#answer(now, command)
      case 'reject':
        return this.#refuse(now, command.status, command.reason, command.headers)
      case 'hangup':
        return this.#refuse(now, statusOf(command.reason))
    }
  }

  /** §15.1.1: the caller may end an early dialog by BYE; for us it is a CANCEL. */
  handleRequest(now: Instant, transaction: ServerTransaction): boolean {
    if (transaction.method !== 'BYE') return false
    const { request } = transaction
    transaction.respond(now, { status: 200 })
    this.onCancel(now, request)
    return true
  }

  /** §9.2: "it SHOULD immediately respond to the INVITE with a 487". */
  onCancel(now: Instant, cancel: SipMessage): void {
    this.#transaction.respond(now, { status: 487 })
    this.#leg.finish({ type: 'cancelled', leg: this.#leg.id, reason: sipReason(cancel) })
    this.#leg.forget()
  }

  /** Our error never got its ACK: the leg has ended already, and there is nobody to tell. */
  onLost(): void {}

  #progress(now: Instant, status: number, sdp: string | null): void {
    const headers = this.#leg.targetHeaders(this.#transaction.source)
    const parts = { status, headers: sdp === null ? headers : [...headers, sdpType] }
    this.#transaction.respond(now, sdp === null ? parts : { ...parts, body: sdp })
  }

  #answer(now: Instant, { sdp, identity }: Extract<LegCommand, { type: 'answer' }>): void {
    const leg = this.#leg
    const { host } = leg.port.options.transactions.options.local(this.#transaction.source)
    const headers: HeaderLine[] = leg.targetHeaders(this.#transaction.source)
    headers.push(['Server', leg.port.options.agent])
    if (identity !== undefined) headers.push(...formatAsserted(identity, host, leg.isIdentityTrusted))
    headers.push(sdpType)
    const bytes = this.#transaction.respond(now, { status: 200, headers, body: sdp })
    this.#usage.awaitAck(now, this.#transaction, bytes)
    this.#usage.confirm()
  }

  #refuse(now: Instant, status: number, reason?: string, headers: readonly HeaderLine[] = []): void {
    this.#transaction.respond(now, { status, headers, ...(reason === undefined ? {} : { reason }) })
    this.#leg.forget()
  }
}

/** What a hang-up means to a caller who was not answered. */
function statusOf(reason: SipReason | null): number {
  const isError = reason !== null && reason.protocol === 'SIP' && reason.cause >= 400 && reason.cause < 700
  return isError ? reason.cause : 480
}
