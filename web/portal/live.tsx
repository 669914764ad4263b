/**
 * The event log as it happens: one stream for the page, whoever listens. Pages that show an object are read again when an
 * event tells that it changed, and the frame says whether the stream is there.
 */
import { createContext, type ReactNode, use, useEffect, useMemo, useRef, useState } from 'react'
import { type QueryClient, useQueryClient } from '@tanstack/react-query'
import type { Event } from '../../contract/event.ts'
import type { StreamState } from '../../contract/client.ts'
import { keyOf, type ReadRoute, useSession, type Session } from './session.tsx'

type Listener = (event: Event) => void

interface Live {
  readonly state: StreamState | null
  readonly listen: (listener: Listener) => () => void
}

const LiveContext = createContext<Live | null>(null)

/** What is shown of the objects that an event tells of, by the family of its type. */
const shownBy: Readonly<Record<string, readonly ReadRoute[]>> = {
  device: [
    'GET /v3.0/devices',
    'GET /v3.0/devices/{id}',
    'GET /v3.0/devices/status',
    'GET /v3.0/devices/registrations',
  ],
  user: ['GET /v3.0/users', 'GET /v3.0/users/{id}'],
  account: ['GET /v3.0/accounts', 'GET /v3.0/accounts/{id}/children'],
  key: ['GET /v3.0/keys'],
  meeting: ['GET /api/v6/meeting', 'GET /api/v6/meeting/{id}'],
  call: ['GET /v3.0/devices/status'],
  cdr: ['GET /v3.0/calls_history'],
}

/** A busy second is one question. */
const settleMs = 400

export function LiveProvider({ children }: { readonly children: ReactNode }) {
  const session = useSession()
  const cache = useQueryClient()
  const listeners = useRef(new Set<Listener>())
  const [state, setState] = useState<StreamState | null>(null)
  useEffect(() => {
    const refresh = new Refresher(cache, session)
    const stream = session.client.events({ after: 'now', onState: setState })
    const follow = async () => {
      for await (const event of stream) {
        refresh.see(event)
        for (const listener of listeners.current) listener(event)
      }
    }
    // What ends it for good, such as a session that is over, every other question of the page meets too and tells.
    follow().catch((reason: unknown) => setState({ status: 'reconnecting', since: Date.now(), reason }))
    return () => {
      stream.close()
      refresh.stop()
      setState(null)
    }
  }, [session, cache])
  const live = useMemo<Live>(
    () => ({
      state,
      listen(listener) {
        listeners.current.add(listener)
        return () => listeners.current.delete(listener)
      },
    }),
    [state],
  )
  return <LiveContext value={live}>{children}</LiveContext>
}

export function useLive(): Live {
  const live = use(LiveContext)
  if (!live) throw new Error('there is no stream here')
  return live
}

/** Hears every event from now on. */
export function useEvents(listener: Listener): void {
  const { listen } = useLive()
  const latest = useRef(listener)
  latest.current = listener
  useEffect(() => listen((event) => latest.current(event)), [listen])
}

class Refresher {
  readonly #cache: QueryClient
  readonly #session: Session
  readonly #stale = new Set<ReadRoute>()
  #timer: ReturnType<typeof setTimeout> | null = null

  constructor(cache: QueryClient, session: Session) {
    this.#cache = cache
    this.#session = session
  }

  see(event: Event): void {
    const [family = ''] = event.type.split('.')
    for (const route of shownBy[family] ?? []) this.#stale.add(route)
    if (this.#stale.size > 0) this.#timer ??= setTimeout(() => this.#refresh(), settleMs)
  }

  stop(): void {
    if (this.#timer) clearTimeout(this.#timer)
  }

  #refresh(): void {
    this.#timer = null
    for (const route of this.#stale) {
      void this.#cache.invalidateQueries({ queryKey: keyOf(this.#session.accountId, route) })
    }
    this.#stale.clear()
  }
}
