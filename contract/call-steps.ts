/** Events of calls in which more than two take part, or one, or that are recorded: what the verbs of call control cause. */
import { z } from 'zod'
import { CallParty, type CallState, callExamples, SupervisionMode, Told } from './call.ts'
import { defineEvents } from './define.ts'
import { examples } from './examples.ts'
import { ParticipantId } from './signalling.ts'
import { Id } from './values.ts'

const { state, record } = callExamples
const carol = { ...record.callee, number: '1003', name: 'Carol Example' }
const example = { call: state, leg_id: 'leg_5e94578578a5e3001f2b8e02' }
const recordingId = '5e94578578a5e3001f2b8e21'

const step = <S extends z.ZodRawShape>(
  summary: string,
  more: S,
  shown: z.output<z.ZodObject<S>> & { readonly call?: z.output<typeof CallState> },
) => ({
  summary,
  resource: 'call',
  scope: 'telephony:read' as const,
  data: Told.extend(more),
  example: { ...example, ...shown },
})

const Consulted = { consulted: CallParty.meta({ description: 'As dialled, until somebody has answered.' }) }
const Supervised = {
  supervisor: CallParty,
  mode: SupervisionMode,
}
const Recorded = { recording_id: Id }

export const callStepEvents = defineEvents({
  'call.consultation_started': step('One side calls a third to consult; the other waits with music.', Consulted, {
    consulted: carol,
  }),
  'call.consultation_answered': step('The third has answered: they talk.', Consulted, { consulted: carol }),
  'call.consultation_ended': step(
    'The consultation is over without a transfer: the two of before talk again, or who is left does.',
    {
      ...Consulted,
      reason: z.enum(['cancelled', 'hung_up', 'other_hung_up', 'busy', 'no_answer', 'unreachable', 'failed']).meta({
        description:
          '`hung_up`: the one consulted did; `other_hung_up`: the one who waited did, and the two others go on.',
      }),
    },
    { consulted: carol, reason: 'cancelled' },
  ),
  'call.merged': step('All three of a consultation hear each other.', {}, {}),
  'call.unmerged': step('One of three left; the two others go on.', {}, {}),
  'call.joined_meeting': step(
    'One side left; the other goes on in a meeting, by telephone.',
    {
      meeting_id: Id.meta({ description: 'The `id` of the meeting.' }),
      participant_id: ParticipantId.meta({ description: 'As `meeting.participant_joined` names it.' }),
    },
    {
      call: { ...state, legs: state.legs.slice(1), meeting_id: examples.meeting.id },
      meeting_id: examples.meeting.id,
      participant_id: examples.participant.id,
    },
  ),
  'call.parked': step(
    'One side left the other waiting with music, to be retrieved.',
    { parked_by: CallParty },
    { call: { ...state, status: 'parked' }, parked_by: record.caller },
  ),
  'call.retrieved': step(
    'A phone took who was parked. Without a command it is the parker’s, who was called back.',
    { retrieved_by: CallParty },
    { retrieved_by: carol },
  ),
  'call.monitor_started': step('Somebody listens.', Supervised, { supervisor: carol, mode: 'monitor' }),
  'call.monitor_changed': step('Who listens is heard by others than before.', Supervised, {
    supervisor: carol,
    mode: 'whisper',
  }),
  'call.monitor_stopped': step('Nobody listens from there any more.', Supervised, {
    supervisor: carol,
    mode: 'whisper',
  }),
  'call.recording_started': step('Both sides are recorded from now on.', Recorded, { recording_id: recordingId }),
  'call.recording_paused': step('Nothing is recorded until it is resumed.', Recorded, { recording_id: recordingId }),
  'call.recording_resumed': step('It is recorded again.', Recorded, { recording_id: recordingId }),
  'call.recording_stopped': step(
    'Nothing more is recorded. `recording.ready` or `recording.failed` follows.',
    { ...Recorded, reason: z.enum(['stopped', 'call_ended', 'failed']) },
    { recording_id: recordingId, reason: 'stopped' },
  ),
})
