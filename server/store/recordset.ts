/**
 * Many rows as one parameter of a statement: a JSON array, which PostgreSQL reads as a table. A parameter for each value
 * ends at 65,535 of them, which some thousand rows have.
 */
import { sql, type Transaction } from 'kysely'
import type { InboxRow } from '../events/inbox.ts'
import type { Tables } from './database.ts'
import { withoutEscapedNul } from './row-arrays.ts'

/** Of `event_inbox`, whose texts are JSON. */
export const eventTypes = {
  event_id: 'uuid',
  account_id: 'text',
  user_id: 'text',
  type: 'text',
  resource_type: 'text',
  resource_id: 'text',
  resource_seq: 'bigint',
  occurred_at: 'timestamptz',
  actor: 'text',
  correlation_id: 'text',
  schema_version: 'integer',
  data: 'text',
} as const

export const columns = (types: object, of = '') =>
  Object.keys(types)
    .map((name) => of + name)
    .join(', ')

/** What the rows of `json_to_recordset` are called and have. `more`: columns besides `types`. */
const recordColumns = (types: object, more = '') =>
  `r(${Object.entries(types)
    .map(([name, type]) => `${name} ${type}`)
    .join(', ')}${more})`

/** The rows that `toJson` made, called `r`. */
export const recordset = (json: string, types: object, more?: string) =>
  sql`json_to_recordset(${json}::json) as ${sql.raw(recordColumns(types, more))}`

/** However many, in their order. */
export async function insertEvents(trx: Transaction<Tables>, events: readonly InboxRow[]): Promise<void> {
  if (events.length === 0) return
  const rows = events.map((row, place) => ({ ...toEventRow(row), place }))
  await sql`
    insert into event_inbox (${sql.raw(columns(eventTypes))})
    select ${sql.raw(columns(eventTypes, 'r.'))}
    from ${recordset(toJson(rows, ['data']), eventTypes, ', place integer')} order by r.place`.execute(trx)
}

/** `data` is JSON already: `toJson(rows, ['data'])`. */
export const toEventRow = (row: InboxRow) => ({
  event_id: row.eventId,
  account_id: row.accountId,
  user_id: row.userId,
  type: row.type,
  resource_type: row.resourceType,
  resource_id: row.resourceId,
  resource_seq: row.resourceSeq,
  occurred_at: row.occurredAt,
  actor: row.actor,
  correlation_id: row.correlationId,
  schema_version: row.schemaVersion,
  data: row.data,
})

/** `texts` are JSON already and stand in it as they are, since a column of type text gets them to the letter. */
export function toJson<T extends object>(rows: readonly T[], texts: readonly (keyof T & string)[] = []): string {
  const kept = new Set<string>(texts)
  return withoutEscapedNul(`[${rows.map((row) => toJsonRow(row, kept)).join(',')}]`)
}

function toJsonRow(row: object, texts: ReadonlySet<string>): string {
  let text = ''
  for (const [name, value] of Object.entries(row)) {
    // What is left out is null for `json_to_recordset`, and most of a row of calls is.
    if (value === null || value === undefined) continue
    text += `${text === '' ? '{' : ','}"${name}":${texts.has(name) ? value : JSON.stringify(value)}`
  }
  return text === '' ? '{}' : `${text}}`
}
