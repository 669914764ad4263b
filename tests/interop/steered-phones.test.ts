/** Commands to calls of scripted phones: what is said to each on the wire, what it hears, who may, and what survives. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Carillon, type Json, kill, until } from '../carillon.ts'
import { Organisation, type Telephone } from './organisation.ts'
import type { PhoneCall } from './phone-call.ts'
import { header } from './phone-message.ts'
import { mediaOf } from './sound.ts'
import { command, hearsNothing, legsOf, takes, talkSteered } from './steering.ts'
import { media } from './wav.ts'

const [aliceHz, bobHz, musicHz] = [440, 700, 1_000]

const usernames: Readonly<Record<string, string>> = {
  1001: 'alice.steered',
  1002: 'bob.steered',
  1003: 'carol.steered',
}

let carillon: Carillon
let organisation: Organisation
let alice: Telephone
let bob: Telephone
let carol: Telephone

beforeAll(async () => {
  carillon = await Carillon.start()
  organisation = await Organisation.create(carillon)
  const music = await media(organisation, 'Music', musicHz, { available_as_moh: true })
  await organisation.call('POST', 'accounts', { id: organisation.accountId, music_on_hold_id: music })
  const person = (number: string) => organisation.telephone(number, { user: { username: usernames[number] } })
  ;[alice, bob, carol] = [await person('1001'), await person('1002'), await person('1003')]
})

afterEach(() => {
  for (const { sound } of [alice, bob, carol]) sound.forget()
})

afterAll(async () => {
  organisation?.close()
  await carillon?.destroy()
})

const talking = () => talkSteered(organisation, [alice, aliceHz], [bob, bobHz])
/** Signed in as that person, who is no administrator. */
async function as({ number }: Telephone, method: string, path: string, data: Json): Promise<Json> {
  const login = { username: usernames[number], api_key: carillon.instanceKey }
  const { auth_token } = await carillon.call('PUT', '/v3.0/auth/user', { data: login })
  const response = await fetch(`${carillon.url}/v3.0/realtime/calls${path}`, {
    method,
    headers: { 'content-type': 'application/json', 'x-auth-token': auth_token },
    body: JSON.stringify({ data }),
  })
  return { status: response.status, ...((await response.json()) as Json) }
}
const events = async (callId: string) => (await organisation.callEvents(callId)).map(({ type }) => type)

describe('hold', () => {
  it('the other is told to listen, hears music, and then the holder again; the holder hears nothing', async () => {
    const { callId, legs, taken, call } = await talking()
    const holding = command(organisation, callId, 'hold', { leg_id: legs['1001'] })
    const held = await taken.received('INVITE')
    expect(held.body).toContain('a=sendonly')
    taken.respond(held, 200, 'OK', { body: bob.phone.sdp('recvonly', 2) })
    expect((await holding).type).toBe('call.held')
    bob.sound.silence()
    await bob.sound.hears(musicHz)
    const resuming = command(organisation, callId, 'unhold', { leg_id: legs['1001'] })
    const resumed = await taken.received('INVITE')
    expect(resumed.body).toContain('a=sendrecv')
    taken.respond(resumed, 200, 'OK', { body: bob.phone.sdp('sendrecv', 3) })
    expect((await resuming).type).toBe('call.resumed')
    await bob.sound.hears(aliceHz)
    await Promise.all([call.bye(), taken.ended()])
  })

  it('a phone that refuses it: the command has failed, and both talk on', async () => {
    const { callId, legs, taken, call } = await talking()
    const holding = organisation.raw('POST', `realtime/calls/${callId}/hold`, { leg_id: legs['1001'] })
    taken.respond(await taken.received('INVITE'), 488, 'Not Acceptable Here')
    expect(await holding).toMatchObject({ status: 409, error: { type: 'conflict', details: { call_id: callId } } })
    expect((await events(callId)).at(-1)).toBe('call.command_failed')
    await bob.sound.hears(aliceHz)
    await Promise.all([call.bye(), taken.ended()])
  })
})

it('mute: what the other hears is silence', async () => {
  const { callId, legs, taken, call } = await talking()
  await command(organisation, callId, 'mute', { leg_id: legs['1001'] })
  await hearsNothing(bob)
  await alice.sound.hears(bobHz)
  await command(organisation, callId, 'unmute', { leg_id: legs['1001'] })
  await bob.sound.hears(aliceHz)
  await Promise.all([call.bye(), taken.ended()])
})

it('auto-answer: only the caller’s phone is asked to answer by itself, in all dialects', async () => {
  const result = await organisation.call('PUT', 'realtime/calls', {
    from: { user_id: alice.userId },
    to: { number: '1002' },
    auto_answer: true,
  })
  const first = await alice.phone.ringing(false)
  if (!first.invitation) throw new Error('no INVITE')
  expect(header(first.invitation, 'Call-Info')).toContain('answer-after=0')
  expect(header(first.invitation, 'Alert-Info')).toContain('info=alert-autoanswer')
  expect(header(first.invitation, 'Answer-Mode')).toBe('Auto')
  expect(header(first.invitation, 'From')).toContain('1002')
  await first.answer()
  const second = await bob.phone.ringing()
  for (const name of ['Call-Info', 'Alert-Info', 'Answer-Mode'])
    expect(second.invitation && header(second.invitation, name)).toBe('')
  expect(second.invitation && header(second.invitation, 'From')).toContain('1001')
  await second.answer()
  alice.sound.play(aliceHz, mediaOf(first.invitation.body))
  bob.sound.play(bobHz, mediaOf(second.invitation?.body ?? ''))
  await Promise.all([alice.sound.hears(bobHz), bob.sound.hears(aliceHz)])
  await Promise.all([first.bye(), second.ended()])
  await until(async () => (await events(result.call_id)).includes('cdr.final'), 'its record')
})

it('answer: a phone that rings is called anew and asked to answer by itself', async () => {
  const before = await count('call.ringing')
  const call = await alice.phone.invite('1002')
  const ringing = await bob.phone.ringing()
  await call.provisional(180)
  const event = await organisation.eventOf('call.ringing', before)
  const answering = command(organisation, event.resource.id, 'answer', { leg_id: legsOf(event)['1002'] })
  await cancelled(ringing)
  const again = await bob.phone.ringing(false)
  expect(again.invitation && header(again.invitation, 'Call-Info')).toContain('answer-after=0')
  const [answer] = await Promise.all([call.final(), again.answer()])
  expect(answer.status).toBe(200)
  expect((await answering).type).toBe('call.answered')
  await Promise.all([call.bye(), again.ended()])
})

it('answer: a desk phone that allows it is told to, and answers the INVITE that it has', async () => {
  const before = await count('call.ringing')
  const call = await alice.phone.invite('1002')
  const ringing = await talkative(bob)
  await call.provisional(180)
  const event = await organisation.eventOf('call.ringing', before)
  const answering = command(organisation, event.resource.id, 'answer', { leg_id: legsOf(event)['1002'] })
  await told(ringing, 200)
  const [answer] = await Promise.all([call.final(), ringing.answer()])
  expect(answer.status).toBe(200)
  expect(await answering).toMatchObject({ type: 'call.answered', data: { leg_id: legsOf(event)['1002'] } })
  await Promise.all([call.bye(), ringing.ended()])
})

it('answer: one that only says that it allows it is called anew', async () => {
  const before = await count('call.ringing')
  const call = await alice.phone.invite('1002')
  const ringing = await talkative(bob)
  await call.provisional(180)
  const event = await organisation.eventOf('call.ringing', before)
  const answering = command(organisation, event.resource.id, 'answer', { leg_id: legsOf(event)['1002'] })
  await told(ringing, 489)
  await cancelled(ringing)
  const again = await bob.phone.ringing(false)
  const [answer] = await Promise.all([call.final(), again.answer()])
  expect(answer.status).toBe(200)
  expect((await answering).type).toBe('call.answered')
  await Promise.all([call.bye(), again.ended()])
})

/** It rings, and may be told to answer. */
async function talkative({ phone }: Telephone): Promise<PhoneCall> {
  const ringing = await phone.ringing(false)
  if (ringing.invitation) {
    ringing.respond(ringing.invitation, 180, 'Ringing', { lines: ['Allow-Events: hold, talk, conference'] })
  }
  return ringing
}

async function told(ringing: PhoneCall, status: number): Promise<void> {
  const notify = await ringing.received('NOTIFY')
  expect(header(notify, 'Event')).toBe('talk')
  ringing.respond(notify, status, status < 300 ? 'OK' : 'Bad Event')
}

const count = async (type: string) => (await organisation.callEvents()).filter((event) => event.type === type).length

/** It rings no more. */
async function cancelled(ringing: PhoneCall): Promise<void> {
  ringing.respond(await ringing.received('CANCEL'), 200, 'OK')
  if (ringing.invitation) ringing.respond(ringing.invitation, 487, 'Request Terminated')
}

describe('A6', () => {
  it('two requests with one Idempotency-Key, and a third: one INVITE', async () => {
    const headers = { 'x-account-id': organisation.accountId, 'idempotency-key': `key-${Date.now()}` }
    const body = { data: { from: { user_id: alice.userId }, to: { number: '1002' } } }
    const place = () => carillon.call('PUT', '/v3.0/realtime/calls', body, headers)
    const both = await Promise.all([place(), place()])
    const first = both.find(({ status }) => status === 200)
    expect(first?.data.status).toBe('done')
    expect((await place()).data).toEqual(first?.data)
    const ringing = await alice.phone.ringing()
    const hangingUp = command(organisation, first?.data.call_id, 'hangup')
    await cancelled(ringing)
    await hangingUp
    const calls = (await organisation.callEvents()).filter(
      ({ type, data }) => type === 'call.started' && data.call.correlation_id === first?.data.command_id,
    )
    expect(calls).toHaveLength(1)
  })
})

describe('a person', () => {
  it('steers their own leg of their own calls, and finds no others', async () => {
    const { callId, legs, taken, call } = await talking()
    const other = await as(carol, 'POST', `/${callId}/hangup`, {})
    const absent = await as(carol, 'POST', `/call_${'0'.repeat(24)}/hangup`, {})
    expect([other.status, absent.status]).toEqual([404, 404])
    expect(await as(bob, 'POST', `/${callId}/mute`, { leg_id: legs['1001'] })).toMatchObject({ status: 404 })
    expect(await as(bob, 'POST', `/${callId}/mute`, {})).toMatchObject({
      status: 200,
      data: { event: { data: { leg_id: legs['1002'] } } },
    })
    const left = await as(bob, 'POST', `/${callId}/hangup`, {})
    expect(left.data.event).toMatchObject({ type: 'call.ended', actor: { type: 'user', id: bob.userId } })
    await Promise.all([call.ended(), taken.ended()])
  })

  it('calls from their own phones', async () => {
    const from = { device_id: alice.deviceId }
    expect(await as(bob, 'PUT', '', { from, to: { number: '1003' } })).toMatchObject({ status: 400 })
    const placed = await as(bob, 'PUT', '', { to: { number: '1003' } })
    expect(placed).toMatchObject({ status: 200 })
    const ringing = await bob.phone.ringing()
    const hangingUp = as(bob, 'POST', `/${placed.data.call_id}/hangup`, {})
    await cancelled(ringing)
    expect(await hangingUp).toMatchObject({ status: 200 })
  })
})

describe('T5: the voice process dies', () => {
  async function voiceRestarts(): Promise<void> {
    const before = carillon.pids.voice
    kill(before)
    await until(() => carillon.pids.voice > 0 && carillon.pids.voice !== before, 'voice runs again')
    await until(async () => (await carillon.ready()) === 200, 'voice serves again', 60_000)
  }

  it('a mute and a hold go on, and a command that nobody can tell of any more has failed', async () => {
    const { callId, legs, taken, call } = await talking()
    await command(organisation, callId, 'mute', { leg_id: legs['1002'] })
    const waiting = await organisation
      .raw('POST', `realtime/calls/${callId}/transfer`, {
        leg_id: legs['1001'],
        to: { number: '1003' },
        command_id: `lost-${Date.now()}`,
      })
      .catch(() => null)
    expect(waiting).toMatchObject({ status: 202 })
    await carol.phone.ringing()
    await call.ended()
    await voiceRestarts()
    const failed = await until(
      async () => (await organisation.callEvents(callId)).find(({ type }) => type === 'call.command_failed'),
      'call.command_failed',
    )
    expect(failed).toMatchObject({ correlation_id: waiting?.data.command_id, data: { verb: 'transfer' } })
    // Nobody tells any more whom Carol would have had: who passed Bob on is called back.
    const back = await takes(alice, aliceHz)
    await bob.sound.hears(aliceHz)
    await Promise.all([back.bye(), taken.ended()])
  })

  it('who is held hears music still, and talks again', async () => {
    const { callId, legs, taken, call } = await talking()
    const holding = command(organisation, callId, 'hold', { leg_id: legs['1001'] })
    taken.respond(await taken.received('INVITE'), 200, 'OK', { body: bob.phone.sdp('recvonly', 2) })
    await holding
    bob.sound.silence()
    await bob.sound.hears(musicHz)
    await voiceRestarts()
    const resuming = until(async () => {
      const answer = await organisation.raw('POST', `realtime/calls/${callId}/unhold`, { leg_id: legs['1001'] })
      return answer.status === 503 ? null : answer
    }, 'a command is taken again')
    const resumed = await taken.received('INVITE')
    expect(resumed.body).toContain('a=sendrecv')
    taken.respond(resumed, 200, 'OK', { body: bob.phone.sdp('sendrecv', 3) })
    expect((await resuming).data.event.type).toBe('call.resumed')
    await bob.sound.hears(aliceHz)
    await Promise.all([call.bye(), taken.ended()])
  })
})

it('transfer: nobody answers, and the phone that passed it on is called back', async () => {
  const { callId, legs, taken, call } = await talking()
  const passing = organisation.raw('POST', `realtime/calls/${callId}/transfer`, {
    leg_id: legs['1002'],
    to: { user_id: carol.userId },
  })
  const busy = await carol.phone.ringing()
  await taken.ended()
  if (busy.invitation) busy.respond(busy.invitation, 486, 'Busy Here')
  expect(await passing).toMatchObject({ status: 409, error: { message: 'Busy Here' } })
  const back = await takes(bob, bobHz)
  await alice.sound.hears(bobHz)
  await Promise.all([call.bye(), back.ended()])
})
