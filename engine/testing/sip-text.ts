/** SIP messages written by hand in tests, and what was sent read back. */
import type { Hop } from '../sip/hop.ts'
import { parseMessage, type SipMessage } from '../sip/message.ts'
import { encodeText } from '../sip/text.ts'

/** Parses lines; a body follows an empty one. Content-Length is counted. */
export function sip(...lines: string[]): SipMessage {
  const empty = lines.indexOf('')
  const head = empty === -1 ? lines : lines.slice(0, empty)
  const body = empty === -1 ? '' : lines.slice(empty + 1).join('\r\n')
  const text = [...head, `Content-Length: ${encodeText(body).length}`, '', body].join('\r\n')
  return parsed(encodeText(text))
}

export function parsed(bytes: Uint8Array): SipMessage {
  const message = parseMessage(bytes)
  if (message.isFault) throw new Error(`not a SIP message: ${message.reason}`)
  return message
}

export interface RequestOptions {
  branch?: string
  via?: string
  uri?: string
  callId?: string
  cseq?: number
  fromTag?: string
  toTag?: string
  more?: string[]
  body?: string
}

/** A request of a peer at 192.0.2.7 with everything that §8.1.1 asks for. */
export function aRequest(method: string, options: RequestOptions = {}): SipMessage {
  const { branch = 'z9hG4bK1', uri = 'sip:bob@pbx.example', callId = 'call-1', cseq = 1, fromTag = 'alice' } = options
  const { toTag = '', more = [], body = '', via = 'SIP/2.0/UDP 192.0.2.7:5060' } = options
  const cseqMethod = method
  return sip(
    `${method} ${uri} SIP/2.0`,
    `Via: ${via}${branch === '' ? '' : `;branch=${branch}`};rport`,
    'Max-Forwards: 70',
    `From: "Alice" <sip:alice@pbx.example>;tag=${fromTag}`,
    `To: <sip:bob@pbx.example>${toTag === '' ? '' : `;tag=${toTag}`}`,
    `Call-ID: ${callId}`,
    `CSeq: ${cseq} ${cseqMethod}`,
    ...more,
    '',
    ...(body === '' ? [] : [body]),
  )
}

/** An answer of a peer to a request of ours. */
export function anAnswer(
  request: SipMessage,
  status: number,
  options: { tag?: string; more?: string[]; body?: string } = {},
) {
  const { tag = 'bob', more = [], body = '' } = options
  return sip(
    `SIP/2.0 ${status} Whatever`,
    ...request.headers('via').map((via) => `Via: ${via}`),
    `From: ${request.header('from')}`,
    `To: ${request.header('to')}${request.toTag === '' && tag !== '' && status > 100 ? `;tag=${tag}` : ''}`,
    `Call-ID: ${request.callId}`,
    `CSeq: ${request.header('cseq')}`,
    ...request.headers('record-route').map((route) => `Record-Route: ${route}`),
    ...more,
    '',
    ...(body === '' ? [] : [body]),
  )
}

export const peerHop: Hop = { transport: 'udp', address: '192.0.2.7', port: 5060, flow: 'udp-1' }
