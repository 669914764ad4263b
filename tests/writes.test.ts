/** What all changes have in common: one merge (A1), versions (A5), and one effect for each Idempotency-Key (A6). */
import { describe, expect, it } from 'vitest'
import { meetingLinks } from '../server/meeting/links.ts'
import { endIfOver, enterMeeting, leaveMeeting } from '../server/store/participants.ts'
import { call, testApp } from './app.ts'
import { done, makeTenant, operator, withKey } from './world.ts'

const { app, http, setNow } = await testApp()
const tenant = await makeTenant(http)
const other = await makeTenant(http)
const key = withKey(tenant.key.secret)
const meetingPath = `/api/v6/meeting/${tenant.meeting.id}`
const change = (body: unknown, headers: Record<string, string> = {}) =>
  call(http, 'PUT', `${meetingPath}/false`, body, { ...key, ...headers })
const read = async (path: string) => (await done(http, 'GET', path, undefined, key)).data

describe('a change (A1)', () => {
  it('keeps what is absent', async () => {
    await change({ agenda: 'Line 1\nLine 2', recurring: { own: { deep: [1] } }, invitedParticipants: [{ a: 1 }, 'b'] })
    const before = await read(meetingPath)
    await change({ topic: 'Another' })
    const after = await read(meetingPath)
    expect(after).toEqual({ ...before, topic: 'Another', icalSequence: String(Number(before.icalSequence) + 1) })
    expect(after.recurring.own).toEqual({ deep: [1] })
  })

  it('replaces lists and objects whole', async () => {
    await change({ invitedParticipants: ['c'], recurring: { frequencyType: 'daily' } })
    const { invitedParticipants, recurring } = await read(meetingPath)
    expect(invitedParticipants).toEqual(['c'])
    expect(recurring).toMatchObject({ frequencyType: 'daily', endsAfter: 0 })
    expect(recurring.own).toBeUndefined()
  })

  it('clears with null: the value is what a new object has', async () => {
    const fresh = await done(http, 'POST', '/api/v6/meeting', { topic: 'New' }, { ...key, 'x-user-id': tenant.user.id })
    const clearable = [
      'agenda', 'type', 'roomId', 'isRecurring', 'recurring', 'isRecorded', 'isDialin', 'invitedParticipants',
      'documents', 'meetingPermissionId', 'videoResolution', 'timezone',
    ] // biome-ignore format: a list to read
    await change({
      agenda: 'x', type: 'boardroom', isRecurring: true, recurring: { frequency: 2 }, isRecorded: true, isDialin: true,
      invitedParticipants: [1], documents: [1], meetingPermissionId: 'p', videoResolution: 'hd', timezone: 'Asia/Tokyo',
    }) // biome-ignore format: a list to read
    const answer = await change(Object.fromEntries(clearable.map((name) => [name, null])))
    expect(answer.status).toBe(200)
    for (const name of clearable) {
      if (name !== 'recurring') expect(answer.body.data[name], name).toEqual(fresh.data[name])
    }
    expect(answer.body.data.recurring).toMatchObject({ frequency: null, frequencyType: '' })
  })

  it('clears the fields of accounts and people too', async () => {
    const account = `/api/v6/account/${tenant.accountId}`
    const fresh = await read(account)
    const changed = {
      defaultMeetingType: 'x',
      iceCandidatesToFilter: ['10.'],
      autoDeleteMeetingsAfterXDays: 5,
      autoExtendMeetings: true,
    }
    await done(http, 'PUT', account, changed, key)
    expect(await read(account)).toMatchObject(changed)
    await done(http, 'PUT', account, Object.fromEntries(Object.keys(changed).map((name) => [name, null])), key)
    expect(await read(account)).toEqual(fresh)
    const person = `/api/v6/user/${tenant.user.id}`
    const user = await read(person)
    await done(
      http,
      'PUT',
      person,
      { lastName: 'L', externalUserId: 'e', timezone: 'Asia/Tokyo', additionalTimezones: ['UTC'] },
      key,
    )
    expect(await read(person)).toMatchObject({ lastName: 'L', externalUserId: 'e', timezone: 'Asia/Tokyo' })
    await done(
      http,
      'PUT',
      person,
      { lastName: null, externalUserId: null, timezone: null, additionalTimezones: null },
      key,
    )
    expect(await read(person)).toEqual(user)
    expect((await call(http, 'PUT', person, { firstName: null }, key)).status).toBe(400)
  })

  it('takes back its own answer whole, and that is no change', async () => {
    for (const path of [meetingPath, `/api/v6/account/${tenant.accountId}`, `/api/v6/user/${tenant.user.id}`]) {
      const { data } = await done(http, 'GET', path, undefined, key)
      const url = path === meetingPath ? `${path}/false` : path
      if (path === meetingPath) await done(http, 'PUT', url, data, key) // the filled-in `recurring` is kept from now on
      const before = await call(http, 'GET', path, undefined, key)
      const answer = await call(http, 'PUT', `${url}?strict=true`, before.body.data, key)
      expect(answer.status).toBe(200)
      expect(answer.headers['x-ignored-fields']).toBeUndefined()
      expect(answer.headers.etag).toBe(before.headers.etag)
      expect(answer.body.data).toEqual(before.body.data)
    }
  })

  it('refuses another id or account in the body', async () => {
    const paths = [`${meetingPath}/false`, `/api/v6/user/${tenant.user.id}`]
    for (const path of paths) {
      for (const field of ['id', 'accountId']) {
        const answer = await call(http, 'PUT', path, { [field]: other.accountId }, key)
        expect(answer.status).toBe(400)
        expect(answer.body.data.issues[0].field).toBe(field)
      }
    }
  })
})

describe('the time of a meeting', () => {
  const plan = async (body: object) =>
    (await done(http, 'POST', '/api/v6/meeting', { topic: 'Times', timezone: 'Europe/Brussels', ...body }, key)).data
  const move = async (id: string, body: object) =>
    (await done(http, 'PUT', `/api/v6/meeting/${id}/false`, body, key)).data

  it('is wall time in its zone, or an instant', async () => {
    const local = await plan({ startTime: '2030-07-01T09:00:00', duration: '90' })
    expect(local).toMatchObject({
      startTime: '2030-07-01T07:00:00.000Z',
      endTime: '2030-07-01T08:30:00.000Z',
      duration: '90',
    })
    const instant = await plan({ startTime: '2030-07-01T09:00:00+05:30', endTime: '2030-07-01T05:00:00Z' })
    expect(instant).toMatchObject({ startTime: '2030-07-01T03:30:00.000Z', duration: '90' })
  })

  it('moves forward where the clock skips it, and is the first where the clock repeats it', async () => {
    const gap = await plan({ startTime: '2030-03-31T02:30:00', duration: 60 })
    expect(gap.startTime).toBe('2030-03-31T01:30:00.000Z')
    const overlap = await plan({ startTime: '2030-10-27T02:30:00', duration: 60 })
    expect(overlap.startTime).toBe('2030-10-27T00:30:00.000Z')
    expect(overlap.endTime).toBe('2030-10-27T01:30:00.000Z')
  })

  it('keeps the wall time in a new zone, the length with a new start, and follows a new length', async () => {
    const { id } = await plan({ startTime: '2030-07-01T09:00:00', duration: 60 })
    expect(await move(id, { timezone: 'America/New_York' })).toMatchObject({
      startTime: '2030-07-01T13:00:00.000Z',
      endTime: '2030-07-01T14:00:00.000Z',
    })
    expect(await move(id, { startTime: '2030-07-02T09:00:00' })).toMatchObject({
      startTime: '2030-07-02T13:00:00.000Z',
      endTime: '2030-07-02T14:00:00.000Z',
      duration: '60',
    })
    expect(await move(id, { duration: 30 })).toMatchObject({ endTime: '2030-07-02T13:30:00.000Z', duration: '30' })
    expect(await move(id, { endTime: '2030-07-02T15:00:00Z' })).toMatchObject({ duration: '120' })
  })

  it('makes it open from 30 minutes before until its end', async () => {
    const { id } = await plan({ startTime: '2030-07-01T09:00:00Z', endTime: '2030-07-01T10:00:00Z' })
    const at = async (time: string) => {
      setNow(Date.parse(time))
      const { isOpen, isClosed, isActive } = (await done(http, 'GET', `/api/v6/meeting/${id}`, undefined, operator))
        .data
      return { isOpen, isClosed, isActive }
    }
    expect(await at('2030-07-01T08:29:59.999Z')).toEqual({ isOpen: false, isClosed: false, isActive: false })
    expect(await at('2030-07-01T08:30:00.000Z')).toEqual({ isOpen: true, isClosed: false, isActive: false })
    expect(await at('2030-07-01T09:59:59.999Z')).toEqual({ isOpen: true, isClosed: false, isActive: false })
    expect(await at('2030-07-01T10:00:00.000Z')).toEqual({ isOpen: false, isClosed: true, isActive: false })
    setNow(Date.now())
  })
})

describe('a meeting that somebody is in', () => {
  it('stays open past its end, until it is empty', async () => {
    const body = { topic: 'Long', startTime: '2030-07-01T09:00:00Z', endTime: '2030-07-01T10:00:00Z' }
    const { id } = (await done(http, 'POST', '/api/v6/meeting', body, key)).data
    const links = meetingLinks(app)
    const at = async (time: string) => {
      setNow(Date.parse(time))
      const { isOpen, isClosed, isActive, dtClosedAt } = (await done(http, 'GET', `/api/v6/meeting/${id}`)).data
      return { isOpen, isClosed, isActive, dtClosedAt }
    }
    const found = async (query: string) =>
      (await done(http, 'GET', `/api/v6/meeting?topic=Long&${query}`, undefined, key)).total
    const guest = {
      id: `par_${id}`,
      meetingId: id,
      name: 'G',
      email: null,
      role: 'guest' as const,
      phone: null,
      leftAt: null,
    }
    const joinedAt = new Date('2030-07-01T09:30:00Z')
    await enterMeeting(app.database, links, { ...guest, joinedAt }, joinedAt)
    const inside = { isOpen: true, isClosed: false, isActive: true, dtClosedAt: null }
    expect(await at('2030-07-01T09:31:00Z')).toEqual(inside)
    expect(await at('2030-07-01T23:00:00Z')).toEqual(inside)
    expect([await found('isActive=true'), await found('isClosed=true')]).toEqual([1, 0])
    await leaveMeeting(app.database, links, id, guest.id, 'left', new Date('2030-07-01T23:00:00Z'))
    expect(await at('2030-07-01T23:00:01Z')).toEqual({ ...inside, isOpen: false, isClosed: true, isActive: false })
    expect(await endIfOver(app.database, links, id, new Date('2030-07-01T23:00:02Z'))).toBe(true)
    expect(await at('2030-07-01T23:00:03Z')).toMatchObject({ isClosed: true, dtClosedAt: '2030-07-01T23:00:02.000Z' })
    expect([await found('isActive=true'), await found('isClosed=true')]).toEqual([0, 1])
    setNow(Date.now())
  })
})

describe('a version (A5)', () => {
  it('is checked when it is asked for', async () => {
    const { headers } = await call(http, 'GET', meetingPath, undefined, key)
    const etag = String(headers.etag)
    expect(etag).toMatch(/^"\d+"$/)
    const changed = await change({ topic: `Version ${etag}` }, { 'if-match': etag })
    expect(changed.headers.etag).toBe(`"${Number(etag.slice(1, -1)) + 1}"`)
    const late = await change({ topic: 'Too late' }, { 'if-match': etag })
    expect(late.status).toBe(412)
    expect(late.body).toMatchObject({ responseCode: -11 })
    expect((await read(meetingPath)).topic).toBe(`Version ${etag}`)
    expect((await change({ topic: 'Any' }, { 'if-match': '*' })).status).toBe(200)
    expect((await change({ topic: 'One of' }, { 'if-match': `"1", ${(await change({})).headers.etag}` })).status).toBe(
      200,
    )
  })

  it.each([
    ['PUT', () => `/api/v6/account/${tenant.accountId}`],
    ['PUT', () => `/api/v6/user/${tenant.user.id}`],
    ['DELETE', () => `/api/v6/user/${tenant.user.id}`],
    ['DELETE', () => meetingPath],
    ['POST', () => `${meetingPath}/close`],
    ['DELETE', () => `/api/v6/account/${tenant.accountId}`],
  ] as const)('is checked by %s of every object', async (method, path) => {
    const answer = await call(http, method, path(), undefined, { ...operator, 'if-match': '"9999"' })
    expect(answer.status).toBe(412)
  })
})

describe('an Idempotency-Key (A6)', () => {
  const once = (name: string, headers: Record<string, string> = key) => ({ ...headers, 'idempotency-key': name })
  const countMeetings = async () => (await done(http, 'GET', '/api/v6/meeting', undefined, key)).total

  it('carries a call out once and answers it again', async () => {
    const before = await countMeetings()
    const body = { topic: 'Once' }
    const first = await call(http, 'POST', '/api/v6/meeting', body, once('a'))
    const again = await call(http, 'POST', '/api/v6/meeting', body, once('a'))
    expect(again.body).toEqual(first.body)
    expect(again.headers.etag).toBe(first.headers.etag)
    expect(first.headers['idempotent-replayed']).toBeUndefined()
    expect(again.headers['idempotent-replayed']).toBe('true')
    expect(await countMeetings()).toBe(before + 1)
  })

  it('refuses another request under the same key', async () => {
    const answer = await call(http, 'POST', '/api/v6/meeting', { topic: 'Other' }, once('a'))
    expect(answer.status).toBe(422)
    expect(answer.body.responseCode).toBe(-12)
  })

  it('belongs to the credential and the operation', async () => {
    const elsewhere = await call(http, 'POST', '/api/v6/meeting', { topic: 'B' }, once('a', withKey(other.key.secret)))
    expect(elsewhere.status).toBe(200)
    const user = { email: 'once@example.com', firstName: 'Once' }
    expect((await call(http, 'POST', '/api/v6/user', user, once('a'))).status).toBe(200)
    expect((await call(http, 'POST', '/api/v6/user', user, once('a'))).headers['idempotent-replayed']).toBe('true')
  })

  it('forgets a call that failed', async () => {
    const user = { email: tenant.user.email, firstName: 'Twice' }
    expect((await call(http, 'POST', '/api/v6/user', user, once('failed'))).status).toBe(409)
    const other = { email: 'works@example.com', firstName: 'Twice' }
    expect((await call(http, 'POST', '/api/v6/user', other, once('failed'))).status).toBe(200)
  })

  it('answers again what cannot be done again', async () => {
    const { id } = (await done(http, 'POST', '/api/v6/meeting', { topic: 'Gone' }, key)).data
    const first = await call(http, 'DELETE', `/api/v6/meeting/${id}`, undefined, once('gone'))
    expect(first.status).toBe(200)
    expect((await call(http, 'DELETE', `/api/v6/meeting/${id}`, undefined, once('gone'))).body).toEqual(first.body)
    expect((await call(http, 'DELETE', `/api/v6/meeting/${id}`, undefined, key)).status).toBe(404)
  })

  it('lets one of many that come at once through', async () => {
    const before = await countMeetings()
    const body = { topic: 'At once' }
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => call(http, 'POST', '/api/v6/meeting', body, once('race'))),
    )
    const statuses = answers.map(({ status }) => status)
    expect(statuses.filter((status) => status !== 200 && status !== 409)).toEqual([])
    expect(await countMeetings()).toBe(before + 1)
    const carriedOut = answers.filter(({ status, headers }) => status === 200 && !headers['idempotent-replayed'])
    expect(carriedOut).toHaveLength(1)
  })

  it('never shows a key again, and keeps fields that only look like one', async () => {
    const made = await call(http, 'POST', '/api/v6/apikey', { name: 'Once' }, once('key'))
    expect(made.body.data.key).toMatch(/^[\w-]{43}$/)
    const again = await call(http, 'POST', '/api/v6/apikey', { name: 'Once' }, once('key'))
    expect(again.body.data).toEqual({ ...made.body.data, key: undefined })
    const body = { topic: 'Keyed', recurring: { key: 'stays', auth_token: 'too' } }
    await call(http, 'POST', '/api/v6/meeting', body, once('keyed'))
    const replay = await call(http, 'POST', '/api/v6/meeting', body, once('keyed'))
    expect(replay.body.data.recurring).toMatchObject({ key: 'stays', auth_token: 'too' })
  })

  it.each(['', 'x'.repeat(256), 'tab\t'])('refuses the key %j', async (name) => {
    const answer = await call(http, 'POST', '/api/v6/meeting', { topic: 'Named' }, once(name))
    expect(answer.status).toBe(400)
  })
})
