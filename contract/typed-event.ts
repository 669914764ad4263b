/** Events whose `data` is known by their `type`. Types only: nothing here is there at run time. */
import type { Event } from './event.ts'
import type { EventData, EventType } from './events.ts'

/** An event of one type, or of one of several; `data` is null after an erasure. */
export type EventOf<T extends EventType> = {
  [K in T]: Omit<Event, 'type' | 'data'> & { readonly type: K; readonly data: EventData<K> | null }
}[T]

type Family<T extends EventType> = T extends `${infer F}.${string}` ? F : never

/** A type, or `call.*` for a family of them. */
export type EventPattern = EventType | `${Family<EventType>}.*`

/** The types that patterns match. */
export type TypesOf<P extends EventPattern> = P extends `${infer F}.*`
  ? Extract<EventType, `${F}.${string}`>
  : Extract<EventType, P>
