/** M6: a page whose socket breaks at the worst moment: between its next socket's hello and what that is told, or while it joins. */
import { sql } from 'kysely'
import { expect, it } from 'vitest'
import { Conversation } from '../server/meeting/conversation.ts'
import { call, testApp } from './app.ts'
import { FakeWorker } from './page.ts'

const worker = new FakeWorker()
const { http, app } = await testApp({ openMedia: worker.open })

const account = await call(http, 'POST', '/api/v6/account', {
  accountType: 'trial', adminFirstname: 'Anna', adminLastname: 'Host', adminEmail: 'anna@example.com',
}) // biome-ignore format: a body
const admins = await call(http, 'GET', `/api/v6/account/admin/${account.body.data.id}`)

async function schedule(): Promise<{ id: string; meetingId: string }> {
  const body = { topic: 'Weekly', startTime: new Date(app.clock()).toISOString(), duration: 60 }
  return (await call(http, 'POST', '/api/v6/meeting', body, { 'x-user-id': admins.body.data[0].id })).body.data
}

/** A socket of a page, without its bytes. */
const open = () => new Conversation(app.rooms, { send: () => {}, close: () => {}, bufferedBytes: 0 }, '192.0.2.7')
const anna = { name: 'Anna', microphone: false, camera: false }
const ben = { ...anna, name: 'Ben' }

it('its first socket ends when the second has said hello: it is in the same room as who comes after it', async () => {
  const { meetingId } = await schedule()
  const first = open()
  const { session } = await first.ops.hello({ meetingId })
  const second = open()
  const hello = await second.ops.hello({ meetingId, session, seq: 0 })
  expect(hello.isResumed).toBe(true)
  first.closed()
  await second.ops.join(anna)
  const other = open()
  await other.ops.hello({ meetingId })
  expect((await other.ops.join(ben)).participants.map(({ name }) => name)).toEqual(['Anna', 'Ben'])
})

it('its socket ends while it joins: it comes back as the one that joined', async () => {
  const { id, meetingId } = await schedule()
  const first = open()
  const { session } = await first.ops.hello({ meetingId })
  const locked = Promise.withResolvers<void>()
  const released = Promise.withResolvers<void>()
  const holding = app.database.transaction().execute(async (trx) => {
    await sql`SELECT FROM meetings WHERE id = ${id} FOR UPDATE`.execute(trx)
    locked.resolve()
    await released.promise
  })
  await locked.promise
  const joining = first.ops.join(anna)
  first.closed()
  const second = open()
  const hello = await second.ops.hello({ meetingId, session, seq: 0 })
  expect(hello.isResumed).toBe(true)
  const again = second.ops.join(anna)
  released.resolve()
  await holding
  expect((await again).self.id).toBe((await joining).self.id)
  expect((await again).participants).toHaveLength(1)
})

it('its socket ends while it joins and it does not come back: it is shown as away', async () => {
  const { meetingId } = await schedule()
  const gone = open()
  await gone.ops.hello({ meetingId })
  const joining = gone.ops.join(anna)
  gone.closed()
  await joining
  const other = open()
  await other.ops.hello({ meetingId })
  const { participants } = await other.ops.join(ben)
  expect(participants.map(({ name, isConnected }) => [name, isConnected])).toEqual([
    ['Anna', false],
    ['Ben', true],
  ])
})
