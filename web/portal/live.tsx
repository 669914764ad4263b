/**
 * The event log as it happens: one stream for the page, whoever listens. Pages that show an object are read again when an
 * event tells that it changed, and the frame says whether the stream is there. A page that nobody looks at has none:
 * browsers allow six connections to a server, and it goes on at its cursor when it is looked at again.
 */
import { createContext, type ReactNode, use, useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { useQueryClient } from '@tanstack/react-query'
import type { Event } from '../../contract/event.ts'
import { CursorExpired, type StreamState } from '../../contract/client.ts'
import { Refresher } from './refresher.ts'
import { keyOf, type ReadRoute, useSession } from './session.tsx'

type Listener = (event: Event) => void

interface Live {
  readonly state: StreamState | null
  /** Goes up when the stream begins anew, without what was between: what was built from events is built again. */
  readonly beginning: number
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
  account: ['GET /v3.0/accounts'],
  key: ['GET /v3.0/keys'],
  meeting: ['GET /api/v6/meeting', 'GET /api/v6/meeting/{id}', 'GET /v3.0/realtime/meetings'],
  webhook: ['GET /v3.0/webhooks', 'GET /v3.0/webhooks/{id}'],
  call: ['GET /v3.0/devices/status'],
  cdr: [
    'GET /v3.0/calls_history',
    'GET /v3.0/calls_history/incoming',
    'GET /v3.0/calls_history/outgoing',
    'GET /v3.0/calls_history/internal',
    'GET /v3.0/calls_history/{id}',
    'GET /v3.0/calls_history/{id}/trace',
  ],
}

export function LiveProvider({ children }: { readonly children: ReactNode }) {
  const session = useSession()
  const cache = useQueryClient()
  const isShown = useIsShown()
  const listeners = useRef(new Set<Listener>())
  const cursor = useRef<Cursor | null>(null)
  const [state, setState] = useState<StreamState | null>(null)
  const [beginning, setBeginning] = useState(0)
  // A new beginning opens a new stream.
  useEffect(() => {
    if (!isShown) return
    const { accountId, homeId, client } = session
    const refresh = new Refresher(cache)
    const after = cursor.current?.accountId === accountId ? cursor.current.at : 'now'
    const stream = client.events({ after, onState: setState })
    const follow = async () => {
      for await (const event of stream) {
        cursor.current = { accountId, at: event.cursor }
        const [family = ''] = event.type.split('.')
        for (const route of shownBy[family] ?? []) refresh.see(keyOf(accountId, route))
        // The switcher shows those below the own organisation, whichever is looked at.
        if (family === 'account') refresh.see(keyOf(homeId, 'GET /v3.0/accounts/{id}/children'))
        for (const listener of listeners.current) listener(event)
      }
    }
    follow().catch((reason: unknown) => {
      // What else ends it for good, such as a session that is over, the page's other questions meet too and tell.
      setState({ status: 'reconnecting', since: Date.now(), reason })
      if (!(reason instanceof CursorExpired)) return
      cursor.current = null
      void cache.invalidateQueries({ queryKey: [accountId] })
      setBeginning((before) => before + 1)
    })
    return () => {
      // It may have been read past the last event that was for us.
      if (cursor.current?.accountId === accountId && stream.cursor) cursor.current = { accountId, at: stream.cursor }
      stream.close()
      refresh.stop()
      setState(null)
    }
  }, [session, cache, isShown, beginning])
  const listen = useCallback((listener: Listener) => {
    listeners.current.add(listener)
    return () => listeners.current.delete(listener)
  }, [])
  const live = useMemo<Live>(() => ({ state, beginning, listen }), [state, beginning, listen])
  return <LiveContext value={live}>{children}</LiveContext>
}

interface Cursor {
  readonly accountId: string
  readonly at: string
}

const leftAloneMs = 20_000

/** Whether somebody looks at the page, or did a moment ago. */
export function useIsShown(): boolean {
  const [isShown, setShown] = useState(true)
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined
    const changed = () => {
      clearTimeout(timer)
      if (document.visibilityState === 'visible') setShown(true)
      else timer = setTimeout(() => setShown(false), leftAloneMs)
    }
    document.addEventListener('visibilitychange', changed)
    return () => {
      clearTimeout(timer)
      document.removeEventListener('visibilitychange', changed)
    }
  }, [])
  return isShown
}

export function useLive(): Live {
  const live = use(LiveContext)
  if (!live) throw new Error('there is no stream here')
  return live
}
