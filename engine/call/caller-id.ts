/**
 * Who a caller is shown to be: to phones of the account, to a carrier, and in an emergency. The most special level that
 * says something wins: device, user, account. What a device itself claims in its headers never counts (T19).
 */
import type { CallerId, Device, Directory, NameAndNumber, Trunk, User } from './directory.ts'
import type { Identity, IncomingInvite } from './leg.ts'
import { isAnonymousUser, numberOfUri, readTrunkNumber } from './numbers.ts'
import type { Party } from './party.ts'

/** Whose rights and whose caller id a call is made with; without a device and a user they are the account's. */
export interface Originator {
  readonly device: Device | null
  readonly user: User | null
}
export const asAccount: Originator = { device: null, user: null }

export function originatorOf(
  directory: Directory,
  ids: { deviceId: string | null; userId: string | null },
): Originator {
  const device = ids.deviceId === null ? null : (directory.devices.get(ids.deviceId) ?? null)
  const owner = device ? (directory.ownerOf(device) ?? null) : null
  return { device, user: owner ?? (ids.userId === null ? null : (directory.users.get(ids.userId) ?? null)) }
}

export function countryOf(directory: Directory, { device, user }: Originator): string {
  return device?.country ?? user?.country ?? directory.account.country
}

/** To phones of the same account. */
export function internalIdentity(directory: Directory, originator: Originator): Identity {
  const { device, user } = originator
  const said = pick(directory, originator, (one) => one.internal)
  const number =
    said.number ??
    (user && directory.numberOf(user.id, 'internal')) ??
    (device && directory.numberOf(device.id, 'internal')) ??
    device?.username ??
    ''
  return { number, name: said.name ?? nameOf(user) ?? device?.name ?? null, isAnonymous: false }
}

export const partyOf = (directory: Directory, originator: Originator): Party => ({
  identity: internalIdentity(directory, originator),
  userId: originator.user?.id ?? null,
  deviceId: originator.device?.id ?? null,
  trunkId: null,
})

/** To a carrier. An anonymous caller's own number is kept in it: whether it may be sent is the trunk's matter (T19). */
export function outsideIdentity(
  directory: Directory,
  originator: Originator,
  trunk: Trunk,
  wantsPrivacy: boolean,
): Identity {
  const shown = within(originator, trunk)
  const levels = levelsOf(directory, shown).map((one) => one?.external ?? null)
  const said = first(levels)
  const isAnonymous = wantsPrivacy || (levels.find((one) => one !== null)?.anonymous ?? false)
  const number = said.number ?? ownPhoneNumber(directory, shown) ?? trunk.username ?? ''
  return { number, name: said.name, isAnonymous }
}

/** T18: the number by which a rescue service finds the caller; never hidden. */
export function emergencyIdentity(directory: Directory, originator: Originator, trunk: Trunk): Identity {
  const emergency = pick(directory, originator, (one) => one.emergency)
  const outside = pick(directory, originator, (one) => one.external)
  const number = emergency.number ?? outside.number ?? ownPhoneNumber(directory, originator) ?? trunk.username ?? ''
  return { number, name: emergency.name ?? outside.name, isAnonymous: false }
}

/**
 * Of a call that comes in by a trunk. With two asserted identities the first that holds a number counts; a caller who
 * wants to be anonymous is, whatever else the carrier tells us.
 */
export function callerOfTrunk(invite: IncomingInvite, trunk: Trunk, country: string): Identity {
  const asserted = invite.asserted.map(numberOfUri).find((number) => number !== '' && !isAnonymousUser(number))
  const from = numberOfUri(invite.fromUri)
  const isHidden = /\b(id|user|header)\b/i.test(invite.privacy ?? '')
  const sent = asserted ?? from
  if (isHidden || isAnonymousUser(asserted === undefined ? from : sent)) {
    return { number: 'anonymous', name: null, isAnonymous: true }
  }
  const number = readTrunkNumber(sent, trunk.options.numberFormIn, trunk.country ?? country)
  return { number: number.e164 ?? number.text, name: invite.fromName, isAnonymous: false }
}

/** How a ringing phone shows a caller: with the name of a directory, where the caller's own says nothing better. */
export function shownTo(directory: Directory, caller: Identity, calleeUserId: string | null): Identity {
  if (caller.isAnonymous) return { number: 'anonymous', name: null, isAnonymous: true }
  const name = directory.contactName(caller.number, calleeUserId)
  return name === null ? caller : { ...caller, name }
}

function nameOf(user: User | null): string | null {
  const name = user ? `${user.firstName} ${user.lastName}`.trim() : ''
  return name === '' ? null : name
}

const levelsOf = (directory: Directory, { device, user }: Originator): (CallerId | null)[] => [
  device?.callerId ?? null,
  user?.callerId ?? null,
  directory.account.callerId,
]

/** Without the levels that the trunk does not show. */
function within({ device, user }: Originator, trunk: Trunk): Originator {
  if (trunk.callerIdUsed === 'account') return asAccount
  return trunk.callerIdUsed === 'user' ? { device: null, user } : { device, user }
}

function pick(
  directory: Directory,
  originator: Originator,
  which: (callerId: CallerId) => NameAndNumber | null,
): NameAndNumber {
  return first(levelsOf(directory, originator).map((one) => (one ? which(one) : null)))
}

/** Name and number each from the most special level that has one. */
function first(levels: readonly (NameAndNumber | null)[]): NameAndNumber {
  const name = levels.find((one) => hasText(one?.name))?.name ?? null
  const number = levels.find((one) => hasText(one?.number))?.number ?? null
  return { name, number }
}

const hasText = (text: string | null | undefined): boolean => text !== null && text !== undefined && text !== ''

function ownPhoneNumber(directory: Directory, { device, user }: Originator): string | null {
  return (
    (user && directory.numberOf(user.id, 'outside')) ?? (device && directory.numberOf(device.id, 'outside')) ?? null
  )
}
