/** The history of calls that are over, as it was published, and what it tells besides. */
import { z } from 'zod'
import { CallDirection, CallId, HangupCause, LegId } from './call.ts'
import { LegEndedBy } from './leg.ts'
import { paging } from './telephony-values.ts'
import { Id, JsonValue, line, Timestamp } from './values.ts'

const NumberOrText = z.string()
const seconds = z.int().nullable()

export const HistoryCall = z
  .object({
    id: CallId,
    account_id: Id,
    owner_id: Id.nullable().meta({
      description: 'The user whose call it was: who called, or of a call from outside who was called.',
    }),
    first_name: z.string().nullable().meta({ description: 'Of the owner.' }),
    last_name: z.string().nullable(),
    call_direction: CallDirection,
    caller_id_number: NumberOrText,
    caller_id_name: z.string().nullable(),
    callee_id_number: NumberOrText,
    callee_id_name: z
      .string()
      .nullable()
      .meta({ description: 'Of a call that nobody answered: the name of its callflow.' }),
    caller_callid: z.string().nullable().meta({ description: 'The Call-ID of SIP on the caller’s side.' }),
    callee_callid: z.string().nullable(),
    called_number: NumberOrText.meta({ description: 'As it was dialled, or as the carrier sent it.' }),
    timestamp: z.int().meta({ description: 'The start, in seconds since 1970.' }),
    started_at: Timestamp,
    ringing_at: Timestamp.nullable(),
    answered_at: Timestamp.nullable(),
    ended_at: Timestamp,
    duration_seconds: seconds,
    duraction_seconds: seconds.meta({ description: 'The same, as the published interface spells it.' }),
    billing_seconds: seconds,
    cost: z.null().meta({ description: 'Null: calls are not rated yet.' }),
    detected_country: z
      .string()
      .nullable()
      .meta({ description: 'Of the called number: ISO 3166-1 alpha-2. Null: an internal number, or not known.' }),
    detected_operator: z.null().meta({
      description: 'Always null, kept for who reads it: numbers are ported, so none says which operator it is with.',
    }),
    detected_type: z.enum(['mobile', 'national', 'premium', 'toll_free']).nullable().meta({
      description:
        'Of the called number. `national`: none of the others, or in North America, where mobile numbers look like any; null: an internal number, or not known.',
    }),
    hangup_cause: HangupCause,
    ended_by: z
      .enum(['caller', 'callee', 'system', 'system_restart'])
      .nullable()
      .meta({ description: '`system_restart`: its process died, and its last heartbeat is its end.' }),
    sip_code: z.int().nullable(),
    q850_cause: z.int().nullable(),
    from_user_id: Id.nullable(),
    from_device_id: Id.nullable(),
    to_user_id: Id.nullable(),
    to_device_id: Id.nullable(),
    trunk_id: Id.nullable(),
    callflow_id: Id.nullable(),
    is_emergency: z.boolean(),
    correlation_id: z.string().nullable(),
    quality: JsonValue.meta({
      description: 'Of each side: loss, jitter, round trip and an estimated MOS; null: no sound was measured.',
    }),
  })
  .meta({ id: 'HistoryCall' })
export type HistoryCall = z.output<typeof HistoryCall>

export const HistoryLeg = z
  .object({
    id: LegId,
    role: z.enum(['caller', 'callee']),
    number: z.string(),
    name: z.string().nullable(),
    user_id: Id.nullable(),
    device_id: Id.nullable(),
    trunk_id: Id.nullable(),
    is_forwarded: z.boolean(),
    started_at: Timestamp,
    ringing_at: Timestamp.nullable(),
    answered_at: Timestamp.nullable(),
    ended_at: Timestamp.nullable(),
    billing_seconds: seconds,
    billed_user_id: Id.nullable().meta({ description: 'Who forwarded or transferred, where somebody did.' }),
    billed_device_id: Id.nullable(),
    hangup_cause: HangupCause.nullable(),
    ended_by: LegEndedBy.nullable(),
    sip_code: z
      .int()
      .nullable()
      .meta({ description: 'The last answer to its INVITE; 487: it was cancelled before an answer.' }),
    q850_cause: z.int().nullable(),
    quality: JsonValue,
  })
  .meta({ id: 'HistoryLeg', description: 'One side of a call; phones that rang in vain are legs too.' })
export const HistoryCallDetail = HistoryCall.extend({ legs: z.array(HistoryLeg) }).meta({ id: 'HistoryCallDetail' })

export const TraceMessage = z
  .object({
    at: Timestamp,
    direction: z.enum(['in', 'out']),
    transport: z.string(),
    peer: z.string().meta({ description: 'The other end: address and port.' }),
    sip_call_id: z.string(),
    message: z.string(),
  })
  .meta({ id: 'TraceMessage', description: 'A SIP message as it was on the wire, without credentials and keys.' })

const UnixSeconds = z.coerce.number().int().min(0).max(9_999_999_999)

export const HistoryFilter = z.strictObject({
  limit: paging.limit.meta({ description: 'Without it: the newest 1,000.' }),
  cursor: paging.cursor,
  created_from: UnixSeconds.optional().meta({ description: 'Started at or after this, in seconds since 1970.' }),
  created_to: UnixSeconds.optional().meta({ description: 'Started before or at this.' }),
  owner_id: Id.optional(),
  device_id: Id.optional().meta({ description: 'Of either side.' }),
  trunk_id: Id.optional(),
  callflow_id: Id.optional(),
  number: line(40).min(1).optional().meta({ description: 'Of either side, as it stands in the history.' }),
  hangup_cause: HangupCause.optional(),
  missed: z.enum(['true', 'false']).optional().meta({ description: 'Nobody answered.' }),
  sort: z.enum(['-timestamp', 'timestamp']).optional().meta({ description: 'Default `-timestamp`: the newest first.' }),
})
export type HistoryFilter = z.output<typeof HistoryFilter>
