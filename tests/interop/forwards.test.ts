/** Where a call goes that is not to ring here: forwards with each of their fields, do not disturb, a second call. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Json, root, until } from '../carillon.ts'
import { describeSound, hangUp, hearEachOther, talk } from './conversation.ts'
import { openPhones } from './opened.ts'
import type { Line } from './organisation.ts'
import type { PhoneCall } from './phone-call.ts'
import { header } from './phone-message.ts'
import { mediaOf } from './sound.ts'

const [aliceHz, bobHz] = [440, 700]
const [did, mobile, stranger] = ['+3225550100', '+32470123456', '+32475999999']

const { organisation, alice, bob, dave } = await openPhones(['alice', 'bob', 'dave'], {
  people: { bob: { user: { language: 'fr' } } },
})
let carrier: Line

beforeAll(async () => {
  await organisation.direct(did, dave)
  carrier = await organisation.line('127.0.0.9')
})

afterEach(async () => {
  await Promise.all([daveForwards({ enabled: false, number: null }), setDave({ do_not_disturb: false })])
  for (const { sound } of [alice, bob, dave, carrier]) sound.forget()
})

const setDave = (fields: Json) => organisation.call('POST', 'users', { id: dave.userId, ...fields })
const setDavesPhone = (fields: Json) => organisation.call('POST', 'devices', { id: dave.deviceId, ...fields })

const daveForwards = (forward: Json) => {
  const standard = { enabled: true, require_key_press: false, direct_calls_only: false, keep_caller_id: true }
  return setDave({ call_forward: { ...standard, ...forward } })
}

const refuse = (leg: PhoneCall, status: number, reason: string) => {
  if (leg.invitation) leg.respond(leg.invitation, status, reason)
}
const headerOf = (leg: PhoneCall, name: string) => (leg.invitation ? header(leg.invitation, name) : '')

/** The caller gives up a call that rings. */
async function giveUp(call: PhoneCall, leg: PhoneCall): Promise<void> {
  await call.provisional(180)
  call.cancel()
  const cancel = await leg.received('CANCEL')
  leg.respond(cancel, 200, 'OK')
  refuse(leg, 487, 'Request Terminated')
  await call.final()
}

describe('CallForward', () => {
  it('CallForward.enabled: the phone rings while it is not', async () => {
    await daveForwards({ enabled: false, number: '1002' })
    const call = await alice.phone.invite('1004')
    await giveUp(call, await dave.phone.ringing())
  })

  it('CallForward.number: of a colleague, who sees who forwards', async () => {
    await daveForwards({ number: '1002' })
    const call = await alice.phone.invite('1004')
    const leg = await bob.phone.ringing()
    expect(headerOf(leg, 'Diversion')).toMatch(/<sip:1004@.*>;reason=unconditional/)
    const [answer] = await Promise.all([call.final(), leg.answer()])
    const toCallee = leg.invitation?.body ?? ''
    await hearEachOther([alice, aliceHz], [bob, bobHz], { toCaller: answer.body, toCallee })
    await hangUp({ call, taken: leg })
  })

  it.each([
    [true, '1001'],
    [false, '1004'],
  ])('CallForward.keep_caller_id %s: a colleague sees %s', async (keeps, shown) => {
    await daveForwards({ number: '1002', keep_caller_id: keeps })
    const call = await alice.phone.invite('1004')
    const leg = await bob.phone.ringing()
    expect(headerOf(leg, 'From')).toContain(`<sip:${shown}@`)
    await giveUp(call, leg)
  })

  it.each([
    [true, stranger],
    [false, did],
  ])('CallForward.keep_caller_id %s: a mobile sees %s, as its carrier is told', async (keeps, shown) => {
    await daveForwards({ number: mobile, keep_caller_id: keeps })
    const from = `<sip:${stranger}@carrier.example>`
    const [call, leg] = await Promise.all([carrier.phone.invite(did, { from }), carrier.phone.ringing()])
    expect(leg.invitation?.uri).toContain(`sip:${mobile}@`)
    expect(headerOf(leg, 'From')).toContain(`<sip:${shown}@`)
    expect(headerOf(leg, 'Diversion')).toContain(keeps ? `<sip:${did}@` : '')
    await giveUp(call, leg)
  })

  it('CallForward.direct_calls_only: not for calls that come by a callflow of another', async () => {
    await daveForwards({ number: '1002', direct_calls_only: true })
    const direct = await alice.phone.invite('1004')
    await giveUp(direct, await bob.phone.ringing())
    const silent = await organisation.device(bob.userId, 'never registered')
    const next = { module: 'user', data: { id: dave.userId } }
    const flow = { module: 'device', data: { id: silent.deviceId }, children: { unreachable: next } }
    const { id } = await organisation.callflow(['2000'], flow)
    const indirect = await alice.phone.invite('2000')
    await giveUp(indirect, await dave.phone.ringing())
    await organisation.call('DELETE', `callflows/${id}`)
  })

  it('CallForward of a device: its owner’s other phones ring', async () => {
    const spare = await organisation.device(dave.userId, 'spare')
    const other = await organisation.phone(spare)
    await other.phone.register()
    const call_forward = { enabled: true, number: '1002' }
    await setDavesPhone({ call_forward })
    const call = await alice.phone.invite('1004')
    const [leg] = [await bob.phone.ringing(), await other.phone.ringing()]
    await Promise.all([call.final(), leg.answer()])
    await hangUp({ call, taken: leg })
    await setDavesPhone({ call_forward: { enabled: false, number: null } })
    await organisation.call('DELETE', `devices/${spare.deviceId}`)
  })

  it('two that forward to each other: the call ends, with a loop as its reason', async () => {
    await daveForwards({ number: '1002' })
    const back = { enabled: true, number: '1004', keep_caller_id: true }
    await organisation.call('POST', 'users', { id: bob.userId, call_forward: back })
    const call = await alice.phone.invite('1004')
    expect((await call.final()).status).toBe(482)
    await organisation.call('POST', 'users', { id: bob.userId, call_forward: { enabled: false, number: null } })
  })
})

describe('CallForward.require_key_press', () => {
  const pcmu = { codecs: ['0 PCMU/8000', '101 telephone-event/8000'] }

  it('T28: whoever answers hears the prompt in a language of theirs, and presses 1', async () => {
    await daveForwards({ number: '1002', require_key_press: true })
    const call = await alice.phone.invite('1004')
    const leg = await bob.phone.ringing()
    await leg.answer(describeSound({ port: bob.sound.port, ...pcmu }))
    const prompt = readFileSync(join(root, 'server/voice/prompts/fr/forward_press_1.wav'))
    const someOfIt = oneSilence(prompt.subarray(4_044, 6_044))
    const heard = () => oneSilence(Buffer.concat(bob.sound.packets.map(({ payload }) => payload)))
    await until(() => heard().includes(someOfIt), 'the prompt in French')
    expect(isAnswered(call)).toBe(false)
    bob.sound.press('1', mediaOf(leg.invitation?.body ?? ''))
    const answer = await call.final()
    const toCallee = leg.invitation?.body ?? ''
    await hearEachOther([alice, aliceHz], [bob, bobHz], { toCaller: answer.body, toCallee }, [8, 0])
    await hangUp({ call, taken: leg })
  })

  it.each([
    ['by another key', async (leg: PhoneCall) => bob.sound.press('2', mediaOf(leg.invitation?.body ?? ''))],
    ['by hanging up', async (leg: PhoneCall) => void leg.bye()],
  ])('it is refused %s, and nobody was talked to', async (how, refusing) => {
    await daveForwards({ number: '1002', require_key_press: true })
    const call = await alice.phone.invite('1004')
    const leg = await bob.phone.ringing()
    await leg.answer()
    await refusing(leg)
    if (how === 'by another key') await leg.ended()
    expect((await call.final()).status).toBe(480)
  })

  it('a key in INFO takes it too', async () => {
    await daveForwards({ number: '1002', require_key_press: true })
    const call = await alice.phone.invite('1004')
    const leg = await bob.phone.ringing()
    await leg.answer()
    const answer = await leg.request('INFO', ['Content-Type: application/dtmf-relay'], 'Signal=1\r\nDuration=100\r\n')
    expect(answer.status).toBe(200)
    expect((await call.final()).status).toBe(200)
    await hangUp({ call, taken: leg })
  })

  /** µ-law has two codes for it. */
  const oneSilence = (codes: Buffer) => Buffer.from(codes.map((code) => (code === 0x7f ? 0xff : code)))
  const isAnswered = (call: PhoneCall) =>
    alice.phone.inbox.some(({ status, text }) => status === 200 && text.includes(call.callId))
})

describe('do not disturb', () => {
  const isBusy = async () => {
    const call = await alice.phone.invite('1004')
    expect((await call.final()).status).toBe(486)
  }

  it('of a user: busy, by the history too', async () => {
    await setDave({ do_not_disturb: true })
    await isBusy()
    const isIt = (record: Json) => record.called_number === '1004' && record.hangup_cause === 'BUSY'
    const record = await until(async () => (await organisation.records(1)).find(isIt), 'its record')
    expect(record).toMatchObject({ q850_cause: 17, billing_seconds: 0 })
  })

  it('of a device', async () => {
    await setDavesPhone({ do_not_disturb: true })
    await isBusy()
    await setDavesPhone({ do_not_disturb: false })
  })

  it('a forward is stronger than do not disturb', async () => {
    await setDave({ do_not_disturb: true })
    await daveForwards({ number: '1002' })
    const call = await alice.phone.invite('1004')
    await giveUp(call, await bob.phone.ringing())
  })
})

describe('call_waiting', () => {
  it.each([true, false])('%s: a second call to a phone in use', async (isWaiting) => {
    await setDave({ call_waiting: isWaiting })
    const talking = await talk(alice, dave)
    const second = await bob.phone.invite('1004')
    if (isWaiting) await giveUp(second, await dave.phone.ringing())
    else expect((await second.final()).status).toBe(486)
    await hangUp(talking)
  })
})
