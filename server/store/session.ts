/**
 * A session that runs the same prepared statements again and again. A plan is made once and kept, and the tables of
 * events, calls and deliveries are often empty at that time (a partition begins so each day): a plan that reads the
 * whole table would look best, and would be kept while the table grows. So every plan goes by an index; a statement that
 * joins a table with what it was given says `id = any(…)` too, or the index would be read whole. A table of one row has
 * no index that helps, and before PostgreSQL 18 a forbidden scan costs so much that it would be compiled each time.
 */
import pg from 'pg'
import { getTypeParser } from './database.ts'

const settings =
  'set enable_seqscan = off; set enable_mergejoin = off; set plan_cache_mode = force_generic_plan; set jit = off'

export const makeSession = (connection: pg.ClientConfig): pg.Client =>
  new pg.Client({ ...connection, types: { getTypeParser } })

/** To be called once; whoever listens for the end of the session does so before. */
export async function beginSession(session: pg.Client): Promise<void> {
  await session.connect()
  await session.query(settings)
}
