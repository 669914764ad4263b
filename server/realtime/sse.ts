/**
 * `GET /v3.0/realtime/stream`: the log as Server-Sent Events (WHATWG HTML §9.2). The `id` of a frame is a cursor, so that
 * a browser's own `Last-Event-ID` goes on without loss; frames of an `id` alone move it on without telling anything.
 */
import { type EndReason, endReasons, type StreamEnd } from '../../contract/realtime.ts'
import { ApiError } from '../api-error.ts'
import type { App } from '../app.ts'
import type { LogFilter } from '../events/filter.ts'
import { formatCursor, type LogEvent } from '../events/log-event.ts'
import { isDatabaseDown } from '../store/database.ts'
import { PacedBody } from './paced-body.ts'
import type { OpenStream } from './streams.ts'

interface Options extends Pick<OpenStream, 'who' | 'secret' | 'again'> {
  readonly after: number
  readonly filter: LogFilter
}

const pieceChars = 32_768
const comeBackMs = 2_000

export function openSse(app: App, { after, filter, ...who }: Options): PacedBody {
  const body = new PacedBody(app.streams.slowMs)
  const closing = new AbortController()
  const follower = app.feed.follow({ after, filter, signal: closing.signal })
  const end = (reason: EndReason, message: string = endReasons[reason], oldest?: string) => {
    if (closing.signal.aborted) return
    closing.abort()
    app.log.info({ reason, account: who.who.accountId, credential: who.who.credential }, 'a stream was ended')
    body.finish(formatEnd({ reason, message, ...(oldest !== undefined && { oldest }) }))
  }
  const forget = app.streams.add({ ...who, end: (reason, message) => end(reason, message) })
  const heartbeat = () => body.hint(`: heartbeat\nid: ${formatCursor(follower.position)}\n\n`)
  const heartbeats = setInterval(heartbeat, app.streams.heartbeatMs)
  body.once('close', () => {
    closing.abort()
    clearInterval(heartbeats)
    forget()
  })
  const run = async () => {
    await body.say(`retry: ${comeBackMs}\nid: ${formatCursor(after)}\n\n`)
    let prev = formatCursor(after)
    for await (const events of follower) {
      for (const piece of toPieces(events, prev)) if (!(await body.say(piece))) return end('slow_reader')
      prev = formatCursor(events.at(-1)?.position ?? after)
    }
  }
  run().catch((error: unknown) => endBy(app, end, error))
  return body
}

/** What went wrong while the log was read, in words that name the remedy. */
export function endBy(app: App, end: (reason: EndReason, message?: string, oldest?: string) => void, error: unknown) {
  if (error instanceof ApiError && error.code === 'cursor_expired') {
    return end('cursor_expired', endReasons.cursor_expired, String(error.details.oldest))
  }
  if (!isDatabaseDown(error)) app.log.error({ err: error }, 'a stream failed by our fault')
  end('unavailable')
}

/** Frames, put together so that few writes are made and none is large. */
function* toPieces(events: readonly LogEvent[], first: string): Generator<string> {
  let piece = ''
  let prev = first
  for (const { position, text } of events) {
    const cursor = formatCursor(position)
    piece += `id: ${cursor}\ndata: {"prev":"${prev}","event":${text}}\n\n`
    prev = cursor
    if (piece.length < pieceChars) continue
    yield piece
    piece = ''
  }
  if (piece !== '') yield piece
}

const formatEnd = (end: StreamEnd) => `event: end\ndata: ${JSON.stringify(end)}\n\n`
