/**
 * The supervisor's hold on one media worker: starts it, or adopts the one that a killed supervisor left, and starts it
 * again when it dies (M7). The worker is no child that dies with us: it has its own process group and log file.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, openSync, closeSync, readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FastifyBaseLogger } from 'fastify'
import { raiseGroup, startRaised } from '../priority.ts'
import { LineReader } from './lines.ts'
import { type FromWorker, protocolVersion, type ToWorker } from './protocol.ts'
import type { WorkerOptions } from './worker.ts'

interface Options extends Omit<WorkerOptions, 'socketPath'> {
  readonly dataDir: string
  readonly index: number
  readonly log: FastifyBaseLogger
}

const program = join(import.meta.dirname, 'worker.ts')
/** Linux allows 107 bytes for a socket's path. */
const longestPath = 107
const startMs = 10_000
const retryMs = 20
const portMs = 3_000
const backoffMs = [0, 100, 250, 500, 1_000]
/** A worker that lived this long was no failed start. */
const stableMs = 2_000

export const workerSocketPath = (dataDir: string, index: number): string =>
  unixSocketPath(dataDir, `media-${index}.sock`)

/** In the data folder, or where its path would be too long in a folder of ours. */
export function unixSocketPath(dataDir: string, file: string): string {
  const path = join(dataDir, file)
  if (Buffer.byteLength(path) <= longestPath) return path
  const name = createHash('sha256').update(dataDir).digest('hex').slice(0, 12)
  const folder = join(tmpdir(), `carillon-${name}`)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  return join(folder, file)
}

export class WorkerProcess {
  readonly #options: Options
  readonly #path: string
  #socket: Socket | null = null
  #isStopped = false
  #failures = 0
  #timer: NodeJS.Timeout | null = null
  /** Of the running worker. */
  pid: number | null = null

  constructor(options: Options) {
    this.#options = options
    this.#path = workerSocketPath(options.dataDir, options.index)
  }

  /** Returns when the worker answers; throws a sentence when it cannot start. */
  async start(): Promise<void> {
    const running = await this.#greet()
    if (running?.hello.version === protocolVersion) return this.#hold(running, 'adopted')
    if (running) await this.#replace(running)
    await this.#launch()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    if (this.#timer) clearTimeout(this.#timer)
    const socket = this.#socket
    if (!socket) return
    const closed = new Promise((resolve) => socket.once('close', resolve))
    write(socket, { type: 'stop' })
    await Promise.race([closed, wait(portMs)])
    socket.destroy()
  }

  async #launch(): Promise<void> {
    const { dataDir, index, log: _log, ...own } = this.#options
    const options: WorkerOptions = { socketPath: this.#path, ...own }
    const logFile = join(dataDir, `media-${index}.log`)
    const log = openSync(logFile, 'a', 0o600)
    const flags = ['--disable-warning=ExperimentalWarning', '--expose-gc']
    const child = startRaised(() =>
      spawn(process.execPath, [...flags, program, JSON.stringify(options)], {
        detached: true,
        stdio: ['ignore', log, log],
      }),
    )
    closeSync(log)
    if (child.pid !== undefined) raiseGroup(child.pid)
    child.unref()
    let exit: number | null = null
    child.on('exit', (code) => {
      exit = code ?? -1
    })
    child.on('error', () => {
      exit = -1
    })
    const giveUpAt = performance.now() + startMs
    while (performance.now() < giveUpAt && exit === null) {
      const running = await this.#greet()
      if (running) return this.#hold(running, 'started')
      await wait(retryMs)
    }
    if (exit === null) child.kill('SIGKILL')
    throw new Error(`the media worker did not start: ${lastLine(logFile)}`)
  }

  async #replace(running: Greeting): Promise<void> {
    this.#options.log.info({ pid: running.hello.pid }, 'ending a media worker of another version')
    const closed = new Promise((resolve) => running.socket.once('close', resolve))
    write(running.socket, { type: 'stop' })
    await Promise.race([closed, wait(portMs)])
    running.socket.destroy()
  }

  /** Who listens on the socket, if anybody. */
  #greet(): Promise<Greeting | null> {
    return new Promise((resolve) => {
      const socket = connect(this.#path)
      const timer = setTimeout(() => socket.destroy(), startMs)
      const lines = new LineReader((line) => {
        const message: FromWorker = JSON.parse(line)
        if (message.type !== 'hello') return
        clearTimeout(timer)
        resolve({ socket, hello: message })
      })
      socket.on('connect', () => write(socket, { type: 'hello', version: protocolVersion, role: 'supervisor' }))
      socket.on('data', (bytes) => lines.push(bytes))
      socket.on('error', () => {})
      socket.on('close', () => {
        clearTimeout(timer)
        resolve(null)
      })
    })
  }

  #hold({ socket, hello }: Greeting, how: 'started' | 'adopted'): void {
    const { log, index } = this.#options
    const since = performance.now()
    this.#socket = socket
    this.pid = hello.pid
    log.info({ worker: index, pid: hello.pid, library: hello.library }, `media worker ${how}`)
    const onGone = () => {
      this.#socket = null
      this.pid = null
      if (this.#isStopped) return
      this.#failures = performance.now() - since > stableMs ? 0 : this.#failures + 1
      log.error({ worker: index, pid: hello.pid }, 'the media worker died and is started again')
      this.#startAgain()
    }
    if (socket.destroyed) onGone()
    else socket.once('close', onGone)
  }

  #startAgain(): void {
    const delay = backoffMs[Math.min(this.#failures, backoffMs.length) - 1] ?? 0
    this.#timer = setTimeout(() => {
      this.start().catch((error: unknown) => {
        this.#failures += 1
        this.#options.log.error({ err: error, worker: this.#options.index }, 'the media worker does not start')
        if (!this.#isStopped) this.#startAgain()
      })
    }, delay)
  }
}

interface Greeting {
  readonly socket: Socket
  readonly hello: Extract<FromWorker, { type: 'hello' }>
}

const write = (socket: Socket, message: ToWorker) => socket.write(`${JSON.stringify(message)}\n`)
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

function lastLine(file: string): string {
  return readFileSync(file, 'utf8').trim().split('\n').at(-1) ?? ''
}
