/** A reader of Server-Sent Events for tests, as strict as a browser's (WHATWG HTML §9.2.6). */
import { Agent, fetch, type Response } from 'undici'
import type { Event } from '../contract/event.ts'
import { SseEvent, StreamEnd } from '../contract/realtime.ts'

interface SseFrame {
  readonly id: string | undefined
  readonly event: string
  readonly data: string
}

export interface SseReader {
  readonly response: Response
  readonly frames: AsyncGenerator<SseFrame>
  /** The next events, past heartbeats; checks that each follows the one before it (E3). */
  readonly next: (count: number) => Promise<Event[]>
  /** The bytes of the events that `next` gave out. */
  readonly texts: string[]
  readonly close: () => void
}

export async function readSse(url: string, headers: Record<string, string>): Promise<SseReader> {
  // Of its own: one that is shared opens another connection in place of the one that was cut, and a server waits for it.
  const dispatcher = new Agent()
  const response = await fetch(url, { headers, dispatcher })
  if (!response.body) throw new Error('no body')
  const frames = readFrames(response.body)
  const texts: string[] = []
  let before: string | undefined
  const next = async (count: number) => {
    const events: Event[] = []
    while (events.length < count) {
      const { value, done } = await frames.next()
      if (done) throw new Error(`the stream ended after ${events.length} of ${count} events`)
      before ??= value.id
      if (value.data === '') continue
      if (value.event !== 'message') throw new Error(StreamEnd.parse(JSON.parse(value.data)).message)
      const { prev, event } = SseEvent.parse(JSON.parse(value.data))
      if (prev !== before || event.cursor !== value.id) throw new Error(`${prev} is not ${before}: ${value.data}`)
      before = event.cursor
      texts.push(value.data.slice(value.data.indexOf('"event":') + 8, -1))
      events.push(event)
    }
    return events
  }
  return { response, frames, next, texts, close: () => void dispatcher.destroy() }
}

async function* readFrames(body: ReadableStream<Uint8Array>): AsyncGenerator<SseFrame> {
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true })
    const blocks = text.split('\n\n')
    text = blocks.pop() ?? ''
    for (const block of blocks) yield toFrame(block)
  }
}

function toFrame(block: string): SseFrame {
  let id: string | undefined
  let event = 'message'
  const data: string[] = []
  for (const line of block.split('\n')) {
    const [, name, value = ''] = /^([a-z]*): ?(.*)$/.exec(line) ?? []
    if (name === 'id') id = value
    if (name === 'event') event = value
    if (name === 'data') data.push(value)
  }
  return { id, event, data: data.join('\n') }
}
