/**
 * Reads the log from the database: any filter, from any cursor. A cursor is the position of the last event that was
 * considered, whether it matched or not (E3), so that a reader with a narrow filter does not fall behind.
 */
import { sql } from 'kysely'
import { ApiError, invalidField } from '../api-error.ts'
import type { Database } from '../store/database.ts'
import { type LogFilter, matchSql } from './filter.ts'
import { formatCursor, type LogEvent, logEventColumns, toLogEvent } from './log-event.ts'

/** Of `data` in one page; one event at least comes whatever its size. */
export const mostBytes = 8_000_000

export interface LogPage {
  readonly events: readonly LogEvent[]
  /** Up to where it was looked: go on from here. */
  readonly position: number
}

function parseCursor(cursor: string): number {
  const position = /^c[0-9a-z]{1,11}$/.test(cursor) ? Number.parseInt(cursor.slice(1), 36) : Number.NaN
  if (Number.isSafeInteger(position)) return position
  throw invalidField('after', 'is no cursor; use one that an answer carried, or `now`')
}

/** Where a reader starts: at a cursor, at the present, or at the oldest event that is kept. */
export async function startOf(database: Database, after: string | undefined): Promise<number> {
  const log = await readEnds(database)
  if (after === undefined) return log.droppedPosition
  if (after === 'now') return log.position
  const position = parseCursor(after)
  if (position > log.position) throw invalidField('after', 'lies in the future')
  refuseDropped(position, log.droppedPosition)
  return position
}

export async function readPage(
  database: Database,
  position: number,
  filter: LogFilter,
  limit: number,
): Promise<LogPage> {
  // Read before the page, which so holds at least what is there up to this end.
  const end = await readEnds(database)
  refuseDropped(position, end.droppedPosition)
  const found = database
    .selectFrom('events')
    .select(logEventColumns)
    // No upper bound: of a range without statistics PostgreSQL expects so few rows that it would read and sort all of them.
    .where('position', '>', position)
    .where(matchSql(filter))
    .orderBy('position')
    .limit(limit)
  const counted = database
    .selectFrom(found.as('found'))
    .selectAll()
    .select([bytesBefore.as('bytesBefore'), sql<number>`count(*) over ()`.as('found')])
  const rows = await database
    .selectFrom(counted.as('counted'))
    .selectAll()
    .where('bytesBefore', '<', mostBytes)
    .orderBy('position')
    .execute()
  const isCut = rows[0] !== undefined && (rows[0].found === limit || rows.length < rows[0].found)
  const last = rows.at(-1)?.position ?? position
  return { events: rows.map(toLogEvent), position: isCut ? last : Math.max(last, end.position) }
}

const bytesBefore = sql<number>`coalesce(sum(octet_length(data)) over (
  order by position rows between unbounded preceding and 1 preceding), 0)`

export async function findEvent(database: Database, id: string, filter: LogFilter): Promise<LogEvent | null> {
  const row = await database
    .selectFrom('events')
    .select(logEventColumns)
    .where('id', '=', id)
    .where(matchSql(filter))
    .executeTakeFirst()
  return row ? toLogEvent(row) : null
}

/** The first event that a command caused, if it is there (E7). */
export async function findCorrelated(
  database: Database,
  wanted: { readonly accountId: string; readonly correlationId: string; readonly after: number },
): Promise<LogEvent | null> {
  const row = await database
    .selectFrom('events')
    .select(logEventColumns)
    .where('accountId', '=', wanted.accountId)
    .where('position', '>', wanted.after)
    .where('correlationId', '=', wanted.correlationId)
    .orderBy('position')
    .limit(1)
    .executeTakeFirst()
  return row ? toLogEvent(row) : null
}

/** Parents of accounts, and of those above them; who is gone is not among them. */
export async function readParents(database: Database, ids: readonly string[]): Promise<Map<string, string | null>> {
  const { rows } = await sql<{ id: string; parentId: string | null }>`
    with recursive up as (
      select id, parent_id from accounts where id = any(${ids}::text[])
      union
      select accounts.id, accounts.parent_id from accounts join up on accounts.id = up.parent_id
    )
    select id, parent_id from up`.execute(database)
  return new Map(rows.map(({ id, parentId }) => [id, parentId]))
}

const readEnds = (database: Database) => database.selectFrom('eventLog').selectAll().executeTakeFirstOrThrow()

/** Where the log begins, when it does not reach back to a position that was asked for; null: another error. */
export function oldestKept(error: unknown): number | null {
  const oldest = error instanceof ApiError && error.code === 'cursor_expired' ? error.details.oldest : undefined
  return typeof oldest === 'string' ? Number.parseInt(oldest.slice(1), 36) : null
}

function refuseDropped(position: number, droppedPosition: number): void {
  if (position >= droppedPosition) return
  const oldest = formatCursor(droppedPosition)
  throw new ApiError('cursor_expired', `after: begin again at ${oldest}, the oldest one.`, { oldest })
}
