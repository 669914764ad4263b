/**
 * The head of a message: start line and header fields (RFC 3261 §7.1-§7.3), as text. Folded lines are made one, names get
 * one spelling, and nothing else is read, but how long the body is, which a stream has to know first.
 */
import { isSpaceCode, isToken, parseNumber, skipSpace, skipToken } from './grammar.ts'
import { canonicalNameAt } from './header-names.ts'
import { decodeText } from './text.ts'

/** Bytes of the head and of the body, and header fields. What is beyond that is an attack or an accident. */
export const limits = { head: 16_384, body: 65_535, fields: 256 } as const

interface StartLine {
  readonly isRequest: boolean
  /** Empty for a response. */
  readonly method: string
  readonly uri: string
  /** 0 for a request. */
  readonly status: number
  readonly reason: string
}

/** Why a message is refused, and with what. */
export interface Refusal {
  readonly status: number
  readonly reason: string
}

export interface Head {
  readonly start: StartLine
  /** Lower case, compact forms spelled out; in the order of the message. */
  readonly names: readonly string[]
  /** To the same places. */
  readonly values: string[]
  /** Null: the message does not say. */
  readonly contentLength: number | null
  readonly fault: Refusal | null
}

/** `bytes`: without the empty line at the end. Reads on after a fault, because it takes the other fields to answer. */
export function readHead(bytes: Uint8Array): Head {
  const text = decodeText(bytes)
  const lineEnd = endOfLine(text, 0)
  const line = text.slice(0, lineEnd)
  const start = line.startsWith('SIP/') ? parseStatusLine(line) : parseRequestLine(line)
  const names: string[] = []
  const values: string[] = []
  const fields = readFields(text, lineEnd + 2, names, values)
  const length = findContentLength(names, values)
  const lines = isBroken(text) ? { status: 400, reason: 'Bare Line End' } : null
  const fault =
    start.fault ?? lines ?? fields ?? (length === undefined ? { status: 400, reason: 'Bad Content-Length' } : null)
  return { start: start.line, names, values, contentLength: length ?? null, fault }
}

interface ReadStartLine {
  readonly line: StartLine
  readonly fault: Refusal | null
}

/** §7.1. "Method SP Request-URI SP SIP-Version", one space each; space at the end is forgiven. */
function parseRequestLine(text: string): ReadStartLine {
  const first = text.indexOf(' ')
  const end = text.endsWith(' SIP/2.0') ? text.length : text.trimEnd().length
  const last = text.lastIndexOf(' ', end - 1)
  const method = text.slice(0, Math.max(first, 0))
  const uri = first < last ? text.slice(first + 1, last) : ''
  const line = { isRequest: true, method, uri, status: 0, reason: '' }
  // §7.1: "The SIP-Version string is case-insensitive, but implementations MUST send upper-case."
  const version = text.slice(last + 1, end).toUpperCase()
  if (!isToken(method) || !version.startsWith('SIP/'))
    return { line, fault: { status: 400, reason: 'Bad Request Line' } }
  if (version !== 'SIP/2.0') return { line, fault: { status: 505, reason: 'Version Not Supported' } }
  return { line, fault: /[\s<>"]/.test(uri) || uri === '' ? { status: 400, reason: 'Bad Request URI' } : null }
}

/** §7.2. The reason phrase may be empty, and any text. */
function parseStatusLine(text: string): ReadStartLine {
  const isWhole = /^SIP\/2\.0 [1-6]\d\d(?: |$)/i.test(text)
  const status = isWhole ? Number(text.slice(8, 11)) : 0
  const line = { isRequest: false, method: '', uri: '', status, reason: text.slice(12) }
  return { line, fault: isWhole ? null : { status: 400, reason: 'Bad Status Line' } }
}

/**
 * §7: a line ends by CR LF. Half of it inside of a line is an end to some and none to others: such a message says
 * different things to different readers, and is what somebody wants to smuggle something in with.
 */
function isBroken(text: string): boolean {
  let pairs = 0
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) {
    if (text.charCodeAt(at - 1) !== 13) return true
    pairs += 1
  }
  for (let at = text.indexOf('\r'); at !== -1; at = text.indexOf('\r', at + 1)) pairs -= 1
  return pairs !== 0
}

/** Where the CR LF at the end of the line is, or the end of the text. */
function endOfLine(text: string, from: number): number {
  const end = text.indexOf('\r\n', from)
  return end === -1 ? text.length : end
}

/** §7.3.1. A line that begins with space goes on where the last one ended. */
function readFields(text: string, from: number, names: string[], values: string[]): Refusal | null {
  let fault: Refusal | null = null
  for (let at = from; at < text.length; ) {
    let end = endOfLine(text, at)
    const isFolded = isSpaceCode(text.charCodeAt(end + 2))
    while (isSpaceCode(text.charCodeAt(end + 2))) end = endOfLine(text, end + 2)
    if (names.length >= limits.fields) return { status: 400, reason: 'Too Many Header Fields' }
    const nameEnd = skipToken(text, at)
    const colon = skipSpace(text, nameEnd)
    if (nameEnd === at || text.charCodeAt(colon) !== 0x3a) fault ??= { status: 400, reason: 'Bad Header Field' }
    else {
      names.push(canonicalNameAt(text, at, nameEnd))
      const value = trimmed(text, colon + 1, end)
      values.push(isFolded ? unfold(value) : value)
    }
    at = end + 2
  }
  return fault
}

/** Line by line: a pattern with space on both sides of the line end takes quadratic time on lines of space. */
const unfold = (value: string): string =>
  value
    .split('\r\n')
    .map((line) => line.trim())
    .join(' ')
    .trim()

function trimmed(text: string, from: number, end: number): string {
  const start = skipSpace(text, from)
  while (end > start && isSpaceCode(text.charCodeAt(end - 1))) end -= 1
  return text.slice(start, end)
}

/** Undefined when it is no length, or two that differ (RFC 4475 §3.3.9). */
function findContentLength(names: readonly string[], values: readonly string[]): number | null | undefined {
  let length: number | null = null
  for (let at = names.indexOf('content-length'); at !== -1; at = names.indexOf('content-length', at + 1)) {
    const next = parseNumber(values[at] ?? '', limits.body)
    if (next === null || (length !== null && next !== length)) return undefined
    length = next
  }
  return length
}
