/** Medias: sounds of an account, for callflows and for whoever is held. */
import { z } from 'zod'
import { askedShape, BooleanQuery, identity, ignoredShape, paging, tagged } from './telephony-values.ts'
import { Id, LanguageTag, line, Timestamp } from './values.ts'

const columns = {
  name: line(120).trim().min(1),
  file_name: line(200).nullable().meta({ description: 'Of the download.' }),
  external_id: tagged.external_id,
}
/** What Carillon says to people by itself. */
const prompts = ['forward_press_1'] as const

const settings = {
  available_as_moh: z.boolean().meta({ description: 'Only such a media can be chosen as music on hold.' }),
  prompt: z
    .enum(prompts)
    .nullable()
    .meta({ description: 'Played in the place of the built-in prompt of that name; null: it is no prompt.' }),
  language: LanguageTag.nullable().meta({
    description: 'Of a prompt: who speaks this language hears it; null: everybody who has no other.',
  }),
  metadata: tagged.metadata,
}
export const MediaSettings = z.object(settings)
export type MediaSettings = z.output<typeof MediaSettings>

export const Media = z
  .object({
    id: Id,
    account_id: Id,
    ...columns,
    ...settings,
    content_type: z.string().nullable().meta({ description: 'Null: nothing was uploaded yet.' }),
    size_bytes: z.int().nullable(),
    duration_ms: z.int().nullable(),
    created: Timestamp,
  })
  .meta({ id: 'Media' })
export type Media = z.output<typeof Media>

const wanted = {
  ...askedShape({ ...columns, ...settings }),
  ...ignoredShape(['content_type', 'size_bytes', 'duration_ms']),
}
export const NewMedia = z.strictObject({ ...wanted, name: columns.name }).meta({ id: 'NewMedia' })
export type NewMedia = z.output<typeof NewMedia>
export const PatchMedia = z.strictObject({ ...wanted, ...identity }).meta({ id: 'PatchMedia' })
export type PatchMedia = z.output<typeof PatchMedia>
export const UpdateMedia = PatchMedia.extend({ id: Id }).meta({ id: 'UpdateMedia' })

/** Minutes of sound: an hour of it at 8 kHz in A-law is 29 MB. */
export const largestMedia = 30_000_000

/** A download. */
export const MediaSound = z.object({
  bytes: z.custom<Uint8Array>((value) => value instanceof Uint8Array),
  fileName: z.string(),
})

export const standardMedia: MediaSettings = { available_as_moh: false, prompt: null, language: null, metadata: {} }

export const MediaFilter = z.strictObject({
  ...paging,
  available_as_moh: BooleanQuery.optional(),
  search: line(120).min(1).optional().meta({ description: 'The name contains this, in any case.' }),
  sort: z.enum(['created', '-created', 'name', '-name']).optional().meta({ description: 'Default `created`.' }),
})
export type MediaFilter = z.output<typeof MediaFilter>
