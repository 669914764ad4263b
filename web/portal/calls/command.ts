/**
 * Commands to a call. Each has an id of its own, so that what becomes of it is known also where the answer is only that it
 * was accepted, as while a phone rings: the event that it causes is waited for, or the one that says why there is none (E7).
 */
import { useMutation } from '@tanstack/react-query'
import type { Event } from '../../../contract/event.ts'
import type { Input, Route } from '../../../contract/client.ts'
import { CommandFailure } from '../kit/failure.ts'
import { useLive } from '../live.tsx'
import { answerWith, useSession } from '../session.tsx'

const calls = 'POST /v3.0/realtime/calls/{call_id}'
type VerbRoute = Extract<Route, `${typeof calls}/${string}`>
type VerbOf<R> = R extends `${typeof calls}/${infer V}` ? V : never
type Asked<V extends VerbOf<VerbRoute>> = {
  readonly verb: V
  readonly data: Input<`${typeof calls}/${V}`>['body']['data']
}

/** A verb, as in its address, and what it is told. */
export type Command = { [V in VerbOf<VerbRoute>]: Asked<V> }[VerbOf<VerbRoute>]

/** Longer than any phone rings for a command. What comes later, the call itself shows. */
const longestMs = 60_000

/** `isPending` until the effect is there, not only the answer. */
export function useCommand(callId: string) {
  const { client } = useSession()
  const { listen } = useLive()
  return useMutation<void, Error, Command>({
    async mutationFn({ verb, data }) {
      const id = `portal_${crypto.getRandomValues(new Uint32Array(4)).join('_')}`
      const effect = effectOf(listen, id)
      try {
        const input = { params: { call_id: callId }, body: { data: { ...data, command_id: id } } }
        const route: VerbRoute = `${calls}/${verb}`
        const { body } = await answerWith(client, route, input as Input<VerbRoute>)
        if (body.data.status === 'accepted') await effect.done
      } finally {
        effect.stop()
      }
    },
  })
}

function effectOf(listen: ReturnType<typeof useLive>['listen'], id: string) {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  // Nobody waits for it where the answer tells all.
  promise.catch(() => {})
  const stopListening = listen(({ correlation_id, type, data }) => {
    if (correlation_id !== id) return
    if (type === 'call.command_failed') reject(new CommandFailure(reasonOf(data)))
    else resolve()
  })
  const timer = setTimeout(resolve, longestMs)
  const stop = () => {
    stopListening()
    clearTimeout(timer)
    resolve()
  }
  return { done: promise, stop }
}

const reasonOf = (data: Event['data']): string =>
  typeof data === 'object' && data !== null && 'reason' in data ? String(data.reason) : ''
