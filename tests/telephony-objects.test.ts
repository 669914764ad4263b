/** Devices, phone numbers, trunks and callflows: what is particular to each. */
import { describe, expect, it } from 'vitest'
import { newId } from '../server/ids.ts'
import { call, testApp } from './app.ts'
import { done, inAccount, makeTenant, newNumber, unique, withKey } from './world.ts'

const { app, http } = await testApp()
const tenant = await makeTenant(http)
const other = await makeTenant(http)
const key = withKey(tenant.key.secret)

const send = (method: 'PUT' | 'POST' | 'PATCH', path: string, data: unknown, headers: Record<string, string> = {}) =>
  call(http, method, `/v3.0/${path}`, { data }, { ...key, ...headers })
const put = async (path: string, data: unknown) => (await done(http, 'PUT', `/v3.0/${path}`, { data }, key)).data
const get = async (path: string, headers: Record<string, string> = key) =>
  (await done(http, 'GET', `/v3.0/${path}`, undefined, headers)).data
const fieldOf = (answer: Awaited<ReturnType<typeof send>>) => answer.body.error.details.issues[0].field

describe('a device', () => {
  const operatorOf = inAccount(tenant.accountId)

  it('has a user name that is unique in the installation, however it is written (T20)', async () => {
    const username = `Phone-${unique()}`
    await put('devices', { name: 'First', username })
    const theirs = { ...withKey(other.key.secret) }
    const answer = await call(
      http,
      'PUT',
      '/v3.0/devices',
      { data: { name: 'X', username: username.toLowerCase() } },
      theirs,
    )
    expect(answer.status).toBe(409)
    expect(answer.body.error.type).toBe('already_exists')
    expect(fieldOf(answer)).toBe('data.username')
    const [one, two] = [await put('devices', { name: 'A' }), await put('devices', { name: 'B' })]
    expect(one.username).toMatch(/^[a-z2-9]{10}$/)
    expect(one.username).not.toBe(two.username)
  })

  it('without a password gets a random one, shown in that answer alone', async () => {
    const once = { 'idempotency-key': unique() }
    const made = await send('PUT', 'devices', { name: 'Desk' }, once)
    const { id, password } = made.body.data
    expect(password).toMatch(/^[a-z2-9]{20}$/)
    expect((await send('PUT', 'devices', { name: 'Desk' }, once)).body.data).toEqual({
      ...made.body.data,
      password: undefined,
    })
    expect((await get(`devices/${id}`)).password).toBeUndefined()
    expect((await get(`devices/${id}`, operatorOf)).password).toBe(password)
    expect((await put('devices', { name: 'Given', password: 'a-given-password' })).password).toBeUndefined()
    const { secrets } = await app.database
      .selectFrom('devices')
      .select('secrets')
      .where('id', '=', id)
      .executeTakeFirstOrThrow()
    expect(secrets.includes(password)).toBe(false)
    expect(app.vault.open(`devices:${id}`, secrets)).toEqual({ password })
  })

  it('keeps its password where none, null or the mask of a form is sent', async () => {
    const { id, password } = await put('devices', { name: 'Desk' })
    for (const sent of [undefined, null, '********']) {
      await send('PATCH', `devices/${id}`, { name: `With ${sent}`, password: sent })
      expect((await get(`devices/${id}`, operatorOf)).password).toBe(password)
    }
    const changed = await send('PATCH', `devices/${id}`, { password: 'another-password' })
    expect(changed.headers.etag).toBe('"5"')
    expect((await get(`devices/${id}`, operatorOf)).password).toBe('another-password')
    expect((await send('PATCH', `devices/${id}`, { password: 'short' })).status).toBe(400)
  })

  it('has every field of the published type', async () => {
    const fields = {
      name: 'All', hostname: 'phone-7', owner_id: tenant.user.id, owner_association_category: 'user',
      username: `all.${unique()}`, enabled: false, language: 'fr', time_zone: 'Europe/Paris', country: 'FR',
      restriction: 'mobile', transport: 'wss_443', hardware_order: { id: 7 }, status: 'active', always_registered: true,
      missed_calls_log: true, do_not_disturb: true, digest_algorithm: 'SHA-256',
      retries: { wait_until_next_retry: 30, max: 5 },
      caller_id: {
        internal: { name: 'A', number: '1001' },
        external: { name: 'B', number: '+33155550100', anonymous: true },
        fax: { name: 'C', number: '1002' },
        emergency: { name: 'D', number: '+33155550101' },
      },
      call_forward: {
        enabled: true, number: '1009', require_key_press: true, direct_calls_only: true, keep_caller_id: false,
      },
      hardware: {
        category: 'desk', brand: 'Example', family: 'X', model: 'X1', mac_address: '00:11:22:aa:BB:cc', version: '1',
        provisioning_version: '2', zero_touch_provisioning: true, remote_logging: true, config: { volume: 3 },
      },
    } // biome-ignore format: a list to read
    expect(await put('devices', fields)).toMatchObject(fields)
  })

  it('is found by owner, name, user name and whether it is enabled', async () => {
    const owner = (await put('users', { first_name: 'Owner' })).id
    const made = await put('devices', { name: 'Reception left', owner_id: owner, enabled: false })
    const find = async (query: string) => (await get(`devices?${query}`)).map(({ id }: { id: string }) => id)
    expect(await find(`owner_id=${owner}`)).toEqual([made.id])
    expect(await find('search=ception%20LE')).toEqual([made.id])
    expect(await find(`username=${made.username.toUpperCase()}`)).toEqual([made.id])
    expect(await find(`owner_id=${owner}&enabled=true`)).toEqual([])
  })

  it('is registered and busy as the voice process writes it', async () => {
    const [phone, second] = [await put('devices', { name: 'P' }), await put('devices', { name: 'Q' })]
    const at = new Date(Date.now() + 60_000)
    const binding = {
      accountId: tenant.accountId, aor: 'sip:p@x', contact: 'sip:p@192.0.2.7:5062', callId: 'c', cseq: 1,
      transport: 'udp', contactIp: '192.0.2.7', contactPort: 5062, node: 'test', instance: null, regId: null,
      userAgent: 'Phone/1', binding: 'b',
    } // biome-ignore format: a row
    const rows = [
      { ...binding, deviceId: phone.id, expiresAt: at },
      { ...binding, deviceId: second.id, expiresAt: new Date(Date.now() - 1000) },
    ]
    await app.database.insertInto('registrations').values(rows).execute()
    expect(await get(`devices/registrations?device_id=${second.id}`)).toEqual([])
    expect(await get('devices/registrations')).toEqual([
      {
        username: phone.username, name: 'P', owner_id: null, category: null, user_agent: 'Phone/1',
        contact_ip: '192.0.2.7', contact_port: 5062, device_id: phone.id, contact: 'sip:p@192.0.2.7:5062',
        transport: 'udp', expires_at: at.toISOString(),
      }, // biome-ignore format: an object to read
    ])
    const states = async () => {
      const all = await get('devices/status')
      return [phone.id, second.id].map((id) => all[id].state)
    }
    expect(await states()).toEqual(['idle', 'offline'])
    const id = `call_${newId()}`
    const live = {
      id, accountId: tenant.accountId, direction: 'internal' as const, callerNumber: '1', calledNumber: '2',
      fromDeviceId: second.id, toDeviceId: phone.id, startedAt: new Date(), heartbeatAt: new Date(), node: 'test',
    } // biome-ignore format: a row
    await app.database.insertInto('calls').values(live).execute()
    expect(await states()).toEqual(['ringing', 'in_call'])
    await app.database.updateTable('calls').set({ answeredAt: new Date() }).where('id', '=', id).execute()
    expect(await states()).toEqual(['in_call', 'in_call'])
    await app.database.updateTable('calls').set({ endedAt: new Date() }).where('id', '=', id).execute()
    expect(await states()).toEqual(['idle', 'offline'])
  })
})

describe('a phone number', () => {
  it('is read as people write it', async () => {
    const [first, second] = [newNumber(), newNumber()]
    const written = [
      `00${first.slice(1, 3)} ${first.slice(3)}`,
      `${second.slice(0, 3)} (${second.slice(3, 4)}) ${second.slice(4)}`,
    ]
    expect(Object.keys(await put('phone_numbers', { phone_numbers: written })).sort()).toEqual([first, second].sort())
    expect((await get(`phone_numbers/${first.slice(1)}`)).number).toBe(first)
    const third = newNumber()
    const onCards = `${third.slice(0, 3)} (0)${third.slice(3)}`
    expect(Object.keys(await put('phone_numbers', { number: onCards }))).toEqual([third])
    for (const wrong of ['025550100', '1700', '+0123456', '+32x', '']) {
      expect((await send('PUT', 'phone_numbers', { phone_numbers: [wrong] })).status, wrong).toBe(400)
    }
  })

  it('belongs to one account of the installation, and whose it is stays untold (T14)', async () => {
    const number = newNumber()
    await put('phone_numbers', { number })
    const headers = withKey(other.key.secret)
    const free = newNumber()
    const body = { data: { phone_numbers: [free, number] } }
    const answer = await call(http, 'PUT', '/v3.0/phone_numbers', body, headers)
    expect(answer.status).toBe(409)
    expect(answer.body.error.message).toContain('another account')
    expect(JSON.stringify(answer.body)).not.toContain(tenant.accountId)
    expect((await call(http, 'GET', `/v3.0/phone_numbers/${free}`, undefined, headers)).status).toBe(404)
    expect((await send('PUT', 'phone_numbers', { number })).body.error.message).toContain('is there already')
  })

  it('is changed with others at once, all or none, and without a version', async () => {
    const numbers = [newNumber(), newNumber()]
    await put('phone_numbers', { phone_numbers: numbers })
    const bulk = (extra: string[], headers = {}) =>
      send('POST', 'phone_numbers', { phone_numbers: [...numbers, ...extra], state: 'port_out' }, headers)
    expect((await bulk([newNumber()])).status).toBe(404)
    expect((await get(`phone_numbers/${numbers[0]}`)).state).toBe('in_service')
    const versioned = await bulk([], { 'if-match': '"1"' })
    expect([versioned.status, fieldOf(versioned)]).toEqual([400, 'If-Match'])
    expect(Object.keys((await bulk([])).body.data).sort()).toEqual(numbers.toSorted())
    expect((await send('POST', 'phone_numbers', { state: 'released' })).status).toBe(400)
    const single = await send('POST', 'phone_numbers', { id: numbers[0], state: 'reserved' }, { 'if-match': '"2"' })
    expect(single.body.data.state).toBe('reserved')
    expect(single.headers.etag).toBe('"3"')
  })

  it('says what it rings, and is found by it', async () => {
    const [used, spare] = [newNumber(), newNumber()]
    await put('phone_numbers', { phone_numbers: [used, spare] })
    const flow = await put('callflows', { name: 'Line', numbers: [used], flow: { module: 'hangup', data: {} } })
    expect(await get(`phone_numbers/${used}`)).toMatchObject({
      used_by: 'callflow',
      used_by_id: flow.id,
      used_by_name: 'Line',
    })
    expect(Object.keys(await get(`phone_numbers?used_by_id=${flow.id}`))).toEqual([used])
    const free = await get('phone_numbers?is_used=false')
    expect([used in free, spare in free]).toEqual([false, true])
    expect(Object.keys(await get(`phone_numbers?search=${spare.slice(4)}`))).toEqual([spare])
    const first = await done(http, 'GET', '/v3.0/phone_numbers?limit=1', undefined, key)
    const second = await done(http, 'GET', `/v3.0/phone_numbers?limit=1&cursor=${first.next}`, undefined, key)
    expect(Object.keys(first.data)).not.toEqual(Object.keys(second.data))
  })
})

describe('a trunk', () => {
  it.each([
    [{ name: 'T' }, 'data.server'],
    [{ name: 'T', username: 'u' }, 'data.server'],
    [{ name: 'T', username: 'u', password: 'p', advanced: { registration: true } }, 'data.server'],
    [{ name: 'T', server: 'sip.example.com', advanced: { registration: true } }, 'data.advanced.registration'],
    [{ name: 'T', server: 'not a host' }, 'data.server'],
    [{ name: 'T', server: 'x', advanced: { addresses: ['300.1.1.1'] } }, 'data.advanced.addresses.0'],
    [{ name: 'T', server: 'x', advanced: { surprise: 1 } }, 'data.advanced.surprise'],
  ])('that could carry nothing is refused: %j', async (data, field) => {
    const answer = await send('PUT', 'trunks', data)
    expect(answer.status).toBe(400)
    expect(fieldOf(answer)).toBe(field)
  })

  it('may have no server of its own: an exchange that registers here, or comes from known addresses', async () => {
    const pbx = { name: 'PBX', category: 'pbx_connector' }
    expect((await send('PUT', 'trunks', { ...pbx, username: 'pbx', password: 'p' })).status).toBe(200)
    expect((await send('PUT', 'trunks', { ...pbx, advanced: { addresses: ['192.0.2.0/24'] } })).status).toBe(200)
  })

  it('keeps its password sealed, also through changes of other fields', async () => {
    const { id } = await put('trunks', { name: 'Sealed', server: 'x', username: 'u', password: 'planted-secret' })
    await send('POST', 'trunks', { id, trunk_order: 3, password: '••••••' })
    expect((await get(`trunks/${id}`)).password).toBeUndefined()
    expect((await get(`trunks/${id}`, inAccount(tenant.accountId))).password).toBe('planted-secret')
    await send('POST', 'trunks', { id, password: null })
    expect((await get(`trunks/${id}`, inAccount(tenant.accountId))).password).toBeNull()
  })

  it('of the provider is changed by the provider only', async () => {
    const above = inAccount(tenant.accountId)
    expect((await send('PUT', 'trunks', { name: 'Mine', server: 'x', priv_level: 'superduper' })).status).toBe(403)
    const body = { data: { name: 'Provider', server: 'x', priv_level: 'superduper' } }
    const { id } = (await done(http, 'PUT', '/v3.0/trunks', body, above)).data
    expect((await send('PATCH', `trunks/${id}`, { enabled: false })).status).toBe(403)
    expect((await send('PATCH', `trunks/${id}`, { priv_level: 'admin' })).status).toBe(403)
    expect((await call(http, 'DELETE', `/v3.0/trunks/${id}`, undefined, key)).status).toBe(403)
    expect((await send('POST', 'trunks', await get(`trunks/${id}`))).status).toBe(200)
    expect((await call(http, 'DELETE', `/v3.0/trunks/${id}`, undefined, above)).status).toBe(200)
  })

  it('is listed in the order in which it is tried', async () => {
    const headers = withKey(other.key.secret)
    for (const [name, trunk_order] of [
      ['Third', 100],
      ['First', 2],
      ['Second', 10],
    ]) {
      await done(http, 'PUT', '/v3.0/trunks', { data: { name, server: 'x', trunk_order } }, headers)
    }
    expect((await get('trunks', headers)).map(({ name }: { name: string }) => name)).toEqual([
      'First',
      'Second',
      'Third',
    ])
  })
})

describe('a callflow', () => {
  const hangup = { module: 'hangup', data: {} }

  it('has a tree of modules; what is wrong in it is named', async () => {
    const device = await put('devices', { name: 'D' })
    const flow = {
      module: 'device',
      data: { id: device.id, timeout: 15 },
      children: {
        busy: { module: 'external_number', data: { number: '+32475550100', keep_caller_id: false } },
        no_answer: { ...hangup, children: hangup },
        _: { module: 'device', data: { id: device.id } },
      },
    }
    const made = await put('callflows', { name: 'Tree', flow })
    expect(made.flow.children.no_answer.children._.module).toBe('hangup')
    expect(made.flow.id).toMatch(/^[0-9a-f]{8}$/)
    const wrong = async (change: object) => {
      const answer = await send('PUT', 'callflows', { name: 'Wrong', flow: { ...flow, ...change } })
      expect(answer.status).toBe(400)
      return fieldOf(answer)
    }
    expect(await wrong({ module: 'queue' })).toBe('data.flow.module')
    expect(await wrong({ data: { id: device.id, timeout: 0 } })).toBe('data.flow.data.timeout')
    expect(await wrong({ data: { id: device.id, colour: 1 } })).toBe('data.flow.data.colour')
    expect(await wrong({ children: { busy: { module: 'hangup', data: { cause: 'x' } } } })).toBe(
      'data.flow.children.busy.data.cause',
    )
    expect(await wrong({ children: { module: 'device', data: { id: 'x' } } })).toBe('data.flow.children.data.id')
    expect(await wrong({ children: { 'No Way': hangup } })).toBe('data.flow.children.No Way')
    const deep = Array.from({ length: 40 }).reduce<object>((below) => ({ ...hangup, children: below }), hangup)
    expect(await wrong({ children: deep })).toBe('data.flow')
    const wide = Object.fromEntries(Array.from({ length: 301 }, (_, index) => [`b${index}`, hangup]))
    expect(await wrong({ children: wide })).toBe('data.flow')
  })

  it('has its tree replaced whole', async () => {
    const { id } = await put('callflows', { name: 'Old', flow: { ...hangup, children: { busy: hangup, _: hangup } } })
    const changed = await send('PATCH', `callflows/${id}`, { flow: { ...hangup, children: { _: hangup } } })
    expect(Object.keys(changed.body.data.flow.children)).toEqual(['_'])
  })

  it('is reached by a number that leads to it alone', async () => {
    const first = await put('callflows', { name: 'First', numbers: ['3001', '3001', '*77'], flow: hangup })
    expect(first.numbers).toEqual(['3001', '*77'])
    const answer = await send('PUT', 'callflows', { name: 'Second', numbers: ['3002', '3001'], flow: hangup })
    expect(answer.status).toBe(409)
    expect(answer.body.error.details).toMatchObject({
      issues: [{ field: 'data.numbers' }],
      used_by: [{ type: 'callflow', id: first.id, name: 'First' }],
    })
    const code = { name: 'X', featurecode: { name: 'x', number: '*77' }, flow: hangup }
    expect(fieldOf(await send('PUT', 'callflows', code))).toBe('data.featurecode.number')
    // In another account the same number is another one.
    const theirs = { data: { name: 'Theirs', numbers: ['3001'], flow: hangup } }
    await done(http, 'PUT', '/v3.0/callflows', theirs, withKey(other.key.secret))
    await send('PATCH', `callflows/${first.id}`, { numbers: [] })
    expect((await send('PUT', 'callflows', { name: 'Second', numbers: ['3001'], flow: hangup })).status).toBe(200)
  })

  it('lets one of many that come at once have the number', async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => send('PUT', 'callflows', { name: 'Race', numbers: ['3100'], flow: hangup })),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(7).fill(409)])
  })

  it('takes no phone number of another account', async () => {
    const number = newNumber()
    await done(http, 'PUT', '/v3.0/phone_numbers', { data: { number } }, withKey(other.key.secret))
    const answer = await send('PUT', 'callflows', { name: 'X', numbers: [number], flow: hangup })
    expect([answer.status, fieldOf(answer)]).toEqual([400, 'data.numbers.0'])
  })

  it('is found by number, feature code, name and what it names', async () => {
    const media = await put('medias', { name: 'M' })
    const made = await put('callflows', {
      name: 'Lost and found',
      numbers: ['3200'],
      featurecode: { name: 'f', number: '*32' },
      flow: { module: 'play', data: { id: media.id } },
    })
    const find = async (query: string) => (await get(`callflows?${query}`)).map(({ id }: { id: string }) => id)
    expect(await find('number=3200')).toEqual([made.id])
    expect(await find('number=*32')).toEqual([made.id])
    expect(await find(`uses=${media.id}`)).toEqual([made.id])
    expect(await find('is_featurecode=true')).toContain(made.id)
    expect(await find('is_featurecode=false')).not.toContain(made.id)
    expect(await find('search=ST%20AND')).toEqual([made.id])
  })
})
