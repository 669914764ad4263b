/** Web Meeting API v6: meetings and their calendars. */
import { z } from 'zod'
import { defineOperations } from './define.ts'
import { examples } from './examples.ts'
import { Meeting, MeetingFilter, MeetingNumber, NewMeeting, UpdateMeeting } from './meeting.ts'
import { BooleanText, Id } from './values.ts'

const access = { kind: 'credential', scope: 'meeting', minRole: 'user' } as const
const tutorial = { ...access, isTutorialCall: true } as const

const data = <T extends z.ZodType>(type: T) => z.object({ data: type })
const ById = z.object({ id: Id })
const IcsToken = z.object({ icsToken: z.string().min(32).max(100) })

const common = ['unauthenticated', 'not_allowed', 'rate_limited'] as const
const writing = [
  ...common,
  'invalid_request',
  'not_found',
  'precondition_failed',
  'idempotency_mismatch',
  'conflict',
] as const
const { meeting, newMeeting, updateMeeting } = examples

export const meetingOperations = defineOperations({
  createMeeting: {
    surface: 'meeting',
    tag: 'Meetings',
    method: 'POST',
    path: '/api/v6/meeting',
    access: tutorial,
    summary: 'Schedule a meeting on behalf of a user',
    description:
      'With an instance key, `X-USER-ID` or `X-USER-EMAIL` says for whom. With an account’s key they are optional: without them its first administrator is the organizer.',
    body: NewMeeting,
    result: data(Meeting),
    errors: [...writing, 'room_limit'],
    example: { body: newMeeting, result: { data: meeting } },
  },
  listMeetings: {
    surface: 'meeting',
    tag: 'Meetings',
    method: 'GET',
    path: '/api/v6/meeting',
    access,
    summary: 'List meetings, earliest first',
    query: MeetingFilter,
    result: z.object({
      data: z.array(Meeting),
      total: z.int().meta({ description: 'How many match, without `limit`.' }),
    }),
    errors: [...common, 'invalid_request'],
    example: { result: { data: [meeting], total: 1 } },
  },
  getMeeting: {
    surface: 'meeting',
    tag: 'Meetings',
    method: 'GET',
    path: '/api/v6/meeting/{id}',
    access,
    summary: 'Read one meeting by its id or its 16-digit number',
    params: z.object({ id: z.union([Id, MeetingNumber]) }),
    result: data(Meeting),
    errors: [...common, 'not_found'],
    example: { result: { data: meeting } },
  },
  updateMeeting: {
    surface: 'meeting',
    tag: 'Meetings',
    method: 'PUT',
    path: '/api/v6/meeting/{id}/{notifyParticipants}',
    access: tutorial,
    summary: 'Change a meeting: absent fields stay, null clears',
    description:
      '`notifyParticipants` says whether the invited are to be told. It stands in the event `meeting.updated`; mails become active with invitations.',
    params: z.object({ id: Id, notifyParticipants: BooleanText }),
    body: UpdateMeeting,
    result: data(Meeting),
    errors: writing,
    example: {
      body: updateMeeting,
      result: {
        data: {
          ...meeting,
          topic: updateMeeting.topic,
          startTime: updateMeeting.startTime,
          endTime: updateMeeting.endTime,
          icalSequence: '1',
        },
      },
    },
  },
  deleteMeeting: {
    surface: 'meeting',
    tag: 'Meetings',
    method: 'DELETE',
    path: '/api/v6/meeting/{id}',
    access,
    summary: 'Delete a meeting; whoever is in it is told that it ended',
    params: ById,
    result: data(z.object({ id: z.string() }).meta({ id: 'Deleted' })),
    errors: writing,
    example: { result: { data: { id: meeting.id } } },
  },
  closeMeeting: {
    surface: 'meeting',
    tag: 'Meetings',
    method: 'POST',
    path: '/api/v6/meeting/{id}/close',
    access,
    summary: 'Close a meeting for everybody; closing a closed one changes nothing',
    params: ById,
    result: data(Meeting),
    errors: writing,
    example: { result: { data: { ...meeting, dtClosedAt: '2020-04-07T09:40:00.000Z' } } },
  },
  getUserCalendar: {
    surface: 'meeting',
    tag: 'Calendars',
    method: 'GET',
    path: '/api/v6/meeting/calender/user/{icsToken}',
    access: { kind: 'public' },
    summary: 'All meetings of a user as iCalendar; the token is the permission',
    params: IcsToken,
    result: z.string(),
    mediaType: 'text/calendar',
    errors: ['not_found', 'rate_limited'],
  },
  getMeetingCalendar: {
    surface: 'meeting',
    tag: 'Calendars',
    method: 'GET',
    path: '/api/v6/meeting/calender/meeting/{icsToken}',
    access: { kind: 'public' },
    summary: 'One meeting as iCalendar; the token is the permission',
    params: IcsToken,
    result: z.string(),
    mediaType: 'text/calendar',
    errors: ['not_found', 'rate_limited'],
  },
})
