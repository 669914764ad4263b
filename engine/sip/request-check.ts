/**
 * What is wrong with a request before anybody looks at what it wants (RFC 3261 §8.2.1-§8.2.3): method, hops, required
 * extensions, body. The answer, or null.
 */
import { hasUnknownBody } from './body.ts'
import type { ResponseParts } from './format.ts'
import { numberHeader, unknownExtensions } from './headers.ts'
import { allow } from './leg-headers.ts'
import type { SipMessage } from './message.ts'

/** Whose requests belong to legs. In a dialog that is none of ours they are a 481 (T5); others may be a subscription's. */
export const dialogMethods: ReadonlySet<string> = new Set(
  'INVITE BYE PRACK UPDATE INFO REFER OPTIONS MESSAGE'.split(' '),
)
const extensions: ReadonlySet<string> = new Set(['100rel', 'timer', 'replaces', 'norefersub'])
/** Methods that somebody defined: a refusal of them is a 405, of others a 501 (§21.5.2). */
const otherMethods: ReadonlySet<string> = new Set('ACK CANCEL REGISTER SUBSCRIBE NOTIFY PUBLISH'.split(' '))

export function refusalOf(request: SipMessage): ResponseParts | null {
  const { method } = request
  if (!dialogMethods.has(method)) return otherMethods.has(method) ? null : { status: 501, headers: [allow] }
  // RFC 7332 §4: an agent that passes calls on ends loops as a proxy does.
  if (method === 'INVITE' && numberHeader(request, 'max-forwards') === 0) return { status: 483 }
  if (method === 'INVITE' && !isDialable(request)) return { status: 416 }
  const unknown = unknownExtensions(request, extensions)
  if (unknown.length > 0) return { status: 420, headers: [['Unsupported', unknown.join(', ')]] }
  return bodyRefusal(request)
}

function bodyRefusal(request: SipMessage): ResponseParts | null {
  const { method } = request
  const isOffer = method === 'INVITE' || method === 'UPDATE' || method === 'PRACK'
  if (!isOffer || request.body.length === 0) return null
  const encoding = request.header('content-encoding')
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    return { status: 415, headers: [['Accept-Encoding', 'identity']] }
  }
  return hasUnknownBody(request, ['application/sdp']) ? { status: 415, headers: [['Accept', 'application/sdp']] } : null
}

const isDialable = ({ requestUri }: SipMessage): boolean =>
  requestUri !== null && (requestUri.scheme === 'sip' || requestUri.scheme === 'sips' || requestUri.scheme === 'tel')
