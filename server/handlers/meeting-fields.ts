/** From the fields that callers send to the columns of a meeting: standard values, wall time, and length. */
import type { NewMeeting, UpdateMeeting } from '../../contract/meeting.ts'
import { invalidField } from '../api-error.ts'
import type { Organizer } from '../auth/directory.ts'
import { fromDate, fromLocal, readTime, type WallTime } from '../calendar/wall-time.ts'
import type { MeetingColumns, MeetingRow } from '../store/meetings.ts'
import { changesTo, cleared } from './merge.ts'

const defaultMinutes = 60
const longestMs = 366 * 24 * 3_600_000

/** What a meeting has whose caller says nothing. */
const standardOf = ({ account, user, defaultRoomId }: Organizer) => ({
  roomId: defaultRoomId,
  timezone: user.timezone,
  type: account.defaultMeetingType,
  agenda: '',
  isRecurring: false,
  recurring: {},
  isRecorded: account.defaultMeetingHasRecording,
  isDialin: account.defaultMeetingHasDialin,
  invitedParticipants: [],
  documents: [],
  meetingPermissionId: null,
  videoResolution: 'standard',
})

export function toNewColumns(body: NewMeeting, organizer: Organizer, now: number): MeetingColumns {
  const standard = standardOf(organizer)
  const timezone = body.timezone ?? standard.timezone
  const starts = body.startTime ? readTime(body.startTime, timezone) : fromDate(new Date(now), timezone)
  const ends = body.endTime
    ? readTime(body.endTime, timezone)
    : later(starts, Number(body.duration ?? defaultMinutes), timezone)
  return {
    ...toSpan(starts, ends, timezone),
    roomId: body.roomId ?? standard.roomId,
    topic: body.topic,
    duration: String(body.duration ?? minutesBetween(starts.at, ends.at)),
    type: body.type ?? standard.type,
    agenda: body.agenda ?? standard.agenda,
    isRecurring: body.isRecurring ?? standard.isRecurring,
    recurring: JSON.stringify(body.recurring ?? standard.recurring),
    isRecorded: body.isRecorded ?? standard.isRecorded,
    isDialin: body.isDialin ?? standard.isDialin,
    invitedParticipants: JSON.stringify(body.invitedParticipants ?? standard.invitedParticipants),
    documents: JSON.stringify(body.documents ?? standard.documents),
    meetingPermissionId: body.meetingPermissionId ?? standard.meetingPermissionId,
    videoResolution: body.videoResolution ?? standard.videoResolution,
  }
}

/** The columns that an update changes; none when everything stays as it is. */
export function toChanges(before: MeetingRow, body: UpdateMeeting, organizer: Organizer): Partial<MeetingColumns> {
  const standard = standardOf(organizer)
  const [recurring, invitedParticipants, documents] = (['recurring', 'invitedParticipants', 'documents'] as const).map(
    (name) => {
      const value = cleared<unknown>(body[name], standard[name])
      return value === undefined ? undefined : JSON.stringify(value)
    },
  )
  return changesTo(before, {
    ...changedSpan(before, body, cleared(body.timezone, standard.timezone)),
    roomId: cleared(body.roomId, standard.roomId),
    topic: body.topic,
    type: cleared(body.type, standard.type),
    agenda: cleared(body.agenda, standard.agenda),
    isRecurring: cleared(body.isRecurring, standard.isRecurring),
    recurring,
    isRecorded: cleared(body.isRecorded, standard.isRecorded),
    isDialin: cleared(body.isDialin, standard.isDialin),
    invitedParticipants,
    documents,
    meetingPermissionId: body.meetingPermissionId,
    videoResolution: cleared(body.videoResolution, standard.videoResolution),
  })
}

/** A new zone alone keeps the wall time, a new start alone the length; a new length alone moves the end. */
function changedSpan(before: MeetingRow, body: UpdateMeeting, zone: string | undefined) {
  const { startTime, endTime, duration } = body
  const timezone = zone ?? before.timezone
  const isLonger = duration !== undefined && String(duration) !== before.duration
  if (startTime === undefined && endTime === undefined && !isLonger && timezone === before.timezone) return {}
  const starts = startTime === undefined ? fromLocal(before.startsLocal, timezone) : readTime(startTime, timezone)
  const ends = endOf(before, body, starts, timezone, isLonger)
  const isMoved = ends.at.getTime() - starts.at.getTime() !== before.endsAt.getTime() - before.startsAt.getTime()
  const minutes = duration ?? (isMoved ? minutesBetween(starts.at, ends.at) : before.duration)
  return { ...toSpan(starts, ends, timezone), duration: String(minutes) }
}

function endOf(
  before: MeetingRow,
  body: UpdateMeeting,
  starts: WallTime,
  timezone: string,
  isLonger: boolean,
): WallTime {
  if (body.endTime !== undefined) return readTime(body.endTime, timezone)
  if (isLonger) return later(starts, Number(body.duration), timezone)
  if (body.startTime === undefined) return fromLocal(before.endsLocal, timezone)
  const lengthMs = before.endsAt.getTime() - before.startsAt.getTime()
  return fromDate(new Date(starts.at.getTime() + lengthMs), timezone)
}

const later = (starts: WallTime, minutes: number, timezone: string): WallTime =>
  fromDate(new Date(starts.at.getTime() + minutes * 60_000), timezone)

const minutesBetween = (from: Date, to: Date) => Math.max(1, Math.round((to.getTime() - from.getTime()) / 60_000))

function toSpan(starts: WallTime, ends: WallTime, timezone: string) {
  if (ends.at <= starts.at) throw invalidField('endTime', 'must be after startTime')
  if (ends.at.getTime() - starts.at.getTime() > longestMs) {
    throw invalidField('endTime', 'a meeting may last 366 days at most')
  }
  return { startsLocal: starts.local, endsLocal: ends.local, startsAt: starts.at, endsAt: ends.at, timezone }
}
