/** Monitor, whisper and barge: who hears whom, and that nobody's call ends by it. */
import { afterEach, expect, it } from 'vitest'
import { openPhones } from './opened.ts'
import { command, hearsAll, hearsNothing, talkSteered, takes } from './steering.ts'

const [aliceHz, bobHz, carolHz] = [440, 700, 1_250]

const { organisation, alice, bob, carol } = await openPhones(['alice', 'bob', 'carol'])

afterEach(() => {
  for (const { sound } of [alice, bob, carol]) sound.forget()
})

const by = () => ({ by: { user_id: carol.userId } })

it('monitor, then whisper, then barge, by one phone; it leaves, and the two talk on', async () => {
  const { callId, call, taken, legs } = await talkSteered(organisation, [alice, aliceHz], [bob, bobHz])
  const monitoring = command(organisation, callId, 'monitor', { ...by(), mode: 'monitor', auto_answer: true })
  const carols = await takes(carol, carolHz)
  expect(await monitoring).toMatchObject({
    type: 'call.monitor_started',
    data: { mode: 'monitor', supervisor: { number: '1003' }, call: { supervisors: [{ mode: 'monitor' }] } },
  })
  await Promise.all([hearsAll(carol, [aliceHz, bobHz]), hearsAll(alice, [bobHz]), hearsAll(bob, [aliceHz])])

  const whispering = { ...by(), mode: 'whisper', leg_id: legs['1002'] }
  expect((await command(organisation, callId, 'monitor', whispering)).type).toBe('call.monitor_changed')
  await Promise.all([hearsAll(carol, [aliceHz, bobHz]), hearsAll(alice, [bobHz]), hearsAll(bob, [aliceHz, carolHz])])

  await command(organisation, callId, 'monitor', { ...by(), mode: 'barge' })
  await Promise.all([
    hearsAll(carol, [aliceHz, bobHz]),
    hearsAll(alice, [bobHz, carolHz]),
    hearsAll(bob, [aliceHz, carolHz]),
  ])

  await carols.bye()
  const stopped = await organisation.eventOf('call.monitor_stopped')
  expect(stopped.data).toMatchObject({ supervisor: { number: '1003' }, call: { supervisors: [], status: 'answered' } })
  await Promise.all([alice.sound.hears(bobHz), bob.sound.hears(aliceHz)])
  await Promise.all([call.bye(), taken.ended()])
})

it('who is muted is heard by nobody, and the supervisor is hung up with the call', async () => {
  const { callId, call, taken, legs } = await talkSteered(organisation, [alice, aliceHz], [bob, bobHz])
  const monitoring = command(organisation, callId, 'monitor', { ...by(), mode: 'monitor' })
  const carols = await takes(carol, carolHz)
  await monitoring
  await command(organisation, callId, 'mute', { leg_id: legs['1001'] })
  await Promise.all([hearsAll(carol, [bobHz]), hearsNothing(bob), hearsAll(alice, [bobHz])])
  await Promise.all([call.bye(), taken.ended(), carols.ended()])
})

it('a key has to say whose phone is called', async () => {
  const { callId, call, taken } = await talkSteered(organisation, [alice, aliceHz], [bob, bobHz])
  const answer = await organisation.raw('POST', `realtime/calls/${callId}/monitor`, { mode: 'barge' })
  expect(answer).toMatchObject({ status: 400, error: { details: { issues: [{ field: 'data.by' }] } } })
  await Promise.all([call.bye(), taken.ended()])
})
