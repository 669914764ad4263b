/**
 * The voice process's side of the sandbox: a child process that is the outside world of all sandbox accounts. It is started
 * when there is such an account, and again when it died, on the same port.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { FastifyBaseLogger } from 'fastify'
import { lowerPriority } from '../priority.ts'
import type { FromOutside, OutsideCall, ToOutside } from '../sandbox/protocol.ts'

export interface SandboxOptions {
  /** Where the voice process listens. */
  readonly listenIp: string
  readonly voicePort: number
  readonly log: FastifyBaseLogger
}

const program = join(import.meta.dirname, '../sandbox/main.ts')
const againMs = 500

export class Sandbox {
  readonly #options: SandboxOptions
  readonly address: string
  #child: ChildProcess | null = null
  #starting: Promise<void> | null = null
  #port: number | null = null
  #isStopped = false
  #timer: NodeJS.Timeout | null = null

  constructor(options: SandboxOptions) {
    this.#options = options
    this.address = options.listenIp === '0.0.0.0' ? '127.0.0.1' : options.listenIp
  }

  /** Null until it was started for the first time. */
  get port(): number | null {
    return this.#port
  }

  isAt(address: string, port: number): boolean {
    return this.#port !== null && port === this.#port && address === this.address
  }

  /** Returns when it takes calls. */
  async start(): Promise<void> {
    if (this.#child !== null || this.#isStopped) return
    this.#starting ??= this.#launch().finally(() => {
      this.#starting = null
    })
    await this.#starting
  }

  /** False: it is not there. */
  call(call: OutsideCall): boolean {
    if (this.#child === null) return false
    const message: ToOutside = { type: 'call', call }
    return this.#child.send(message)
  }

  stop(): void {
    this.#isStopped = true
    if (this.#timer) clearTimeout(this.#timer)
    this.#child?.kill('SIGKILL')
  }

  async #launch(): Promise<void> {
    const { voicePort, log } = this.#options
    const child = fork(program, [this.address, String(voicePort), String(this.#port ?? 0)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      serialization: 'json',
    })
    if (child.pid !== undefined) lowerPriority(child.pid)
    child.once('exit', (code, signal) => {
      this.#child = null
      if (this.#isStopped) return
      log.warn({ code, signal }, 'the simulated outside world died; it is started again')
      this.#timer = setTimeout(() => void this.start(), againMs)
    })
    const [ready]: [FromOutside?] = await Promise.race([
      once(child, 'message') as Promise<[FromOutside]>,
      once(child, 'exit').then((): [] => []),
    ])
    if (ready === undefined) return
    this.#port = ready.port
    this.#child = child
    log.info({ port: ready.port }, 'the simulated outside world takes calls')
  }
}
