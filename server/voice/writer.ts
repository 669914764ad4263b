/**
 * The one ordered writer of the voice process (T1): what calls record goes into the database in batches, one statement
 * each; with the database away, into the spool, in the same order (T4).
 *
 * Invariant: `flushed` callbacks come in order, each after everything recorded before it is durable. While the spool holds
 * something, what is new goes behind it, so that no call waits for what an outage left.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type pg from 'pg'
import type { FastifyBaseLogger } from 'fastify'
import type { CallBatch } from '../store/call-batch.ts'
import type { Spool } from './spool.ts'
import { hangMs } from './writer-session.ts'
import { NotWritten, WriterThread } from './writer-thread.ts'

export interface WriterOptions {
  /** For the session that it has, and for others once that is lost. */
  readonly connection: pg.ClientConfig
  readonly session: WriterThread
  readonly node: string
  readonly spool: Spool
  readonly log: FastifyBaseLogger
  /** What was recorded since the last call, the last state of each call once. Null: nothing. */
  readonly take: () => Omit<CallBatch, 'node' | 'number'> | null
  /** Something new is in the inbox. */
  readonly wrote: () => void
  /** Another process wrote as this node while the database was away: this one must not go on. */
  readonly superseded: () => void
}

/** From the beginning of one batch to the beginning of the next, so that they gather (T1: at most 5 ms). */
const gatherMs = 4
/** What a call may take of it besides: a batch of all that happened in a long stall is no sign of a hanging database. */
const callMs = 2
const longestMs = 5_000
const reconnectMs = 200
/** For what waits in the spool, between two looks for what is new. */
const drainMs = 50
/** A process that starts takes up nothing before all of it is written. */
const startPatienceMs = 15_000
/** Recorded and not durable: more means that the machine cannot keep up. */
const mostWaiting = 5_000

export class Writer {
  readonly #options: WriterOptions
  /** Null: the database is away. */
  #session: WriterThread | null = null
  #number = 0
  #waiting: (() => void)[] = []
  #isRunning = false
  /** Something was recorded while a pass was under way. */
  #isPoked = false
  #isStopped = false
  #beganAt = Number.NEGATIVE_INFINITY
  #timer: NodeJS.Timeout | null = null
  /** The session that is to come, with the database away. */
  #next: WriterThread | null = null
  /** Why there is no session. */
  #reason: string | null = null

  constructor(options: WriterOptions) {
    const { session, spool } = options
    this.#options = options
    this.#number = Math.max(session.batch, spool.lastNumber)
    this.#use(session)
  }

  /** Writes all that the process before this one left in the spool; throws when the database stays away. */
  async start(): Promise<void> {
    const { spool } = this.#options
    this.#isRunning = true
    try {
      let [left, giveUpAt] = [spool.bytes, performance.now() + startPatienceMs]
      while (!spool.isEmpty) {
        if (this.#isStopped) throw new Error('Told to stop while what waited for the database was written.')
        if (!(await this.#drain())) await wait(reconnectMs)
        const now = performance.now()
        if (spool.bytes < left) [left, giveUpAt] = [spool.bytes, now + startPatienceMs]
        else if (now > giveUpAt) throw new Error('The database is away: what waits for it could not be written.')
      }
    } finally {
      this.#isRunning = false
    }
    if (this.#isPoked) this.poke()
  }

  /** True when a call that begins now could not be kept (T4, T8). */
  get isOverfull(): boolean {
    return this.#waiting.length > mostWaiting || this.#options.spool.isFull
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /** Something was recorded. */
  poke(): void {
    this.#isPoked = true
    if (this.#isRunning || this.#isStopped || this.#timer !== null) return
    const pause = this.#beganAt + gatherMs - performance.now()
    this.#timer = setTimeout(() => this.#begin(), Math.max(0, pause))
  }

  /** Calls back once what was recorded until now is durable. */
  whenFlushed(callback: () => void): void {
    this.#waiting.push(callback)
    this.poke()
  }

  /** What the spool holds then is the next process's. */
  async stop(): Promise<void> {
    this.#isStopped = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    while (this.#isRunning) await new Promise((resolve) => setImmediate(resolve))
    await this.#pass()
    this.#next?.drop()
    await this.#session?.end()
    await this.#options.spool.close()
  }

  #begin(): void {
    this.#timer = null
    this.#isRunning = true
    this.#isPoked = false
    this.#beganAt = performance.now()
    // What fails here is our fault: without its writer the process is of no use.
    void this.#pass().then(() => {
      this.#isRunning = false
      if (this.#isPoked) this.poke()
    })
  }

  async #pass(): Promise<void> {
    const { take, node, spool } = this.#options
    const told = this.#waiting
    this.#waiting = []
    const recorded = take()
    if (recorded !== null) {
      this.#number += 1
      await this.#write({ ...recorded, node, number: this.#number })
    }
    for (const callback of told) callback()
    if (spool.isEmpty) return
    await this.#drain()
    // With the database away its coming back begins the next pass.
    if (!spool.isEmpty && this.#session !== null) this.#isPoked = true
  }

  async #write(batch: CallBatch): Promise<void> {
    const { spool } = this.#options
    if (!spool.isEmpty || !(await this.#send(batch))) await spool.add(batch)
  }

  /**
   * A slice of what waits in the spool. False: the database is away, and the spool keeps what it has. Two at least: a pass
   * adds one.
   */
  async #drain(): Promise<boolean> {
    const { spool } = this.#options
    const until = performance.now() + drainMs
    for (let sent = 0; sent < 2 || performance.now() < until; sent += 1) {
      const first = await spool.first()
      if (first === null) return true
      if (!(await this.#send(first.batch))) return false
      await first.drop()
    }
    return true
  }

  async #send(batch: CallBatch): Promise<boolean> {
    const session = this.#session
    if (session === null) {
      this.#connectAgain()
      return false
    }
    try {
      await session.write(batch, patienceFor(batch))
    } catch (error) {
      if (!(error instanceof NotWritten)) throw error
      if (error.why === 'deadlock') return this.#send(batch)
      this.#drop(session)
      if (error.why === 'fault') throw error
      this.#options.log.warn({ err: error }, 'the database is away: calls go on, their records wait in the spool')
      this.#connectAgain()
      return false
    }
    this.#options.wrote()
    return true
  }

  /** Beside everything else, because no call waits for a database that is away. */
  #connectAgain(): void {
    if (this.#next !== null || this.#isStopped) return
    const { connection, node } = this.#options
    const next = new WriterThread({ connection, node, isPersistent: true }, (error) => this.#noSession(error))
    this.#next = next
    void next.opened.then(
      () => {
        this.#next = null
        this.#resume(next)
      },
      (error: unknown) => {
        // It tries for ever: our fault.
        if (!this.#isStopped) throw error
      },
    )
  }

  /** Said once, and not each time that it is tried. */
  #noSession(error: Error): void {
    if (error.message !== this.#reason) this.#options.log.warn({ err: error }, 'no session with the database yet')
    this.#reason = error.message
  }

  #resume(session: WriterThread): void {
    if (this.#isStopped) return void session.end()
    // Numbers that are not ours: what waits here would be taken for written.
    if (session.batch > this.#number) {
      void session.end()
      return this.#options.superseded()
    }
    this.#reason = null
    this.#use(session)
    this.poke()
  }

  #use(session: WriterThread): void {
    this.#session = session
    void session.lost.then(() => {
      this.#drop(session)
      // Also where there is nothing to write: the lock goes with the session.
      this.#connectAgain()
    })
  }

  #drop(session: WriterThread): void {
    if (this.#session !== session) return
    this.#session = null
    session.drop()
  }
}

const patienceFor = ({ calls, traces }: CallBatch): number =>
  Math.min(longestMs, hangMs + callMs * (calls.length + traces.length))
