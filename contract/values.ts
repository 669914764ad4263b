/** The small shapes that many objects share. */
import { z } from 'zod'

export const Id = z
  .string()
  .regex(/^[0-9a-f]{24}$/, 'must be 24 hexadecimal digits')
  .meta({ id: 'Id', description: 'The internal id of an object: 24 hexadecimal digits, the same on every API.' })

export const KeyId = z
  .string()
  .regex(/^key_[0-9a-f]{24}$/, 'must be key_ and 24 hexadecimal digits')
  .meta({ id: 'KeyId' })

export const Timestamp = z.iso.datetime().meta({ id: 'Timestamp', description: 'RFC 3339, milliseconds, UTC.' })

/** Years that every calendar, database and clock involved can write, whatever the zone. */
export function isOurAge(text: string): boolean {
  const year = Number(text.slice(0, 4))
  return year >= 1900 && year <= 9000
}

/** What callers may send as an instant: with an offset, any number of digits after the second. */
export const TimestampInput = z.iso
  .datetime({ offset: true })
  .refine(isOurAge, 'must be between the years 1900 and 9000')
  .meta({ id: 'TimestampInput', description: 'RFC 3339 with `Z` or an offset.' })

/** One line: CR, LF, NUL and other control characters would reach mail headers, calendars and terminals. */
export const line = (max: number) =>
  z
    .string()
    .max(max)
    .regex(/^[^\p{Cc}\u2028\u2029]*$/u, 'must be one line without control characters')

export const Email = z
  .email()
  .max(254)
  .regex(/^[^\p{Cc}]*$/u)
  .meta({ id: 'Email' })

const zones = new Set(Intl.supportedValuesOf('timeZone'))

/** Old names (`Europe/Kiev`) and `UTC` are not in the list, but the runtime knows them. */
function isZone(name: string): boolean {
  if (zones.has(name)) return true
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return /^[A-Za-z]/.test(name)
  } catch {
    return false
  }
}

export const TimeZone = z
  .string()
  .max(64)
  .refine(isZone, 'must be an IANA time zone such as Europe/Brussels')
  .meta({ id: 'TimeZone', description: 'An IANA time zone.', examples: ['Europe/Brussels'] })

export const LanguageTag = z
  .string()
  .regex(/^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/, 'must be a language such as en or fr-BE')
  .max(35)
  .meta({ id: 'LanguageTag', description: 'BCP 47.', examples: ['en'] })

/** Strings `true` and `false`, as they stand in paths and queries. */
export const BooleanText = z.enum(['true', 'false'])

/** Any JSON value: bodies come out of `JSON.parse`, so there is nothing more to check. */
export const JsonValue = z.unknown().meta({ description: 'Any JSON value.' })
