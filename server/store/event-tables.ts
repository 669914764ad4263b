/** Rows of 0001-events.sql as Kysely sees them. */
import type { Generated } from 'kysely'

interface Envelope {
  accountId: string
  userId: string | null
  type: string
  resourceType: string
  resourceId: string
  resourceSeq: number
  occurredAt: Date
  /** JSON text, or null: nobody in particular. */
  actor: string | null
  correlationId: string | null
  schemaVersion: number
}

export interface EventTables {
  eventInbox: Envelope & { id: Generated<number>; eventId: string; data: string }
  events: Envelope & {
    position: number
    seq: number
    id: string
    recordedAt: Date
    /** JSON text; null after an erasure. */
    data: string | null
    redactedAt: Date | null
    salt: Buffer | null
    dataHash: Buffer
    hash: Buffer
  }
  eventHeads: { accountId: string; seq: number; hash: Buffer }
  eventLog: { singleton: Generated<boolean>; position: Generated<number>; droppedPosition: Generated<number> }
  eventCheckpoints: { accountId: string; seq: number; hash: Buffer; mark: string }
}
