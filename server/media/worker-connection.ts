/**
 * A control process's connection to a media worker: says hello, passes on what the worker says, notices at once when it
 * is gone (M4), and connects again by itself for as long as it lives.
 */
import { connect, type Socket } from 'node:net'
import { LineReader } from './lines.ts'
import { type FromWorker, protocolVersion, type Role, type ToWorker } from './protocol.ts'

export type Hello = Extract<FromWorker, { type: 'hello' }>

export interface ConnectionEvents {
  /** Connected, the first time or again, to a worker of our version. */
  up(hello: Hello): void
  lost(): void
  message(message: Exclude<FromWorker, Hello>): void
}

const reconnectMs = 50
/** Orders that the kernel has not taken: a worker that does not read is as good as dead. */
const mostBuffered = 16_777_216

export class WorkerConnection {
  readonly #path: string
  readonly #role: Role
  readonly #events: ConnectionEvents
  #socket: Socket | null = null
  #isUp = false
  #isStopped = false
  #timer: NodeJS.Timeout | null = null

  constructor(path: string, role: Role, events: ConnectionEvents) {
    this.#path = path
    this.#role = role
    this.#events = events
    this.#connect()
  }

  get isUp(): boolean {
    return this.#isUp
  }

  write(message: ToWorker): void {
    const socket = this.#socket
    if (!socket) return
    socket.write(`${JSON.stringify(message)}\n`)
    if (socket.writableLength > mostBuffered) socket.destroy()
  }

  stop(): void {
    this.#isStopped = true
    if (this.#timer) clearTimeout(this.#timer)
    this.#socket?.destroy()
  }

  #connect(): void {
    const socket = connect(this.#path)
    const lines = new LineReader((line) => this.#read(JSON.parse(line)))
    this.#socket = socket
    socket.on('connect', () => this.write({ type: 'hello', version: protocolVersion, role: this.#role }))
    socket.on('data', (bytes) => lines.push(bytes))
    socket.on('error', () => {}) // `close` follows
    socket.on('close', () => this.#closed())
  }

  #closed(): void {
    const wasUp = this.#isUp
    this.#isUp = false
    if (wasUp) this.#events.lost()
    if (!this.#isStopped) this.#timer = setTimeout(() => this.#connect(), reconnectMs)
  }

  #read(message: FromWorker): void {
    if (message.type !== 'hello') return this.#events.message(message)
    if (message.version !== protocolVersion) return // the supervisor replaces it
    this.#isUp = true
    this.#events.up(message)
  }
}
