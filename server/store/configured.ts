/**
 * What the tables of the telephony configuration have in common: found within one account, changed with a version that
 * counts up, listed by pages. A page goes on after the last row of the one before, by sort value and id, so that rows
 * made or deleted meanwhile move nothing.
 */
import {
  type Insertable,
  type RawBuilder,
  type Selectable,
  type SelectQueryBuilder,
  sql,
  type Updateable,
} from 'kysely'
import { DatabaseError } from 'pg'
import { invalidField } from '../api-error.ts'
import type { Queries } from './accounts.ts'
import type { Tables } from './database.ts'

export type ConfiguredTable = 'devices' | 'trunks' | 'callflows' | 'contacts' | 'medias' | 'users' | 'webhooks'
export type RowOf<T extends keyof Tables> = Selectable<Tables[T]>

// The tables differ in what is written into them, not in the columns that these statements name; the builder cannot
// be told so, and is told one of the tables.
const as = (table: ConfiguredTable) => table as 'devices'

export async function findConfigured<T extends ConfiguredTable>(
  db: Queries,
  table: T,
  id: string,
  accountId: string,
): Promise<RowOf<T> | undefined> {
  const row = await db
    .selectFrom(as(table))
    .selectAll()
    .where('id', '=', id)
    .where('accountId', '=', accountId)
    .executeTakeFirst()
  return row as RowOf<T> | undefined
}

/** The same, held against other writers until the transaction ends. */
export async function lockConfigured<T extends ConfiguredTable>(
  trx: Queries,
  table: T,
  id: string,
  accountId: string,
): Promise<RowOf<T> | undefined> {
  const row = await trx
    .selectFrom(as(table))
    .selectAll()
    .where('id', '=', id)
    .where('accountId', '=', accountId)
    .forUpdate()
    .executeTakeFirst()
  return row as RowOf<T> | undefined
}

export async function insertConfigured<T extends ConfiguredTable>(
  trx: Queries,
  table: T,
  row: Insertable<Tables[T]>,
): Promise<RowOf<T>> {
  const made = await trx
    .insertInto(as(table))
    .values(row as unknown as Insertable<Tables['devices']>)
    .returningAll()
    .executeTakeFirstOrThrow()
  return made as unknown as RowOf<T>
}

export async function updateConfigured<T extends ConfiguredTable>(
  trx: Queries,
  table: T,
  id: string,
  change: Updateable<Tables[T]>,
): Promise<RowOf<T>> {
  const changed = await trx
    .updateTable(as(table))
    .set((is) => ({ ...(change as object), resourceSeq: is('resourceSeq', '+', 1) }))
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow()
  return changed as unknown as RowOf<T>
}

export async function deleteConfigured(trx: Queries, table: ConfiguredTable, id: string): Promise<void> {
  await trx.deleteFrom(as(table)).where('id', '=', id).execute()
}

export interface Paging {
  readonly limit?: number | undefined
  readonly cursor?: string | undefined
  /** A name of `sorts`, with `-` in front for the other direction. */
  readonly sort: string
}

export interface Page<T> {
  readonly rows: T[]
  /** Of the next page. */
  readonly next: string | undefined
}

/** To the millisecond, as it is shown: cursors could not hold more. */
export const byCreation = sql<string>`to_char(date_trunc('milliseconds', created_at) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS')`
export const byText = (column: RawBuilder<unknown>) => sql<string>`lower(${column})`

const most = 10_000

/** `id`: what tells rows with equal sort values apart, and `sorts` the texts or milliseconds to sort by. */
export async function readPage<O>(
  query: SelectQueryBuilder<Tables, never, O>,
  { limit = most, cursor, sort }: Paging,
  {
    id,
    sorts,
  }: { readonly id: RawBuilder<string>; readonly sorts: Readonly<Record<string, RawBuilder<string | Date>>> },
): Promise<Page<O>> {
  const isDescending = sort.startsWith('-')
  const by = sorts[sort.replace('-', '')]
  if (!by) throw new Error(`there is no order ${sort}`)
  const after = cursor === undefined ? null : parseCursor(cursor, sort)
  const direction = isDescending ? 'desc' : 'asc'
  const rows = await query
    .select([by.as('sortValue'), id.as('sortId')])
    .$if(after !== null, (page) =>
      page.where(
        isDescending
          ? sql<boolean>`(${by}, ${id}) < (${after?.value}, ${after?.id})`
          : sql<boolean>`(${by}, ${id}) > (${after?.value}, ${after?.id})`,
      ),
    )
    .orderBy(by, direction)
    .orderBy(id, direction)
    .limit(limit + 1)
    .execute()
    .catch(rethrowCursor)
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  const isMore = rows.length > limit && last !== undefined
  return { rows: shown, next: isMore ? formatCursor(sort, last.sortValue, last.sortId) : undefined }
}

/** Where rows are sorted by time, the value of a cursor of ours is one. */
function rethrowCursor(error: unknown): never {
  if (error instanceof DatabaseError && timeErrors.includes(error.code ?? '')) throw strangeCursor()
  throw error
}
/** invalid_datetime_format, datetime_field_overflow */
const timeErrors = ['22007', '22008']

const formatCursor = (sort: string, value: string | Date, id: string) =>
  Buffer.from(JSON.stringify([sort, value, id])).toString('base64url')

function parseCursor(cursor: string, sort: string): { value: string; id: string } {
  const parts = parsed(Buffer.from(cursor, 'base64url').toString())
  if (Array.isArray(parts) && parts.length === 3 && parts.every((part) => typeof part === 'string')) {
    const [of, value = '', id = ''] = parts
    if (of === sort && !`${value}${id}`.includes('\0')) return { value, id }
  }
  throw strangeCursor()
}

const strangeCursor = () => invalidField('cursor', 'is none that an answer with this `sort` carried')

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null // no JSON is no cursor
  }
}

/** Contains, in any case. */
export const contains = (column: RawBuilder<unknown>, text: string) =>
  sql<boolean>`position(lower(${text}) in lower(${column})) > 0`
