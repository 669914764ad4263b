/**
 * The writer's session with the database, in a thread of its own (writer-program.ts). A batch of a busy moment is some
 * megabytes, a socket takes 200 kB, and the rest has to wait for the loop to come round: in the loop that reads SIP, which
 * has most to do just then, a batch took as long on its way as in the database, and the next one was larger still.
 *
 * Invariant: one batch at a time. Whoever waits for one hears of it, also when the thread ends.
 */
import { Worker } from 'node:worker_threads'
import type pg from 'pg'
import { BatchRows, type CallBatch, memoryOf } from '../store/call-batch.ts'
import type { FromWriter, Told, ToWriter, WhyNot, WriterOrder } from './writer-program.ts'

const program = new URL('./writer-program.ts', import.meta.url)
/** For a database that is told that the session ends. */
const goodbyeMs = 1_000

/** Why a batch was not written, or not surely. */
export class NotWritten extends Error {
  readonly why: WhyNot

  constructor(why: WhyNot, told: Told) {
    super(told.message)
    Object.assign(this, told)
    this.why = why
  }
}

export class WriterThread {
  readonly #thread: Worker
  /** Null: there is no session yet. */
  #rows: BatchRows | null = null
  /** Who waits for the batch that is under way. */
  #waiting: PromiseWithResolvers<void> | null = null
  #isOver = false
  readonly #opened = Promise.withResolvers<void>()
  readonly #lost = Promise.withResolvers<void>()
  readonly #gone: Promise<unknown>
  readonly #onWaiting: (error: Error) => void
  /** The number of the node's last batch when the session began; 0: there was none. */
  batch = 0

  /** `onWaiting` hears why there is no session yet, each time that one is tried. */
  constructor(order: WriterOrder, onWaiting: (error: Error) => void = () => {}) {
    this.#onWaiting = onWaiting
    const thread = new Worker(program, { workerData: order })
    this.#thread = thread
    this.#gone = new Promise((resolve) => thread.once('exit', resolve))
    this.#opened.promise.catch(() => {}) // also where nobody waits for it
    thread.on('message', (message: FromWriter) => this.#hear(message))
    thread.on('exit', () => this.#lose({ message: 'the thread of the writer ended' }))
    // Our fault: without its writer the process is of no use.
    thread.on('error', (error) => {
      throw error
    })
  }

  /** Waits for the voice process before this one; throws what to tell whoever starts a second one. */
  static async take(connection: pg.ClientConfig, node: string): Promise<WriterThread> {
    const thread = new WriterThread({ connection, node, isPersistent: false })
    await thread.opened
    return thread
  }

  /** Throws why there is no session. */
  get opened(): Promise<void> {
    return this.#opened.promise
  }

  /** The session ended, and nobody here ended it. */
  get lost(): Promise<void> {
    return this.#lost.promise
  }

  /** Throws `NotWritten`. A database that takes longer than `patienceMs` is away. */
  async write(batch: CallBatch, patienceMs: number): Promise<void> {
    if (this.#isOver || this.#rows === null) throw new NotWritten('away', { message: 'there is no session' })
    const values = this.#rows.values(batch)
    this.#waiting = Promise.withResolvers()
    this.#tell({ type: 'write', values, patienceMs }, memoryOf(values))
    await this.#waiting.promise
  }

  /** Ends the session, and is done when it is gone. */
  async end(): Promise<void> {
    if (!this.#isOver) this.#tell({ type: 'end' })
    this.#isOver = true
    const timer = setTimeout(() => void this.#thread.terminate(), goodbyeMs)
    await this.#gone
    clearTimeout(timer)
  }

  /** At once: a database that hangs does not say goodbye. */
  drop(): void {
    this.#close({ message: 'the session was given up' })
  }

  #tell(message: ToWriter, transferred: readonly ArrayBuffer[] = []): void {
    this.#thread.postMessage(message, transferred)
  }

  #hear(message: FromWriter): void {
    switch (message.type) {
      case 'open':
        this.#rows = new BatchRows(message.types)
        this.batch = message.batch
        return this.#opened.resolve()
      case 'waiting':
        return this.#onWaiting(toError(message.error))
      case 'refused':
        return this.#close(message.error)
      case 'lost':
        return this.#lose(message.error)
      case 'written':
        this.#takeBack(message.memory)
        this.#waiting?.resolve()
        this.#waiting = null
        return
      case 'failed':
        this.#takeBack(message.memory)
        return this.#fail(message.why, message.error)
    }
  }

  #takeBack(memory: readonly ArrayBuffer[]): void {
    for (const one of memory) this.#rows?.giveBack(one)
  }

  #fail(why: WhyNot, told: Told): void {
    this.#waiting?.reject(new NotWritten(why, told))
    this.#waiting = null
  }

  #lose(told: Told): void {
    if (this.#isOver) return
    this.#close(told)
    this.#lost.resolve()
  }

  #close(told: Told): void {
    this.#isOver = true
    this.#fail('away', told)
    this.#opened.reject(toError(told))
    void this.#thread.terminate()
  }
}

const toError = (told: Told): Error => Object.assign(new Error(told.message), told)
