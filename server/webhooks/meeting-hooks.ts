/**
 * `format: "meeting_v6"`: events of meetings as the hooks of the Web Meeting API, whose body is the bare meeting. What
 * opens something (`icsToken`, `hostUrl`) is not in the log, so it is not here either; `isActive` is there where the event
 * itself tells it.
 */
import type { EventType } from '../../contract/events.ts'
import { earlyMs } from '../store/meetings.ts'

const hooks = {
  'meeting.scheduled': { name: 'onMeetingScheduled', isActive: false },
  'meeting.updated': { name: 'onMeetingUpdated', isActive: undefined },
  'meeting.ended': { name: 'onMeetingClosed', isActive: false },
  'meeting.cancelled': { name: 'onMeetingDeleted', isActive: false },
  'meeting.participant_joined': { name: 'onMeetingJoined', isActive: true },
  'meeting.participant_left': { name: 'onMeetingLeft', isActive: undefined },
} as const

type HookType = keyof typeof hooks

export const isHook = (type: EventType): type is HookType & EventType => Object.hasOwn(hooks, type)

interface MeetingBody {
  readonly startTime: string
  readonly endTime: string
  readonly dtClosedAt: string | null
}

interface MeetingEvent {
  readonly type: EventType
  readonly recorded_at: string
  /** Null after an erasure. */
  readonly data: {
    readonly meeting?: MeetingBody
    readonly after?: MeetingBody
    readonly participant?: unknown
  } | null
}

export interface Hook {
  readonly name: string
  readonly body: string
}

/** Null: the event's data was erased, or it is no hook. */
export function toHook(text: string): Hook | null {
  const { type, data, recorded_at }: MeetingEvent = JSON.parse(text)
  const meeting = data?.after ?? data?.meeting
  if (!isHook(type) || !meeting) return null
  const { name, isActive } = hooks[type]
  const now = Date.parse(recorded_at)
  const isOver = type === 'meeting.ended' || type === 'meeting.cancelled' || meeting.dtClosedAt !== null
  const isClosed = isOver || (isActive !== true && now >= Date.parse(meeting.endTime))
  const isOpen = !isClosed && now >= Date.parse(meeting.startTime) - earlyMs
  const phase = { ...(isActive !== undefined && { isActive }), isClosed, isOpen }
  const participant = data?.participant === undefined ? {} : { participant: data.participant }
  return { name, body: JSON.stringify({ ...meeting, ...phase, ...participant }) }
}
