/**
 * Whom to ring: users, devices and numbers turned into targets, each a list of INVITEs to try one after the other. A
 * forward takes the place of what it forwards, and is called with the forwarder's rights and at the forwarder's cost.
 *
 * Invariant: whatever forwards point at each other, the result is finite (`deepest`, and nobody twice on one path).
 */
import { type Attempt, type Diversion, deviceAttempt, type TrunkCall, trunkAttempt } from './attempt.ts'
import {
  countryOf,
  emergencyIdentity,
  internalIdentity,
  type Originator,
  outsideIdentity,
  partyOf,
  shownTo,
} from './caller-id.ts'
import type { CallForward, Device, Directory, FlowNode, FlowValue, Trunk, User } from './directory.ts'
import type { CallHost, DeviceContact } from './host.ts'
import type { Identity } from './leg.ts'
import type { Limit } from './limits.ts'
import { numberOfUri, type ReadNumber, readNumber } from './numbers.ts'
import { busy, congestion, loopDetected, type Outcome, refusal, unreachable } from './outcome.ts'
import type { Party } from './party.ts'
import { type IntoFlow, type Outside, routeNumber, trunksFor } from './routing.ts'

/** Whose rights an outside leg used, and who pays for it (T32). */
export interface Billed {
  readonly userId: string | null
  readonly deviceId: string | null
}

/** What a click-to-call shows of its caller; null: as ever. */
export interface ShownCallerId {
  /** In E.164, of the account. */
  readonly number: string | null
  readonly name: string | null
}

export interface RingTarget {
  /** Of the phones that a click-to-call rings first; else they are called. */
  readonly role?: 'caller'
  readonly callee: Party
  /** One after the other, as far as T16 allows. */
  readonly attempts: readonly Attempt[]
  readonly billed: Billed
  readonly isForwarded: boolean
  readonly isKeyPressRequired: boolean
  readonly isOutside: boolean
  readonly isEmergency: boolean
  /** The owner's language, for prompts. */
  readonly language: string
}

export interface Ringing {
  readonly type: 'ring'
  readonly targets: readonly RingTarget[]
  /** Of whom could not be rung at all. */
  readonly failed: readonly Outcome[]
}
/**
 * `enter`: a callflow with a life of its own, which goes on as forwarded by whoever sent the call there. `instead` is what
 * of it can ring beside others.
 */
export type RingPlan =
  | Ringing
  | {
      readonly type: 'enter'
      readonly node: FlowNode
      readonly callflowId: string
      readonly forwardedBy: Forwarder | null
      readonly instead: Ringing
    }

/** What a plan is made for. */
export interface PlanContext {
  readonly directory: Directory
  readonly host: CallHost
  readonly isInUse: (deviceId: string) => boolean
  readonly caller: Identity
  /** The caller's rights and caller id where the call goes outside. */
  readonly originator: Originator
  /** What the caller dialled: phones with several lines see which. */
  readonly calledNumber: string
  readonly wantsPrivacy: boolean
  /** How often others had passed it on before it came here. */
  readonly timesDiverted: number
  /** Of a command, in place of the caller's own. */
  readonly shown?: ShownCallerId | null
  /** The module is the first of the callflow that was dialled (`direct_calls_only`). */
  readonly isDirect: boolean
  /** Who sent the call into the callflow that it is in. */
  readonly forwardedBy: Forwarder | null
}

/** How the way to a target went on. */
interface Path {
  readonly visited: readonly string[]
  readonly forwardedBy: Forwarder | null
  readonly isKeyPressRequired: boolean
  readonly isDirect: boolean
}
export interface Forwarder {
  readonly originator: Originator
  readonly keepsCallerId: boolean
  readonly reason: Diversion['reason']
}

const deepest = 5

export function planUser(context: PlanContext, userId: string): RingPlan {
  return userPlan(context, userId, start(context))
}

export function planDevice(context: PlanContext, deviceId: string): RingPlan {
  return devicePlan(context, deviceId, start(context))
}

/** A number that a callflow or a person sends the call to, with whose rights the context says. */
export function planNumber(context: PlanContext, number: ReadNumber): RingPlan {
  return numberPlan(context, context.originator, number, start(context))
}

/** `forwarder` pays and is named; a redirection (302) by its phone, or an `external_number` of a callflow. */
export function planForward(
  context: PlanContext,
  forward: {
    number: string
    forwarder: Originator
    keepsCallerId: boolean
    isKeyPressRequired: boolean
    reason: Diversion['reason']
    /** A person's doing, who may hand somebody on to a rescue service. */
    isTransfer?: boolean
  },
): RingPlan {
  const { forwarder: originator, keepsCallerId, isKeyPressRequired, reason } = forward
  const forwardedBy: Forwarder = { originator, keepsCallerId, reason }
  const path: Path = { ...start(context), forwardedBy, isKeyPressRequired, isDirect: false }
  return forwardPlan(context, originator, forward.number, path, forward.isTransfer)
}

/** 302: the phone's owner sends the call elsewhere, with the owner's rights (T12: a number, never an address). */
export function planRedirection(
  context: PlanContext,
  { callee }: RingTarget,
  contacts: readonly string[],
  isKeyPressRequired: boolean,
): Ringing {
  const { directory } = context
  const device = directory.devices.get(callee.deviceId ?? '') ?? null
  const plan = planForward(context, {
    number: numberOfUri(contacts[0] ?? ''),
    forwarder: { device, user: device ? (directory.ownerOf(device) ?? null) : null },
    keepsCallerId: true,
    isKeyPressRequired,
    reason: 'deflection',
  })
  return plan.type === 'ring' ? plan : plan.instead
}

const start = ({ isDirect, forwardedBy }: PlanContext): Path => ({
  visited: [],
  forwardedBy,
  isKeyPressRequired: false,
  isDirect,
})

const failed = (outcome: Outcome): Ringing => ({ type: 'ring', targets: [], failed: [outcome] })

function userPlan(context: PlanContext, userId: string, path: Path): RingPlan {
  const { directory } = context
  const user = directory.users.get(userId)
  if (!user?.enabled) return failed(unreachable)
  const step = enter(path, `user:${userId}`)
  if (!step) return failed(loopDetected)
  const { callForward } = user
  if (callForward && isForwarding(callForward, path)) {
    return forwarded(context, callForward, { device: null, user }, step)
  }
  if (user.doNotDisturb) return failed(busy)
  const plans = [...directory.devicesOf(userId)].map((device) => ownDevicePlan(context, device, user, step))
  return join(plans)
}

function devicePlan(context: PlanContext, deviceId: string, path: Path): RingPlan {
  const device = context.directory.devices.get(deviceId)
  const step = enter(path, `device:${deviceId}`)
  if (!device) return failed(unreachable)
  if (!step) return failed(loopDetected)
  const owner = context.directory.ownerOf(device) ?? null
  if (owner && (!owner.enabled || owner.doNotDisturb)) return failed(owner.enabled ? busy : unreachable)
  return ownDevicePlan(context, device, owner, step)
}

function ownDevicePlan(context: PlanContext, device: Device, owner: User | null, path: Path): RingPlan {
  if (!device.enabled) return failed(unreachable)
  const { callForward } = device
  if (callForward && isForwarding(callForward, path)) {
    return forwarded(context, callForward, { device, user: owner }, path)
  }
  if (device.doNotDisturb) return failed(busy)
  if (owner?.callWaiting === false && context.isInUse(device.id)) return failed(busy)
  const contacts = context.host.contacts(device.id)
  if (contacts.length === 0) return failed(unreachable)
  const from = shownTo(context.directory, callerFor(context, path), owner?.id ?? null)
  return {
    type: 'ring',
    targets: contacts.map((contact) => ringDevice(context, device, contact, from, path)),
    failed: [],
  }
}

/** The phones that a click-to-call rings first, whatever their owner wishes of calls from others. */
export function planCaller(context: PlanContext, devices: readonly Device[], from: Identity): Ringing {
  const targets = devices.flatMap((device) =>
    device.enabled
      ? context.host.contacts(device.id).map((contact) => ({
          ...ringDevice(context, device, contact, from, start(context)),
          role: 'caller' as const,
        }))
      : [],
  )
  return { type: 'ring', targets, failed: targets.length > 0 ? [] : [unreachable] }
}

/** Each binding of a device rings: two phones may share one account. */
function ringDevice(
  context: PlanContext,
  device: Device,
  contact: DeviceContact,
  from: Identity,
  path: Path,
): RingTarget {
  const { directory, calledNumber } = context
  const owner = directory.ownerOf(device) ?? null
  const callee = partyOf(directory, { device, user: owner })
  const parts = { directory, callee, from, toNumber: calledNumber }
  return {
    callee,
    attempts: encrypted(deviceAttempt(parts, contact, diversionOf(context, path, 'internal'))),
    billed: { userId: null, deviceId: null },
    isForwarded: path.forwardedBy !== null,
    isKeyPressRequired: path.isKeyPressRequired,
    isOutside: false,
    isEmergency: false,
    language: device.language ?? owner?.language ?? directory.account.language,
  }
}

/** Phones that are set to take nothing but SRTP refuse an offer that would do without (488). */
const encrypted = (attempt: Attempt): Attempt[] =>
  attempt.security === 'none' ? [attempt] : [attempt, { ...attempt, security: 'required' }]

function isForwarding({ enabled, number, directCallsOnly }: CallForward, { isDirect }: Path): boolean {
  return enabled && number !== '' && (isDirect || !directCallsOnly)
}

function forwarded(context: PlanContext, forward: CallForward, originator: Originator, path: Path): RingPlan {
  const { number, keepCallerId, requireKeyPress } = forward
  return forwardPlan(context, originator, number, {
    ...path,
    forwardedBy: { originator, keepsCallerId: keepCallerId, reason: 'unconditional' },
    isKeyPressRequired: requireKeyPress || path.isKeyPressRequired,
    isDirect: false,
  })
}

function forwardPlan(
  context: PlanContext,
  originator: Originator,
  text: string,
  path: Path,
  isTransfer = false,
): RingPlan {
  const number = readNumber(text, countryOf(context.directory, originator))
  // A rescue service is called by people, not by forwards.
  if (number.kind === 'emergency' && !isTransfer) return failed(refusal('restricted'))
  return numberPlan(context, originator, number, path)
}

function numberPlan(context: PlanContext, originator: Originator, number: ReadNumber, path: Path): RingPlan {
  const destination = routeNumber(context.directory, originator, number)
  switch (destination.type) {
    case 'refused':
      return failed(destination.outcome)
    case 'outside':
      return outsidePlan(context, originator, destination, path)
    case 'flow':
      return flowPlan(context, destination, path)
  }
}

/** A callflow is entered where nothing else rings and nobody has to press a key; beside others its first module rings. */
function flowPlan(context: PlanContext, { node, callflow }: IntoFlow, path: Path): RingPlan {
  const step = enter(path, `node:${node.id}`)
  if (!step) return failed(loopDetected)
  const instead = path.forwardedBy === null ? failed(unreachable) : firstModule(context, node, step)
  const { forwardedBy } = path
  return path.isKeyPressRequired ? instead : { type: 'enter', node, callflowId: callflow.id, forwardedBy, instead }
}

function firstModule(context: PlanContext, { module, data }: FlowNode, path: Path): Ringing {
  const id = textOf(data.id)
  const plan =
    module === 'user'
      ? userPlan(context, id, path)
      : module === 'device'
        ? devicePlan(context, id, path)
        : failed(unreachable)
  return plan.type === 'ring' ? plan : plan.instead
}

function outsidePlan(context: PlanContext, originator: Originator, outside: Outside, path: Path): RingPlan {
  const { isEmergency, isInside } = outside
  const { directory, host } = context
  const trunks = trunksFor(directory, outside)
  const attemptsOf = (some: readonly Trunk[]) =>
    some.flatMap((trunk) => attemptsBy(context, originator, trunk, outside, path))
  const alive = attemptsOf(trunks.filter(({ id }) => host.isTrunkUp(id)))
  // T15: one that does not answer costs a caller four seconds. It is better than nothing, or than no rescue (T18).
  const isLastHope = isEmergency || alive.length === 0
  const dead = isLastHope ? attemptsOf(trunks.filter(({ id }) => !host.isTrunkUp(id))) : []
  const attempts = [...alive, ...dead]
  const [first] = attempts
  if (!first) return failed(trunks.length === 0 ? refusal('no_route') : congestion)
  const target: RingTarget = {
    callee: first.party,
    attempts,
    billed: isInside ? { userId: null, deviceId: null } : idsOf(originator),
    isForwarded: path.forwardedBy !== null,
    isKeyPressRequired: path.isKeyPressRequired,
    isOutside: !isInside,
    isEmergency,
    language: originator.user?.language ?? directory.account.language,
  }
  return { type: 'ring', targets: [target], failed: [] }
}

/** A trunk that cannot hide a caller who wants that takes no part; one that registers with us may not be there. */
function attemptsBy(
  context: PlanContext,
  originator: Originator,
  trunk: Trunk,
  { number, isEmergency, isInside }: Outside,
  path: Path,
): Attempt[] {
  const { directory, host } = context
  const from = isEmergency
    ? emergencyIdentity(directory, originator, trunk)
    : isInside
      ? callerFor(context, path)
      : outsideFrom(context, originator, trunk, path)
  if (from.isAnonymous && !trunk.options.hasClir && !isInside) return []
  const limits = isInside ? [] : outsideLimits(directory, originator, path.forwardedBy !== null)
  const call: TrunkCall = {
    directory,
    trunk,
    number,
    isEmergency,
    from,
    diversion: showsCaller(context, trunk, path) ? diversionOf(context, path, 'outside') : null,
    limits: [...limits, { key: `trunk:${trunk.id}`, max: trunk.maxCalls }],
  }
  if (trunk.server !== '') return [trunkAttempt(call, null)]
  return host.trunkContacts(trunk.id).map((contact) => trunkAttempt(call, contact))
}

const idsOf = ({ user, device }: Originator): Billed => ({ userId: user?.id ?? null, deviceId: device?.id ?? null })

/** A forwarded caller's own number only where the forwarder wants it and the carrier lets it through (T15). */
function outsideFrom(context: PlanContext, originator: Originator, trunk: Trunk, path: Path): Identity {
  const { caller, wantsPrivacy } = context
  if (showsCaller(context, trunk, path)) return { ...caller, isAnonymous: caller.isAnonymous || wantsPrivacy }
  const isCallers = path.forwardedBy === null
  const own = outsideIdentity(context.directory, originator, trunk, isCallers && wantsPrivacy)
  return isCallers ? shownAs(own, context) : own
}

function showsCaller({ caller, wantsPrivacy }: PlanContext, { options }: Trunk, { forwardedBy }: Path): boolean {
  if (!forwardedBy?.keepsCallerId || options.forwardedCaller !== 'keep_with_diversion') return false
  if ((caller.isAnonymous || wantsPrivacy) && !options.hasClir) return false
  return caller.number.startsWith('+') || caller.isAnonymous
}

/** To a phone: the forwarder, unless the caller's own number is to be kept. */
function callerFor(context: PlanContext, { forwardedBy }: Path): Identity {
  const { directory, caller } = context
  if (!forwardedBy || forwardedBy.keepsCallerId) return shownAs(caller, context)
  return internalIdentity(directory, forwardedBy.originator)
}

const shownAs = (own: Identity, { shown }: PlanContext): Identity =>
  shown ? { ...own, number: shown.number ?? own.number, name: shown.name ?? own.name } : own

function diversionOf(
  { directory, timesDiverted }: PlanContext,
  { forwardedBy }: Path,
  to: 'internal' | 'outside',
): Diversion | null {
  if (!forwardedBy) return null
  const { originator, reason } = forwardedBy
  const own = originator.user?.id ?? originator.device?.id ?? ''
  const outside = directory.numberOf(own, 'outside') ?? directory.account.callerId?.external?.number
  const number = to === 'outside' ? outside : internalIdentity(directory, originator).number
  return number ? { number, reason, times: timesDiverted + 1 } : null
}

function outsideLimits({ account }: Directory, { device }: Originator, isForwarded: boolean): Limit[] {
  const { maxNumberOutgoingCalls, maxNumberFwdCalls } = account.limits
  const limits: Limit[] = [{ key: `out:${account.id}`, max: maxNumberOutgoingCalls }]
  if (isForwarded) limits.push({ key: `fwd:${account.id}`, max: maxNumberFwdCalls })
  if (device) limits.push({ key: `device:${device.id}`, max: device.maxOutsideCalls })
  return limits
}

function enter(path: Path, name: string): Path | null {
  if (path.visited.includes(name) || path.visited.length >= deepest * 2) return null
  return { ...path, visited: [...path.visited, name] }
}

/** All at once. */
function join(plans: readonly RingPlan[]): RingPlan {
  const [only] = plans
  if (only && plans.length === 1) return only
  const ringing = plans.map((plan) => (plan.type === 'ring' ? plan : plan.instead))
  const targets = ringing.flatMap((plan) => plan.targets)
  const outcomes = ringing.flatMap((plan) => plan.failed)
  return { type: 'ring', targets, failed: outcomes.length > 0 || targets.length > 0 ? outcomes : [unreachable] }
}

export const textOf = (value: FlowValue | undefined): string =>
  value === null || value === undefined ? '' : String(value)
