/**
 * The api's end of a media worker's socket: gives orders, passes reports on, and notices at once when the worker is gone
 * (M4). It connects again by itself for as long as it lives.
 */
import { connect, type Socket } from 'node:net'
import type { Report } from '../../engine/sfu/messages.ts'
import type { Answer, Command, Media, MediaEvents, Publish } from '../meeting/media.ts'
import { LineReader } from './lines.ts'
import { type FromWorker, protocolVersion, type ToWorker } from './protocol.ts'

type Stats = Extract<FromWorker, { type: 'stats' }>

const reconnectMs = 50
const askMs = 5_000
/** Orders that the kernel has not taken: a worker that does not read is as good as dead. */
const mostBuffered = 16_777_216

export class MediaLost extends Error {
  override name = 'MediaLost'
}

interface Waiting {
  readonly resolve: (message: Report | Stats) => void
  readonly reject: (error: Error) => void
  readonly timer: NodeJS.Timeout
}

export class MediaClient implements Media {
  readonly #path: string
  readonly #events: MediaEvents
  readonly #waiting = new Map<number, Waiting>()
  #socket: Socket | null = null
  #isUp = false
  #isStopped = false
  #lastRequest = 0
  #timer: NodeJS.Timeout | null = null

  constructor(path: string, events: MediaEvents) {
    this.#path = path
    this.#events = events
    this.#connect()
  }

  get isUp(): boolean {
    return this.#isUp
  }

  tell(command: Command): void {
    if (this.#isUp) this.#write(command)
  }

  async ask(order: Omit<Publish, 'request'> | Omit<Answer, 'request'>): Promise<Report> {
    const answer = await this.#ask((request) => ({ ...order, request }))
    if (answer.type === 'stats') throw new Error('the worker answered an order with figures')
    return answer
  }

  async stats(): Promise<Stats> {
    const answer = await this.#ask((request) => ({ type: 'stats', request }))
    if (answer.type !== 'stats') throw new Error('the worker answered a question with a report')
    return answer
  }

  stop(): void {
    this.#isStopped = true
    if (this.#timer) clearTimeout(this.#timer)
    this.#socket?.destroy()
  }

  #ask(order: (request: number) => ToWorker): Promise<Report | Stats> {
    if (!this.#isUp) return Promise.reject(new MediaLost('the media worker is away'))
    this.#lastRequest += 1
    const request = this.#lastRequest
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(request)
        reject(new MediaLost('the media worker did not answer in time'))
      }, askMs)
      this.#waiting.set(request, { resolve, reject, timer })
      this.#write(order(request))
    })
  }

  #write(message: ToWorker): void {
    const socket = this.#socket
    if (!socket) return
    socket.write(`${JSON.stringify(message)}\n`)
    if (socket.writableLength > mostBuffered) socket.destroy()
  }

  #connect(): void {
    const socket = connect(this.#path)
    const lines = new LineReader((line) => this.#read(JSON.parse(line)))
    this.#socket = socket
    socket.on('connect', () => this.#write({ type: 'hello', version: protocolVersion }))
    socket.on('data', (bytes) => lines.push(bytes))
    socket.on('error', () => {}) // `close` follows
    socket.on('close', () => this.#lost())
  }

  #lost(): void {
    const wasUp = this.#isUp
    this.#isUp = false
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer)
      reject(new MediaLost('the media worker is gone'))
    }
    this.#waiting.clear()
    if (this.#isStopped) return
    if (wasUp) this.#events.lost()
    this.#timer = setTimeout(() => this.#connect(), reconnectMs)
  }

  #read(message: FromWorker): void {
    if (message.type === 'hello') {
      if (message.version !== protocolVersion) return // the supervisor replaces it
      this.#isUp = true
      this.#events.up(message.epoch, message.peers)
      return
    }
    if (message.type === 'stats') return this.#settle(message.request, message)
    if (message.type === 'published' || message.type === 'accepted' || message.type === 'refused') {
      this.#settle(message.request, message)
    }
    this.#events.report(message)
  }

  #settle(request: number, message: Report | Stats): void {
    const waiting = this.#waiting.get(request)
    if (!waiting) return
    clearTimeout(waiting.timer)
    this.#waiting.delete(request)
    waiting.resolve(message)
  }
}
