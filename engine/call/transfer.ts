/**
 * Transfers (RFC 3515, 5589): whoever talks hands the other one on. Blind, to a number; or attended, to a call of the
 * transferor's own that is ringing or answered (Replaces, T26), which then goes on with the other in the transferor's
 * place. And INVITE with Replaces (RFC 3891): a phone that takes the place of a leg, or takes a call that rings.
 *
 *   blind, attended to a ringing call:  202 ... somebody answers: NOTIFY 200, the transferor is hung up
 *                                           ... nobody does: NOTIFY 4xx, back to the transferor, who is called again if gone
 *   attended to an answered call:       202, NOTIFY 200, both of the transferor's legs are hung up
 *   blind, by a command:                the transferor is hung up at once, and called again if nobody answers
 */
import type { Instant } from '../machine.ts'
import { asAccount, countryOf, type Originator, originatorOf, partyOf } from './caller-id.ts'
import type { Call } from './call.ts'
import type { ActCommand, ActionOf, CommandId, CommandRefusal, CommandTarget } from './command.ts'
import type { Directory } from './directory.ts'
import { CallLeg, type LegSnapshot } from './call-leg.ts'
import { leaveUnheard } from './emergency.ts'
import type { IncomingInvite, LegId, ReferTarget } from './leg.ts'
import { numberOfUri, readNumber } from './numbers.ts'
import { hungUp, type Outcome, unreachable } from './outcome.ts'
import type { Party } from './party.ts'
import { planDevice, planForward, planUser, type RingPlan } from './targets.ts'
import { refuse } from './verb.ts'

const recallRingMs = 30_000

/** T5. */
export interface TransferSnapshot {
  readonly transferor: Pick<LegSnapshot, 'facts' | 'party'>
}

/** One that is going on. */
export class Transfer {
  readonly transferor: CallLeg
  /** Null: its phone asked for it. */
  readonly command: CommandId | null
  /** The other is called back to the transferor, since nobody took it. */
  isRecall = false
  #isReported = false

  constructor(transferor: CallLeg, command: CommandId | null = null) {
    this.transferor = transferor
    this.command = command
  }

  snapshot(): TransferSnapshot {
    const { facts, party } = this.transferor
    return { transferor: { facts, party } }
  }

  /** What the transferor's phone shows; a final status is the last. */
  report(call: Call, status: number): void {
    if (this.#isReported || this.transferor.isOver) return
    this.#isReported = status >= 200
    call.command({ type: 'refer_progress', leg: this.transferor.id, status })
  }
}

/** A REFER of a leg of this call. */
export function refer(now: Instant, call: Call, leg: CallLeg, target: ReferTarget): void {
  const refuse = (status: number) => call.command({ type: 'refer_answer', leg: leg.id, status })
  const peer = call.peerOf(leg)
  const { deviceId, trunkId } = leg.party
  // Whoever is outside does not decide where our calls go (T14); a phone that was deleted has no rights to go by.
  if (trunkId !== null || (deviceId !== null && !call.directory.devices.has(deviceId))) return refuse(403)
  if (!peer || call.floor.consultation) return refuse(491)
  if (target.replaces === null) return blind(now, call, leg, peer, target.uri)
  const id = call.services.host.findDialog(target.replaces)
  const other = id === null ? undefined : call.services.callOf(id)
  const replaced = id === null ? undefined : other?.legs.get(id)
  if (!other || !replaced) return refuse(404)
  if (other === call || other.ledger.facts.accountId !== call.ledger.facts.accountId) return refuse(403)
  if (other.floor.consultation) refuse(491)
  else if (other.peerOf(replaced)) attended(now, call, leg, peer, other, replaced)
  else if (other.isWaiting && replaced === other.caller) early(now, call, leg, peer, other)
  else refuse(491)
}

/** Somebody took the call that was handed on; or a callflow answers itself. */
export function transferred(now: Instant, call: Call): void {
  const { transfer, callee } = call
  if (!transfer) return
  call.transfer = null
  transfer.report(call, 200)
  call.legs.drop(now, transfer.transferor, null)
  const record = call.ledger.transferred(now, transfer.transferor, (callee ?? call.caller).party)
  call.services.write(call.id, [record])
}

/** Nobody did. False: the call is over. */
export function transferFailed(now: Instant, call: Call, outcome: Outcome): boolean {
  const { transfer } = call
  if (!transfer || transfer.isRecall) return false
  const { transferor } = transfer
  transfer.report(call, outcome.status >= 300 ? outcome.status : 480)
  if (transfer.command !== null) call.commandFailed(now, transfer.command, 'transfer', outcome.text)
  if (!transferor.isOver) {
    call.transfer = null
    call.callee = transferor
    call.connect(now)
    call.writeSnapshot()
    return true
  }
  if (transferor.party.deviceId === null) return false
  transfer.isRecall = true
  call.follow(now, planDevice(call.planContext(false), transferor.party.deviceId), recallRingMs)
  return true
}

/** T5: after a restart, of a call whose transferor had left: whoever rang died with the process. */
export function transferLost(now: Instant, call: Call, { transferor: { facts, party } }: TransferSnapshot): void {
  const transferor = new CallLeg(facts, party)
  transferor.state = 'over'
  call.transfer = new Transfer(transferor)
  if (!transferFailed(now, call, unreachable)) call.end(now, { by: 'system', outcome: hungUp, q850: 41 })
}

function blind(now: Instant, call: Call, transferor: CallLeg, other: CallLeg, uri: string): void {
  const { directory } = call
  const originator = originatorOf(directory, transferor.party)
  const called = readNumber(numberOfUri(uri), countryOf(directory, originator))
  call.command({ type: 'refer_answer', leg: transferor.id, status: 202 })
  const transfer = new Transfer(transferor)
  handOn(now, call, transfer, other)
  call.aim = { originator, called, wantsPrivacy: false }
  transfer.report(call, 100)
  const plan: RingPlan = planForward(call.planContext(true), {
    number: called.text,
    forwarder: originator,
    keepsCallerId: true,
    isKeyPressRequired: false,
    reason: 'deflection',
    isTransfer: true,
  })
  call.follow(now, plan)
}

/** By a command: the transferor leaves at once. */
export function pass(
  now: Instant,
  call: Call,
  transferor: CallLeg,
  other: CallLeg,
  { id, action }: ActCommand<ActionOf<'transfer'>>,
): CommandRefusal | null {
  const { directory } = call
  const originator = originatorOf(directory, transferor.party)
  const { to } = action
  const text = to.type === 'number' ? to.number : numberOfTarget(directory, to)
  if (text === null) return refuse('invalid_request', 'there is no such user or device', 'to')
  const before = call.aim
  call.aim = { originator, called: readNumber(text, countryOf(directory, originator)), wantsPrivacy: false }
  const plan = planPass(call, originator, to)
  const [failure] = plan.type === 'ring' && plan.targets.length === 0 ? plan.failed : []
  if (failure) {
    call.aim = before
    return refuse('conflict', `Nobody can be called there: ${failure.text}.`, 'to')
  }
  call.ledger.causes.await(id, 'call.transferred', transferor.id)
  handOn(now, call, new Transfer(transferor, id), other)
  call.legs.drop(now, transferor, null)
  call.follow(now, plan)
  call.writeSnapshot()
  return null
}

function planPass(call: Call, forwarder: Originator, to: CommandTarget): RingPlan {
  const reason = 'deflection'
  const context = call.planContext(true, { originator: forwarder, keepsCallerId: true, reason })
  if (to.type === 'user') return planUser(context, to.userId)
  if (to.type === 'device') return planDevice(context, to.deviceId)
  const { text: number } = call.aim.called
  const isKeyPressRequired = false
  return planForward(context, { number, forwarder, keepsCallerId: true, isKeyPressRequired, reason, isTransfer: true })
}

/** As others see it; null: there is nobody of that id. */
function numberOfTarget(directory: Directory, to: Exclude<CommandTarget, { type: 'number' }>): string | null {
  if (to.type === 'user')
    return directory.users.has(to.userId) ? (directory.numberOf(to.userId, 'internal') ?? '') : null
  const device = directory.devices.get(to.deviceId)
  return device ? (directory.numberOf(device.id, 'internal') ?? device.username) : null
}

/** `other` waits now, and hears what a caller hears. */
function handOn(now: Instant, call: Call, transfer: Transfer, other: CallLeg): void {
  call.transfer = transfer
  call.caller = other
  call.callee = null
  call.stage = 'running'
  call.media.part(other)
  call.floor.arrange(now)
}

/** In the call that the transferor made for it, the one that is handed on takes the transferor's place. */
function attended(now: Instant, from: Call, leg: CallLeg, party: CallLeg, to: Call, replaced: CallLeg): void {
  from.command({ type: 'refer_answer', leg: leg.id, status: 202 })
  const target = to.peerOf(replaced)
  from.services.write(from.id, [from.ledger.transferred(now, leg, (target ?? replaced).party)])
  to.legs.move(now, party, from)
  takePlace(now, to, replaced, party)
  from.command({ type: 'refer_progress', leg: leg.id, status: 200 })
  from.end(now, { by: leg.facts.role, outcome: hungUp })
}

/** T26: the target still rings. The transferor's first leg comes along: it may get the other one back. */
function early(now: Instant, from: Call, leg: CallLeg, party: CallLeg, to: Call): void {
  from.command({ type: 'refer_answer', leg: leg.id, status: 202 })
  const placeholder = to.caller
  const transfer = new Transfer(leg)
  to.legs.move(now, party, from)
  to.legs.move(now, leg, from)
  to.media.part(party)
  from.services.write(from.id, [from.ledger.transferred(now, leg, to.ledger.callee ?? calledParty(to))])
  to.transfer = transfer
  to.caller = party
  to.leave(now, placeholder)
  transfer.report(to, to.ledger.hasRung ? 180 : 100)
  if (!to.playAgain(now)) to.media.waits(to)
  from.end(now, { by: leg.facts.role, outcome: hungUp })
}

/** Of a call that nobody answered yet. */
const calledParty = ({ ledger }: Call): Party => ({
  identity: { number: ledger.facts.calledNumber, name: null, isAnonymous: false },
  userId: null,
  deviceId: null,
  trunkId: null,
})

/** `leg` is joined to whom `replaced` talked to, and then it is told: of whoever is there. */
function takePlace(now: Instant, call: Call, replaced: CallLeg, leg: CallLeg): void {
  if (leg.facts.isEmergency) leaveUnheard(now, call)
  if (replaced === call.caller) call.caller = leg
  else call.callee = leg
  call.media.part(leg)
  call.connect(now)
  call.introduce()
  // T5: with whoever leaves, so that the next process ends that leg too if this one dies on the way.
  const kept = call.snapshotRecord()
  call.legs.drop(now, replaced, null)
  call.services.write(call.id, [call.ledger.transferred(now, replaced, leg.party), kept])
}

/**
 * An INVITE with Replaces (RFC 3891 §3). The answer for whoever sent it; null: the leg is the call's now, which answers.
 */
export function inviteReplacing(
  now: Instant,
  services: Call['services'],
  id: LegId,
  invite: IncomingInvite,
  replaces: NonNullable<IncomingInvite['replaces']>,
): number | null {
  const replacedId = services.host.findDialog(replaces)
  const call = replacedId === null ? undefined : services.callOf(replacedId)
  const replaced = replacedId === null ? undefined : call?.legs.get(replacedId)
  const { source } = invite
  if (!call || !replaced) return 481
  if (source.accountId !== call.ledger.facts.accountId) return 403
  if (source.kind === 'trunk' && source.trunkId !== replaced.party.trunkId) return 403
  if (call.floor.consultation) return 491
  const isTalking = call.peerOf(replaced) !== null
  if (isTalking && replaces.isEarlyOnly) return 486
  // "If the Replaces header field matches an early dialog that was not initiated by this UA, it returns a 481."
  if (!isTalking && !call.isRinging(replaced)) return 481
  const leg = newLeg(now, call, id, invite, replaced)
  if (!call.media.open(leg, null, [])) return 503
  call.legs.take(leg)
  const sdp = call.media.answerNew(call, leg, invite.sdp, isTalking ? call.peerOf(replaced) : null)
  if (sdp === null) {
    call.legs.release(now, leg)
    return 488
  }
  leg.answered(now)
  call.command({ type: 'answer', leg: leg.id, sdp })
  if (isTalking) {
    call.legs.answered(now, leg)
    takePlace(now, call, replaced, leg)
  } else {
    call.pickUp(now, leg)
  }
  return null
}

function newLeg(now: Instant, call: Call, id: LegId, { source }: IncomingInvite, replaced: CallLeg): CallLeg {
  const { directory } = call
  const deviceId = source.kind === 'device' ? source.deviceId : null
  const originator = deviceId === null ? asAccount : originatorOf(directory, { deviceId, userId: null })
  const party = deviceId === null ? replaced.party : partyOf(directory, originator)
  return new CallLeg(
    {
      id,
      role: 'callee',
      isOutside: replaced.facts.isOutside && deviceId === null,
      isEmergency: false,
      isForwarded: false,
      billed: { userId: null, deviceId: null },
      startedAt: now,
    },
    party,
  )
}
