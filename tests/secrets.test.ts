/** Secrets are planted wherever one can be written, and looked for wherever somebody could read (E6, S4, A7). */
import { randomInt } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'kysely'
import { pino } from 'pino'
import { expect, it } from 'vitest'
import { call, instanceKey, testApp } from './app.ts'
import { done, inAccount, makeTenant, operator, type Tenant, unique, withKey, withToken } from './world.ts'

const lines: string[] = []
const log = pino({ level: 'trace' }, { write: (line: string) => lines.push(line) })
const { app, http, dataDir } = await testApp({ log })

it('none is found in the event log, the program’s log or a table', async () => {
  const password = `planted-password-${unique()}`
  const tenant = await makeTenant(http)
  const secrets = [instanceKey, password, tenant.key.secret, tenant.admin.token, tenant.user.token]
  const tokens = [tenant.user.icsToken, tenant.meeting.icsToken]
  // A password by a mailed link, a sign-in that works and one that does not.
  const adminEmail = `${unique()}@example.com`
  await done(http, 'POST', '/api/v6/account', { adminFirstname: 'S', adminEmail, sendPassword: true })
  await app.outbox.deliver()
  const [mail = ''] = readdirSync(join(dataDir, 'mail'))
  const link =
    /\/link\/([\w-]{43})/.exec(readFileSync(join(dataDir, 'mail', mail), 'utf8').replaceAll('=\r\n', ''))?.[1] ?? ''
  expect(link).toHaveLength(43)
  secrets.push(link)
  await done(http, 'POST', '/api/v6/link', { token: link, password }, {})
  const signIn = await done(http, 'PUT', '/v3.0/auth/password', { data: { username: adminEmail, password } }, {})
  const wrong = `wrong-password-${unique()}`
  secrets.push(signIn.auth_token, wrong)
  await call(http, 'PUT', '/v3.0/auth/password', { data: { username: adminEmail, password: wrong } }, {})
  // Keys: made, repeated, rotated, presented where they are unknown or in a body that is refused.
  const once = { ...withKey(tenant.key.secret), 'idempotency-key': unique() }
  const made = await done(http, 'POST', '/api/v6/apikey', { name: 'Planted' }, once)
  await done(http, 'POST', '/api/v6/apikey', { name: 'Planted' }, once)
  const rotated = await done(
    http,
    'POST',
    `/v3.0/keys/${made.data.id}/rotate`,
    { data: {} },
    withKey(tenant.key.secret),
  )
  const unknown = `unknown-key-${unique()}`
  secrets.push(made.data.key, rotated.data.key, unknown)
  await call(http, 'GET', '/v3.0/whoami', undefined, withKey(unknown))
  await call(http, 'PUT', '/v3.0/auth/account', { data: { api_key: unknown } }, {})
  // Addresses that hold a secret, right and wrong.
  await call(http, 'GET', `/api/v6/meeting/calender/user/${tenant.user.icsToken}`, undefined, {})
  await call(http, 'DELETE', `/api/v6/meeting/calender/user/${tenant.user.icsToken}`, undefined, {})
  const planned = await done(
    http,
    'PUT',
    `/api/v6/meeting/${tenant.meeting.id}/false`,
    { topic: 'T' },
    withToken(tenant.user.token),
  )
  tokens.push(planned.data.hostUrl.split('#host=')[1])
  // What phones, carriers and provisioning are given: made, changed, shown to who may see it, sent back.
  secrets.push(...(await plantTelephony(tenant)))
  app.sequencer.poke()
  const inbox = () => app.database.selectFrom('eventInbox').select('id').execute()
  await expect.poll(inbox, { timeout: 10_000 }).toEqual([])

  const events = JSON.stringify(
    (await done(http, 'GET', '/v3.0/events?account=tree&limit=1000', undefined, operator)).data,
  )
  expect(events).toContain('session.created')
  const program = lines.join('')
  const stored = await dump()
  for (const secret of secrets) {
    expect(secret.length).toBeGreaterThan(15)
    expect(events).not.toContain(secret)
    expect(program).not.toContain(secret)
    expect(stored).not.toContain(secret)
  }
  for (const token of tokens) {
    expect(events).not.toContain(token)
    expect(program).not.toContain(token)
  }
})

async function plantTelephony(tenant: Tenant): Promise<string[]> {
  const headers = inAccount(tenant.accountId)
  const [device, carrier, changed, provision] = ['device', 'carrier', 'changed', 'provision'].map(
    (name) => `planted-${name}-${unique()}`,
  )
  const pin = `${randomInt(1e9, 1e10)}${randomInt(1e9, 1e10)}`
  const put = async (path: string, data: object) => (await done(http, 'PUT', `/v3.0/${path}`, { data }, headers)).data
  const phone = await put('devices', { name: 'Phone', password: device })
  // Whoever may see them is answered with them, and again: what is kept for that is sealed.
  const once = { ...headers, 'idempotency-key': unique() }
  const renamed = { data: { id: phone.id, name: 'Renamed' } }
  for (const _ of [1, 2]) {
    const answer = await done(http, 'POST', '/v3.0/devices', renamed, once)
    expect(answer.data).toMatchObject({ name: 'Renamed', password: device })
  }
  const random = await put('devices', { name: 'Random' })
  const trunk = await put('trunks', { name: 'T', server: 'x', username: 'u', password: carrier })
  await done(http, 'POST', '/v3.0/trunks', { data: { ...trunk, password: changed } }, headers)
  await put('users', { first_name: 'P', hotdesk_pin: pin, password: `${device}-too` })
  const [header, hookKey] = ['header', 'hook-key'].map((name) => `planted-${name}-${unique()}`)
  const hook = await put('webhooks', { url: 'https://example.com', headers: { 'x-a': header }, api_key: hookKey })
  await done(http, 'POST', `/v3.0/webhooks/${hook.id}/test`, { data: { event_type: 'key.created' } }, headers)
  const [delivery] = (await done(http, 'GET', `/v3.0/webhooks/${hook.id}/deliveries`, undefined, headers)).data
  const detail = await done(http, 'GET', `/v3.0/webhooks/${hook.id}/deliveries/${delivery.id}`, undefined, headers)
  for (const secret of [header, hookKey, hook.secret]) expect(JSON.stringify(detail)).not.toContain(secret)
  const rotated = await done(http, 'POST', `/v3.0/webhooks/${hook.id}/rotate_secret`, { data: {} }, headers)
  const account = { id: tenant.accountId, provision: { admin_password: provision } }
  await done(http, 'POST', '/v3.0/accounts', { data: account }, headers)
  expect((await done(http, 'GET', `/v3.0/devices/${phone.id}`, undefined, headers)).data.password).toBe(device)
  const told = await app.database.selectFrom('eventInbox').select('data').where('type', '=', 'trunk.updated').execute()
  const moved = await app.database.selectFrom('events').select('data').where('type', '=', 'trunk.updated').execute()
  expect(JSON.parse([...told, ...moved][0]?.data ?? '').secrets).toEqual({ password: { changed: true } })
  const ofWebhook = [header, hookKey, hook.secret, rotated.data.secret]
  return [device, carrier, changed, provision, `${device}-too`, random.password, pin, ...ofWebhook].map(String)
}

/** Every row of every table as text, and bytes as the text they would be. */
async function dump(): Promise<string> {
  const { rows: tables } = await sql<{ name: string }>`
    select table_name as name from information_schema.tables
    where table_schema = 'public' and table_type = 'BASE TABLE'`.execute(app.database)
  const parts: string[] = []
  for (const { name } of tables) {
    const { rows } = await sql<{ line: string }>`select row_to_json(t)::text as line from ${sql.table(name)} t`.execute(
      app.database,
    )
    parts.push(...rows.map(({ line }) => line))
  }
  const text = parts.join('\n')
  const bytes = [...text.matchAll(/\\\\x([0-9a-f]+)/g)].map(([, hex = '']) =>
    Buffer.from(hex, 'hex').toString('latin1'),
  )
  expect(bytes.length).toBeGreaterThan(0)
  return [text, ...bytes].join('\n')
}
