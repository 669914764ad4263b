/**
 * What WWW-Authenticate, Proxy-Authenticate, Authorization, Proxy-Authorization and Authentication-Info carry: a scheme
 * and `name=value` pairs (RFC 3261 §20.7, §20.27; RFC 7616 §3.3-§3.5).
 */
import { endOfQuoted, isSpaceCode, quoteText, skipSpace, skipToken, unquote } from './grammar.ts'

export interface Credentials {
  /** Lower case: `digest`. */
  readonly scheme: string
  /** Names in lower case, values without their quotes. */
  readonly params: ReadonlyMap<string, string>
}

/** A challenge or an answer to one; null when it is neither. */
export function parseCredentials(value: string): Credentials | null {
  const from = skipSpace(value, 0)
  const end = skipToken(value, from)
  if (end === from || !isSpaceCode(value.charCodeAt(end))) return null
  const params = parsePairs(value, end)
  return params && { scheme: value.slice(from, end).toLowerCase(), params }
}

/** Comma separated; a name that comes twice is a trick (one reads the first, another the last), and refused. */
function parsePairs(text: string, at: number): Map<string, string> | null {
  const pairs = new Map<string, string>()
  for (;;) {
    at = skipSpace(text, at)
    if (at >= text.length) return pairs
    const end = skipToken(text, at)
    const equals = skipSpace(text, end)
    if (end === at || text.charCodeAt(equals) !== 0x3d) return null
    const name = text.slice(at, end).toLowerCase()
    const from = skipSpace(text, equals + 1)
    const isQuoted = text.charCodeAt(from) === 0x22
    const to = isQuoted ? endOfQuoted(text, from) : endOfPlain(text, from)
    if (to === -1 || pairs.has(name)) return null
    pairs.set(name, isQuoted ? unquote(text.slice(from, to)) : text.slice(from, to))
    at = skipSpace(text, to)
    if (at < text.length && text.charCodeAt(at) !== 0x2c) return null
    at += 1
  }
}

function endOfPlain(text: string, at: number): number {
  while (at < text.length && text.charCodeAt(at) !== 0x2c && !isSpaceCode(text.charCodeAt(at))) at += 1
  return at
}

/** RFC 7616 §3.4: these values stand without quotes, all others in them. `qop` is quoted in a challenge, plain in an answer. */
const plain: ReadonlySet<string> = new Set(['algorithm', 'stale', 'nc', 'userhash'])

export function formatCredentials(
  parameters: readonly (readonly [name: string, value: string])[],
  qopIsPlain: boolean,
): string {
  const pairs = parameters.map(([name, value]) => {
    const isPlain = plain.has(name) || (name === 'qop' && qopIsPlain)
    return `${name}=${isPlain ? value : quoteText(value)}`
  })
  return `Digest ${pairs.join(', ')}`
}
