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

const toLocal = (at: Date, timezone: string): string =>
  Temporal.Instant.fromEpochMilliseconds(at.getTime())
    .toZonedDateTimeISO(timezone)
    .toPlainDateTime()
    .toString({ smallestUnit: 'millisecond' })
