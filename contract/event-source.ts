/**
 * Reads Server-Sent Events of the log from an answer of `fetch` (HTML §9.2.6): browsers' own `EventSource` sends no header
 * that says who asks. A silence is a break, for the server says something every 15 seconds.
 *
 * Invariant (E3): each event names the cursor of the one before it; where that is another than the one that was read, a
 * piece is missing, and reading ends so that it begins again at the last good cursor.
 */
import type { Event } from './event.ts'
import { ConnectionFailure } from './failure.ts'

/** A piece of the log: events, and how far it has been read, which may be past the last of them. */
export interface Piece {
  readonly events: readonly Event[]
  readonly cursor: string
}

const silenceMs = 40_000

export async function* readEventSource(response: Response): AsyncGenerator<Piece, void, undefined> {
  const reader = response.body?.getReader()
  if (!reader) throw new ConnectionFailure('the stream has no body')
  const text = new TextDecoder()
  let rest = ''
  let last: string | null = null
  try {
    for (;;) {
      const { done, value } = await withinSilence(reader)
      if (done) throw new ConnectionFailure('the stream ended')
      rest += text.decode(value, { stream: true })
      const end = rest.lastIndexOf('\n\n')
      if (end < 0) continue
      const frames = rest.slice(0, end).split('\n\n').map(readFrame)
      rest = rest.slice(end + 2)
      const events: Event[] = []
      let cursor: string | null = last
      for (const { id, data } of frames) {
        if (data !== null) {
          const { prev, event, reason, message }: Data = JSON.parse(data)
          if (!event) throw new ConnectionFailure(`the server ended the stream: ${reason}, ${message}`)
          if (prev !== last) throw new ConnectionFailure(`between ${last} and ${prev} something is missing`)
          events.push(event)
        }
        cursor = id ?? cursor
        // An event follows the event before it, whatever was passed over between them.
        if (data !== null || last === null) last = cursor
      }
      if (cursor !== null) yield { events, cursor }
    }
  } finally {
    // Whoever leaves the loop leaves the connection; that it broke already is no fault then.
    reader.cancel().catch(() => {})
  }
}

interface Data {
  readonly prev?: string
  readonly event?: Event
  readonly reason?: string
  readonly message?: string
}

function readFrame(frame: string): { id: string | null; data: string | null } {
  const field = (name: string) => {
    const line = frame.split('\n').find((one) => one.startsWith(`${name}:`))
    return line === undefined ? null : line.slice(name.length + 1).trimStart()
  }
  return { id: field('id'), data: field('data') }
}

async function withinSilence(reader: ReadableStreamDefaultReader<Uint8Array>) {
  let timer: ReturnType<typeof setTimeout> | undefined
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new ConnectionFailure(`nothing came for ${silenceMs / 1000} s`)), silenceMs)
  })
  try {
    return await Promise.race([reader.read(), silence])
  } catch (cause) {
    throw cause instanceof ConnectionFailure ? cause : new ConnectionFailure('the stream broke', { cause })
  } finally {
    clearTimeout(timer)
  }
}
