/** The meeting socket (M4, M6, M20): who is inside, what is told, and what a hostile or unlucky page can do. */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { call, type TestApp, testApp } from './app.ts'
import { until } from './carillon.ts'
import { FakeWorker, Page, type Refused } from './page.ts'

const worker = new FakeWorker()
const { http, app, setNow } = await testApp({ openMedia: worker.open, environment: { CARILLON_PARTICIPANTS: '4' } })
const url = await http.listen({ host: '127.0.0.1', port: 0 })
/** One that soon takes those for lost who are away: only where that is waited for, since a page may be slow to come back. */
const hastyWorker = new FakeWorker()
const hasty = await testApp({ openMedia: hastyWorker.open, graceMs: 150 })
const hastyUrl = await hasty.http.listen({ host: '127.0.0.1', port: 0 })

let meeting: { id: string; meetingId: string; hostUrl: string; accountId: string }
let userId: string
const pages: Page[] = []

beforeEach(async () => {
  userId = await newHost()
  meeting = await schedule(new Date(app.clock()))
})

afterEach(() => {
  for (const page of pages.splice(0)) page.socket.close()
})

async function newHost(at = http): Promise<string> {
  const email = `host-${Math.random().toString(36).slice(2)}@example.com`
  const admin = { adminFirstname: 'Anna', adminLastname: 'Host', adminEmail: email }
  const account = await call(at, 'POST', '/api/v6/account', { accountType: 'trial', ...admin })
  const admins = await call(at, 'GET', `/api/v6/account/admin/${account.body.data.id}`)
  return admins.body.data[0].id
}

async function schedule(startTime: Date, at = http, host = userId) {
  const body = { topic: 'Weekly', startTime: startTime.toISOString(), duration: 60 }
  return (await call(at, 'POST', '/api/v6/meeting', body, { 'x-user-id': host })).body.data
}

async function open(at = url): Promise<Page> {
  const page = await Page.open(at)
  pages.push(page)
  return page
}

async function enter(name: string, more: Parameters<Page['join']>[2] = {}) {
  const page = await open()
  return { page, ...(await page.join(meeting.meetingId, name, more)) }
}

/** Where somebody is, as the server has it. */
async function placeOf(participantId: string) {
  const room = await app.rooms.open(meeting.id)
  const member = room?.members.get(participantId)
  if (!room || !member) throw new Error('nobody is there')
  return { room, member }
}

const hostToken = () => meeting.hostUrl.split('#host=')[1] ?? ''
const isOfMeeting = (event: { resource: { id: string } }) => event.resource.id === meeting.id

async function history(of: Pick<TestApp, 'app' | 'http'> = { app, http }): Promise<string[]> {
  const { database } = of.app
  await until(async () => !(await database.selectFrom('eventInbox').selectAll().executeTakeFirst()), 'sequenced')
  const { body } = await call(of.http, 'GET', '/v3.0/events?account=tree&type=meeting.*&limit=1000')
  return body.data.filter(isOfMeeting).map((event: { type: string }) => event.type)
}

it('tells each step as an event, and exactly one end', async () => {
  const host = await enter('Anna', { hostToken: hostToken() })
  const guest = await enter('Ben')
  expect([host.hello.role, guest.hello.role]).toEqual(['host', 'guest'])
  expect(guest.joined.participants.map(({ name }) => name)).toEqual(['Anna', 'Ben'])
  await host.page.event('participant_joined', ({ participant }) => participant.name === 'Ben')
  await guest.page.ask('leave', {})
  await host.page.event('participant_left', ({ reason }) => reason === 'left')
  await host.page.ask('end', {})
  expect((await host.page.event('bye')).reason).toBe('ended')
  await host.page.closed()
  expect(await history()).toEqual([
    'meeting.scheduled',
    'meeting.started',
    'meeting.participant_joined',
    'meeting.participant_joined',
    'meeting.participant_left',
    'meeting.participant_left',
    'meeting.ended',
  ])
})

it('M6: a reload within the grace takes the same place and nobody left', async () => {
  const watcher = await enter('Anna')
  const first = await enter('Ben')
  await first.page.ask('wanted', {
    wanted: [{ participantId: watcher.joined.self.id, source: 'camera', height: 360 }],
  })
  await watcher.page.ask('wanted', { wanted: [{ participantId: first.joined.self.id, source: 'camera', height: 360 }] })
  first.page.socket.close()
  await watcher.page.event('participant_updated', ({ participant }) => !participant.isConnected)
  const again = await open()
  const { resumeToken } = first.joined
  const hello = await again.ask('hello', { meetingId: meeting.meetingId, resumeToken })
  expect(hello.self?.id).toBe(first.joined.self.id)
  expect(hello.resumeName).toBe('Ben')
  await again.ask('join', { name: 'Ben', microphone: false, camera: false })
  await watcher.page.event('participant_updated', ({ participant }) => participant.isConnected && !participant.camera)
  expect(watcher.page.events('participant_left')).toEqual([])
  // The worker is told the new peer's name by itself: the page knows participants only.
  const shown = worker.of('wanted').at(-1)?.wanted[0]?.peerId
  expect(shown).toContain(first.joined.self.id)
  expect(shown).not.toBe(worker.of('wanted').find(({ wanted }) => wanted[0]?.peerId !== shown)?.wanted[0]?.peerId)
  expect((await history()).filter((type) => type === 'meeting.participant_left')).toEqual([])
})

it('M6: whoever stays away longer has left, and says so once', async () => {
  meeting = await schedule(new Date(hasty.app.clock()), hasty.http, await newHost(hasty.http))
  const [watcher, gone] = [await open(hastyUrl), await open(hastyUrl)]
  await watcher.join(meeting.meetingId, 'Anna')
  const { joined } = await gone.join(meeting.meetingId, 'Ben')
  gone.socket.close()
  const left = await watcher.event('participant_left')
  expect(left).toEqual({ participantId: joined.self.id, reason: 'lost' })
  expect((await history(hasty)).filter((type) => type === 'meeting.participant_left')).toHaveLength(1)
})

it('M6: whose place ran out between hello and join comes in anew', async () => {
  const watcher = await enter('Anna')
  const first = await enter('Ben')
  first.page.socket.close()
  const again = await open()
  const { resumeToken } = first.joined
  const hello = await again.ask('hello', { meetingId: meeting.meetingId, resumeToken })
  expect(hello.self?.id).toBe(first.joined.self.id)
  const { room, member } = await placeOf(first.joined.self.id)
  await app.rooms.leave(room, member, 'lost')
  const { self } = await again.ask('join', { name: 'Ben', microphone: true, camera: true })
  await watcher.page.event('participant_joined', ({ participant }) => participant.id === self.id)
  await again.ask('chat', { text: 'back' })
  expect((await history()).filter((type) => type.startsWith('meeting.participant'))).toEqual([
    'meeting.participant_joined',
    'meeting.participant_joined',
    'meeting.participant_left',
    'meeting.participant_joined',
  ])
})

it('M6: who is back before it could be told that they left has not left', async () => {
  const watcher = await enter('Anna')
  const other = await enter('Ben')
  const seq = other.page.told.at(-1)?.seq ?? 0
  const { room, member } = await placeOf(other.joined.self.id)
  other.page.socket.close()
  await watcher.page.event('participant_updated', ({ participant }) => !participant.isConnected)
  // Something takes its time, as with a database that is away.
  const held = Promise.withResolvers<void>()
  void room.serially(() => held.promise)
  const leaving = app.rooms.leave(room, member, 'lost')
  const back = await open()
  const { resumeToken } = other.joined
  const { session } = other.hello
  await back.ask('hello', { meetingId: meeting.meetingId, resumeToken, session, seq })
  await watcher.page.event('participant_updated', ({ participant }) => participant.isConnected)
  held.resolve()
  await leaving
  await back.ask('chat', { text: 'here' })
  expect(watcher.page.events('participant_left')).toEqual([])
})

it('M6: a broken socket is sent what it missed, in order, or a snapshot', async () => {
  const watcher = await enter('Anna')
  const other = await enter('Ben')
  const seq = other.page.told.at(-1)?.seq ?? 0
  other.page.socket.close()
  await watcher.page.ask('chat', { text: 'one' })
  await watcher.page.ask('chat', { text: 'two' })
  const back = await open()
  const { resumeToken } = other.joined
  const { session } = other.hello
  const hello = await back.ask('hello', { meetingId: meeting.meetingId, resumeToken, session, seq })
  expect(hello.isResumed).toBe(true)
  await back.event('chat', ({ message }) => message.text === 'two')
  expect(back.events('chat').map(({ message }) => message.text)).toEqual(['one', 'two'])
  expect(back.told.map((one) => one.seq)).toEqual(back.told.map((_, index) => seq + 1 + index))
  // So many that the server no longer has them all.
  back.socket.close()
  const third = await enter('Carol')
  for (let i = 0; i < 80; i++) {
    for (const { page } of [watcher, third]) {
      await page.ask('hand', { raised: true })
      await page.ask('hand', { raised: false })
    }
  }
  const late = await open()
  await late.ask('hello', { meetingId: meeting.meetingId, resumeToken, session, seq })
  expect((await late.event('snapshot')).participants).toHaveLength(3)
})

it('chat is text, private messages reach two, and both survive a reload', async () => {
  const [anna, ben, carol] = [await enter('Anna'), await enter('Ben'), await enter('Carol')]
  const markup = '<img src=x onerror=alert(1)> & "quotes"'
  await anna.page.ask('chat', { text: markup })
  await anna.page.ask('chat', { text: 'between us', to: ben.joined.self.id })
  expect((await carol.page.event('chat')).message.text).toBe(markup)
  await ben.page.event('chat', ({ message }) => message.text === 'between us')
  expect(carol.page.events('chat')).toHaveLength(1)
  const late = await enter('Dora')
  expect(late.joined.chat.map(({ text }) => text)).toEqual([markup])
})

it('a host mutes and removes; a guest may not', async () => {
  const host = await enter('Anna', { hostToken: hostToken() })
  const guest = await enter('Ben')
  const participantId = guest.joined.self.id
  await expect(guest.page.ask('mute', { participantId: host.joined.self.id })).rejects.toMatchObject({
    code: 'not_allowed',
  })
  await expect(guest.page.ask('end', {})).rejects.toMatchObject({ code: 'not_allowed' })
  await host.page.ask('mute', { participantId })
  expect(await guest.page.event('muted')).toEqual({ by: 'Anna' })
  await host.page.ask('remove', { participantId })
  expect(await guest.page.event('bye')).toEqual({ reason: 'removed', by: 'Anna' })
  await expect(host.page.ask('remove', { participantId })).rejects.toMatchObject({ code: 'unknown_participant' })
  const forged = await open()
  const hello = await forged.ask('hello', { meetingId: meeting.meetingId, hostToken: 'x'.repeat(32) })
  expect(hello.role).toBe('guest')
})

it('too early, closed and unknown each have their code; the door opens by itself', async () => {
  const start = app.clock() + 3 * 3_600_000
  meeting = await schedule(new Date(start))
  const page = await open()
  const hello = await page.ask('hello', { meetingId: meeting.meetingId })
  expect(hello.meeting.state).toBe('too_early')
  await expect(page.ask('publish', { sdp: 'offer', sources: {} })).rejects.toMatchObject({ code: 'too_early' })
  await expect(page.ask('join', { name: 'Ben', microphone: true, camera: true })).rejects.toMatchObject({
    code: 'too_early',
  })
  setNow(start - 30 * 60_000)
  await page.ask('join', { name: 'Ben', microphone: true, camera: true })
  setNow(undefined)
  const lost = await open()
  await expect(lost.ask('hello', { meetingId: '0000-0000-0000-0000' })).rejects.toMatchObject({ code: 'not_found' })
})

it('media that was lost is asked for again, and the place is kept', async () => {
  const { page, joined } = await enter('Anna')
  await page.ask('publish', { sdp: 'offer', sources: { 0: 'microphone' } })
  const opened = worker.of('open_peer').length
  worker.die()
  await page.event('media_lost')
  await expect(page.ask('publish', { sdp: 'offer', sources: {} })).rejects.toMatchObject({ code: 'media_unavailable' })
  worker.rise('second')
  await page.ask('publish', { sdp: 'offer', sources: { 0: 'microphone' } })
  expect(worker.of('open_peer')).toHaveLength(opened + 1)
  expect(worker.of('join').at(-1)?.peerId).toContain(joined.self.id)
  expect((await history()).filter((type) => type.startsWith('meeting.participant'))).toHaveLength(1)
})

it('peers of an earlier process that nobody comes back for are dropped', async () => {
  hastyWorker.rise('another', ['par_000000000000000000000000.0123'])
  await until(
    () => hastyWorker.of('leave').some(({ peerId }) => peerId.startsWith('par_0000')),
    'the stranger is dropped',
  )
})

it('M20: at most five warm transports an address', async () => {
  const warm = await Promise.all(Array.from({ length: 6 }, open))
  for (const page of warm) await page.ask('hello', { meetingId: meeting.meetingId })
  const results = []
  for (const page of warm) {
    results.push(await page.ask('publish', { sdp: 'offer', sources: {} }).catch((error: Refused) => error.code))
  }
  expect(results.filter((result) => result === 'too_many')).toHaveLength(1)
})

it.each([
  ['text that is no JSON', '{"id":', 1007],
  ['a frame without id', '{"op":"hello","params":{}}', 1007],
  ['a frame of a quarter megabyte', JSON.stringify({ id: 1, op: 'chat', params: { text: 'x'.repeat(270_000) } }), 1009],
])('%s closes that socket alone', async (_what, text, code) => {
  const bystander = await enter('Anna')
  const page = await open()
  page.socket.send(text)
  expect(await page.closed()).toBe(code)
  await bystander.page.ask('ping', {})
})

it('out of order, unknown and wrong frames are refused by name, and change nothing', async () => {
  const page = await open()
  await expect(page.ask('join', { name: 'Ben', microphone: true, camera: true })).rejects.toMatchObject({
    code: 'bad_frame',
  })
  await page.ask('hello', { meetingId: meeting.meetingId })
  await expect(page.ask('hello', { meetingId: meeting.meetingId })).rejects.toMatchObject({ code: 'bad_frame' })
  await expect(page.ask('chat', { text: 'early' })).rejects.toMatchObject({ code: 'not_joined' })
  await expect(page.raw('constructor', {})).rejects.toMatchObject({ code: 'bad_frame' })
  await expect(page.raw('join', { name: 'Ben\r\nBcc: x', microphone: true, camera: true })).rejects.toThrow(/name/)
  await expect(page.raw('join', { name: 'Ben', microphone: 'yes', camera: true })).rejects.toThrow(/microphone/)
  await expect(page.ask('publish', { sdp: 'garbage', sources: {} })).rejects.toMatchObject({
    code: 'negotiation_failed',
  })
  expect(await history()).toEqual(['meeting.scheduled'])
})

it('a flood closes its socket', async () => {
  const { page } = await enter('Anna')
  for (let i = 0; i < 400; i++) page.socket.send(JSON.stringify({ id: 1_000 + i, op: 'ping', params: {} }))
  expect(await page.closed()).toBe(1008)
})

it('pictures are on their way before a page has said what it shows', async () => {
  const anna = await enter('Anna')
  await anna.page.ask('publish', { sdp: 'offer', sources: { 0: 'camera' } })
  const ben = await enter('Ben')
  await ben.page.ask('subscribe', { fresh: false })
  const shown = () => worker.of('wanted').findLast(({ peerId }) => peerId.startsWith(ben.joined.self.id))?.wanted
  expect(shown()).toEqual([{ peerId: expect.stringContaining(anna.joined.self.id), source: 'camera', height: 360 }])
  await anna.page.ask('media', { microphone: true, camera: true, screen: true })
  expect(shown()?.map(({ source }) => source)).toEqual(['screen', 'camera'])
  await ben.page.ask('wanted', { wanted: [] })
  expect(shown()).toEqual([])
})

it('M24: a full meeting refuses the next in words, and has room again when somebody left', async () => {
  const [anna] = [await enter('Anna'), await enter('Ben'), await enter('Carol'), await enter('Dora')]
  const late = await open()
  await late.ask('hello', { meetingId: meeting.meetingId })
  const join = { name: 'Eva', microphone: true, camera: true }
  await expect(late.ask('join', join)).rejects.toThrow('The meeting may have 4 participants.')
  await anna.page.ask('leave', {})
  expect((await late.ask('join', join)).participants).toHaveLength(4)
})

it('closing by the API puts everybody out, once', async () => {
  const { page } = await enter('Anna')
  const closed = await call(http, 'POST', `/api/v6/meeting/${meeting.id}/close`)
  expect(closed.status).toBe(200)
  expect((await page.event('bye')).reason).toBe('ended')
  expect((await history()).filter((type) => type === 'meeting.ended')).toHaveLength(1)
})
