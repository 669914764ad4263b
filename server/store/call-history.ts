/** Calls that are over: how they are found, and what readers see of them. */
import { sql } from 'kysely'
import type { z } from 'zod'
import type { HistoryCall, HistoryLeg } from '../../contract/call-history.ts'
import type { Queries } from './accounts.ts'
import type { RowOf } from './configured.ts'

/** With the names of the owner and of the callflow. `userId`: a plain user, who sees the own calls only. */
export const selectHistory = (db: Queries, accountId: string, userId: string | null) =>
  db
    .selectFrom('calls')
    .leftJoin('users', 'users.id', 'calls.ownerId')
    .leftJoin('callflows', 'callflows.id', 'calls.callflowId')
    .selectAll('calls')
    .select(['users.firstName', 'users.lastName', 'callflows.name as callflowName'])
    .where('calls.accountId', '=', accountId)
    .where('calls.endedAt', 'is not', null)
    .$if(userId !== null, (rows) => rows.where('calls.ownerId', '=', userId))

type HistoryRow = Awaited<ReturnType<ReturnType<typeof selectHistory>['executeTakeFirstOrThrow']>>

export const historySorts = { id: sql<string>`calls.id`, sorts: { timestamp: sql<Date>`calls.started_at` } }

export function toHistoryCall(row: HistoryRow): HistoryCall {
  const { startedAt, endedAt } = row
  return {
    id: row.id,
    account_id: row.accountId,
    owner_id: row.ownerId,
    first_name: row.firstName,
    last_name: row.lastName,
    call_direction: row.direction,
    caller_id_number: row.callerNumber,
    caller_id_name: row.callerName,
    callee_id_number: row.calleeNumber ?? row.calledNumber,
    callee_id_name: row.calleeName ?? row.callflowName,
    caller_callid: row.callerCallId,
    callee_callid: row.calleeCallId,
    called_number: row.calledNumber,
    timestamp: Math.floor(startedAt.getTime() / 1000),
    started_at: startedAt.toISOString(),
    ringing_at: row.ringingAt?.toISOString() ?? null,
    answered_at: row.answeredAt?.toISOString() ?? null,
    ended_at: (endedAt ?? startedAt).toISOString(),
    duration_seconds: row.durationSeconds,
    duraction_seconds: row.durationSeconds,
    billing_seconds: row.billingSeconds,
    cost: null,
    detected_country: row.detectedCountry,
    detected_operator: null,
    detected_type: row.detectedType as HistoryCall['detected_type'], // as engine/call/detected-number.ts wrote it
    hangup_cause: row.hangupCause ?? 'FAILED',
    ended_by: row.endedBy,
    sip_code: row.sipCode,
    q850_cause: row.q850Cause,
    from_user_id: row.fromUserId,
    from_device_id: row.fromDeviceId,
    to_user_id: row.toUserId,
    to_device_id: row.toDeviceId,
    trunk_id: row.trunkId,
    callflow_id: row.callflowId,
    is_emergency: row.isEmergency,
    correlation_id: row.correlationId,
    quality: row.quality,
  }
}

/** The caller first, also where a callee's began in the same millisecond. */
export const listLegs = (db: Queries, callId: string): Promise<RowOf<'callLegs'>[]> =>
  db
    .selectFrom('callLegs')
    .selectAll()
    .where('callId', '=', callId)
    .orderBy('startedAt')
    .orderBy('role', 'desc')
    .orderBy('id')
    .execute()

export const toHistoryLeg = (row: RowOf<'callLegs'>): z.output<typeof HistoryLeg> => ({
  id: row.id,
  role: row.role,
  number: row.number,
  name: row.name,
  user_id: row.userId,
  device_id: row.deviceId,
  trunk_id: row.trunkId,
  is_forwarded: row.isForwarded,
  started_at: row.startedAt.toISOString(),
  ringing_at: row.ringingAt?.toISOString() ?? null,
  answered_at: row.answeredAt?.toISOString() ?? null,
  ended_at: row.endedAt?.toISOString() ?? null,
  billing_seconds: row.billingSeconds,
  billed_user_id: row.billedUserId,
  billed_device_id: row.billedDeviceId,
  hangup_cause: row.hangupCause,
  ended_by: row.endedBy,
  sip_code: row.sipCode,
  q850_cause: row.q850Cause,
  quality: row.quality,
})

const atOnce = 2_000

/** Calls older than this go, with their legs and ladders; a few at a time, so that nobody waits for it. */
export async function dropOldCalls(db: Queries, before: Date): Promise<number> {
  for (let dropped = 0; ; ) {
    const { rows } = await sql<{ count: number }>`
      with old as (
        delete from calls where id in (
          select id from calls where started_at < ${before} and ended_at is not null limit ${atOnce}
        ) returning id
      ), legs as (
        delete from call_legs where call_id in (select id from old)
      ), traces as (
        delete from call_traces where call_id in (select id from old)
      )
      select count(*) as count from old`.execute(db)
    const count = rows[0]?.count ?? 0
    dropped += count
    if (count < atOnce) return dropped
  }
}
