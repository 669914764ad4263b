/** Parking, retrieving and picking up through the API: nobody but phones and the API, whoever waits hears music. */
import { afterEach, expect, it } from 'vitest'
import { until } from '../carillon.ts'
import { openPhones } from './opened.ts'
import { header } from './phone-message.ts'
import { mediaOf, partAt } from './sound.ts'
import { command, takes, talkSteered, toldOf } from './steering.ts'

const [aliceHz, bobHz, carolHz] = [440, 700, 1_250]

const { organisation, alice, bob, carol } = await openPhones(['alice', 'bob', 'carol'])

afterEach(() => {
  for (const { sound } of [alice, bob, carol]) sound.forget()
})

it('parked: the phone that parked is free, the other hears music; retrieved by another phone', async () => {
  const { callId, call, taken, legs } = await talkSteered(organisation, [alice, aliceHz], [bob, bobHz])
  const parked = await command(organisation, callId, 'park', { leg_id: legs['1002'] })
  expect(parked).toMatchObject({
    type: 'call.parked',
    data: { parked_by: { number: '1002' }, call: { status: 'parked' } },
  })
  await taken.ended()
  const isMusic = (samples: Int16Array) =>
    samples.some((sample) => Math.abs(sample) > 1_000) && partAt(samples, bobHz) < 0.3
  await until(() => isMusic(alice.sound.recent()), 'hearing music, and Bob no more')

  const retrieving = command(organisation, callId, 'retrieve', { by: { user_id: carol.userId }, auto_answer: true })
  const carols = await takes(carol, carolHz)
  expect(carols.invitation?.text).toContain('answer-after=0')
  expect(await retrieving).toMatchObject({
    type: 'call.retrieved',
    data: { retrieved_by: { number: '1003' }, call: { status: 'answered', callee: { number: '1003' } } },
  })
  await Promise.all([alice.sound.hears(carolHz), carol.sound.hears(aliceHz)])
  await Promise.all([carols.bye(), call.ended()])
  await organisation.records(1)
  expect((await toldOf(organisation, callId)).slice(2)).toEqual([
    'call.answered',
    'call.parked',
    'call.retrieved',
    'call.ended',
    'cdr.final',
  ])
})

it('a phone that is busy leaves it parked: the command fails by name, and another retrieves', async () => {
  const { callId, call, legs, taken } = await talkSteered(organisation, [alice, aliceHz], [bob, bobHz])
  await command(organisation, callId, 'park', { leg_id: legs['1002'] })
  await taken.ended()
  const failing = organisation.raw('POST', `realtime/calls/${callId}/retrieve`, { by: { device_id: carol.deviceId } })
  const refused = await carol.phone.ringing()
  if (refused.invitation) refused.respond(refused.invitation, 486, 'Busy Here')
  expect(await failing).toMatchObject({ status: 409, error: { type: 'conflict' } })
  const retrieving = command(organisation, callId, 'retrieve', { by: { device_id: bob.deviceId } })
  const bobs = await takes(bob, bobHz)
  expect((await retrieving).data.retrieved_by.number).toBe('1002')
  await alice.sound.hears(bobHz)
  await Promise.all([call.bye(), bobs.ended()])
})

it('picked up: the phone that was named has the call, the one that rang is told why', async () => {
  const known = (await organisation.callEvents()).filter(({ type }) => type === 'call.ringing').length
  const call = await alice.phone.invite('1002', { sdp: alice.phone.sdp() })
  const bobs = await bob.phone.ringing()
  const ringing = await organisation.eventOf('call.ringing', known)
  const picking = command(organisation, ringing.resource.id, 'pickup', { by: { user_id: carol.userId } })
  const carols = await takes(carol, carolHz)
  const [answer, event] = await Promise.all([call.final(), picking])
  expect(event).toMatchObject({ type: 'call.answered', data: { call: { callee: { number: '1003' } } } })
  alice.sound.play(aliceHz, mediaOf(answer.body))
  await Promise.all([alice.sound.hears(carolHz), carol.sound.hears(aliceHz)])
  const cancelled = await bobs.received('CANCEL')
  expect(header(cancelled, 'Reason')).toContain('cause=200')
  bobs.respond(cancelled, 200, 'OK')
  if (bobs.invitation) bobs.respond(bobs.invitation, 487, 'Request Terminated')
  await Promise.all([call.bye(), carols.ended()])
})
