/** Via (RFC 3261 §20.42), with `rport` (RFC 3581) and IPv6 with or without brackets in `received` (RFC 5118 §4.5). */
import { parseNumber, readParameters, skipSpace, skipToken } from './grammar.ts'

export interface Via {
  /** Upper case: UDP, TCP, TLS, WS, WSS, or what else it says. */
  readonly transport: string
  /** Without brackets, lower case. */
  readonly host: string
  readonly port: number | null
  /** Host and port as they stand there. */
  readonly sentBy: string
  readonly branch: string
  /** Without brackets; empty when there is none. */
  readonly received: string
  /** Null: not asked for; 0: asked for and not filled in. */
  readonly rport: number | null
  readonly maddr: string
  readonly ttl: number | null
}

/** One value, not a list; null when it is none. Of any version, because a 505 has to be sent back by it too. */
export function parseVia(text: string): Via | null {
  let at = readProtocol(text)
  if (at === -1) return null
  const transport = at
  at = skipToken(text, at)
  if (at === transport) return null
  const sent = skipSpace(text, at)
  if (sent === at) return null
  const semicolon = text.indexOf(';', sent)
  const end = semicolon === -1 ? text.length : semicolon
  const sentBy = text.slice(sent, end).trim()
  const host = parseHostPort(sentBy)
  if (host === null) return null
  const found = { branch: '', received: '', rport: null as number | null, maddr: '', ttl: null as number | null }
  const isWhole = readParameters(text, end, (name, value) => {
    if (name === 'branch') found.branch ||= value
    else if (name === 'received') found.received = withoutBrackets(value)
    else if (name === 'rport') found.rport = parseNumber(value, 65_535) ?? 0
    else if (name === 'maddr') found.maddr = withoutBrackets(value)
    else if (name === 'ttl') found.ttl = parseNumber(value, 255)
  })
  if (!isWhole) return null
  return { transport: text.slice(transport, at).toUpperCase(), ...host, sentBy, ...found }
}

/** Behind `SIP / version /`, with any space in it; -1 when it says something else. */
function readProtocol(text: string): number {
  if (text.startsWith('SIP/2.0/')) return 8
  const match = /^SIP\s*\/\s*\d+\.\d+\s*\/\s*/i.exec(text)
  return match ? match[0].length : -1
}

/** `host`, `host:port`, `[v6]`, `[v6]:port`; space around the colon is allowed (§25.1, `sent-by`). */
export function parseHostPort(text: string): { host: string; port: number | null } | null {
  const isReference = text.charCodeAt(0) === 0x5b
  const end = isReference ? text.indexOf(']') + 1 : text.indexOf(':')
  const whole = end === -1 ? text : text.slice(0, end).trimEnd()
  if (!(isReference ? ipv6Reference : hostName).test(whole)) return null
  const host = (isReference ? whole.slice(1, -1) : whole).toLowerCase()
  const rest = end === -1 ? '' : text.slice(end).trim()
  if (rest === '') return { host, port: null }
  const port = rest.charCodeAt(0) === 0x3a ? parseNumber(rest.slice(1).trim(), 65_535) : null
  return port === null ? null : { host, port }
}

/** Underscores are no letters of host names, and common in those of machines. */
const hostName = /^[A-Za-z0-9_.-]+$/
const ipv6Reference = /^\[[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*\]$/

const withoutBrackets = (text: string): string =>
  text.charCodeAt(0) === 0x5b && text.endsWith(']') ? text.slice(1, -1) : text

/** For URIs and Via: IPv6 in brackets. */
export const formatHost = (host: string): string => (host.includes(':') ? `[${host}]` : host)
