/**
 * What is so now, and stays so: a snapshot, with the events after its cursor put into it. `live.items` is the list of this
 * moment, by id.
 *
 * Invariant (E4): an item is replaced by newer states only, so an event that the snapshot holds already changes nothing.
 */
import { pause, waitMs } from './backoff.ts'
import type { Event } from './event.ts'
import { EventStream, type Open, type StreamState } from './event-stream.ts'
import { CursorExpired } from './failure.ts'
import type { Answer } from './route.ts'

/** What each list is made of. */
interface LiveItems {
  calls: Answer<'GET /v3.0/realtime/calls'>['data'][number]
  registrations: Answer<'GET /v3.0/realtime/registrations'>['data'][number]
  meetings: Answer<'GET /v3.0/realtime/meetings'>['data'][number]
  presence: Answer<'GET /v3.0/realtime/presence'>['data'][number]
}
export type LiveKind = keyof LiveItems
export type LiveItem<K extends LiveKind> = LiveItems[K]

export interface Snapshot<K extends LiveKind> {
  readonly data: readonly LiveItems[K][]
  readonly cursor: string
}

export interface LiveOptions {
  readonly signal?: AbortSignal
  readonly onState?: (state: StreamState) => void
}

interface LiveSource<K extends LiveKind> {
  readonly read: (signal: AbortSignal) => Promise<Snapshot<K>>
  readonly open: Open
}

/** `for await (const items of client.watch('calls'))`: the whole list, at first and after each change. */
export class LiveList<K extends LiveKind> implements AsyncIterable<ReadonlyMap<string, LiveItems[K]>> {
  readonly #kind: K
  readonly #source: LiveSource<K>
  readonly #options: LiveOptions
  readonly #closing = new AbortController()
  #items = new Map<string, LiveItems[K]>()

  constructor(kind: K, source: LiveSource<K>, options: LiveOptions) {
    this.#kind = kind
    this.#source = source
    this.#options = options
  }

  get items(): ReadonlyMap<string, LiveItems[K]> {
    return this.#items
  }

  /** Ends the loop that reads it. */
  close(): void {
    this.#closing.abort()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ReadonlyMap<string, LiveItems[K]>, void, undefined> {
    const { signal } = this.#options
    const ends = signal ? AbortSignal.any([signal, this.#closing.signal]) : this.#closing.signal
    for (let attempt = 0; !ends.aborted; attempt += 1) {
      try {
        const { data, cursor } = await this.#source.read(ends)
        this.#items = new Map(data.map((item) => [item.id, item]))
        yield this.#items
        for await (const event of this.#events(cursor, ends)) if (this.#put(event)) yield this.#items
        return signal?.throwIfAborted()
      } catch (cause) {
        if (this.#closing.signal.aborted) return
        // Away for so long that events are gone: another snapshot tells what became of it.
        if (!(cause instanceof CursorExpired)) throw cause
        await pause(waitMs(attempt, cause), ends)
      }
    }
    signal?.throwIfAborted()
  }

  #events(after: string, signal: AbortSignal): AsyncIterable<Event> {
    const { onState } = this.#options
    return new EventStream(this.#source.open, { after, signal, ...(onState && { onState }) })
  }

  /** False: nothing changed. */
  #put(event: Event): boolean {
    const { id } = event.resource
    const before = this.#items.get(id)
    if (before && event.resource_seq <= before.resource_seq) return false
    // The reducer of a kind takes and gives items of that kind.
    const after = reducers[this.#kind](before as never, event) as LiveItems[K] | null
    if (after) this.#items.set(id, after)
    else if (!this.#items.delete(id)) return false
    return true
  }
}

/** The kind of object whose events change a list. */
export const resourceOf: Readonly<Record<LiveKind, string>> = {
  calls: 'call',
  registrations: 'registration',
  meetings: 'meeting',
  presence: 'presence',
}

type State<T> = Omit<T, 'resource_seq'>
type Participant = LiveItems['meetings']['participants'][number]
interface Told {
  readonly call?: State<LiveItems['calls']>
  readonly bindings?: LiveItems['registrations']['bindings']
  readonly meeting?: LiveItems['meetings']['meeting']
  readonly after?: LiveItems['meetings']['meeting']
  readonly participant?: Participant
  readonly presence?: State<LiveItems['presence']> | null
}

/** From an item and an event of its object to the item after it; null: it is in the list no more. */
type Reducer<K extends LiveKind> = (before: LiveItems[K] | undefined, event: Event) => LiveItems[K] | null

const reducers: { readonly [K in LiveKind]: Reducer<K> } = {
  calls(before, event) {
    const { call } = toldBy(event)
    if (!call) return before ? { ...before, resource_seq: event.resource_seq } : null
    return call.status === 'ended' ? null : { ...call, resource_seq: event.resource_seq }
  },
  registrations(_before, { resource, account_id, resource_seq, ...event }) {
    const { bindings = [] } = toldBy(event)
    return bindings.length === 0 ? null : { id: resource.id, account_id, bindings, resource_seq }
  },
  meetings(before, event) {
    const { type, resource, account_id, resource_seq } = event
    const { meeting = toldBy(event).after, participant } = toldBy(event)
    const isOver = type === 'meeting.ended' || type === 'meeting.cancelled'
    if (isOver || !meeting || (!before && type !== 'meeting.started')) return null
    const others = (before?.participants ?? []).filter(({ id }) => id !== participant?.id)
    const isIn = type === 'meeting.participant_joined' && participant
    const participants = isIn ? [...others, participant] : others
    return { id: resource.id, account_id, meeting, participants, resource_seq }
  },
  presence(before, event) {
    const { presence = before } = toldBy(event)
    return presence ? { ...presence, resource_seq: event.resource_seq } : null
  },
}

const toldBy = ({ data }: Pick<Event, 'data'>): Told => (typeof data === 'object' && data !== null ? data : {})
