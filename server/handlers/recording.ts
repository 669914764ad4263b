/** Recordings of calls: what there is, its sound, and its end. Making them is a command to a call (call-steps.ts). */
import { open } from 'node:fs/promises'
import { ApiError } from '../api-error.ts'
import { ownOnly } from '../auth/principal.ts'
import { append } from '../events/inbox.ts'
import { recordingPath } from '../recording/files.ts'
import { removeRecording } from '../recording/settle.ts'
import { readPage } from '../store/configured.ts'
import { isOf, recordingSorts, selectRecordings, toRecording } from '../store/recordings.ts'
import type { Handlers } from './call.ts'
import { noSuch } from './configuration.ts'

export const recordingHandlers: Handlers<'listRecordings' | 'getRecording' | 'downloadRecording' | 'deleteRecording'> =
  {
    async listRecordings({ app, who, query }) {
      const { call_id: callId, user_id: userId, ...paging } = query
      const recordings = selectRecordings(app.database, who.accountId, ownOnly(who))
        .$if(callId !== undefined, (rows) => rows.where('callId', '=', callId ?? ''))
        .$if(userId !== undefined, (rows) => rows.where(isOf(userId ?? '')))
      const { rows, next } = await readPage(
        recordings,
        { ...paging, sort: query.sort ?? '-started_at' },
        recordingSorts,
      )
      return { data: rows.map(toRecording), ...(next && { next }) }
    },

    async getRecording({ app, who, params, etag }) {
      const row = await selectRecordings(app.database, who.accountId, ownOnly(who))
        .where('id', '=', params.id)
        .executeTakeFirst()
      if (!row) throw noSuch('recording', params.id, who)
      etag(row.resourceSeq)
      return { data: toRecording(row) }
    },

    async downloadRecording({ app, who, params, etag }) {
      const row = await selectRecordings(app.database, who.accountId, ownOnly(who))
        .where('id', '=', params.id)
        .executeTakeFirst()
      if (!row) throw noSuch('recording', params.id, who)
      if (row.status === 'recording') {
        throw new ApiError('conflict', 'It is not ready yet: wait for `recording.ready`.', { status: row.status })
      }
      const file = await open(recordingPath(app.config.dataDir, row.id)).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error
        return null
      })
      if (!file || row.status === 'failed') {
        await file?.close()
        throw new ApiError('not_found', `There is no sound of recording ${row.id}: ${row.fault ?? 'its file is gone.'}`)
      }
      etag(row.resourceSeq)
      const { size } = await file.stat()
      return { bytes: file.createReadStream(), fileName: `${row.callId}-${row.id}.wav`, sizeBytes: size }
    },

    async deleteRecording(call) {
      const { app, who, params, actor } = call
      const gone = await call.write(async (trx) => {
        const row = await selectRecordings(trx, who.accountId, ownOnly(who))
          .where('id', '=', params.id)
          .forUpdate()
          .executeTakeFirst()
        if (!row) throw noSuch('recording', params.id, who)
        if (row.status === 'recording') {
          throw new ApiError('conflict', 'It is being made: stop it before it is deleted.', { status: row.status })
        }
        call.expectVersion(row.resourceSeq)
        await trx.deleteFrom('recordings').where('id', '=', row.id).execute()
        await append(trx, {
          accountId: row.accountId,
          userId: row.ownerId,
          type: 'recording.deleted',
          resourceId: row.id,
          resourceSeq: row.resourceSeq + 1,
          actor,
          data: { recording: toRecording(row), reason: 'deleted' },
        })
        return { data: { id: row.id } }
      })
      await removeRecording(app.config.dataDir, { id: params.id, parts: [] })
      return gone
    },
  }
