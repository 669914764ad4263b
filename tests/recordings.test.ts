/** Recordings of calls: how parts become one file, once, whatever died meanwhile; who sees them; how they go. */
import { existsSync } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { beforeEach, describe, expect, it } from 'vitest'
import { formatWavHeader } from '../engine/rtp/wav.ts'
import { newId } from '../server/ids.ts'
import { makeRecordingFolder, recordingPartPath, recordingPath } from '../server/recording/files.ts'
import { dropOldRecordings, settleRecordings } from '../server/recording/settle.ts'
import { call, testApp } from './app.ts'
import { done, insertCall, insertRecording, makeTenant, type Tenant, withKey, withToken } from './world.ts'

const { app, http } = await testApp()
const { dataDir } = app.config
const day = 86_400_000
let tenant: Tenant
let key: { 'x-api-key': string }

beforeEach(async () => {
  tenant = await makeTenant(http)
  key = withKey(tenant.key.secret)
  await makeRecordingFolder(dataDir)
})

const get = async (path: string, headers: Record<string, string> = key) =>
  (await done(http, 'GET', `/v3.0/${path}`, undefined, headers)).data
const at = (ms: number) => ({ ...app, clock: () => ms })
const eventsOf = async (id: string) => {
  while (await app.database.selectFrom('eventInbox').select('id').limit(1).executeTakeFirst()) app.sequencer.poke()
  const all = await done(http, 'GET', `/v3.0/events?type=recording.*`, undefined, key)
  return all.data.filter((event: { resource: { id: string } }) => event.resource.id === id)
}

/** Frames of a left and a right sample. */
function frames(left: number, right: number, count: number): Buffer {
  const sound = Buffer.alloc(4 * count)
  for (let i = 0; i < count; i++) {
    sound.writeInt16LE(left, 4 * i)
    sound.writeInt16LE(right, 4 * i + 2)
  }
  return sound
}

/** `isClosed` false: as a killed worker leaves it. */
async function part(id: string, number: number, sound: Buffer, isClosed = true): Promise<string> {
  const path = recordingPartPath(dataDir, id, number)
  await writeFile(path, Buffer.concat([formatWavHeader(2, 8_000, isClosed ? sound.length : 0), sound]))
  return path
}

interface Given {
  readonly parts: readonly { readonly path: string; readonly isSwapped: boolean }[]
  readonly endedAt?: Date | null
  readonly fault?: string
  readonly callEndedAt?: Date | null
}

/** As the voice process leaves it in the database. */
async function given(id: string, { parts, endedAt = new Date(app.clock()), fault, callEndedAt }: Given): Promise<void> {
  const { accountId, user } = tenant
  const over = callEndedAt === undefined ? {} : { endedAt: callEndedAt, hangupCause: null }
  const callId = await insertCall(app.database, { accountId, ownerId: user.id, ...over })
  const startedAt = new Date(app.clock() - 60_000)
  const row = { id, accountId, callId, ownerId: user.id, startedAt, endedAt, fault: fault ?? null }
  await app.database
    .insertInto('recordings')
    .values({ ...row, parts: JSON.stringify(parts) })
    .execute()
}

describe('when it is over', () => {
  it('its parts are one file, each voice on its channel, and recording.ready says so once', async () => {
    const id = newId()
    const parts = [
      { path: await part(id, 1, frames(100, 200, 800)), isSwapped: false },
      { path: await part(id, 2, frames(201, 101, 400)), isSwapped: true },
      { path: recordingPartPath(dataDir, id, 3), isSwapped: false },
    ]
    await given(id, { parts })
    expect(await get(`recordings/${id}`)).toMatchObject({ status: 'processing', size_bytes: null })
    expect(await settleRecordings(app)).toBe(true)
    const file = await readFile(recordingPath(dataDir, id))
    expect(file.subarray(44)).toEqual(Buffer.concat([frames(100, 200, 800), frames(101, 201, 400)]))
    expect(file.readUInt32LE(40)).toBe(4_800)
    expect(await get(`recordings/${id}`)).toMatchObject({ status: 'ready', duration_seconds: 0.15, size_bytes: 4_844 })
    for (const { path } of parts) expect(existsSync(path)).toBe(false)
    await settleRecordings(app)
    const events = await eventsOf(id)
    expect(events.map((event: { type: string }) => event.type)).toEqual(['recording.ready'])
    expect(events[0].data.recording).toMatchObject({ id, owner_id: tenant.user.id, status: 'ready' })
  })

  it('is waited for while its worker still writes, for a few seconds; a killed one’s sound is kept', async () => {
    const id = newId()
    const path = await part(id, 1, Buffer.concat([frames(100, 200, 800), Buffer.from([1, 2])]), false)
    await given(id, { parts: [{ path, isSwapped: false }] })
    await settleRecordings(app)
    expect((await get(`recordings/${id}`)).status).toBe('processing')
    await settleRecordings(at(app.clock() + 6_000))
    expect(await get(`recordings/${id}`)).toMatchObject({ status: 'ready', duration_seconds: 0.1 })
  })

  it('without sound it has failed, and says why', async () => {
    const [empty, broken] = [newId(), newId()]
    await given(empty, { parts: [{ path: recordingPartPath(dataDir, empty, 1), isSwapped: false }] })
    await given(broken, { parts: [], fault: 'ENOSPC: no space left on device' })
    await settleRecordings(app)
    expect(await get(`recordings/${empty}`)).toMatchObject({
      status: 'failed',
      reason: expect.stringContaining('heard'),
    })
    expect((await get(`recordings/${broken}`)).reason).toContain('ENOSPC')
    expect((await eventsOf(broken)).map(({ type }: { type: string }) => type)).toEqual(['recording.failed'])
    const raw = await call(http, 'GET', `/v3.0/recordings/${broken}/raw`, undefined, key)
    expect(raw.status).toBe(404)
  })

  it('one whose voice process died with its call ends with that call; one that goes on is left alone', async () => {
    const [lost, live] = [newId(), newId()]
    const overAt = new Date(app.clock() - 20_000)
    const parts = [{ path: await part(lost, 1, frames(1, 2, 80), false), isSwapped: false }]
    await given(lost, { parts, endedAt: null, callEndedAt: overAt })
    await given(live, {
      parts: [{ path: await part(live, 1, frames(1, 2, 80), false), isSwapped: false }],
      endedAt: null,
      callEndedAt: null,
    })
    await settleRecordings(app)
    expect(await get(`recordings/${lost}`)).toMatchObject({ status: 'ready', ended_at: overAt.toISOString() })
    expect((await get(`recordings/${live}`)).status).toBe('recording')
    expect((await call(http, 'GET', `/v3.0/recordings/${live}/raw`, undefined, key)).status).toBe(409)
    expect((await call(http, 'DELETE', `/v3.0/recordings/${live}`, undefined, key)).status).toBe(409)
  })
})

describe('readers', () => {
  it('people see the recordings that they made and those of their own calls', async () => {
    const { accountId, user, admin } = tenant
    const own = await insertCall(app.database, { accountId, ownerId: user.id })
    const other = await insertCall(app.database, { accountId, ownerId: admin.id })
    const ofOwnCall = await insertRecording(app, { accountId, callId: own, ownerId: admin.id })
    const madeByThem = await insertRecording(app, { accountId, callId: other, ownerId: user.id })
    const neither = await insertRecording(app, { accountId, callId: other, ownerId: admin.id })
    const self = withToken(user.token)
    const ids = (rows: { id: string }[]) => rows.map(({ id }) => id).sort()
    expect(ids(await get('recordings', self))).toEqual([ofOwnCall, madeByThem].sort())
    expect(ids(await get('recordings'))).toEqual([ofOwnCall, madeByThem, neither].sort())
    expect(ids(await get(`recordings?call_id=${other}`))).toEqual([madeByThem, neither].sort())
    expect(ids(await get(`recordings?user_id=${user.id}`))).toEqual([ofOwnCall, madeByThem].sort())
    for (const path of [`recordings/${neither}`, `recordings/${neither}/raw`]) {
      expect((await call(http, 'GET', `/v3.0/${path}`, undefined, self)).status).toBe(404)
    }
    expect((await call(http, 'DELETE', `/v3.0/recordings/${ofOwnCall}`, undefined, self)).status).toBe(403)
  })

  it('S7: its sound comes as the kind of file that it is, and can do nothing', async () => {
    const callId = await insertCall(app.database, { accountId: tenant.accountId })
    const id = await insertRecording(app, { accountId: tenant.accountId, callId })
    const answer = await http.inject({ method: 'GET', url: `/v3.0/recordings/${id}/raw`, headers: key })
    expect(answer.statusCode).toBe(200)
    expect(answer.headers).toMatchObject({
      'content-type': 'audio/wav',
      'content-length': '3244',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "sandbox; default-src 'none'",
    })
    expect(answer.rawPayload).toEqual(await readFile(recordingPath(dataDir, id)))
  })

  it('one whose file is gone says so', async () => {
    const callId = await insertCall(app.database, { accountId: tenant.accountId })
    const id = await insertRecording(app, { accountId: tenant.accountId, callId })
    await rm(recordingPath(dataDir, id))
    const raw = await call(http, 'GET', `/v3.0/recordings/${id}/raw`, undefined, key)
    expect(raw).toMatchObject({ status: 404, body: { error: { message: expect.stringContaining('gone') } } })
  })
})

describe('the end', () => {
  it('deleted: row, file and event', async () => {
    const callId = await insertCall(app.database, { accountId: tenant.accountId })
    const id = await insertRecording(app, { accountId: tenant.accountId, callId })
    await done(http, 'DELETE', `/v3.0/recordings/${id}`, undefined, key)
    expect(existsSync(recordingPath(dataDir, id))).toBe(false)
    expect((await call(http, 'GET', `/v3.0/recordings/${id}`, undefined, key)).status).toBe(404)
    const [event] = await eventsOf(id)
    expect(event).toMatchObject({ type: 'recording.deleted', data: { reason: 'deleted' } })
  })

  it('old ones go by the clock, and those of accounts that are gone', async () => {
    const { accountId } = tenant
    const callId = await insertCall(app.database, { accountId })
    const now = app.clock()
    const old = await insertRecording(app, { accountId, callId, startedAt: new Date(now - 366 * day) })
    const young = await insertRecording(app, { accountId, callId, startedAt: new Date(now - 364 * day) })
    const orphan = await insertRecording(app, { accountId: newId(), callId, startedAt: new Date(now) })
    await dropOldRecordings(app)
    const isThere = [old, young, orphan].map((id) => existsSync(recordingPath(dataDir, id)))
    expect(isThere).toEqual([false, true, false])
    const [event] = await eventsOf(old)
    expect(event).toMatchObject({ type: 'recording.deleted', data: { reason: 'expired' } })
  })
})
