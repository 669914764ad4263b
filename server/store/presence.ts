/**
 * Presence: a row a person, and the event that tells of each change of it, in the transaction of what caused it (E1).
 * What calls make of it is written by the voice process (store/call-batch.ts).
 *
 * Invariant: a row is locked before what it follows from is read, so that of two who change that at once the second sees
 * the first; rows are locked in the order of their ids, and, but by a batch of calls, after everything else.
 */
import { type Selectable, sql, type Transaction } from 'kysely'
import type { z } from 'zod'
import type { Actor } from '../../contract/event.ts'
import type { PresenceState } from '../../contract/presence.ts'
import { toInboxRow } from '../events/inbox.ts'
import type { Tables } from './database.ts'
import { insertEvents } from './recordset.ts'
import type { CallTables } from './telephony-tables.ts'

type PresenceRow = Selectable<CallTables['presence']>

export const toPresenceState = (row: PresenceRow): z.output<typeof PresenceState> => ({
  id: row.userId,
  account_id: row.accountId,
  state: row.state,
  is_registered: row.isRegistered,
  do_not_disturb: row.doNotDisturb,
  calls: row.calls,
})

/** Something changed of which the presence of these people follows, or they are new. Nobody is told of what is as it was. */
export async function settlePresence(
  trx: Transaction<Tables>,
  userIds: readonly (string | null)[],
  actor: Actor | null,
): Promise<void> {
  const ids = [...new Set(userIds)].filter((id) => id !== null)
  if (ids.length === 0) return
  await trx.selectFrom('presence').select('userId').where('userId', 'in', ids).orderBy('userId').forUpdate().execute()
  const { rows } = await sql<PresenceRow>`
    with so as (
      select users.id, coalesce((settings ->> 'do_not_disturb')::boolean, false) as do_not_disturb,
        exists (
          select from registrations join devices on devices.id = registrations.device_id where owner_id = users.id
        ) as is_registered
      from users where users.id = any(${ids}::text[])
    )
    update presence set is_registered = so.is_registered, do_not_disturb = so.do_not_disturb,
      resource_seq = resource_seq + 1
    from so
    where user_id = so.id and (
      resource_seq = 0 or
      (presence.is_registered, presence.do_not_disturb) is distinct from (so.is_registered, so.do_not_disturb))
    returning presence.*`.execute(trx)
  const told = rows.map((row) =>
    toInboxRow({
      accountId: row.accountId,
      userId: row.userId,
      type: 'presence.changed',
      resourceId: row.userId,
      resourceSeq: row.resourceSeq,
      actor,
      data: { presence: toPresenceState(row) },
    }),
  )
  await insertEvents(trx, told)
}

/** Before the user is. */
export async function deletePresence(trx: Transaction<Tables>, userId: string, actor: Actor | null): Promise<void> {
  const row = await trx.deleteFrom('presence').where('userId', '=', userId).returningAll().executeTakeFirst()
  if (!row) return
  const told = toInboxRow({
    accountId: row.accountId,
    userId,
    type: 'presence.changed',
    resourceId: userId,
    resourceSeq: row.resourceSeq + 1,
    actor,
    data: { presence: null },
  })
  await trx.insertInto('eventInbox').values(told).execute()
}
