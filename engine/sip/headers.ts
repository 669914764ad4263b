/**
 * Values of header fields that say more than a word: Contact with its registration parameters, Reason (RFC 3326),
 * Replaces (RFC 3891), Refer-To (RFC 3515), Diversion (RFC 5806), Session-Expires (RFC 4028), RAck (RFC 3262), Event and
 * Subscription-State (RFC 6665), Privacy (RFC 3323), Retry-After. Null: it is not that.
 */
import { type NameAddr, parseNameAddr } from './address.ts'
import { isToken, parameter, parseNumber, parseParameters, quoteText, skipToken } from './grammar.ts'
import type { SipMessage } from './message.ts'
import { formatUri, parseUri, uriHeaders } from './uri.ts'

const largest = 2 ** 32 - 1

/** Expires, Min-Expires, Max-Forwards, RSeq, Min-SE …: a number, null when it is missing or none. */
export function numberHeader(message: SipMessage, name: string, most = largest): number | null {
  const value = message.header(name)
  return value === undefined ? null : parseNumber(value, most)
}

/** Whether a list of tokens (Supported, Require, Allow, Allow-Events …) has that one. */
export function hasToken(message: SipMessage, name: string, token: string): boolean {
  return message.headers(name).some((one) => one.toLowerCase() === token.toLowerCase())
}

/** §8.2.2.3: what a request requires of us and `known` does not have; goes into Unsupported of the 420. */
export const unknownExtensions = (message: SipMessage, known: ReadonlySet<string>): string[] =>
  message.headers('require').filter((option) => !known.has(option.toLowerCase()))

/** All addresses of P-Asserted-Identity, Diversion, Route …; null when one of them is none. */
export function nameAddresses(message: SipMessage, name: string): NameAddr[] | null {
  const addresses: NameAddr[] = []
  for (const value of message.headers(name)) {
    const address = parseNameAddr(value)
    if (address === null) return null
    addresses.push(address)
  }
  return addresses
}

export interface Contact {
  readonly address: NameAddr
  /** Null: not said, or (RFC 4475 §3.1.2.4) no number that fits. */
  readonly expires: number | null
  /** 0 to 1. */
  readonly q: number
  /** RFC 5626: `+sip.instance` without its angle brackets; empty when there is none. */
  readonly instance: string
  readonly regId: number | null
}

/** `*` stands for itself (§10.2.2) and only alone. */
export function parseContacts(message: SipMessage): readonly Contact[] | '*' | null {
  const values = message.headers('contact')
  if (values.length === 1 && values[0] === '*') return '*'
  const contacts: Contact[] = []
  for (const value of values) {
    const contact = parseContact(value)
    if (contact === null) return null
    contacts.push(contact)
  }
  return contacts
}

function parseContact(value: string): Contact | null {
  const address = parseNameAddr(value)
  if (address === null) return null
  const params = parseParameters(address.params)
  if (params === null) return null
  const q = params.get('q')
  if (q !== undefined && !/^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(q)) return null
  return {
    address,
    expires: parseNumber(params.get('expires') ?? '', largest),
    q: q === undefined ? 1 : Number(q),
    instance: (params.get('+sip.instance') ?? '').replace(/^<|>$/g, ''),
    regId: parseNumber(params.get('reg-id') ?? '', 2 ** 31 - 1),
  }
}

export interface Reason {
  readonly protocol: string
  readonly cause: number | null
  readonly text: string
}

/** All of them; what is not one is left out, because a reason only tells. */
export function parseReasons(message: SipMessage): Reason[] {
  const reasons: Reason[] = []
  for (const value of message.headers('reason')) {
    const end = skipToken(value, 0)
    const params = parseParameters(value.slice(end))
    if (end === 0 || params === null) continue
    const cause = parseNumber(params.get('cause') ?? '', 999)
    reasons.push({ protocol: value.slice(0, end), cause, text: params.get('text') ?? '' })
  }
  return reasons
}

export function formatReason({ protocol, cause, text }: { protocol: string; cause: number; text: string }): string {
  return `${protocol};cause=${cause}${text === '' ? '' : `;text=${quoteText(text)}`}`
}

export interface Replaces {
  readonly callId: string
  readonly toTag: string
  readonly fromTag: string
  readonly isEarlyOnly: boolean
}

export function parseReplaces(value: string): Replaces | null {
  const semicolon = value.indexOf(';')
  const params = semicolon === -1 ? null : parseParameters(value.slice(semicolon))
  const callId = value.slice(0, Math.max(semicolon, 0)).trim()
  const [toTag, fromTag] = [params?.get('to-tag'), params?.get('from-tag')]
  if (params === null || callId === '' || toTag === undefined || fromTag === undefined) return null
  return { callId, toTag, fromTag, isEarlyOnly: params.has('early-only') }
}

export function formatReplaces({ callId, toTag, fromTag, isEarlyOnly }: Replaces): string {
  return `${callId};to-tag=${toTag};from-tag=${fromTag}${isEarlyOnly ? ';early-only' : ''}`
}

export interface ReferTo {
  /** Without its headers. */
  readonly uri: string
  readonly replaces: Replaces | null
  /** Only INVITE is referred to; another `method` says so here. */
  readonly method: string
}

/** RFC 3515 §2.1: exactly one. A Replaces in it that is none makes the whole thing none. */
export function parseReferTo(message: SipMessage): ReferTo | null {
  const values = message.headers('refer-to')
  const address = values.length === 1 ? parseNameAddr(values[0] ?? '') : null
  const uri = address && parseUri(address.uri)
  if (!uri) return null
  const value = uriHeaders(uri).get('replaces')
  const replaces = value === undefined ? null : parseReplaces(value)
  if (value !== undefined && replaces === null) return null
  const method = (parameter(uri.params, 'method') ?? 'INVITE').toUpperCase()
  return { uri: formatUri({ ...uri, headers: '' }), replaces, method }
}

export interface SessionExpires {
  readonly seconds: number
  readonly refresher: 'uac' | 'uas' | null
}

export function parseSessionExpires(value: string): SessionExpires | null {
  const semicolon = value.indexOf(';')
  const seconds = parseNumber((semicolon === -1 ? value : value.slice(0, semicolon)).trim(), largest)
  if (seconds === null) return null
  const refresher = semicolon === -1 ? '' : parameter(value.slice(semicolon), 'refresher')?.toLowerCase()
  return { seconds, refresher: refresher === 'uac' || refresher === 'uas' ? refresher : null }
}

/** RFC 3262 §7.2: the RSeq, CSeq and method of the response that a PRACK acknowledges. */
export function parseRack(value: string): { rseq: number; cseq: number; method: string } | null {
  const [rseqText = '', cseqText = '', method = '', ...more] = value.split(/\s+/)
  const [rseq, cseq] = [parseNumber(rseqText, largest), parseNumber(cseqText, 2 ** 31 - 1)]
  if (rseq === null || cseq === null || !isToken(method) || more.length > 0) return null
  return { rseq, cseq, method }
}

/** A word with parameters: Event, Subscription-State, Content-Type, Content-Disposition. The word in lower case. */
export function parseWord(value: string): { word: string; params: ReadonlyMap<string, string> } | null {
  const semicolon = value.indexOf(';')
  const word = (semicolon === -1 ? value : value.slice(0, semicolon)).trim().toLowerCase()
  const params = semicolon === -1 ? new Map<string, string>() : parseParameters(value.slice(semicolon))
  return word === '' || /[\s"]/.test(word) || params === null ? null : { word, params }
}

/** `application/sdp` of a Content-Type; empty when there is none. */
export const contentType = (message: SipMessage): string => parseWord(message.header('content-type') ?? '')?.word ?? ''

/** Seconds; comments and parameters are left aside (§20.33). */
export function retryAfter(message: SipMessage): number | null {
  const value = message.header('retry-after')
  return value === undefined ? null : parseNumber(/^\d{1,9}/.exec(value)?.[0] ?? '', largest)
}

/** RFC 3323 §4.2: `id`, `user`, `header`, `session`, `none`, `critical`. */
export function privacyOf(message: SipMessage): ReadonlySet<string> {
  const words = message.headers('privacy').flatMap((value) => value.split(';'))
  return new Set(words.map((word) => word.trim().toLowerCase()).filter((word) => word !== ''))
}

/** The status that a message/sipfrag begins with (RFC 3420, RFC 3515 §2.4.5). */
export function sipfragStatus(text: string): number | null {
  const status = /^SIP\/2\.0 ([1-6]\d\d)(?: |\r?$|\r?\n)/.exec(text)?.[1]
  return status === undefined ? null : Number(status)
}
