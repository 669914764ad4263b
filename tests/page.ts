/** A meeting page without a browser: speaks the meeting socket's frames, and keeps what it was told. */
import { once } from 'node:events'
import type { ClientOp, EventParams, OpParams, OpResult, ServerEvent } from '../contract/signalling.ts'
import type { Report } from '../engine/sfu/messages.ts'
import type { Answer, Command, Media, MediaEvents, Publish } from '../server/meeting/media.ts'
import { until } from './carillon.ts'

/** Less than a test may take, so that it says what did not come. */
const patienceMs = 15_000

type Told = { readonly seq: number; readonly event: ServerEvent; readonly params: unknown }

export class Refused extends Error {
  readonly code: string

  constructor(error: { code: string; message: string }) {
    super(error.message)
    this.code = error.code
  }
}

export class Page {
  readonly socket: WebSocket
  readonly told: Told[] = []
  closedWith: number | null = null
  readonly #waiting = new Map<number, { resolve: (ok: unknown) => void; reject: (error: Error) => void }>()
  #lastId = 0

  private constructor(socket: WebSocket) {
    this.socket = socket
    socket.addEventListener('message', ({ data }) => this.#read(JSON.parse(String(data))))
    socket.addEventListener('close', ({ code }) => {
      this.closedWith = code
      for (const { reject } of this.#waiting.values()) reject(new Error(`the socket closed with ${code}`))
    })
  }

  /** `url` of the server, `http://…`. */
  static async open(url: string): Promise<Page> {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/meet/socket`)
    const page = new Page(socket)
    await once(socket, 'open')
    return page
  }

  ask<O extends ClientOp>(op: O, params: OpParams<O>): Promise<OpResult<O>> {
    return this.raw(op, params) as Promise<OpResult<O>>
  }

  /** Anything, also what the contract forbids. */
  raw(op: string, params: unknown): Promise<unknown> {
    this.#lastId += 1
    const id = this.#lastId
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.socket.send(JSON.stringify({ id, op, params }))
    })
  }

  async join(meetingId: string, name: string, more: Partial<OpParams<'hello'>> = {}) {
    const hello = await this.ask('hello', { meetingId, ...more })
    const joined = await this.ask('join', { name, microphone: true, camera: true })
    return { hello, joined }
  }

  events<E extends ServerEvent>(event: E): EventParams<E>[] {
    return this.told.filter((one) => one.event === event).map(({ params }) => params as EventParams<E>)
  }

  event<E extends ServerEvent>(event: E, fits: (params: EventParams<E>) => boolean = () => true) {
    return until(() => this.events(event).find(fits), `the event ${event}`, patienceMs)
  }

  closed(): Promise<number> {
    return until(() => this.closedWith, 'the socket closes', patienceMs)
  }

  #read(frame: { re?: number; ok?: unknown; error?: { code: string; message: string } } & Partial<Told>): void {
    if (frame.re === undefined) {
      this.told.push(frame as Told)
      return
    }
    const waiting = this.#waiting.get(frame.re)
    this.#waiting.delete(frame.re)
    if (frame.error) waiting?.reject(new Refused(frame.error))
    else waiting?.resolve(frame.ok)
  }
}

/** A worker that keeps its orders and answers each; `say` reports what a real one would. */
export class FakeWorker implements Media {
  readonly orders: (Command | Omit<Publish, 'request'> | Omit<Answer, 'request'>)[] = []
  isUp = true
  #events: MediaEvents | null = null

  readonly open = (_worker: number, events: MediaEvents): Media => {
    this.#events = events
    queueMicrotask(() => events.up('first', []))
    return this
  }

  tell(command: Command): void {
    this.orders.push(command)
  }

  async ask(order: Omit<Publish, 'request'> | Omit<Answer, 'request'>): Promise<Report> {
    this.orders.push(order)
    const { peerId } = order
    if (order.sdp === 'garbage')
      return { type: 'refused', request: 0, peerId, reason: 'The text is no session description.' }
    if (order.type === 'publish') return { type: 'published', request: 0, peerId, sdp: 'answer' }
    return { type: 'accepted', request: 0, peerId }
  }

  say(report: Report): void {
    this.#events?.report(report)
  }

  /** Killed, and a new one in its place. */
  die(): void {
    this.isUp = false
    this.#events?.lost()
  }

  rise(epoch: string, peers: readonly string[] = []): void {
    this.isUp = true
    this.#events?.up(
      epoch,
      peers.map((peerId) => ({ peerId, roomId: null })),
    )
  }

  of<T extends (typeof this.orders)[number]['type']>(type: T): Extract<(typeof this.orders)[number], { type: T }>[] {
    return this.orders.filter((order) => order.type === type) as Extract<(typeof this.orders)[number], { type: T }>[]
  }
}
