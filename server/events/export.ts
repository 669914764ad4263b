/** The log as a file: a part of it that stands still, read in pages at the pace of whoever takes it. */
import type { Event } from '../../contract/event.ts'
import type { Database } from '../store/database.ts'
import { type LogFilter, matchSql } from './filter.ts'
import { readPage } from './log.ts'
import type { LogEvent } from './log-event.ts'

interface Part {
  /** After this position. */
  readonly start: number
  /** Up to this one. */
  readonly end: number
}

const pageSize = 1_000

export async function countEvents(database: Database, filter: LogFilter, { start, end }: Part): Promise<number> {
  const { count } = await database
    .selectFrom('events')
    .select((is) => is.fn.countAll<number>().as('count'))
    .where('position', '>', start)
    .where('position', '<=', end)
    .where(matchSql(filter))
    .executeTakeFirstOrThrow()
  return count
}

export async function* exportRows(database: Database, filter: LogFilter, { start, end }: Part) {
  for (let at = start; at < end; ) {
    const { events, position } = await readPage(database, at, filter, pageSize)
    yield events.filter((event) => event.position <= end)
    at = position
  }
}

export async function* formatExport(
  pages: AsyncIterable<readonly LogEvent[]>,
  format: 'csv' | 'ndjson',
): AsyncGenerator<string> {
  if (format === 'csv') yield `${head.join()}\r\n`
  for await (const events of pages) {
    if (events.length === 0) continue
    yield format === 'csv'
      ? events.map(({ text }) => formatRow(JSON.parse(text))).join('')
      : `${events.map(({ text }) => text).join('\n')}\n`
  }
}

const head = [
  'id',
  'seq',
  'cursor',
  'type',
  'account_id',
  'resource_type',
  'resource_id',
  'resource_seq',
  'occurred_at',
  'recorded_at',
  'actor',
  'correlation_id',
  'schema_version',
  'data',
]

function formatRow(event: Event): string {
  const { resource, actor, data, ...rest } = event
  const cells: Record<string, unknown> = {
    ...rest,
    resource_type: resource.type,
    resource_id: resource.id,
    actor: actor && JSON.stringify(actor),
    data: data && JSON.stringify(data),
  }
  return `${head.map((name) => formatCell(cells[name])).join()}\r\n`
}

/** RFC 4180, and safe in a spreadsheet, which takes such a beginning for a formula; a number stays a number (S9). */
export function formatCell(value: unknown): string {
  const text = value === null || value === undefined ? '' : String(value)
  const isFormula = /^[=+\-@\t\r]/.test(text) && !/^\+[1-9]\d{1,14}$/.test(text)
  const guarded = isFormula ? `'${text}` : text
  return /[",\r\n]/.test(guarded) ? `"${guarded.replaceAll('"', '""')}"` : guarded
}
