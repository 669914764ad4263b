/**
 * Where a call goes. A device dials an internal number, a feature code, an emergency number or the outside; a trunk
 * brings a call for a phone number, which leads to its account and its callflow (T14). Pure: a question to the
 * directory, answered at once. Dialling is trunk-dial.ts, ringing is targets.ts.
 *
 * Order for what a device dials: emergency before anything else (T18), then what the account itself answers, then what
 * the caller may not dial (T31), then the trunks.
 */
import { callerOfTrunk, countryOf, type Originator, originatorOf, partyOf } from './caller-id.ts'
import type { Callflow, Directories, Directory, FlowNode, Restriction, Trunk } from './directory.ts'
import type { IncomingInvite } from './leg.ts'
import { type NumberClass, numberOfUri, type ReadNumber, readNumber, readTrunkNumber } from './numbers.ts'
import { type Outcome, refusal } from './outcome.ts'
import type { Party } from './party.ts'
import type { CallDirection } from './records.ts'

export type Destination = IntoFlow | Outside | { readonly type: 'refused'; readonly outcome: Outcome }

export interface IntoFlow {
  readonly type: 'flow'
  readonly callflow: Callflow
  readonly node: FlowNode
}

/** By a trunk. `isInside`: an internal number of an exchange on site. */
export interface Outside {
  readonly type: 'outside'
  readonly number: ReadNumber
  readonly isEmergency: boolean
  readonly isInside: boolean
}

export interface RoutedCall {
  readonly directory: Directory
  readonly direction: CallDirection
  readonly caller: Party
  /** With whose rights the destination was found, and whose caller id goes out. */
  readonly originator: Originator
  readonly called: ReadNumber
  readonly destination: Destination
  /** The disaster number of a phone number: a forward of the account's. */
  readonly isBypassed: boolean
  /** The caller asked to be anonymous outside. */
  readonly wantsPrivacy: boolean
}

/** Null: there is no such account, device or trunk any more. */
export function routeIncoming(directories: Directories, invite: IncomingInvite): RoutedCall | null {
  const { source } = invite
  const directory = directories.account(source.accountId)
  if (!directory) return null
  return source.kind === 'device'
    ? routeFromDevice(directory, source.deviceId, invite)
    : routeFromTrunk(directories, directory, source.trunkId, invite)
}

function routeFromDevice(directory: Directory, deviceId: string, invite: IncomingInvite): RoutedCall | null {
  const originator = originatorOf(directory, { deviceId, userId: null })
  if (!originator.device) return null
  const called = readNumber(numberOfUri(invite.requestUri), countryOf(directory, originator))
  const destination = routeNumber(directory, originator, called)
  return {
    directory,
    direction: destination.type === 'flow' || isInside(destination) ? 'internal' : 'outgoing',
    caller: partyOf(directory, originator),
    originator,
    called,
    destination,
    isBypassed: false,
    wantsPrivacy: /\bid\b/i.test(invite.privacy ?? ''),
  }
}

/** What a person of the account dials, forwards or transfers to. */
export function routeNumber(directory: Directory, originator: Originator, called: ReadNumber): Destination {
  if (called.kind === 'emergency') return outside(called, true)
  if (!directory.account.enabled) return refuse('suspended')
  if (originator.device?.enabled === false || originator.user?.enabled === false) return refuse('suspended')
  const callflow =
    directory.callflowOfFeatureCode(called.text) ??
    directory.callflowOf(called.text) ??
    (called.e164 === null ? undefined : directory.callflowOf(called.e164))
  if (callflow) return toCallflow(callflow)
  const own = called.e164 === null ? undefined : directory.phoneNumbers.get(called.e164)
  if (own?.bypassEnabled && own.bypassNumber !== null) return routeBypass(directory, own.bypassNumber)
  if (called.e164 === null && exchangesFor(directory, called).length > 0) {
    return { type: 'outside', number: called, isEmergency: false, isInside: true }
  }
  if (own || called.kind === 'text') return refuse('unknown_number')
  if (!isAllowed(called.kind, restrictionOf(directory, originator))) return refuse('restricted')
  return outside(called)
}

/** The strictest of all levels: a device cannot be given more than its account has. A new account: T31. */
function restrictionOf({ account }: Directory, { device, user }: Originator): Restriction {
  return strictest([account.restriction ?? 'international', user?.restriction ?? null, device?.restriction ?? null])
}

/** Which trunks a number may leave by, in their order (T16). Emergency calls are barred by nothing. */
export function trunksFor(directory: Directory, { number, isEmergency, isInside: isToExchange }: Outside): Trunk[] {
  if (isToExchange) return exchangesFor(directory, number)
  return directory.trunks.filter(
    (trunk) =>
      trunk.enabled &&
      trunk.callsDirection !== 'incoming' &&
      (isEmergency || isAllowed(number.kind, trunk.restriction ?? 'none')),
  )
}

/** Exchanges on site, for internal numbers that no callflow has. */
function exchangesFor(directory: Directory, { text }: ReadNumber): Trunk[] {
  if (!/^[0-9*#]{1,20}$/.test(text)) return []
  return directory.trunks.filter(
    ({ category, enabled, callsDirection, internalCalls }) =>
      category === 'pbx_connector' && enabled && internalCalls && callsDirection !== 'incoming',
  )
}

/** The number that a carrier calls us by, where this trunk says to look (T14). */
export function calledNumberOf(invite: IncomingInvite, trunk: Trunk, country: string): ReadNumber {
  const { didSource, stripNumbers, prependNumbers, numberFormIn } = trunk.options
  const sent = {
    request_uri: invite.requestUri,
    to: invite.toUri,
    p_called_party_id: invite.calledPartyId ?? invite.requestUri,
  }[didSource]
  const text = `${prependNumbers}${numberOfUri(sent).slice(stripNumbers)}`
  const called = readTrunkNumber(text, numberFormIn, trunk.country ?? country)
  // Whatever form the carrier has: the history and the phones see one.
  return { ...called, text: called.e164 ?? called.text }
}

function routeFromTrunk(
  directories: Directories,
  ofTrunk: Directory,
  trunkId: string,
  invite: IncomingInvite,
): RoutedCall | null {
  const trunk = ofTrunk.trunk(trunkId)
  if (!trunk) return null
  const called = calledNumberOf(invite, trunk, ofTrunk.account.country)
  const directory = (called.e164 === null ? undefined : directories.ofPhoneNumber(called.e164)) ?? ofTrunk
  const identity = callerOfTrunk(invite, trunk, ofTrunk.account.country)
  const { destination, isBypassed } = destinationFromTrunk(directory, trunk, called)
  return {
    directory,
    direction: directionFromTrunk(trunk, called, destination),
    caller: { identity, userId: null, deviceId: null, trunkId },
    originator: { device: null, user: null },
    called,
    destination,
    isBypassed,
    wantsPrivacy: identity.isAnonymous,
  }
}

function destinationFromTrunk(
  directory: Directory,
  trunk: Trunk,
  called: ReadNumber,
): { destination: Destination; isBypassed: boolean } {
  const found = (destination: Destination, isBypassed = false) => ({ destination, isBypassed })
  // People behind an exchange on site have no other way to a rescue service; carriers do not send such calls.
  if (called.kind === 'emergency' && trunk.category === 'pbx_connector') {
    return found(outside(called, true))
  }
  if (!trunk.enabled || trunk.callsDirection === 'outgoing') return found(refuse('trunk_not_for_this'))
  if (!directory.account.enabled) return found(refuse('suspended'))
  const own = called.e164 === null ? undefined : directory.phoneNumbers.get(called.e164)
  if (own?.bypassEnabled && own.bypassNumber !== null) return found(routeBypass(directory, own.bypassNumber), true)
  const callflow = own ? directory.callflowOf(own.number) : undefined
  if (callflow) return found(toCallflow(callflow))
  const internal = trunk.internalCalls && !own ? directory.callflowOf(called.text) : undefined
  return found(internal ? toCallflow(internal) : refuse('unknown_number'))
}

/** With the account's own rights; a bypass to a number that is bypassed itself ends there. */
function routeBypass(directory: Directory, number: string): Destination {
  const called = readNumber(number, directory.account.country)
  const callflow = directory.callflowOf(called.text) ?? directory.callflowOf(called.e164 ?? '')
  if (callflow) return toCallflow(callflow)
  if (called.kind === 'text' || called.kind === 'emergency') return refuse('unknown_number')
  if (!isAllowed(called.kind, directory.account.restriction ?? 'international')) return refuse('restricted')
  return outside(called)
}

function directionFromTrunk(trunk: Trunk, { e164 }: ReadNumber, destination: Destination): CallDirection {
  if (destination.type === 'outside' && destination.isEmergency) return 'outgoing'
  return trunk.category === 'pbx_connector' && trunk.internalCalls && e164 === null ? 'internal' : 'incoming'
}

const isInside = (destination: Destination): boolean => destination.type === 'outside' && destination.isInside

const outside = (number: ReadNumber, isEmergency = false): Outside => ({
  type: 'outside',
  number,
  isEmergency,
  isInside: false,
})

function toCallflow(callflow: Callflow): Destination {
  return callflow.flow ? { type: 'flow', callflow, node: callflow.flow } : refuse('unknown_number')
}

const refuse = (reason: Parameters<typeof refusal>[0]): Destination => ({ type: 'refused', outcome: refusal(reason) })

const strictness: readonly Restriction[] = ['none', 'premium', 'international', 'mobile', 'outside']

function strictest(levels: readonly (Restriction | null)[]): Restriction {
  const degrees = levels.map((level) => (level === null ? 0 : strictness.indexOf(level)))
  return strictness[Math.max(...degrees)] ?? 'outside'
}

function isAllowed(kind: NumberClass, restriction: Restriction): boolean {
  const barredFrom: Record<NumberClass, Restriction> = {
    emergency: 'outside',
    premium: 'premium',
    international: 'international',
    mobile: 'mobile',
    national: 'outside',
    toll_free: 'outside',
    short: 'outside',
    text: 'outside',
  }
  return kind === 'emergency' || strictness.indexOf(restriction) < strictness.indexOf(barredFrom[kind])
}
