/**
 * The log as an endless list: `for await (const event of client.events({ after }))`. It is read from a cursor, by whatever
 * `open` brings, and opened again at the last cursor after any break.
 *
 * Invariant: each event comes once and in the order of the log, and `cursor` never passes an event that was not given out.
 */
import { mayPass, pause, waitMs } from './backoff.ts'
import type { Event } from './event.ts'
import type { Piece } from './event-source.ts'
import type { EventType } from './events.ts'
import type { EventOf, EventPattern } from './typed-event.ts'

export interface EventOptions<P extends EventPattern = EventPattern> {
  /** A cursor, or `now`. Default: the oldest event that is kept. */
  readonly after?: string
  /** Which types: `call.ended`, or `call.*`. Default: all that the credential may read. */
  readonly type?: P | readonly P[]
  /** A kind, or one object: `call`, or `call:<id>`. */
  readonly resource?: string
  /** `self` (default), `tree`, or the id of an account below. */
  readonly account?: string
  /** Recorded at or after this instant (RFC 3339). */
  readonly since?: string
  /** Leaves out an event that is not newer than what was already given out of its object (E4). */
  readonly newestOnly?: boolean
  readonly signal?: AbortSignal
  /** Hears of every change between connected and not. */
  readonly onState?: (state: StreamState) => void
}

export interface StreamState {
  readonly status: 'connected' | 'reconnecting'
  /** Unix time in milliseconds. */
  readonly since: number
  /** Of the break. */
  readonly reason: unknown
}

/** Reads from a cursor on, until the connection breaks. */
export type Open = (after: string | undefined, signal: AbortSignal) => AsyncIterable<Piece>

const remembered = 10_000

export class EventStream<T extends EventType> implements AsyncIterable<EventOf<T>> {
  readonly #open: Open
  readonly #options: EventOptions
  readonly #closing = new AbortController()
  #cursor: string | undefined
  #state: StreamState = { status: 'reconnecting', since: Date.now(), reason: null }

  constructor(open: Open, options: EventOptions) {
    this.#open = open
    this.#options = options
    this.#cursor = options.after
  }

  /** Where to go on: give it as `after`. It stands at the event that is being handled, and is moved by the next one. */
  get cursor(): string | undefined {
    return this.#cursor
  }

  get state(): StreamState {
    return this.#state
  }

  /** Ends the loop that reads it. */
  close(): void {
    this.#closing.abort()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<EventOf<T>, void, undefined> {
    const { signal } = this.#options
    const ends = signal ? AbortSignal.any([signal, this.#closing.signal]) : this.#closing.signal
    const isNewer = this.#options.newestOnly ? newerOnly() : () => true
    for (let breaks = 0; !ends.aborted; breaks += 1) {
      try {
        for await (const { events, cursor } of this.#open(this.#cursor, ends)) {
          breaks = 0
          this.#become('connected', null)
          for (const event of events) {
            this.#cursor = event.cursor
            // The catalogue says what the data of a type is; the server checked it when it was written.
            if (isNewer(event)) yield event as EventOf<T>
            if (ends.aborted) return signal?.throwIfAborted()
          }
          this.#cursor = cursor
        }
      } catch (cause) {
        if (this.#closing.signal.aborted) return
        signal?.throwIfAborted()
        if (!mayPass(cause, 0)) throw cause
        this.#become('reconnecting', cause)
        await pause(waitMs(breaks, cause), ends)
      }
    }
    signal?.throwIfAborted()
  }

  #become(status: StreamState['status'], reason: unknown): void {
    if (this.#state.status === status) return
    this.#state = { status, since: Date.now(), reason }
    this.#options.onState?.(this.#state)
  }
}

/** E4, for the objects that were heard of most recently. */
function newerOnly(): (event: Event) => boolean {
  const versions = new Map<string, number>()
  return ({ resource, resource_seq }) => {
    const key = `${resource.type}:${resource.id}`
    const known = versions.get(key)
    if (known !== undefined && resource_seq <= known) return false
    versions.delete(key)
    versions.set(key, resource_seq)
    const [oldest] = versions.size > remembered ? versions.keys() : []
    if (oldest !== undefined) versions.delete(oldest)
    return true
  }
}
