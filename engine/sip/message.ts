/**
 * One SIP message (RFC 3261 §7), lazily parsed: start line, top Via, From, To, Call-ID, CSeq and the body's length are
 * read at once, because every message needs them; all other fields stay text until somebody asks. A peer's fault is a
 * value, never an exception, and says how it may still be answered.
 */
import { type NameAddr, parseNameAddr } from './address.ts'
import { firstItem, parameter, parseNumber, readParameters, skipSpace, splitList } from './grammar.ts'
import { canonicalName, isListHeader } from './header-names.ts'
import { type Head, limits, type Refusal, readHead } from './message-head.ts'
import { decodeText } from './text.ts'
import { parseUri, type Uri } from './uri.ts'
import { parseVia, type Via } from './via.ts'

export interface ParseFault {
  readonly isFault: true
  readonly status: number
  readonly reason: string
  /** As far as it was read, when it can be answered: a request with a Via, and no ACK. `formatResponse` takes it. */
  readonly request: SipMessage | null
  /** On a stream: where the next message begins is not known, so the connection has to be closed. */
  readonly isFramingLost: boolean
}

export class SipMessage {
  readonly isFault = false
  readonly isRequest: boolean
  /** Of a response: CSeq's. */
  readonly method: string
  /** The request URI as it stands there; empty for a response. */
  readonly uri: string
  /** 0 for a request. */
  readonly status: number
  readonly reason: string
  readonly callId: string
  readonly cseq: number
  readonly from: NameAddr
  readonly to: NameAddr
  readonly fromTag: string
  readonly toTag: string
  readonly body: Uint8Array
  readonly #names: readonly string[]
  readonly #values: string[]
  #via: Via
  #requestUri: Uri | null | undefined

  constructor(head: Head, eager: Eager, body: Uint8Array) {
    const { start } = head
    this.isRequest = start.isRequest
    this.method = start.isRequest ? start.method : eager.cseqMethod
    this.uri = start.uri
    this.status = start.status
    this.reason = start.reason
    this.#names = head.names
    this.#values = head.values
    this.callId = eager.callId
    this.cseq = eager.cseq
    this.from = eager.from
    this.to = eager.to
    this.fromTag = parameter(eager.from.params, 'tag') ?? ''
    this.toTag = parameter(eager.to.params, 'tag') ?? ''
    this.#via = eager.via
    this.body = body
  }

  /** The top one. */
  get via(): Via {
    return this.#via
  }
  get branch(): string {
    return this.#via.branch
  }
  get sentBy(): string {
    return this.#via.sentBy
  }

  /** Null for a response, and for a URI that is none (then the message was a fault). */
  get requestUri(): Uri | null {
    this.#requestUri ??= parseUri(this.uri)
    return this.#requestUri
  }

  /** The body as text: SDP, XML, message/sipfrag. */
  get text(): string {
    return this.body.length === 0 ? '' : decodeText(this.body)
  }

  /** The first line of that name as it stands there, unfolded. */
  header(name: string): string | undefined {
    const at = this.#names.indexOf(canonicalName(name))
    return at === -1 ? undefined : this.#values[at]
  }

  /** All values, comma lists split where the grammar is a list. */
  headers(name: string): string[] {
    const canonical = canonicalName(name)
    const values: string[] = []
    for (let at = this.#names.indexOf(canonical); at !== -1; at = this.#names.indexOf(canonical, at + 1)) {
      const value = this.#values[at] ?? ''
      if (isListHeader(canonical)) values.push(...splitList(value))
      else values.push(value)
    }
    return values
  }

  /** Of all lines in their order: names in lower case, compact forms spelled out. */
  forEachLine(visit: (name: string, value: string) => void): void {
    for (let at = 0; at < this.#names.length; at++) visit(this.#names[at] ?? '', this.#values[at] ?? '')
  }

  /**
   * Notes in the top Via of a request where it came from (RFC 3261 §18.2.1, RFC 3581 §4): `received` when it differs from
   * what it says, or when it asks for `rport`, which is filled in. Answers copy it.
   */
  stampSource(address: string, port: number): void {
    const via = this.#via
    const isAsking = via.rport !== null
    if (!isAsking && via.host === address.toLowerCase()) return
    const at = this.#names.indexOf('via')
    const [top = '', ...rest] = splitList(this.#values[at] ?? '')
    const stamped = `${withoutSource(top)};received=${address}${isAsking ? `;rport=${port}` : ''}`
    this.#values[at] = [stamped, ...rest].join(', ')
    this.#via = { ...via, received: address, rport: isAsking ? port : null }
  }
}

/** A Via without `received` and `rport`, all else as it stands there. */
function withoutSource(via: string): string {
  const semicolon = via.indexOf(';')
  if (semicolon === -1) return via
  let kept = via.slice(0, semicolon)
  readParameters(via, semicolon, (name, _value, from, end) => {
    if (name !== 'received' && name !== 'rport') kept += `;${via.slice(from, end)}`
  })
  return kept
}

/** A datagram, or a WebSocket message: what follows the body by Content-Length is dropped (RFC 3261 §18.3). */
export function parseMessage(bytes: Uint8Array): SipMessage | ParseFault {
  const start = skipLineEnds(bytes, 0)
  const end = findHeadEnd(bytes, start)
  if (end === -1 || end - start > limits.head) {
    const reason = end === -1 ? 'No End of Header' : 'Header Too Long'
    return refuse(readHead(bytes.subarray(start, start + limits.head)), { status: 400, reason })
  }
  const head = readHead(bytes.subarray(start, end))
  const size = head.contentLength ?? bytes.length - end - 4
  // §18.3: "If the transport packet ends before the end of the message body, this is considered an error."
  if (end + 4 + size > bytes.length) return refuse(head, { status: 400, reason: 'Body Shorter Than Content-Length' })
  return buildMessage(head, bytes.subarray(end + 4, end + 4 + size))
}

/** Whether a datagram keeps a way open and says nothing (RFC 5626 §4.4.1; many phones send it over UDP too). */
export const isKeepAlive = (bytes: Uint8Array): boolean =>
  bytes.length <= 4 && bytes.every((byte) => byte === 0 || byte === 13 || byte === 10)

/** §7.5: any CRLF before the start line is ignored. */
function skipLineEnds(bytes: Uint8Array, from: number): number {
  while (bytes[from] === 13 || bytes[from] === 10) from += 1
  return from
}

/** Where CRLF CRLF begins, from `from` on; -1 when it is not there. */
export function findHeadEnd(bytes: Uint8Array, from: number): number {
  // The fourth byte of a match is LF; any byte there that is neither CR nor LF rules out four places at once.
  for (let at = from + 3; at < bytes.length; ) {
    const byte = bytes[at]
    if (byte === 10) {
      if (bytes[at - 1] === 13 && bytes[at - 2] === 10 && bytes[at - 3] === 13) return at - 3
      at += 2
    } else at += byte === 13 ? 1 : 4
  }
  return -1
}

/** What every message has, read at once. */
interface Eager {
  callId: string
  cseq: number
  cseqMethod: string
  from: NameAddr
  to: NameAddr
  via: Via
}

export function buildMessage(head: Head, body: Uint8Array): SipMessage | ParseFault {
  if (head.fault) return refuse(head, head.fault)
  const eager = blankEager()
  const fault = readEager(head, eager) ?? (head.start.isRequest ? checkRequest(head, eager) : null)
  const message = new SipMessage(head, eager, body)
  if (fault) return faultOf(message, fault)
  if (message.isRequest && message.requestUri === null) {
    return faultOf(message, { status: 400, reason: 'Bad Request URI' })
  }
  return message
}

/** Reads on in a message that is refused, because it takes the other fields to answer. */
export function refuse(head: Head, fault: Refusal, isFramingLost = false): ParseFault {
  const eager = blankEager()
  readEager(head, eager)
  return faultOf(new SipMessage(head, eager, new Uint8Array(0)), head.fault ?? fault, isFramingLost)
}

function faultOf(message: SipMessage, fault: Refusal, isFramingLost = false): ParseFault {
  const isAnswerable = message.isRequest && message.method !== 'ACK' && message.via !== noVia
  return { isFault: true, ...fault, request: isAnswerable ? message : null, isFramingLost }
}

const noVia: Via = {
  ...{ transport: '', host: '', port: null, sentBy: '', branch: '' },
  ...{ received: '', rport: null, maddr: '', ttl: null },
}
const noAddress: NameAddr = { displayName: '', uri: '', params: '' }

const blankEager = (): Eager => ({
  ...{ callId: '', cseq: 0, cseqMethod: '', from: noAddress, to: noAddress, via: noVia },
})

/** Goes on after a fault, and answers the first. Fields that may occur once and occur twice are a fault (RFC 4475 §3.3.8). */
function readEager(head: Head, eager: Eager): Refusal | null {
  let fault: Refusal | null = null
  let seen = 0
  for (let at = 0; at < head.names.length; at++) {
    const name = head.names[at] ?? ''
    const bit = eagerBit(name)
    if (bit === 0) continue
    if ((seen & bit) !== 0) {
      if (bit !== viaBit) fault ??= { status: 400, reason: `Second ${name}` }
      continue
    }
    seen |= bit
    if (!readEagerField(eager, bit, head.values[at] ?? '')) fault ??= { status: 400, reason: `Bad ${name}` }
  }
  return fault ?? (seen === allBits ? null : { status: 400, reason: 'Missing Header Field' })
}

const viaBit = 1
const allBits = 31

function eagerBit(name: string): number {
  switch (name) {
    case 'via':
      return viaBit
    case 'from':
      return 2
    case 'to':
      return 4
    case 'call-id':
      return 8
    case 'cseq':
      return 16
    default:
      return 0
  }
}

function readEagerField(eager: Eager, bit: number, value: string): boolean {
  switch (bit) {
    case viaBit:
      return readVia(eager, firstItem(value))
    case 2:
      eager.from = parseNameAddr(value) ?? noAddress
      return eager.from !== noAddress
    case 4:
      eager.to = parseNameAddr(value) ?? noAddress
      return eager.to !== noAddress
    case 8:
      eager.callId = value
      return value !== '' && !value.includes(' ')
    default:
      return readCseq(eager, value)
  }
}

/** Of one that is spoiled, the part before its parameters, so that it can be said to the peer. */
function readVia(eager: Eager, value: string): boolean {
  const via = parseVia(value)
  eager.via = via ?? parseVia(value.slice(0, value.search(/;|$/))) ?? noVia
  return via !== null
}

/** §20.16: "The sequence number MUST be expressible as a 32-bit unsigned integer", below 2**31 (§8.1.1.5). */
function readCseq(eager: Eager, value: string): boolean {
  const space = value.search(/\s/)
  if (space === -1) return false
  const number = parseNumber(value.slice(0, space), 2 ** 31 - 1)
  eager.cseq = number ?? 0
  eager.cseqMethod = value.slice(skipSpace(value, space))
  return number !== null
}

/** Methods that somebody defined; with any other, 501 is the better answer to a CSeq that differs (RFC 4475 §3.1.2.18). */
const definedMethods: ReadonlySet<string> = new Set(
  'INVITE ACK BYE CANCEL REGISTER OPTIONS INFO PRACK UPDATE REFER SUBSCRIBE NOTIFY MESSAGE PUBLISH'.split(' '),
)

function checkRequest({ start }: Head, eager: Eager): Refusal | null {
  if (start.method === eager.cseqMethod) return null
  if (!definedMethods.has(start.method)) return { status: 501, reason: 'Not Implemented' }
  return { status: 400, reason: 'CSeq of Another Method' }
}
