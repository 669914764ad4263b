/** One partition of `events` for each UTC day, so that old days go whole (E5). */
import pg from 'pg'

export const dayOf = (at: Date): string => at.toISOString().slice(0, 10)
export const partitionOf = (day: string): string => `events_${day.replaceAll('-', '')}`

/** duplicate_table, unique_violation */
const existsCodes = new Set(['42P07', '23505'])

type Queryable = Pick<pg.ClientBase, 'query'>

export async function ensurePartition(client: Queryable, day: string): Promise<void> {
  const next = dayOf(new Date(Date.parse(`${day}T00:00:00Z`) + 86_400_000))
  try {
    await client.query(
      `create table if not exists ${partitionOf(day)} partition of events
       for values from ('${day}T00:00:00Z') to ('${next}T00:00:00Z')`,
    )
  } catch (error) {
    // `if not exists` looks before it locks: another connection made it meanwhile.
    if (!(error instanceof pg.DatabaseError) || !existsCodes.has(error.code ?? '')) throw error
  }
}

/** Days that have a partition, oldest first. */
export async function listDays(client: Queryable): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select child.relname as name from pg_inherits
     join pg_class child on child.oid = inhrelid
     where inhparent = 'events'::regclass order by 1`,
  )
  return rows.map(({ name }) => name.replace(/^events_(\d{4})(\d{2})(\d{2})$/, '$1-$2-$3'))
}
