/**
 * `GET /v3.0/realtime/stream`: the log as Server-Sent Events (WHATWG HTML §9.2). The `id` of a frame is a cursor, so that
 * a browser's own `Last-Event-ID` goes on without loss; frames of an `id` alone move it on without telling anything.
 */
import type { ServerResponse } from 'node:http'
import { type EndReason, endReasons, type StreamEnd } from '../../contract/realtime.ts'
import { ApiError } from '../api-error.ts'
import type { App } from '../app.ts'
import type { Follower } from '../events/feed.ts'
import type { LogFilter } from '../events/filter.ts'
import { formatCursor, type LogEvent } from '../events/log-event.ts'
import { isDatabaseDown } from '../store/database.ts'
import type { Principal } from '../auth/principal.ts'
import { PacedAnswer } from './paced-answer.ts'
import type { OpenStream } from './streams.ts'

interface Options extends Omit<OpenStream, 'end'> {
  readonly after: number
  readonly filter: LogFilter
}

const pieceChars = 32_768
const comeBackMs = 2_000

/** Begins the answer, whose headers were written; it ends with its reader, its credential or this process. */
export function openSse(app: App, response: ServerResponse, options: Options): void {
  if (response.destroyed) return // it went while its filter was read
  const stream = new SseStream(app, response, options)
  stream.run().catch((error: unknown) => endBy(app, stream.end.bind(stream), error))
}

class SseStream implements OpenStream {
  readonly who: Principal
  readonly secret: string | null
  readonly again: () => Promise<Principal>
  readonly #app: App
  readonly #answer: PacedAnswer
  readonly #follower: Follower
  #prev: string

  constructor(app: App, response: ServerResponse, { after, filter, who, secret, again }: Options) {
    this.#app = app
    this.who = who
    this.secret = secret
    this.again = again
    this.#answer = new PacedAnswer(response, app.streams.slowMs)
    this.#follower = app.feed.follow({ after, filter })
    this.#prev = formatCursor(after)
    const forget = app.streams.add(this)
    const heartbeats = setInterval(() => this.#beat(), app.streams.heartbeatMs)
    response.once('close', () => {
      this.#follower.stop()
      clearInterval(heartbeats)
      forget()
    })
  }

  async run(): Promise<void> {
    await this.#answer.say(`retry: ${comeBackMs}\nid: ${this.#prev}\n\n`)
    for (let events = await this.#follower.next(); events !== null; events = await this.#follower.next()) {
      for (const piece of this.#toPieces(events)) if (!(await this.#answer.say(piece))) return this.end('slow_reader')
    }
  }

  end(reason: EndReason, message: string = endReasons[reason], oldest?: string): void {
    if (!this.#answer.isOpen) return
    this.#follower.stop()
    const { accountId, credential } = this.who
    this.#app.log.info({ reason, account: accountId, credential }, 'a stream was ended')
    this.#answer.finish(formatEnd({ reason, message, ...(oldest !== undefined && { oldest }) }))
  }

  /** Frames, put together so that few writes are made and none is large. */
  *#toPieces(events: readonly LogEvent[]): Generator<string> {
    let piece = ''
    for (const { position, text } of events) {
      const cursor = formatCursor(position)
      piece += `id: ${cursor}\ndata: {"prev":"${this.#prev}","event":${text}}\n\n`
      this.#prev = cursor
      if (piece.length < pieceChars) continue
      yield piece
      piece = ''
    }
    if (piece !== '') yield piece
  }

  #beat(): void {
    this.#answer.hint(`: heartbeat\nid: ${formatCursor(this.#follower.position)}\n\n`)
  }
}

/** What went wrong while the log was read, in words that name the remedy. */
export function endBy(app: App, end: (reason: EndReason, message?: string, oldest?: string) => void, error: unknown) {
  if (error instanceof ApiError && error.code === 'cursor_expired') {
    return end('cursor_expired', endReasons.cursor_expired, String(error.details.oldest))
  }
  if (!isDatabaseDown(error)) app.log.error({ err: error }, 'a stream failed by our fault')
  end('unavailable')
}

const formatEnd = (end: StreamEnd) => `event: end\ndata: ${JSON.stringify(end)}\n\n`
