/** Calls that go on in meetings (meeting/phones.ts). */
import type { MeetingLink, MeetingRefusal } from '../../engine/call/command.ts'
import type { Refusal } from '../meeting/phones.ts'
import type { Call, Handlers } from './call.ts'
import { legOf } from './call-control.ts'
import { giveCommand } from './command.ts'

export const callMeetingHandlers: Handlers<'moveCallToMeeting'> = {
  moveCallToMeeting(call) {
    const { params, body } = call
    return giveCommand(call, {
      verb: 'to_meeting',
      operation: 'to_meeting',
      callId: params.call_id,
      id: body.data.command_id,
      idField: 'command_id',
      request: { params, body },
      make: async (parts) => {
        const meeting = await placeIn(call, body.data.meeting_id)
        return { type: 'act', action: { type: 'to_meeting', leg: legOf(call), meeting }, ...parts }
      },
    })
  },
}

const words: Readonly<Record<Refusal, string>> = {
  not_found: 'there is no such meeting',
  too_early: 'the meeting cannot be joined yet',
  closed: 'the meeting is over',
  full: 'the meeting has as many participants as it may have',
}

/** A place in a meeting of the account, or why there is none: nobody could join it then either. */
export async function placeIn(
  { app, who }: Pick<Call<'moveCallToMeeting'> | Call<'originateCall'>, 'app' | 'who'>,
  meetingId: string,
): Promise<MeetingLink | MeetingRefusal> {
  const place = await app.phones.invite(who.accountId, meetingId)
  return typeof place === 'string' ? { refusal: words[place] } : place
}
