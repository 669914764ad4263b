/**
 * The api's end of a media worker's socket: gives the orders of meetings and passes reports on (worker-connection.ts says
 * how it holds on to the worker).
 */
import type { Report } from '../../engine/sfu/messages.ts'
import type { Answer, Command, Media, MediaEvents, Publish } from '../meeting/media.ts'
import type { FromWorker, ToWorker } from './protocol.ts'
import { type Hello, WorkerConnection } from './worker-connection.ts'

type Stats = Extract<FromWorker, { type: 'stats' }>

const askMs = 5_000

class MediaLost extends Error {
  override name = 'MediaLost'
}

interface Waiting {
  readonly resolve: (message: Report | Stats) => void
  readonly reject: (error: Error) => void
  readonly timer: NodeJS.Timeout
}

export class MediaClient implements Media {
  readonly #events: MediaEvents
  readonly #connection: WorkerConnection
  readonly #waiting = new Map<number, Waiting>()
  #isStopped = false
  #lastRequest = 0

  constructor(path: string, events: MediaEvents) {
    this.#events = events
    this.#connection = new WorkerConnection(path, 'api', {
      up: ({ epoch, peers }) => events.up(epoch, peers),
      lost: () => this.#lost(),
      message: (message) => this.#read(message),
    })
  }

  get isUp(): boolean {
    return this.#connection.isUp
  }

  tell(command: Command): void {
    if (this.isUp) this.#connection.write(command)
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
    this.#connection.stop()
  }

  #ask(order: (request: number) => ToWorker): Promise<Report | Stats> {
    if (!this.isUp) return Promise.reject(new MediaLost('the media worker is away'))
    this.#lastRequest += 1
    const request = this.#lastRequest
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(request)
        reject(new MediaLost('the media worker did not answer in time'))
      }, askMs)
      this.#waiting.set(request, { resolve, reject, timer })
      this.#connection.write(order(request))
    })
  }

  #lost(): void {
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer)
      reject(new MediaLost('the media worker is gone'))
    }
    this.#waiting.clear()
    if (!this.#isStopped) this.#events.lost()
  }

  #read(message: Exclude<FromWorker, Hello>): void {
    if (message.type === 'rtp') return // voice hears those
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
