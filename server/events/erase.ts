/**
 * Erases what the log tells of a person, or what is older than an account wants to keep (E5): data, actor and salt go,
 * envelope, `seq` and hash stay, so that the chain still verifies and no reader finds a gap. That it was done is an event
 * itself, which holds nothing to erase.
 */
import { type RawBuilder, sql, type Transaction } from 'kysely'
import type { Actor } from '../../contract/event.ts'
import { ApiError } from '../api-error.ts'
import type { Queries } from '../store/accounts.ts'
import type { Database, Tables } from '../store/database.ts'
import { append } from './inbox.ts'

interface Erasure {
  readonly accountId: string
  readonly userId: string
  readonly actor: Actor
  readonly now: Date
}

/** Of old events, in one transaction. */
const mostAtOnce = 5_000
const dayMs = 86_400_000

/** How many events were blanked. */
export function erasePerson(db: Queries, { accountId, userId, actor, now }: Erasure): Promise<number> {
  return within(db, async (trx) => {
    const waiting = await trx
      .selectFrom('eventInbox')
      .select('id')
      .where('userId', '=', userId)
      .limit(1)
      .executeTakeFirst()
    if (waiting) throw new ApiError('unavailable', 'An event of this person waits for the log; try again.')
    const { events } = await blank(
      trx,
      now,
      sql`account_id = ${accountId} and user_id = ${userId} and redacted_at is null`,
    )
    if (events > 0) await tell(trx, { accountId, actor, now, events, resource: { type: 'user', id: userId } })
    return events
  })
}

/** Blanks what is older than its account keeps; call it by the clock. How many events were blanked. */
export async function eraseOld(database: Database, now: Date, atOnce = mostAtOnce): Promise<number> {
  const accounts = await database
    .selectFrom('accounts')
    .select(['id', sql<number>`(settings ->> 'event_days')::integer`.as('days')])
    .where(sql<boolean>`settings ->> 'event_days' is not null`)
    .execute()
  let count = 0
  for (const { id, days } of accounts) {
    const before = new Date(now.getTime() - days * dayMs)
    let batch: Blanked = { events: 0, last: 0 }
    do {
      const { last: after } = batch
      batch = await within(database, (trx) => blankOld(trx, { accountId: id, before, after, atOnce, now }))
      count += batch.events
    } while (batch.events === atOnce)
  }
  return count
}

interface Batch {
  readonly accountId: string
  readonly before: Date
  /** A position: all that is old up to it is blanked. */
  readonly after: number
  readonly atOnce: number
  readonly now: Date
}

async function blankOld(trx: Transaction<Tables>, { accountId, before, after, atOnce, now }: Batch): Promise<Blanked> {
  const old = sql`
    account_id = ${accountId} and recorded_at < ${before} and (position, recorded_at) in (
      select position, recorded_at from events
      where account_id = ${accountId} and position > ${after} and recorded_at < ${before}
        and redacted_at is null and type <> 'event.redacted'
      order by position limit ${atOnce})`
  const blanked = await blank(trx, now, old)
  const { events } = blanked
  const actor = { type: 'system', id: null } as const
  if (events > 0) await tell(trx, { accountId, actor, now, events, resource: { type: 'account', id: accountId } })
  return blanked
}

const within = <T>(db: Queries, run: (trx: Transaction<Tables>) => Promise<T>): Promise<T> =>
  db.isTransaction ? run(db as Transaction<Tables>) : db.transaction().execute(run)

interface Blanked {
  readonly events: number
  /** The position of the last of them. */
  readonly last: number
}

async function blank(trx: Transaction<Tables>, now: Date, which: RawBuilder<unknown>): Promise<Blanked> {
  const { rows } = await sql<Blanked>`
    with erased as (
      update events set data = null, actor = null, salt = null, redacted_at = ${now} where ${which} returning position
    ), answers as (
      -- An endpoint may have sent back what it was sent.
      update webhook_deliveries set response = null from erased
      where webhook_deliveries.position = erased.position and response is not null
    )
    select count(*) as events, coalesce(max(position), 0) as last from erased`.execute(trx)
  return rows[0] ?? { events: 0, last: 0 }
}

interface Told extends Omit<Erasure, 'userId'> {
  readonly events: number
  readonly resource: { readonly type: 'user' | 'account'; readonly id: string }
}

const tell = (trx: Transaction<Tables>, { accountId, actor, now, events, resource }: Told) =>
  append(trx, {
    accountId,
    userId: null,
    type: 'event.redacted',
    resourceId: resource.id,
    resourceSeq: 1,
    occurredAt: now,
    actor,
    data: { resource, events },
  })
