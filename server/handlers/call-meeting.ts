/** Calls that go on in meetings (meeting/phones.ts). */
import type { Handlers } from './call.ts'
import { legOf } from './call-control.ts'
import { giveCommand } from './command.ts'
import { placeIn } from './meeting-place.ts'

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
