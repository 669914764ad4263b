/** Session descriptions in bodies: alone, or as a part of a multipart one (RFC 5621), as carriers with ISUP send it. */
import { contentType, parseWord } from './headers.ts'
import type { SipMessage } from './message.ts'

/** Null when there is none. */
export function sdpOf(message: SipMessage): string | null {
  if (message.body.length === 0) return null
  const type = contentType(message)
  // A body of a message without Content-Type is not a message at all (§20.15); SDP is what it means.
  if (type === 'application/sdp' || type === '') return message.text
  return type.startsWith('multipart/') ? partOf(message, 'application/sdp') : null
}

/** Whether the message has a body that we must understand and do not: a 415 (RFC 3261 §8.2.3). */
export function hasUnknownBody(message: SipMessage, known: readonly string[]): boolean {
  if (message.body.length === 0) return false
  const type = contentType(message)
  if (type === '' || known.includes(type)) return false
  if (type.startsWith('multipart/') && known.some((one) => partOf(message, one) !== null)) return false
  return (
    parseWord(message.header('content-disposition') ?? '')
      ?.params.get('handling')
      ?.toLowerCase() !== 'optional'
  )
}

function partOf(message: SipMessage, type: string): string | null {
  const boundary = parseWord(message.header('content-type') ?? '')?.params.get('boundary')
  if (boundary === undefined || boundary === '') return null
  for (const part of `\r\n${message.text}`.split(`\r\n--${boundary}`).slice(1)) {
    const end = part.indexOf('\r\n\r\n')
    if (end === -1) continue
    const head = part.slice(0, end)
    if (/^content-type[ \t]*:[ \t]*([^;\s]+)/im.exec(head)?.[1]?.toLowerCase() === type) return part.slice(end + 4)
  }
  return null
}
