/**
 * Erases what the log tells of a person (E5): data, actor and salt go, envelope, `seq` and hash stay, so that the chain
 * still verifies and no reader finds a gap. That it was done is an event itself.
 */
import { sql } from 'kysely'
import type { Actor } from '../../contract/event.ts'
import { ApiError } from '../api-error.ts'
import type { Database } from '../store/database.ts'
import { append } from './inbox.ts'

interface Erasure {
  readonly accountId: string
  readonly userId: string
  readonly actor: Actor
  readonly now: Date
}

/** How many events were blanked. */
export function erasePerson(database: Database, { accountId, userId, actor, now }: Erasure): Promise<number> {
  return database.transaction().execute(async (trx) => {
    const waiting = await trx
      .selectFrom('eventInbox')
      .select('id')
      .where('userId', '=', userId)
      .limit(1)
      .executeTakeFirst()
    if (waiting) throw new ApiError('unavailable', 'An event of this person waits for the log; try again.')
    const { rows } = await sql<{ count: number }>`
      with erased as (
        update events set data = null, actor = null, salt = null, redacted_at = ${now}
        where account_id = ${accountId} and user_id = ${userId} and redacted_at is null
        returning 1
      )
      select count(*) as count from erased`.execute(trx)
    const events = rows[0]?.count ?? 0
    if (events === 0) return 0
    await append(trx, {
      accountId,
      userId: null,
      type: 'event.redacted',
      resourceId: userId,
      resourceSeq: 1,
      occurredAt: now,
      actor,
      data: { resource: { type: 'user', id: userId }, events },
    })
    return events
  })
}
