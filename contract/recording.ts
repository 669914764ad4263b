/** Recordings of calls: what there is of each, its sound, and the events that tell what became of it. */
import { z } from 'zod'
import { CallId } from './call.ts'
import { defineEvents, defineOperations } from './define.ts'
import { dataOf, listing, readErrors, reading, writeErrors } from './resource.ts'
import { telephonyIds } from './telephony-examples.ts'
import { paging } from './telephony-values.ts'
import { Id, Timestamp } from './values.ts'

export const Recording = z
  .object({
    id: Id,
    account_id: Id,
    format: z.enum(['wav']).meta({ description: 'PCM of 16 bit at 8 kHz, one side on each of two channels.' }),
    call_id: CallId,
    owner_id: Id.nullable().meta({ description: 'Who had it made; else whose call it is.' }),
    status: z.enum(['recording', 'processing', 'ready', 'failed']).meta({
      description: '`processing`: nothing more is recorded, and its file is being put together.',
    }),
    reason: z
      .string()
      .nullable()
      .meta({ description: 'Why there is nothing, or not all of it. A sentence for people.' }),
    started_at: Timestamp,
    ended_at: Timestamp.nullable(),
    duration_seconds: z.number().nullable().meta({ description: 'Of the sound, without pauses; once it is ready.' }),
    size_bytes: z.int().nullable(),
  })
  .meta({ id: 'Recording' })
export type Recording = z.output<typeof Recording>

const RecordingFilter = z.strictObject({
  ...paging,
  call_id: CallId.optional(),
  user_id: Id.optional().meta({ description: 'Who had it made, or whose call it is.' }),
  sort: z.enum(['-started_at', 'started_at']).optional().meta({ description: 'Default: the newest first.' }),
})

/** The whole file: whoever sends it does so as it reads it. */
const RecordingSound = z.object({
  bytes: z.custom<Uint8Array | AsyncIterable<Uint8Array>>((value) => typeof value === 'object' && value !== null),
  fileName: z.string(),
  sizeBytes: z.int(),
})

const example: Recording = {
  id: '5e945c36b863b82cefdd0010',
  account_id: telephonyIds.account,
  format: 'wav',
  call_id: telephonyIds.call,
  owner_id: telephonyIds.user,
  status: 'ready',
  reason: null,
  started_at: '2026-05-04T09:00:10.000Z',
  ended_at: '2026-05-04T09:02:00.000Z',
  duration_seconds: 109.98,
  size_bytes: 3_519_404,
}

const tag = { tag: 'Recordings' }
const ById = z.object({ id: Id })
const own = 'People see the recordings that they had made, and those of their own calls.'

export const recordingOperations = defineOperations({
  listRecordings: listing({
    ...tag,
    path: '/v3.0/recordings',
    minRole: 'user',
    summary: 'List the recordings of calls',
    description: own,
    query: RecordingFilter,
    data: z.array(Recording),
    example: [example],
  }),
  getRecording: reading({
    ...tag,
    path: '/v3.0/recordings/{id}',
    minRole: 'user',
    summary: 'Read what there is to say of one recording',
    params: ById,
    data: Recording,
    example,
  }),
  downloadRecording: {
    surface: 'telephony',
    ...tag,
    method: 'GET',
    path: '/v3.0/recordings/{id}/raw',
    access: { kind: 'credential', scope: 'telephony:read', minRole: 'user' },
    summary: 'Download the sound of a recording that is ready',
    params: ById,
    result: RecordingSound,
    mediaType: 'audio/wav',
    errors: [...readErrors, 'conflict'],
  },
  deleteRecording: {
    surface: 'telephony',
    ...tag,
    method: 'DELETE',
    path: '/v3.0/recordings/{id}',
    access: { kind: 'credential', scope: 'telephony:write', minRole: 'admin' },
    summary: 'Delete a recording and its sound',
    description: 'Not while it is being made: stop it before.',
    params: ById,
    result: dataOf(z.object({ id: Id })),
    errors: writeErrors,
    example: { result: { data: { id: example.id } } },
  },
})

const told = (summary: string, recording: Recording) => ({
  summary,
  resource: 'recording',
  scope: 'telephony:read' as const,
  data: z.object({ recording: Recording }),
  example: { recording },
})

export const recordingEvents = defineEvents({
  'recording.ready': told('Its sound can be downloaded.', example),
  'recording.failed': told('Nothing could be kept of it.', {
    ...example,
    status: 'failed',
    reason: 'Nothing was heard before it ended.',
    duration_seconds: null,
    size_bytes: null,
  }),
  'recording.deleted': {
    ...told('It is gone, with its sound: by a call, or because it was old.', example),
    data: z.object({ recording: Recording, reason: z.enum(['deleted', 'expired']) }),
    example: { recording: example, reason: 'deleted' },
  },
})
