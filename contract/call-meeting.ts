/** Calls and meetings: by telephone into a meeting. */
import { z } from 'zod'
import { ofLeg, verb } from './call-command.ts'
import { defineOperations } from './define.ts'
import { examples } from './examples.ts'

export const MeetingTarget = z
  .strictObject({
    meeting_id: z
      .string()
      .regex(/^([0-9a-f]{24}|\d{4}(-?\d{4}){3})$/, 'must be the id of a meeting, or its number of 16 digits')
      .meta({ description: 'Its `id`, or its number (`meetingId`), of this account.' }),
  })
  .meta({ id: 'MeetingTarget', description: 'A meeting that can be joined now.' })

export const callMeetingOperations = defineOperations({
  moveCallToMeeting: verb({
    path: '/v3.0/realtime/calls/{call_id}/to_meeting',
    summary: 'Take the other side of a call into a meeting, by telephone; this side leaves',
    description:
      'It hears everybody there and is heard by everybody, as a participant with a number in place of a picture. The events are `call.joined_meeting` and `meeting.participant_joined`. The call ends when the phone hangs up, is removed, or the meeting ends.',
    data: { ...ofLeg, ...MeetingTarget.shape },
    asked: { meeting_id: examples.meeting.id },
    event: 'call.joined_meeting',
  }),
})
