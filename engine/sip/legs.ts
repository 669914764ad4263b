/**
 * All legs of a process: takes what call logic asks, gives what it should hear, and stands on the transaction layer as
 * its user. New requests that belong to no leg go to the driver, which answers them or gives an INVITE back to `accept`.
 *
 * Invariant: a leg leaves the maps when its peer knows that it is over, or will never answer.
 */
import type { LegCommand, LegEvent, LegId, ReferTarget, Source } from '../call/leg.ts'
import type { Instant } from '../machine.ts'
import { Dialog } from './dialog.ts'
import type { Hop } from './hop.ts'
import { InboundInvite } from './inbound-invite.ts'
import { readInvite } from './leg-headers.ts'
import type { LegPort, LegsOptions } from './leg-port.ts'
import type { SipMessage } from './message.ts'
import { OutboundInvite } from './outbound-invite.ts'
import type { ServerTransaction } from './server-transaction.ts'
import { type LegParts, SipLeg } from './sip-leg.ts'
import type { TransactionUser } from './transactions.ts'

/** In a dialog that is none of ours these are a 481 (T5); others may belong to a subscription. */
const dialogMethods: ReadonlySet<string> = new Set('INVITE BYE PRACK UPDATE INFO REFER OPTIONS MESSAGE'.split(' '))

export class Legs implements TransactionUser {
  readonly #options: LegsOptions
  readonly #port: LegPort
  readonly #byId = new Map<LegId, SipLeg>()
  /** By our tag, which is chance and unique. */
  readonly #byTag = new Map<string, SipLeg>()
  readonly #events: LegEvent[] = []

  constructor(options: LegsOptions) {
    this.#options = options
    this.#port = { options, emit: (event) => this.#events.push(event) }
    options.transactions.user = this
  }

  get size(): number {
    return this.#byId.size
  }

  handle(now: Instant, command: LegCommand): void {
    if (command.type === 'dial') this.#dial(now, command)
    // What is asked of a leg that has ended came too late; its last event is on the way.
    else this.#byId.get(command.leg)?.command(now, command)
  }

  poll(): LegEvent | undefined {
    return this.#events.shift()
  }

  /** Makes a leg of a new INVITE, which is answered by commands from now on. */
  accept(now: Instant, transaction: ServerTransaction, id: LegId, source: Source): void {
    const { request } = transaction
    const dialog = Dialog.ofRequest(request, transaction.localTag)
    if (dialog === null) {
      transaction.respond(now, { status: 400, reason: 'Missing Contact' })
      return
    }
    if (transaction.cancel !== null) {
      transaction.respond(now, { status: 487 })
      return
    }
    const leg = this.#remember({
      id,
      callId: request.callId,
      localTag: transaction.localTag,
      hop: source.kind === 'device' ? transaction.source : null,
      login: null,
      isIdentityTrusted: source.kind === 'device',
    })
    transaction.respond(now, { status: 100 })
    leg.opening = new InboundInvite(leg, transaction, dialog)
    leg.emit({ type: 'incoming', leg: id, call: readInvite(request, source) })
  }

  /** The leg whose dialog a Replaces means (RFC 3891 §3); null when it is none of ours. */
  findDialog(replaces: NonNullable<ReferTarget['replaces']>): LegId | null {
    const leg = this.#byTag.get(replaces.toTag)
    if (leg === undefined || leg.isOver || leg.callId !== replaces.callId) return null
    return leg.usages.has(replaces.fromTag) ? leg.id : null
  }

  onRequest(now: Instant, transaction: ServerTransaction): void {
    const { toTag, method } = transaction.request
    if (toTag !== '') {
      if (this.#byTag.get(toTag)?.handleRequest(now, transaction)) return
      if (dialogMethods.has(method)) {
        transaction.respond(now, { status: 481 })
        return
      }
    }
    this.#options.onRequest(now, transaction)
  }

  onAck(now: Instant, ack: SipMessage): void {
    this.#byTag.get(ack.toTag)?.handleAck(now, ack)
  }

  onStrayAnswer(_now: Instant, _response: SipMessage, _source: Hop): void {}

  #dial(now: Instant, dial: Extract<LegCommand, { type: 'dial' }>): void {
    const { token } = this.#options.transactions.options
    const leg = this.#remember({
      id: dial.leg,
      callId: token(),
      localTag: token(),
      hop: dial.to.flow === null ? null : this.#options.flow(dial.to.flow),
      login: dial.to.credentials,
      isIdentityTrusted: dial.isIdentityTrusted,
    })
    const invite = new OutboundInvite(leg, dial)
    leg.opening = invite
    invite.start(now)
  }

  #remember(parts: LegParts): SipLeg {
    if (this.#byId.has(parts.id)) throw new Error(`There is a leg ${parts.id} already`)
    const leg = new SipLeg(this.#port, parts, () => {
      this.#byId.delete(leg.id)
      this.#byTag.delete(leg.localTag)
    })
    this.#byId.set(leg.id, leg)
    this.#byTag.set(leg.localTag, leg)
    return leg
  }
}
