/** Accounts and users of the telephony API: what only those above may change, who is an organizer, who may what. */
import { describe, expect, it } from 'vitest'
import { newId } from '../server/ids.ts'
import { call, testApp } from './app.ts'
import { done, inAccount, makeKey, makeTenant, operator, type Tenant, unique, withKey, withToken } from './world.ts'

const { app, http } = await testApp({ environment: { CARILLON_PUBLIC_URL: 'https://phones.example.com' } })

const data = async (...rest: Parameters<typeof call> extends [unknown, ...infer R] ? R : never) =>
  (await done(http, ...rest)).data
const keyOf = (tenant: Tenant) => withKey(tenant.key.secret)
const change = (tenant: Tenant, fields: object, headers = keyOf(tenant)) =>
  call(http, 'POST', '/v3.0/accounts', { data: { id: tenant.accountId, ...fields } }, headers)
const account = (tenant: Tenant) => data('GET', '/v3.0/accounts', undefined, keyOf(tenant))

describe('a new account', () => {
  it('has international and premium numbers off, two outside calls a device, and a cap of minutes (T31)', async () => {
    expect(await account(await makeTenant(http))).toMatchObject({
      restriction: 'international',
      max_outside_calls_per_device: 2,
      max_outside_minutes_per_hour: 600,
      max_call_seconds: 14_400,
      platform_trunk_enabled: false,
    })
  })

  it('is made by the meeting API without telephony, the root has it (A8)', async () => {
    const body = { adminFirstname: 'V', adminEmail: `${unique()}@example.com` }
    const { id } = await data('POST', '/api/v6/account', body)
    expect(await data('GET', '/v3.0/accounts', undefined, inAccount(id))).toMatchObject({
      id,
      telephony_enabled: false,
      name: body.adminEmail,
      parent_id: app.rootAccountId,
      realm: `${id}.phones.example.com`,
      hostname_suffix: 'phones.example.com',
    })
    expect(await data('GET', '/v3.0/accounts', undefined, operator)).toMatchObject({
      id: app.rootAccountId,
      telephony_enabled: true,
      parent_id: null,
    })
  })
})

describe('an account', () => {
  it('is one object on both APIs: a name changed here is changed there, with one version', async () => {
    const tenant = await makeTenant(http)
    const renamed = await change(tenant, { name: 'Renamed' })
    const seen = await call(http, 'GET', `/api/v6/account/${tenant.accountId}`, undefined, keyOf(tenant))
    expect(seen.body.data.name).toBe('Renamed')
    expect(seen.headers.etag).toBe(renamed.headers.etag)
  })

  it('takes back its own answer whole, and that is no change', async () => {
    const tenant = await makeTenant(http)
    const before = await call(http, 'GET', '/v3.0/accounts', undefined, keyOf(tenant))
    const after = await change(tenant, before.body.data)
    expect(after.body).toEqual(before.body)
    expect(after.headers.etag).toBe(before.headers.etag)
  })

  it.each([
    [{ telephony_enabled: false }],
    [{ realm: 'other.example.com' }],
    [{ restriction: 'none' }],
    [{ billing: { max_number_sim_calls: 1_000 } }],
    [{ max_outside_calls_per_device: 100 }],
    [{ max_outside_minutes_per_hour: 100_000 }],
    [{ max_call_seconds: 86_400 }],
    [{ platform_trunk_enabled: true }],
  ])('may not give itself %j, but those above may', async (fields) => {
    const tenant = await makeTenant(http)
    const refused = await change(tenant, fields)
    expect(refused.status).toBe(403)
    expect(refused.body.error.message).toContain(Object.keys(fields)[0])
    const answer = await change(tenant, fields, inAccount(tenant.accountId))
    expect(answer.status).toBe(200)
    expect(answer.body.data).toMatchObject(fields)
    // What was given from above is sent back with the rest, and is no change.
    expect((await change(tenant, { ...answer.body.data, notes: 'x' })).status).toBe(200)
  })

  it('has a realm of its own', async () => {
    const [first, second] = [await makeTenant(http), await makeTenant(http)]
    const give = (tenant: Tenant, realm: string | null) => change(tenant, { realm }, inAccount(tenant.accountId))
    expect((await give(first, 'pbx.example.org')).body.data.realm).toBe('pbx.example.org')
    expect((await give(second, 'pbx.example.org')).body.error).toMatchObject({ type: 'already_exists' })
    expect((await give(second, `${first.accountId}.phones.example.com`)).status).toBe(400)
    expect((await give(second, `${second.accountId}.phones.example.com`)).status).toBe(200)
    expect((await give(first, null)).body.data.realm).toBe(`${first.accountId}.phones.example.com`)
  })

  it('keeps secrets of provisioning sealed, and shows them with the scope `secrets` only', async () => {
    const tenant = await makeTenant(http)
    const provision = { admin_password: 'a-planted-secret', admin_pin: '4711' }
    const written = await change(tenant, { provision })
    expect(JSON.stringify(written.body)).not.toContain('planted')
    const { settings, secrets } = await app.database
      .selectFrom('accounts')
      .selectAll()
      .where('id', '=', tenant.accountId)
      .executeTakeFirstOrThrow()
    expect(JSON.stringify(settings)).not.toContain('planted')
    expect(secrets?.includes('planted')).toBe(false)
    const shown = await data('GET', '/v3.0/accounts', undefined, inAccount(tenant.accountId))
    expect(shown.provision).toEqual(provision)
    await change(tenant, { provision: { admin_pin: '****' } })
    expect((await data('GET', '/v3.0/accounts', undefined, inAccount(tenant.accountId))).provision).toEqual(provision)
  })

  it('shows those below it to who may act there', async () => {
    const tenant = await makeTenant(http)
    const children = (query: string, headers: Record<string, string> = operator) =>
      call(http, 'GET', `/v3.0/accounts/${app.rootAccountId}/children?${query}`, undefined, headers)
    const found = await children(`search=${tenant.admin.email}`)
    expect(found.body.data).toMatchObject([
      { id: tenant.accountId, parent_id: app.rootAccountId, telephony_enabled: true },
    ])
    expect((await children('', keyOf(tenant))).status).toBe(404)
    const own = await call(http, 'GET', `/v3.0/accounts/${tenant.accountId}/children`, undefined, keyOf(tenant))
    expect(own.body).toEqual({ data: [] })
    expect((await data('GET', '/v3.0/accounts', undefined, operator)).children).toContain(tenant.accountId)
  })

  it('of another is absent', async () => {
    const [first, second] = [await makeTenant(http), await makeTenant(http)]
    const foreign = await change(first, { id: second.accountId, name: 'Mine' })
    const absent = await change(first, { id: newId(), name: 'Mine' })
    expect([foreign.status, absent.status]).toEqual([404, 404])
  })
})

describe('a user', () => {
  const make = (tenant: Tenant, fields: object) =>
    call(http, 'PUT', '/v3.0/users', { data: { first_name: 'Ada', ...fields } }, keyOf(tenant))
  const patch = (tenant: Tenant, id: string, fields: object, headers: Record<string, string> = keyOf(tenant)) =>
    call(http, 'PATCH', `/v3.0/users/${id}`, { data: fields }, headers)

  it('with an e-mail address is an organizer, the same person with the same id and version', async () => {
    const tenant = await makeTenant(http)
    const email = `${unique()}@example.com`
    const made = (await make(tenant, { email, last_name: 'Lovelace', external_id: 'crm-1', language: 'fr' })).body.data
    const organizer = await call(http, 'GET', `/api/v6/user/${made.id}`, undefined, keyOf(tenant))
    expect(organizer.body.data).toMatchObject({
      id: made.id,
      email,
      firstName: 'Ada',
      lastName: 'Lovelace',
      externalUserId: 'crm-1',
      preferredLanguage: 'fr',
      isAdmin: false,
    })
    await done(http, 'PUT', `/api/v6/user/${made.id}`, { firstName: 'Augusta', isAdmin: true }, keyOf(tenant))
    const seen = await call(http, 'GET', `/v3.0/users/${made.id}`, undefined, keyOf(tenant))
    expect(seen.body.data).toMatchObject({ first_name: 'Augusta', priv_level: 'admin', username: email })
    expect(seen.headers.etag).toBe('"2"')
    const meeting = await done(
      http,
      'POST',
      '/api/v6/meeting',
      { topic: 'Hers' },
      { ...keyOf(tenant), 'x-user-id': made.id },
    )
    expect(meeting.data.addedByUserEmail).toBe(email)
    expect((await patch(tenant, made.id, { email: null })).body.error.message).toContain(meeting.data.id)
  })

  it('without one is no organizer: not listed, plans nothing, counts for no limit', async () => {
    const tenant = await makeTenant(http)
    const made = (await make(tenant, {})).body.data
    expect(made).toMatchObject({ email: null, username: null })
    const organizers = await done(http, 'GET', `/api/v6/user?accountId=${tenant.accountId}`)
    expect(organizers.data.map(({ id }: { id: string }) => id)).not.toContain(made.id)
    expect((await call(http, 'GET', `/api/v6/user/${made.id}`)).status).toBe(404)
    expect((await call(http, 'DELETE', `/api/v6/user/${made.id}`)).status).toBe(404)
    const headers = { ...keyOf(tenant), 'x-user-id': made.id }
    expect((await call(http, 'POST', '/api/v6/meeting', { topic: 'X' }, headers)).status).toBe(403)
    await done(http, 'PUT', `/api/v6/account/${tenant.accountId}`, { numberOfMeetingOrganizers: 3 })
    expect((await data('GET', `/api/v6/account/${tenant.accountId}`)).canAddMeetingOrganizer).toBe(true)
    // With an address, the same person becomes one.
    const email = `${unique()}@example.com`
    expect((await patch(tenant, made.id, { email })).status).toBe(200)
    expect((await data('GET', `/api/v6/user/${made.id}`)).email).toBe(email)
    expect((await data('GET', `/api/v6/account/${tenant.accountId}`)).canAddMeetingOrganizer).toBe(false)
    expect((await make(tenant, { email: `${unique()}@example.com` })).status).toBe(409)
  })

  it('signs in by the e-mail address or a user name of the whole installation', async () => {
    const tenant = await makeTenant(http)
    const username = `ada.${unique()}`
    const made = (await make(tenant, { username, password: 'correct horse battery' })).body.data
    const signIn = (name: string) =>
      call(http, 'PUT', '/v3.0/auth/password', { data: { username: name, password: 'correct horse battery' } }, {})
    const token = (await signIn(username.toUpperCase())).body.auth_token
    expect((await data('GET', '/v3.0/whoami', undefined, withToken(token))).user_id).toBe(made.id)
    const other = await makeTenant(http)
    expect((await make(other, { username: username.toUpperCase() })).body.error).toMatchObject({
      type: 'already_exists',
      details: { issues: [{ field: 'data.username' }] },
    })
    // Nobody signs in with somebody else's address.
    expect((await make(other, { username: tenant.admin.email })).status).toBe(400)
    const email = `${unique()}@example.com`
    expect((await make(other, { email, username: email })).body.data.username).toBe(email)
    expect((await make(other, { email })).body.error.details.issues[0].field).toBe('data.email')
    await patch(tenant, made.id, { enabled: false })
    expect((await call(http, 'GET', '/v3.0/whoami', undefined, withToken(token))).status).toBe(401)
    expect((await signIn(username)).status).toBe(401)
  })

  it('is one administrator by either word, and the last one stays', async () => {
    const tenant = await makeTenant(http)
    expect((await patch(tenant, tenant.admin.id, { priv_level: 'user' })).status).toBe(409)
    expect((await patch(tenant, tenant.admin.id, { enabled: false })).status).toBe(409)
    expect((await call(http, 'DELETE', `/v3.0/users/${tenant.admin.id}`, undefined, keyOf(tenant))).status).toBe(409)
    expect((await patch(tenant, tenant.user.id, { priv_level: 'superduper' })).status).toBe(400)
    expect((await patch(tenant, tenant.user.id, { priv_level: 'admin' })).body.data.priv_level).toBe('admin')
    expect((await data('GET', `/api/v6/user/${tenant.user.id}`)).isAdmin).toBe(true)
    expect((await patch(tenant, tenant.admin.id, { priv_level: 'user' })).status).toBe(200)
    // One who cannot sign in is none to leave the account to.
    expect((await patch(tenant, tenant.admin.id, { priv_level: 'admin', enabled: false })).status).toBe(200)
    expect((await patch(tenant, tenant.user.id, { enabled: false })).status).toBe(409)
    const root = await data('GET', '/v3.0/users?priv_level=superduper', undefined, operator)
    expect(root).toMatchObject([{ email: 'root@example.com' }])
  })

  it('is deleted, changed and named by new objects at one moment, and each is answered', async () => {
    const tenant = await makeTenant(http)
    for (let round = 0; round < 5; round++) {
      const { id } = (await make(tenant, {})).body.data
      const put = (path: string, body: object) => call(http, 'PUT', `/v3.0/${path}`, { data: body }, keyOf(tenant))
      const answers = await Promise.all([
        call(http, 'DELETE', `/v3.0/users/${id}`, undefined, keyOf(tenant)),
        put('devices', { name: 'Desk', owner_id: id }),
        put('directories', { user_id: id, details: { names: { first: 'Pal' } } }),
        put('callflows', { name: 'Flow', flow: { module: 'user', data: { id } } }),
        patch(tenant, id, { do_not_disturb: true }),
      ])
      for (const { status, body } of answers) expect([200, 400, 404, 409], JSON.stringify(body)).toContain(status)
    }
  })

  it('takes the own phone book along, and the log tells of each contact', async () => {
    const tenant = await makeTenant(http)
    const { id } = (await make(tenant, {})).body.data
    const names = (first: string) => ({ names: { first, last: null } })
    const contacts = { user_id: id, contacts: [{ details: names('Pal') }, { details: names('Sis') }] }
    const { created } = await data('PUT', '/v3.0/directories', { data: contacts }, keyOf(tenant))
    await data('DELETE', `/v3.0/users/${id}`, undefined, keyOf(tenant))
    const told = await data('GET', '/v3.0/events?type=contact.deleted&wait=5', undefined, keyOf(tenant))
    const ids = told.map((event: { resource: { id: string } }) => event.resource.id)
    expect(ids.sort()).toEqual(created.sort())
  })

  it('changes forwards and the like of the own person, and nothing else', async () => {
    const tenant = await makeTenant(http)
    const self = withToken(tenant.user.token)
    const own = {
      call_forward: { enabled: true, number: '+32475550100', require_key_press: true },
      do_not_disturb: true,
      mobile_number: '+32475550100',
      language: 'nl',
    }
    const changed = await patch(tenant, tenant.user.id, own, self)
    expect(changed.body.data).toMatchObject(own)
    for (const fields of [
      { restriction: 'none' },
      { priv_level: 'admin' },
      { caller_id: { external: { number: '112' } } },
    ]) {
      const refused = await patch(tenant, tenant.user.id, fields, self)
      expect(refused.status).toBe(403)
      expect(refused.body.error.message).toContain(Object.keys(fields)[0])
    }
    expect((await patch(tenant, tenant.user.id, { ...changed.body.data, do_not_disturb: false }, self)).status).toBe(
      200,
    )
    const device = async (owner_id: string | null) =>
      (await data('PUT', '/v3.0/devices', { data: { name: 'Desk', owner_id } }, keyOf(tenant))).id
    const [mine, others, nobodys] = [await device(tenant.user.id), await device(tenant.admin.id), await device(null)]
    expect((await patch(tenant, tenant.user.id, { quickcall_device: mine }, self)).status).toBe(200)
    for (const quickcall_device of [others, nobodys]) {
      const refused = await patch(tenant, tenant.user.id, { quickcall_device }, self)
      expect(refused.body.error?.details.issues[0].field).toBe('data.quickcall_device')
    }
    // An administrator may choose any, and what was chosen is no change.
    expect((await patch(tenant, tenant.user.id, { quickcall_device: nobodys })).status).toBe(200)
    expect((await patch(tenant, tenant.user.id, { quickcall_device: nobodys }, self)).status).toBe(200)
    expect((await patch(tenant, tenant.admin.id, { do_not_disturb: true }, self)).status).toBe(404)
    expect((await call(http, 'GET', `/v3.0/users/${tenant.admin.id}`, undefined, self)).status).toBe(404)
  })

  it('is listed by filters', async () => {
    const tenant = await makeTenant(http)
    const email = `${unique()}@example.com`
    await make(tenant, { email, last_name: 'Byron', enabled: false })
    const find = async (query: string) =>
      (await data('GET', `/v3.0/users?${query}`, undefined, keyOf(tenant))).map((one: { email: string }) => one.email)
    expect(await find(`email=${email.toUpperCase()}`)).toEqual([email])
    expect(await find(`username=${email}`)).toEqual([email])
    expect(await find('search=x%20byr')).toEqual([])
    expect(await find('search=DA%20byr')).toEqual([email])
    expect(await find('enabled=false')).toEqual([email])
    expect(await find('priv_level=admin')).toEqual([tenant.admin.email])
  })

  it('has a PIN that is sealed', async () => {
    const tenant = await makeTenant(http)
    const made = (await make(tenant, { hotdesk_pin: '735551' })).body.data
    expect(made.hotdesk_pin).toBeUndefined()
    const shown = await data('GET', `/v3.0/users/${made.id}`, undefined, inAccount(tenant.accountId))
    expect(shown.hotdesk_pin).toBe('735551')
    const plain = await makeKey(http, tenant.accountId, ['telephony:read'])
    expect((await data('GET', `/v3.0/users/${made.id}`, undefined, withKey(plain.secret))).hotdesk_pin).toBeUndefined()
  })
})
