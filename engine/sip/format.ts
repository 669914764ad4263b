/**
 * Messages to bytes. Content-Length is always written, last, and no value can begin a line of its own: what came from a
 * peer or a person may contain line ends, which become spaces.
 */
import type { SipMessage } from './message.ts'
import { reasonOf } from './status.ts'
import { encodeText } from './text.ts'

export type HeaderLine = readonly [name: string, value: string]

export interface RequestParts {
  readonly method: string
  readonly uri: string
  /** Via, Max-Forwards, From, To, Call-ID and CSeq among them, in the order in which they are to stand. */
  readonly headers: readonly HeaderLine[]
  readonly body?: string | Uint8Array
}

export function formatRequest({ method, uri, headers, body = '' }: RequestParts): Uint8Array {
  return join(`${method} ${oneLine(uri)} SIP/2.0\r\n${formatLines(headers)}`, body)
}

export interface ResponseParts {
  readonly status: number
  /** The usual phrase, unless given. */
  readonly reason?: string
  /** Put on To when the request had none there; §8.2.6.2 wants one on all but 100. */
  readonly toTag?: string
  readonly headers?: readonly HeaderLine[]
  readonly body?: string | Uint8Array
}

/** §8.2.6: Via (as stamped with the source), From, To, Call-ID, CSeq, and where dialogs begin Record-Route, from the request. */
export function formatResponse(request: SipMessage, parts: ResponseParts): Uint8Array {
  const { status, reason = reasonOf(status), toTag = '', headers = [], body = '' } = parts
  let text = `SIP/2.0 ${status} ${oneLine(reason)}\r\n`
  let isTagged = false
  request.forEachLine((name, value) => {
    if (name === 'via') text += `Via: ${oneLine(value)}\r\n`
    else if (name === 'from') text += `From: ${oneLine(value)}\r\n`
    else if (name === 'to' && !isTagged) {
      isTagged = true
      text += `To: ${oneLine(value)}${request.toTag === '' && toTag !== '' ? `;tag=${toTag}` : ''}\r\n`
    } else if (name === 'call-id') text += `Call-ID: ${oneLine(value)}\r\n`
    else if (name === 'cseq') text += `CSeq: ${oneLine(value)}\r\n`
    // §12.1.1: "copy all Record-Route header field values from the request into the response"; §8.2.6.1 for Timestamp.
    else if (name === 'record-route' && status > 100 && status < 300) text += `Record-Route: ${oneLine(value)}\r\n`
    else if (name === 'timestamp' && status === 100) text += `Timestamp: ${oneLine(value)}\r\n`
  })
  return join(text + formatLines(headers), body)
}

function formatLines(headers: readonly HeaderLine[]): string {
  let text = ''
  for (const [name, value] of headers) text += `${name}: ${oneLine(value)}\r\n`
  return text
}

/** Line ends and NUL in text are somebody's attempt at more than a value. */
function oneLine(value: string): string {
  for (let at = 0; at < value.length; at++) {
    const code = value.charCodeAt(at)
    if (code === 13 || code === 10) return value.replace(/[\r\n]+/g, ' ')
  }
  return value
}

function join(head: string, body: string | Uint8Array): Uint8Array {
  // Descriptions are ASCII, which has as many bytes as characters.
  if (body.length === 0 || (typeof body === 'string' && isAscii(body))) {
    return encodeText(`${head}Content-Length: ${body.length}\r\n\r\n${body}`)
  }
  const content = typeof body === 'string' ? encodeText(body) : body
  const before = encodeText(`${head}Content-Length: ${content.length}\r\n\r\n`)
  const bytes = new Uint8Array(before.length + content.length)
  bytes.set(before)
  bytes.set(content, before.length)
  return bytes
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII
const isAscii = (text: string): boolean => !/[^\x00-\x7f]/.test(text)
