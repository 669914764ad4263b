/** Phone books, sounds and the history of calls. */
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { dropOldCalls } from '../server/store/call-history.ts'
import { dropOldMediaFiles, mediaFile } from '../server/store/media-files.ts'
import { newId } from '../server/ids.ts'
import { call, testApp } from './app.ts'
import { aWav, done, insertCall, makeTenant, unique, upload, withKey, withToken } from './world.ts'

const { app, http, dataDir } = await testApp()
const tenant = await makeTenant(http)
const key = withKey(tenant.key.secret)
const self = withToken(tenant.user.token)

const send = (method: 'PUT' | 'POST' | 'PATCH', path: string, data: unknown, headers: Record<string, string> = key) =>
  call(http, method, `/v3.0/${path}`, { data }, headers)
const put = async (path: string, data: unknown, headers = key) =>
  (await done(http, 'PUT', `/v3.0/${path}`, { data }, headers)).data
const get = async (path: string, headers: Record<string, string> = key) =>
  (await done(http, 'GET', `/v3.0/${path}`, undefined, headers)).data
const details = (first: string, mobiles: string[] = []) => ({
  names: { first, last: 'Client' },
  company: { name: null },
  phone_numbers: { land_lines: [], mobiles, faxes: [] },
})

describe('a contact', () => {
  it('is found by number, however it is written, in the country of the account', async () => {
    await send('PATCH', `accounts/${tenant.accountId}`, { country: 'BE' })
    const { id } = await put('directories', { details: details('Ann', ['0475 55.01.00']) })
    const find = async (number: string) =>
      (await get(`directories?number=${encodeURIComponent(number)}`)).map((one: { id: string }) => one.id)
    for (const written of ['+32475550100', '0032 475 55 01 00', '0475/55.01.00'])
      expect(await find(written)).toEqual([id])
    expect(await find('+33475550100')).toEqual([])
    await send('PATCH', `accounts/${tenant.accountId}`, { country: 'FR' })
    expect(await find('+33475550100')).toEqual([id])
    expect(await find('+32475550100')).toEqual([])
    await send('PATCH', `accounts/${tenant.accountId}`, { country: 'BE' })
  })

  it('is everybody’s or one person’s, who keeps the own phone book only', async () => {
    const global = await put('directories', { details: details('Global') })
    const admins = await put('directories', { details: details('Hidden'), user_id: tenant.admin.id })
    const own = (await send('PUT', 'directories', { details: details('Own') }, self)).body.data
    expect(own).toMatchObject({ phonebook: 'personal', user_id: tenant.user.id })
    const seen = (await get('directories', self)).map(({ id }: { id: string }) => id)
    expect([global.id, own.id, admins.id].map((id) => seen.includes(id))).toEqual([true, true, false])
    expect((await call(http, 'GET', `/v3.0/directories/${admins.id}`, undefined, self)).status).toBe(404)
    expect((await send('PATCH', `directories/${admins.id}`, { url: null }, self)).status).toBe(404)
    expect((await send('PATCH', `directories/${global.id}`, { url: null }, self)).status).toBe(403)
    expect((await send('PATCH', `directories/${own.id}`, { phonebook: 'global' }, self)).status).toBe(403)
    expect((await send('PUT', 'directories', { details: details('X'), phonebook: 'global' }, self)).status).toBe(403)
    expect((await send('PUT', 'directories', { details: details('X'), user_id: tenant.admin.id }, self)).status).toBe(
      403,
    )
    expect((await send('PATCH', `directories/${own.id}`, { external_id: 'mine' }, self)).status).toBe(200)
    // An administrator moves it.
    const moved = await send('PATCH', `directories/${own.id}`, { phonebook: 'global' })
    expect(moved.body.data).toMatchObject({ phonebook: 'global', user_id: null })
  })

  it('needs a name, and goes with others all or none', async () => {
    const nameless = { details: { phone_numbers: { mobiles: ['1'] } } }
    expect((await send('PUT', 'directories', nameless)).body.error.details.issues[0].field).toBe('data.details')
    const before = (await get('directories')).length
    const many = { contacts: [{ details: details('One') }, nameless] }
    expect((await send('PUT', 'directories', many)).body.error.details.issues[0].field).toBe('data.contacts.1.details')
    expect((await get('directories')).length).toBe(before)
    const { created } = await put('directories', {
      contacts: [{ details: details('One') }, { details: details('Two') }],
    })
    expect((await send('POST', 'directories/delete', { ids: [...created, newId()] })).status).toBe(404)
    const versioned = await call(
      http,
      'POST',
      '/v3.0/directories/delete',
      { data: { ids: created } },
      { ...key, 'if-match': '"1"' },
    )
    expect(versioned.status).toBe(400)
    expect((await get('directories')).length).toBe(before + 2)
  })

  it('is changed and deleted with others while somebody else does it the other way round', async () => {
    const contacts = Array.from({ length: 100 }, (_, index) => ({ details: details(`N${index}`) }))
    const { created }: { created: string[] } = await put('directories', { contacts })
    const change = (ids: string[], page: number) =>
      send('POST', 'directories', { contacts: ids.map((id) => ({ id, url: `https://crm.example.com/${page}` })) })
    const changes = await Promise.all([1, 2, 3, 4].map((n) => change(n % 2 ? created : created.toReversed(), n)))
    expect(changes.map(({ status }) => status)).toEqual([200, 200, 200, 200])
    const remove = (ids: string[]) => send('POST', 'directories/delete', { ids })
    const removals = await Promise.all([remove(created), remove(created.toReversed())])
    expect(removals.map(({ status }) => status).sort()).toEqual([200, 404])
  })

  it('is searched by name and company and sorted by last name', async () => {
    const other = await makeTenant(http)
    const headers = withKey(other.key.secret)
    for (const [first, last, company] of [
      ['Zoe', 'Adams', null],
      ['Al', 'Zimmer', null],
      [null, null, 'Middle Ltd'],
    ]) {
      await put('directories', { details: { names: { first, last }, company: { name: company } } }, headers)
    }
    const names = async (query: string) =>
      (await get(`directories?${query}`, headers)).map(
        ({ details: { names: of, company } }: { details: { names: { first: string }; company: { name: string } } }) =>
          of.first ?? company.name,
      )
    expect(await names('')).toEqual(['Zoe', 'Middle Ltd', 'Al'])
    expect(await names('search=ZIM')).toEqual(['Al'])
    expect(await names('search=iddle')).toEqual(['Middle Ltd'])
  })
})

describe('a media', () => {
  const media = async (): Promise<string> => (await put('medias', { name: `Media ${unique()}` })).id

  it('has a sound that was checked, and can be played and do nothing else (S7)', async () => {
    const id = await media()
    const raw = `/v3.0/medias/${id}/raw`
    expect((await call(http, 'GET', raw, undefined, key)).status).toBe(404)
    const sound = aWav(1_000)
    const answer = await upload(http, id, sound, key)
    expect(answer.body.data).toMatchObject({ content_type: 'audio/wav', size_bytes: sound.length, duration_ms: 1_000 })
    const got = await http.inject({ method: 'GET', url: raw, headers: key })
    expect(got.rawPayload.equals(sound)).toBe(true)
    expect(got.headers).toMatchObject({
      'content-type': 'audio/wav',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "sandbox; default-src 'none'",
      'content-disposition': expect.stringMatching(/^inline; filename\*=UTF-8''Media%20\w+\.wav$/),
    })
  })

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['a page', Buffer.from('<svg onload="alert(1)">')],
    ['half a header', aWav(10).subarray(0, 20)],
    ['no sound', aWav(0)],
  ])('is not %s', async (_what, bytes) => {
    const id = await media()
    const answer = await upload(http, id, bytes, key)
    expect(answer.status).toBe(400)
    expect((await get(`medias/${id}`)).content_type).toBeNull()
  })

  it('is at most 30 MB', async () => {
    const answer = await upload(http, await media(), Buffer.alloc(30_000_001), key)
    expect(answer.status).toBe(413)
    expect(answer.body.error.type).toBe('too_large')
  })

  it('is uploaded once for each Idempotency-Key, and versioned', async () => {
    const id = await media()
    const once = { ...key, 'idempotency-key': unique() }
    const first = await upload(http, id, aWav(100), once)
    expect(first.headers.etag).toBe('"2"')
    expect((await upload(http, id, aWav(100), once)).headers['idempotent-replayed']).toBe('true')
    expect((await upload(http, id, aWav(200), once)).status).toBe(422)
    expect((await upload(http, id, aWav(200), { ...key, 'if-match': '"1"' })).status).toBe(412)
    // The same sound again is no change.
    expect((await upload(http, id, aWav(100), key)).headers.etag).toBe('"2"')
  })

  it('is a file of this machine for whoever plays it; a new upload is another file', async () => {
    const id = await media()
    const fileOf = async () => {
      const row = await app.database.selectFrom('medias').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
      return mediaFile(app.database, dataDir, row)
    }
    expect(await fileOf()).toBeNull()
    await upload(http, id, aWav(50), key)
    const [first, again] = [await fileOf(), await fileOf()]
    expect(again).toBe(first)
    expect(readFileSync(first ?? '').equals(aWav(50))).toBe(true)
    await upload(http, id, aWav(60), key)
    const second = await fileOf()
    expect(second).not.toBe(first)
    expect(existsSync(second ?? '')).toBe(true)
    // What was replaced goes after a while, what is deleted too.
    const areThere = () => [first, second].map((file) => existsSync(file ?? ''))
    const later = new Date(Date.now() + 1_000)
    await dropOldMediaFiles(app.database, dataDir, new Date(later.getTime() - 3_600_000))
    expect(areThere()).toEqual([true, true])
    await dropOldMediaFiles(app.database, dataDir, later)
    expect(areThere()).toEqual([false, true])
    await call(http, 'DELETE', `/v3.0/medias/${id}`, undefined, key)
    await dropOldMediaFiles(app.database, dataDir, later)
    expect(areThere()).toEqual([false, false])
  })
})

describe('the history', () => {
  const own = { accountId: tenant.accountId }
  const at = (minute: number) => new Date(Date.parse('2026-06-01T10:00:00.000Z') + minute * 60_000)

  it('is filtered, and paged without gaps, the newest first', async () => {
    const device = newId()
    const ids = []
    for (let minute = 0; minute < 5; minute++) {
      ids.unshift(await insertCall(app.database, { ...own, startedAt: at(minute), fromDeviceId: device }))
    }
    const missed = { answeredAt: null, hangupCause: 'BUSY' as const }
    const busy = await insertCall(app.database, { ...own, startedAt: at(9), ...missed, callerNumber: '0999' })
    const find = async (query: string) => (await get(`calls_history?${query}`)).map(({ id }: { id: string }) => id)
    expect(await find(`device_id=${device}`)).toEqual(ids)
    expect(await find(`device_id=${device}&sort=timestamp`)).toEqual(ids.toReversed())
    expect(await find('missed=true')).toEqual([busy])
    expect(await find('hangup_cause=BUSY')).toEqual([busy])
    expect(await find('number=0999')).toEqual([busy])
    const strange = Buffer.from(JSON.stringify(['-timestamp', 'whenever', busy])).toString('base64url')
    const answer = await call(http, 'GET', `/v3.0/calls_history?cursor=${strange}`, undefined, key)
    expect(answer.status).toBe(400)
    expect(answer.body.error.details.issues[0].field).toBe('cursor')
    const from = at(1).getTime() / 1000
    expect(await find(`device_id=${device}&created_from=${from}&created_to=${from + 60}`)).toEqual(ids.slice(2, 4))
    const pages: string[] = []
    for (let cursor = ''; ; ) {
      const page = await done(http, 'GET', `/v3.0/calls_history?limit=2&device_id=${device}${cursor}`, undefined, key)
      pages.push(...page.data.map(({ id }: { id: string }) => id))
      if (!page.next) break
      cursor = `&cursor=${page.next}`
    }
    expect(pages).toEqual(ids)
  })

  it('shows a plain user the own calls only, and no trace', async () => {
    const [mine, theirs] = [
      await insertCall(app.database, { ...own, ownerId: tenant.user.id }),
      await insertCall(app.database, { ...own, ownerId: tenant.admin.id }),
    ]
    const seen = (await get('calls_history/all', self)).map(({ id }: { id: string }) => id)
    expect(seen).toEqual([mine])
    expect(await get(`calls_history/${mine}`, self)).toMatchObject({
      id: mine,
      first_name: 'Uma',
      legs: [{ role: 'callee' }],
    })
    expect((await call(http, 'GET', `/v3.0/calls_history/${theirs}`, undefined, self)).status).toBe(404)
    expect((await call(http, 'GET', `/v3.0/calls_history/${mine}/trace`, undefined, self)).status).toBe(403)
    const others = await get(`calls_history?owner_id=${tenant.admin.id}`, self)
    expect(others).toEqual([])
  })

  it('shows the caller before those who were called, also where all began in one millisecond', async () => {
    const id = await insertCall(app.database, own)
    const legs = app.database.selectFrom('callLegs').selectAll().where('callId', '=', id)
    const leg = await legs.executeTakeFirstOrThrow()
    const caller = { ...leg, id: `leg_${'f'.repeat(24)}`, role: 'caller' as const, quality: null }
    await app.database.insertInto('callLegs').values(caller).execute()
    expect(await get(`calls_history/${id}`)).toMatchObject({ legs: [{ role: 'caller' }, { role: 'callee' }] })
  })

  it('names the callflow of a call that nobody took, and has no call that goes on', async () => {
    const flow = await put('callflows', { name: 'Sales', flow: { module: 'hangup', data: {} } })
    const missed = { answeredAt: null, hangupCause: 'NO ANSWER' as const }
    const id = await insertCall(app.database, { ...own, ...missed, callflowId: flow.id })
    expect(await get(`calls_history/${id}`)).toMatchObject({ callee_id_name: 'Sales', callee_id_number: '+3225550100' })
    const live = await insertCall(app.database, { ...own, endedAt: null })
    expect((await call(http, 'GET', `/v3.0/calls_history/${live}`, undefined, key)).status).toBe(404)
  })

  it('keeps what is young, and drops what is old with its legs and traces', async () => {
    const other = await makeTenant(http)
    const theirs = { accountId: other.accountId }
    const [old, young] = [
      await insertCall(app.database, { ...theirs, startedAt: new Date('2020-01-01T00:00:00Z') }),
      await insertCall(app.database, { ...theirs, startedAt: new Date('2026-01-01T00:00:00Z') }),
    ]
    expect(await dropOldCalls(app.database, new Date('2025-01-01T00:00:00Z'))).toBe(1)
    const left = async (table: 'callLegs' | 'callTraces') =>
      (await app.database.selectFrom(table).select('callId').where('accountId', '=', other.accountId).execute()).map(
        ({ callId }) => callId,
      )
    expect([await left('callLegs'), await left('callTraces')]).toEqual([[young], [young]])
    expect((await call(http, 'GET', `/v3.0/calls_history/${old}`, undefined, withKey(other.key.secret))).status).toBe(
      404,
    )
  })
})
