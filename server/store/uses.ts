/** Who uses an object of the telephony configuration: what is in use cannot be deleted. */
import { sql } from 'kysely'
import type { Queries } from './accounts.ts'

export interface Use {
  readonly type: 'user' | 'device' | 'callflow' | 'account' | 'phone_number'
  readonly id: string
  readonly name: string
}

export type UsedKind = 'user' | 'device' | 'media' | 'trunk' | 'callflow' | 'phone_number'

const person = sql`trim(first_name || ' ' || last_name)`
const inTrees = (column: 'user_id' | 'device_id' | 'target_id' | 'media_id', id: string) => sql`
  select 'callflow' as type, c.id, c.name from callflows c
  where exists (select 1 from callflow_references r where r.callflow_id = c.id and r.${sql.ref(column)} = ${id})
    and c.id <> ${id}`

const statements = {
  user: (id: string) => sql`
    select 'device' as type, id, name from devices where owner_id = ${id}
    union all (${inTrees('user_id', id)})`,
  device: (id: string) => sql`
    select 'user' as type, id, ${person} as name from users where ${id} in (browserphone_id, quickcall_device)
    union all (${inTrees('device_id', id)})`,
  media: (id: string) => sql`
    select 'account' as type, id, name from accounts where music_on_hold_id = ${id}
    union all select 'user', id, ${person} from users where music_on_hold_id = ${id}
    union all select 'device', id, name from devices where music_on_hold_id = ${id}
    union all (${inTrees('media_id', id)})`,
  trunk: (id: string) => sql`select 'phone_number' as type, number as id, number as name from phone_numbers
    where trunk_id = ${id}`,
  callflow: (id: string) => inTrees('target_id', id),
  phone_number: (id: string) => sql`
    select 'callflow' as type, c.id, c.name from callflows c
    where exists (select 1 from callflow_numbers n where n.callflow_id = c.id and n.phone_number = ${id})`,
}

const mostNamed = 20

export async function listUses(db: Queries, kind: UsedKind, id: string): Promise<Use[]> {
  const { rows } =
    await sql<Use>`select * from (${statements[kind](id)}) as uses order by name, id limit ${mostNamed}`.execute(db)
  return rows
}
