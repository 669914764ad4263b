/** Verbs of calls in which more than two take part, or one: consultation, parking, picking up, supervision, recording. */
import { z } from 'zod'
import { CallTarget, ofLeg, PhoneTarget, verb } from './call-command.ts'
import { SupervisionMode } from './call.ts'
import { defineOperations } from './define.ts'
import { telephonyIds } from './telephony-examples.ts'

const calls = '/v3.0/realtime/calls'
const consultant = {
  leg_id: ofLeg.leg_id.meta({
    description: 'Who consults. Absent: oneself; of a key or an administrator whoever does.',
  }),
}
const byPhone = {
  by: PhoneTarget.optional().meta({ description: 'Whose phone is called for it. Absent: one’s own.' }),
  auto_answer: z
    .boolean()
    .optional()
    .meta({ description: 'The phone answers by itself where it can; else it rings for half a minute.' }),
}
const byBob = { by: { user_id: telephonyIds.user }, auto_answer: true }

export const callStepOperations = defineOperations({
  consultForCall: verb({
    path: `${calls}/{call_id}/consult`,
    summary: 'Call a third to consult while the other side waits with music',
    description:
      'With the rights, and at the cost, of this side. `complete`, `cancel` or `merge` goes on from there; so does this side hanging up once the third has answered: then the two others are joined.',
    data: { ...ofLeg, to: CallTarget },
    asked: { to: { number: '1003' } },
    event: 'call.consultation_started',
  }),
  completeConsultation: verb({
    path: `${calls}/{call_id}/complete`,
    summary: 'Join who waits with who was consulted; this side leaves',
    data: consultant,
    asked: {},
    event: 'call.transferred',
  }),
  cancelConsultation: verb({
    path: `${calls}/{call_id}/cancel`,
    summary: 'Give up a consultation and talk to who waits',
    data: consultant,
    asked: {},
    event: 'call.consultation_ended',
  }),
  mergeConsultation: verb({
    path: `${calls}/{call_id}/merge`,
    summary: 'Talk to both: all three hear each other, until one leaves',
    data: consultant,
    asked: {},
    event: 'call.merged',
  }),
  parkCall: verb({
    path: `${calls}/{call_id}/park`,
    summary: 'Leave the other side waiting with music, to be retrieved',
    description:
      'This side leaves the call, which goes on with one. After five minutes this side’s phone is called back; when nobody answers there either, the call ends.',
    data: ofLeg,
    asked: {},
    event: 'call.parked',
  }),
  retrieveCall: verb({
    path: `${calls}/{call_id}/retrieve`,
    summary: 'Call a phone and join it to who is parked',
    description:
      'The event is `call.retrieved`, when the phone was answered; `call.command_failed` when it was not, and the call stays parked. People retrieve with their own phones only.',
    data: byPhone,
    asked: byBob,
    event: 'call.retrieved',
  }),
  pickUpCall: verb({
    path: `${calls}/{call_id}/pickup`,
    summary: 'Take a call that rings elsewhere',
    description:
      'A phone is called beside those that ring; whoever answers first has the call. The event is `call.answered`. People pick up with their own phones only.',
    data: byPhone,
    asked: byBob,
    event: 'call.answered',
  }),
  monitorCall: verb({
    path: `${calls}/{call_id}/monitor`,
    summary: 'Listen to a call, and be heard by nobody, by one side or by all',
    description:
      'For administrators and keys. The phone of `by` is called and joined; asked again for the same phone, `mode` is changed. Whoever listens ends it by hanging up, which ends nothing else. Who takes part can see it in the call (`supervisors`). Emergency calls are not listened to.',
    data: {
      ...byPhone,
      mode: SupervisionMode,
      leg_id: ofLeg.leg_id.meta({ description: 'Whom a `whisper` reaches. Absent: the only phone of the account.' }),
    },
    asked: { ...byBob, mode: 'monitor' },
    event: 'call.monitor_started',
  }),
  recordCall: verb({
    path: `${calls}/{call_id}/record`,
    summary: 'Record a call, or pause, resume or stop it',
    description:
      'Both sides, one on each channel of a WAV file. It goes on when the call is passed on, and ends with it; then `recording.ready` or `recording.failed` follows. People record their own calls. Emergency calls are not recorded. Whether those who are recorded must be told, and agree, is for you to see to.',
    data: { action: z.enum(['start', 'pause', 'resume', 'stop']) },
    asked: { action: 'start' },
    event: 'call.recording_started',
  }),
})
