/**
 * The value of From, To, Contact, Route, Record-Route, Path, P-Asserted-Identity, Refer-To, Diversion …:
 * `name-addr` or `addr-spec` with parameters (RFC 3261 §20.10, §25.1). The URI and the parameters stay text.
 */
import { endOfQuoted, isToken, quoteText, skipSpace, unquote } from './grammar.ts'

export interface NameAddr {
  /** Without quotes and escapes; empty when there is none. */
  readonly displayName: string
  readonly uri: string
  /** As it stands behind the URI, beginning with its semicolon; `parameter()` reads it. */
  readonly params: string
}

/** Null when the text is none. */
export function parseNameAddr(text: string): NameAddr | null {
  const from = skipSpace(text, 0)
  if (text.charCodeAt(from) === 0x22) {
    const end = endOfQuoted(text, from)
    if (end === -1) return null
    const open = skipSpace(text, end)
    if (text.charCodeAt(open) !== 0x3c) return null
    return bracketed(text, open, unquote(text.slice(from, end)))
  }
  const open = text.indexOf('<', from)
  // §25.1 asks for tokens here; names without quotes in any letters are common and mean no harm.
  if (open !== -1) {
    const name = text.slice(from, open).trim()
    // A bracket in a quoted parameter begins no URI: `sip:bob@host;+sip.instance="<urn:…>"`.
    if (!name.includes('"')) return bracketed(text, open, name)
  }
  return bare(text, from)
}

function bracketed(text: string, open: number, displayName: string): NameAddr | null {
  const close = text.indexOf('>', open + 1)
  if (close === -1) return null
  const uri = text.slice(open + 1, close).trim()
  const params = text.slice(close + 1).trim()
  if (uri === '' || (params !== '' && params.charCodeAt(0) !== 0x3b)) return null
  return { displayName, uri, params }
}

/** §20.10: without angle brackets all parameters belong to the header, none to the URI. */
function bare(text: string, from: number): NameAddr | null {
  const semicolon = text.indexOf(';', from)
  const uri = (semicolon === -1 ? text.slice(from) : text.slice(from, semicolon)).trim()
  if (uri === '' || uri.includes(' ') || uri.includes('"') || uri.includes('>')) return null
  return { displayName: '', uri, params: semicolon === -1 ? '' : text.slice(semicolon).trim() }
}

/** `params` begins with its semicolon. The URI gets brackets always (§20.10). */
export function formatNameAddr(address: { displayName?: string; uri: string; params?: string }): string {
  const { displayName = '', uri, params = '' } = address
  if (displayName === '') return `<${uri}>${params}`
  return `${isToken(displayName) ? displayName : quoteText(displayName)} <${uri}>${params}`
}
