/** Recordings: how they are found, and what readers see of them. */
import { sql } from 'kysely'
import type { Recording } from '../../contract/recording.ts'
import type { Queries } from './accounts.ts'
import type { RowOf } from './configured.ts'

export type RecordingRow = RowOf<'recordings'>

/** `userId`: a plain user, who sees what is its own. */
export const selectRecordings = (db: Queries, accountId: string, userId: string | null) =>
  db
    .selectFrom('recordings')
    .selectAll()
    .where('accountId', '=', accountId)
    .$if(userId !== null, (rows) => rows.where(isOf(userId ?? '')))

/** Who had it made, or whose call it is. */
export const isOf = (userId: string) =>
  sql<boolean>`(recordings.owner_id = ${userId} or exists (
    select from calls where calls.id = recordings.call_id and calls.owner_id = ${userId}))`

export const recordingSorts = { id: sql<string>`id`, sorts: { started_at: sql<Date>`started_at` } }

export const toRecording = (row: RecordingRow): Recording => ({
  id: row.id,
  account_id: row.accountId,
  format: 'wav',
  call_id: row.callId,
  owner_id: row.ownerId,
  status: row.status === 'recording' && row.endedAt !== null ? 'processing' : row.status,
  reason: row.fault,
  started_at: row.startedAt.toISOString(),
  ended_at: row.endedAt?.toISOString() ?? null,
  duration_seconds: row.durationMs === null ? null : row.durationMs / 1_000,
  size_bytes: row.sizeBytes,
})

/** Those that are over, or whose call is, with when that was; the oldest first. */
export const listEnded = (db: Queries, limit: number) =>
  db
    .selectFrom('recordings')
    .leftJoin('calls', 'calls.id', 'recordings.callId')
    .selectAll('recordings')
    .select(sql<Date>`coalesce(recordings.ended_at, calls.ended_at, recordings.started_at)`.as('overAt'))
    .where('recordings.status', '=', 'recording')
    .where(sql<boolean>`(recordings.ended_at is not null or calls.id is null or calls.ended_at is not null)`)
    .orderBy('recordings.startedAt')
    .limit(limit)
    .execute()

/** It is locked for the transaction. Undefined: it is settled already, or gone. */
export const lockOpen = (db: Queries, id: string): Promise<RecordingRow | undefined> =>
  db
    .selectFrom('recordings')
    .selectAll()
    .where('id', '=', id)
    .where('status', '=', 'recording')
    .forUpdate()
    .executeTakeFirst()

/** Whose files have no reader any more: too old, or of an account that is gone. */
export const listExpired = (db: Queries, before: Date, limit: number): Promise<RecordingRow[]> =>
  db
    .selectFrom('recordings')
    .selectAll()
    .where('status', '!=', 'recording')
    .where(
      sql<boolean>`(started_at < ${before} or not exists (select from accounts where accounts.id = recordings.account_id))`,
    )
    .limit(limit)
    .execute()
