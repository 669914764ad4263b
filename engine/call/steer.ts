/** Verbs by which a side of a call takes it, refuses it, passes it on or leaves it. */
import type { Instant } from '../machine.ts'
import { autoAnswered } from './auto-answer.ts'
import type { Call } from './call.ts'
import type { CallLeg } from './call-leg.ts'
import type { ActCommand, ActionOf, CommandRefusal } from './command.ts'
import { cancelled, hungUp } from './outcome.ts'
import type { AddedRinging, Ring } from './ring.ts'
import type { Ringing } from './targets.ts'
import { pass } from './transfer.ts'
import { isRefusal, legOfCommand, refuse } from './verb.ts'

/** Without a leg an administrator ends the call; else a side leaves it, as if by its phone. */
export function hangup(now: Instant, call: Call, command: ActCommand<ActionOf<'hangup'>>): CommandRefusal | null {
  const { by, action } = command
  const isWhole = by.isAdmin && action.leg === null
  const leg = isWhole ? call.caller : legOfCommand(call, command)
  if (isRefusal(leg)) return leg
  // Whose click-to-call it is gives it up, as long as nobody else is in it.
  const isGivenUp = call.floor.origination !== null
  if (!isWhole && !isGivenUp && isRinging(call, leg)) return rejectLeg(now, call, leg, command)
  if (!isWhole && !isGivenUp && leaves(now, call, leg, command)) return null
  call.ledger.causes.await(command.id, 'call.ended', null)
  const outcome = call.ledger.answeredAt === null ? cancelled : hungUp
  call.end(now, { by: isWhole ? 'system' : leg.facts.role, outcome })
  return null
}

/** A phone that rings is told to stop; others ring on, and the call goes on as if it had been busy. */
export function reject(now: Instant, call: Call, command: ActCommand<ActionOf<'reject'>>): CommandRefusal | null {
  const leg = legOfCommand(call, command)
  if (isRefusal(leg)) return leg
  return isRinging(call, leg) ? rejectLeg(now, call, leg, command) : refuse('conflict', 'It does not ring.')
}

/**
 * A phone that rings takes the call by itself: it is told to where it says that it may be, as many desk phones do. Another
 * one is called anew, and asked to answer at once.
 */
export function answer(now: Instant, call: Call, command: ActCommand<ActionOf<'answer'>>): CommandRefusal | null {
  const leg = legOfCommand(call, command)
  if (isRefusal(leg)) return leg
  const ringing = ringingOf(call, leg)
  if (!ringing) return refuse('conflict', 'It does not ring.')
  if (leg.party.deviceId === null) return refuse('not_allowed', 'Only a phone of the account can be made to answer.')
  const isCaller = ringing !== call.round
  const answered: AddedRinging = {
    // Whoever is called first is the caller then: the call is answered when whoever it calls takes it.
    won: (taken) => call.ledger.causes.await(command.id, 'call.answered', isCaller ? null : taken.id),
    failed: (at, { text }) => call.commandFailed(at, command.id, 'answer', text),
  }
  if (!leg.takesTalk) ringing.again(now, leg, asAutoAnswered, answered)
  else if (leg.talk !== null) return refuse('conflict', 'It is told to answer already.')
  else if (ringing.follow(leg, answered)) {
    leg.talk = answered
    call.command({ type: 'talk', leg: leg.id })
  }
  return null
}

/** What it says to being told to answer; one that takes no such request, whatever it said, is called anew. */
export function talked(now: Instant, call: Call, leg: CallLeg, status: number): void {
  const { talk } = leg
  leg.takesTalk = status < 300
  leg.talk = null
  if (status >= 300 && talk !== null) ringingOf(call, leg)?.again(now, leg, asAutoAnswered, talk)
}

const asAutoAnswered = (plan: Ringing): Ringing => autoAnswered(plan) as Ringing

/** The round that it rings in: of the called side, or of a click-to-call's own phones. */
function ringingOf(call: Call, leg: CallLeg): Pick<Ring, 'follow' | 'again'> | null {
  if (isCalled(call, leg)) return call.round
  const invitation = call.floor.origination?.invitation
  return leg.answeredAt === null && invitation?.legs.includes(leg) ? invitation : null
}

/** Blind: the leg leaves at once. Where nobody takes the other side, its phone is called back. */
export function transfer(now: Instant, call: Call, command: ActCommand<ActionOf<'transfer'>>): CommandRefusal | null {
  const leg = legOfCommand(call, command)
  if (isRefusal(leg)) return leg
  const other = call.peerOf(leg)
  if (!other || call.floor.consultation) {
    return refuse('conflict', 'It does not talk to one other, who could be transferred.')
  }
  return pass(now, call, leg, other, command)
}

const isCalled = (call: Call, leg: CallLeg): boolean =>
  leg.answeredAt === null && (call.round?.legs.includes(leg) ?? false)

/** Also where it is asked into a call that goes on beside it. */
const isRinging = (call: Call, leg: CallLeg): boolean =>
  isCalled(call, leg) || (leg.answeredAt === null && call.floor.isInvited(leg))

/** The others go on. False: there would be no call without it. */
function leaves(now: Instant, call: Call, leg: CallLeg, { id }: ActCommand): boolean {
  const isToPressKey = (call.round?.legs.includes(leg) ?? false) || call.floor.isInvited(leg)
  if (isToPressKey) call.tell(now, 'call.rejected', leg, { command: id })
  else if (leg === call.transfer?.transferor) call.ledger.causes.await(id, 'call.transferred', leg.id)
  return call.leaves(now, leg, id)
}

function rejectLeg(now: Instant, call: Call, leg: CallLeg, { id }: ActCommand): null {
  call.tell(now, 'call.rejected', leg, { command: id })
  if (!call.floor.reject(now, leg)) call.round?.reject(now, leg)
  return null
}
