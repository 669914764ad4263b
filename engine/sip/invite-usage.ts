/**
 * What goes on in one dialog of a leg (RFC 5057 calls it the invite usage): the ACK and the BYE, and the peer's requests
 * in between.
 *
 * Invariant: a confirmed usage ends once, by whoever is first; what crosses that end is answered and changes nothing.
 */
import type { LegCommand, SipReason } from '../call/leg.ts'
import type { Instant } from '../machine.ts'
import { sdpOf } from './body.ts'
import type { Dialog } from './dialog.ts'
import { allow, supported } from './leg-headers.ts'
import { type Errand, LegRequest } from './leg-request.ts'
import type { SipMessage } from './message.ts'
import { ResponseRepeater } from './response-repeater.ts'
import type { ServerTransaction } from './server-transaction.ts'
import { endReason, reasonHeaders, type SipLeg } from './sip-leg.ts'

export class InviteUsage {
  readonly leg: SipLeg
  readonly dialog: Dialog
  /** Our 2xx to an INVITE that has no ACK yet. */
  #unacknowledged: ResponseRepeater | null = null
  /** §15: "the callee's UA MUST NOT send a BYE on a confirmed dialog until it has received an ACK". It waits here. */
  #waitingBye: { reason: SipReason | null } | null = null

  constructor(leg: SipLeg, dialog: Dialog) {
    this.leg = leg
    this.dialog = dialog
  }

  /** We answered the INVITE, or a re-INVITE: `bytes` are repeated until the ACK. */
  awaitAck(now: Instant, transaction: ServerTransaction, bytes: Uint8Array): void {
    const { queue, transactions } = this.leg.port.options
    this.#unacknowledged = new ResponseRepeater(now, {
      queue,
      timers: transactions.timers,
      transaction,
      bytes,
      onGivenUp: (at) => this.#onNoAck(at),
    })
  }

  /** The dialog is confirmed; all others of the leg are forgotten. */
  confirm(): void {
    const { leg } = this
    for (const [tag, usage] of leg.usages) {
      if (usage === this) continue
      usage.release()
      leg.usages.delete(tag)
    }
    leg.confirmed = this
    leg.opening = null
    this.#emitSnapshot()
  }

  command(now: Instant, command: LegCommand): void {
    if (command.type === 'hangup') this.#hangup(now, command.reason)
  }

  handleRequest(now: Instant, transaction: ServerTransaction): void {
    const { method, cseq } = transaction.request
    if (!this.dialog.takeRemoteCseq(cseq)) {
      transaction.respond(now, { status: 500, reason: 'CSeq Out of Order' })
      return
    }
    if (this.leg.isOver && method !== 'BYE') transaction.respond(now, { status: 481 })
    else if (method === 'BYE') this.#handleBye(now, transaction)
    else if (method === 'OPTIONS') transaction.respond(now, { status: 200, headers: [allow, supported] })
    else transaction.respond(now, { status: 405, headers: [allow] })
  }

  handleAck(now: Instant, ack: SipMessage): void {
    if (this.#unacknowledged === null) return
    this.#unacknowledged.stop()
    this.#unacknowledged = null
    this.leg.emit({ type: 'acked', leg: this.leg.id, sdp: sdpOf(ack) })
    if (this.#waitingBye !== null) this.#sendBye(now, this.#waitingBye.reason)
  }

  /** Its timers stop; the leg is gone, or another dialog of it was confirmed. */
  release(): void {
    this.#unacknowledged?.stop()
    this.#unacknowledged = null
  }

  #emitSnapshot(): void {
    const { leg, dialog } = this
    const snapshot = { dialog: dialog.state, hop: leg.hop, isIdentityTrusted: leg.isIdentityTrusted }
    leg.emit({ type: 'confirmed', leg: leg.id, snapshot: JSON.stringify(snapshot) })
  }

  #hangup(now: Instant, reason: SipReason | null): void {
    if (this.leg.isOver) return
    this.leg.finish({ type: 'ended', leg: this.leg.id, by: 'local', status: null, q850: null })
    if (this.#unacknowledged === null) this.#sendBye(now, reason)
    else this.#waitingBye = { reason }
  }

  /** §13.3.1.4: "If the server retransmits the 2xx response for 64*T1 seconds without receiving an ACK, … a BYE". */
  #onNoAck(now: Instant): void {
    this.#unacknowledged = null
    const { leg } = this
    leg.finish({ type: 'ended', leg: leg.id, by: 'timeout', status: 408, q850: 102 })
    this.#sendBye(now, this.#waitingBye?.reason ?? { protocol: 'SIP', cause: 408, text: 'No ACK' })
  }

  #sendBye(now: Instant, reason: SipReason | null): void {
    const { leg, dialog } = this
    this.#waitingBye = null
    sendBye(now, leg, dialog, reason, () => leg.forget())
  }

  #handleBye(now: Instant, transaction: ServerTransaction): void {
    const { leg } = this
    const { status, q850 } = endReason(transaction.request)
    transaction.respond(now, { status: 200 })
    leg.finish({ type: 'ended', leg: leg.id, by: 'remote', status, q850 })
    leg.forget()
  }
}

/** A BYE in a dialog of that leg, which may be gone itself; `onDone` when there is an answer or none will come. */
export function sendBye(
  now: Instant,
  leg: SipLeg,
  dialog: Dialog,
  reason: SipReason | null,
  onDone: () => void = () => {},
): void {
  const errand: Errand = {
    nextUri: dialog.nextUri,
    hop: leg.hop,
    login: leg.login,
    nextCseq: () => dialog.nextCseq(),
    build: (_hop, cseq, authorization) => dialog.request('BYE', cseq, [...authorization, ...reasonHeaders(reason)]),
    onResponse: (_at, response) => {
      if (response.status >= 200) onDone()
    },
    onFailure: onDone,
  }
  new LegRequest(leg.port, errand).start(now)
}
