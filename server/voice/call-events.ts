/** Call records in the public words of the contract (contract/call.ts). */
import type { EventData } from '../../contract/events.ts'
import type { CallRecord, CallState, Cdr, PartyState } from '../../engine/call/records.ts'
import type { Instant } from '../../engine/machine.ts'

type CallEvent = Extract<CallRecord, { type: 'event' }>
type PublicCall = EventData<'call.started'>['call']
type PublicParty = PublicCall['caller']

/** Instants of the voice process are wall time at its start, monotonic from there. */
export const toTimestamp = (instant: Instant): string => new Date(instant).toISOString()
const orNull = (instant: Instant | null): string | null => (instant === null ? null : toTimestamp(instant))

export const toPublicParty = ({ number, name, userId, deviceId, trunkId }: PartyState): PublicParty => ({
  number,
  name,
  user_id: userId,
  device_id: deviceId,
  trunk_id: trunkId,
})

export const toPublicCall = (call: CallState): PublicCall => ({
  id: call.id,
  account_id: call.accountId,
  direction: call.direction,
  status: call.status,
  is_emergency: call.isEmergency,
  caller: toPublicParty(call.caller),
  called_number: call.calledNumber,
  callee: call.callee && toPublicParty(call.callee),
  callflow_id: call.callflowId,
  started_at: toTimestamp(call.startedAt),
  answered_at: orNull(call.answeredAt),
  ended_at: orNull(call.endedAt),
  hangup_cause: call.hangupCause,
})

export const toCallData = ({ call, leg, transferredTo }: CallEvent) => ({
  call: toPublicCall(call),
  leg_id: leg,
  ...(transferredTo && { transferred_to: toPublicParty(transferredTo) }),
})

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
