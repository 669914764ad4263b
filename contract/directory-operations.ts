/** Phone books, and the sounds of an account. */
import { z } from 'zod'
import { Contact, ContactFilter, DeleteContacts, NewContacts, PatchContact, UpdateContacts } from './contact.ts'
import { defineOperations } from './define.ts'
import { largestMedia, Media, MediaFilter, MediaSound, NewMedia, PatchMedia, UpdateMedia } from './media.ts'
import {
  ById,
  creating,
  dataOf,
  deletedAs,
  deleting,
  listing,
  patching,
  readErrors,
  reading,
  updating,
  writeErrors,
} from './resource.ts'
import { telephonyExamples, telephonyIds } from './telephony-examples.ts'
import { Id } from './values.ts'

const contacts = { tag: 'Directories', minRole: 'user' } as const
const medias = { tag: 'Medias' }
const { contact, media } = telephonyExamples
const { details } = contact
const personal = 'People read the phone book of the account and their own; they change their own.'

const Created = z.object({ created: z.array(Id) }).meta({ id: 'CreatedContacts' })
const Updated = z.object({ updated: z.array(Id) }).meta({ id: 'UpdatedContacts' })
const Deleted = z.object({ deleted: z.array(Id) }).meta({ id: 'DeletedContacts' })

const uploading = {
  surface: 'telephony',
  ...medias,
  path: '/v3.0/medias/{id}/raw',
  access: { kind: 'credential', scope: 'telephony:write', minRole: 'admin' },
  description:
    'PCM of 16 bits, A-law or µ-law, one or two channels, 8 or 16 kHz. Calls that play it go on with what they began.',
  params: ById,
  upload: {
    mediaTypes: ['audio/wav', 'audio/x-wav', 'audio/wave', 'application/octet-stream'],
    largestBytes: largestMedia,
  },
  result: dataOf(Media),
  errors: [...writeErrors, 'too_large'],
  example: { result: { data: media } },
} as const

export const directoryOperations = defineOperations({
  listContacts: listing({
    ...contacts,
    path: '/v3.0/directories',
    summary: 'List contacts',
    description: personal,
    query: ContactFilter,
    data: z.array(Contact),
    example: [contact],
  }),
  getContact: reading({
    ...contacts,
    path: '/v3.0/directories/{id}',
    summary: 'Read one contact',
    params: ById,
    data: Contact,
    example: contact,
  }),
  createContacts: creating({
    ...contacts,
    path: '/v3.0/directories',
    summary: 'Add a contact, or many',
    description: `One contact is answered whole; with \`contacts\` their ids are, in the same order. ${personal}`,
    body: NewContacts,
    data: z.union([Contact, Created]),
    asked: { contacts: [{ details }], phonebook: 'personal', user_id: telephonyIds.user },
    example: { created: [contact.id] },
  }),
  updateContacts: updating({
    ...contacts,
    path: '/v3.0/directories',
    summary: 'Change a contact, or many: absent fields stay, null clears',
    description: personal,
    body: UpdateContacts,
    data: Updated,
    asked: { id: telephonyIds.contact, url: 'https://crm.example.com/contacts/17' },
    example: { updated: [telephonyIds.contact] },
  }),
  patchContact: patching({
    ...contacts,
    path: '/v3.0/directories/{id}',
    summary: 'Change a contact (RFC 7396)',
    description: personal,
    params: ById,
    body: PatchContact,
    data: Contact,
    asked: { details: { company: { name: 'Client Group' } } },
    example: { ...contact, details: { ...details, company: { name: 'Client Group' } } },
  }),
  deleteContact: deleting({
    ...contacts,
    path: '/v3.0/directories/{id}',
    summary: 'Delete a contact',
    params: ById,
    data: Deleted,
    example: { deleted: [telephonyIds.contact] },
  }),
  deleteContacts: {
    ...updating({
      ...contacts,
      path: '/v3.0/directories/delete',
      summary: 'Delete many contacts: all of them, or none',
      body: DeleteContacts,
      data: Deleted,
      asked: { ids: [telephonyIds.contact] },
      example: { deleted: [telephonyIds.contact] },
    }),
  },
  listMedias: listing({
    ...medias,
    path: '/v3.0/medias',
    summary: 'List medias',
    query: MediaFilter,
    data: z.array(Media),
    example: [media],
  }),
  getMedia: reading({
    ...medias,
    path: '/v3.0/medias/{id}',
    summary: 'Read what is said about a media',
    params: ById,
    data: Media,
    example: media,
  }),
  createMedia: creating({
    ...medias,
    path: '/v3.0/medias',
    summary: 'Create a media; then upload its sound',
    body: NewMedia,
    data: Media,
    asked: { name: media.name, available_as_moh: true },
    example: { ...media, available_as_moh: true, content_type: null, size_bytes: null, duration_ms: null },
  }),
  updateMedia: updating({
    ...medias,
    path: '/v3.0/medias',
    summary: 'Change what is said about a media: absent fields stay, null clears',
    body: UpdateMedia,
    data: Media,
    asked: { id: telephonyIds.media, name: 'Good morning' },
    example: { ...media, name: 'Good morning' },
  }),
  patchMedia: patching({
    ...medias,
    path: '/v3.0/medias/{id}',
    summary: 'Change what is said about a media (RFC 7396)',
    params: ById,
    body: PatchMedia,
    data: Media,
    asked: { name: 'Good morning' },
    example: { ...media, name: 'Good morning' },
  }),
  deleteMedia: deleting({
    ...medias,
    path: '/v3.0/medias/{id}',
    summary: 'Delete a media and its sound',
    params: ById,
    data: deletedAs('media_id'),
    example: { id: telephonyIds.media, media_id: telephonyIds.media },
  }),
  downloadMedia: {
    surface: 'telephony',
    ...medias,
    method: 'GET',
    path: '/v3.0/medias/{id}/raw',
    access: { kind: 'credential', scope: 'telephony:read', minRole: 'admin' },
    summary: 'Download the sound of a media',
    params: ById,
    result: MediaSound,
    mediaType: 'audio/wav',
    errors: readErrors,
  },
  uploadMedia: { ...uploading, method: 'POST', summary: 'Upload the sound of a media: a WAV file, as the whole body' },
  replaceMedia: { ...uploading, method: 'PUT', summary: 'Upload the sound of a media (the same as `POST`)' },
})
