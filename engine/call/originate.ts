/**
 * Click-to-call: the phones of somebody ring, or one of them answers by itself; whoever takes it is the caller of a call
 * to the number that the command names, with the rights, limits and ways of that phone, as if it had dialled.
 *
 *   the caller's phones ring --one takes it--> it hears ringing, the called side is routed --answered--> they talk
 *             `--none does--> over
 *
 * Invariant: until a phone has taken it, nobody else is called.
 */
import type { Instant } from '../machine.ts'
import { type Codec, pcma, pcmu } from '../sdp/codec.ts'
import { autoAnswered } from './auto-answer.ts'
import { Call } from './call.ts'
import { CallLeg } from './call-leg.ts'
import { countryOf, type Originator, originatorOf, partyOf, shownTo } from './caller-id.ts'
import type { CommandRefusal, CommandTarget, MeetingLink, OriginateCommand } from './command.ts'
import type { Device, Directory } from './directory.ts'
import { Invitation, type InvitationHost } from './invitation.ts'
import type { Identity } from './leg.ts'
import { defaultCodecs } from './leg-media.ts'
import { Ledger } from './ledger.ts'
import { attend } from './meeting.ts'
import { type ReadNumber, readNumber } from './numbers.ts'
import type { Outcome } from './outcome.ts'
import { type Destination, routeNumber } from './routing.ts'
import type { CallServices } from './services.ts'
import {
  type PlanContext,
  planCaller,
  planDevice,
  planNumber,
  planUser,
  type Ringing,
  type RingPlan,
} from './targets.ts'
import { isRefusal, refuse } from './verb.ts'

export class Origination implements InvitationHost {
  readonly invitation: Invitation
  readonly #call: Call
  readonly #to: Origin['to']

  constructor(call: Call, to: Origin['to']) {
    this.#call = call
    this.#to = to
    this.invitation = new Invitation(call, this)
  }

  // --- of its invitation ---

  planContext(isDirect: boolean): PlanContext {
    return this.#call.planContext(isDirect)
  }

  codecs(): readonly Codec[] {
    return this.#to.type === 'meeting' ? [pcma, pcmu] : defaultCodecs
  }

  ringing(): void {}

  earlyMedia(): void {}

  play(): void {}

  won(now: Instant, leg: CallLeg): void {
    const call = this.#call
    const { ledger, directory } = call
    call.floor.origination = null
    call.caller = leg
    ledger.facts = { ...ledger.facts, caller: leg.party, callerLeg: leg.id }
    call.aim = { ...call.aim, originator: originatorOf(directory, leg.party) }
    if (this.#to.type === 'meeting') this.#attend(now, leg, this.#to.meeting)
    else call.follow(now, planTo(call, this.#to))
  }

  #attend(now: Instant, leg: CallLeg, link: MeetingLink): void {
    const call = this.#call
    const { ledger } = call
    ledger.answeredAt = now
    call.tell(now, 'call.answered', leg)
    attend(now, call, { link, command: ledger.facts.correlationId }, leg)
    call.writeSnapshot()
  }

  lost(now: Instant, outcome: Outcome): void {
    this.#call.end(now, { by: 'system', outcome })
  }
}

/** The call is known to `remember` before its first step. */
export function originate(
  now: Instant,
  services: CallServices<Call>,
  command: OriginateCommand,
  remember: (call: Call) => void,
): CommandRefusal | null {
  const { by, origination } = command
  const { from, to, callerId, isAutoAnswer, ringMs } = origination
  const directory = services.host.directories.account(by.accountId)
  if (!directory) return refuse('conflict', 'Telephony is off for this account.')
  const devices = devicesOf(directory, command)
  if (isRefusal(devices)) return devices
  const originator = originatorFrom(directory, from, devices)
  const called = readCalled(directory, originator, to)
  if (isRefusal(called)) return called
  const destination = routeNumber(directory, originator, called)
  const isNumber = to.type === 'number'
  const isSuspended = !directory.account.enabled || originator.user?.enabled === false
  if (!isNumber && isSuspended) return refuse('conflict', 'Suspended.', 'from')
  if (isNumber && destination.type === 'refused') return refuse('conflict', `${destination.outcome.text}.`, 'to.number')
  if (callerId?.number && !directory.phoneNumbers.has(callerId.number)) {
    return refuse('invalid_request', 'must be a phone number of the account', 'caller_id.number')
  }
  const isEmergency = isNumber && destination.type === 'outside' && destination.isEmergency
  const limits = [{ key: `sim:${by.accountId}`, max: directory.account.limits.maxNumberSimCalls }]
  const call = newCall(now, services, command, { directory, originator, called, destination, isEmergency })
  const plan = planCaller(call.planContext(true), devices, shownCalled(directory, to, called))
  if (plan.targets.length === 0) return refuse('conflict', 'No phone of it is registered.', 'from')
  if (services.limits.acquire(limits, isEmergency))
    return refuse('conflict', 'The account has as many calls as it may.')
  call.limits = limits
  remember(call)
  call.ledger.causes.begin(command.id, 'originate', by.actor)
  call.ledger.causes.await(command.id, 'call.started', null)
  call.start(now)
  const started = new Origination(call, to)
  call.floor.origination = started
  started.invitation.start(now, isAutoAnswer ? autoAnswered(oneOf(plan)) : plan, ringMs)
  return null
}

/** Two phones that answer by themselves would both be heard. */
const oneOf = (plan: Ringing): Ringing => ({ ...plan, targets: plan.targets.slice(0, 1) })

/** A person's own; of a user the one that is set for this, else all. */
function devicesOf(directory: Directory, { by, origination: { from } }: OriginateCommand): Device[] | CommandRefusal {
  if (from.type === 'number') return refuse('invalid_request', 'must name a user or a device', 'from')
  const [id, field] = from.type === 'user' ? [from.userId, 'from.user_id'] : [from.deviceId, 'from.device_id']
  const device = from.type === 'device' ? directory.devices.get(id) : undefined
  const ownerId = from.type === 'user' ? id : (device?.ownerId ?? null)
  const isThere = from.type === 'user' ? directory.users.has(id) : device !== undefined
  if (!isThere || (!by.isAdmin && (by.userId === null || ownerId !== by.userId))) {
    return refuse('invalid_request', `there is no such ${from.type}`, field)
  }
  if (device) return [device]
  const chosen = directory.devices.get(directory.users.get(id)?.quickcallDeviceId ?? '')
  return chosen ? [chosen] : [...directory.devicesOf(id)]
}

/** With whose rights it is dialled: a phone's where it is known which. */
function originatorFrom(directory: Directory, from: CommandTarget, devices: readonly Device[]): Originator {
  const [only, ...more] = devices
  const deviceId = only && more.length === 0 ? only.id : null
  return originatorOf(directory, { deviceId, userId: from.type === 'user' ? from.userId : null })
}

type Origin = OriginateCommand['origination']

function readCalled(directory: Directory, originator: Originator, to: Origin['to']): ReadNumber | CommandRefusal {
  const country = countryOf(directory, originator)
  switch (to.type) {
    case 'number':
      return readNumber(to.number, country)
    case 'meeting':
      return readNumber(to.meeting.number, country)
    case 'user':
      if (!directory.users.has(to.userId)) return refuse('invalid_request', 'there is no such user', 'to.user_id')
      return readNumber(directory.numberOf(to.userId, 'internal') ?? '', country)
    case 'device': {
      const device = directory.devices.get(to.deviceId)
      if (!device) return refuse('invalid_request', 'there is no such device', 'to.device_id')
      return readNumber(directory.numberOf(device.id, 'internal') ?? device.username, country)
    }
  }
}

/** What the caller's phone shows while it rings: whom it is going to call. */
function shownCalled(directory: Directory, to: Origin['to'], called: ReadNumber): Identity {
  if (to.type === 'meeting') return { number: to.meeting.number, name: to.meeting.topic, isAnonymous: false }
  if (to.type !== 'number') {
    const ids = { deviceId: to.type === 'device' ? to.deviceId : null, userId: to.type === 'user' ? to.userId : null }
    return { ...partyOf(directory, originatorOf(directory, ids)).identity, isAnonymous: false }
  }
  return shownTo(directory, { number: called.e164 ?? called.text, name: null, isAnonymous: false }, null)
}

function planTo(call: Call, to: CommandTarget): RingPlan {
  const context = call.planContext(true)
  switch (to.type) {
    case 'number':
      return planNumber(context, call.aim.called)
    case 'user':
      return planUser(context, to.userId)
    case 'device':
      return planDevice(context, to.deviceId)
  }
}

interface Routed {
  readonly directory: Directory
  readonly originator: Originator
  readonly called: ReadNumber
  readonly destination: Destination
  readonly isEmergency: boolean
}

function newCall(
  now: Instant,
  services: CallServices<Call>,
  { id, callId, by, origination }: OriginateCommand,
  { directory, originator, called, destination, isEmergency }: Routed,
): Call {
  const isInside = origination.to.type !== 'number' || destination.type === 'flow'
  const caller = partyOf(directory, originator)
  const leg = services.host.newLegId()
  const billed = { userId: null, deviceId: null }
  const facts = { id: leg, role: 'caller', isOutside: false, isEmergency, isForwarded: false, billed, startedAt: now }
  const ledger = new Ledger({
    id: callId,
    accountId: by.accountId,
    direction: isInside || (destination.type === 'outside' && destination.isInside) ? 'internal' : 'outgoing',
    isEmergency,
    caller,
    callerLeg: leg,
    calledNumber: called.text,
    calledE164: called.e164,
    startedAt: now,
    correlationId: id,
  })
  return new Call(services, {
    directory,
    ledger,
    caller: new CallLeg({ ...facts, role: 'caller' }, caller),
    aim: { originator, called, wantsPrivacy: false, shown: origination.callerId },
    maxForwards: 70,
    offer: null,
    isCallerAbsent: true,
  })
}
