/** What a caller hears before anybody has answered, and what becomes of the phones that did not get the call. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Json, until } from '../carillon.ts'
import { hangUp, hearEachOther } from './conversation.ts'
import { openPhones } from './opened.ts'
import type { Telephone } from './organisation.ts'
import { Phone } from './phone.ts'
import type { PhoneCall } from './phone-call.ts'
import { header } from './phone-message.ts'
import { mediaOf, Sound } from './sound.ts'

const [aliceHz, bobHz, announcementHz, ringbackHz] = [440, 700, 1_000, 425]
const outside = '+32470123456'

const { carillon, organisation, alice, bob } = await openPhones(['alice', 'bob'])
/** Bob's other phone. */
let spare: Telephone
/** A scripted one, which takes calls for the outside. */
let carrier: { phone: Phone; sound: Sound }

beforeAll(async () => {
  const second = await organisation.device(bob.userId, 'spare')
  spare = { ...bob, ...second, ...(await organisation.phone(second)) }
  carrier = await openCarrier()
})

afterEach(() => {
  for (const { sound } of [alice, bob, spare, carrier]) sound.forget()
})

afterAll(async () => {
  carrier?.phone.close()
  carrier?.sound.close()
})

async function openCarrier() {
  const sound = await Sound.open()
  const phone = await Phone.open({
    username: 'carrier',
    password: '',
    domain: '127.0.0.9',
    address: '127.0.0.9',
    port: carillon.sipPort,
    rtpPort: sound.port,
  })
  const fields = { server: '127.0.0.9', port: phone.localPort, advanced: { options_seconds: 0 } }
  await organisation.call('PUT', 'trunks', { name: 'Carrier', ...fields })
  return { phone, sound }
}

/** Says so without an end to the call: what it plays from now on is early media. */
function early(leg: PhoneCall, of: { phone: Phone; sound: Sound }, hz: number, status = 183): void {
  if (!leg.invitation) throw new Error('no INVITE')
  leg.respond(leg.invitation, status, 'Early', { body: of.phone.sdp() })
  of.sound.play(hz, mediaOf(leg.invitation.body))
}

function refuse(leg: PhoneCall, status: number, reason: string): void {
  if (leg.invitation) leg.respond(leg.invitation, status, reason)
}

/** 200 to the CANCEL, 487 to the INVITE; answers the CANCEL. */
async function cancelled(leg: PhoneCall) {
  const cancel = await leg.received('CANCEL')
  leg.respond(cancel, 200, 'OK')
  refuse(leg, 487, 'Request Terminated')
  await leg.received('ACK')
  return cancel
}

describe('T24: early media of a carrier', () => {
  it.each([183, 180])(
    'T24: a %i with SDP reaches the caller, and the call is answered with the same',
    async (status) => {
      const call = await alice.phone.invite(outside)
      const leg = await carrier.phone.ringing(false)
      early(leg, carrier, announcementHz, status)
      const progress = await call.provisional(183)
      await alice.sound.hears(announcementHz)
      const [answer] = await Promise.all([call.final(), leg.answer()])
      expect(mediaOf(answer.body)).toEqual(mediaOf(progress.body))
      alice.sound.play(aliceHz, mediaOf(answer.body))
      await carrier.sound.hears(aliceHz)
      await hangUp({ call, taken: leg })
    },
  )

  it('T24: so does its announcement of a failure, and then the failure', async () => {
    const call = await alice.phone.invite(outside)
    const leg = await carrier.phone.ringing(false)
    early(leg, carrier, announcementHz)
    await alice.sound.hears(announcementHz)
    refuse(leg, 404, 'Not Found')
    const answer = await call.final()
    expect(answer.status).toBe(404)
    expect(header(answer, 'Reason')).toBe('Q.850;cause=1')
  })

  it('T24: a 183 that says nothing is not ringing', async () => {
    const call = await alice.phone.invite(outside)
    const leg = await carrier.phone.ringing(false)
    refuse(leg, 183, 'Session Progress')
    refuse(leg, 180, 'Ringing')
    await call.provisional(180)
    expect(alice.phone.inbox.filter(({ status, text }) => status === 183 && text.includes(call.callId))).toEqual([])
    call.cancel()
    await Promise.all([call.final(), cancelled(leg)])
  })
})

describe('T24: several branches', () => {
  it('T24: the latest with media is heard; when it fails there is ringing as long as another rings', async () => {
    await spare.phone.register()
    const call = await alice.phone.invite('1002')
    const [first, second] = [await bob.phone.ringing(), await spare.phone.ringing()]
    early(first, bob, bobHz)
    await alice.sound.hears(bobHz)
    early(second, spare, announcementHz)
    await alice.sound.hears(announcementHz)
    refuse(second, 486, 'Busy Here')
    await alice.sound.hears(ringbackHz)
    bob.sound.silence()
    const [answer] = await Promise.all([call.final(), first.answer()])
    const toCallee = first.invitation?.body ?? ''
    await hearEachOther([alice, aliceHz], [bob, bobHz], { toCaller: answer.body, toCallee })
    await hangUp({ call, taken: first })
    await spare.phone.register(0)
  })

  it('T24: an early branch of one phone that forks is not the one that answers', async () => {
    const call = await alice.phone.invite('1002')
    const leg = await bob.phone.ringing(false)
    if (!leg.invitation) throw new Error('no INVITE')
    const other = leg.response(leg.invitation, 183, 'Early', { body: spare.phone.sdp() })
    bob.phone.send(other.replace(leg.localTag, 'otherbranch'))
    spare.sound.play(announcementHz, mediaOf(leg.invitation.body))
    await alice.sound.hears(announcementHz)
    spare.sound.silence()
    const [answer] = await Promise.all([call.final(), leg.answer()])
    const toCallee = leg.invitation.body
    await hearEachOther([alice, aliceHz], [bob, bobHz], { toCaller: answer.body, toCallee })
    await hangUp({ call, taken: leg })
  })
})

describe('T24: a 2xx too many', () => {
  const isOf = (tag: string, method: string) => (message: { method: string; text: string }) =>
    message.method === method && message.text.includes(`tag=${tag}`)

  it('T24: a second one, of another branch, gets ACK and BYE; the call goes on', async () => {
    const call = await alice.phone.invite('1002')
    const leg = await bob.phone.ringing()
    if (!leg.invitation) throw new Error('no INVITE')
    const [answer] = await Promise.all([call.final(), leg.answer()])
    const second = leg.response(leg.invitation, 200, 'OK', { body: bob.phone.sdp() })
    bob.phone.send(second.replace(leg.localTag, 'secondbranch'))
    await bob.phone.next('ACK of the second', isOf('secondbranch', 'ACK'))
    const bye = await bob.phone.next('BYE of the second', isOf('secondbranch', 'BYE'))
    leg.respond(bye, 200, 'OK')
    const toCallee = leg.invitation.body
    await hearEachOther([alice, aliceHz], [bob, bobHz], { toCaller: answer.body, toCallee })
    await hangUp({ call, taken: leg })
  })

  it('T24: a late one, which crossed the CANCEL, gets ACK and BYE', async () => {
    const call = await alice.phone.invite('1002')
    const leg = await bob.phone.ringing()
    await call.provisional(180)
    call.cancel()
    const cancel = await leg.received('CANCEL')
    leg.respond(cancel, 200, 'OK')
    const [answer] = await Promise.all([call.final(), leg.answer(), leg.ended()])
    expect(answer.status).toBe(487)
    const isIt = (record: Json) => record.called_number === '1002' && record.hangup_cause === 'CANCEL'
    const record = await until(async () => (await organisation.records(1)).find(isIt), 'the record')
    expect(record).toMatchObject({ sip_code: 487, billing_seconds: 0 })
  })
})

describe('T25: the phones that lose', () => {
  it('T25: CANCEL says that the call was completed elsewhere', async () => {
    await spare.phone.register()
    const call = await alice.phone.invite('1002')
    const [first, second] = [await bob.phone.ringing(), await spare.phone.ringing()]
    const [cancel] = await Promise.all([cancelled(second), call.final(), first.answer()])
    expect(header(cancel, 'Reason')).toBe('SIP;cause=200;text="Call completed elsewhere"')
    await hangUp({ call, taken: first })
    await spare.phone.register(0)
  })

  it('T25: but not when the caller gave up', async () => {
    const call = await alice.phone.invite('1002')
    const leg = await bob.phone.ringing()
    await call.provisional(180)
    call.cancel()
    const [cancel] = await Promise.all([cancelled(leg), call.final()])
    expect(header(cancel, 'Reason')).not.toContain('cause=200')
  })
})
