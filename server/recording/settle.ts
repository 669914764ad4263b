/**
 * What becomes of recordings that are over: their parts are put together, and `recording.ready` or `recording.failed` says
 * so, once for each. Also of those whose processes were killed: what is on the disk is what there is.
 */
import type { App } from '../app.ts'
import { append } from '../events/inbox.ts'
import { listEnded, listExpired, lockOpen, type RecordingRow, toRecording } from '../store/recordings.ts'
import { areClosed, joinParts, recordingPath, removeFiles } from './files.ts'

const atOnce = 50
/** A worker closes its file within moments; one that does not is dead. */
const closingMs = 5_000
const dayMs = 86_400_000

type Parts = Pick<App, 'database' | 'clock' | 'config'>

/** True: some were settled, and there are events. */
export async function settleRecordings(app: Parts): Promise<boolean> {
  let isAny = false
  for (const row of await listEnded(app.database, atOnce)) {
    const isWriting = app.clock() - row.overAt.getTime() < closingMs && !(await areClosed(row.parts))
    if (!isWriting && (await settle(app, row))) isAny = true
  }
  return isAny
}

async function settle({ database, config }: Parts, ended: RecordingRow & { readonly overAt: Date }): Promise<boolean> {
  const whole = await joinParts(config.dataDir, ended.id, ended.parts)
  const isSettled = await database.transaction().execute(async (trx) => {
    const open = await lockOpen(trx, ended.id)
    if (!open) return false
    const row = await trx
      .updateTable('recordings')
      .set((is) => ({
        status: whole ? 'ready' : 'failed',
        endedAt: open.endedAt ?? ended.overAt,
        fault: whole ? open.fault : (open.fault ?? 'Nothing was heard before it ended.'),
        durationMs: whole?.durationMs ?? null,
        sizeBytes: whole?.sizeBytes ?? null,
        resourceSeq: is('resourceSeq', '+', 1),
      }))
      .where('id', '=', open.id)
      .returningAll()
      .executeTakeFirstOrThrow()
    await append(trx, {
      accountId: row.accountId,
      userId: row.ownerId,
      type: whole ? 'recording.ready' : 'recording.failed',
      resourceId: row.id,
      resourceSeq: row.resourceSeq,
      actor: null,
      data: { recording: toRecording(row) },
    })
    return true
  })
  await removeFiles(ended.parts.map(({ path }) => path))
  return isSettled
}

/** Old ones go, and those of accounts that are gone. */
export async function dropOldRecordings(app: Parts): Promise<void> {
  const { database, clock, config } = app
  const before = new Date(clock() - config.recordingDays * dayMs)
  for (;;) {
    const rows = await listExpired(database, before, atOnce)
    for (const row of rows) {
      await database.transaction().execute(async (trx) => {
        const gone = await trx.deleteFrom('recordings').where('id', '=', row.id).executeTakeFirst()
        if (gone.numDeletedRows === 0n) return
        await append(trx, {
          accountId: row.accountId,
          userId: row.ownerId,
          type: 'recording.deleted',
          resourceId: row.id,
          resourceSeq: row.resourceSeq + 1,
          actor: null,
          data: { recording: toRecording(row), reason: 'expired' },
        })
      })
      await removeRecording(config.dataDir, row)
    }
    if (rows.length < atOnce) return
  }
}

export const removeRecording = (dataDir: string, { id, parts }: Pick<RecordingRow, 'id' | 'parts'>): Promise<void> =>
  removeFiles([recordingPath(dataDir, id), ...parts.map(({ path }) => path)])
