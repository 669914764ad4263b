/**
 * One call among three baresips, steered by the API alone from the first ring to the record: recorded, consulted about,
 * passed on, parked, retrieved and hung up. What a person does at a phone is to answer it.
 *
 * Who hears whom is told twice at each step: by the phones, and by a recording that begins and ends with the step.
 */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Carillon, type Json } from '../carillon.ts'
import { Baresip } from './baresip.ts'
import { Organisation, type Person } from './organisation.ts'
import { expectMostly, readyOf } from './recorded.ts'
import { partAt } from './sound.ts'
import { command, legsOf, toldOf } from './steering.ts'
import { media } from './wav.ts'

const [aliceHz, bobHz, carolHz, musicHz] = [440, 700, 1_250, 1_000]

let carillon: Carillon
let organisation: Organisation
let people: Readonly<Record<'alice' | 'bob' | 'carol', Person>>
let alice: Baresip
let bob: Baresip
let carol: Baresip

beforeAll(async () => {
  carillon = await Carillon.start()
  organisation = await Organisation.create(carillon)
  const music = await media(organisation, 'Music', musicHz, { available_as_moh: true })
  await organisation.call('POST', 'accounts', { id: organisation.accountId, music_on_hold_id: music })
  people = {
    alice: await organisation.person('1001'),
    bob: await organisation.person('1002'),
    carol: await organisation.person('1003'),
  }
  const phone = ({ username, password }: Person, tone: number) =>
    Baresip.start({ username, password, domain: organisation.realm, port: carillon.sipPort, tone })
  ;[alice, bob, carol] = await Promise.all([
    phone(people.alice, aliceHz),
    phone(people.bob, bobHz),
    phone(people.carol, carolHz),
  ])
})

afterAll(async () => {
  organisation?.close()
  await Promise.all([alice?.stop(), bob?.stop(), carol?.stop()])
  await carillon?.destroy()
})

async function takes(phone: Baresip): Promise<void> {
  await phone.event('CALL_INCOMING')
  phone.answer()
  await phone.event('CALL_ESTABLISHED')
}

/** Both hear each other for a second and a half, which is recorded: the first on the left, the other on the right. */
async function talkRecorded(
  callId: string,
  [left, leftHz]: readonly [Baresip, number],
  [right, rightHz]: readonly [Baresip, number],
): Promise<readonly Json[]> {
  await Promise.all([left.hears(rightHz), right.hears(leftHz)])
  const started = await command(organisation, callId, 'record', { action: 'start' })
  const id = started.data.recording_id
  expect(started).toMatchObject({ type: 'call.recording_started', data: { call: { recording: { id } } } })
  // Each time half a second that is new.
  for (let i = 0; i < 3; i++) await Promise.all([left.hears(rightHz), right.hears(leftHz)])
  const stopped = await command(organisation, callId, 'record', { action: 'stop' })
  expect(stopped).toMatchObject({
    type: 'call.recording_stopped',
    data: { recording_id: id, reason: 'stopped', call: { recording: null } },
  })
  const recorded = await readyOf(organisation, id)
  expect(recorded.recording).toMatchObject({ call_id: callId, status: 'ready' })
  expectMostly(recorded.left, leftHz)
  expectMostly(recorded.right, rightHz)
  for (const hz of [aliceHz, bobHz, carolHz, musicHz]) {
    if (hz !== leftHz) expect(partAt(recorded.left, hz), `${hz} Hz on the left`).toBeLessThan(0.05)
    if (hz !== rightHz) expect(partAt(recorded.right, hz), `${hz} Hz on the right`).toBeLessThan(0.05)
  }
  return [started, stopped]
}

it('called, recorded, consulted about and passed on, parked, retrieved, hung up: each step with its event, one record', async () => {
  const from = { user_id: people.alice.userId }
  const placed = await organisation.call('PUT', 'realtime/calls', { from, to: { number: '1002' } })
  expect(placed).toMatchObject({
    status: 'done',
    event: { type: 'call.started', correlation_id: placed.command_id },
  })
  const id = placed.call_id
  await takes(alice)
  await takes(bob)
  const answered = await organisation.eventOf('call.answered')
  const first = await talkRecorded(id, [alice, aliceHz], [bob, bobHz])

  const leg_id = legsOf(answered)['1002']
  const consulting = await command(organisation, id, 'consult', { leg_id, to: { number: '1003' } })
  expect(consulting).toMatchObject({
    type: 'call.consultation_started',
    data: { leg_id, consulted: { number: '1003' } },
  })
  await takes(carol)
  await Promise.all([bob.hears(carolHz), carol.hears(bobHz), alice.hears(musicHz)])
  const completed = await command(organisation, id, 'complete', { leg_id })
  expect(completed).toMatchObject({ type: 'call.transferred', data: { leg_id, transferred_to: { number: '1003' } } })
  await bob.event('CALL_CLOSED')
  const second = await talkRecorded(id, [alice, aliceHz], [carol, carolHz])

  const parked = await command(organisation, id, 'park', { leg_id: legsOf(completed)['1003'] })
  expect(parked).toMatchObject({
    type: 'call.parked',
    data: { parked_by: { number: '1003' }, call: { status: 'parked' } },
  })
  await Promise.all([carol.event('CALL_CLOSED'), alice.hears(musicHz)])
  const retrieving = command(organisation, id, 'retrieve', { by: { device_id: people.bob.deviceId } })
  await takes(bob)
  const retrieved = await retrieving
  expect(retrieved).toMatchObject({
    type: 'call.retrieved',
    data: { retrieved_by: { number: '1002' }, call: { status: 'answered', callee: { number: '1002' } } },
  })
  const third = await talkRecorded(id, [alice, aliceHz], [bob, bobHz])

  const ended = await command(organisation, id, 'hangup')
  expect(ended.type).toBe('call.ended')
  await Promise.all([alice.event('CALL_CLOSED'), bob.event('CALL_CLOSED')])
  await toldOf(organisation, id)
  const told = (await organisation.callEvents(id)).map(({ type, correlation_id }) => [type, correlation_id])
  const by = (event: Json) => [event.type, event.correlation_id]
  expect(told).toEqual([
    ['call.started', placed.command_id],
    ['call.ringing', placed.command_id],
    ['call.answered', placed.command_id],
    ...first.map(by),
    by(consulting),
    ['call.consultation_answered', consulting.correlation_id],
    by(completed),
    ...second.map(by),
    by(parked),
    by(retrieved),
    ...third.map(by),
    by(ended),
    ['cdr.final', placed.command_id],
  ])
  const commands = [...first, consulting, completed, ...second, parked, retrieved, ...third, ended]
  expect(new Set([placed.command_id, ...commands.map((event) => event.correlation_id)]).size).toBe(12)
  const records = await organisation.records(1)
  expect(records).toHaveLength(1)
  expect(records[0]).toMatchObject({
    call_id: id,
    direction: 'internal',
    caller: { user_id: people.alice.userId },
    callee: { user_id: people.bob.userId },
    hangup_cause: 'ANSWERED',
  })
  // Nothing of it is left: no other call was told of, and no call is going on.
  expect((await organisation.callEvents()).every(({ resource }) => resource.id === id)).toBe(true)
  expect(await organisation.call('GET', 'realtime/calls')).toEqual([])
})
