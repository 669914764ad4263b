/** Medias: what is said about a sound, and the sound itself, which is checked to be a WAV file that can be played (S7). */
import { type Transaction, sql } from 'kysely'
import { createHash } from 'node:crypto'
import { type NewMedia, type PatchMedia, standardMedia } from '../../contract/media.ts'
import { parseWav } from '../../engine/rtp/wav.ts'
import { ApiError, invalidField } from '../api-error.ts'
import { append } from '../events/inbox.ts'
import { newId } from '../ids.ts'
import {
  byCreation,
  byText,
  contains,
  deleteConfigured,
  findConfigured,
  insertConfigured,
  lockConfigured,
  readPage,
  type RowOf,
  updateConfigured,
} from '../store/configured.ts'
import type { Tables } from '../store/database.ts'
import { toMedia } from '../store/medias.ts'
import { listUses } from '../store/uses.ts'
import type { Call, Handlers } from './call.ts'
import { configure, keepObject, noSuch, refuseWhileUsed } from './configuration.ts'
import { changesTo } from './merge.ts'
import { mergeSettings } from './settings.ts'

type MediaRow = RowOf<'medias'>
type Changing = Call<'updateMedia' | 'patchMedia' | 'uploadMedia' | 'replaceMedia'>

export const mediaHandlers: Handlers<
  | 'listMedias'
  | 'getMedia'
  | 'createMedia'
  | 'updateMedia'
  | 'patchMedia'
  | 'deleteMedia'
  | 'downloadMedia'
  | 'uploadMedia'
  | 'replaceMedia'
> = {
  async listMedias({ app, who, query }) {
    const { available_as_moh: isMusic, search, external_id: externalId } = query
    const medias = app.database
      .selectFrom('medias')
      .selectAll()
      .where('accountId', '=', who.accountId)
      .$if(isMusic !== undefined, (rows) =>
        rows.where(sql<boolean>`coalesce((settings ->> 'available_as_moh')::boolean, false) = ${isMusic === 'true'}`),
      )
      .$if(externalId !== undefined, (rows) => rows.where('externalId', '=', externalId ?? ''))
      .$if(search !== undefined, (rows) => rows.where(contains(sql.ref('name'), search ?? '')))
    const { rows, next } = await readPage(medias, { ...query, sort: query.sort ?? 'created' }, sorts)
    return { data: rows.map(toMedia), ...(next && { next }) }
  },

  async getMedia({ app, who, params, etag }) {
    const row = await findConfigured(app.database, 'medias', params.id, who.accountId)
    if (!row) throw noSuch('media', params.id, who)
    etag(row.resourceSeq)
    return { data: toMedia(row) }
  },

  createMedia: (call) =>
    configure(call, async (trx) => {
      const row = await create(trx, call)
      call.etag(row.resourceSeq)
      return { data: toMedia(row) }
    }),

  updateMedia: (call) => update(call, call.body.data.id),
  patchMedia: (call) => update(call, call.params.id),

  deleteMedia: (call) =>
    configure(call, async (trx) => {
      const { who, params, actor } = call
      const row = await lockConfigured(trx, 'medias', params.id, who.accountId)
      if (!row) throw noSuch('media', params.id, who)
      call.expectVersion(row.resourceSeq)
      await refuseWhileUsed(trx, 'media', row.id)
      await deleteConfigured(trx, 'medias', row.id)
      await append(trx, {
        accountId: row.accountId,
        userId: null,
        type: 'media.deleted',
        resourceId: row.id,
        resourceSeq: row.resourceSeq + 1,
        actor,
        data: { media: toMedia(row) },
      })
      return { data: { id: row.id, media_id: row.id } }
    }),

  async downloadMedia({ app, who, params, etag }) {
    const row = await findConfigured(app.database, 'medias', params.id, who.accountId)
    const content = row && (await findContent(app.database, row.id))
    if (!row) throw noSuch('media', params.id, who)
    if (!content) throw new ApiError('not_found', `Nothing was uploaded for media ${params.id} yet.`)
    etag(row.resourceSeq)
    return { bytes: content.bytes, fileName: row.fileName ?? `${row.name}.wav` }
  },

  uploadMedia: (call) => upload(call),
  replaceMedia: (call) => upload(call),
}

const sorts = { id: sql<string>`id`, sorts: { created: byCreation, name: byText(sql.ref('name')) } }

const findContent = (db: Call['app']['database'], mediaId: string) =>
  db.selectFrom('mediaContents').select('bytes').where('mediaId', '=', mediaId).executeTakeFirst()

async function create(trx: Transaction<Tables>, call: Call<'createMedia'>): Promise<MediaRow> {
  const { app, who, actor } = call
  const body: NewMedia = call.body.data
  const row = await insertConfigured(trx, 'medias', {
    id: newId(),
    accountId: who.accountId,
    name: body.name,
    fileName: body.file_name ?? null,
    externalId: body.external_id ?? null,
    settings: JSON.stringify(mergeSettings(standardMedia, {}, body)),
    contentType: null,
    sizeBytes: null,
    durationMs: null,
    digest: null,
    createdAt: new Date(app.clock()),
  })
  await append(trx, {
    accountId: row.accountId,
    userId: null,
    type: 'media.created',
    resourceId: row.id,
    resourceSeq: row.resourceSeq,
    actor,
    data: { media: toMedia(row) },
  })
  return row
}

const update = (call: Call<'updateMedia' | 'patchMedia'>, id: string) =>
  configure(call, async (trx) => {
    const { who } = call
    const before = await lockConfigured(trx, 'medias', id, who.accountId)
    if (!before) throw noSuch('media', id, who)
    call.expectVersion(before.resourceSeq)
    const body: PatchMedia = call.body.data
    keepObject(before, body)
    const settings = mergeSettings(standardMedia, before.settings, body)
    if (before.settings.available_as_moh && !settings.available_as_moh) await refuseWhileMusic(trx, before.id)
    const wanted = changesTo(before, {
      name: body.name ?? undefined,
      fileName: body.file_name,
      externalId: body.external_id,
      settings: JSON.stringify(settings),
    })
    return { data: toMedia(await write(trx, call, before, wanted)) }
  })

async function refuseWhileMusic(trx: Transaction<Tables>, id: string): Promise<void> {
  const uses = (await listUses(trx, 'media', id)).filter(({ type }) => type !== 'callflow')
  const [first] = uses
  if (!first) return
  const message = `data.available_as_moh: it is the music on hold of ${first.type} ${first.name} (${first.id}).`
  throw new ApiError('conflict', message, { used_by: uses })
}

async function write(
  trx: Transaction<Tables>,
  call: Changing,
  before: MediaRow,
  wanted: Parameters<typeof updateConfigured<'medias'>>[3],
): Promise<MediaRow> {
  call.etag(before.resourceSeq)
  if (Object.keys(wanted).length === 0) return before
  const after = await updateConfigured(trx, 'medias', before.id, wanted)
  call.etag(after.resourceSeq)
  await append(trx, {
    accountId: after.accountId,
    userId: null,
    type: 'media.updated',
    resourceId: after.id,
    resourceSeq: after.resourceSeq,
    actor: call.actor,
    data: { before: toMedia(before), after: toMedia(after) },
  })
  return after
}

const samplesPerMs = 8

function upload(call: Call<'uploadMedia' | 'replaceMedia'>) {
  const { bytes, who, params } = call
  if (bytes.length === 0) throw invalidField('body', 'must be a WAV file')
  const sound = parseWav(bytes)
  if ('reason' in sound) throw invalidField('body', sound.reason)
  if (sound.length === 0) throw invalidField('body', 'has no sound in it')
  return configure(call, async (trx) => {
    const before = await lockConfigured(trx, 'medias', params.id, who.accountId)
    if (!before) throw noSuch('media', params.id, who)
    call.expectVersion(before.resourceSeq)
    const wanted = changesTo(before, {
      contentType: 'audio/wav',
      sizeBytes: bytes.length,
      durationMs: Math.round(sound.length / samplesPerMs),
      digest: createHash('sha256').update(bytes).digest('hex'),
    })
    await trx
      .insertInto('mediaContents')
      .values({ mediaId: before.id, bytes })
      .onConflict((conflict) => conflict.column('mediaId').doUpdateSet({ bytes }))
      .execute()
    return { data: toMedia(await write(trx, call, before, wanted)) }
  })
}
