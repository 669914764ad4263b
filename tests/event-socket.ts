/** A client of the events WebSocket for tests: checks every frame by the contract, and that events follow each other (E3). */
import { WebSocket } from 'undici'
import type { Event } from '../contract/event.ts'
import { ServerFrame } from '../contract/realtime.ts'

export interface SocketClient {
  readonly say: (frame: unknown) => void
  /** The next frame that is no heartbeat. */
  readonly next: () => Promise<ServerFrame>
  /** The next frame of this kind; others are left out. */
  readonly until: <T extends ServerFrame['type']>(type: T) => Promise<Extract<ServerFrame, { type: T }>>
  readonly events: (id: string, count: number) => Promise<Event[]>
  /** The bytes of the events of a subscription. */
  readonly texts: Map<string, string[]>
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>
  readonly close: () => void
}

export async function openSocket(origin: string, headers: Record<string, string> = {}): Promise<SocketClient> {
  const socket = new WebSocket(`${origin.replace('http', 'ws')}/v3.0/websockets/events`, { headers })
  const frames: ServerFrame[] = []
  const texts = new Map<string, string[]>()
  const cursors = new Map<string, string>()
  let wake = () => {}
  socket.addEventListener('message', ({ data }) => {
    const frame = ServerFrame.parse(JSON.parse(String(data)))
    if (frame.type === 'subscribed') cursors.set(frame.id, frame.cursor)
    if (frame.type === 'event') {
      if (frame.prev !== cursors.get(frame.id)) throw new Error(`${frame.prev} is not ${cursors.get(frame.id)}`)
      cursors.set(frame.id, frame.event.cursor)
      const text = String(data)
      texts.set(frame.id, [...(texts.get(frame.id) ?? []), text.slice(text.indexOf('"event":{') + 8, -1)])
    }
    frames.push(frame)
    wake()
  })
  const closed = new Promise<{ code: number; reason: string }>((resolve) =>
    socket.addEventListener('close', ({ code, reason }) => {
      resolve({ code, reason })
      wake()
    }),
  )
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve)
    socket.addEventListener('error', reject)
  })
  const any = async (): Promise<ServerFrame> => {
    for (;;) {
      const frame = frames.shift()
      if (frame) return frame
      if (socket.readyState !== WebSocket.OPEN) throw new Error('the socket is closed')
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
  const until = async <T extends ServerFrame['type']>(type: T) => {
    for (;;) {
      const frame = await any()
      if (frame.type === type) return frame as Extract<ServerFrame, { type: T }>
    }
  }
  const next = async () => {
    for (;;) {
      const frame = await any()
      if (frame.type !== 'heartbeat') return frame
    }
  }
  const events = async (id: string, count: number) => {
    const found: Event[] = []
    while (found.length < count) {
      const frame = await until('event')
      if (frame.id === id) found.push(frame.event)
    }
    return found
  }
  return {
    say: (frame) => socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame)),
    next,
    until,
    events,
    texts,
    closed,
    close: () => socket.close(),
  }
}
