/**
 * The pieces that header values are made of (RFC 3261 §25.1): tokens, quoted strings, comma lists, `;name=value`
 * parameters. Everything works on positions in one string and copies only what is asked for.
 */
const space = 0x20
const tab = 0x09
const quote = 0x22
const backslash = 0x5c

/** 1 for the characters of `token`. */
const tokenCharacters = new Uint8Array(128)
for (const letter of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.!%*_+`'~") {
  tokenCharacters[letter.charCodeAt(0)] = 1
}

const isTokenCode = (code: number): boolean => code < 128 && tokenCharacters[code] === 1

export function isToken(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (!isTokenCode(text.charCodeAt(at))) return false
  return text.length > 0
}

export const isSpaceCode = (code: number): boolean => code === space || code === tab

export function skipSpace(text: string, at: number): number {
  while (isSpaceCode(text.charCodeAt(at))) at += 1
  return at
}

export function skipToken(text: string, at: number): number {
  while (at < text.length && isTokenCode(text.charCodeAt(at))) at += 1
  return at
}

/** Behind the quoted string that begins at `at`; -1 when it has no end. */
export function endOfQuoted(text: string, at: number): number {
  for (at += 1; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === quote) return at + 1
    if (code === backslash) at += 1
  }
  return -1
}

/** What a quoted string says; anything else as it is. */
export function unquote(text: string): string {
  if (text.charCodeAt(0) !== quote || text.length < 2) return text
  const inside = text.slice(1, -1)
  return inside.includes('\\') ? inside.replace(/\\([\s\S])/g, '$1') : inside
}

/** A quoted string. Line ends cannot be written in one, not even escaped. */
export const quoteText = (text: string): string => `"${text.replace(/[\r\n]+/g, ' ').replace(/["\\]/g, '\\$&')}"`

/** The items of a comma list; commas inside quotes and angle brackets separate nothing. Empty items are left out. */
export function splitList(text: string): string[] {
  if (!text.includes(',')) {
    const only = text.trim()
    return only === '' ? [] : [only]
  }
  const items: string[] = []
  for (let at = 0; at < text.length; ) {
    const end = endOfItem(text, at)
    const item = text.slice(at, end).trim()
    if (item !== '') items.push(item)
    at = end + 1
  }
  return items
}

/** The first item of a comma list, without the space around it. */
export const firstItem = (text: string): string =>
  text.includes(',') ? text.slice(0, endOfItem(text, 0)).trim() : text.trim()

/** Where the comma behind the item that begins at `at` is, or the text's end. */
function endOfItem(text: string, at: number): number {
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === 0x2c) return at
    if (code !== quote && code !== 0x3c) continue
    const end = code === quote ? endOfQuoted(text, at) : text.indexOf('>', at) + 1
    if (end <= 0) return text.length
    at = end - 1
  }
  return text.length
}

/** `from` and `end`: where the parameter stands in the text, from its name to the end of its value. */
type FoundParameter = (name: string, value: string, from: number, end: number) => void

/** Calls back with each `;name=value` from `at` on, names in lower case; false when the text is not that. */
export function readParameters(text: string, at: number, found: FoundParameter): boolean {
  for (;;) {
    at = skipSpace(text, at)
    if (at >= text.length) return true
    if (text.charCodeAt(at) !== 0x3b) return false
    const from = skipSpace(text, at + 1)
    const end = skipToken(text, from)
    // A lone semicolon at the end says nothing, and some phones write one.
    if (end === from) return from >= text.length
    const name = text.slice(from, end).toLowerCase()
    at = skipSpace(text, end)
    if (text.charCodeAt(at) !== 0x3d) {
      found(name, '', from, end)
      continue
    }
    const value = skipSpace(text, at + 1)
    at = endOfValue(text, value)
    if (at === -1) return false
    found(name, unquote(text.slice(value, at)), from, at)
  }
}

/** Values are tokens, hosts (IPv6 too) or quoted strings; read tolerantly up to what cannot belong to one. */
function endOfValue(text: string, at: number): number {
  if (text.charCodeAt(at) === quote) return endOfQuoted(text, at)
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === 0x3b || code === 0x2c || isSpaceCode(code)) return at
    if (code === quote) return -1
  }
  return at
}

export function parseParameters(text: string): Map<string, string> | null {
  const parameters = new Map<string, string>()
  const isWhole = readParameters(text, 0, (name, value) => {
    if (!parameters.has(name)) parameters.set(name, value)
  })
  return isWhole ? parameters : null
}

/** The value of the first parameter of that (lower case) name; '' when it has none, undefined when it is not there. */
export function parameter(text: string, name: string): string | undefined {
  if (text === '') return undefined
  let answer: string | undefined
  readParameters(text, 0, (found, value) => {
    if (found === name) answer ??= value
  })
  return answer
}

/** A whole number without sign; null when it is none or above `most`. Leading zeros are allowed. */
export function parseNumber(text: string, most: number): number | null {
  if (text.length === 0 || text.length > 40) return null
  let number = 0
  for (let at = 0; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 0x30
    if (digit < 0 || digit > 9) return null
    number = number * 10 + digit
  }
  return number <= most ? number : null
}
