/**
 * What a reader of the log wants and may see, twice: for the database and for events that are in memory. Both must mean
 * the same, or a reader would see other events after a pause than without one (tests/events-feed.test.ts).
 */
import { type RawBuilder, sql } from 'kysely'
import type { LogEvent } from './log-event.ts'

/** Whose events: of all accounts, of one, or of one with all below it. */
export type LogAccounts =
  | { readonly kind: 'all' }
  | { readonly kind: 'one'; readonly id: string }
  | { readonly kind: 'tree'; readonly id: string }

export interface LogFilter {
  readonly accounts: LogAccounts
  /** What the reader may see of what it asked for, by kind of resource. */
  readonly types: ReadonlySet<string>
  /** Set for plain users: what concerns this person (E6). */
  readonly userId: string | null
  readonly resource?: { readonly type: string; readonly id?: string } | undefined
  readonly correlationId?: string | undefined
  readonly since?: Date | undefined
  readonly until?: Date | undefined
}

/** The parent of an account; null: it has none, or is gone. */
export type ParentOf = (accountId: string) => string | null

export function isMatch(event: LogEvent, filter: LogFilter, parentOf: ParentOf): boolean {
  const { resource, correlationId, since, until } = filter
  return (
    isWithin(event.accountId, filter.accounts, parentOf) &&
    filter.types.has(event.type) &&
    (filter.userId === null || event.userId === filter.userId) &&
    (resource === undefined || event.resourceType === resource.type) &&
    (resource?.id === undefined || event.resourceId === resource.id) &&
    (correlationId === undefined || event.correlationId === correlationId) &&
    (since === undefined || event.recordedAt >= since.getTime()) &&
    (until === undefined || event.recordedAt < until.getTime())
  )
}

function isWithin(accountId: string, accounts: LogAccounts, parentOf: ParentOf): boolean {
  if (accounts.kind === 'all') return true
  if (accounts.kind === 'one') return accountId === accounts.id
  for (let at: string | null = accountId; at !== null; at = parentOf(at)) if (at === accounts.id) return true
  return false
}

/** For a `where` over the columns of `events`. */
export function matchSql(filter: LogFilter): RawBuilder<boolean> {
  const { resource, correlationId, since, until } = filter
  const conditions = [
    accountSql(filter.accounts, 'account_id'),
    sql`type = any(${[...filter.types]}::text[])`,
    filter.userId !== null && sql`user_id = ${filter.userId}`,
    resource !== undefined && sql`resource_type = ${resource.type}`,
    resource?.id !== undefined && sql`resource_id = ${resource.id}`,
    correlationId !== undefined && sql`correlation_id = ${correlationId}`,
    since !== undefined && sql`recorded_at >= ${since}`,
    until !== undefined && sql`recorded_at < ${until}`,
  ]
  return sql<boolean>`(${sql.join(
    conditions.filter((one) => one !== false),
    sql` and `,
  )})`
}

/** The tree is read by the statement that reads the rows: one that grew meanwhile is not seen half. */
export function accountSql(accounts: LogAccounts, column: string): RawBuilder<boolean> {
  if (accounts.kind === 'all') return sql`true`
  if (accounts.kind === 'one') return sql`${sql.ref(column)} = ${accounts.id}`
  return sql`${sql.ref(column)} in (
    with recursive down as (
      select id from accounts where id = ${accounts.id}
      union
      select accounts.id from accounts join down on accounts.parent_id = down.id
    )
    select id from down)`
}
