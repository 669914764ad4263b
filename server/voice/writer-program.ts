/**
 * The thread of the voice process that has its session with the database: see writer-thread.ts, which starts it.
 *
 * Invariant: one batch at a time, and each is answered once.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { type MessagePort, parentPort, type Transferable, workerData } from 'node:worker_threads'
import pg from 'pg'
import { type BatchTypes, type BatchValues, memoryOf, writeBatch } from '../store/call-batch.ts'
import { isDatabaseDown } from '../store/database.ts'
import { openWriterSession, takeWriterSession, type WriterSession } from './writer-session.ts'

export interface WriterOrder {
  readonly connection: pg.ClientConfig
  readonly node: string
  /** Tries until there is a session, whatever stands against it; else as long as a voice process takes to go. */
  readonly isPersistent: boolean
}
/** `deadlock`: it is to come again. `away`: no answer, it may have been written. `fault`: ours. */
export type WhyNot = 'deadlock' | 'away' | 'fault'
/** An error, of which the way out of a thread would leave the sentence alone. */
export type Told = Readonly<Record<'message', string>> & Readonly<Record<string, unknown>>
export type ToWriter =
  | { readonly type: 'write'; readonly values: BatchValues; readonly patienceMs: number }
  | { readonly type: 'end' }
export type FromWriter =
  | { readonly type: 'open'; readonly types: BatchTypes; readonly batch: number }
  /** No session yet. */
  | { readonly type: 'waiting'; readonly error: Told }
  /** No session. */
  | { readonly type: 'refused'; readonly error: Told }
  | { readonly type: 'written'; readonly memory: readonly ArrayBuffer[] }
  | { readonly type: 'failed'; readonly why: WhyNot; readonly error: Told; readonly memory: readonly ArrayBuffer[] }
  | { readonly type: 'lost'; readonly error: Told }

const againMs = 200

const port = parentPort as MessagePort
const { connection, node, isPersistent }: WriterOrder = workerData
const tell = (message: FromWriter, transferred: readonly Transferable[] = []) => port.postMessage(message, transferred)

try {
  serve(await (isPersistent ? persist() : takeWriterSession(connection, node)))
} catch (error) {
  tell({ type: 'refused', error: toTold(error) })
}

/** Also where the session before holds the lock for a moment still. */
async function persist(): Promise<WriterSession> {
  for (;;) {
    try {
      const session = await openWriterSession(connection, node)
      if (session !== null) return session
    } catch (error) {
      tell({ type: 'waiting', error: toTold(error) })
    }
    await wait(againMs)
  }
}

function serve({ client, types, batch }: WriterSession): void {
  client.on('error', (error) => tell({ type: 'lost', error: toTold(error) }))
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
    tell({ type: 'failed', why: whyNot(error), error: toTold(error), memory }, memory)
  }
}

function toTold(error: unknown): Told {
  if (!(error instanceof Error)) return { message: String(error) }
  const { stack, message } = error
  const texts = Object.entries(error).filter(([, value]) => typeof value === 'string')
  // Where every address of a name refuses, the sentence is empty.
  return { ...Object.fromEntries(texts), stack, message: message || String('code' in error ? error.code : error.name) }
}

/** Whoever deletes an account holds its people in another order; one of the two is sent back, and comes again. */
const isDeadlock = (error: unknown): boolean => error instanceof pg.DatabaseError && error.code === '40P01'
/** What pg says when `query_timeout` is over. The batch may have been written; then it does nothing when it comes again. */
const isTimeout = (error: unknown): boolean => error instanceof Error && /timeout/i.test(error.message)
const whyNot = (error: unknown): WhyNot =>
  isDeadlock(error) ? 'deadlock' : isDatabaseDown(error) || isTimeout(error) ? 'away' : 'fault'
