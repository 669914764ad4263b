/**
 * Commands to calls, written down before they are given: each id and each Idempotency-Key is one command, which is given
 * once and answered the same again (A6, E7). Whoever carries one out has a lease; when that is over without an answer,
 * its process died, and the next who asks takes it up.
 */
import { type Selectable, sql } from 'kysely'
import type { Database } from './database.ts'
import type { CallTables } from './telephony-tables.ts'

export type CommandRow = Selectable<CallTables['callCommands']>

interface NewCommand {
  readonly accountId: string
  readonly id: string
  readonly callId: string
  readonly verb: string
  /** JSON text. */
  readonly actor: string
  readonly position: number
  readonly requestHash: Buffer
  /** Of the Idempotency-Key; null: there is none. */
  readonly once: { readonly credential: string; readonly operation: string; readonly key: string } | null
  readonly leasedUntil: Date
}

export type Claim =
  /** It is the caller's to carry out, for the first time or after somebody died. */
  | { readonly type: 'taken'; readonly row: CommandRow; readonly isAgain: boolean }
  | { readonly type: 'answered'; readonly answer: string }
  | { readonly type: 'in_flight' | 'mismatch' | 'id_used' }

export async function claimCommand(database: Database, command: NewCommand, now: Date): Promise<Claim> {
  const { once, ...row } = command
  const made = await database
    .insertInto('callCommands')
    .values({ ...row, ...once })
    .onConflict((conflict) => conflict.doNothing())
    .returningAll()
    .executeTakeFirst()
  if (made) return { type: 'taken', row: made, isAgain: false }
  if (once === null) return { type: 'id_used' }
  const before = await database
    .selectFrom('callCommands')
    .selectAll()
    .where('credential', '=', once.credential)
    .where('operation', '=', once.operation)
    .where('key', '=', once.key)
    .executeTakeFirst()
  if (!before) return { type: 'id_used' }
  if (!before.requestHash.equals(command.requestHash)) return { type: 'mismatch' }
  if (before.answer !== null) return { type: 'answered', answer: before.answer }
  const taken = await database
    .updateTable('callCommands')
    .set({ leasedUntil: command.leasedUntil })
    .where('accountId', '=', before.accountId)
    .where('id', '=', before.id)
    .where('answer', 'is', null)
    .where('leasedUntil', '<=', now)
    .returningAll()
    .executeTakeFirst()
  return taken ? { type: 'taken', row: taken, isAgain: true } : { type: 'in_flight' }
}

/** Nothing was done: it may be given again. */
export async function dropCommand(database: Database, { accountId, id }: CommandRow): Promise<void> {
  await database.deleteFrom('callCommands').where('accountId', '=', accountId).where('id', '=', id).execute()
}

export async function answerCommand(
  database: Database,
  { accountId, id }: CommandRow,
  answer: { readonly text: string; readonly settledAt: Date | null },
): Promise<void> {
  await database
    .updateTable('callCommands')
    .set({ answer: answer.text, settledAt: answer.settledAt })
    .where('accountId', '=', accountId)
    .where('id', '=', id)
    .execute()
}

export type LostCommand = Pick<CommandRow, 'accountId' | 'id' | 'callId' | 'verb' | 'actor'>

/** Those of the last day without any event: the process that they were given to died before it could tell. */
export async function listLostCommands(database: Database): Promise<LostCommand[]> {
  const { rows } = await sql<LostCommand>`
    select account_id, id, call_id, verb, actor from call_commands as c
    where settled_at is null and created_at > now() - interval '1 day'
      and not exists (
        select from events as e
        where e.account_id = c.account_id and e.correlation_id = c.id and e.position > c.position
          and e.recorded_at > c.created_at - interval '1 minute'
      )
      and not exists (
        select from event_inbox as i where i.account_id = c.account_id and i.correlation_id = c.id
      )
    order by created_at`.execute(database)
  return rows
}
