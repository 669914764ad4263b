/** What all objects of the telephony configuration have in common, on each of them. */
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { noVoice } from '../server/app.ts'
import { newId } from '../server/ids.ts'
import { call, testApp } from './app.ts'
import { aWav, done, makeTenant, newNumber, operator, type Tenant, upload, withKey } from './world.ts'

/** What the voice process would have found in the database when it was told. */
const told: { accountId: string; names: string[] }[] = []
const { app, http } = await testApp({
  voice: {
    ...noVoice,
    async changed(accountId) {
      const rows = await app.database.selectFrom('devices').select('name').where('accountId', '=', accountId).execute()
      told.push({ accountId, names: rows.map(({ name }) => name) })
    },
  },
})

let tenant: Tenant
let key: Record<string, string>
beforeAll(async () => {
  tenant = await makeTenant(http)
  key = withKey(tenant.key.secret)
})
beforeEach(() => {
  told.length = 0
})

const put = async (path: string, data: unknown) => (await done(http, 'PUT', `/v3.0/${path}`, { data }, key)).data
const get = async (path: string) => (await done(http, 'GET', `/v3.0/${path}`, undefined, key)).data
const send = (method: 'PUT' | 'POST' | 'PATCH', path: string, data: unknown, headers: Record<string, string> = {}) =>
  call(http, method, `/v3.0/${path}`, { data }, { ...key, ...headers })
const remove = (path: string, headers: Record<string, string> = {}) =>
  call(http, 'DELETE', `/v3.0/${path}`, undefined, { ...key, ...headers })

const names = (first: string) => ({ names: { first, last: null }, company: { name: null } })
const kinds = [
  ['users', 'first_name', () => ({ first_name: 'Ada', metadata: { a: 1 } })],
  ['devices', 'name', () => ({ name: 'Desk', caller_id: { external: { number: '+3225550100' } } })],
  ['trunks', 'name', () => ({ name: 'Carrier', server: 'sip.carrier.example', advanced: { clir: false } })],
  ['callflows', 'name', () => ({ name: 'Nobody', flow: { module: 'hangup', data: {} }, metadata: { a: { b: 1 } } })],
  ['medias', 'name', () => ({ name: 'Welcome', available_as_moh: true })],
  ['directories', 'url', () => ({ details: names('Ann'), url: 'https://crm.example.com/1' })],
] as const
const value = (field: string, text: string) => (field === 'url' ? `https://crm.example.com/${text}` : text)

describe.each(kinds)('%s', (path, field, body) => {
  it('take back their own answer whole, by POST and by PATCH, and that is no change (A1)', async () => {
    const { id } = await put(path, body())
    const before = await call(http, 'GET', `/v3.0/${path}/${id}`, undefined, key)
    for (const answer of [
      await send('POST', path, before.body.data),
      await send('PATCH', `${path}/${id}`, before.body.data),
    ]) {
      expect(answer.status, JSON.stringify(answer.body)).toBe(200)
      expect(answer.headers.etag).toBe(before.headers.etag)
    }
    expect((await call(http, 'GET', `/v3.0/${path}/${id}`, undefined, key)).body).toEqual(before.body)
  })

  it('keep what is absent and clear what is null', async () => {
    const { id } = await put(path, { ...body(), external_id: 'crm-17', metadata: { keep: 1, drop: 2 } })
    await send('PATCH', `${path}/${id}`, { metadata: { drop: null, add: { deep: true } } })
    expect(await get(`${path}/${id}`)).toMatchObject({
      external_id: 'crm-17',
      metadata: { keep: 1, add: { deep: true } },
    })
    await send('PATCH', `${path}/${id}`, { external_id: null, metadata: null })
    expect(await get(`${path}/${id}`)).toMatchObject({ external_id: null, metadata: {} })
    await send('PATCH', `${path}/${id}`, { external_id: 'null' })
    expect(await get(`${path}/${id}`)).toMatchObject({ external_id: 'null' })
  })

  it('hold 16 KB of metadata, however they came there, and are read and sent back with them', async () => {
    const { id } = await put(path, { ...body(), metadata: { first: 'x'.repeat(10_000) } })
    const more = await send('PATCH', `${path}/${id}`, { metadata: { second: 'x'.repeat(10_000) } })
    expect(more.status, JSON.stringify(more.body)).toBe(400)
    expect(more.body.error.details.issues[0].field).toBe('data.metadata')
    await send('PATCH', `${path}/${id}`, { metadata: { first: null, second: 'x'.repeat(10_000) } })
    const whole = await get(`${path}/${id}`)
    expect(Object.keys(whole.metadata)).toEqual(['second'])
    expect((await send('POST', path, whole)).status).toBe(200)
    const listed = await call(http, 'GET', `/v3.0/${path}`, undefined, key)
    expect(listed.status).toBe(200)
  })

  it('check the version when it is asked for, in POST that of `data.id` (A5)', async () => {
    const made = await send('PUT', path, body())
    const { id } = made.body.data
    expect(made.headers.etag).toBe('"1"')
    const changed = await send('POST', path, { id, [field]: value(field, 'x') }, { 'if-match': '"1"' })
    expect(changed.headers.etag).toBe('"2"')
    for (const late of [
      await send('POST', path, { id, [field]: value(field, 'y') }, { 'if-match': '"1"' }),
      await send('PATCH', `${path}/${id}`, { [field]: value(field, 'y') }, { 'if-match': '"1"' }),
      await remove(`${path}/${id}`, { 'if-match': '"1"' }),
    ]) {
      expect(late.status).toBe(412)
      expect(late.body.error.type).toBe('precondition_failed')
    }
    expect((await remove(`${path}/${id}`, { 'if-match': '"2"' })).status).toBe(200)
  })

  it('are made once for each Idempotency-Key (A6)', async () => {
    const once = { 'idempotency-key': `once-${path}` }
    const [first, again] = [await send('PUT', path, body(), once), await send('PUT', path, body(), once)]
    expect(again.headers['idempotent-replayed']).toBe('true')
    expect(again.body.data.id).toBe(first.body.data.id)
    expect((await send('PUT', path, { ...body(), external_id: 'other' }, once)).status).toBe(422)
  })

  it('refuse another id, account or time of creation', async () => {
    const { id } = await put(path, body())
    for (const [name, wrong] of [
      ['id', newId()],
      ['account_id', app.rootAccountId],
      ['created', '2020-01-01T00:00:00.000Z'],
    ] as const) {
      const answer = await send('PATCH', `${path}/${id}`, { [name]: wrong })
      expect(answer.status, name).toBe(400)
      expect(answer.body.error.details.issues[0].field).toBe(`data.${name}`)
    }
  })

  it('are found by external_id, and listed by pages that leave nothing out', async () => {
    const own = await makeTenant(http)
    const headers = withKey(own.key.secret)
    const list = async (query: string) => done(http, 'GET', `/v3.0/${path}?${query}`, undefined, headers)
    for (const external_id of ['a', 'b', 'c', 'd', 'e']) {
      await done(http, 'PUT', `/v3.0/${path}`, { data: { ...body(), external_id } }, headers)
    }
    expect((await list('external_id=c')).data).toMatchObject([{ external_id: 'c' }])
    for (const sort of ['created', '-created', 'name', '-name']) {
      const all = (await list(`sort=${sort}`)).data
      expect((await list(`sort=${sort}`)).next).toBeUndefined()
      const pages = []
      for (let cursor = ''; ; ) {
        const page = await list(`sort=${sort}&limit=2${cursor}`)
        pages.push(...page.data)
        if (!page.next) break
        cursor = `&cursor=${page.next}`
        // What is made meanwhile moves nothing that was there.
        if (pages.length === 2) await done(http, 'PUT', `/v3.0/${path}`, { data: body() }, headers)
      }
      const ids = all.map((one: { id: string }) => one.id)
      expect(
        pages.map(({ id }) => id).filter((id) => ids.includes(id)),
        sort,
      ).toEqual(ids)
    }
    for (const cursor of ['nonsense', Buffer.from('["name","x","y"]').toString('base64url'), 'W10']) {
      const answer = await call(http, 'GET', `/v3.0/${path}?cursor=${cursor}&sort=created`, undefined, headers)
      expect(answer.status).toBe(400)
      expect(answer.body.error.details.issues[0].field).toBe('cursor')
    }
  })

  it('are what calls go by before they are answered (T4)', async () => {
    const { id } = await put(path, body())
    await send('POST', path, { id, [field]: value(field, 'changed') })
    await remove(`${path}/${id}`)
    expect(told.map(({ accountId }) => accountId)).toEqual(Array(3).fill(tenant.accountId))
    if (path === 'devices') {
      expect(told.map(({ names: list }) => list.includes('Desk') || list.includes('changed'))).toEqual([
        true,
        true,
        true,
      ])
      expect(told[1]?.names).toContain('changed')
      expect(told[2]?.names).not.toContain('changed')
    }
  })

  it('are not made where telephony is off (A8)', async () => {
    const admin = { adminFirstname: 'V', adminEmail: `v6-${path}@example.com` }
    const account = (await done(http, 'POST', '/api/v6/account', admin)).data
    const headers = { ...operator, 'x-account-id': account.id }
    const answer = await call(http, 'PUT', `/v3.0/${path}`, { data: body() }, headers)
    expect(answer.status).toBe(409)
    // What to do is said so that it can be done.
    const [, name = '', id = ''] = /(X-Account-ID): (\w+)/.exec(answer.body.error.message) ?? []
    const on = JSON.parse(/\{.*\}/.exec(answer.body.error.message)?.[0] ?? '')
    await done(http, 'POST', '/v3.0/accounts', on, { ...operator, [name]: id })
    await done(http, 'PUT', `/v3.0/${path}`, { data: body() }, headers)
  })
})

describe('what is in use', () => {
  const refusal = async (path: string) => {
    const answer = await remove(path)
    expect(answer.status, path).toBe(409)
    expect(answer.body.error.type).toBe('conflict')
    return answer.body.error
  }

  it('stays, and whoever uses it is named', async () => {
    const user = await put('users', { first_name: 'Grace', last_name: 'Hopper' })
    const device = await put('devices', { name: 'Hers', owner_id: user.id })
    const music = await put('medias', { name: 'Music', available_as_moh: true })
    const trunk = await put('trunks', { name: 'Carrier', server: 'sip.carrier.example' })
    const number = newNumber()
    await put('phone_numbers', { number, trunk_id: trunk.id })
    const inner = await put('callflows', { name: 'Inner', flow: { module: 'hangup', data: {} } })
    const outer = await put('callflows', {
      name: 'Outer',
      numbers: [number, '1077'],
      flow: {
        module: 'user',
        data: { id: user.id },
        children: {
          busy: { module: 'device', data: { id: device.id } },
          _: { module: 'play', data: { id: music.id }, children: { module: 'callflow', data: { id: inner.id } } },
        },
      },
    })
    await send('PATCH', `users/${user.id}`, { quickcall_device: device.id, music_on_hold_id: music.id })
    const by = { type: 'callflow', id: outer.id, name: 'Outer' }
    const person = { type: 'user', id: user.id, name: 'Grace Hopper' }
    expect((await refusal(`users/${user.id}`)).details.used_by).toEqual([
      { type: 'device', id: device.id, name: 'Hers' },
      by,
    ])
    const ofDevice = await refusal(`devices/${device.id}`)
    expect(ofDevice.details.used_by).toEqual([person, by])
    expect(ofDevice.message).toContain(`callflow Outer (${outer.id})`)
    expect((await refusal(`medias/${music.id}`)).details.used_by).toEqual([person, by])
    expect((await refusal(`trunks/${trunk.id}`)).details.used_by).toEqual([
      { type: 'phone_number', id: number, name: number },
    ])
    expect((await refusal(`phone_numbers/${number}`)).details.used_by).toEqual([by])
    expect((await refusal(`callflows/${inner.id}`)).details.used_by).toEqual([by])
    expect((await call(http, 'DELETE', `/api/v6/account/${tenant.accountId}`)).body).toMatchObject({ responseCode: -9 })
    // In the order in which they name each other, all goes.
    await send('PATCH', `users/${user.id}`, { quickcall_device: null, music_on_hold_id: null })
    for (const path of [
      `callflows/${outer.id}`,
      `callflows/${inner.id}`,
      `phone_numbers/${number}`,
      `trunks/${trunk.id}`,
      `devices/${device.id}`,
      `medias/${music.id}`,
      `users/${user.id}`,
    ]) {
      expect((await remove(path)).status, path).toBe(200)
    }
  })

  it('stays music while somebody is held with it', async () => {
    const music = await put('medias', { name: 'Music', available_as_moh: true })
    await upload(http, music.id, aWav(20), key)
    const account = await get('accounts')
    await send('PATCH', `accounts/${account.id}`, { music_on_hold_id: music.id })
    const answer = await send('PATCH', `medias/${music.id}`, { available_as_moh: false })
    expect(answer.status).toBe(409)
    expect(answer.body.error.details.used_by).toMatchObject([{ type: 'account', id: tenant.accountId }])
    await send('PATCH', `accounts/${account.id}`, { music_on_hold_id: null })
  })
})

describe('what is named', () => {
  it.each([
    ['devices', { name: 'D', owner_id: newId() }, 'data.owner_id'],
    ['devices', { name: 'D', music_on_hold_id: newId() }, 'data.music_on_hold_id'],
    ['users', { first_name: 'U', browserphone_id: newId() }, 'data.browserphone_id'],
    ['users', { first_name: 'U', quickcall_device: newId() }, 'data.quickcall_device'],
    ['phone_numbers', { number: newNumber(), trunk_id: newId() }, 'data.trunk_id'],
    ['callflows', { name: 'C', flow: { module: 'device', data: { id: newId() } } }, 'data.flow.data.id'],
    [
      'callflows',
      {
        name: 'C',
        flow: { module: 'hangup', data: {}, children: { busy: { module: 'user', data: { id: newId() } } } },
      },
      'data.flow.children.busy.data.id',
    ],
    ['callflows', { name: 'C', numbers: ['1', newNumber()], flow: { module: 'hangup', data: {} } }, 'data.numbers.1'],
    ['directories', { details: names('A'), user_id: newId() }, 'data.user_id'],
  ])('must be there: %s %j', async (path, data, field) => {
    const answer = await send('PUT', path, data)
    expect(answer.status).toBe(400)
    expect(answer.body.error.details.issues[0].field).toBe(field)
  })

  it('must be music, where it is played to whoever is held', async () => {
    const media = await put('medias', { name: 'Speech' })
    const answer = await send('PUT', 'devices', { name: 'D', music_on_hold_id: media.id })
    expect(answer.body.error.details.issues[0].field).toBe('data.music_on_hold_id')
  })
})
