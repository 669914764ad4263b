/**
 * M8: phones in meetings with browsers: everybody hears everybody, and comes and goes as people do. One meeting is at the
 * worker of the calls, the other at another one.
 */
import { createHash } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Carillon, type Json, kill, until } from '../carillon.ts'
import { Baresip } from './baresip.ts'
import { SingingBrowser } from './meeting-people.ts'
import { Organisation, type Person, type Telephone } from './organisation.ts'

const [adaHz, benHz, phoneHz] = [500, 800, 1_200]
const phoneName = 'Person 1002 Test'

let carillon: Carillon
let organisation: Organisation
let alice: Telephone
let bob: Person
let baresip: Baresip
let ada: SingingBrowser
let ben: SingingBrowser
let meeting: Json

beforeAll(async () => {
  carillon = await Carillon.start({ CARILLON_MEDIA_WORKERS: '2' })
  organisation = await Organisation.create(carillon)
  alice = await organisation.telephone('1001')
  bob = await organisation.person('1002')
  baresip = await Baresip.start({
    ...{ username: bob.username, password: bob.password, domain: organisation.realm },
    ...{ port: carillon.sipPort, tone: phoneHz },
  })
})

afterEach(() => {
  baresip.hangUp()
})

afterAll(async () => {
  await ada?.close()
  await ben?.close()
  await baresip?.stop()
  organisation?.close()
  await carillon?.destroy()
})

/** A meeting of the organisation at that worker, which follows from its id. */
async function meetingAt(worker: number): Promise<Json> {
  const admins = await carillon.call('GET', `/api/v6/account/admin/${organisation.accountId}`)
  for (;;) {
    const body = { topic: 'Weekly', startTime: new Date().toISOString(), duration: 60 }
    const made = await carillon.call('POST', '/api/v6/meeting', body, { 'x-user-id': admins.data[0].id })
    const at = createHash('sha256').update(made.data.id).digest().readUInt32BE(0) % 2
    if (at === worker) return made.data
  }
}

const tile = (browser: SingingBrowser, name: string) => browser.page.locator(`[data-tile="${name}"]`)
const events = async (type: string) =>
  (await carillon.events(type)).filter(({ account_id }) => account_id === organisation.accountId)
const leftBy = (participantId: string) =>
  until(
    async () => (await events('meeting.participant_left')).find(({ data }) => data.participant.id === participantId),
    'the phone has left',
  )

async function answered(): Promise<void> {
  await baresip.event('CALL_INCOMING')
  baresip.answer()
  await baresip.event('CALL_ESTABLISHED')
}

/** The call that was answered just now: those before it have ended. */
const answeredCall = (): Promise<Json> =>
  until(async () => {
    const ended = (await events('call.ended')).map(({ resource }) => resource.id)
    return (await events('call.answered')).findLast(({ resource }) => !ended.includes(resource.id))
  }, 'a call is answered')

/** Alice calls Bob's baresip, and leaves it in the meeting. */
async function bringIn(): Promise<Json> {
  baresip.events.length = 0
  const call = await alice.phone.invite('1002')
  await Promise.all([answered(), call.final()])
  const { data, resource } = await answeredCall()
  const own = data.call.legs.find((leg: Json) => leg.user_id === alice.userId)
  const path = `realtime/calls/${resource.id}/to_meeting`
  const result = await organisation.call('POST', path, { leg_id: own.id, meeting_id: meeting.id })
  await call.ended()
  return { ...result, participantId: result.event.data.participant_id }
}

describe.each([1, 0])('a phone with two browsers in a meeting of worker %i', (worker) => {
  beforeAll(async () => {
    meeting = await meetingAt(worker)
    ada = await SingingBrowser.enter(meeting.hostUrl, 'Ada', adaHz)
    ben = await SingingBrowser.enter(meeting.joinUrl, 'Ben', benHz)
    await Promise.all([ada.sees('Ben'), ben.sees('Ada')])
  })

  afterAll(async () => {
    await ada.close()
    await ben.close()
  })

  it('all hear all, both events carry the command, and it shows as a phone that speaks', async () => {
    const result = await bringIn()
    expect(result).toMatchObject({ status: 'done', event: { type: 'call.joined_meeting' } })
    await Promise.all([ada.hears(phoneHz), ben.hears(phoneHz), ada.hears(benHz), ben.hears(adaHz)])
    await baresip.hearsAll([adaHz, benHz])
    const joined = (await events('meeting.participant_joined')).find(
      ({ correlation_id }) => correlation_id === result.command_id,
    )
    expect(joined?.data.participant).toEqual({
      id: result.participantId,
      name: phoneName,
      role: 'guest',
      phone: '1002',
    })
    expect(await tile(ada, phoneName).locator('video').count()).toBe(0)
    await ada.page.locator(`[data-tile="${phoneName}"].speaking`).waitFor()
  })

  it('who hangs up has left', async () => {
    const { participantId } = await bringIn()
    await ada.hears(phoneHz)
    baresip.hangUp()
    expect((await leftBy(participantId)).data.reason).toBe('left')
    await tile(ben, phoneName).waitFor({ state: 'detached' })
    await ben.hearsNot(phoneHz)
  })

  it('the host mutes it, lets it speak again, and removes it: then its call is over', async () => {
    const { participantId } = await bringIn()
    await Promise.all([ada.hears(phoneHz), ben.hears(phoneHz)])
    const { page } = ada
    const menu = page.getByRole('button', { name: `More for ${phoneName}` })
    if (!(await menu.isVisible())) await page.locator('[data-control="people"]').click()
    await menu.click()
    await page.getByRole('menuitem', { name: 'Mute' }).click()
    await ben.hearsNot(phoneHz)
    await menu.click()
    await page.getByRole('menuitem', { name: 'Unmute' }).click()
    await ben.hears(phoneHz)
    await menu.click()
    await page.getByRole('menuitem', { name: 'Remove' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click()
    await baresip.event('CALL_CLOSED')
    expect((await leftBy(participantId)).data.reason).toBe('removed')
  })

  it('T6, M7: both workers die, and all hear all again', async () => {
    await bringIn()
    await Promise.all([ada.hears(phoneHz), baresip.hearsAll([adaHz, benHz])])
    for (const pid of carillon.workers) kill(pid)
    await ada.hearsNot(phoneHz)
    await Promise.all([ada.hears(phoneHz), ben.hears(phoneHz), baresip.hearsAll([adaHz, benHz], 30_000)])
  })

  it('T5: voice and the api die, and nobody has left', async () => {
    const { participantId } = await bringIn()
    await Promise.all([ada.hears(phoneHz), baresip.hearsAll([adaHz, benHz])])
    const joined = (await events('meeting.participant_joined')).length
    const { voice, api } = carillon.pids
    for (const pid of [voice, api]) kill(pid)
    await until(() => {
      const now = carillon.pids
      return now.voice > 0 && now.voice !== voice && now.api > 0 && now.api !== api
    }, 'both run again')
    await until(async () => (await carillon.ready()) === 200, 'it is ready', 40_000)
    await Promise.all([ada.hears(phoneHz), ben.hears(phoneHz), baresip.hearsAll([adaHz, benHz], 30_000)])
    expect(await events('meeting.participant_joined')).toHaveLength(joined)
    baresip.hangUp()
    expect((await leftBy(participantId)).data.reason).toBe('left')
  })

  it('click-to-call: the phone rings, and who answers is in the meeting', async () => {
    baresip.events.length = 0
    const placed = organisation.call('PUT', 'realtime/calls', {
      from: { user_id: bob.userId },
      to: { meeting_id: meeting.meetingId },
    })
    await answered()
    const { command_id: id } = await placed
    await Promise.all([ada.hears(phoneHz), baresip.hearsAll([adaHz, benHz])])
    const caused = async () => (await carillon.events()).filter(({ correlation_id }) => correlation_id === id)
    await until(async () => (await caused()).some(({ type }) => type === 'meeting.participant_joined'), 'it is told')
    expect((await caused()).map(({ type }) => type)).toEqual([
      'call.started',
      'leg.ringing',
      'leg.answered',
      'call.answered',
      'call.joined_meeting',
      'meeting.participant_joined',
    ])
  })

  it('the meeting ends, and so does its call', async () => {
    const { participantId } = await bringIn()
    await ada.hears(phoneHz)
    expect((await carillon.call('POST', `/api/v6/meeting/${meeting.id}/close`)).status).toBeLessThan(300)
    await baresip.event('CALL_CLOSED')
    expect((await leftBy(participantId)).data.reason).toBe('ended')
  })

  it('nobody comes into a meeting that is over, or one of somebody else', async () => {
    await carillon.call('POST', `/api/v6/meeting/${meeting.id}/close`)
    baresip.events.length = 0
    const call = await alice.phone.invite('1002')
    await Promise.all([answered(), call.final()])
    const { data, resource } = await answeredCall()
    const leg = data.call.legs.find((one: Json) => one.user_id === alice.userId)
    const foreign = await carillon.meeting()
    for (const [meetingId, words] of [
      [meeting.id, 'the meeting is over'],
      [foreign.id, 'there is no such meeting'],
    ]) {
      const body = { leg_id: leg.id, meeting_id: meetingId }
      const answer = await organisation.raw('POST', `realtime/calls/${resource.id}/to_meeting`, body)
      expect(answer).toMatchObject({ status: 400, error: { message: `data.meeting_id: ${words}` } })
    }
    await call.bye()
  })
})
