/**
 * Meetings as an RFC 5545 calendar: wall time with TZID and its VTIMEZONE, a UID that never changes, and the SEQUENCE of
 * the meeting, so that a subscribed calendar moves what was moved.
 *
 * NOTE: the generator is given Temporal values only; from a `Date` it writes the hour of the server's own zone.
 */
import { ICalCalendarMethod, ICalEventStatus, default as ical } from 'ical-generator'
import { Temporal } from 'temporal-polyfill'
import { tzlib_get_ical_block } from 'timezones-ical-library'
import { nameOf, type MeetingRow } from '../store/meetings.ts'
import { dashed } from '../ids.ts'

interface Feed {
  readonly name: string
  readonly host: string
  readonly meetings: readonly MeetingRow[]
  readonly joinUrl: (number: string) => string
  /** Without it the organizer's address is left out: who holds the link of one meeting is a guest (S10). */
  readonly showsAddresses: boolean
}

export function formatFeed({ name, host, meetings, joinUrl, showsAddresses }: Feed): string {
  const calendar = ical({
    name: escapeText(plain(name)),
    prodId: { company: 'Carillon', product: 'Carillon', language: 'EN' },
    method: ICalCalendarMethod.PUBLISH,
    timezone: { name: null, generator: timezoneBlock },
  })
  for (const row of meetings) {
    const url = joinUrl(row.number)
    calendar.createEvent({
      id: `${row.id}@${host}`,
      sequence: row.icalSequence,
      stamp: instantOf(row.updatedAt),
      ...spanOf(row),
      summary: plain(row.topic),
      description: [row.agenda, url, dashed(row.number)].filter(Boolean).map(multiline).join('\n\n'),
      location: url,
      url,
      status: ICalEventStatus.CONFIRMED,
      created: instantOf(row.createdAt),
      lastModified: instantOf(row.updatedAt),
      ...(showsAddresses && row.email !== '' && { organizer: { name: plain(nameOf(row)), email: row.email } }),
    })
  }
  return calendar.toString()
}

/**
 * RFC 5545 §3.6.5: "An individual "VTIMEZONE" calendar component MUST be specified for each unique "TZID" parameter
 * value". The library answers an old name (`Europe/Kiev`) with the block of the new one.
 */
function timezoneBlock(timezone: string): string | null {
  const block = tzlib_get_ical_block(timezone)
  const text = Array.isArray(block) ? block[0] : block
  return text ? text.replace(/^TZID:.*$/m, `TZID:${timezone}`) : null
}

/**
 * Wall time in the zone; in UTC where that would say another instant: in the second of two hours that a clock change
 * makes equal, and in zones without rules (`UTC`).
 */
function spanOf({ startsLocal, endsLocal, startsAt, endsAt, timezone }: MeetingRow) {
  const start = zoned(startsLocal, timezone)
  const end = zoned(endsLocal, timezone)
  const isSaid = start.epochMilliseconds === startsAt.getTime() && end.epochMilliseconds === endsAt.getTime()
  return isSaid && timezoneBlock(timezone)
    ? { start, end, timezone }
    : { start: instantOf(startsAt), end: instantOf(endsAt), timezone: null }
}

const zoned = (local: string, timezone: string) =>
  Temporal.PlainDateTime.from(local).toZonedDateTime(timezone, { disambiguation: 'compatible' })

const instantOf = (date: Date) => Temporal.Instant.fromEpochMilliseconds(date.getTime()).toZonedDateTimeISO('UTC')

/** RFC 5545 §3.3.11. NOTE: the generator does it for all texts but the calendar's name. */
const escapeText = (text: string) => text.replaceAll(/[\\;,]/g, (mark) => `\\${mark}`)

/** S9: one line, no control characters. Escaping is the generator's. */
const plain = (text: string) => text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ')
const multiline = (text: string) => text.replaceAll(/\r\n?/g, '\n').replaceAll(/(?!\n)\p{Cc}+/gu, ' ')
