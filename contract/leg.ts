/**
 * A leg, one side of a call, as events tell of it.
 *
 * Which there are is chosen so that a plain call has eight events in all (T1). A leg that begins is in `legs` of the next
 * event of its call; who calls is in `call.started`, and who took the call in `call.answered`; that one side holds the
 * other is told by `call.held`. What these do not say has an event of its own, and each leg has exactly one end (T3).
 */
import { z } from 'zod'
import { CallDirection, callExamples, CallId, CallParty, HangupCause, LegId } from './call.ts'
import { defineEvents } from './define.ts'
import { Timestamp } from './values.ts'

export const LegEndedBy = z.enum(['party', 'system', 'system_restart']).meta({
  id: 'LegEndedBy',
  description:
    '`party`: whoever is at this leg hung up, gave up, or refused; `system`: it was ended from here, since the other side hung up, somebody else took the call, its time was over, or by a command; `system_restart`: its process died, and its last heartbeat is its end.',
})

const LegState = CallParty.extend({
  id: LegId,
  role: z.enum(['caller', 'callee']),
  status: z.enum(['calling', 'dialling', 'ringing', 'answered', 'ended']),
  call: z
    .object({
      id: CallId,
      direction: CallDirection,
      caller_number: z.string(),
      caller_name: z.string().nullable(),
      called_number: z.string(),
    })
    .meta({ description: 'The call that it is in, in short.' }),
  started_at: Timestamp,
  ringing_at: Timestamp.nullable(),
  answered_at: Timestamp.nullable(),
  ended_at: Timestamp.nullable(),
  hangup_cause: HangupCause.nullable().meta({ description: 'Null while it is there.' }),
  ended_by: LegEndedBy.nullable(),
  sip_code: z
    .int()
    .nullable()
    .meta({ description: 'The last answer to its INVITE; 487: it was cancelled before an answer.' }),
  q850_cause: z.int().nullable().meta({ description: 'ITU-T Q.850; 26: somebody else took the call.' }),
}).meta({ id: 'LegState', description: 'One side of a call: a phone, or somebody outside.' })

const { caller, callee, ...cdr } = callExamples.record
const ringing: z.output<typeof LegState> = {
  ...callee,
  id: 'leg_5e94578578a5e3001f2b8e03',
  role: 'callee',
  status: 'ringing',
  call: {
    id: cdr.call_id,
    direction: 'internal',
    caller_number: caller.number,
    caller_name: caller.name,
    called_number: cdr.called_number,
  },
  started_at: cdr.started_at,
  ringing_at: '2026-05-04T09:00:00.200Z',
  answered_at: null,
  ended_at: null,
  hangup_cause: null,
  ended_by: null,
  sip_code: null,
  q850_cause: null,
}
const answered: z.output<typeof LegState> = { ...ringing, status: 'answered', answered_at: cdr.answered_at }
const ended: z.output<typeof LegState> = {
  ...answered,
  status: 'ended',
  ended_at: cdr.ended_at,
  hangup_cause: 'ANSWERED',
  ended_by: 'party',
  sip_code: 200,
  q850_cause: 16,
}

const step = (summary: string, leg: z.output<typeof LegState>) => ({
  summary,
  resource: 'leg',
  scope: 'telephony:read' as const,
  data: z.object({ leg: LegState }),
  example: { leg },
})

export const legEvents = defineEvents({
  'leg.ringing': step('A phone rings, or somebody outside is being rung: one event for each that does.', ringing),
  'leg.answered': step(
    'A leg was answered that does not answer its call by that: `call.answered` names the one that does, in `leg_id`.',
    answered,
  ),
  'leg.moved': {
    ...step('An attended transfer: the leg goes on in another call, which `leg.call` shows.', answered),
    data: z.object({ leg: LegState, from_call_id: CallId }),
    example: { leg: answered, from_call_id: 'call_5e94578578a5e3001f2b8e31' },
  },
  'leg.ended': step('The end of a leg: exactly one for each that was told of.', ended),
})
