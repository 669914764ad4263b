/**
 * All legs of a process: takes what call logic asks, gives what it should hear, and stands on the transaction layer as
 * its user. New requests that belong to no leg go to the driver, which answers them or gives an INVITE back to `accept`.
 *
 * Invariant: a leg leaves the maps when its peer knows that it is over, or will never answer.
 */
import type { LegCommand, LegEvent, LegId, ReferTarget, Source, WrittenDialog } from '../call/leg.ts'
import type { Instant } from '../machine.ts'
import { Dialog } from './dialog.ts'
import { EndedDialogs } from './ended-dialogs.ts'
import type { ResponseParts } from './format.ts'
import type { Hop } from './hop.ts'
import { InboundInvite } from './inbound-invite.ts'
import { InviteUsage, type UsageSnapshot } from './invite-usage.ts'
import { readInvite } from './leg-headers.ts'
import type { LegPort, LegsOptions, Login } from './leg-port.ts'
import type { SipMessage } from './message.ts'
import { OutboundInvite } from './outbound-invite.ts'
import { dialogMethods, refusalOf } from './request-check.ts'
import type { ServerTransaction } from './server-transaction.ts'
import { minSeHeader, SessionTimer } from './session-timer.ts'
import { type DialogAnswer, type LegParts, SipLeg } from './sip-leg.ts'
import type { TransactionUser } from './transactions.ts'
import { parseUri } from './uri.ts'

/** What is given to a dialog that is taken up. */
export interface Restoring {
  /** What we told the peer last. */
  readonly sdp: string | null
  readonly login?: Login | null
}

export class Legs implements TransactionUser {
  readonly #options: LegsOptions
  readonly #port: LegPort
  readonly #byId = new Map<LegId, SipLeg>()
  /** By our tag, which is chance and unique. */
  readonly #byTag = new Map<string, SipLeg>()
  readonly #events: LegEvent[] = []
  readonly #ended = new EndedDialogs()

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

  /**
   * Makes a leg of a new INVITE, which is answered by commands from now on. False: it was answered already, because it
   * cannot become one or was cancelled. `isObserved`: its requests come from where ours are to go, whatever it says (T10).
   */
  accept(
    now: Instant,
    transaction: ServerTransaction,
    id: LegId,
    source: Source,
    isObserved = source.kind === 'device',
  ): boolean {
    const { request } = transaction
    const dialog = Dialog.ofRequest(request, transaction.localTag)
    const session = new SessionTimer(this.#options.sessionSeconds).judgeRequest(request)
    const obstacle = obstacleTo(transaction, dialog, session)
    if (obstacle !== null || dialog === null || session === 'small') {
      transaction.respond(now, obstacle ?? { status: 400 })
      return false
    }
    const leg = this.#remember({
      id,
      callId: request.callId,
      localTag: transaction.localTag,
      hop: isObserved ? transaction.source : null,
      login: null,
      isIdentityTrusted: source.kind === 'device',
      domain: parseUri(request.to.uri)?.host || this.#options.transactions.options.local(transaction.source).host,
      isCaller: false,
    })
    const call = readInvite(request, source)
    leg.seen = transaction.source
    leg.opening = new InboundInvite(now, leg, transaction, { dialog, sdp: call.sdp, session })
    leg.emit({ type: 'incoming', leg: id, call })
    return true
  }

  /** Takes up a confirmed dialog that another process wrote down (T5). False: it is no such thing, or taken up already. */
  restore(now: Instant, id: LegId, written: WrittenDialog, { sdp, login = null }: Restoring): boolean {
    const snapshot = readSnapshot(written)
    if (snapshot === null || this.#byId.has(id)) return false
    const { dialog, hop, seen = hop, domain, isCaller, isIdentityTrusted } = snapshot
    const { callId, localTag } = dialog
    const parts = { id, callId, localTag, hop, login, isIdentityTrusted, domain, isCaller }
    const leg = this.#remember(parts, () => this.#ended.add(callId))
    const usage = InviteUsage.restore(now, leg, snapshot, sdp)
    leg.usages.set(dialog.remoteTag, usage)
    leg.confirmed = usage
    leg.seen = seen
    return true
  }

  /** T5: Call-IDs of dialogs that ended just before the last process died; said once, at the start, also when there are none. */
  keepEnded(now: Instant, callIds: Iterable<string>): void {
    const { queue, transactions } = this.#options
    this.#ended.keep(now, callIds, { queue, timers: transactions.timers })
  }

  /** Where the last request of a leg came from or went to; null when there was none, or no such leg. */
  hopOf(id: LegId): Hop | null {
    return this.#byId.get(id)?.seen ?? null
  }

  /** The Call-ID of a leg's messages; null when it is none of ours any more. */
  callIdOf(leg: LegId): string | null {
    return this.#byId.get(leg)?.callId ?? null
  }

  /**
   * The dialog of a leg in the words of its peer (RFC 4235 §4.1.2), by which another phone may take its place; the latest
   * of several while the peer forks. Null: there is none yet, or no such leg.
   */
  dialogAtPeer(id: LegId): { callId: string; localTag: string; remoteTag: string } | null {
    const leg = this.#byId.get(id)
    const peerTag = leg && [...leg.usages.keys()].at(-1)
    if (leg === undefined || peerTag === undefined || leg.isOver) return null
    return { callId: leg.callId, localTag: peerTag, remoteTag: leg.localTag }
  }

  /** The dialog of a caller as it is once that has answered it; null: it waits for no answer of ours. */
  dialogWith(now: Instant, id: LegId, answer: DialogAnswer): WrittenDialog | null {
    return this.#byId.get(id)?.opening?.dialogWith(now, answer) ?? null
  }

  /** The leg whose dialog a Replaces means (RFC 3891 §3); null when it is none of ours. */
  findDialog(replaces: NonNullable<ReferTarget['replaces']>): LegId | null {
    const leg = this.#byTag.get(replaces.toTag)
    if (leg === undefined || leg.isOver || leg.callId !== replaces.callId) return null
    return leg.usages.has(replaces.fromTag) ? leg.id : null
  }

  onRequest(now: Instant, transaction: ServerTransaction): void {
    const { request } = transaction
    const { toTag, method } = request
    const leg = toTag === '' ? undefined : this.#byTag.get(toTag)
    const owner = leg?.hasDialog(request) ? leg : null
    const isLost = owner === null && toTag !== '' && dialogMethods.has(method)
    const answer = isLost ? { status: this.#ended.hasEndOf(request) ? 200 : 481 } : refusalOf(request)
    if (answer !== null) transaction.respond(now, answer)
    else if (owner !== null) owner.handleRequest(now, transaction)
    else this.#options.onRequest(now, transaction)
  }

  onAck(now: Instant, ack: SipMessage): void {
    this.#byTag.get(ack.toTag)?.handleAck(now, ack)
  }

  /**
   * T5: an answer to an INVITE of a process that died. When the dialog was written down it wants its ACK again, else ACK
   * and BYE; both go back where it came from, so that nobody can point them at others.
   */
  onStrayAnswer(now: Instant, response: SipMessage, source: Hop): void {
    const { transactions } = this.#options
    const known = this.#byTag.get(response.fromTag)
    const usage = known?.callId === response.callId ? known.usages.get(response.toTag) : undefined
    const dialog = usage?.dialog ?? Dialog.ofResponse(response, '')
    transactions.sendAck(source, transactions.formatAck(source, dialog.request('ACK', response.cseq, [])))
    if (usage !== undefined || dialog.state.target === '') return
    const bye = dialog.request('BYE', dialog.nextCseq(), [])
    transactions.request(now, source, bye, { onResponse: () => {}, onFailure: () => {} })
  }

  #dial(now: Instant, dial: Extract<LegCommand, { type: 'dial' }>): void {
    const { token } = this.#options.transactions.options
    const leg = this.#remember({
      id: dial.leg,
      callId: token(),
      localTag: token(),
      hop: dial.to.flow === null ? null : this.#options.flow(dial.to.flow),
      login: dial.to.credentials,
      isIdentityTrusted: dial.isIdentityTrusted,
      domain: dial.fromDomain ?? parseUri(dial.to.uri)?.host ?? '',
      isCaller: true,
    })
    const invite = new OutboundInvite(leg, dial)
    leg.opening = invite
    invite.start(now)
  }

  #remember(parts: LegParts, whenGone = () => {}): SipLeg {
    if (this.#byId.has(parts.id)) throw new Error(`There is a leg ${parts.id} already`)
    const leg = new SipLeg(this.#port, parts, () => {
      this.#byId.delete(leg.id)
      this.#byTag.delete(leg.localTag)
      whenGone()
    })
    this.#byId.set(leg.id, leg)
    this.#byTag.set(leg.localTag, leg)
    return leg
  }
}

function obstacleTo(
  transaction: ServerTransaction,
  dialog: Dialog | null,
  session: ReturnType<SessionTimer['judgeRequest']>,
): ResponseParts | null {
  if (transaction.cancel !== null) return { status: 487 }
  if (dialog === null) return { status: 400, reason: 'Missing Contact' }
  return session === 'small' ? { status: 422, headers: [minSeHeader] } : null
}

/** Null: not written by us; the leg stays unknown, and its requests get a 481. */
function readSnapshot(written: WrittenDialog | string): UsageSnapshot | null {
  // JSON text in JSON was the form before this one; this may go after the first release.
  const value: object = typeof written === 'string' ? JSON.parse(written) : written
  return 'version' in value && value.version === 1 ? (value as UsageSnapshot) : null
}
