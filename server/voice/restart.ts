/**
 * The calls that a process before this one left: those that were answered go on (T5), all others ended with it, at their
 * last heartbeat (T3).
 */
import type { Selectable } from 'kysely'
import { dialogsOf, legsOf } from '../../engine/call/snapshot.ts'
import type { LegId } from '../../engine/call/leg.ts'
import type { CallRow } from '../store/call-batch.ts'
import { listLostCommands, type LostCommand } from '../store/call-commands.ts'
import type { Database } from '../store/database.ts'
import type { CallTables } from '../store/telephony-tables.ts'
import type { CallBook } from './call-book.ts'
import type { Directories } from './directories.ts'
import { type Exchange, instant } from './exchange.ts'

interface Parts {
  readonly database: Database
  readonly node: string
  readonly exchange: Exchange
  readonly book: CallBook
  readonly directories: Directories
}

/** How many go on, and how many are over. */
export async function resumeCalls(parts: Parts): Promise<{ readonly resumed: number; readonly lost: number }> {
  const { database, node, book } = parts
  const rows = await database
    .selectFrom('calls')
    .selectAll()
    .where('node', '=', node)
    .where('endedAt', 'is', null)
    .orderBy('startedAt')
    .execute()
  const commands = await listLostCommands(database)
  const engaged = await database
    .selectFrom('presence')
    .select('userId')
    .where('state', 'in', ['ringing', 'talking'])
    .execute()
  book.adoptPeople(
    engaged.map(({ userId }) => userId),
    instant(),
  )
  let resumed = 0
  for (const row of rows) {
    const own = commands.filter(({ callId }) => callId === row.id)
    if (resume(parts, row, own)) resumed += 1
  }
  const known = new Set(rows.map(({ id }) => id))
  for (const command of commands) if (!known.has(command.callId)) book.loseCommand(command, instant())
  return { resumed, lost: rows.length - resumed }
}

function resume(parts: Parts, row: Selectable<CallTables['calls']>, commands: readonly LostCommand[]): boolean {
  const { exchange, book, directories } = parts
  const { snapshot: text } = row
  const sipCallIds = [row.callerCallId, row.calleeCallId].filter((id) => id !== null)
  book.adopt(toCallRow(row), sipCallIds, legsOf(text ?? ''))
  for (const command of commands) book.loseCommand(command, instant())
  // Of a click-to-call that nobody answered yet, whoever waits is hung up.
  if (text !== null) {
    const taken = new Set<LegId>()
    let isResumed = false
    exchange.run((now) => {
      for (const { leg, dialog, trunkId } of dialogsOf(text)) {
        const trunk = trunkId === null ? undefined : directories.trunk(trunkId)?.trunk
        const username = trunk?.authUsername ?? trunk?.username ?? null
        const login = username === null ? null : { username, password: trunk?.password ?? '' }
        if (!exchange.legs.restore(now, leg, dialog, login)) continue
        taken.add(leg)
        book.named(leg, exchange.legs.callIdOf(leg) ?? '')
      }
      isResumed = exchange.calls.restore(now, text, (leg) => taken.has(leg))
    })
    if (isResumed) {
      // Those that rang, or were on their way, died with their process.
      book.loseLegs(row.id, row.heartbeatAt.getTime(), (leg) => exchange.calls.callOf(leg) !== undefined)
      return true
    }
  }
  book.lose(row.id)
  return false
}

function toCallRow(row: Selectable<CallTables['calls']>): CallRow {
  const orNull = (date: Date | null) => date?.toISOString() ?? null
  return {
    id: row.id,
    account_id: row.accountId,
    resource_seq: row.resourceSeq,
    direction: row.direction,
    caller_number: row.callerNumber,
    caller_name: row.callerName,
    callee_number: row.calleeNumber,
    callee_name: row.calleeName,
    called_number: row.calledNumber,
    from_user_id: row.fromUserId,
    from_device_id: row.fromDeviceId,
    to_user_id: row.toUserId,
    to_device_id: row.toDeviceId,
    owner_id: row.ownerId,
    trunk_id: row.trunkId,
    callflow_id: row.callflowId,
    is_emergency: row.isEmergency,
    caller_call_id: row.callerCallId,
    callee_call_id: row.calleeCallId,
    started_at: row.startedAt.toISOString(),
    ringing_at: orNull(row.ringingAt),
    answered_at: orNull(row.answeredAt),
    ended_at: orNull(row.endedAt),
    heartbeat_at: row.heartbeatAt.toISOString(),
    hangup_cause: row.hangupCause,
    ended_by: row.endedBy,
    sip_code: row.sipCode,
    q850_cause: row.q850Cause,
    duration_seconds: row.durationSeconds,
    billing_seconds: row.billingSeconds,
    detected_country: row.detectedCountry,
    detected_type: row.detectedType,
    correlation_id: row.correlationId,
    node: row.node,
    quality: row.quality,
    snapshot: row.snapshot,
    state: row.state,
    live_legs: row.liveLegs,
  }
}
