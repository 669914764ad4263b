/**
 * The thread of the voice process that has its session with the database: see writer-thread.ts, which starts it.
 *
 * Invariant: one batch at a time, and each is answered once; the last word is why there is no session, or none any more.
 */
import { type MessagePort, parentPort, type Transferable, workerData } from 'node:worker_threads'
import pg from 'pg'
import { type BatchTypes, type BatchValues, memoryOf, writeBatch } from '../store/call-batch.ts'
import { isDatabaseDown } from '../store/database.ts'
import { openWriterSession, takeWriterSession, type WriterSession } from './writer-session.ts'

export interface WriterOrder {
  readonly connection: pg.ClientConfig
  readonly node: string
  /** For a voice process before this one to be gone. */
  readonly waits: boolean
}
/** `deadlock`: it is to come again. `away`: no answer, it may have been written. `fault`: ours. */
export type WhyNot = 'deadlock' | 'away' | 'fault'
export type ToWriter =
  | { readonly type: 'write'; readonly values: BatchValues; readonly patienceMs: number }
  | { readonly type: 'end' }
export type FromWriter =
  | { readonly type: 'open'; readonly types: BatchTypes; readonly batch: number }
  /** Another session is the node's writer. */
  | { readonly type: 'taken' }
  | { readonly type: 'refused'; readonly reason: string }
  | { readonly type: 'written'; readonly memory: readonly ArrayBuffer[] }
  | { readonly type: 'failed'; readonly why: WhyNot; readonly reason: string; readonly memory: readonly ArrayBuffer[] }
  | { readonly type: 'lost'; readonly reason: string }

const port = parentPort as MessagePort
const { connection, node, waits }: WriterOrder = workerData
const tell = (message: FromWriter, transferred: readonly Transferable[] = []) => port.postMessage(message, transferred)
const toReason = (error: unknown) => (error instanceof Error ? error.message : String(error))

try {
  const session = await (waits ? takeWriterSession(connection, node) : openWriterSession(connection, node))
  if (session === null) tell({ type: 'taken' })
  else serve(session)
} catch (error) {
  tell({ type: 'refused', reason: toReason(error) })
}

function serve({ client, types, batch }: WriterSession): void {
  client.on('error', (error) => tell({ type: 'lost', reason: toReason(error) }))
  port.on('message', async (order: ToWriter) => {
    if (order.type === 'write') return write(client, order.values, order.patienceMs)
    await client.end().catch(() => {}) // it is gone all the same
    port.close()
  })
  tell({ type: 'open', types, batch })
}

async function write(client: pg.Client, values: BatchValues, patienceMs: number): Promise<void> {
  const memory = memoryOf(values)
  try {
    await writeBatch(client, values, patienceMs)
    tell({ type: 'written', memory }, memory)
  } catch (error) {
    tell({ type: 'failed', why: whyNot(error), reason: toReason(error), memory }, memory)
  }
}

/** Whoever deletes an account holds its people in another order; one of the two is sent back, and comes again. */
const isDeadlock = (error: unknown): boolean => error instanceof pg.DatabaseError && error.code === '40P01'
/** What pg says when `query_timeout` is over. The batch may have been written; then it does nothing when it comes again. */
const isTimeout = (error: unknown): boolean => error instanceof Error && /timeout/i.test(error.message)
const whyNot = (error: unknown): WhyNot =>
  isDeadlock(error) ? 'deadlock' : isDatabaseDown(error) || isTimeout(error) ? 'away' : 'fault'
