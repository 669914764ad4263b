/** Medias as readers see them. */
import { type Media, standardMedia } from '../../contract/media.ts'
import type { RowOf } from './configured.ts'

export const toMedia = (row: RowOf<'medias'>): Media => ({
  id: row.id,
  account_id: row.accountId,
  name: row.name,
  file_name: row.fileName,
  external_id: row.externalId,
  ...standardMedia,
  ...row.settings,
  content_type: row.contentType,
  size_bytes: row.sizeBytes,
  duration_ms: row.durationMs,
  created: row.createdAt.toISOString(),
})
