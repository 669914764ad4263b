/**
 * The events that a filter finds: those that are kept since some time, and from there on what happens, without a gap
 * between: the stream begins at the cursor where the reading ended.
 */
import { useEffect, useRef, useState } from 'react'
import type { Event } from '../../contract/event.ts'
import type { Client, EventPattern, StreamState } from '../../contract/client.ts'
import { asError } from './kit/failure.ts'
import { useIsShown } from './live.tsx'
import { useSession } from './session.tsx'

export interface EventQuery {
  readonly type?: EventPattern
  readonly resource?: string
  readonly correlation_id?: string
  readonly account?: 'self' | 'tree'
  /** Milliseconds back from now; absent: all that is kept. */
  readonly backMs?: number
}

export interface EventFeed {
  /** Newest first. */
  readonly events: readonly Event[]
  readonly isLoading: boolean
  readonly error: Error | null
  readonly state: StreamState | null
  /** Older ones that were left out, because there are too many. */
  readonly isCut: boolean
  /** How many came while it was halted. */
  readonly waiting: number
  readonly retry: () => void
}

const mostKept = 2_000
const pageSize = 1_000
const settleMs = 80

export function useEventFeed(query: EventQuery, isHalted: boolean): EventFeed {
  const { client } = useSession()
  const [feed, setFeed] = useState(empty)
  const [attempt, setAttempt] = useState(0)
  const isShown = useIsShown()
  const asked = JSON.stringify(query)
  // `attempt` begins anew.
  useEffect(() => {
    if (!isShown) return
    const closing = new AbortController()
    const show = new Batches((events) => setFeed((before) => withNew(before, events)))
    setFeed(empty)
    const run = async () => {
      const wanted = JSON.parse(asked) as EventQuery
      const cursor = await readKept(client, wanted, closing.signal, (events) => show.add(events))
      show.flush()
      setFeed((before) => ({ ...before, isLoading: false }))
      const { correlation_id } = wanted
      const onState = (state: StreamState) => setFeed((before) => ({ ...before, state }))
      const stream = client.events({ ...streamed(wanted), after: cursor, signal: closing.signal, onState })
      for await (const event of stream) {
        if (correlation_id === undefined || event.correlation_id === correlation_id) show.add([event])
      }
    }
    run().catch((error: unknown) => {
      if (closing.signal.aborted) return
      setFeed((before) => ({ ...before, isLoading: false, error: asError(error) }))
    })
    return () => {
      closing.abort()
      show.stop()
    }
  }, [client, asked, attempt, isShown])
  return { ...useHalted(feed, isHalted), retry: () => setAttempt((before) => before + 1) }
}

const empty = {
  events: [] as readonly Event[],
  isLoading: true,
  error: null as Error | null,
  state: null as StreamState | null,
  isCut: false,
}
type Feed = typeof empty

const withNew = (before: Feed, events: readonly Event[]): Feed => {
  const all = [...events.toReversed(), ...before.events]
  return { ...before, events: all.slice(0, mostKept), isCut: before.isCut || all.length > mostKept }
}

/** What one reads stays where it is; what came meanwhile is counted. */
function useHalted(feed: Feed, isHalted: boolean) {
  const held = useRef(feed.events)
  if (!isHalted || feed.events.length === 0) held.current = feed.events
  const newest = held.current[0]
  const at = isHalted && newest ? feed.events.findIndex(({ id }) => id === newest.id) : 0
  return { ...feed, events: held.current, waiting: Math.max(0, at) }
}

const streamed = ({ type, resource, account }: EventQuery) => ({
  ...(type !== undefined && { type }),
  ...(resource !== undefined && { resource }),
  ...(account !== undefined && { account }),
})

async function readKept(
  client: Client,
  query: EventQuery,
  signal: AbortSignal,
  show: (events: readonly Event[]) => void,
) {
  const { backMs, ...filter } = query
  const since = backMs === undefined ? {} : { since: new Date(Date.now() - backMs).toISOString() }
  for (let after: string | undefined; ; ) {
    const asked = { ...filter, ...since, ...(after !== undefined && { after }), limit: pageSize }
    const { data, next } = await client.call('GET /v3.0/events', { query: asked, signal })
    show(data)
    if (data.length === 0) return next
    after = next
  }
}

/** A page is drawn some times a second, however much happens. */
class Batches {
  readonly #show: (events: readonly Event[]) => void
  #events: Event[] = []
  #timer: ReturnType<typeof setTimeout> | null = null

  constructor(show: (events: readonly Event[]) => void) {
    this.#show = show
  }

  add(events: readonly Event[]): void {
    this.#events.push(...events)
    // Older than what is kept would be thrown away.
    if (this.#events.length > 2 * mostKept) this.#events = this.#events.slice(-mostKept)
    this.#timer ??= setTimeout(() => this.flush(), settleMs)
  }

  flush(): void {
    this.stop()
    if (this.#events.length > 0) this.#show(this.#events)
    this.#events = []
  }

  stop(): void {
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
  }
}
