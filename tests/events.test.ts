/** The event log as readers find it: what is in it, in which order, for whom, and that nobody changed it (E1-E6). */
import { rename } from 'node:fs/promises'
import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'
import type { Event } from '../contract/event.ts'
import { type EventType, events as catalogue, eventTypes } from '../contract/events.ts'
import { erasePerson } from '../server/events/erase.ts'
import { keepPartitions } from '../server/events/retention.ts'
import { verifyChain } from '../server/events/verify.ts'
import { newId } from '../server/ids.ts'
import { meetingLinks } from '../server/meeting/links.ts'
import { recordingPartPath, recordingPath } from '../server/recording/files.ts'
import { settleRecordings } from '../server/recording/settle.ts'
import { disableWebhook } from '../server/webhooks/ending.ts'
import { endIfOver, enterMeeting, leaveMeeting } from '../server/store/participants.ts'
import { call, testApp } from './app.ts'
import {
  done,
  insertCall,
  insertRecording,
  makeKey,
  makeTenant,
  newNumber,
  operator,
  type Tenant,
  unique,
  withKey,
  withToken,
} from './world.ts'

const { app, http, connection } = await testApp()
const { dataDir } = app.config
const system = { type: 'system', id: null } as const
const links = meetingLinks(app)

interface Page {
  readonly data: Event[]
  readonly next: string
}
const readPage = (query: string, headers: Record<string, string> = operator): Promise<Page> =>
  done(http, 'GET', `/v3.0/events?limit=1000&${query}`, undefined, headers)

/** Everything that was told so far; the inbox is empty then. */
async function settled(): Promise<void> {
  app.sequencer.poke()
  const waiting = () => app.database.selectFrom('eventInbox').select('id').limit(1).executeTakeFirst()
  while (await waiting()) app.sequencer.poke()
}

async function readAll(query: string, headers: Record<string, string> = operator): Promise<Event[]> {
  await settled()
  return (await readPage(query, headers)).data
}

/** Everything that can happen, once. */
async function live(): Promise<Tenant> {
  const tenant = await makeTenant(http)
  const headers = withKey(tenant.key.secret)
  const account = `/api/v6/account/${tenant.accountId}`
  await done(http, 'PUT', account, { name: 'Renamed' }, headers)
  await done(http, 'PUT', `${account.replace('account/', 'account/admin/')}/${tenant.user.id}`, undefined, headers)
  await rotateAndDelete(tenant)
  await done(http, 'PUT', `/api/v6/meeting/${tenant.meeting.id}/true`, { topic: 'Moved' }, headers)
  await meet(tenant.meeting.id)
  await done(http, 'POST', `/api/v6/meeting/${tenant.meeting.id}/close`, undefined, headers)
  const other = (await done(http, 'POST', '/api/v6/meeting', { topic: 'Other' }, headers)).data
  await meet(other.id)
  await done(http, 'DELETE', `/api/v6/meeting/${other.id}`, undefined, headers)
  await leaveByLink()
  await configureTelephony(tenant)
  await keepWebhook(tenant)
  await keepRecordings(tenant)
  await settled()
  await erasePerson(app.database, {
    accountId: tenant.accountId,
    userId: tenant.admin.id,
    actor: system,
    now: new Date(),
  })
  return tenant
}

async function rotateAndDelete({ accountId }: Tenant): Promise<void> {
  const spare = await makeKey(http, accountId, ['account', 'meeting', 'events'])
  const rotated = await done(http, 'POST', `/v3.0/keys/${spare.id}/rotate`, { data: {} }, withKey(spare.secret))
  await done(http, 'DELETE', `/v3.0/keys/${spare.id}`, undefined, withKey(rotated.data.key))
  const session = await done(http, 'PUT', '/v3.0/auth/account', { data: { api_key: rotated.data.key } }, {})
  await done(http, 'DELETE', '/v3.0/auth', undefined, withToken(session.auth_token))
}

/** Each object of the telephony configuration, from its beginning to its end. */
async function configureTelephony({ key }: Tenant): Promise<void> {
  const headers = withKey(key.secret)
  const number = newNumber()
  await done(http, 'PUT', '/v3.0/phone_numbers', { data: { number } }, headers)
  await done(http, 'PATCH', `/v3.0/phone_numbers/${number}`, { data: { state: 'reserved' } }, headers)
  await done(http, 'DELETE', `/v3.0/phone_numbers/${number}`, undefined, headers)
  const objects = {
    devices: { name: 'Phone' },
    trunks: { name: 'Carrier', server: 'sip.carrier.example' },
    callflows: { name: 'Nobody', flow: { module: 'hangup', data: {} } },
    medias: { name: 'Welcome' },
    directories: { details: { company: { name: 'Client' } } },
  }
  for (const [path, data] of Object.entries(objects)) {
    const { id } = (await done(http, 'PUT', `/v3.0/${path}`, { data }, headers)).data
    await done(http, 'POST', `/v3.0/${path}`, { data: { id, external_id: 'x' } }, headers)
    await done(http, 'DELETE', `/v3.0/${path}/${id}`, { data: {} }, headers)
  }
}

/** From its beginning to its end. */
async function keepWebhook({ key, accountId }: Tenant): Promise<void> {
  const headers = withKey(key.secret)
  const url = 'https://crm.example.com'
  const { id } = (await done(http, 'PUT', '/v3.0/webhooks', { data: { url } }, headers)).data
  await done(http, 'PATCH', `/v3.0/webhooks/${id}`, { data: { ordering: 'strict' } }, headers)
  await done(http, 'POST', `/v3.0/webhooks/${id}/pause`, undefined, headers)
  await done(http, 'POST', `/v3.0/webhooks/${id}/resume`, { data: {} }, headers)
  await done(http, 'POST', `/v3.0/webhooks/${id}/rotate_secret`, { data: {} }, headers)
  await disableWebhook(app, { webhookId: id, accountId, url, reason: 'gone', failingSince: null })
  await done(http, 'DELETE', `/v3.0/webhooks/${id}`, undefined, headers)
}

/** One with sound, which is deleted, and one without. */
async function keepRecordings({ key, accountId }: Tenant): Promise<void> {
  const callId = await insertCall(app.database, { accountId })
  const given = { accountId, callId, status: 'recording' as const, sizeBytes: null, durationMs: null }
  const id = newId()
  const path = recordingPartPath(dataDir, id, 1)
  await insertRecording(app, { ...given, id, parts: JSON.stringify([{ path, isSwapped: false }]) })
  await rename(recordingPath(dataDir, id), path)
  await insertRecording(app, given)
  await settleRecordings(app)
  await done(http, 'DELETE', `/v3.0/recordings/${id}`, undefined, withKey(key.secret))
}

/** Three come, one leaves. */
async function meet(meetingId: string): Promise<void> {
  const ids = [newId(), newId(), newId()].map((id) => `par_${id}`)
  for (const id of ids) {
    const guest = {
      id,
      meetingId,
      name: 'Guest',
      email: null,
      role: 'guest' as const,
      joinedAt: new Date(),
      phone: null,
      leftAt: null,
    }
    await enterMeeting(app.database, links, guest, new Date())
  }
  await leaveMeeting(app.database, links, meetingId, ids[0] ?? '', 'left', new Date())
}

/** A person who sets a password and goes, with the account. */
async function leaveByLink(): Promise<void> {
  const adminEmail = `${unique()}@example.com`
  const body = { adminFirstname: 'L', adminEmail, sendPassword: true }
  const { data } = await done(http, 'POST', '/api/v6/account', body)
  const mails = await app.database.selectFrom('mails').select('body').where('recipient', '=', adminEmail).execute()
  const token = /\/link\/(\S+)/.exec(mails[0]?.body ?? '')?.[1]
  await done(http, 'POST', '/api/v6/link', { token, password: 'a long password' }, {})
  const user = await done(http, 'POST', '/api/v6/user', {
    accountId: data.id,
    email: `${unique()}@example.com`,
    firstName: 'U',
  })
  await done(http, 'DELETE', `/api/v6/user/${user.data.id}`)
  await done(http, 'DELETE', `/api/v6/account/${data.id}`)
}

const tenant = await live()

/** The whole log, as it lies in the table. */
async function wholeLog() {
  await settled()
  return app.database.selectFrom('events').selectAll().orderBy('position').execute()
}

describe('the log', () => {
  it('holds every event of the catalogue, each as the catalogue says', async () => {
    const rows = await wholeLog()
    // Those of calls, legs and registrations come from the voice process: tests/interop sees them.
    const expected = eventTypes.filter((type) => !['call', 'leg', 'registration'].includes(catalogue[type].resource))
    expect([...new Set(rows.map((row) => row.type))].sort()).toEqual(expected.sort())
    for (const { type, data } of rows) {
      if (data === null) continue
      const { data: schema, resource } = catalogue[type as EventType]
      const result = schema.strict().safeParse(JSON.parse(data))
      expect(result.error?.issues, type).toBeUndefined()
      expect(rows.find((row) => row.type === type)?.resourceType).toBe(resource)
    }
  })

  it('counts each account without gaps, and all of them in one order', async () => {
    const rows = await wholeLog()
    expect(rows.map((row) => row.position)).toEqual(rows.map((_, index) => index + 1))
    for (const [, own] of Map.groupBy(rows, (row) => row.accountId)) {
      expect(own.map((row) => row.seq)).toEqual(own.map((_, index) => index + 1))
    }
  })

  it('tells of each resource in the order of its versions (E4)', async () => {
    const rows = (await wholeLog()).filter((row) => row.resourceType !== 'event')
    for (const [name, own] of Map.groupBy(rows, (row) => `${row.resourceType} ${row.resourceId}`)) {
      const versions = own.map((row) => row.resourceSeq)
      expect(versions, name).toEqual([...new Set(versions)].sort((a, b) => a - b))
    }
  })

  it('ends each meeting once', async () => {
    const rows = (await wholeLog()).filter((row) => row.resourceId === tenant.meeting.id)
    expect(rows.filter((row) => row.type === 'meeting.ended')).toHaveLength(1)
    expect(await endIfOver(app.database, links, tenant.meeting.id, new Date(Date.now() + 1e10))).toBe(false)
  })

  it('says who did it, for whom and from where', async () => {
    const headers = { ...withKey(tenant.key.secret), 'x-user-id': tenant.user.id }
    const { data } = await done(http, 'POST', '/api/v6/meeting', { topic: 'Who' }, headers)
    const [event] = await readAll(`resource=meeting:${data.id}&account=tree`)
    expect(event?.actor).toEqual({ type: 'key', id: tenant.key.id, on_behalf_of: tenant.user.id, ip: '127.0.0.1' })
    expect(event).toMatchObject({ resource: { type: 'meeting', id: data.id }, resource_seq: 1, schema_version: 1 })
    expect(event?.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/)
  })
})

describe('a reader', () => {
  it('gets the same events one by one as in one page', async () => {
    const all = await readAll('account=tree')
    const singly: Event[] = []
    for (let after = ''; singly.length < all.length; ) {
      const { data, next } = await done(http, 'GET', `/v3.0/events?account=tree&limit=1${after}`)
      singly.push(...data)
      after = `&after=${next}`
    }
    expect(singly).toEqual(all)
    expect(singly.map(({ cursor }) => cursor)).toEqual(all.map(({ cursor }) => cursor))
  })

  it('begins at the present with `now`', async () => {
    await settled()
    const { data, next } = await readPage('after=now&account=tree')
    expect(data).toEqual([])
    await done(http, 'POST', '/api/v6/meeting', { topic: 'Now' }, withKey(tenant.key.secret))
    const [event] = await readAll(`after=${next}&account=tree`)
    expect(event?.type).toBe('meeting.scheduled')
  })

  it('moves on past what does not match (E3)', async () => {
    const { next: start } = await readPage('after=now')
    await done(http, 'POST', '/api/v6/meeting', { topic: 'Passed' }, withKey(tenant.key.secret))
    await settled()
    const { data, next } = await readPage(`after=${start}&type=account.deleted&account=tree`)
    expect(data).toEqual([])
    expect(next).not.toBe(start)
    expect((await readPage(`after=${next}&account=tree`)).data).toEqual([])
  })

  it('is woken by the next event that matches, and only by that', async () => {
    const waiting = readPage('after=now&type=meeting.updated&account=tree&wait=30')
    const headers = withKey(tenant.key.secret)
    const { data } = await done(http, 'POST', '/api/v6/meeting', { topic: 'Wake' }, headers)
    await done(http, 'PUT', `/api/v6/meeting/${data.id}/false`, { topic: 'Awake' }, headers)
    const page = await waiting
    expect(page.data.map(({ type }) => type)).toEqual(['meeting.updated'])
  })

  it('is told what is not there when the wait is over', async () => {
    const { data, next } = await readPage('after=now&type=account.deleted&wait=1')
    expect(data).toEqual([])
    expect(next).toMatch(/^c/)
  })

  it('filters by type, family, resource and time', async () => {
    const all = await readAll('account=tree')
    const kinds = (query: string) =>
      readAll(`account=tree&${query}`).then((list) => new Set(list.map(({ type }) => type)))
    expect(await kinds('type=meeting.started,account.deleted')).toEqual(new Set(['meeting.started', 'account.deleted']))
    expect([...(await kinds('type=key.*'))].sort()).toEqual(['key.created', 'key.deleted', 'key.rotated'])
    expect([...(await kinds('type=room'))].every((type) => type.startsWith('room.'))).toBe(true)
    const one = await readAll(`account=tree&resource=meeting:${tenant.meeting.id}`)
    expect(one).toEqual(all.filter(({ resource }) => resource.id === tenant.meeting.id))
    expect((await readAll('account=tree&resource=user')).every(({ resource }) => resource.type === 'user')).toBe(true)
    const middle = all[Math.floor(all.length / 2)]?.recorded_at ?? ''
    const since = await readAll(`account=tree&since=${middle}`)
    const until = await readAll(`account=tree&until=${middle}`)
    expect([...until, ...since]).toEqual(all)
  })
})

describe('the rights of a reader (E6)', () => {
  it('are those of the family', async () => {
    const { accountId } = tenant
    const meetings = await makeKey(http, accountId, ['events', 'meeting'])
    const accounts = await makeKey(http, accountId, ['events', 'account'])
    const families = async (secret: string) =>
      new Set((await readAll('', withKey(secret))).map(({ type }) => type.split('.')[0]))
    expect(await families(meetings.secret)).toEqual(new Set(['meeting']))
    expect((await families(accounts.secret)).has('meeting')).toBe(false)
    expect(await readAll('type=meeting.*', withKey(accounts.secret))).toEqual([])
  })

  it('are of what concerns a plain user', async () => {
    const { admin, user, accountId, key } = await makeTenant(http)
    await done(
      http,
      'POST',
      '/api/v6/meeting',
      { topic: 'Secret plans' },
      { ...withKey(key.secret), 'x-user-id': admin.id },
    )
    const seen = await readAll('', withToken(user.token))
    const own = ['user.created', 'presence.changed', 'meeting.scheduled', 'session.created']
    expect(seen.map(({ type }) => type)).toEqual(own)
    expect(JSON.stringify(seen)).not.toContain('Secret plans')
    expect(JSON.stringify(seen)).not.toContain(admin.email)
    expect((await readAll('', withToken(admin.token))).some(({ type }) => type === 'key.created')).toBe(true)
    expect(seen.every(({ account_id }) => account_id === accountId)).toBe(true)
  })

  it('end at the account, but for accounts below', async () => {
    const other = await makeTenant(http)
    const key = withKey(tenant.key.secret)
    expect(new Set((await readAll('', key)).map(({ account_id }) => account_id))).toEqual(new Set([tenant.accountId]))
    expect((await readAll('account=tree', key)).every(({ account_id }) => account_id === tenant.accountId)).toBe(true)
    const foreign = await call(http, 'GET', `/v3.0/events?account=${other.accountId}`, undefined, key)
    const absent = await call(http, 'GET', `/v3.0/events?account=${newId()}`, undefined, key)
    expect([foreign.status, absent.status]).toEqual([404, 404])
    const below = await readAll(`account=${other.accountId}`)
    expect(new Set(below.map(({ account_id }) => account_id))).toEqual(new Set([other.accountId]))
    const only = await makeKey(http, tenant.accountId, ['events', 'meeting'])
    const refused = await call(http, 'GET', '/v3.0/events?account=tree', undefined, withKey(only.secret))
    expect(refused.body.error.details.missing_scope).toBe('subaccounts')
  })

  it('give equal readers the same bytes', async () => {
    const again = await makeKey(http, tenant.accountId, ['account', 'meeting', 'events'])
    const third = await makeKey(http, tenant.accountId, ['account', 'meeting', 'events'])
    await settled()
    const url = '/v3.0/events?limit=1000'
    const bodies = await Promise.all(
      [again, third].map(({ secret }) => http.inject({ method: 'GET', url, headers: withKey(secret) })),
    )
    expect(bodies[0]?.body).toBe(bodies[1]?.body)
  })
})

describe('the chain (E5)', () => {
  const verify = (accountId: string) => verifyChain(app.database, app.signer, accountId)

  it('holds, also where a person was erased', async () => {
    const rows = (await wholeLog()).filter((row) => row.accountId === tenant.accountId)
    expect(await verify(tenant.accountId)).toEqual({ isIntact: true, events: rows.length })
    const erased = rows.filter((row) => row.redactedAt !== null)
    expect(erased.length).toBeGreaterThan(2)
    for (const row of erased) expect([row.data, row.actor, row.salt]).toEqual([null, null, null])
    // The account is named after the address, and the person goes on planning meetings.
    const until = rows.findIndex((row) => row.type === 'event.redacted')
    const told = rows.slice(0, until).filter((row) => row.resourceType !== 'account')
    expect(JSON.stringify(told)).not.toContain(tenant.admin.email)
    const shown = (await readAll(`account=${tenant.accountId}`)).filter(({ data }) => data === null)
    expect(shown).toHaveLength(erased.length)
    expect(shown[0]).toMatchObject({ actor: null, type: 'user.created', seq: expect.any(Number) })
  })

  it.each([
    [
      'data',
      sql`update events set data = replace(data, 'Plans', 'Plots') where type = 'meeting.scheduled'`,
      'the data was changed',
    ],
    ['the actor', sql`update events set actor = null where type = 'meeting.scheduled'`, 'the data was changed'],
    [
      'the type',
      sql`update events set type = 'meeting.cancelled' where type = 'meeting.scheduled'`,
      'the link was changed',
    ],
    [
      'the time',
      sql`update events set recorded_at = recorded_at + interval '1 millisecond' where type = 'meeting.scheduled'`,
      'the link was changed',
    ],
    ['what was there', sql`delete from events where type = 'meeting.scheduled'`, 'the event is missing'],
    [
      'the newest',
      sql`delete from events where (account_id, seq) in (select account_id, seq from event_heads)`,
      'the newest events are missing',
    ],
  ] as const)('breaks where somebody changes %s', async (_what, statement, reason) => {
    const { accountId } = await makeTenant(http)
    await settled()
    expect(await verify(accountId)).toMatchObject({ isIntact: true })
    const verdict = await app.database
      .transaction()
      .execute(async (trx) => {
        await statement.execute(trx)
        throw await verifyChain(trx, app.signer, accountId)
      })
      .catch((found: unknown) => found)
    expect(verdict).toMatchObject({ isIntact: false, reason })
    expect(await verify(accountId)).toMatchObject({ isIntact: true })
  })

  it('holds while the account goes on: what comes during the walk is no event that is missing', async () => {
    const { accountId, key } = await makeTenant(http)
    await settled()
    const before = await app.database.selectFrom('eventHeads').selectAll().where('accountId', '=', accountId).execute()
    let walks = 0
    const busy = app.database.withPlugin({
      transformQuery: ({ node }) => node,
      async transformResult({ result }) {
        if (result.rows.some((row) => 'dataHash' in row) && walks++ === 0) {
          await done(http, 'POST', '/api/v6/meeting', { topic: 'Amid it' }, withKey(key.secret))
          await settled()
        }
        return result
      },
    })
    expect(await verifyChain(busy, app.signer, accountId)).toEqual({ isIntact: true, events: before[0]?.seq })
    expect([walks, await verify(accountId)]).toEqual([1, { isIntact: true, events: expect.any(Number) }])
  })

  it('holds after old days went, from a checkpoint that only we can sign; readers of then are told', async () => {
    await settled()
    const { next: old } = await done(http, 'GET', '/v3.0/events?limit=1&account=tree')
    const { next: present } = await readPage('after=now')
    const dropped = await keepPartitions({
      connection,
      signer: app.signer,
      now: new Date(Date.now() + 3 * 86_400_000),
      keptDays: 1,
    })
    expect(dropped).toContain(new Date().toISOString().slice(0, 10))
    const gone = await call(http, 'GET', `/v3.0/events?after=${old}`, undefined, operator)
    expect(gone.status).toBe(410)
    expect(gone.body.error).toMatchObject({ type: 'cursor_expired', details: { oldest: present } })
    expect((await readPage(`after=${present}`)).data).toEqual([])
    const { topic } = (await done(http, 'POST', '/api/v6/meeting', { topic: 'After' }, withKey(tenant.key.secret))).data
    expect(topic).toBe('After')
    const [next] = await readAll(`account=${tenant.accountId}`)
    expect(next?.type).toBe('meeting.scheduled')
    expect(await verify(tenant.accountId)).toEqual({ isIntact: true, events: 1 })
    await sql`update event_checkpoints set seq = seq - 1`.execute(app.database)
    expect(await verify(tenant.accountId)).toMatchObject({
      isIntact: false,
      reason: expect.stringContaining('not signed'),
    })
  })
})
