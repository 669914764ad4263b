/** DTMF in SIP INFO (T23), as phones and gateways send it: application/dtmf-relay and application/dtmf. No RFC says how. */
import { contentType } from './headers.ts'
import type { SipMessage } from './message.ts'

export const dtmfTypes = ['application/dtmf-relay', 'application/dtmf']

/** Null when it is something else, or no key: 16 is a hook flash. */
export function parseDtmf(info: SipMessage): string | null {
  const type = contentType(info)
  if (type === 'application/dtmf') return keyOf(info.text.trim())
  if (type !== 'application/dtmf-relay') return null
  const signal = /^[ \t]*signal[ \t]*=[ \t]*([^\r\n]*)/im.exec(info.text)?.[1]
  return signal === undefined ? null : keyOf(signal.trim())
}

export const formatDtmf = (digit: string, durationMs: number): string => `Signal=${digit}\r\nDuration=${durationMs}\r\n`

/** The key itself, or its event number of RFC 4733. */
function keyOf(text: string): string | null {
  if (/^[0-9*#A-D]$/i.test(text)) return text.toUpperCase()
  return /^1[0-5]$/.test(text) ? ('*#ABCD'[Number(text) - 10] ?? null) : null
}
