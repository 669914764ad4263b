/** What happens in a meeting at the same moment: who comes, who goes and who ends it meet each other halfway. */
import { sql } from 'kysely'
import { beforeEach, expect, it, vi } from 'vitest'
import type { MeetingPhone } from '../engine/call/meeting-phone.ts'
import { noVoice } from '../server/app.ts'
import { Conversation } from '../server/meeting/conversation.ts'
import { call, testApp } from './app.ts'
import { until } from './carillon.ts'
import { FakeWorker } from './page.ts'

const worker = new FakeWorker()
const { http, app } = await testApp({ openMedia: worker.open, graceMs: 150, voice: noVoice })
app.phones.start()

const account = await call(http, 'POST', '/api/v6/account', {
  accountType: 'trial', adminFirstname: 'Anna', adminLastname: 'Host', adminEmail: 'anna@example.com',
}) // biome-ignore format: a body
const admins = await call(http, 'GET', `/api/v6/account/admin/${account.body.data.id}`)

let meeting: { id: string; meetingId: string; hostUrl: string }
beforeEach(async () => {
  meeting = await schedule()
})

async function schedule(): Promise<{ id: string; meetingId: string; hostUrl: string }> {
  const body = { topic: 'Weekly', startTime: new Date(app.clock()).toISOString(), duration: 60 }
  return (await call(http, 'POST', '/api/v6/meeting', body, { 'x-user-id': admins.body.data[0].id })).body.data
}

/** A socket of a page, without its bytes. */
function open() {
  const told: { event?: string; params?: Record<string, unknown> }[] = []
  const wire = { send: (text: string) => told.push(JSON.parse(text)), close: vi.fn(), bufferedBytes: 0 }
  return { conversation: new Conversation(app.rooms, wire, '192.0.2.7'), wire, told }
}
const anna = { name: 'Anna', microphone: false, camera: false }
const ben = { ...anna, name: 'Ben' }

/** Nobody can store anything about the meeting until it is released. */
async function hold(id: string): Promise<() => Promise<void>> {
  const locked = Promise.withResolvers<void>()
  const released = Promise.withResolvers<void>()
  const holding = app.database.transaction().execute(async (trx) => {
    await sql`SELECT FROM meetings WHERE id = ${id} FOR UPDATE`.execute(trx)
    locked.resolve()
    await released.promise
  })
  await locked.promise
  return () => {
    released.resolve()
    return holding
  }
}

/** Somebody waits for what is held. */
const isWaitedFor = () =>
  until(async () => {
    const { rows } = await sql`SELECT FROM pg_stat_activity
      WHERE datname = current_database() AND wait_event_type = 'Lock'`.execute(app.database)
    return rows.length > 0
  }, 'somebody waits for the meeting')

const inside = async () => (await app.rooms.open(meeting.id))?.participants().map(({ name }) => name) ?? []

async function enter(who: typeof anna) {
  const page = open()
  const { session } = await page.conversation.ops.hello({ meetingId: meeting.meetingId })
  await page.conversation.ops.join(who)
  return { ...page, session }
}

let phones = 0
function phone(): MeetingPhone {
  phones += 1
  const id = String(phones).padStart(24, '0')
  return {
    meetingId: meeting.id, participantId: `par_${id}`, callId: `call_${id}`, leg: `leg_${id}`, number: '1002',
    name: null, command: `cmd_${id}`,
  } // biome-ignore format: a phone
}

it('two meetings are closed at once, and one of them is answered first: whoever is in the other hears of its end', async () => {
  const page = await enter(anna)
  const other = await schedule()
  const [isClosing, mayGoOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const close = app.rooms.close.bind(app.rooms)
  vi.spyOn(app.rooms, 'close').mockImplementationOnce(async (...its) => {
    await close(...its)
    isClosing.resolve()
    await mayGoOn.promise
  })
  const closing = call(http, 'POST', `/api/v6/meeting/${meeting.id}/close`)
  await isClosing.promise
  await call(http, 'POST', `/api/v6/meeting/${other.id}/close`)
  mayGoOn.resolve()
  await closing
  await until(() => page.told.some(({ event }) => event === 'bye'), 'the page hears that its meeting is over')
})

it('a phone comes in while another is invited: both are in one room', async () => {
  const [one, two] = [phone(), phone()]
  const release = await hold(meeting.id)
  app.phones.sync([one])
  await isWaitedFor()
  expect(await app.phones.invite(account.body.data.id, meeting.id)).toMatchObject({ meetingId: meeting.id })
  await release()
  app.phones.sync([one, two])
  await until(async () => (await inside()).length === 2, 'both are inside')
  app.phones.sync([])
  await until(async () => (await inside()).length === 0, 'both are out')
})

it('its time to come back ends while it comes back: it is told to begin anew, and not left as nobody', async () => {
  const page = await enter(anna)
  const release = await hold(meeting.id)
  page.conversation.closed()
  await isWaitedFor()
  const back = open()
  const hello = await back.conversation.ops.hello({ meetingId: meeting.meetingId, session: page.session, seq: 0 })
  expect(hello.isResumed).toBe(true)
  await release()
  await until(async () => (await inside()).length === 0, 'it has left')
  await until(() => back.wire.close.mock.calls.length > 0, 'its socket is closed')
  const anew = open()
  expect(
    await anew.conversation.ops.hello({ meetingId: meeting.meetingId, session: page.session, seq: 0 }),
  ).toMatchObject({
    isResumed: false,
  })
})

it('a host removes somebody who loads the page anew: the new page hears of it', async () => {
  const hostToken = meeting.hostUrl.split('#host=')[1] ?? ''
  const host = open()
  await host.conversation.ops.hello({ meetingId: meeting.meetingId, hostToken })
  await host.conversation.ops.join(anna)
  const page = open()
  await page.conversation.ops.hello({ meetingId: meeting.meetingId })
  const { self, resumeToken } = await page.conversation.ops.join(ben)
  const anew = open()
  await anew.conversation.ops.hello({ meetingId: meeting.meetingId, resumeToken })
  const joining = anew.conversation.ops.join(ben)
  await host.conversation.ops.remove({ participantId: self.id })
  await joining
  expect(anew.told.filter(({ event }) => event === 'bye').map(({ params }) => params)).toEqual([
    { reason: 'removed', by: 'Anna' },
  ])
})

it('its second socket ends before its hello is answered, and then its first: it has left after its time', async () => {
  const page = await enter(anna)
  const second = open()
  const hello = second.conversation.ops.hello({ meetingId: meeting.meetingId, session: page.session, seq: 0 })
  second.conversation.closed()
  await hello.catch(() => {})
  page.conversation.closed()
  await until(async () => (await inside()).length === 0, 'it has left', 5_000)
})

it('a page that is closed before its hello is answered is forgotten', async () => {
  const before = app.rooms.sessions.size
  const page = open()
  const hello = page.conversation.ops.hello({ meetingId: meeting.meetingId })
  page.conversation.closed()
  await hello.catch(() => {})
  expect(app.rooms.sessions.size).toBe(before)
})

it('it leaves before it is let in: it is not inside, for nobody', async () => {
  const page = open()
  await page.conversation.ops.hello({ meetingId: meeting.meetingId })
  const joining = page.conversation.ops.join(anna)
  const leaving = page.conversation.ops.leave({})
  await Promise.all([joining, leaving])
  const row = app.database.selectFrom('meetingParticipants').select('leftAt').where('meetingId', '=', meeting.id)
  await until(async () => (await row.executeTakeFirst())?.leftAt, 'it has left')
  expect(page.told.map(({ event }) => event)).toContain('bye')
})

it('who joins while another switches a camera on sees it on', async () => {
  const first = await enter(anna)
  const second = open()
  await second.conversation.ops.hello({ meetingId: meeting.meetingId })
  const selectFrom = app.database.selectFrom.bind(app.database)
  const reading = vi.spyOn(app.database, 'selectFrom').mockImplementation((table: Parameters<typeof selectFrom>[0]) => {
    if (table === 'meetingChat') void first.conversation.ops.media({ microphone: true, camera: true, screen: false })
    return selectFrom(table)
  })
  const { participants } = await second.conversation.ops.join(ben)
  reading.mockRestore()
  expect(participants.find(({ name }) => name === 'Anna')).toMatchObject({ camera: true })
})

it('M22: a page that shows nothing is sent no screen either', async () => {
  const sharer = await enter(anna)
  const hidden = await enter(ben)
  await hidden.conversation.ops.wanted({ wanted: [] })
  worker.orders.length = 0
  await sharer.conversation.ops.media({ microphone: false, camera: false, screen: true })
  expect(worker.of('wanted').flatMap(({ wanted }) => wanted)).toEqual([])
})

it('the topic changes: who is inside reads the new one too', async () => {
  const page = await enter(anna)
  await call(http, 'PUT', `/api/v6/meeting/${meeting.id}/false`, { topic: 'Monthly' })
  await until(() => page.told.some(({ event }) => event === 'meeting'), 'the page is told', 5_000)
})

it('a host ends the meeting while the database is away for a moment: it ends', async () => {
  const hostToken = meeting.hostUrl.split('#host=')[1] ?? ''
  const host = open()
  await host.conversation.ops.hello({ meetingId: meeting.meetingId, hostToken })
  await host.conversation.ops.join(anna)
  vi.spyOn(app.database, 'transaction').mockImplementationOnce(() => {
    throw new Error('the database is away')
  })
  await host.conversation.ops.end({})
  await until(() => host.told.some(({ event }) => event === 'bye'), 'the host hears of the end')
})

it('who leaves while the database is away for minutes has left when it is back', async () => {
  const page = await enter(anna)
  const away = vi.spyOn(app.database, 'transaction').mockImplementation(() => {
    throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED', syscall: 'connect' })
  })
  vi.useFakeTimers({ toFake: ['setTimeout'] })
  const leaving = page.conversation.ops.leave({})
  await vi.advanceTimersByTimeAsync(300_000)
  away.mockRestore()
  await vi.advanceTimersByTimeAsync(1_000)
  vi.useRealTimers()
  await leaving
  expect(await inside()).toEqual([])
})

it('what a page that was put out still says opens nothing at the worker', async () => {
  const page = await enter(ben)
  await page.conversation.ops.leave({})
  worker.orders.length = 0
  await expect(page.conversation.ops.publish({ sdp: 'offer', sources: {} })).rejects.toMatchObject({
    code: 'not_joined',
  })
  expect(worker.orders).toEqual([])
})

it('who is removed while its socket is broken hears of it when it is back, and does not come in by itself', async () => {
  const hostToken = meeting.hostUrl.split('#host=')[1] ?? ''
  const host = open()
  await host.conversation.ops.hello({ meetingId: meeting.meetingId, hostToken })
  await host.conversation.ops.join(anna)
  const page = open()
  const { session } = await page.conversation.ops.hello({ meetingId: meeting.meetingId })
  const { self, resumeToken } = await page.conversation.ops.join(ben)
  page.conversation.closed()
  await host.conversation.ops.remove({ participantId: self.id })
  const back = open()
  await back.conversation.ops.hello({ meetingId: meeting.meetingId, session, seq: 1, resumeToken })
  await until(() => back.told.some(({ event }) => event === 'bye'), 'it hears of it')
  expect(back.told.at(-1)?.params).toEqual({ reason: 'removed', by: 'Anna' })
  await expect(back.conversation.ops.join(ben)).rejects.toMatchObject({ code: 'not_joined' })
  const anew = open()
  await anew.conversation.ops.hello({ meetingId: meeting.meetingId, resumeToken })
  expect((await anew.conversation.ops.join(ben)).participants).toHaveLength(2)
})

it('the database goes away as it has stored that somebody comes in: asked again, it lets the same one in', async () => {
  const page = open()
  await page.conversation.ops.hello({ meetingId: meeting.meetingId })
  const transaction = app.database.transaction.bind(app.database)
  vi.spyOn(app.database, 'transaction').mockImplementationOnce(() => {
    const builder = transaction()
    const execute = builder.execute.bind(builder)
    return Object.assign(builder, {
      execute: async (run: Parameters<typeof execute>[0]) => {
        await execute(run)
        throw new Error('the database is away')
      },
    })
  })
  await expect(page.conversation.ops.join(anna)).rejects.toThrow('away')
  expect((await page.conversation.ops.join(anna)).participants).toHaveLength(1)
  const told = app.database.selectFrom('meetings').select('resourceSeq').where('id', '=', meeting.id)
  expect(await told.executeTakeFirst()).toEqual({ resourceSeq: 3 }) // planned, started, joined
})

it('the chat cannot be read for a page that missed much: it comes back and asks again', async () => {
  const page = await enter(anna)
  page.conversation.closed()
  const selectFrom = app.database.selectFrom.bind(app.database)
  const reading = vi.spyOn(app.database, 'selectFrom').mockImplementation((table: Parameters<typeof selectFrom>[0]) => {
    if (table === 'meetingChat') throw new Error('the database is away')
    return selectFrom(table)
  })
  const back = open()
  await back.conversation.ops.hello({ meetingId: meeting.meetingId, session: page.session, seq: 999 })
  await until(() => back.wire.close.mock.calls.length > 0, 'its socket is closed', 5_000)
  reading.mockRestore()
})

it('a page that was loaded anew breaks and comes back as its place runs out: it comes in anew', async () => {
  const first = open()
  await first.conversation.ops.hello({ meetingId: meeting.meetingId })
  const { self, resumeToken } = await first.conversation.ops.join(anna)
  const release = await hold(meeting.id)
  first.conversation.closed()
  await isWaitedFor()
  const anew = open()
  const { session } = await anew.conversation.ops.hello({ meetingId: meeting.meetingId, resumeToken })
  anew.conversation.closed()
  const again = open()
  expect((await again.conversation.ops.hello({ meetingId: meeting.meetingId, session, seq: 0 })).isResumed).toBe(true)
  const joining = again.conversation.ops.join(anna)
  await release()
  expect((await joining).self.id).not.toBe(self.id)
})
