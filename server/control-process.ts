/**
 * The supervisor's hold on a control process (api, voice): starts it, waits until it serves, and starts it again when it
 * dies. It ends itself when the supervisor is gone, so that the next one finds its ports free (control-program.ts).
 */
import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import type { FastifyBaseLogger } from 'fastify'
import type { ClientConfig } from 'pg'
import { raiseGroup, startRaised } from './priority.ts'

/** What the two say over the IPC channel. */
export type ToControl = { readonly type: 'start'; readonly connection: ClientConfig } | { readonly type: 'stop' }
export type FromControl = { readonly type: 'serving' } | { readonly type: 'refused'; readonly reason: string }

export type ControlName = 'api' | 'voice'

const quiet = '--disable-warning=ExperimentalWarning'
/** What voice needs the collector for: voice/memory-return.ts. */
const execArgv: Readonly<Record<ControlName, readonly string[]>> = { api: [quiet], voice: [quiet, '--expose-gc'] }
const backoffMs = [0, 100, 250, 500, 1_000]
/** A process that lived this long was no failed start. */
const stableMs = 2_000
const stopMs = 10_000

export class ControlProcess {
  readonly #name: ControlName
  readonly #connection: ClientConfig
  readonly #log: FastifyBaseLogger
  #child: ChildProcess | null = null
  #isStopped = false
  #failures = 0
  #timer: NodeJS.Timeout | null = null

  constructor(name: ControlName, connection: ClientConfig, log: FastifyBaseLogger) {
    this.#name = name
    this.#connection = connection
    this.#log = log
  }

  /** Returns when it serves; throws the sentence with which it refused. */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      const since = performance.now()
      const child = this.#name === 'voice' ? startRaised(() => this.#fork(true)) : this.#fork(false)
      if (this.#name === 'voice' && child.pid !== undefined) raiseGroup(child.pid)
      this.#child = child
      let refusal = `the ${this.#name} process died while it started`
      let isServing = false
      child.on('message', (message: FromControl) => {
        if (message.type === 'refused') refusal = message.reason
        else {
          isServing = true
          this.#log.info({ pid: child.pid }, `${this.#name} process serving`)
          resolve()
        }
      })
      child.on('error', (error) => {
        // It could not be made, or died as something was said to it: then `exit` tells of it.
        this.#log.warn({ err: error }, `the ${this.#name} process`)
        if (child.pid === undefined) reject(error)
      })
      child.on('exit', (code, signal) => {
        this.#child = null
        if (!isServing) return reject(new Error(refusal))
        if (this.#isStopped) return
        this.#log.error({ pid: child.pid, code, signal }, `the ${this.#name} process died and is started again`)
        this.#failures = performance.now() - since > stableMs ? 0 : this.#failures + 1
        this.#startAgain()
      })
      const start: ToControl = { type: 'start', connection: this.#connection }
      child.send(start)
    })
  }

  /** `detached`: in a session of its own. */
  #fork(detached: boolean): ChildProcess {
    const program = join(import.meta.dirname, `${this.#name}.ts`)
    return fork(program, { execArgv: [...execArgv[this.#name]], serialization: 'advanced', detached })
  }

  #startAgain(): void {
    const delay = backoffMs[Math.min(this.#failures, backoffMs.length) - 1] ?? 0
    this.#timer = setTimeout(() => {
      this.start().catch((error: unknown) => {
        if (this.#isStopped) return
        this.#failures += 1
        this.#log.error({ err: error }, `the ${this.#name} process does not start`)
        this.#startAgain()
      })
    }, delay)
  }

  restart(): void {
    this.#failures = 0
    this.#child?.kill('SIGTERM')
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    if (this.#timer) clearTimeout(this.#timer)
    const child = this.#child
    if (!child) return
    const gone = new Promise((resolve) => child.once('exit', resolve))
    const stop: ToControl = { type: 'stop' }
    if (child.connected) child.send(stop)
    const force = setTimeout(() => child.kill('SIGKILL'), stopMs)
    await gone
    clearTimeout(force)
  }
}
