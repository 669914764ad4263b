/** Names of header fields: compact forms, the spelling we write, and which ones hold comma lists. */

/** Compact forms (the registry of RFC 3968). */
const compact: Readonly<Record<string, string>> = {
  a: 'accept-contact',
  b: 'referred-by',
  c: 'content-type',
  d: 'request-disposition',
  e: 'content-encoding',
  f: 'from',
  i: 'call-id',
  j: 'reject-contact',
  k: 'supported',
  l: 'content-length',
  m: 'contact',
  n: 'identity-info',
  o: 'event',
  r: 'refer-to',
  s: 'subject',
  t: 'to',
  u: 'allow-events',
  v: 'via',
  x: 'session-expires',
  y: 'identity',
}

/** Whose grammar is a list that may stand in one line or in several; others are never split at commas. */
const lists: ReadonlySet<string> = new Set(
  `accept accept-contact accept-encoding accept-language alert-info allow allow-events call-info contact content-encoding
  content-language diversion error-info history-info in-reply-to p-asserted-identity p-associated-uri p-preferred-identity
  path privacy proxy-require reason record-route reject-contact remote-party-id require route security-client
  security-server security-verify service-route supported unsupported via warning`.split(/\s+/),
)

/** Spellings seen on the wire. */
const spellings = `Accept Accept-Encoding Accept-Language Alert-Info Allow Allow-Events Authorization Call-ID Call-Info
  Contact Content-Disposition Content-Encoding Content-Length Content-Type CSeq Date Diversion Event Expires Flow-Timer From
  History-Info Max-Forwards Min-Expires Min-SE Organization P-Asserted-Identity P-Called-Party-ID P-Preferred-Identity Path
  Privacy Proxy-Authenticate Proxy-Authorization Proxy-Require RAck Reason Record-Route Refer-Sub Refer-To Referred-By
  Remote-Party-ID Replaces Require Retry-After Route RSeq Server Service-Route Session-Expires Subject Subscription-State
  Supported Target-Dialog Timestamp To Unsupported User-Agent Via Warning WWW-Authenticate`.split(/\s+/)

/** Spelling -> the one name. */
const known = new Map<string, string>()
for (const name of spellings) known.set(name, name.toLowerCase()).set(name.toLowerCase(), name.toLowerCase())
for (const [letter, name] of Object.entries(compact)) known.set(letter, name).set(letter.toUpperCase(), name)

/** The same by length and first letter, so that a name is found in the text of a message before it is a string. */
const shelves: (readonly [spelling: string, name: string])[][] = []
for (const entry of known) {
  const shelf = shelfOf(entry[0].length, entry[0].charCodeAt(0))
  shelves[shelf] = [...(shelves[shelf] ?? []), entry]
}

function shelfOf(length: number, first: number): number {
  return length * 128 + first
}

/** Lower case, compact forms spelled out. */
export function canonicalName(name: string): string {
  return known.get(name) ?? name.toLowerCase()
}

/** The same for a name that stands in a text. */
export function canonicalNameAt(text: string, from: number, end: number): string {
  for (const entry of shelves[shelfOf(end - from, text.charCodeAt(from))] ?? []) {
    if (text.startsWith(entry[0], from)) return entry[1]
  }
  return canonicalName(text.slice(from, end))
}

export const isListHeader = (canonical: string): boolean => lists.has(canonical)
