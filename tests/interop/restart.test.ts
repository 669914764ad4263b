/** What a call leaves behind, and what of it goes on when a process dies in the middle of it. */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { Carillon, kill, until } from '../carillon.ts'
import { Organisation, type Telephone } from './organisation.ts'
import type { PhoneCall } from './phone-call.ts'
import { mediaOf } from './sound.ts'

let carillon: Carillon
let organisation: Organisation
let alice: Telephone
let bob: Telephone
let carol: Telephone

beforeAll(async () => {
  carillon = await Carillon.start()
  organisation = await Organisation.create(carillon)
  alice = await organisation.telephone('1001')
  bob = await organisation.telephone('1002')
  carol = await organisation.telephone('1003')
})

afterEach(() => {
  for (const { sound } of [alice, bob, carol]) sound?.silence()
})

afterAll(async () => {
  organisation?.close()
  await carillon?.destroy()
})

/** Alice talks to Bob, and both are heard. */
async function talk(): Promise<{ call: PhoneCall; taken: PhoneCall; toAlice: ReturnType<typeof mediaOf> }> {
  const call = await alice.phone.invite('1002')
  const taken = await bob.phone.ringing()
  const [answer] = await Promise.all([call.final(), taken.answer()])
  const toAlice = mediaOf(answer.body)
  alice.sound.play(440, toAlice)
  bob.sound.play(700, mediaOf(taken.invitation?.body ?? ''))
  await Promise.all([alice.sound.hears(700), bob.sound.hears(440)])
  return { call, taken, toAlice }
}

/** The shortest of a few: what a busy machine adds is not ours. `enough`: a shorter one needs no other try. */
async function shortestGap(telephone: Telephone, enough: number, meanwhile: () => Promise<void>): Promise<number> {
  const gaps: number[] = []
  while (gaps.length < 4 && Math.min(...gaps) >= enough) gaps.push(await longestGap(telephone, meanwhile))
  return Math.min(...gaps)
}

/** How long nothing came, at most, while that went on. */
async function longestGap(telephone: Telephone, meanwhile: () => Promise<void>): Promise<number> {
  let [last, longest] = [performance.now(), 0]
  const note = () => {
    longest = Math.max(longest, performance.now() - last)
    last = performance.now()
  }
  telephone.sound.socket.on('message', note)
  await meanwhile()
  note()
  telephone.sound.socket.off('message', note)
  return longest
}

async function restarted(process: 'voice' | 'worker'): Promise<void> {
  const before = carillon.pids[process]
  kill(before)
  await until(() => carillon.pids[process] > 0 && carillon.pids[process] !== before, `${process} runs again`)
}

it('T1: a plain call leaves eight events, its record, both legs and its ladder', async () => {
  const { call, taken } = await talk()
  await Promise.all([call.bye(), taken.ended()])
  const record = (await organisation.records(1)).at(-1)
  const events = await organisation.callEvents(record?.call_id)
  const legs = await until(async () => {
    const told = await organisation.legEvents(record?.call_id)
    return told.length === 3 ? told : null
  }, 'the events of its legs')
  expect(legs.map(({ type }) => type)).toEqual(['leg.ringing', 'leg.ended', 'leg.ended'])
  expect(events).toHaveLength(5)
  const history = await organisation.call('GET', `calls_history/${record?.call_id}`)
  expect(history.legs).toHaveLength(2)
  const trace = await organisation.call('GET', `calls_history/${record?.call_id}/trace`)
  expect(trace.length).toBeGreaterThan(10)
})

it('T2: what began is in the log before anything rings, and what was answered before the caller knows', async () => {
  const database = await carillon.openDatabase()
  // The inbox is the log's own entrance: what is in it is stored, and comes into the log with the sequencer's next pass.
  const stored =
    'select count(*) from (select type from event_inbox union all select type from events) told where type = $1'
  const count = async (type: string) => Number((await database.query(stored, [type])).rows[0].count)
  const [begun, answered] = [await count('call.started'), await count('call.answered')]
  const call = await alice.phone.invite('1002')
  const taken = await bob.phone.ringing(false)
  expect(await count('call.started')).toBe(begun + 1)
  if (taken.invitation) taken.respond(taken.invitation, 200, 'OK', { body: bob.phone.sdp() })
  await call.final()
  expect(await count('call.answered')).toBe(answered + 1)
  await database.end()
  await Promise.all([call.bye(), taken.ended()])
})

it('T5: the voice process dies: the sound goes on, and the call can be held, handed on and ended', async () => {
  const { call, taken } = await talk()
  const gap = await shortestGap(alice, 1_000, async () => {
    await restarted('voice')
    await until(async () => (await alice.phone.register()).status === 200, 'registered again')
  })
  expect(gap).toBeLessThan(1_000)
  // Held and taken back by Bob.
  expect((await taken.reinvite(bob.phone.sdp('sendonly', 2))).status).toBe(200)
  expect((await taken.reinvite(bob.phone.sdp('sendrecv', 3))).status).toBe(200)
  // Handed on by Alice: Bob talks to Carol.
  const refer = await call.request('REFER', [
    `Refer-To: <sip:1003@${organisation.realm}>`,
    `Contact: ${alice.phone.contact}`,
  ])
  expect(refer.status).toBe(202)
  const handed = await carol.phone.ringing()
  await handed.answer()
  carol.sound.play(900, mediaOf(handed.invitation?.body ?? ''))
  await bob.sound.hears(900)
  const [bye] = await Promise.all([taken.bye(), handed.ended()])
  expect(bye.status).toBe(200)
})

it('T5: a request in a dialog that nobody knows is refused, and a late answer is acknowledged and ended', async () => {
  const lines = ['From: <sip:1001@a>;tag=a1', 'To: <sip:1002@a>;tag=nobody', `Call-ID: ${Math.random()}`]
  expect((await alice.phone.ask('BYE', `sip:1002@${organisation.realm}`, lines, 7)).status).toBe(481)
  const call = await alice.phone.invite('1002')
  const taken = await bob.phone.ringing()
  await call.provisional(180)
  await restarted('voice')
  // The process that dialled is gone; Bob takes the call all the same.
  await until(async () => (await bob.phone.register()).status === 200, 'registered again')
  if (taken.invitation) taken.respond(taken.invitation, 200, 'OK', { body: bob.phone.sdp() })
  await taken.received('ACK')
  await taken.ended()
})

it('T6: the media worker dies: the next one has the same ports, and both are heard again within two seconds', async () => {
  const { call, taken } = await talk()
  const gap = await shortestGap(alice, 2_000, async () => {
    await restarted('worker')
    const from = alice.sound.packets.length
    await until(() => alice.sound.packets.length > from + 50, 'sound again')
  })
  expect(gap).toBeLessThan(2_000)
  await Promise.all([alice.sound.hears(700), bob.sound.hears(440)])
  await Promise.all([call.bye(), taken.ended()])
})

it('T7: registrations outlive the voice process: a phone is called without having said a word', async () => {
  await restarted('voice')
  await until(async () => (await alice.phone.register()).status === 200, 'it serves again')
  const call = await alice.phone.invite('1002')
  const taken = await bob.phone.ringing()
  await Promise.all([call.final(), taken.answer()])
  await Promise.all([call.bye(), taken.ended()])
})

it('T3: afterwards nothing is open, and each call ended once', async () => {
  const { call, taken } = await talk()
  await Promise.all([call.bye(), taken.ended()])
  const events = await organisation.callEvents()
  const of = (type: string) => events.filter((event) => event.type === type).map(({ resource }) => resource.id)
  await until(
    async () => (await organisation.records(1)).length === new Set(of('call.started')).size,
    'a record for each',
  )
  const ended = of('call.ended')
  expect(new Set(ended).size).toBe(ended.length)
  // Nothing waits outside of the database either.
  expect(statSync(join(carillon.dataDir, 'voice-spool.ndjson')).size).toBe(0)
})
