/**
 * Calls that are going on, and for a moment those that ended: a snapshot, and every event that is newer than what it shows
 * (E4). The listening begins before the snapshot is asked for, so nothing is between.
 */
import { useEffect, useState } from 'react'
import type { Event } from '../../../contract/event.ts'
import type { Answer } from '../../../contract/client.ts'
import { asError } from '../kit/failure.ts'
import { useLive } from '../live.tsx'
import { useSession } from '../session.tsx'

export type LiveCall = Answer<'GET /v3.0/realtime/calls'>['data'][number]

/** So that one sees that it ended, and can still click it. */
const lingersMs = 15_000

interface Calls {
  readonly calls: readonly LiveCall[] | undefined
  /** The snapshot has come: what is not among them does not go on. */
  readonly isRead: boolean
  readonly error: Error | null
  readonly retry: () => void
}

export function useLiveCalls(): Calls {
  const { client } = useSession()
  const { state, beginning, listen } = useLive()
  const [calls, setCalls] = useState<ReadonlyMap<string, LiveCall> | null>(null)
  const [isRead, setRead] = useState(false)
  const [error, setError] = useState<Error | null>(null)
  const [attempt, setAttempt] = useState(0)
  const isConnected = state?.status === 'connected'
  const [wasConnected, setWasConnected] = useState(false)
  if (isConnected && !wasConnected) setWasConnected(true)
  // A new beginning and another try read it again.
  useEffect(() => {
    if (!wasConnected) return
    const closing = new AbortController()
    const timers = new Set<ReturnType<typeof setTimeout>>()
    setCalls(null)
    setRead(false)
    setError(null)
    const take = (call: LiveCall) => {
      setCalls((before) => withCall(before, call))
      if (call.status !== 'ended') return
      timers.add(setTimeout(() => setCalls((before) => without(before, call.id)), lingersMs))
    }
    const stop = listen((event) => {
      const call = callOf(event)
      if (call) take(call)
    })
    client.call('GET /v3.0/realtime/calls', { query: {}, signal: closing.signal }).then(
      ({ data }) => {
        setCalls((before) => data.reduce(withCall, before ?? new Map<string, LiveCall>()))
        setRead(true)
      },
      (reason: unknown) => {
        if (!closing.signal.aborted) setError(asError(reason))
      },
    )
    return () => {
      closing.abort()
      stop()
      for (const timer of timers) clearTimeout(timer)
    }
  }, [client, listen, wasConnected, beginning, attempt])
  const sorted = calls && [...calls.values()].sort((a, b) => b.started_at.localeCompare(a.started_at))
  return { calls: sorted ?? undefined, isRead, error, retry: () => setAttempt((before) => before + 1) }
}

/** One of them: as it is, and once it has ended as it was. */
export function useLiveCall(id: string | null) {
  const { calls, isRead, error } = useLiveCalls()
  const [last, setLast] = useState<LiveCall | null>(null)
  const now = calls?.find((call) => call.id === id) ?? null
  if (now && now !== last) setLast(now)
  return { call: now ?? (last?.id === id ? last : null), isRead, error }
}

/** Every event of a call's life carries its whole state. */
function callOf({ type, resource_seq, data }: Event): LiveCall | null {
  if (!type.startsWith('call.') || typeof data !== 'object' || data === null || !('call' in data)) return null
  return { ...(data.call as unknown as LiveCall), resource_seq }
}

function withCall(before: ReadonlyMap<string, LiveCall> | null, call: LiveCall): ReadonlyMap<string, LiveCall> {
  const known = before?.get(call.id)
  if (known && known.resource_seq >= call.resource_seq) return before ?? new Map()
  return new Map(before).set(call.id, call)
}

function without(before: ReadonlyMap<string, LiveCall> | null, id: string) {
  const after = new Map(before)
  after.delete(id)
  return after
}
