/** Snapshots with their cursors: each, with the events after it, makes every later one (E1, E4); and who sees what (E6). */
import { randomUUIDv7 } from 'node:crypto'
import pg from 'pg'
import { afterAll, expect, it, vi } from 'vitest'
import { callExamples } from '../contract/call.ts'
import type { Event } from '../contract/event.ts'
import type { EventData } from '../contract/events.ts'
import { drawInteger, seededRandom } from '../engine/testing/random.ts'
import { toInboxRow } from '../server/events/inbox.ts'
import { newId } from '../server/ids.ts'
import { meetingLinks } from '../server/meeting/links.ts'
import type { CallRow, PersonRow } from '../server/store/call-batch.ts'
import { enterMeeting, leaveMeeting } from '../server/store/participants.ts'
import { type RegistrationRow, writeRegistrations } from '../server/store/registrations.ts'
import { DeviceEvents } from '../server/voice/device-events.ts'
import type { Binding } from '../engine/sip/registrar.ts'
import { call, testApp } from './app.ts'
import { openBatches } from './call-batches.ts'
import { done, makeKey, makeTenant, operator, type Tenant, withKey, withTelephony, withToken } from './world.ts'

const { app, http, connection } = await testApp()
vi.setConfig({ testTimeout: 60_000 })
const tenant = await withTelephony({ app, http }, await makeTenant(http))
const key = withKey(tenant.key.secret)
const links = meetingLinks(app)
const client = new pg.Client(connection)
await client.connect()
const batches = await openBatches(client)
afterAll(() => client.end())
const { state: exampleCall } = callExamples

type Item = Record<string, unknown> & { readonly id: string; readonly resource_seq: number }
interface Snapshot {
  readonly data: Item[]
  readonly cursor: string
}
const snapshot = (kind: string, headers: Record<string, string> = key): Promise<Snapshot> =>
  done(http, 'GET', `/v3.0/realtime/${kind}`, undefined, headers)

/** What a client does with an event (E4); undefined: the thing is over. */
type Apply = (item: Item | undefined, event: Event) => Item | undefined
const apply: Record<string, Apply> = {
  calls: (item, { type, data, resource_seq }) => {
    const told = (data as { call?: Item & { status: string } }).call
    if (!type.startsWith('call.') || !told) return item
    return told.status === 'ended' ? undefined : { ...told, resource_seq }
  },
  registrations: (_item, { account_id, resource: { id }, data, resource_seq }) => {
    const { bindings } = data as { bindings: object[] }
    return bindings.length === 0 ? undefined : { id, account_id, bindings, resource_seq }
  },
  meetings: (item, { type, account_id, resource, data, resource_seq }) => {
    const told = data as { meeting: object; after: object; participant: { id: string } }
    const at = { account_id, id: resource.id, resource_seq }
    const people = (item?.participants ?? []) as { id: string }[]
    const others = people.filter(({ id }) => id !== told.participant?.id)
    if (type === 'meeting.started') return { ...at, meeting: told.meeting, participants: [] }
    if (!item) return undefined
    if (type === 'meeting.participant_joined')
      return { ...at, meeting: told.meeting, participants: [...others, told.participant] }
    if (type === 'meeting.participant_left') return { ...at, meeting: told.meeting, participants: others }
    if (type === 'meeting.updated') return { ...at, meeting: told.after, participants: people }
    return type === 'meeting.ended' || type === 'meeting.cancelled' ? undefined : item
  },
  presence: (_item, { data, resource_seq }) => {
    const { presence } = data as EventData<'presence.changed'>
    return presence ? { ...presence, resource_seq } : undefined
  },
}

async function goOn(kind: string, { data, cursor }: Snapshot): Promise<Item[]> {
  const items = new Map(data.map((item) => [item.id, item]))
  const resource = kind.replace(/s$/, '')
  for (let after = cursor; ; ) {
    const page = await done(http, 'GET', `/v3.0/events?limit=1000&after=${after}&resource=${resource}`, undefined, key)
    for (const event of page.data as Event[]) {
      const item = items.get(event.resource.id)
      if (item && event.resource_seq <= item.resource_seq) continue
      const next = apply[kind]?.(item, event)
      if (next) items.set(event.resource.id, next)
      else items.delete(event.resource.id)
    }
    if (page.data.length === 0) return [...items.values()].sort(byId)
    after = page.next
  }
}

const byId = (a: Item, b: Item) => (a.id < b.id ? -1 : 1)

async function settled(): Promise<void> {
  while (await app.database.selectFrom('eventInbox').select('id').limit(1).executeTakeFirst()) app.sequencer.poke()
}

let batch = 0
const live = new Map<string, number>()

/** One step of a call, as the voice process writes it. */
async function stepOfCall(random: () => number): Promise<void> {
  const known = [...live.keys()]
  const isNew = known.length === 0 || random() < 0.3
  const id = isNew ? `call_${newId()}` : (known[drawInteger(random, known.length)] ?? '')
  const seq = (live.get(id) ?? 0) + 1
  const isEnd = !isNew && random() < 0.3
  const status: EventData<'call.started'>['call']['status'] = isEnd
    ? 'ended'
    : isNew
      ? 'started'
      : random() < 0.5
        ? 'ringing'
        : 'held'
  const told = { ...exampleCall, id, account_id: tenant.accountId, status, called_number: `"${seq}"` }
  const event = toInboxRow({
    accountId: tenant.accountId,
    userId: tenant.user.id,
    type: isEnd ? 'call.ended' : isNew ? 'call.started' : 'call.held',
    resourceId: id,
    resourceSeq: seq,
    actor: null,
    data: { call: told, leg_id: null },
  })
  batch += 1
  const row = aRow(id, seq, isEnd ? null : JSON.stringify(told), isEnd)
  const events = [{ row: event, endOf: isEnd ? id : null }]
  await batches.write({ node: 'test', number: batch, calls: [row], legs: [], traces: [], events })
  if (isEnd) live.delete(id)
  else live.set(id, seq)
  app.sequencer.poke()
}

const aRow = (id: string, seq: number, state: string | null, isEnd: boolean): CallRow => ({
  ...blank,
  id,
  account_id: tenant.accountId,
  resource_seq: seq,
  direction: 'internal',
  caller_number: '1001',
  called_number: '1002',
  owner_id: tenant.user.id,
  from_user_id: tenant.user.id,
  to_user_id: tenant.admin.id,
  is_emergency: false,
  started_at: exampleCall.started_at,
  ended_at: isEnd ? exampleCall.started_at : null,
  heartbeat_at: exampleCall.started_at,
  node: 'test',
  state,
})
const nothing = [
  'caller_name callee_number callee_name from_device_id to_device_id trunk_id callflow_id caller_call_id callee_call_id',
  'ringing_at answered_at hangup_cause ended_by sip_code q850_cause duration_seconds billing_seconds detected_country',
  'detected_type correlation_id quality snapshot live_legs',
]
const blank = Object.fromEntries(
  nothing
    .join(' ')
    .split(' ')
    .map((name) => [name, null]),
) as unknown as CallRow

const deviceEvents = new DeviceEvents(Date.now)
const bound = new Map<string, Binding>()

async function stepOfDevice(random: () => number): Promise<void> {
  const deviceId = tenant.telephony?.deviceId ?? ''
  const contact = `sip:phone@192.0.2.${drawInteger(random, 3)}:5060`
  const before = bound.get(contact)
  const isGone = before !== undefined && random() < 0.5
  const binding = before ?? aBinding(contact)
  if (isGone) bound.delete(contact)
  else bound.set(contact, binding)
  const device = { deviceId, accountId: tenant.accountId, username: 'phone', ownerId: null }
  const change = isGone
    ? ({ type: 'removed', binding, reason: 'unregistered' } as const)
    : before
      ? ({ type: 'changed', binding, before } as const)
      : ({ type: 'added', binding } as const)
  const event = deviceEvents.rowOf(device, change, [...bound.values()])
  const row = { ...registrationRow, deviceId, accountId: tenant.accountId, binding: contact, contact }
  const name = { deviceId, binding: contact }
  await writeRegistrations(app.database, isGone ? [] : [row], isGone ? [name] : [], event ? [event] : [])
  app.sequencer.poke()
}

const registrationRow: Omit<RegistrationRow, 'deviceId' | 'accountId' | 'binding' | 'contact'> = {
  aor: 'phone',
  instance: null,
  regId: null,
  callId: 'a',
  cseq: 1,
  path: [],
  flow: {},
  transport: 'udp',
  userAgent: null,
  contactIp: '192.0.2.1',
  contactPort: 5060,
  registeredAt: new Date(),
  expiresAt: new Date(Date.now() + 3_600_000),
  node: 'test',
}
const aBinding = (contact: string): Binding => ({
  key: contact,
  contact,
  q: 1,
  instance: null,
  regId: null,
  callId: 'a',
  cseq: 1,
  path: [],
  source: { transport: 'udp', address: '192.0.2.1', port: 5060, flow: null },
  userAgent: '',
  registeredAt: Date.now(),
  expiresAt: Date.now() + 3_600_000,
})

const inside = new Map<string, string[]>()

async function stepOfMeeting(random: () => number): Promise<void> {
  const ids = [...inside.keys()]
  if (ids.length < 3) {
    const { data } = await done(http, 'POST', '/api/v6/meeting', { topic: 'M' }, key)
    inside.set(data.id, [])
    return
  }
  const id = ids[drawInteger(random, ids.length)] ?? ''
  const people = inside.get(id) ?? []
  const dice = random()
  if (dice < 0.45) {
    const guest = { id: `par_${newId()}`, meetingId: id, name: 'G', email: null, role: 'guest' as const, phone: null }
    await enterMeeting(app.database, links, { ...guest, joinedAt: new Date(), leftAt: null }, new Date())
    people.push(guest.id)
  } else if (dice < 0.7 && people.length > 0) {
    await leaveMeeting(app.database, links, id, people.shift() ?? '', 'left', new Date())
  } else if (dice < 0.9) {
    await done(http, 'PUT', `/api/v6/meeting/${id}/false`, { topic: `T${dice}` }, key)
  } else {
    inside.delete(id)
    if (dice < 0.95) await done(http, 'POST', `/api/v6/meeting/${id}/close`, undefined, key)
    else await done(http, 'DELETE', `/api/v6/meeting/${id}`, undefined, key)
  }
  app.sequencer.poke()
}

/** What the voice process wrote last of people. */
const engaged = new Map<string, Pick<PersonRow, 'calls' | 'is_talking'>>()
const ownDevices: string[] = []
const people: string[] = []

/** The three who write of presence, at once, as they do in the product. */
async function stepOfPresence(random: () => number): Promise<void> {
  while (people.length < 3) people.push(await newPerson())
  while (ownDevices.length < 3) ownDevices.push(await newDevice())
  await Promise.all([engage(random), bind(random), configure(random)])
  app.sequencer.poke()
}

const oneOf = <T>(random: () => number, list: readonly T[]): T => list[drawInteger(random, list.length)] as T
const newPerson = async (): Promise<string> =>
  (await done(http, 'PUT', '/v3.0/users', { data: { first_name: 'P', do_not_disturb: true } }, key)).data.id
const newDevice = async (): Promise<string> =>
  (await done(http, 'PUT', '/v3.0/devices', { data: { name: 'Phone' } }, key)).data.id

/** A batch of calls: several people, in any order. */
async function engage(random: () => number): Promise<void> {
  const chosen = people.toSorted(() => random() - 0.5).slice(0, 1 + drawInteger(random, 2))
  const rows = chosen.map((user_id): PersonRow => {
    const calls = ['call_a', 'call_b'].slice(0, drawInteger(random, 3))
    const is_talking = calls.length > 0 && random() < 0.5
    engaged.set(user_id, { calls, is_talking })
    return { user_id, calls, is_talking, event_id: randomUUIDv7(), occurred_at: new Date().toISOString() }
  })
  batch += 1
  const nothing = { calls: [], legs: [], traces: [], events: [] }
  await batches.write({ ...nothing, node: 'test', number: batch, people: rows })
}

const bindings = new Map<string, Binding>()

async function bind(random: () => number): Promise<void> {
  const deviceId = oneOf(random, ownDevices)
  const contact = `sip:${deviceId}@192.0.2.1:5060`
  const before = bindings.get(deviceId)
  const binding = before ?? aBinding(contact)
  if (before) bindings.delete(deviceId)
  else bindings.set(deviceId, binding)
  const device = { deviceId, accountId: tenant.accountId, username: 'phone', ownerId: null }
  const change = before
    ? ({ type: 'removed', binding, reason: 'unregistered' } as const)
    : ({ type: 'added', binding } as const)
  const event = deviceEvents.rowOf(device, change, before ? [] : [binding])
  const row = { ...registrationRow, deviceId, accountId: tenant.accountId, binding: contact, contact }
  const gone = before ? [{ deviceId, binding: contact }] : []
  await writeRegistrations(app.database, before ? [] : [row], gone, event ? [event] : [])
}

async function configure(random: () => number): Promise<void> {
  const userId = oneOf(random, people)
  const dice = random()
  if (dice < 0.4) {
    await done(http, 'PATCH', `/v3.0/users/${userId}`, { data: { do_not_disturb: random() < 0.5 } }, key)
  } else if (dice < 0.8) {
    const owner_id = random() < 0.2 ? null : userId
    await done(http, 'PATCH', `/v3.0/devices/${oneOf(random, ownDevices)}`, { data: { owner_id } }, key)
  } else {
    const deleted = await call(http, 'DELETE', `/v3.0/users/${userId}`, undefined, key)
    if (deleted.status !== 200) return // a device is this person's
    people.splice(people.indexOf(userId), 1)
    engaged.delete(userId)
  }
}

it.each([
  ['calls', stepOfCall, 300],
  ['registrations', stepOfDevice, 200],
  ['meetings', stepOfMeeting, 150],
  ['presence', stepOfPresence, 150],
] as const)('%s: any snapshot and the events after it make the last one', async (kind, step, steps) => {
  const seed = Date.now() % 2 ** 31
  const random = seededRandom(seed)
  const taken: Snapshot[] = [await snapshot(kind)]
  let isOver = false
  const watching = (async () => {
    while (!isOver) taken.push(await snapshot(kind))
  })()
  for (let index = 0; index < steps; index++) await step(random)
  isOver = true
  await watching
  await settled()
  const last = await snapshot(kind)
  expect(taken.length).toBeGreaterThan(10)
  // In the end there may be none.
  expect(
    taken.some(({ data }) => data.length > 0),
    `seed ${seed}`,
  ).toBe(true)
  for (const one of taken.filter((_, index) => index % Math.ceil(taken.length / 40) === 0)) {
    expect(await goOn(kind, one), `seed ${seed}`).toEqual(last.data.toSorted(byId))
  }
})

it('presence is what calls, registrations and users are, whoever wrote last', async () => {
  const truth = await app.database
    .selectFrom('users')
    .select((is) => [
      'id',
      is
        .exists(
          is
            .selectFrom('registrations')
            .innerJoin('devices', 'devices.id', 'registrations.deviceId')
            .whereRef('ownerId', '=', 'users.id'),
        )
        .as('isRegistered'),
      'settings',
    ])
    .where('id', 'in', people)
    .execute()
  const { data } = await snapshot('presence')
  for (const { id, isRegistered, settings } of truth) {
    const { calls, is_talking } = engaged.get(id) ?? { calls: [], is_talking: false }
    const do_not_disturb = settings.do_not_disturb ?? false
    const waiting = !isRegistered ? 'offline' : do_not_disturb ? 'do_not_disturb' : 'available'
    const state = is_talking ? 'talking' : calls.length > 0 ? 'ringing' : waiting
    const shown = { is_registered: isRegistered, do_not_disturb, calls, state }
    expect(data.find((one) => one.id === id)).toMatchObject(shown)
  }
})

it('E6: what a batch tells of presence is written as all else is', async () => {
  await settled()
  const rows = await app.database.selectFrom('events').select('data').where('type', '=', 'presence.changed').execute()
  expect(rows.some(({ data }) => data?.includes('"calls":["call_a","call_b"]'))).toBe(true)
  for (const { data } of rows) expect(JSON.stringify(JSON.parse(data ?? ''))).toBe(data)
})

it('nobody is told of a presence that is as it was, nor of one who is no more', async () => {
  const someone = await makeTenant(http)
  const headers = withKey(someone.key.secret)
  const userId = someone.user.id
  const told = async () => {
    await settled()
    const { data } = await done(http, 'GET', '/v3.0/events?resource=presence', undefined, headers)
    return (data as Event[]).filter(({ resource }) => resource.id === userId)
  }
  const write = async (user_id: string, calls: string[]) => {
    batch += 1
    const person = { user_id, calls, is_talking: false, event_id: randomUUIDv7(), occurred_at: '2026-05-04T09:00:00Z' }
    const nothing = { calls: [], legs: [], traces: [], events: [] }
    await batches.write({ ...nothing, node: 'test', number: batch, people: [person] })
  }
  expect((await told()).map(({ data }) => data)).toMatchObject([{ presence: { state: 'offline' } }])
  await write(userId, [])
  await write(newId(), ['call_a'])
  await done(http, 'PATCH', `/v3.0/users/${userId}`, { data: { last_name: 'Other' } }, headers)
  expect(await told()).toHaveLength(1)
  await write(userId, ['call_a'])
  await write(userId, ['call_a'])
  expect((await told()).at(-1)).toMatchObject({
    resource_seq: 2,
    actor: null,
    data: { presence: { state: 'ringing' } },
  })
  await done(http, 'PATCH', `/v3.0/users/${userId}`, { data: { do_not_disturb: true } }, headers)
  expect((await told()).at(-1)).toMatchObject({
    resource_seq: 3,
    actor: { type: 'key' },
    data: { presence: { state: 'ringing', do_not_disturb: true, calls: ['call_a'] } },
  })
  const own = await done(http, 'GET', '/v3.0/events?type=presence.*', undefined, withToken(someone.user.token))
  expect(own.data).toHaveLength(3)
})

async function insertLive({ accountId }: Tenant, fields: object): Promise<void> {
  const id = `call_${newId()}`
  const row = { id, accountId, direction: 'internal' as const, callerNumber: '1', calledNumber: '2', node: 'x' }
  const at = { startedAt: new Date(), heartbeatAt: new Date() }
  await app.database
    .insertInto('calls')
    .values({ ...row, ...at, state: JSON.stringify({ id }), ...fields })
    .execute()
}

it('queues are none yet, with a cursor all the same', async () => {
  expect(await snapshot('queues')).toEqual({ data: [], cursor: expect.stringMatching(/^c/) })
})

it('shows nobody what is another’s, and names the scope that is missing', async () => {
  const stranger = await makeTenant(http)
  await insertLive(stranger, { ownerId: stranger.admin.id })
  for (const kind of ['calls', 'registrations', 'meetings', 'presence']) {
    const own = await snapshot(kind, withKey(stranger.key.secret))
    for (const { account_id } of own.data) if (account_id !== undefined) expect(account_id).toBe(stranger.accountId)
    const plain = await snapshot(kind, withToken(stranger.user.token))
    expect(plain.data.map(({ id }) => id)).toEqual(kind === 'presence' ? [stranger.user.id] : [])
    const foreign = await call(
      http,
      'GET',
      `/v3.0/realtime/${kind}?account=${tenant.accountId}`,
      undefined,
      withKey(stranger.key.secret),
    )
    expect(foreign.status).toBe(404)
    const narrow = await makeKey(http, stranger.accountId, ['realtime'])
    const refused = await call(http, 'GET', `/v3.0/realtime/${kind}`, undefined, withKey(narrow.secret))
    expect(refused.body.error.details.missing_scope).toBe(kind === 'meetings' ? 'meeting' : 'telephony:read')
  }
  const tree = await done(http, 'GET', '/v3.0/realtime/calls?account=tree', undefined, operator)
  expect(tree.data.length).toBeGreaterThanOrEqual((await snapshot('calls')).data.length + 1)
})
