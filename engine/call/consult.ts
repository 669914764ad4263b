/**
 * Consultation: one of two that talk asks a third, while the other waits with music. It is one call all the while: the
 * third is a leg of it.
 *
 *   talking --consult--> ringing --somebody takes it--> consulting --complete--> the other two talk, the consultant leaves
 *      ^                    |  nobody does, cancel            |  cancel, the third hangs up
 *      `--------------------^---------------------------------'
 *
 * Whoever consults and hangs up instead of completing hands the other on all the same: somebody who was told to wait is
 * not dropped. If the third has not answered by then, the call is over.
 */
import type { Instant } from '../machine.ts'
import type { Codec } from '../sdp/codec.ts'
import type { Call } from './call.ts'
import type { CallLeg } from './call-leg.ts'
import { countryOf, type Originator, originatorOf } from './caller-id.ts'
import type { ActCommand, ActionOf, CommandId, CommandRefusal, CommandTarget } from './command.ts'
import { Invitation, type InvitationHost } from './invitation.ts'
import { type ReadNumber, readNumber } from './numbers.ts'
import type { Outcome } from './outcome.ts'
import { type Party, toPartyState } from './party.ts'
import type { ConsultationEnd } from './records.ts'
import { type Forwarder, type PlanContext, planDevice, planNumber, planUser, type RingPlan } from './targets.ts'
import { isRefusal, legOfCommand, refuse } from './verb.ts'

const consultRingMs = 60_000

export class Consultation implements InvitationHost {
  readonly consultant: CallLeg
  readonly waiting: CallLeg
  readonly command: CommandId
  /** Who has taken it. */
  consulted: CallLeg | null = null
  invitation: Invitation | null = null
  readonly #call: Call
  /** As dialled, until somebody takes it. */
  readonly #called: ReadNumber
  #isHeard = false

  constructor(call: Call, [consultant, waiting]: readonly [CallLeg, CallLeg], called: ReadNumber, command: CommandId) {
    this.#call = call
    this.consultant = consultant
    this.waiting = waiting
    this.command = command
    this.#called = called
  }

  /** T5: with somebody who had answered. */
  static restored(
    call: Call,
    [consultant, waiting, consulted]: readonly [CallLeg, CallLeg, CallLeg],
    command: CommandId,
  ): Consultation {
    const called = readNumber(consulted.party.identity.number, call.directory.account.country)
    const consultation = new Consultation(call, [consultant, waiting], called, command)
    consultation.consulted = consulted
    return consultation
  }

  get party(): Party {
    if (this.consulted) return this.consulted.party
    const identity = { number: this.#called.text, name: null, isAnonymous: false }
    return { identity, userId: null, deviceId: null, trunkId: null }
  }

  start(now: Instant, plan: RingPlan): void {
    this.invitation = new Invitation(this.#call, this)
    this.invitation.start(now, plan, consultRingMs)
  }

  // --- what the invitation asks and tells ---

  planContext(isDirect: boolean, forwardedBy: Forwarder | null): PlanContext {
    return contextOf(this.#call, this.consultant, this.#called, isDirect, forwardedBy)
  }

  codecs(): readonly Codec[] {
    return this.#call.media.codecsTowards(this.#call, this.consultant)
  }

  ringing(_now: Instant, _leg: CallLeg): void {
    if (this.#isHeard || this.consultant.media?.isBusy) return
    this.#call.media.ringback(this.consultant)
  }

  earlyMedia(_now: Instant, leg: CallLeg): void {
    this.#isHeard = true
    this.consultant.media?.stop()
    this.#call.media.bridge(this.consultant, leg)
  }

  play(_now: Instant, path: string): void {
    this.consultant.media?.play({ type: 'file', path, repeat: false })
  }

  won(now: Instant, leg: CallLeg): void {
    const call = this.#call
    this.invitation = null
    this.consulted = leg
    call.media.join(now, call)
    call.tell(now, 'call.consultation_answered', leg, { command: this.command, party: toPartyState(leg.party) })
    call.introduce(this.consultant, leg)
    call.writeSnapshot()
  }

  lost(now: Instant, outcome: Outcome): void {
    this.invitation = null
    end(now, this.#call, this, reasonOf(outcome), this.command)
  }
}

export function consult(now: Instant, call: Call, command: ActCommand<ActionOf<'consult'>>): CommandRefusal | null {
  const leg = legOfCommand(call, command)
  if (isRefusal(leg)) return leg
  const { to } = command.action
  const other = call.peerOf(leg)
  if (leg.party.trunkId !== null) return refuse('not_allowed', 'Somebody outside cannot consult.')
  if (!other || call.floor.consultation) {
    return refuse('conflict', 'It does not talk to one other: there is nobody whom it could leave waiting.')
  }
  const called = calledBy(call, leg, to)
  const plan = planTo(contextOf(call, leg, called, true, null), to, called)
  const [failure] = plan.type === 'ring' && plan.targets.length === 0 ? plan.failed : []
  if (failure) return refuse('conflict', `Nobody can be called there: ${failure.text}.`, 'to')
  const consultation = new Consultation(call, [leg, other], called, command.id)
  call.floor.consultation = consultation
  call.floor.arrange(now)
  call.media.holdFor(other, leg.party)
  leg.media?.stop()
  call.tell(now, 'call.consultation_started', leg, { command: command.id, party: toPartyState(consultation.party) })
  consultation.start(now, plan)
  return null
}

export function complete(now: Instant, call: Call, command: ActCommand<ActionOf<'complete'>>): CommandRefusal | null {
  const consultation = consultationOf(call, command)
  if (isRefusal(consultation)) return consultation
  if (!consultation.consulted) {
    return refuse('conflict', 'Who is consulted has not answered: wait for call.consultation_answered, or cancel.')
  }
  handOn(now, call, consultation, consultation.consulted, command.id)
  return null
}

export function cancel(now: Instant, call: Call, command: ActCommand<ActionOf<'cancel'>>): CommandRefusal | null {
  const consultation = consultationOf(call, command)
  if (isRefusal(consultation)) return consultation
  consultation.invitation?.cancel(now)
  end(now, call, consultation, 'cancelled', command.id)
  return null
}

/** Of whoever commands; an administrator need not say whose it is. */
export function consultationOf(
  call: Call,
  command: ActCommand<ActionOf<'complete' | 'cancel' | 'merge'>>,
): Consultation | CommandRefusal {
  const { consultation } = call.floor
  const isAnybodys = command.by.isAdmin && command.action.leg === null
  const leg = isAnybodys ? consultation?.consultant : legOfCommand(call, command)
  if (leg && isRefusal(leg)) return leg
  if (!consultation || consultation.consultant !== leg) return refuse('conflict', 'It consults nobody.')
  return consultation
}

/** A leg is over, by a command or by itself. True: the call goes on without it. */
export function consultationLost(now: Instant, call: Call, leg: CallLeg, by: CommandId | null): boolean {
  const { consultation } = call.floor
  if (!consultation) return false
  const { consultant, waiting, consulted } = consultation
  const command = by ?? consultation.command
  if (leg === consulted) {
    end(now, call, consultation, 'hung_up', command)
    return true
  }
  if (!consulted || (leg !== consultant && leg !== waiting)) return false
  if (leg === consultant) handOn(now, call, consultation, consulted, command)
  else goOnWithoutTheOther(now, call, consultation, consulted, command)
  return true
}

/** Who waited and who was consulted talk; the consultant is out of it. */
function handOn(now: Instant, call: Call, consultation: Consultation, consulted: CallLeg, command: CommandId): void {
  const { consultant, waiting } = consultation
  call.floor.consultation = null
  call.caller = waiting
  call.callee = consulted
  call.reached(consulted)
  call.connect(now)
  // T5: with whoever leaves, so that the next process ends that leg too if this one dies on the way.
  const kept = call.snapshotRecord()
  call.legs.drop(now, consultant, null)
  const told = call.ledger.event('call.transferred', now, consultant, command)
  call.services.write(call.id, [{ ...told, transferredTo: toPartyState(consulted.party) }, kept])
  call.introduce()
}

/** Who waited has hung up: the consultation is the call. */
function goOnWithoutTheOther(
  now: Instant,
  call: Call,
  consultation: Consultation,
  consulted: CallLeg,
  command: CommandId,
): void {
  const { consultant, waiting } = consultation
  call.floor.consultation = null
  call.caller = consultant
  call.callee = consulted
  call.connect(now)
  call.tell(now, 'call.consultation_ended', waiting, {
    command,
    party: toPartyState(consulted.party),
    reason: 'other_hung_up',
  })
  call.writeSnapshot()
}

/** Back to the two of before. */
function end(now: Instant, call: Call, consultation: Consultation, reason: ConsultationEnd, command: CommandId): void {
  const { consultant, waiting, consulted, party } = consultation
  call.floor.consultation = null
  // What a carrier plays, or rings, is heard no more.
  call.media.part(consultant)
  waiting.media?.stop()
  call.connect(now)
  const kept = call.snapshotRecord()
  if (consulted) call.legs.drop(now, consulted, null)
  call.tell(now, 'call.consultation_ended', consultant, { command, party: toPartyState(party), reason })
  call.introduce()
  call.services.write(call.id, [kept])
}

/** As the consultant would dial: with its rights, at its cost, shown as itself. */
function contextOf(
  call: Call,
  consultant: CallLeg,
  called: ReadNumber,
  isDirect: boolean,
  forwardedBy: Forwarder | null,
): PlanContext {
  const originator = originatorOf(call.directory, consultant.party)
  return {
    ...call.planContext(isDirect, forwardedBy),
    caller: consultant.party.identity,
    originator,
    calledNumber: called.text,
    wantsPrivacy: false,
    shown: null,
  }
}

function calledBy(call: Call, leg: CallLeg, to: CommandTarget): ReadNumber {
  const { directory } = call
  const originator: Originator = originatorOf(directory, leg.party)
  const text = to.type === 'number' ? to.number : (directory.numberOf(idOf(to), 'internal') ?? '')
  return readNumber(text, countryOf(directory, originator))
}

const idOf = (to: Exclude<CommandTarget, { type: 'number' }>): string => (to.type === 'user' ? to.userId : to.deviceId)

function planTo(context: PlanContext, to: CommandTarget, called: ReadNumber): RingPlan {
  switch (to.type) {
    case 'number':
      return planNumber(context, called)
    case 'user':
      return planUser(context, to.userId)
    case 'device':
      return planDevice(context, to.deviceId)
  }
}

const reasonOf = ({ branch }: Outcome): ConsultationEnd => branch
