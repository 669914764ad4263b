/**
 * A session that runs the same prepared statements again and again. A plan is made once and kept, and the tables of
 * events, calls and deliveries are often empty at that time (a partition begins so each day): a plan that reads the
 * whole table, or a whole index for a join, would look best, and would be kept while the table grows. So every plan looks
 * rows up in an index. A table of one row has none that helps, and before PostgreSQL 18 a forbidden scan costs so much
 * that it would be compiled each time.
 */
import pg from 'pg'
import { getTypeParser } from './database.ts'

const settings = ['seqscan', 'mergejoin', 'material']
  .map((way) => `set enable_${way} = off;`)
  .concat('set plan_cache_mode = force_generic_plan; set jit = off;')
  .join(' ')

export const makeSession = (connection: pg.ClientConfig): pg.Client =>
  new pg.Client({ ...connection, types: { getTypeParser } })

/**
 * To be called once; whoever listens for the end of the session does so before. `joins`: `looked up` row by row, or
 * `hashed`, for statements that join what they were given with nothing but itself.
 */
export async function beginSession(session: pg.Client, joins: 'looked up' | 'hashed'): Promise<void> {
  await session.connect()
  await session.query(joins === 'hashed' ? settings : `${settings} set enable_hashjoin = off`)
}
