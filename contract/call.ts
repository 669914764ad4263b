/** A call as events and the history tell of it, and the events of its life (T1: at most eight of a plain call). */
import { z } from 'zod'
import { defineEvents } from './define.ts'
import { Id, Timestamp } from './values.ts'

export const CallId = z
  .string()
  .regex(/^call_[0-9a-f]{24}$/, 'must be call_ and 24 hexadecimal digits')
  .meta({ id: 'CallId' })
export const LegId = z
  .string()
  .regex(/^leg_[0-9a-f]{24}$/, 'must be leg_ and 24 hexadecimal digits')
  .meta({ id: 'LegId', description: 'One side of a call.' })
export const CallDirection = z.enum(['internal', 'incoming', 'outgoing']).meta({
  id: 'CallDirection',
  description:
    '`incoming`: from outside by a trunk; `outgoing`: to outside; `internal`: between numbers of the account.',
})
export const HangupCause = z
  .enum(['ANSWERED', 'NO ANSWER', 'BUSY', 'FAILED', 'CANCEL', 'CONGESTION'])
  .meta({ id: 'HangupCause', description: 'How it ended. `CANCEL`: the caller gave up before an answer.' })

export const CallParty = z
  .object({
    number: z.string(),
    name: z.string().nullable(),
    user_id: Id.nullable(),
    device_id: Id.nullable(),
    trunk_id: Id.nullable(),
  })
  .meta({ id: 'CallParty', description: 'One side of a call, as people see it.' })

const CallLeg = CallParty.extend({
  id: LegId,
  role: z.enum(['caller', 'callee']),
  status: z
    .enum(['calling', 'dialling', 'ringing', 'answered'])
    .meta({ description: '`calling`: it waits for somebody to answer; `dialling`: it does not ring yet.' }),
  is_holding: z.boolean().meta({ description: 'It put the other side on hold.' }),
  is_muted: z.boolean().meta({ description: 'A command muted it: what it says reaches nobody.' }),
}).meta({ id: 'CallLeg', description: 'A side of a call that is there now; commands name it by its id.' })

export const SupervisionMode = z.enum(['monitor', 'whisper', 'barge']).meta({
  id: 'SupervisionMode',
  description: 'Hears all; `monitor`: is heard by nobody; `whisper`: by one side; `barge`: by everybody.',
})

export const CallState = z
  .object({
    id: CallId,
    account_id: Id,
    direction: CallDirection,
    status: z
      .enum(['started', 'ringing', 'answered', 'held', 'parked', 'ended'])
      .meta({ description: '`parked`: one side waits, with music, to be retrieved.' }),
    is_emergency: z.boolean(),
    caller: CallParty,
    called_number: z.string().meta({ description: 'As dialled, or as it came in.' }),
    callee: CallParty.nullable().meta({
      description: 'Who answered; before that who is called, where that is one party.',
    }),
    callflow_id: Id.nullable(),
    legs: z.array(CallLeg).meta({ description: 'Those that are there: none when the call has ended.' }),
    recording: z
      .object({ id: Id, is_paused: z.boolean() })
      .nullable()
      .meta({ description: 'The one that is being made.' }),
    supervisors: z
      .array(z.object({ leg_id: LegId, mode: SupervisionMode }))
      .meta({ description: 'Who of the legs listens, without being one of those that talk.' }),
    meeting_id: Id.nullable().meta({ description: 'The meeting in which its only side takes part, by telephone.' }),
    started_at: Timestamp,
    answered_at: Timestamp.nullable(),
    ended_at: Timestamp.nullable(),
    hangup_cause: HangupCause.nullable(),
    correlation_id: z.string().nullable().meta({ description: 'Of the command that placed the call.' }),
  })
  .meta({ id: 'CallState' })

const CallRecord = z
  .object({
    call_id: CallId,
    account_id: Id,
    direction: CallDirection,
    owner_id: Id.nullable().meta({ description: 'Whose call it is in the history.' }),
    caller: CallParty,
    called_number: z.string(),
    callee: CallParty.nullable(),
    callflow_id: Id.nullable(),
    is_emergency: z.boolean(),
    started_at: Timestamp,
    answered_at: Timestamp.nullable(),
    ended_at: Timestamp,
    duration_seconds: z.int(),
    billing_seconds: z.int().meta({ description: 'From the answer, in whole seconds.' }),
    hangup_cause: HangupCause,
    ended_by: z.enum(['caller', 'callee', 'system', 'system_restart']),
    sip_code: z.int().nullable(),
    q850_cause: z.int().nullable().meta({ description: 'ITU-T Q.850.' }),
  })
  .meta({ id: 'CallRecord', description: 'The record of a call that is over.' })

const alice = {
  number: '1001',
  name: 'Alice Example',
  user_id: '5e94578578a5e3001f2b8c4e',
  device_id: '5e94578578a5e3001f2b8d01',
  trunk_id: null,
}
const bob = {
  number: '1002',
  name: 'Bob Example',
  user_id: '5e94578578a5e3001f2b8c51',
  device_id: '5e94578578a5e3001f2b8d02',
  trunk_id: null,
}
type Leg = z.output<typeof CallLeg>
const legOf = (party: typeof alice, id: string, role: Leg['role'], status: Leg['status']): Leg => ({
  ...party,
  id,
  role,
  status,
  is_holding: false,
  is_muted: false,
})
const callerLeg = legOf(alice, 'leg_5e94578578a5e3001f2b8e02', 'caller', 'calling')
const calleeLeg = legOf(bob, 'leg_5e94578578a5e3001f2b8e03', 'callee', 'ringing')
const started: z.output<typeof CallState> = {
  id: 'call_5e94578578a5e3001f2b8e01',
  account_id: '5e94578578a5e3001f2b8c4f',
  direction: 'internal',
  status: 'started',
  is_emergency: false,
  caller: alice,
  called_number: '1002',
  callee: null,
  callflow_id: '5e94578578a5e3001f2b8d0f',
  legs: [callerLeg],
  recording: null,
  supervisors: [],
  meeting_id: null,
  started_at: '2026-05-04T09:00:00.000Z',
  answered_at: null,
  ended_at: null,
  hangup_cause: null,
  correlation_id: null,
}
const ringing: z.output<typeof CallState> = {
  ...started,
  status: 'ringing',
  callee: bob,
  legs: [callerLeg, calleeLeg],
}
const answered: z.output<typeof CallState> = {
  ...started,
  status: 'answered',
  callee: bob,
  legs: [callerLeg, calleeLeg].map((leg) => ({ ...leg, status: 'answered' })),
  answered_at: '2026-05-04T09:00:06.000Z',
}
const endedAt = '2026-05-04T09:02:00.000Z'
const ended: z.output<typeof CallState> = {
  ...answered,
  status: 'ended',
  legs: [],
  ended_at: endedAt,
  hangup_cause: 'ANSWERED',
}
export const callExamples = {
  state: answered,
  record: {
    call_id: started.id,
    account_id: started.account_id,
    direction: 'internal',
    owner_id: alice.user_id,
    caller: alice,
    called_number: '1002',
    callee: bob,
    callflow_id: started.callflow_id,
    is_emergency: false,
    started_at: started.started_at,
    answered_at: answered.answered_at,
    ended_at: endedAt,
    duration_seconds: 120,
    billing_seconds: 114,
    hangup_cause: 'ANSWERED',
    ended_by: 'callee',
    sip_code: 200,
    q850_cause: 16,
  },
} as const

export const Told = z.object({
  call: CallState,
  leg_id: LegId.nullable().meta({ description: 'The side whose doing it was.' }),
})
const step = (summary: string, call: z.output<typeof CallState>) => ({
  summary,
  resource: 'call',
  scope: 'telephony:read' as const,
  data: Told,
  example: { call, leg_id: 'leg_5e94578578a5e3001f2b8e02' },
})

export const callEvents = defineEvents({
  'call.started': step('Somebody calls. It is written before anything rings.', started),
  'call.ringing': step('The first phone of whoever is called rings.', ringing),
  'call.answered': step('Somebody took it.', answered),
  'call.held': step('One side put the other on hold.', { ...answered, status: 'held' }),
  'call.resumed': step('Both talk again.', answered),
  'call.transferred': {
    summary: 'One side was replaced by another.',
    resource: 'call',
    scope: 'telephony:read',
    data: Told.extend({ transferred_to: CallParty }),
    example: {
      call: answered,
      leg_id: 'leg_5e94578578a5e3001f2b8e02',
      transferred_to: { ...bob, number: '1003', name: 'Carol Example' },
    },
  },
  'call.rejected': step('A command told a phone that rang to stop; others may ring on.', ringing),
  'call.muted': step('What this side says reaches nobody.', answered),
  'call.unmuted': step('This side is heard again.', answered),
  'call.dtmf_sent': {
    summary: 'A command has sent digits to the other side. Which they were is not recorded.',
    resource: 'call',
    scope: 'telephony:read',
    data: Told.extend({ digit_count: z.int() }),
    example: { call: answered, leg_id: 'leg_5e94578578a5e3001f2b8e02', digit_count: 4 },
  },
  'call.command_failed': {
    summary: 'A command that was accepted had no effect after all. `correlation_id` is its id.',
    resource: 'call',
    scope: 'telephony:read',
    data: Told.extend({
      call: CallState.nullable().meta({ description: 'Null: it never began.' }),
      command_id: z.string(),
      verb: z.string().meta({ description: 'As in its address: `transfer`, `hold` …' }),
      reason: z.string().meta({ description: 'A sentence for people.' }),
    }),
    example: {
      call: answered,
      leg_id: null,
      command_id: 'cmd_5e94578578a5e3001f2b8e09',
      verb: 'transfer',
      reason: 'Busy Here',
    },
  },
  'call.ended': step('The end of a call: exactly one for each call that started.', ended),
  'cdr.final': {
    summary: 'The record of a call, complete: exactly one for each call.',
    resource: 'call',
    scope: 'telephony:read',
    data: z.object({ cdr: CallRecord }),
    example: { cdr: callExamples.record },
  },
})
