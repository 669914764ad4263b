/**
 * Spoiled messages for every parser of SIP: none may throw, run on, or write what cannot be read back. A fault is an
 * exception that carries its input in hexadecimal.
 */
import { mutate, mutateLines } from '../testing/mutation.ts'
import { drawInteger } from '../testing/random.ts'
import { formatNameAddr, parseNameAddr } from './address.ts'
import { formatCredentials, parseCredentials } from './credentials.ts'
import { formatResponse } from './format.ts'
import * as headers from './headers.ts'
import { type ParseFault, parseMessage, type SipMessage } from './message.ts'
import { MessageStream, type StreamItem } from './stream.ts'
import { decodeText, encodeText } from './text.ts'
import { formatUri, isSameUri, parseUri, uriHeaders, uriParameter } from './uri.ts'

type Random = () => number

function pick<Item>(random: Random, items: readonly Item[]): Item {
  const item = items[drawInteger(random, items.length)]
  if (item === undefined) throw new Error('nothing to pick from')
  return item
}

function demand(isRight: boolean, what: string, bytes: Uint8Array): void {
  if (isRight) return
  throw new Error(`${what}: ${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`)
}

/** `golden`: valid messages, such as those of RFC 4475. */
export function fuzzMessages(random: Random, rounds: number, golden: readonly Uint8Array[]): void {
  for (let round = 0; round < rounds; round++) {
    const valid = pick(random, golden)
    const bytes = random() < 0.5 ? mutate(random, valid) : spoilLines(random, valid)
    const result = parseMessage(bytes)
    if (!result.isFault) readEverything(result)
    const request = result.isFault ? result.request : result.isRequest ? result : null
    if (request !== null) checkAnswer(request, bytes)
  }
}

function spoilLines(random: Random, valid: Uint8Array): Uint8Array {
  const text = Array.from(valid, (byte) => String.fromCharCode(byte)).join('')
  return Uint8Array.from(mutateLines(random, text), (letter) => letter.charCodeAt(0))
}

/** Whatever somebody sent: the answer has one status line, one empty line at its end, and lines that are fields. */
function checkAnswer(request: SipMessage, bytes: Uint8Array): void {
  request.stampSource('192.0.2.1', 5_061)
  const answer = formatResponse(request, { status: 400, toTag: 'ours', headers: [['Server', 'x']] })
  const text = decodeText(answer)
  const lines = text.split('\r\n')
  demand(text.startsWith('SIP/2.0 400 ') && text.endsWith('\r\nContent-Length: 0\r\n\r\n'), 'no answer', bytes)
  const isWhole = lines
    .slice(1, -2)
    .every((line) => /^(?:Via|From|To|Call-ID|CSeq|Server|Content-Length): ?[^\r\n]*$/.test(line))
  demand(isWhole, 'a line of an answer that is none', bytes)
}

const asked = 'to from contact route record-route path refer-to diversion p-asserted-identity'.split(' ')

function readEverything(message: SipMessage): void {
  for (const name of asked) {
    for (const address of headers.nameAddresses(message, name) ?? []) {
      const uri = parseUri(address.uri)
      if (uri === null) continue
      uriHeaders(uri)
      uriParameter(uri, 'transport')
      const again = parseUri(formatUri(uri))
      if (again === null || !isSameUri(uri, again)) throw new Error(`written otherwise: ${JSON.stringify(address.uri)}`)
      const written = parseNameAddr(formatNameAddr(address))
      if (written?.uri !== address.uri) throw new Error(`written otherwise: ${JSON.stringify(address)}`)
    }
  }
  for (const contact of asContacts(headers.parseContacts(message))) {
    if (!(contact.q >= 0 && contact.q <= 1)) throw new Error(`q ${contact.q}`)
  }
  headers.parseReasons(message)
  headers.parseReferTo(message)
  headers.privacyOf(message)
  headers.retryAfter(message)
  message.forEachLine((_name, value) => {
    headers.parseReplaces(value)
    headers.parseRack(value)
    headers.parseSessionExpires(value)
    headers.parseWord(value)
    const credentials = parseCredentials(value)
    if (credentials === null) return
    const again = parseCredentials(formatCredentials([...credentials.params], false))
    if (again === null || again.params.size !== credentials.params.size) throw new Error(`written otherwise: ${value}`)
  })
}

const asContacts = (contacts: ReturnType<typeof headers.parseContacts>) =>
  contacts === null || contacts === '*' ? [] : contacts

const told = (items: readonly StreamItem[]) =>
  items
    .filter((item): item is SipMessage | ParseFault => typeof item !== 'string')
    .map((item) =>
      item.isFault ? `${item.status} ${item.reason}` : `${item.method} ${item.callId} ${item.body.length}`,
    )
    .join('\n')

/** However a stream is cut, the same messages come out. */
export function fuzzStream(random: Random, rounds: number, golden: readonly Uint8Array[]): void {
  const lineEnds = encodeText('\r\n\r\n')
  for (let round = 0; round < rounds; round++) {
    const parts: Uint8Array[] = []
    for (let count = drawInteger(random, 4); count >= 0; count--) {
      const valid = random() < 0.2 ? lineEnds : pick(random, golden)
      parts.push(random() < 0.3 ? mutate(random, valid) : valid)
    }
    const bytes = Uint8Array.from(parts.flatMap((part) => Array.from(part)))
    const whole = told(new MessageStream().push(bytes))
    const stream = new MessageStream()
    const items: StreamItem[] = []
    for (let at = 0; at < bytes.length; ) {
      const size = 1 + drawInteger(random, random() < 0.5 ? 8 : 400)
      items.push(...stream.push(bytes.slice(at, at + size)))
      at += size
    }
    demand(told(items) === whole, 'cut otherwise, read otherwise', bytes)
  }
}
