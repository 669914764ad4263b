/** Prints a calendar with everything that is hard in it; run in several time zones by calendar.test.ts. */
import { formatFeed } from '../server/calendar/feed.ts'
import { fromDate, fromLocal } from '../server/calendar/wall-time.ts'
import type { MeetingRow } from '../server/store/meetings.ts'

export interface Sample {
  readonly id: string
  readonly topic: string
  readonly local: string
  readonly timezone: string
}

/** By hand from the rules of the zones: what a wall time is as an instant. */
export const samples: readonly (Sample & { readonly at: string })[] = [
  sample('1', 'Comma, semicolon; colon: "quoted" \\ backslash', '2030-01-15T09:00:00', 'Europe/Brussels', '08:00'),
  sample('2', 'Zomertijd', '2030-07-15T09:00:00', 'Europe/Brussels', '07:00'),
  sample('3', 'Skipped by the clock', '2030-03-31T02:30:00', 'Europe/Brussels', '01:30'),
  sample('4', 'Repeated by the clock', '2030-10-27T02:30:00', 'Europe/Brussels', '00:30'),
  sample('5', 'New York', '2030-11-03T01:30:00', 'America/New_York', '05:30'),
  sample('6', 'Without a zone of its own', '2030-05-01T12:00:00', 'UTC', '12:00'),
  sample('7', 'Half an hour off', '2030-05-01T12:00:00', 'Asia/Kolkata', '06:30'),
  sample('8', `${'Folded ünïcödé 😀 '.repeat(12)}end`, '2030-05-01T12:00:00', 'Australia/Lord_Howe', '01:30'),
  sample('9', 'An old name', '2030-05-01T12:00:00', 'Europe/Kiev', '09:00'),
]

function sample(id: string, topic: string, local: string, timezone: string, time: string) {
  return { id: id.repeat(24), topic, local, timezone, at: `${local.slice(0, 10)}T${time}:00.000Z` }
}

function toRow({ id, topic, local, timezone }: Sample): MeetingRow {
  const starts = fromLocal(local, timezone)
  const ends = new Date(starts.at.getTime() + 3_600_000)
  const stamp = new Date('2030-01-01T00:00:00Z')
  return {
    ...{ id, topic, timezone, startsLocal: starts.local, startsAt: starts.at, endsAt: ends },
    endsLocal: fromDate(ends, timezone).local,
    ...{ accountId: 'a', roomId: 'r', addedByUserId: 'u', resourceSeq: 1, number: '9974765388860485', duration: '60' },
    ...{ type: 'standard', agenda: 'First; line\r\nSecond, line\tand "more"', isRecurring: false, recurring: {} },
    ...{ isRecorded: false, isDialin: false, invitedParticipants: [], documents: [], meetingPermissionId: null },
    ...{ videoResolution: 'standard', icalSequence: 7, icsToken: 't', startedAt: null, closedAt: null },
    ...{ createdAt: stamp, updatedAt: stamp, email: 'test@example.com', firstName: 'Te;st', lastName: 'Us,er "U"' },
    isActive: false,
  }
}

export const formatSample = (showsAddresses = true): string =>
  formatFeed({
    name: 'Te;st, "User"',
    host: 'meet.example.com',
    meetings: samples.map(toRow),
    joinUrl: (number) => `https://meet.example.com/meet/${number}`,
    showsAddresses,
  })

if (import.meta.main) process.stdout.write(formatSample())
