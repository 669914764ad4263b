/** Call records in the public words of the contract (contract/call.ts). */
import type { EventData } from '../../contract/events.ts'
import type { CallRecord, CallState, Cdr, LegState, PartyState } from '../../engine/call/records.ts'
import type { Instant } from '../../engine/machine.ts'
import type { CallRow } from '../store/call-batch.ts'

type CallEvent = Extract<CallRecord, { type: 'event' }>
type PublicCall = EventData<'call.started'>['call']
type PublicParty = PublicCall['caller']

/** What the timestamps of the last few seconds begin with: a call has forty of them. */
const seconds = new Map<number, string>()
const mostSeconds = 100

/** Instants of the voice process are wall time at its start, monotonic from there. */
export function toTimestamp(instant: Instant): string {
  const ms = Math.floor(instant)
  const second = Math.floor(ms / 1_000)
  let prefix = seconds.get(second)
  if (prefix === undefined) {
    prefix = new Date(1_000 * second).toISOString().slice(0, -4)
    if (seconds.size >= mostSeconds) seconds.clear()
    seconds.set(second, prefix)
  }
  return `${prefix}${String(ms - 1_000 * second).padStart(3, '0')}Z`
}
const orNull = (instant: Instant | null): string | null => (instant === null ? null : toTimestamp(instant))

export const toPublicParty = ({ number, name, userId, deviceId, trunkId }: PartyState): PublicParty => ({
  number,
  name,
  user_id: userId,
  device_id: deviceId,
  trunk_id: trunkId,
})

const toPublicLeg = ({ id, role, status, party, isHolding, isMuted }: LegState): PublicCall['legs'][number] => ({
  id,
  role,
  status,
  ...toPublicParty(party),
  is_holding: isHolding,
  is_muted: isMuted,
})

const toPublicCall = (call: CallState): PublicCall => ({
  id: call.id,
  account_id: call.accountId,
  direction: call.direction,
  status: call.status,
  is_emergency: call.isEmergency,
  caller: toPublicParty(call.caller),
  called_number: call.calledNumber,
  callee: call.callee && toPublicParty(call.callee),
  callflow_id: call.callflowId,
  legs: call.legs.map(toPublicLeg),
  recording: call.recording && { id: call.recording.id, is_paused: call.recording.isPaused },
  supervisors: call.supervisors.map(({ leg, mode }) => ({ leg_id: leg, mode })),
  meeting_id: call.meetingId,
  started_at: toTimestamp(call.startedAt),
  answered_at: orNull(call.answeredAt),
  ended_at: orNull(call.endedAt),
  hangup_cause: call.hangupCause,
  correlation_id: call.correlationId,
})

export const toCallData = ({ event, call, leg, transferredTo, failure, about }: CallEvent) => ({
  call: toPublicCall(call),
  leg_id: leg,
  ...(failure && { command_id: failure.commandId, verb: failure.verb, reason: failure.reason }),
  ...(transferredTo && { transferred_to: toPublicParty(transferredTo) }),
  ...(about?.party && { [partyNames[event] ?? 'party']: toPublicParty(about.party) }),
  ...(about?.reason && { reason: about.reason }),
  ...(about?.mode && { mode: about.mode }),
  ...(about?.digitCount !== undefined && { digit_count: about.digitCount }),
  ...(about?.meeting && { meeting_id: about.meeting.meetingId, participant_id: about.meeting.participantId }),
  ...(about?.recordingId && { recording_id: about.recordingId }),
})

/** What an event calls whom else it is about. */
const partyNames: Partial<Record<CallEvent['event'], string>> = {
  'call.consultation_started': 'consulted',
  'call.consultation_answered': 'consulted',
  'call.consultation_ended': 'consulted',
  'call.parked': 'parked_by',
  'call.retrieved': 'retrieved_by',
  'call.monitor_started': 'supervisor',
  'call.monitor_changed': 'supervisor',
  'call.monitor_stopped': 'supervisor',
}

export const toCdrData = (cdr: Cdr): EventData<'cdr.final'> => ({
  cdr: {
    call_id: cdr.callId,
    account_id: cdr.accountId,
    direction: cdr.direction,
    owner_id: cdr.ownerId,
    caller: toPublicParty(cdr.caller),
    called_number: cdr.calledNumber,
    callee: cdr.callee && toPublicParty(cdr.callee),
    callflow_id: cdr.callflowId,
    is_emergency: cdr.isEmergency,
    started_at: toTimestamp(cdr.startedAt),
    answered_at: orNull(cdr.answeredAt),
    ended_at: toTimestamp(cdr.endedAt),
    duration_seconds: cdr.durationSeconds,
    billing_seconds: cdr.billingSeconds,
    hangup_cause: cdr.hangupCause,
    ended_by: cdr.endedBy,
    sip_code: cdr.sipCode,
    q850_cause: cdr.q850,
  },
})

/** Of a call that only its row is left of. */
export const rowToPublicCall = (row: CallRow): PublicCall => ({
  id: row.id,
  account_id: row.account_id,
  direction: row.direction as PublicCall['direction'], // the table checks it
  status: 'ended',
  is_emergency: row.is_emergency,
  ...rowParties(row),
  called_number: row.called_number,
  callflow_id: row.callflow_id,
  legs: [],
  recording: null,
  supervisors: [],
  meeting_id: null,
  started_at: row.started_at,
  answered_at: row.answered_at,
  ended_at: row.ended_at,
  hangup_cause: row.hangup_cause as PublicCall['hangup_cause'],
  correlation_id: row.correlation_id,
})

export const rowToCdrData = (row: CallRow): EventData<'cdr.final'> => ({
  cdr: {
    call_id: row.id,
    account_id: row.account_id,
    direction: row.direction as PublicCall['direction'],
    owner_id: row.owner_id,
    ...rowParties(row),
    called_number: row.called_number,
    callflow_id: row.callflow_id,
    is_emergency: row.is_emergency,
    started_at: row.started_at,
    answered_at: row.answered_at,
    ended_at: row.ended_at ?? row.heartbeat_at,
    duration_seconds: row.duration_seconds ?? 0,
    billing_seconds: row.billing_seconds ?? 0,
    hangup_cause: (row.hangup_cause ?? 'FAILED') as EventData<'cdr.final'>['cdr']['hangup_cause'],
    ended_by: 'system_restart',
    sip_code: row.sip_code,
    q850_cause: row.q850_cause,
  },
})

const rowParties = (row: CallRow): Pick<PublicCall, 'caller' | 'callee'> => ({
  caller: {
    number: row.caller_number,
    name: row.caller_name,
    user_id: row.from_user_id,
    device_id: row.from_device_id,
    trunk_id: row.direction === 'incoming' ? row.trunk_id : null,
  },
  callee:
    row.callee_number === null
      ? null
      : {
          number: row.callee_number,
          name: row.callee_name,
          user_id: row.to_user_id,
          device_id: row.to_device_id,
          trunk_id: row.direction === 'outgoing' ? row.trunk_id : null,
        },
})
