/**
 * One event as readers get it: its columns to choose by, and the text that everybody sends as it is. The text is made
 * once, so that readers of equal rights see the same bytes (E6); `data` and `actor` go through it unread.
 */
import type { Selectable } from 'kysely'
import type { EventTables } from '../store/event-tables.ts'

export interface LogEvent {
  readonly position: number
  readonly seq: number
  readonly id: string
  readonly type: string
  readonly accountId: string
  readonly userId: string | null
  readonly resourceType: string
  readonly resourceId: string
  readonly resourceSeq: number
  /** Milliseconds since 1970. */
  readonly recordedAt: number
  readonly correlationId: string | null
  /** JSON of contract/event.ts `Event`. */
  readonly text: string
}

export const logEventColumns = [
  'position',
  'accountId',
  'userId',
  'seq',
  'id',
  'type',
  'resourceType',
  'resourceId',
  'resourceSeq',
  'occurredAt',
  'recordedAt',
  'actor',
  'correlationId',
  'schemaVersion',
  'data',
] as const

export type LogEventRow = Pick<Selectable<EventTables['events']>, (typeof logEventColumns)[number]>

export const formatCursor = (position: number): string => `c${position.toString(36)}`

export const toLogEvent = (row: LogEventRow): LogEvent => ({
  position: row.position,
  seq: row.seq,
  id: row.id,
  type: row.type,
  accountId: row.accountId,
  userId: row.userId,
  resourceType: row.resourceType,
  resourceId: row.resourceId,
  resourceSeq: row.resourceSeq,
  recordedAt: row.recordedAt.getTime(),
  correlationId: row.correlationId,
  text: formatEvent(row),
})

/** Types, ids of accounts and kinds of resources are ours and need no quoting; the rest may hold anything. */
const formatEvent = (row: LogEventRow): string =>
  `{"id":"${row.id}","seq":${row.seq},"cursor":"${formatCursor(row.position)}","type":"${row.type}",` +
  `"account_id":"${row.accountId}","resource":{"type":"${row.resourceType}","id":${JSON.stringify(row.resourceId)}},` +
  `"resource_seq":${row.resourceSeq},"occurred_at":"${row.occurredAt.toISOString()}",` +
  `"recorded_at":"${row.recordedAt.toISOString()}","actor":${row.actor ?? 'null'},` +
  `"correlation_id":${JSON.stringify(row.correlationId)},"schema_version":${row.schemaVersion},"data":${row.data ?? 'null'}}`
