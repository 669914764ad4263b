/** Phones in meetings (M8): what voice says is there comes in and leaves, whoever was restarted meanwhile. */
import { beforeEach, expect, it } from 'vitest'
import { type MeetingPhone, phonePeerId } from '../engine/call/meeting-phone.ts'
import { noVoice } from '../server/app.ts'
import { maskNumber, nameOfPhone } from '../server/meeting/phone-names.ts'
import { MeetingPhones } from '../server/meeting/phones.ts'
import { Rooms } from '../server/meeting/rooms.ts'
import { call, testApp } from './app.ts'
import { type Json, until } from './carillon.ts'
import { FakeWorker, Page } from './page.ts'

const worker = new FakeWorker()
const dropped: string[] = []
const { app, http } = await testApp({
  openMedia: worker.open,
  graceMs: 150,
  environment: { CARILLON_PARTICIPANTS: '2' },
  voice: { ...noVoice, dropPhone: (participantId) => dropped.push(participantId) },
})
app.phones.start()
const url = await http.listen({ host: '127.0.0.1', port: 0 })

let meeting: { id: string; meetingId: string; hostUrl: string; accountId: string }
let made = 0

beforeEach(async () => {
  app.phones.sync([])
  dropped.length = 0
  const email = `host-${Math.random().toString(36).slice(2)}@example.com`
  const admin = { adminFirstname: 'Anna', adminLastname: 'Host', adminEmail: email }
  const account = await call(http, 'POST', '/api/v6/account', { accountType: 'trial', ...admin })
  const admins = await call(http, 'GET', `/api/v6/account/admin/${account.body.data.id}`)
  meeting = await schedule(admins.body.data[0].id, new Date(app.clock()))
})

async function schedule(userId: string, startTime: Date) {
  const body = { topic: 'Weekly', startTime: startTime.toISOString(), duration: 60 }
  return (await call(http, 'POST', '/api/v6/meeting', body, { 'x-user-id': userId })).body.data
}

function phone(parts: Partial<MeetingPhone> = {}): MeetingPhone {
  made += 1
  const id = String(made).padStart(24, '0')
  return {
    meetingId: meeting.id,
    participantId: `par_${id}`,
    callId: `call_${id}`,
    leg: `leg_${id}`,
    number: '+3225550199',
    name: null,
    command: `cmd_${id}`,
    ...parts,
  }
}

/** Events of the meeting with their participant and cause. */
async function history(): Promise<Json[]> {
  await until(async () => !(await app.database.selectFrom('eventInbox').selectAll().executeTakeFirst()), 'sequenced')
  const { body } = await call(http, 'GET', '/v3.0/events?account=tree&type=meeting.*&limit=1000')
  return body.data
    .filter(({ resource, type }: Json) => resource.id === meeting.id && type.startsWith('meeting.participant'))
    .map(({ type, correlation_id: correlationId, data }: Json) => ({ type, correlationId, ...data }))
}
const inside = async () => (await app.rooms.open(meeting.id))?.participants() ?? []
const isIn = ({ participantId }: MeetingPhone) =>
  until(async () => (await inside()).some(({ id }) => id === participantId), 'the phone is in')
const isOut = ({ participantId }: MeetingPhone) =>
  until(async () => (await inside()).every(({ id }) => id !== participantId), 'the phone is out')

it('what voice has comes in with its cause, and leaves when voice has it no more', async () => {
  const one = phone()
  app.phones.sync([one])
  app.phones.sync([structuredClone(one)]) // before the first was looked at
  await isIn(one)
  expect(await inside()).toMatchObject([{ name: '+322•••••99', phone: '+322•••••99', microphone: true, camera: false }])
  app.phones.sync([one])
  app.phones.sync([])
  await isOut(one)
  expect(await history()).toMatchObject([
    {
      type: 'meeting.participant_joined',
      correlationId: one.command,
      participant: { id: one.participantId, phone: '+322•••••99', role: 'guest' },
    },
    { type: 'meeting.participant_left', reason: 'left', participant: { id: one.participantId } },
  ])
})

it('one that came and went before it was in leaves nothing behind', async () => {
  const one = phone()
  app.phones.sync([one])
  app.phones.sync([])
  const two = phone()
  app.phones.sync([two])
  await isIn(two)
  await isOut(one)
  const told = (await history()).filter(({ participant }) => participant.id === one.participantId)
  expect([0, 2]).toContain(told.length)
})

it('a full meeting, one that is over and one that is none: the phone is hung up', async () => {
  const [first, second, third] = [phone(), phone(), phone()]
  app.phones.sync([first, second])
  await Promise.all([isIn(first), isIn(second)])
  app.phones.sync([first, second, third])
  await until(() => dropped.includes(third.participantId), 'the third is hung up')
  const nowhere = phone({ meetingId: '0'.repeat(24) })
  app.phones.sync([first, second, nowhere])
  await until(() => dropped.includes(nowhere.participantId), 'the one from nowhere is hung up')
})

it('one that cannot be let in by our fault is hung up, and does not wait in silence', async () => {
  const one = phone()
  app.phones.sync([one])
  await isIn(one)
  app.phones.sync([])
  await isOut(one)
  // Its place was taken before: the row is there already.
  app.phones.sync([one])
  await until(() => dropped.includes(one.participantId), 'the phone is hung up')
})

it('the meeting ends: those in it are hung up', async () => {
  const one = phone()
  app.phones.sync([one])
  await isIn(one)
  await call(http, 'POST', `/api/v6/meeting/${meeting.id}/close`)
  await until(() => dropped.includes(one.participantId), 'it is hung up')
  expect((await history()).at(-1)).toMatchObject({ type: 'meeting.participant_left', reason: 'ended' })
})

it('voice is away: they are kept for a while, and lost after it', async () => {
  const one = phone()
  app.phones.sync([one])
  await isIn(one)
  app.phones.voiceLost()
  expect((await inside())[0]).toMatchObject({ isConnected: false })
  app.phones.sync([one])
  await until(async () => (await inside())[0]?.isConnected, 'it is back')
  app.phones.voiceLost()
  await isOut(one)
  expect((await history()).map(({ type, reason }) => reason ?? type)).toEqual(['meeting.participant_joined', 'lost'])
})

it('another process finds them inside, and voice says which are still', async () => {
  const [stays, gone] = [phone(), phone()]
  app.phones.sync([stays, gone])
  await Promise.all([isIn(stays), isIn(gone)])
  const rooms = new Rooms({ ...app.rooms.options, graceMs: 60_000 })
  const phones = new MeetingPhones(rooms)
  phones.sync([stays])
  await rooms.restore()
  const room = await rooms.open(meeting.id)
  expect(room?.participants().map(({ isConnected }) => isConnected)).toEqual([false, false])
  phones.start()
  await until(() => room?.members.size === 1, 'one has left')
  await until(() => room?.participants()[0]?.isConnected, 'the other is back')
  expect(room?.participants()[0]?.id).toBe(stays.participantId)
  rooms.stop()
})

it('one that a host switched off stays so over a restart of this process, and may be switched on again', async () => {
  const one = phone()
  app.phones.sync([one])
  await isIn(one)
  const host = await Page.open(url)
  await host.join(meeting.meetingId, 'Host', { hostToken: meeting.hostUrl.split('#host=')[1] ?? '' })
  const orders = () => worker.of('mute').filter(({ peerId }) => peerId === phonePeerId(one.participantId))
  const isMuted = () => orders().at(-1)?.sources.includes('microphone')
  await host.ask('mute', { participantId: one.participantId })
  expect(isMuted()).toBe(true)
  const restarted = async () => {
    const rooms = new Rooms({ ...app.rooms.options, graceMs: 60_000 })
    const phones = new MeetingPhones(rooms)
    await rooms.restore()
    worker.orders.length = 0
    phones.sync([one])
    phones.start()
    const room = await rooms.open(meeting.id)
    await until(() => room?.members.get(one.participantId)?.state.isConnected, 'it is back')
    rooms.stop()
    return room?.members.get(one.participantId)?.state.microphone
  }
  expect(await restarted()).toBe(false)
  expect(isMuted()).toBe(true)
  await host.ask('mute', { participantId: one.participantId, muted: false })
  expect(isMuted()).toBe(false)
  expect(await restarted()).toBe(true)
  host.socket.close()
})

it('who is asked first: too early, of another account, unknown', async () => {
  expect(await app.phones.invite(meeting.accountId, meeting.id)).toMatchObject({
    meetingId: meeting.id,
    topic: 'Weekly',
    worker: 0,
  })
  expect(await app.phones.invite(meeting.accountId, meeting.meetingId)).toMatchObject({ meetingId: meeting.id })
  expect(await app.phones.invite('f'.repeat(24), meeting.id)).toBe('not_found')
  expect(await app.phones.invite(meeting.accountId, 'f'.repeat(24))).toBe('not_found')
})

it('numbers are shown without their middle, and no number as a name', () => {
  expect(maskNumber('+32 2 555 01 99')).toBe('+322•••••99')
  expect(maskNumber('1002')).toBe('1002')
  expect(maskNumber('')).toBe('Phone')
  expect(nameOfPhone({ name: 'Ada\r\nX', number: '1' })).toBe('Ada X')
  expect(nameOfPhone({ name: '+3225550199', number: '+3225550199' })).toBe('+322•••••99')
})
