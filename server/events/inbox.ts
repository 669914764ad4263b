/**
 * The only way into the event log: a row in `event_inbox`, in the transaction of the change that it tells of (E1). Lock
 * the row that changes first; two changes of one thing are then told in their order.
 */
import { randomUUIDv7 } from 'node:crypto' // PostgreSQL has its own only since 18
import type { Insertable } from 'kysely'
import type { Actor } from '../../contract/event.ts'
import { type EventData, events, type EventType } from '../../contract/events.ts'
import type { Queries } from '../store/accounts.ts'
import type { EventTables } from '../store/event-tables.ts'
import { schemaVersion } from './schema-version.ts'

export interface NewEvent<T extends EventType> {
  readonly accountId: string
  readonly type: T
  readonly resourceId: string
  readonly resourceSeq: number
  /** The person it concerns, who may read it whatever the role (E6); null: the account alone. */
  readonly userId: string | null
  readonly actor: Actor | null
  /** A text: as the JSON that it becomes. */
  readonly data: EventData<T> | string
  /** Default: now. */
  readonly occurredAt?: Date
  readonly correlationId?: string | undefined
}

export type InboxRow = Insertable<EventTables['eventInbox']>

export async function append<T extends EventType>(db: Queries, event: NewEvent<T>): Promise<void> {
  await db.insertInto('eventInbox').values(toInboxRow(event)).execute()
}

/** For a statement that writes the row itself. */
export const toInboxRow = <T extends EventType>(event: NewEvent<T>): InboxRow => ({
  eventId: randomUUIDv7(),
  accountId: event.accountId,
  userId: event.userId,
  type: event.type,
  resourceType: events[event.type].resource,
  resourceId: event.resourceId,
  resourceSeq: event.resourceSeq,
  occurredAt: event.occurredAt ?? new Date(),
  actor: event.actor && JSON.stringify(event.actor),
  correlationId: event.correlationId ?? null,
  schemaVersion,
  data: typeof event.data === 'string' ? event.data : JSON.stringify(event.data),
})
