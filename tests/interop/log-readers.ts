/**
 * The four readers of the event log (E2, E3), each as an integrator would write it: it keeps the last cursor, and begins
 * again there after any break. What each has seen is kept as the text that came, so that bytes can be compared (E6).
 */
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { Webhook } from 'standardwebhooks'
import type { Json } from '../carillon.ts'

export interface Seen {
  readonly id: string
  readonly cursor: string
  /** The event, byte for byte. */
  readonly text: string
}

export interface ReaderOptions {
  readonly url: string
  readonly key: string
  /** Where all begin. */
  readonly after: string
}

/** After a refusal or a break. */
const againMs = 50

export abstract class LogReader {
  abstract readonly name: string
  readonly seen: Seen[] = []
  readonly faults: string[] = []
  /** How often it had to begin again. */
  breaks = 0
  protected readonly options: ReaderOptions
  protected readonly closing = new AbortController()
  #last: string

  constructor(options: ReaderOptions) {
    this.options = options
    this.#last = options.after
  }

  get last(): string {
    return this.#last
  }

  close(): void {
    this.closing.abort()
  }

  protected get isClosed(): boolean {
    return this.closing.signal.aborted
  }

  protected see(text: string): void {
    const { id, cursor }: Json = JSON.parse(text)
    this.seen.push({ id, cursor, text })
    this.#last = cursor
  }

  /** How far the log was read, past events or not. */
  protected passed(cursor: string): void {
    this.#last = cursor
  }

  /** Reads until it is closed, from the last cursor after each break. */
  async run(): Promise<void> {
    while (!this.isClosed) {
      try {
        await this.read()
      } catch (error) {
        if (this.isClosed) return
        if (error instanceof ReaderFault) this.faults.push(error.message)
        this.breaks += 1
        await pause(againMs)
      }
    }
  }

  protected abstract read(): Promise<void>
}

/** What no break explains. */
class ReaderFault extends Error {}

const isTemporary = (status: number) => status === 429 || status >= 500

/** `GET /v3.0/events`, by long poll. */
export class ListReader extends LogReader {
  readonly name = 'list'

  protected async read(): Promise<void> {
    const query = new URLSearchParams({ account: 'tree', limit: '500', wait: '5', after: this.last })
    const answer = await fetch(`${this.options.url}/v3.0/events?${query}`, {
      headers: { 'x-api-key': this.options.key },
      signal: this.closing.signal,
    })
    const body = (await answer.json()) as Json
    if (answer.status !== 200) {
      const message = `list: ${answer.status} ${JSON.stringify(body)}`
      throw isTemporary(answer.status) ? new Error(message) : new ReaderFault(message)
    }
    for (const event of body.data) this.see(JSON.stringify(event))
    this.passed(body.next)
  }
}

/** `GET /v3.0/realtime/stream`, with `Last-Event-ID`. */
export class SseReader extends LogReader {
  readonly name = 'sse'

  protected async read(): Promise<void> {
    const began = this.last
    const answer = await fetch(`${this.options.url}/v3.0/realtime/stream?account=tree`, {
      headers: { 'x-api-key': this.options.key, 'last-event-id': began, accept: 'text/event-stream' },
      signal: this.closing.signal,
    })
    if (answer.status !== 200 || !answer.body) {
      const message = `sse: ${answer.status} ${await answer.text()}`
      throw isTemporary(answer.status) ? new Error(message) : new ReaderFault(message)
    }
    let rest = ''
    let prev = began
    for await (const piece of answer.body.pipeThrough(new TextDecoderStream())) {
      const frames = (rest + piece).split('\n\n')
      rest = frames.pop() ?? ''
      for (const frame of frames) prev = this.#frame(frame, prev)
    }
    throw new Error('the stream ended')
  }

  #frame(frame: string, prev: string): string {
    const field = (name: string) =>
      frame
        .split('\n')
        .find((line) => line.startsWith(`${name}: `))
        ?.slice(name.length + 2)
    const data = field('data')
    if (field('event') === 'end') throw new Error(`the stream ended: ${data}`)
    const id = field('id')
    if (data === undefined) {
      if (id !== undefined) this.passed(id)
      return prev
    }
    const told: Json = JSON.parse(data)
    if (told.prev !== prev)
      this.faults.push(`sse: ${told.event.cursor} says that ${told.prev} is before it, not ${prev}`)
    this.see(eventTextOf(data))
    return this.last
  }
}

/** Frames carry the event as their last field. */
const eventTextOf = (frame: string): string => frame.slice(frame.indexOf('"event":{') + '"event":'.length, -1)

/** `/v3.0/websockets/events`, one subscription. */
export class SocketReader extends LogReader {
  readonly name = 'websocket'

  protected read(): Promise<void> {
    const socket = new WebSocket(`${this.options.url.replace('http', 'ws')}/v3.0/websockets/events`)
    const say = (frame: object) => socket.send(JSON.stringify(frame))
    let prev = this.last
    return new Promise((_resolve, reject) => {
      const end = () => socket.close()
      this.closing.signal.addEventListener('abort', end, { once: true })
      socket.addEventListener('open', () => say({ type: 'authenticate', api_key: this.options.key }))
      socket.addEventListener('error', () => {}) // `close` follows
      socket.addEventListener('close', ({ code, reason }) => {
        this.closing.signal.removeEventListener('abort', end)
        reject(new Error(`the socket closed: ${code} ${reason}`))
      })
      socket.addEventListener('message', ({ data }) => {
        const text = String(data)
        const frame: Json = JSON.parse(text)
        if (frame.type === 'authenticated')
          say({ type: 'subscribe', id: 'all', after: prev, filter: { account: 'tree' } })
        else if (frame.type === 'heartbeat') this.passed(frame.cursors.all ?? this.last)
        else if (frame.type === 'ended') end()
        else if (frame.type === 'error') {
          if (!['unavailable', 'internal'].includes(frame.error.type)) this.faults.push(`websocket: ${text}`)
          end()
        } else if (frame.type === 'event') {
          if (frame.prev !== prev) this.faults.push(`websocket: ${frame.event.cursor} says ${frame.prev}, not ${prev}`)
          this.see(eventTextOf(text))
          prev = this.last
        }
      })
    })
  }
}

/**
 * A webhook’s receiver. It takes an event as often as it comes, and keeps the first; `fails` says whether it answers this
 * one with 500, which it does once for an event at most.
 */
export class HookReader {
  readonly name = 'webhook'
  readonly seen: Seen[] = []
  readonly faults: string[] = []
  /** Deliveries of what was there already. */
  repeats = 0
  readonly #byId = new Map<string, string>()
  readonly #failed = new Set<string>()
  readonly #fails: () => boolean
  readonly #server = createServer((request, answer) => {
    void this.#take(request).then((status) => answer.writeHead(status).end())
  })
  #verifier: Webhook | null = null

  constructor(fails: () => boolean) {
    this.#fails = fails
  }

  async open(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hook`
  }

  /** `whsec_…`. */
  trust(secret: string): void {
    this.#verifier = new Webhook(secret)
  }

  get last(): string {
    return this.seen.at(-1)?.cursor ?? ''
  }

  close(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }

  async #take(request: IncomingMessage): Promise<number> {
    const pieces: Buffer[] = []
    try {
      for await (const piece of request) pieces.push(piece)
    } catch {
      return 400 // its sender died: nobody hears this
    }
    const text = Buffer.concat(pieces).toString()
    const id = String(request.headers['webhook-id'])
    try {
      this.#verifier?.verify(text, request.headers as Record<string, string>)
    } catch (error) {
      this.faults.push(`webhook: ${id}: ${String(error)}`)
      return 400
    }
    const known = this.#byId.get(id)
    if (known !== undefined) {
      this.repeats += 1
      if (known !== text) this.faults.push(`webhook: ${id} came with another body`)
      return 204
    }
    if (!this.#failed.has(id) && this.#fails()) {
      this.#failed.add(id)
      return 500
    }
    const event: Json = JSON.parse(text)
    if (event.id !== id) this.faults.push(`webhook: ${id} carries the event ${event.id}`)
    this.#byId.set(id, text)
    this.seen.push({ id, cursor: event.cursor, text })
    return 204
  }
}
