/**
 * The published telephony client, request by request as it sends them: a sign-in whose body is text/plain, a body with
 * every DELETE, updates that send the whole object back, answers read where it reads them.
 */
import { beforeAll, describe, expect, it } from 'vitest'
import { testApp } from './app.ts'
import { aWav, insertCall, makeTenant, newNumber, type Tenant } from './world.ts'

const { app, http } = await testApp()

// biome-ignore lint/suspicious/noExplicitAny: what the client is given is whatever the server answers
type Json = any

class Client {
  #token = ''

  /** No content type of JSON: what `fetch` makes of a string. */
  async authenticate(apiKey: string): Promise<void> {
    const answer = await http.inject({
      method: 'PUT',
      url: '/v3.0/auth/account',
      headers: { 'content-type': 'text/plain;charset=UTF-8' },
      payload: JSON.stringify({ data: { api_key: apiKey } }),
    })
    this.#token = answer.json().data.auth_token
  }

  async #send(method: 'GET' | 'PUT' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<Json> {
    const answer = await http.inject({
      method,
      url: `/v3.0/${path}`,
      headers: { 'x-auth-token': this.#token, accept: 'application/json', 'content-type': 'application/json' },
      ...(body !== undefined && { payload: JSON.stringify(body) }),
    })
    const parsed = answer.json()
    if (answer.statusCode < 200 || answer.statusCode >= 300) {
      const { type, message, details } = parsed.error
      throw Object.assign(new Error(message), { type, details })
    }
    return parsed.data
  }

  list = (path: string) => this.#send('GET', path)
  get = (path: string, id: string) => this.#send('GET', `${path}/${id}`)
  create = (path: string, data: unknown) => this.#send('PUT', path, { data })
  update = (path: string, data: unknown) => this.#send('POST', path, { data })
  delete = (path: string, id: string) => this.#send('DELETE', `${path}/${id}`, { data: {} })

  account = () => this.#send('GET', 'accounts')
  networks = async () => (await this.#send('GET', 'networks')).networks
  deleteContacts = (ids: string[]) => this.#send('POST', 'directories/delete', { data: { ids } })

  raw = (mediaId: string) =>
    http.inject({ method: 'GET', url: `/v3.0/medias/${mediaId}/raw`, headers: { 'x-auth-token': this.#token } })
  putRaw = (mediaId: string, payload: Buffer) =>
    http.inject({
      method: 'PUT',
      url: `/v3.0/medias/${mediaId}/raw`,
      headers: { 'x-auth-token': this.#token, 'content-type': 'audio/wav' },
      payload,
    })
}

const client = new Client()
let tenant: Tenant
beforeAll(async () => {
  tenant = await makeTenant(http)
  await client.authenticate(tenant.key.secret)
})

/** What a screen of the client does: reads the object, changes a field, sends all of it. */
async function changeWhole(path: string, id: string, field: string, value: unknown): Promise<void> {
  const whole = await client.get(path, id)
  const answer = await client.update(path, { ...whole, [field]: value })
  expect(answer).toEqual({ ...whole, [field]: value })
  expect(await client.get(path, id)).toEqual(answer)
}

it('reads its token in `data`, another one at the top level', async () => {
  const payload = JSON.stringify({ data: { username: tenant.user.email, api_key: 'the-instance-key-of-the-tests' } })
  const answer = await http.inject({ method: 'PUT', url: '/v3.0/auth/user', payload })
  expect(answer.json().auth_token).toBe(answer.json().data.auth_token)
})

it('is told what is wrong in `error`', async () => {
  await expect(client.create('devices', { name: 'X', colour: 'red' })).rejects.toMatchObject({
    type: 'invalid_request',
    message: expect.stringContaining('colour'),
    details: { issues: [{ field: 'data.colour' }] },
  })
  await expect(client.get('devices', '0'.repeat(24))).rejects.toMatchObject({ type: 'not_found' })
})

it('reads the own account as one object, and changes it whole', async () => {
  const account = await client.account()
  expect(account).toMatchObject({ id: tenant.accountId, realm: `${tenant.accountId}.localhost`, children: [] })
  const answer = await client.update('accounts', { ...account, notes: 'Paid by the year' })
  expect(answer).toEqual({ ...account, notes: 'Paid by the year' })
})

it('reads networks', async () => {
  expect(await client.networks()).toContainEqual({
    address: expect.any(String),
    network: expect.any(String),
    netmask: expect.any(String),
  })
})

describe.each([
  ['users', { first_name: 'Ada', last_name: 'Lovelace' }, 'last_name', 'Byron', 'user_id'],
  ['devices', { name: 'Desk', hardware: { brand: 'Example', model: 'X1' } }, 'name', 'Kitchen', 'device_id'],
  ['trunks', { name: 'Carrier', category: 'carrier', server: 'sip.carrier.example' }, 'trunk_order', 7, 'trunk_id'],
  [
    'callflows',
    { name: 'Nobody', numbers: ['1099'], flow: { module: 'hangup', data: {} } },
    'numbers',
    ['1098'],
    'callflow_id',
  ],
  ['medias', { name: 'Welcome', available_as_moh: true }, 'name', 'Good morning', 'media_id'],
] as const)('%s', (path, data, field, value, deleted) => {
  it('are created, listed, read, changed whole and deleted', async () => {
    const { id } = await client.create(path, data)
    expect((await client.list(path)).map((one: Json) => one.id)).toContain(id)
    expect(await client.get(path, id)).toMatchObject({ id, ...data })
    await changeWhole(path, id, field, value)
    expect(await client.delete(path, id)).toMatchObject({ [deleted]: id })
    await expect(client.get(path, id)).rejects.toMatchObject({ type: 'not_found' })
  })
})

describe('callflows', () => {
  it('are listed short: id and name, numbers and featurecode; a single child is the default branch', async () => {
    const user = await client.create('users', { first_name: 'Grace' })
    const flow = {
      id: 'root',
      module: 'user',
      data: { caption: 'Grace', id: user.id },
      children: { id: 'end', module: 'hangup', data: { caption: 'End', id: null }, children: {} },
    }
    const made = await client.create('callflows', { name: 'Grace', numbers: ['1042'], featurecode: false, flow })
    expect(made.flow.children).toEqual({ _: { ...flow.children, data: { caption: 'End', id: null } } })
    const code = await client.create('callflows', {
      name: 'Test',
      featurecode: { name: 'test', number: '*43' },
      flow: { module: 'hangup', data: {} },
    })
    const list = await client.list('callflows')
    const [plain, coded] = [made.id, code.id].map((id) => list.find((one: Json) => one.id === id))
    expect(plain).toMatchObject({ name: 'Grace', numbers: ['1042'], featurecode: false })
    expect(coded).toMatchObject({ featurecode: { name: 'test', number: '*43' } })
    expect(plain.flow).toBeUndefined()
    await changeWhole('callflows', made.id, 'name', 'Grace H.')
  })
})

describe('devices', () => {
  it('have registrations, and a status by id', async () => {
    const device = await client.create('devices', { name: 'Desk', transport: 'tls_34521' })
    expect(device.password).toMatch(/^[a-z2-9]{20}$/)
    expect(await client.list('devices/registrations')).toEqual([])
    expect((await client.list('devices/status'))[device.id]).toEqual({
      id: device.id,
      registered: false,
      state: 'offline',
    })
  })
})

describe('phone numbers', () => {
  it('are an object by number, created with state, trunk_id and carrier, changed in bulk, deleted', async () => {
    const [first, second] = [newNumber(), newNumber()]
    const trunk = await client.create('trunks', { name: 'T', server: 'sip.carrier.example' })
    const fields = { state: 'in_service', trunk_id: trunk.id, carrier: 'Example Telecom' }
    const made = await client.create('phone_numbers', { phone_numbers: [first, second], ...fields })
    expect(made[first]).toMatchObject({ ...fields, trunk_name: 'T', used_by: null, features: [] })
    expect(Object.keys(await client.list('phone_numbers'))).toEqual(expect.arrayContaining([first, second]))
    const bulk = await client.create('phone_numbers', { phone_numbers: [newNumber()], ...fields })
    expect(Object.values(bulk)).toHaveLength(1)
    const whole = await client.get('phone_numbers', first)
    expect(await client.update('phone_numbers', { ...whole, carrier: 'Another' })).toEqual({
      ...whole,
      carrier: 'Another',
    })
    const reserved = await client.update('phone_numbers', { phone_numbers: [first, second], state: 'reserved' })
    expect(Object.values(reserved).map((one: Json) => one.state)).toEqual(['reserved', 'reserved'])
    expect(await client.delete('phone_numbers', first)).toMatchObject({ phone_number_id: first })
  })
})

describe('contacts', () => {
  const details = (first: string) => ({
    names: { first, last: 'Client' },
    company: { name: 'Client Ltd' },
    phone_numbers: { land_lines: ['02 555 01 99'], mobiles: [], faxes: [] },
  })

  it('are created one by one or many at once, updated and deleted by lists of ids', async () => {
    const one = await client.create('directories', { phonebook: 'global', details: details('Ann') })
    expect(one).toMatchObject({ phonebook: 'global', details: details('Ann') })
    const { created } = await client.create('directories', {
      contacts: [{ details: details('Bea') }, { details: details('Cid') }],
      phonebook: 'global',
    })
    expect(created).toHaveLength(2)
    const list: Json[] = await client.list('directories')
    expect(list.map(({ id }) => id).sort()).toEqual([one.id, ...created].sort())
    const changed = list.map((contact) => ({ ...contact, url: 'https://crm.example.com/1' }))
    const { updated } = await client.update('directories', { contacts: changed, phonebook: 'global' })
    expect(updated).toEqual(changed.map(({ id }) => id))
    expect(await client.update('directories', { ...changed[0], url: null })).toEqual({ updated: [changed[0].id] })
    expect(await client.deleteContacts(created)).toEqual({ deleted: created })
    expect(await client.delete('directories', one.id)).toEqual({ deleted: [one.id] })
    expect(await client.list('directories')).toEqual([])
  })
})

describe('medias', () => {
  it('have their sound at /raw', async () => {
    const { id } = await client.create('medias', { name: 'Welcome', file_name: 'welcome.wav' })
    const sound = aWav(250)
    expect((await client.putRaw(id, sound)).json().data).toMatchObject({ content_type: 'audio/wav', duration_ms: 250 })
    const answer = await client.raw(id)
    expect(answer.headers['content-type']).toBe('audio/wav')
    expect(answer.rawPayload.equals(sound)).toBe(true)
    await changeWhole('medias', id, 'name', 'Renamed')
  })
})

describe('the history of calls', () => {
  it('is read by direction, in seconds since 1970, and by id', async () => {
    const startedAt = new Date('2026-05-04T09:00:00.000Z')
    const own = { accountId: tenant.accountId, startedAt }
    const missed = { answeredAt: null, hangupCause: 'NO ANSWER' as const, billingSeconds: 0 }
    const id = await insertCall(app.database, { ...own, ...missed })
    await insertCall(app.database, { ...own, direction: 'internal' })
    const day = `created_from=${startedAt.getTime() / 1000 - 86_400}&created_to=${startedAt.getTime() / 1000}`
    const incoming = await client.list(`calls_history/incoming?${day}`)
    expect(incoming).toMatchObject([
      { id, hangup_cause: 'NO ANSWER', timestamp: 1_777_885_200, call_direction: 'incoming' },
    ])
    expect(await client.list(`calls_history/all?${day}`)).toHaveLength(2)
    expect(await client.list('calls_history/outgoing')).toEqual([])
    expect(await client.get('calls_history', id)).toMatchObject({ id, duraction_seconds: 120, cost: null })
    expect(await client.get('calls_history', `${id}/trace`)).toMatchObject([{ direction: 'in', message: 'INVITE' }])
  })
})
