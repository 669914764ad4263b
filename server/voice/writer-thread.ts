/**
 * The writer's session with the database, in a thread of its own (writer-program.ts). A batch of a busy moment is some
 * megabytes, a socket takes 200 kB, and the rest has to wait for the loop to come round: in the loop that reads SIP, which
 * has most to do just then, a batch took as long on its way as in the database, and the next one was larger still.
 *
 * Invariant: one batch at a time. Whoever waits for one hears of it, also when the thread ends.
 */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type pg from 'pg'
import { BatchRows, type BatchTypes, type CallBatch, memoryOf } from '../store/call-batch.ts'
import type { FromWriter, ToWriter, WhyNot, WriterOrder } from './writer-program.ts'

const program = new URL('./writer-program.ts', import.meta.url)

/** Why a batch was not written, or not surely. */
export class NotWritten extends Error {
  readonly why: WhyNot

  constructor(why: WhyNot, reason: string) {
    super(reason)
    this.why = why
  }
}

export class WriterThread {
  readonly #thread: Worker
  readonly #rows: BatchRows
  /** Who waits for the batch that is under way. */
  #waiting: PromiseWithResolvers<void> | null = null
  #isOver = false
  /** The number of the node's last batch when the session began; 0: there was none. */
  readonly batch: number
  /** The session is lost. */
  onLost: () => void = () => {}

  private constructor(thread: Worker, types: BatchTypes, batch: number) {
    this.#thread = thread
    this.#rows = new BatchRows(types)
    this.batch = batch
    thread.on('message', (message: FromWriter) => this.#hear(message))
    thread.on('exit', () => this.#lose('the thread ended'))
    // Our fault: without its writer the process is of no use.
    thread.on('error', (error) => {
      throw error
    })
  }

  /** Null: another session is the node's writer. Throws why there is none. */
  static open(connection: pg.ClientConfig, node: string): Promise<WriterThread | null> {
    return WriterThread.#start({ connection, node, waits: false })
  }

  /** Waits for the voice process before this one; throws what to tell whoever starts a second one. */
  static async take(connection: pg.ClientConfig, node: string): Promise<WriterThread> {
    const taken = await WriterThread.#start({ connection, node, waits: true })
    if (taken === null) throw new Error('who waits for a session is told why there is none')
    return taken
  }

  static async #start(order: WriterOrder): Promise<WriterThread | null> {
    const thread = new Worker(program, { workerData: order })
    const [first] = (await once(thread, 'message')) as [FromWriter]
    if (first.type === 'open') return new WriterThread(thread, first.types, first.batch)
    void thread.terminate()
    if (first.type === 'taken') return null
    throw new Error('reason' in first ? first.reason : `the thread of the writer began with ${first.type}`)
  }

  /** Throws `NotWritten`. A database that takes longer than `patienceMs` is away. */
  async write(batch: CallBatch, patienceMs: number): Promise<void> {
    if (this.#isOver) throw new NotWritten('away', 'the session is over')
    const values = this.#rows.values(batch)
    this.#waiting = Promise.withResolvers()
    this.#tell({ type: 'write', values, patienceMs }, memoryOf(values))
    await this.#waiting.promise
  }

  /** Ends the session, and is done when it is gone. */
  async end(): Promise<void> {
    if (this.#isOver) return
    this.#isOver = true
    const gone = once(this.#thread, 'exit')
    this.#tell({ type: 'end' })
    await gone
  }

  /** At once: a database that hangs does not say goodbye. */
  drop(): void {
    this.#isOver = true
    this.#fail('away', 'the session was given up')
    void this.#thread.terminate()
  }

  #tell(message: ToWriter, transferred: readonly ArrayBuffer[] = []): void {
    this.#thread.postMessage(message, transferred)
  }

  #hear(message: FromWriter): void {
    if (message.type === 'lost') return this.#lose(message.reason)
    if (message.type !== 'written' && message.type !== 'failed') return
    for (const memory of message.memory) this.#rows.giveBack(memory)
    if (message.type === 'failed') return this.#fail(message.why, message.reason)
    this.#waiting?.resolve()
    this.#waiting = null
  }

  #fail(why: WhyNot, reason: string): void {
    this.#waiting?.reject(new NotWritten(why, reason))
    this.#waiting = null
  }

  #lose(reason: string): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#fail('away', reason)
    this.onLost()
  }
}
