/** M8: phones in meetings with browsers: everybody hears everybody, and comes and goes as people do. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Carillon, type Json, until } from '../carillon.ts'
import { Baresip } from './baresip.ts'
import { SingingBrowser } from './meeting-people.ts'
import { Organisation, type Person, type Telephone } from './organisation.ts'

const [adaHz, benHz, phoneHz] = [500, 800, 1_200]

let carillon: Carillon
let organisation: Organisation
let alice: Telephone
let bob: Person
let meeting: Json
let ada: SingingBrowser
let ben: SingingBrowser
let baresip: Baresip

async function newMeeting(): Promise<Json> {
  const admins = await carillon.call('GET', `/api/v6/account/admin/${organisation.accountId}`)
  const body = { topic: 'Weekly', startTime: new Date().toISOString(), duration: 60 }
  return (await carillon.call('POST', '/api/v6/meeting', body, { 'x-user-id': admins.data[0].id })).data
}

beforeAll(async () => {
  // Two workers: meetings live on either, calls on the first.
  carillon = await Carillon.start({ CARILLON_MEDIA_WORKERS: '2' })
  organisation = await Organisation.create(carillon)
  alice = await organisation.telephone('1001')
  bob = await organisation.person('1002')
  meeting = await newMeeting()
  baresip = await Baresip.start({
    ...{ username: bob.username, password: bob.password, domain: organisation.realm },
    ...{ port: carillon.sipPort, tone: phoneHz },
  })
  ada = await SingingBrowser.enter(meeting.hostUrl, 'Ada', adaHz)
  ben = await SingingBrowser.enter(meeting.joinUrl, 'Ben', benHz)
})

afterEach(async () => {
  baresip.hangUp()
})

afterAll(async () => {
  await ada?.close()
  await ben?.close()
  await baresip?.stop()
  organisation?.close()
  await carillon?.destroy()
})

const tile = (browser: SingingBrowser, name: string) => browser.page.locator(`[data-tile="${name}"]`)
const events = async (type: string) =>
  (await carillon.events(type)).filter(({ account_id }) => account_id === organisation.accountId)

/** Alice calls Bob's baresip, and leaves it in the meeting. */
async function bringIn(meetingId = meeting.id): Promise<Json> {
  baresip.events.length = 0
  const call = await alice.phone.invite('1002')
  await baresip.event('CALL_INCOMING')
  baresip.answer()
  await call.final()
  await baresip.event('CALL_ESTABLISHED')
  const started = (await events('call.started')).at(-1)
  const callId = started?.resource.id
  const legs = (await events('call.answered')).at(-1)?.data.call.legs as Json[]
  const own = legs.find((leg) => leg.user_id === alice.userId)
  const result = await organisation.call('POST', `realtime/calls/${callId}/to_meeting`, {
    leg_id: own?.id,
    meeting_id: meetingId,
  })
  await call.ended()
  return result
}

describe('a phone in a meeting with two browsers', () => {
  it('everybody hears everybody, and both events carry the command', async () => {
    const result = await bringIn()
    expect(result).toMatchObject({ status: 'done', event: { type: 'call.joined_meeting' } })
    const id = result.command_id
    await Promise.all([ada.hears(phoneHz), ben.hears(phoneHz), ada.hears(benHz), ben.hears(adaHz)])
    await baresip.hearsAll([adaHz, benHz])
    const joined = await until(
      async () => (await events('meeting.participant_joined')).find((one) => one.correlation_id === id),
      'the phone is told of',
    )
    expect(joined.data.participant).toMatchObject({ name: 'Person 1002 Test', role: 'guest', phone: '1002' })
    expect(joined.data.participant.id).toBe(result.event.data.participant_id)
    await tile(ada, 'Person 1002 Test').waitFor()
    expect(await tile(ada, 'Person 1002 Test').locator('video').count()).toBe(0)
  })

  it('who hangs up has left', async () => {
    const { event } = await bringIn()
    await ada.hears(phoneHz)
    baresip.hangUp()
    const left = await until(
      async () =>
        (await events('meeting.participant_left')).find(
          ({ data }) => data.participant.id === event.data.participant_id,
        ),
      'the phone has left',
    )
    expect(left.data.reason).toBe('left')
    await tile(ben, 'Person 1002 Test').waitFor({ state: 'detached' })
    await ben.hearsNot(phoneHz)
  })
})
