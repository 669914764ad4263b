/**
 * The writer's session with the database. It holds a lock while it lives, so that of two voice processes on one database
 * the second waits until the first is gone, or is refused, before it touches anything: they would share numbers of
 * batches, and each would take the other's calls for those of a process that died.
 *
 * Invariant: a statement that was under way when its process died is over before the next process reads anything, because
 * its session held the lock.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type pg from 'pg'
import { type BatchTypes, beginBatches } from '../store/call-batch.ts'
import { beginSession, makeSession } from '../store/session.ts'

export interface WriterSession {
  readonly client: pg.Client
  readonly types: BatchTypes
  /** The number of the node's last batch; 0: there is none. */
  readonly batch: number
}

/** A database that takes longer than this to answer is away: a caller waits for each batch. */
export const hangMs = 1_000
/** A voice process that was told to stop has ten seconds for it (control-process.ts). */
const patienceMs = 15_000
const againMs = 100
/** Names the lock, beside the node. */
const lock = 7_201_167

/** Waits for the voice process before this one; throws what to tell whoever starts a second one. */
export async function takeWriterSession(connection: pg.ClientConfig, node: string): Promise<WriterSession> {
  const giveUpAt = performance.now() + patienceMs
  for (;;) {
    const session = await openWriterSession(connection, node)
    if (session !== null) return session
    if (performance.now() > giveUpAt) {
      throw new Error('Another voice process works on this database: end that installation first.')
    }
    await wait(againMs)
  }
}

/** Null: another session is the node's writer. */
export async function openWriterSession(connection: pg.ClientConfig, node: string): Promise<WriterSession | null> {
  const client = makeSession({ connectionTimeoutMillis: hangMs, query_timeout: hangMs, ...connection })
  client.on('error', () => {}) // whoever asks next is told
  try {
    await beginSession(client)
    // A machine that vanished lets the lock go within seconds; over a Unix socket these mean nothing.
    await client.query('set tcp_keepalives_idle = 5; set tcp_keepalives_interval = 2; set tcp_keepalives_count = 3')
    const { rows } = await client.query<{ held: boolean }>('select pg_try_advisory_lock($1, hashtext($2)) as held', [
      lock,
      node,
    ])
    if (rows[0]?.held === true) {
      const last = await client.query('select batch from voice_batches where node = $1', [node])
      return { client, types: await beginBatches(client), batch: Number(last.rows[0]?.batch ?? 0) }
    }
  } catch (error) {
    void client.end().catch(() => {}) // it is as good as gone
    throw error
  }
  await client.end()
  return null
}
