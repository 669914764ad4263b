/**
 * The calls that a process before this one left: those that were answered go on (T5), all others ended with it, at their
 * last heartbeat (T3).
 *
 * Invariant: a leg goes on in one call. One that was handed on stands in the snapshots of both until the first is over.
 */
import type { FastifyBaseLogger } from 'fastify'
import { type Selectable, sql } from 'kysely'
import { dialogsOf, legsOf } from '../../engine/call/snapshot.ts'
import type { LegId } from '../../engine/call/leg.ts'
import { giveUpMs } from '../../engine/sip/timers.ts'
import type { CallRow } from '../store/call-batch.ts'
import { listLostCommands } from '../store/call-commands.ts'
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
  readonly directories: Pick<Directories, 'trunk'>
  readonly log: FastifyBaseLogger
}

type Row = Selectable<CallTables['calls']>

/** Of half a minute with 600 calls a second. */
const mostEnded = 20_000
const hourMs = 3_600_000

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
  for (const row of rows) {
    adopt(parts, row)
    for (const command of commands) if (command.callId === row.id) book.loseCommand(command, instant())
  }
  await keepEnded(parts)
  await keepSpent(parts)
  const homes = homesOf(rows, book)
  let resumed = 0
  for (const row of rows) {
    if (resume(parts, row, homes)) resumed += 1
    else book.lose(row.id)
  }
  const known = new Set(rows.map(({ id }) => id))
  for (const command of commands) if (!known.has(command.callId)) book.loseCommand(command, instant())
  return { resumed, lost: rows.length - resumed }
}

/** Whoever hung up last may have no answer yet, and asks again for so long. The newest, where there are very many. */
async function keepEnded({ database, node, exchange }: Parts): Promise<void> {
  const since = instant() - giveUpMs(exchange.transactions.timers)
  const rows = await database
    .selectFrom('calls')
    .select(['callerCallId', 'calleeCallId'])
    .where('node', '=', node)
    .where('endedAt', '>', new Date(since))
    .orderBy('endedAt', 'desc')
    .limit(mostEnded)
    .execute()
  const callIds = rows.flatMap((row) => [row.callerCallId, row.calleeCallId]).filter((id) => id !== null)
  exchange.run((now) => exchange.legs.keepEnded(now, callIds))
}

/** T31: the minutes outside of the last hour, of the calls that are over. A sum for each five minutes is exact enough. */
async function keepSpent({ database, node, exchange }: Parts): Promise<void> {
  const since = new Date(instant() - hourMs)
  const rows = await database
    .selectFrom('calls')
    .innerJoin('callLegs', 'callLegs.callId', 'calls.id')
    .select('callLegs.accountId')
    .select(sql<Date>`date_bin('5 minutes', call_legs.ended_at, 'epoch')`.as('endedAt'))
    .select(sql<number>`sum(least(call_legs.billing_seconds, 3600))`.as('seconds'))
    .where('calls.node', '=', node)
    .where(({ or, eb }) => or([eb('calls.endedAt', '>', since), eb('calls.endedAt', 'is', null)]))
    .where('callLegs.endedAt', '>', since)
    .where('callLegs.billingSeconds', '>', 0)
    .groupBy([sql`1`, sql`2`])
    .execute()
  const { limits } = exchange.calls
  for (const { accountId, endedAt, seconds } of rows) limits.addSpent(accountId, endedAt.getTime(), seconds * 1_000)
}

/** A row that cannot be read is a call all the same, which ends. */
function adopt({ book, log }: Parts, row: Row): void {
  const sipCallIds = [row.callerCallId, row.calleeCallId].filter((id) => id !== null)
  try {
    book.adopt(toCallRow(row), sipCallIds, legsOf(row.snapshot ?? ''))
  } catch (error) {
    log.error({ err: error, call: row.id }, 'the legs of a call cannot be read: it ends')
    book.adopt({ ...toCallRow(row), live_legs: null }, sipCallIds, [])
    row.snapshot = null
  }
}

/** The call in which each leg goes on. */
function homesOf(rows: readonly Row[], book: CallBook): ReadonlyMap<LegId, string> {
  const homes = new Map<LegId, string>()
  for (const { id, snapshot } of rows) {
    for (const leg of legsOf(snapshot ?? '')) if (!book.isOver(id, leg)) homes.set(leg, id)
  }
  return homes
}

/** False: it ended with its process. */
function resume({ exchange, book, directories, log }: Parts, row: Row, homes: ReadonlyMap<LegId, string>): boolean {
  const text = withEnding(row)
  // Of a click-to-call that nobody answered yet, whoever waits is hung up.
  if (text === null) return false
  // One that is over, and nowhere else, is hung up once more: its BYE may have died with its process.
  const isElsewhere = (leg: LegId) => (homes.get(leg) ?? row.id) !== row.id
  const taken = new Set<LegId>()
  let isResumed = false
  try {
    exchange.run((now) => {
      for (const { leg, dialog, sdp, trunkId } of dialogsOf(text)) {
        if (isElsewhere(leg)) continue
        const trunk = trunkId === null ? undefined : directories.trunk(trunkId)?.trunk
        const username = trunk?.authUsername ?? trunk?.username ?? null
        const login = username === null ? null : { username, password: trunk?.password ?? '' }
        if (!exchange.legs.restore(now, leg, dialog, { sdp, login })) continue
        taken.add(leg)
        book.named(leg, exchange.legs.callIdOf(leg) ?? '')
      }
      isResumed = exchange.calls.restore(now, text, { hasDialog: (leg) => taken.has(leg), isElsewhere })
    })
  } catch (error) {
    log.error({ err: error, call: row.id }, 'a call cannot go on: it ends')
    isResumed = false
  }
  if (isResumed) {
    // Those that rang, or were on their way, died with their process.
    book.loseLegs(row.id, row.heartbeatAt.getTime(), (leg) => exchange.calls.callOf(leg) !== undefined)
  } else {
    for (const leg of taken) exchange.run((now) => exchange.legs.handle(now, { type: 'hangup', leg, reason: null }))
  }
  return isResumed
}

/** The last that was written of it: as it stood, and how it then ended. */
const withEnding = ({ snapshot, ending }: Row): string | null =>
  snapshot === null || ending === null ? snapshot : `${snapshot.slice(0, -1)},"ending":${ending}}`

function toCallRow(row: Row): CallRow {
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
    ending: row.ending,
    state: row.state,
    live_legs: row.liveLegs,
  }
}
