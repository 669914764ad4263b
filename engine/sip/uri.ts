/** SIP, SIPS and tel URIs (RFC 3261 §19.1, RFC 3966): read, written, compared. Other schemes stay opaque. */
import { parameter, parseParameters } from './grammar.ts'
import { formatHost, parseHostPort } from './via.ts'

export interface Uri {
  /** Lower case. */
  readonly scheme: string
  /** Unescaped; for `tel` the number, for other schemes all that follows the colon. Empty when there is none. */
  readonly user: string
  readonly password: string
  /** Without brackets, lower case; empty for `tel` and other schemes. */
  readonly host: string
  readonly port: number | null
  /** As they stand there, beginning with the semicolon; `uriParameter()` reads them. */
  readonly params: string
  /** What follows the question mark, as it stands there. */
  readonly headers: string
}

/** Null when a SIP, SIPS or tel URI is not well formed, or the text is no URI at all. */
export function parseUri(text: string): Uri | null {
  const colon = text.indexOf(':')
  if (colon <= 0) return null
  const scheme = text.slice(0, colon).toLowerCase()
  if (scheme === 'sip' || scheme === 'sips') return parseSip(scheme, text.slice(colon + 1))
  if (/[\s<>"]/.test(text) || !/^[a-z][a-z0-9+.-]*$/.test(scheme)) return null
  const rest = text.slice(colon + 1)
  const none = { password: '', host: '', port: null, headers: '' }
  if (scheme !== 'tel') return { scheme, user: rest, params: '', ...none }
  const semicolon = rest.indexOf(';')
  const number = semicolon === -1 ? rest : rest.slice(0, semicolon)
  // RFC 3966 §3: digits and visual separators; letters are seen and do no harm (T17).
  if (!/^\+?[\w\-.()*#%]+$/.test(number)) return null
  return { scheme, user: unescapeText(number), params: semicolon === -1 ? '' : rest.slice(semicolon), ...none }
}

function parseSip(scheme: string, rest: string): Uri | null {
  // What is in no URI: space and control characters, quotes, angle brackets.
  if (/[\s\p{Cc}<>"]/u.test(rest)) return null
  const at = endOfUserinfo(rest)
  const userinfo = at === -1 ? '' : rest.slice(0, at)
  if (at === 0 || userinfo.startsWith(':')) return null
  let address = rest.slice(at + 1)
  const question = address.indexOf('?')
  const headers = question === -1 ? '' : address.slice(question + 1)
  if (question !== -1) address = address.slice(0, question)
  const semicolon = address.indexOf(';')
  const params = semicolon === -1 ? '' : address.slice(semicolon)
  if (semicolon !== -1) address = address.slice(0, semicolon)
  const host = parseHostPort(address)
  if (host === null) return null
  const colon = userinfo.indexOf(':')
  return {
    scheme,
    user: unescapeText(colon === -1 ? userinfo : userinfo.slice(0, colon)),
    password: colon === -1 ? '' : unescapeText(userinfo.slice(colon + 1)),
    ...host,
    params,
    headers,
  }
}

/**
 * The user may contain `;`, `?` and `/` (§25.1, `user-unreserved`), so the first `@` ends it. After that none may follow
 * before the headers, where it is escaped.
 */
const endOfUserinfo = (rest: string): number => rest.indexOf('@')

/** `%XX` to what it stands for, once, never again (RFC 3986 §2.4); what is no escape stays. */
function unescapeText(text: string): string {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return text.replace(/%[0-9A-Fa-f]{2}/g, (escaped) => String.fromCharCode(Number.parseInt(escaped.slice(1), 16)))
  }
}

/** `user-unreserved` beside letters and digits. */
const userText = /^[\w\-.!~*'()&=+$,;?/]*$/
const escapeUser = (text: string): string =>
  userText.test(text) ? text : text.replace(/[^\w\-.!~*'()&=+$,;?/]+/gu, encodeURIComponent)

export type UriParts = Pick<Uri, 'host'> & Partial<Uri>

export function formatUri(uri: UriParts): string {
  const { scheme = 'sip', user = '', password = '', host, port = null, params = '', headers = '' } = uri
  if (host === '') return `${scheme}:${scheme === 'tel' ? escapeUser(user) : user}${params}`
  const userinfo = user === '' ? '' : `${escapeUser(user)}${password === '' ? '' : `:${escapeUser(password)}`}@`
  const tail = `${port === null ? '' : `:${port}`}${params}${headers === '' ? '' : `?${headers}`}`
  return `${scheme}:${userinfo}${formatHost(host)}${tail}`
}

/** The value of a URI parameter, unescaped; '' when it has none, undefined when it is not there. */
export function uriParameter(uri: Uri, name: string): string | undefined {
  const value = parameter(uri.params, name)
  return value === undefined ? undefined : unescapeText(value)
}

/** A name for the same thing however it is written: `user@host`, or the number of a `tel`. Without port and parameters (§10.3). */
export const addressOfRecord = (uri: Uri): string => (uri.host === '' ? uri.user : `${uri.user}@${uri.host}`)

/** Parameters that make URIs different even when only one has them (§19.1.4). */
const telling = ['user', 'ttl', 'method', 'maddr', 'transport']

/** §19.1.4. */
export function isSameUri(a: Uri, b: Uri): boolean {
  if (a.scheme !== b.scheme || a.user !== b.user || a.password !== b.password) return false
  if (a.host !== b.host || a.port !== b.port) return false
  if (a.params !== b.params && !isSameParameters(a.params, b.params)) return false
  return a.headers === b.headers || sortedHeaders(a.headers) === sortedHeaders(b.headers)
}

/** "A URI parameter that is in both must match; one that is only in one is ignored", but for the telling ones. */
function isSameParameters(a: string, b: string): boolean {
  const [left, right] = [parseParameters(a), parseParameters(b)]
  if (left === null || right === null) return false
  const value = (text: string) => unescapeText(text).toLowerCase()
  for (const [name, one] of left) {
    const other = right.get(name)
    if (other === undefined ? telling.includes(name) : value(one) !== value(other)) return false
  }
  return telling.every((name) => left.has(name) === right.has(name))
}

const sortedHeaders = (headers: string): string => unescapeText(headers).toLowerCase().split('&').sort().join('&')

/** The headers of a URI as Refer-To and Replaces use them: names in lower case, values unescaped. */
export function uriHeaders(uri: Uri): Map<string, string> {
  const headers = new Map<string, string>()
  for (const pair of uri.headers === '' ? [] : uri.headers.split('&')) {
    const equals = pair.indexOf('=')
    const name = unescapeText(equals === -1 ? pair : pair.slice(0, equals)).toLowerCase()
    if (name !== '') headers.set(name, equals === -1 ? '' : unescapeText(pair.slice(equals + 1)))
  }
  return headers
}
