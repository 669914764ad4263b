/** Accounts and people: the trial, the limits, who is whom, the mailed link, and what a deletion takes along. */
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { simpleParser } from 'mailparser'
import { SMTPServer } from 'smtp-server'
import { afterAll, describe, expect, it } from 'vitest'
import { sendPasswordLink } from '../server/mail/password-link.ts'
import { findOrganizer } from '../server/store/users.ts'
import { call, testApp } from './app.ts'
import { done, inAccount, makeTenant, operator, unique, withKey, withToken } from './world.ts'

const { app, http, setNow, dataDir } = await testApp()
const day = 86_400_000

const newAdmin = () => ({ adminFirstname: 'New', adminLastname: 'Admin', adminEmail: `${unique()}@example.com` })

/** The mails of the file transport that are new since the last look. */
const seen = new Set<string>()
async function newMails() {
  await app.outbox.deliver()
  const folder = join(dataDir, 'mail')
  mkdirSync(folder, { recursive: true })
  const files = readdirSync(folder).filter((file) => !seen.has(file))
  for (const file of files) seen.add(file)
  return Promise.all(files.map((file) => simpleParser(readFileSync(join(folder, file)))))
}

const tokenOf = (text: string | undefined) => /\/link\/([\w-]{43})\s/.exec(text ?? '')?.[1] ?? ''

async function mailedLink(): Promise<{ email: string; token: string; userId: string; accountId: string }> {
  const body = { ...newAdmin(), sendPassword: true }
  const account = (await done(http, 'POST', '/api/v6/account', body)).data
  const [admin] = (await done(http, 'GET', `/api/v6/account/admin/${account.id}`)).data
  const [mail] = await newMails()
  return { email: body.adminEmail, token: tokenOf(mail?.text), userId: admin.id, accountId: account.id }
}

const setPassword = (token: string, password = 'a long password') =>
  call(http, 'POST', '/api/v6/link', { token, password }, {})
const signIn = (username: string, password: string) =>
  call(http, 'PUT', '/v3.0/auth/password', { data: { username, password } }, {})

describe('a new account', () => {
  it('is a trial of exactly 14 days, whatever is asked, then and later', async () => {
    const now = Date.parse('2030-01-01T12:34:56.789Z')
    setNow(now)
    const asked = { ...newAdmin(), accountType: 'trial', paidUntil: '2099-01-01T00:00:00.000Z' }
    const { data } = await done(http, 'POST', '/api/v6/account', asked)
    expect(data.paidUntil).toBe('2030-01-15T12:34:56.789Z')
    setNow(now + day)
    const later = await done(http, 'PUT', `/api/v6/account/${data.id}`, { paidUntil: '2099-01-01T00:00:00Z' })
    expect(later.data.paidUntil).toBe('2030-01-15T12:34:56.789Z')
    const paid = await done(http, 'PUT', `/api/v6/account/${data.id}`, { accountType: 'standard', paidUntil: null })
    expect(paid.data).toMatchObject({ accountType: 'standard', paidUntil: null })
    setNow(Date.now())
  })

  it('lets nobody plan a meeting after its end, and everybody read', async () => {
    const { accountId, admin, user } = await makeTenant(http)
    setNow(Date.now() + 14 * day + 1000)
    const headers = { ...operator, 'x-user-id': user.id }
    const refused = await call(http, 'POST', '/api/v6/meeting', { topic: 'Late' }, headers)
    expect(refused.status).toBe(403)
    expect(refused.body).toMatchObject({ responseCode: -3 })
    expect((await done(http, 'GET', '/api/v6/meeting', undefined, headers)).total).toBe(1)
    expect((await done(http, 'GET', `/api/v6/account/admin/${accountId}`)).data[0].id).toBe(admin.id)
    setNow(Date.now())
  })

  it('is named by the administrator’s e-mail address as far as a name goes', async () => {
    const adminEmail = `${unique()}@${'a'.repeat(60)}.${'b'.repeat(60)}.example.com`
    const { data } = await done(http, 'POST', '/api/v6/account', { ...newAdmin(), adminEmail })
    expect(data.name).toBe(adminEmail.slice(0, 120))
    const listed = await done(http, 'GET', '/api/v6/account')
    expect(listed.data.map(({ id }: { id: string }) => id)).toContain(data.id)
    expect((await done(http, 'GET', '/v3.0/accounts', undefined, inAccount(data.id))).data.name).toBe(data.name)
  })

  it('keeps its administrator’s rights and person in step when both are changed at once', async () => {
    const { accountId, user } = await makeTenant(http)
    const admin = (method: 'PUT' | 'DELETE') =>
      call(http, method, `/api/v6/account/admin/${accountId}/${user.id}`, undefined, operator)
    const person = (method: 'PATCH', first_name: string) =>
      call(http, method, `/v3.0/users/${user.id}`, { data: { first_name } }, inAccount(accountId))
    for (const round of ['a', 'b', 'c', 'd', 'e']) {
      const answers = await Promise.all([
        admin('PUT'),
        person('PATCH', `${round}1`),
        admin('DELETE'),
        person('PATCH', round),
      ])
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200])
    }
  })

  it('answers -10 to an e-mail address that is in use, however it is written, and makes nothing', async () => {
    const body = newAdmin()
    await done(http, 'POST', '/api/v6/account', body)
    const before = (await done(http, 'GET', '/api/v6/account')).data.length
    const again = await call(http, 'POST', '/api/v6/account', { ...body, adminEmail: body.adminEmail.toUpperCase() })
    expect(again.status).toBe(409)
    expect(again.body).toMatchObject({ responseCode: -10, data: { issues: [{ field: 'adminEmail' }] } })
    const user = await call(http, 'POST', '/api/v6/user', { email: body.adminEmail, firstName: 'X' })
    expect(user.body).toMatchObject({ responseCode: -10, data: { issues: [{ field: 'email' }] } })
    expect((await done(http, 'GET', '/api/v6/account')).data).toHaveLength(before)
  })

  it('answers -10 to all but one of many that come at once', async () => {
    const body = newAdmin()
    const answers = await Promise.all(Array.from({ length: 10 }, () => call(http, 'POST', '/api/v6/account', body)))
    expect(answers.map(({ body }) => body.responseCode).sort()).toEqual([...Array(9).fill(-10), 0].sort())
  })

  it('has its default room', async () => {
    const { accountId } = await makeTenant(http)
    const { data } = await done(http, 'GET', `/api/v6/account/${accountId}/rooms`)
    expect(data).toEqual([{ id: expect.any(String), name: 'Room 1', accountId, isDefault: true }])
  })
})

describe('the limits of an account', () => {
  it('hold for meetings', async () => {
    const tenant = await makeTenant(http)
    await done(http, 'PUT', `/api/v6/account/${tenant.accountId}`, { numberOfMeetings: 2 })
    const key = withKey(tenant.key.secret)
    const plan = () => call(http, 'POST', '/api/v6/meeting', { topic: 'One of two' }, key)
    const second = await plan()
    expect(second.status).toBe(200)
    expect((await plan()).body).toMatchObject({ responseCode: -7 })
    await done(http, 'POST', `/api/v6/meeting/${second.body.data.id}/close`, undefined, key)
    expect((await plan()).status).toBe(200)
  })

  it('hold for organizers, and the account says so', async () => {
    const { accountId } = await makeTenant(http)
    const limited = await done(http, 'PUT', `/api/v6/account/${accountId}`, { numberOfMeetingOrganizers: 2 })
    expect(limited.data.canAddMeetingOrganizer).toBe(false)
    const third = await call(http, 'POST', '/api/v6/user', {
      accountId,
      email: `${unique()}@example.com`,
      firstName: 'X',
    })
    expect(third.body).toMatchObject({ responseCode: -7 })
    const raised = await done(http, 'PUT', `/api/v6/account/${accountId}`, { numberOfMeetingOrganizers: 3 })
    expect(raised.data.canAddMeetingOrganizer).toBe(true)
  })

  it('are the operator’s to change; sent back unchanged they are no change', async () => {
    const tenant = await makeTenant(http)
    const key = withKey(tenant.key.secret)
    const url = `/api/v6/account/${tenant.accountId}`
    const { data } = await done(http, 'GET', url, undefined, key)
    for (const change of [{ numberOfMeetings: 9 }, { paidUntil: null }, { accountType: 'standard' }]) {
      const answer = await call(http, 'PUT', url, change, key)
      expect(answer.status).toBe(403)
      expect(answer.body.responseMessage).toContain(Object.keys(change)[0])
    }
    expect((await done(http, 'PUT', url, { ...data, name: 'Renamed' }, key)).data).toEqual({ ...data, name: 'Renamed' })
  })
})

describe('an administrator', () => {
  it('can be made and unmade, but for the last one', async () => {
    const { accountId, admin, user } = await makeTenant(http)
    const url = `/api/v6/account/admin/${accountId}`
    expect((await done(http, 'PUT', `${url}/${user.id}`)).data.isAdmin).toBe(true)
    expect((await call(http, 'GET', '/v3.0/whoami', undefined, withToken(user.token))).status).toBe(401)
    expect((await done(http, 'GET', url)).data).toHaveLength(2)
    expect((await done(http, 'DELETE', `${url}/${admin.id}`)).data.isAdmin).toBe(false)
    expect((await call(http, 'DELETE', `${url}/${user.id}`)).body).toMatchObject({ responseCode: -9 })
    expect((await call(http, 'DELETE', `/api/v6/user/${user.id}`)).body).toMatchObject({ responseCode: -9 })
    expect((await call(http, 'PUT', `/api/v6/user/${user.id}`, { isAdmin: false })).body).toMatchObject({
      responseCode: -9,
    })
    expect((await call(http, 'PUT', `${url}/${'0'.repeat(24)}`)).body).toMatchObject({ responseCode: -5 })
  })
})

describe('the mailed link', () => {
  it('sets a password once, and only the button uses it up', async () => {
    const { email, token } = await mailedLink()
    expect(token).toHaveLength(43)
    for (let scan = 0; scan < 3; scan++) await http.inject({ method: 'GET', url: `/link/${token}` })
    expect((await setPassword(token)).body).toEqual({ responseCode: 0, data: { email } })
    expect((await setPassword(token, 'another password')).body).toMatchObject({ responseCode: -2 })
    expect((await signIn(email, 'a long password')).status).toBe(200)
    expect((await signIn(email, 'another password')).status).toBe(401)
  })

  it.each([
    ['nl-BE', 'Kies uw wachtwoord', 'Hallo'],
    ['de-AT', 'Wählen Sie Ihr Passwort', 'Guten Tag'],
  ])(
    'is stored as a hash and comes from the public URL, in the language of the person: %s',
    async (language, ...said) => {
      const [subject, greeting] = said
      const body = {
        ...newAdmin(),
        sendPassword: true,
        adminPreferredLanguage: language,
        adminFirstname: '<b>Ünal</b>',
      }
      await done(http, 'POST', '/api/v6/account', body, { ...operator, host: 'evil.example' })
      const [mail] = await newMails()
      expect(mail?.subject).toBe(subject)
      expect(mail?.text).toContain(`${greeting} <b>Ünal</b>,`)
      expect(mail?.html).toBe(false)
      expect(mail?.text).toContain(`${app.config.publicUrl}/link/`)
      const links = await app.database.selectFrom('oneTimeLinks').selectAll().execute()
      expect(JSON.stringify(links)).not.toContain(tokenOf(mail?.text))
    },
  )

  it('ends after 24 hours', async () => {
    const now = Date.now()
    setNow(now)
    const first = await mailedLink()
    setNow(now + day)
    expect((await setPassword(first.token)).body).toMatchObject({ responseCode: -2 })
    setNow(now)
    const second = await mailedLink()
    setNow(now + day - 1)
    expect((await setPassword(second.token)).status).toBe(200)
    setNow(Date.now())
  })

  it('is void when the e-mail address changes', async () => {
    const { token, userId } = await mailedLink()
    await done(http, 'PUT', `/api/v6/user/${userId}`, { email: `${unique()}@example.com` })
    expect((await setPassword(token)).body).toMatchObject({ responseCode: -2 })
  })

  it('ends the sessions of the password before', async () => {
    const { email, token } = await mailedLink()
    await setPassword(token)
    const session = (await signIn(email, 'a long password')).body.auth_token
    expect((await call(http, 'GET', '/v3.0/whoami', undefined, withToken(session))).status).toBe(200)
    const [user] = await app.database.selectFrom('users').select('id').where('email', '=', email).execute()
    await app.database.transaction().execute(async (trx) => {
      const row = await findOrganizer(trx, user?.id ?? '', { accountId: null })
      if (row) await sendPasswordLink(trx, app, row)
    })
    const [mail] = await newMails()
    expect((await setPassword(tokenOf(mail?.text), 'the second password')).status).toBe(200)
    expect((await call(http, 'GET', '/v3.0/whoami', undefined, withToken(session))).status).toBe(401)
  })

  it('refuses a password that is too short, and stays valid', async () => {
    const { token } = await mailedLink()
    const answer = await setPassword(token, 'short')
    expect(answer.body).toMatchObject({ responseCode: -4, data: { issues: [{ field: 'password' }] } })
    expect((await setPassword(token)).status).toBe(200)
  })
})

describe('mail by SMTP', () => {
  it('is sent as it is written, kept while the server refuses, and sent again', async () => {
    const received: Buffer[] = []
    let isRefusing = true
    const server = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS'],
      onData(stream, _session, callback) {
        const chunks: Buffer[] = []
        stream.on('data', (chunk: Buffer) => chunks.push(chunk))
        stream.on('end', () => {
          if (!isRefusing) received.push(Buffer.concat(chunks))
          callback(isRefusing ? new Error('not now') : null)
        })
      },
    })
    server.listen(0, '127.0.0.1')
    await once(server.server, 'listening')
    afterAll(() => server.close())
    const { port } = server.server.address() as AddressInfo
    const other = await testApp({ environment: { SMTP_URL: `smtp://127.0.0.1:${port}` } })
    const body = { ...newAdmin(), sendPassword: true, adminPreferredLanguage: 'fr' }
    await done(other.http, 'POST', '/api/v6/account', body)
    await other.app.outbox.deliver()
    const waiting = await other.app.database.selectFrom('mails').select(['attempts', 'lastError']).execute()
    expect(waiting).toEqual([{ attempts: 1, lastError: expect.stringContaining('not now') }])
    isRefusing = false
    other.setNow(Date.now() + 61_000)
    await other.app.outbox.deliver()
    expect(received).toHaveLength(1)
    const mail = await simpleParser(received[0] ?? '')
    expect(mail.subject).toBe('Choisissez votre mot de passe')
    expect(mail.from?.text).toBe('no-reply@localhost')
    expect(await other.app.database.selectFrom('mails').selectAll().execute()).toEqual([])
  })
})

describe('a deletion', () => {
  it('of an account takes people, keys, tokens and meetings along, and each meeting has its end', async () => {
    const tenant = await makeTenant(http)
    expect((await done(http, 'DELETE', `/api/v6/account/${tenant.accountId}`)).data).toEqual({ id: tenant.accountId })
    for (const path of ['account', 'user', 'meeting'] as const) {
      const id = { account: tenant.accountId, user: tenant.user.id, meeting: tenant.meeting.id }[path]
      expect((await call(http, 'GET', `/api/v6/${path}/${id}`)).body).toMatchObject({ responseCode: -5 })
    }
    expect((await call(http, 'GET', '/v3.0/whoami', undefined, withKey(tenant.key.secret))).status).toBe(401)
    expect((await call(http, 'GET', '/v3.0/whoami', undefined, withToken(tenant.user.token))).status).toBe(401)
    const url = `/v3.0/events?account=${tenant.accountId}&type=meeting.cancelled,account.deleted&limit=1000&wait=5`
    const types = async () => (await done(http, 'GET', url)).data.map(({ type }: { type: string }) => type)
    await expect.poll(types, { timeout: 10_000 }).toEqual(['meeting.cancelled', 'account.deleted'])
  })

  it('is refused for the root, and for an account above others', async () => {
    expect((await call(http, 'DELETE', `/api/v6/account/${app.rootAccountId}`)).body).toMatchObject({
      responseCode: -9,
    })
  })

  it('of a person frees the e-mail address and removes the meetings', async () => {
    const { user, meeting, accountId } = await makeTenant(http)
    await done(http, 'DELETE', `/api/v6/user/${user.id}`)
    expect((await call(http, 'GET', `/api/v6/meeting/${meeting.id}`)).status).toBe(404)
    expect((await call(http, 'GET', '/v3.0/whoami', undefined, withToken(user.token))).status).toBe(401)
    await done(http, 'POST', '/api/v6/user', { accountId, email: user.email, firstName: 'Again' })
  })

  it('of a meeting closes it for good', async () => {
    const { meeting, user } = await makeTenant(http)
    const headers = { ...operator, 'x-user-id': user.id }
    const closed = await done(http, 'POST', `/api/v6/meeting/${meeting.id}/close`, undefined, headers)
    expect(closed.data).toMatchObject({ isClosed: true, isOpen: false, dtClosedAt: expect.any(String) })
    const again = await call(http, 'POST', `/api/v6/meeting/${meeting.id}/close`, undefined, headers)
    expect(again.body.data).toEqual(closed.data)
    const moved = await call(http, 'PUT', `/api/v6/meeting/${meeting.id}/false`, { duration: 600 }, headers)
    expect(moved.body).toMatchObject({ responseCode: -9 })
    await done(http, 'DELETE', `/api/v6/meeting/${meeting.id}`, undefined, headers)
    expect((await call(http, 'DELETE', `/api/v6/meeting/${meeting.id}`, undefined, headers)).status).toBe(404)
  })
})

describe('the list of meetings', () => {
  it('takes every filter, alone and together', async () => {
    const { key, admin, user, accountId } = await makeTenant(http)
    const headers = withKey(key.secret)
    const plan = async (topic: string, startTime: string, userId = user.id) =>
      (
        await done(
          http,
          'POST',
          '/api/v6/meeting',
          { topic, startTime, duration: 60 },
          { ...headers, 'x-user-id': userId },
        )
      ).data
    const past = await plan('Past 100%', '2020-01-01T10:00:00Z')
    const soon = await plan('Budget_x', '2031-01-01T10:00:00Z')
    const late = await plan('BUDGET', '2032-01-01T10:00:00Z', admin.id)
    const find = async (query: string) => {
      const { data, total } = await done(http, 'GET', `/api/v6/meeting?${query}`, undefined, headers)
      return { ids: data.map(({ id }: { id: string }) => id), total }
    }
    const ids = (...list: { id: string }[]) => ({ ids: list.map(({ id }) => id), total: list.length })
    expect(await find('topic=budget')).toEqual(ids(soon, late))
    expect(await find('topic=%25')).toEqual(ids(past))
    expect(await find('topic=t_x')).toEqual(ids(soon))
    expect(await find(`topic=budget&addedByUserId=${admin.id}`)).toEqual(ids(late))
    expect(await find(`topic=budget&addedByUserEmail=${user.email.toUpperCase()}`)).toEqual(ids(soon))
    expect(await find('to=2020-01-01T10:00:01Z')).toEqual(ids(past))
    expect(await find('from=2031-01-01T11:00:00Z')).toEqual(ids(late))
    expect(await find('from=2031-01-01T10:59:00Z&to=2032-01-01T10:00:00Z')).toEqual(ids(soon))
    expect(await find('isClosed=true')).toEqual(ids(past))
    expect((await find('isClosed=false')).total).toBe(3)
    expect((await find('isActive=true')).total).toBe(0)
    expect(await find('topic=budget&limit=1')).toEqual({ ids: [soon.id], total: 2 })
    expect(await find('topic=budget&limit=1&offset=1')).toEqual({ ids: [late.id], total: 2 })
    expect((await find(`accountId=${accountId}`)).total).toBe(4)
    expect((await find(`accountId=${app.rootAccountId}`)).total).toBe(0)
    const byNumber = await done(
      http,
      'GET',
      `/api/v6/meeting/${soon.meetingId.replaceAll('-', '')}`,
      undefined,
      headers,
    )
    expect(byNumber.data).toEqual(
      (await done(http, 'GET', `/api/v6/meeting/${soon.meetingId}`, undefined, headers)).data,
    )
  })
})
