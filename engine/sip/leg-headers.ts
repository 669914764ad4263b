/**
 * Header fields that every leg writes: what we can do, where we are reached, and who calls (RFC 3325, RFC 3323). Read
 * the other way round: what an incoming INVITE says of its caller.
 */
import type { Identity, IncomingInvite, Source } from '../call/leg.ts'
import { formatNameAddr, parseNameAddr } from './address.ts'
import { sdpOf } from './body.ts'
import type { HeaderLine } from './format.ts'
import { parameter } from './grammar.ts'
import { nameAddresses, numberHeader, parseReplaces } from './headers.ts'
import type { Hop, LocalAddress } from './hop.ts'
import type { SipMessage } from './message.ts'
import { meantUri } from './route-set.ts'
import { formatUri, parseUri } from './uri.ts'

/** Methods of a leg; MESSAGE, SUBSCRIBE and the like are refused in one. */
const legMethods = 'INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO, REFER'
export const allow: HeaderLine = ['Allow', legMethods]
export const supportedUnreliable: HeaderLine = ['Supported', 'timer, replaces, norefersub']
export const supported: HeaderLine = ['Supported', '100rel, timer, replaces, norefersub']
export const sdpType: HeaderLine = ['Content-Type', 'application/sdp']

/** Our Contact in dialogs with whoever is at the other end of that hop (T10). */
export function formatContact(hop: Hop, local: LocalAddress): HeaderLine {
  const { transport } = hop
  const params = transport === 'udp' ? '' : `;transport=${transport === 'wss' ? 'ws' : transport}`
  return ['Contact', `<${formatUri({ scheme: 'sip', user: 'carillon', ...local, params })}>`]
}

const addressOf = ({ number, name }: Identity, domain: string): string =>
  formatNameAddr({ displayName: name ?? '', uri: formatUri({ scheme: 'sip', user: number, host: domain }) })

/** The From of a call; RFC 3323 §4.1.1.3 for whoever does not want to be named. */
export function formatFrom(identity: Identity, user: string, domain: string): string {
  if (identity.isAnonymous) return '"Anonymous" <sip:anonymous@anonymous.invalid>'
  return addressOf({ ...identity, number: user }, domain)
}

/** P-Asserted-Identity, of an anonymous caller only to whom we trust, with the wish not to pass it on (T19). */
export function formatAsserted(identity: Identity, domain: string, isTrusted: boolean): HeaderLine[] {
  const asserted: HeaderLine = ['P-Asserted-Identity', addressOf(identity, domain)]
  if (!identity.isAnonymous) return [asserted]
  return isTrusted ? [asserted, ['Privacy', 'id']] : [['Privacy', 'id']]
}

/** Whom a peer asserts itself to be, in a response or in an UPDATE; null when it says nothing. */
export function assertedIdentity(message: SipMessage): Identity | null {
  const [first] = nameAddresses(message, 'p-asserted-identity') ?? []
  const uri = first && parseUri(first.uri)
  if (!first || !uri) return null
  const isAnonymous = message.headers('privacy').some((value) => /\b(?:id|user|full)\b/i.test(value))
  return { number: uri.user, name: first.displayName === '' ? null : first.displayName, isAnonymous }
}

export function readInvite(invite: SipMessage, source: Source): IncomingInvite {
  const replaces = invite.header('replaces')
  const asserted = invite.headers('p-asserted-identity')
  const remoteParty = asserted.length > 0 ? [] : callingParties(invite)
  const called = invite.header('p-called-party-id')
  return {
    requestUri: meantUri(invite),
    toUri: invite.to.uri,
    fromUri: invite.from.uri,
    fromName: invite.from.displayName === '' ? null : invite.from.displayName,
    asserted: asserted.length > 0 ? asserted : remoteParty.map(({ value }) => value),
    privacy: invite.header('privacy') ?? (asserted.length === 0 && remoteParty.some(isPrivate) ? 'id' : null),
    diversion: invite.headers('diversion'),
    calledPartyId: called === undefined ? null : (parseNameAddr(called)?.uri ?? called),
    replaces: replaces === undefined ? null : parseReplaces(replaces),
    sdp: sdpOf(invite),
    callId: invite.callId,
    userAgent: invite.header('user-agent') ?? null,
    alertInfo: invite.header('alert-info') ?? null,
    source,
    maxForwards: numberHeader(invite, 'max-forwards', 255) ?? 70,
  }
}

/** Remote-Party-ID, from before RFC 3325: who calls, as carriers of that age say it. */
function callingParties(invite: SipMessage): { value: string; params: string }[] {
  const parties: { value: string; params: string }[] = []
  for (const line of invite.headers('remote-party-id')) {
    const address = parseNameAddr(line)
    if (address === null || (parameter(address.params, 'party') ?? 'calling').toLowerCase() !== 'calling') continue
    parties.push({ value: formatNameAddr({ ...address, params: '' }), params: address.params })
  }
  return parties
}

const isPrivate = ({ params }: { params: string }): boolean =>
  !['', 'off', 'no'].includes((parameter(params, 'privacy') ?? '').toLowerCase())
