/** Consultation through the API, between phones: completed, cancelled, merged; who hears whom at each step. */
import { afterEach, expect, it } from 'vitest'
import { until } from '../carillon.ts'
import { openPhones } from './opened.ts'
import { partAt } from './sound.ts'
import { command, hearsAll, legsOf, takes, talkSteered, toldOf } from './steering.ts'

const [aliceHz, bobHz, carolHz] = [440, 700, 1_250]

const { organisation, alice, bob, carol } = await openPhones(['alice', 'bob', 'carol'])

afterEach(() => {
  for (const { sound } of [alice, bob, carol]) sound.forget()
})

/** Bob consults Carol, who answers; Alice, who called Bob, waits. */
async function consulting() {
  const call = await talkSteered(organisation, [alice, aliceHz], [bob, bobHz])
  const leg_id = call.legs['1002']
  const started = await command(organisation, call.callId, 'consult', { leg_id, to: { number: '1003' } })
  expect(started).toMatchObject({ type: 'call.consultation_started', data: { consulted: { number: '1003' }, leg_id } })
  const taken = await takes(carol, carolHz)
  await Promise.all([bob.sound.hears(carolHz), carol.sound.hears(bobHz)])
  return { ...call, carols: taken, leg_id }
}

it('completed: the other two hear each other, the consultant is out, one call with one record', async () => {
  const { callId, call, taken, carols, leg_id } = await consulting()
  const event = await command(organisation, callId, 'complete', { leg_id })
  expect(event).toMatchObject({ type: 'call.transferred', data: { leg_id, transferred_to: { number: '1003' } } })
  await taken.ended()
  await Promise.all([alice.sound.hears(carolHz), carol.sound.hears(aliceHz)])
  await Promise.all([call.bye(), carols.ended()])
  const [record] = (await organisation.records(1)).slice(-1)
  expect(record).toMatchObject({ call_id: callId, caller: { number: '1001' }, callee: { number: '1003' } })
  expect((await toldOf(organisation, callId)).slice(2)).toEqual([
    'call.answered',
    'call.consultation_started',
    'call.consultation_answered',
    'call.transferred',
    'call.ended',
    'cdr.final',
  ])
})

it('cancelled: the two of before hear each other again', async () => {
  const { callId, call, taken, carols } = await consulting()
  const event = await command(organisation, callId, 'cancel')
  expect(event).toMatchObject({ type: 'call.consultation_ended', data: { reason: 'cancelled' } })
  await carols.ended()
  await Promise.all([alice.sound.hears(bobHz), bob.sound.hears(aliceHz)])
  await Promise.all([call.bye(), taken.ended()])
})

it('who waits hears music meanwhile, and nobody else', async () => {
  const { callId, call, taken } = await consulting()
  const before = alice.sound.packets.length
  await until(() => alice.sound.packets.length > before + 50, 'a second of music')
  for (const hz of [bobHz, carolHz]) expect(partAt(alice.sound.recent(), hz)).toBeLessThan(0.3)
  await command(organisation, callId, 'cancel')
  await Promise.all([call.bye(), taken.ended()])
})

it('merged: everybody hears the two others, until one leaves', async () => {
  const { callId, call, taken, carols } = await consulting()
  const merged = await command(organisation, callId, 'merge')
  expect(merged.type).toBe('call.merged')
  expect(Object.keys(legsOf(merged)).sort()).toEqual(['1001', '1002', '1003'])
  await Promise.all([
    hearsAll(alice, [bobHz, carolHz]),
    hearsAll(bob, [aliceHz, carolHz]),
    hearsAll(carol, [aliceHz, bobHz]),
  ])
  await taken.bye()
  await organisation.eventOf('call.unmerged')
  await Promise.all([alice.sound.hears(carolHz), carol.sound.hears(aliceHz)])
  await Promise.all([call.bye(), carols.ended()])
  expect((await toldOf(organisation, callId)).slice(-4)).toEqual([
    'call.merged',
    'call.unmerged',
    'call.ended',
    'cdr.final',
  ])
})
