/** Devices by the thousand, each with an owner who has no other, in a database without anything else. */
import { sql } from 'kysely'
import type { Database } from '../server/store/database.ts'

/** Their ids. */
export async function devicesWithOwners(database: Database, accountId: string, count: number): Promise<string[]> {
  await sql`insert into accounts (id, name, account_type) values (${accountId}, 'Many', 'standard')`.execute(database)
  await sql`
    insert into users (id, account_id, first_name, last_name, preferred_language, timezone, ics_token, priv_level)
    select lpad(to_hex(n), 24, '0'), ${accountId}, 'P', 'P', 'en', 'UTC', n::text, 'user'
    from generate_series(1, ${count}::integer) n`.execute(database)
  await sql`insert into presence (user_id, account_id) select id, account_id from users`.execute(database)
  const { rows } = await sql<{ id: string }>`
    insert into devices (id, account_id, name, owner_id, username, secrets)
    select id, account_id, 'Phone', id, id, '' from users returning id`.execute(database)
  return rows.map(({ id }) => id)
}
