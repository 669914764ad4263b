/** Steering calls: placing one, and what one of its sides does by the API in place of its phone. */
import { z } from 'zod'
import { callExamples } from './call.ts'
import {
  ByCallId,
  callControl,
  CallTarget,
  commandExample,
  CommandId,
  ofLeg,
  PhoneTarget,
  verb,
} from './call-command.ts'
import { MeetingTarget } from './call-meeting.ts'
import { defineOperations } from './define.ts'
import { reading } from './resource.ts'
import { LiveCall } from './snapshot.ts'
import { telephonyIds } from './telephony-examples.ts'
import { line } from './values.ts'

const Digits = z
  .string()
  .regex(/^[0-9A-Da-d*#,]{1,64}$/, 'must be 1 to 64 of 0-9, A-D, *, # and , (a pause of a second)')

const ShownCallerId = z
  .strictObject({
    number: line(40).min(1).nullable().optional().meta({ description: 'A phone number of the account, in E.164.' }),
    name: line(80).min(1).nullable().optional(),
  })
  .meta({ id: 'ShownCallerId' })

const NewCall = z.strictObject({
  from: PhoneTarget.optional().meta({
    description: 'Whose phones ring first: of a user the `quickcall_device`, or else all. Absent: one’s own.',
  }),
  to: z.union([...CallTarget.options, MeetingTarget]),
  auto_answer: z.boolean().optional().meta({
    description:
      'The phone of `from` answers by itself, where it knows Call-Info `answer-after=0`, Alert-Info `info=alert-autoanswer` or Answer-Mode; of several only one is called.',
  }),
  caller_id: ShownCallerId.optional().meta({
    description: 'Shown to whoever is called; an emergency call shows its own.',
  }),
  ring_seconds: z.int().min(5).max(120).optional().meta({ description: 'How long `from` rings. Default 30.' }),
  correlation_id: CommandId.optional().meta({
    description: 'The id of this command. Events of the call that no other command caused carry it too.',
  }),
})

const calls = '/v3.0/realtime/calls'

export const callControlOperations = defineOperations({
  originateCall: {
    ...callControl,
    method: 'PUT',
    path: calls,
    summary: 'Place a call: the phones of `from` ring, then `to` is called',
    description:
      'The call is made as if that phone had dialled: with its rights, limits and caller id. People call from their own phones only. The event is `call.started`.',
    body: z.strictObject({ data: NewCall }),
    example: {
      body: { data: { from: { device_id: telephonyIds.device }, to: { number: '+3225550199' }, auto_answer: true } },
      result: { data: commandExample('call.started') },
    },
  },
  getLiveCall: reading({
    tag: 'Call control',
    path: `${calls}/{call_id}`,
    minRole: 'user',
    scope: 'realtime',
    summary: 'Read a call that is going on, with its legs',
    description: 'Needs `telephony:read` too. People see calls that they are in.',
    params: ByCallId,
    data: LiveCall,
    example: { ...callExamples.state, resource_seq: 3 },
  }),
  answerCall: verb({
    path: `${calls}/{call_id}/answer`,
    summary: 'Make a phone that rings answer by itself',
    description:
      'A phone that says `Allow-Events: talk` while it rings is told to by NOTIFY. Another one is called anew with the headers of `auto_answer`, and the leg has another id then; a phone that knows none of them rings again. The phones of `from` of a click-to-call may be meant too: their event comes when the called side has answered, or at once where it is a meeting.',
    data: ofLeg,
    asked: {},
    event: 'call.answered',
  }),
  rejectCall: verb({
    path: `${calls}/{call_id}/reject`,
    summary: 'Make a phone that rings stop, as if it were busy',
    description: 'Other phones ring on; when none is left the call goes the way of one that is busy.',
    data: ofLeg,
    asked: {},
    event: 'call.rejected',
  }),
  holdCall: verb({
    path: `${calls}/{call_id}/hold`,
    summary: 'Put the other side on hold: it hears music',
    data: ofLeg,
    asked: {},
    event: 'call.held',
  }),
  unholdCall: verb({
    path: `${calls}/{call_id}/unhold`,
    summary: 'Talk to the other side again',
    description: 'What a phone put on hold by itself is resumed there.',
    data: ofLeg,
    asked: {},
    event: 'call.resumed',
  }),
  muteCall: verb({
    path: `${calls}/{call_id}/mute`,
    summary: 'Mute a side: what it says reaches nobody, and is not recorded',
    data: ofLeg,
    asked: {},
    event: 'call.muted',
  }),
  unmuteCall: verb({
    path: `${calls}/{call_id}/unmute`,
    summary: 'Let a side be heard again',
    data: ofLeg,
    asked: {},
    event: 'call.unmuted',
  }),
  sendCallDigits: verb({
    path: `${calls}/{call_id}/dtmf`,
    summary: 'Send digits to the other side, as if they were pressed',
    description: 'As telephone events (RFC 4733) or INFO, whichever the other side takes. The event tells how many.',
    data: { ...ofLeg, digits: Digits },
    asked: { digits: '12,34#' },
    event: 'call.dtmf_sent',
  }),
  transferCall: verb({
    path: `${calls}/{call_id}/transfer`,
    summary: 'Pass the other side on, blind: this side leaves at once',
    description:
      'With the rights, and at the cost, of this side. When nobody takes the other side, this side’s phone is called back and `call.command_failed` says why.',
    data: { ...ofLeg, to: CallTarget },
    asked: { to: { number: '1003' } },
    event: 'call.transferred',
  }),
  hangUpCall: verb({
    path: `${calls}/{call_id}/hangup`,
    summary: 'End a call',
    description:
      'Without `leg_id` a key or an administrator ends it whole; a person leaves it, which ends it where two talk.',
    data: ofLeg,
    asked: {},
    event: 'call.ended',
  }),
})
