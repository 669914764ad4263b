/**
 * Messages out of a stream of bytes (RFC 3261 §18.3: Content-Length frames them), with the keep-alive of RFC 5626 §3.5.1
 * between them. A message that lies whole in one chunk is not copied.
 */
import { buildMessage, findHeadEnd, type ParseFault, refuse, type SipMessage } from './message.ts'
import { type Head, limits, readHead } from './message-head.ts'

/** `ping`: CRLF CRLF, to be answered with CRLF. `pong`: that answer to ours. */
export type StreamItem = SipMessage | ParseFault | 'ping' | 'pong'

const nothing = new Uint8Array(0)

export class MessageStream {
  #kept: Uint8Array = nothing
  /** Behind `#kept`; joined to it when there is enough. */
  #chunks: Uint8Array[] = []
  #size = 0
  /** How far into `#kept` the end of the head was already looked for. */
  #searched = 0
  /** A message whose body is not complete. */
  #head: Head | null = null
  #isLost = false
  #hadLoneCrlf = false

  /** After a fault with `isFramingLost` everything else is ignored. */
  push(chunk: Uint8Array): StreamItem[] {
    const items: StreamItem[] = []
    if (this.#isLost) return items
    this.#chunks.push(chunk)
    this.#size += chunk.length
    if (this.#size < (this.#head?.contentLength ?? 0)) return items
    this.#kept = concat(this.#kept, this.#chunks)
    this.#chunks = []
    while (this.#next(items)) {}
    this.#size = this.#kept.length
    return items
  }

  /** Takes one item off the front; false when more bytes are needed. */
  #next(items: StreamItem[]): boolean {
    if (this.#head !== null) return this.#takeBody(this.#head, items)
    if (this.#kept.length === 0) return false
    if (this.#kept[0] === 13 || this.#kept[0] === 10) return this.#takeLineEnds(items)
    this.#hadLoneCrlf = false
    const end = findHeadEnd(this.#kept, Math.max(0, this.#searched - 3))
    if (end > limits.head || (end === -1 && this.#kept.length > limits.head)) {
      const head = readHead(this.#kept.subarray(0, limits.head))
      return this.#lose(items, refuse(head, { status: 400, reason: 'Header Too Long' }, true))
    }
    if (end === -1) {
      this.#searched = this.#kept.length
      return false
    }
    const head = readHead(this.#kept.subarray(0, end))
    this.#drop(end + 4)
    // §20.14: "If a stream-based protocol (such as TCP) is used as transport, then the header field MUST be used."
    if (head.contentLength === null) {
      return this.#lose(items, refuse(head, { status: 400, reason: 'Missing Content-Length' }, true))
    }
    this.#head = head
    return true
  }

  #takeBody(head: Head, items: StreamItem[]): boolean {
    const size = head.contentLength ?? 0
    if (this.#kept.length < size) return false
    items.push(buildMessage(head, this.#kept.subarray(0, size)))
    this.#head = null
    this.#drop(size)
    return true
  }

  /** The halves of a ping may come apart: then the first looks like a pong, which does no harm. */
  #takeLineEnds(items: StreamItem[]): boolean {
    const [first, second, third, fourth] = this.#kept
    if (this.#kept.length === 1 && first === 13) return false
    if (first !== 13 || second !== 10) {
      this.#drop(1)
      return true
    }
    const isPing = third === 13 && fourth === 10
    if (!isPing && third === 13 && this.#kept.length === 3) return false
    items.push(isPing || this.#hadLoneCrlf ? 'ping' : 'pong')
    this.#hadLoneCrlf = !isPing && !this.#hadLoneCrlf
    this.#drop(isPing ? 4 : 2)
    return true
  }

  #drop(count: number): void {
    this.#kept = this.#kept.subarray(count)
    this.#searched = 0
  }

  #lose(items: StreamItem[], fault: ParseFault): boolean {
    this.#isLost = true
    this.#kept = nothing
    items.push(fault)
    return false
  }
}

function concat(first: Uint8Array, rest: readonly Uint8Array[]): Uint8Array {
  const [only = nothing] = rest
  if (first.length === 0 && rest.length === 1) return only
  const bytes = new Uint8Array(rest.reduce((sum, chunk) => sum + chunk.length, first.length))
  bytes.set(first)
  let at = first.length
  for (const chunk of rest) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}
