/** A PostgreSQL of the operator's (`DATABASE_URL`) that is away for ten seconds while people meet and calls come in. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, expect, it } from 'vitest'
import { startPostgres } from '../../server/postgres/embedded.ts'
import { Carillon, until } from '../carillon.ts'
import { Page } from '../page.ts'

const awayMs = 10_000
const paceMs = 250
const folder = mkdtempSync(join(tmpdir(), 'carillon-own-'))
let postgres = await startPostgres({ folder })
const { host, port, user, password, database } = postgres.connection
const query = new URLSearchParams({ host, port: String(port) })
const carillon = await Carillon.start({ DATABASE_URL: `postgres://${user}:${password}@localhost/${database}?${query}` })
afterAll(async () => {
  await carillon.destroy()
  await postgres.stop()
  rmSync(folder, { recursive: true, force: true })
})

it('answers clearly meanwhile, and goes on as if nothing had been', async () => {
  const { userId } = await carillon.account()
  const schedule = () => {
    const body = { topic: 'Weekly', startTime: new Date().toISOString(), duration: 60 }
    return carillon.call('POST', '/api/v6/meeting', body, { 'x-user-id': userId })
  }
  const meeting = (await schedule()).data
  const [anna, ben] = [await Page.open(carillon.url), await Page.open(carillon.url)]
  await anna.join(meeting.meetingId, 'Anna')
  const { joined } = await ben.join(meeting.meetingId, 'Ben')
  const kept = [meeting.id]

  await postgres.stop()
  const backAt = performance.now() + awayMs
  while (performance.now() < backAt) {
    const answer = await schedule()
    expect([answer.status, answer.responseCode]).toEqual([503, -98])
    expect(answer.responseMessage).toContain('database')
    expect(await carillon.ready()).toBe(503)
    await expect(anna.ask('chat', { text: 'hello?' })).rejects.toThrow(/database/)
    await anna.ask('hand', { raised: true }) // what needs no database goes on
    await ben.ask('ping', {})
    await anna.ask('hand', { raised: false })
    await wait(paceMs) // as people do, or the socket closes for flooding
  }
  void ben.ask('leave', {}).catch(() => {}) // stored as soon as it can be

  postgres = await startPostgres({ folder })
  await until(async () => (await carillon.ready()) === 200, 'ready again')
  await anna.event('participant_left', ({ participantId }) => participantId === joined.self.id)
  await anna.ask('chat', { text: 'there you are' })
  kept.push((await schedule()).data.id)

  const scheduled = await until(async () => {
    const events = await carillon.events('meeting.scheduled')
    return events.length >= kept.length ? events : null
  }, 'the events')
  expect(scheduled.map((event) => event.resource.id)).toEqual(kept)
  expect(await carillon.events('meeting.participant_left')).toHaveLength(1)
  expect(await carillon.events('meeting.ended')).toHaveLength(0)
})
