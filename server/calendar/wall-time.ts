/**
 * Meetings keep the wall time that was agreed and the zone it was agreed in; instants are derived (RFC 5545 §3.3.5,
 * form 3). A wall time that a clock change skips is moved forward, one that it repeats is its first (as RFC 5545 says).
 */
import { Temporal } from 'temporal-polyfill'

export interface WallTime {
  /** `2026-05-04T09:00:00.000`, in `timezone`. */
  readonly local: string
  readonly at: Date
}

const hasOffset = /(?:Z|[+-]\d{2}:?\d{2})$/i

/** An instant with offset, or wall time without. */
export function readTime(text: string, timezone: string): WallTime {
  if (!hasOffset.test(text)) return fromLocal(text, timezone)
  const at = new Date(text)
  return { local: toLocal(at, timezone), at }
}

export const fromDate = (at: Date, timezone: string): WallTime => ({ local: toLocal(at, timezone), at })

export function fromLocal(local: string, timezone: string): WallTime {
  const zoned = Temporal.PlainDateTime.from(local).toZonedDateTime(timezone, { disambiguation: 'compatible' })
  const rounded = zoned.toPlainDateTime().toString({ smallestUnit: 'millisecond' })
  return { local: rounded, at: new Date(zoned.epochMilliseconds) }
}

/** Years before 1900 and after 9000 do not come here: the contract refuses them. */
const toLocal = (at: Date, timezone: string): string =>
  new Date(at.getTime() + offsetMs(at, timezone)).toISOString().slice(0, -1)

const minuteMs = 60_000
const mostKept = 50_000
const offsets = new Map<string, number>()

/** Meetings begin at the same round times, and asking a zone's rules costs more than all else of an answer. */
function offsetMs(at: Date, timezone: string): number {
  const minute = Math.floor(at.getTime() / minuteMs)
  const name = `${timezone} ${minute}`
  const known = offsets.get(name)
  if (known !== undefined) return known
  // No zone changes its clock within a minute.
  const zoned = Temporal.Instant.fromEpochMilliseconds(minute * minuteMs).toZonedDateTimeISO(timezone)
  const offset = zoned.offsetNanoseconds / 1e6
  if (offsets.size >= mostKept) offsets.clear()
  offsets.set(name, offset)
  return offset
}
