/** Who is there, rings and talks: what each change tells, and that snapshot and stream agree, whatever dies meanwhile. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type EventType, events as catalogue } from '../../contract/events.ts'
import { Carillon, type Json, kill, until } from '../carillon.ts'
import { hangUp, talk } from './conversation.ts'
import { Organisation, type Person, type Telephone } from './organisation.ts'
import { wrongLegs } from './traffic.ts'

let carillon: Carillon
let organisation: Organisation
let alice: Telephone
let bob: Telephone
/** Of the beginning. */
let first: Json

beforeAll(async () => {
  carillon = await Carillon.start()
  organisation = await Organisation.create(carillon)
  first = await organisation.raw('GET', 'realtime/presence')
  alice = await organisation.telephone('1001')
  bob = await organisation.telephone('1002')
})

afterAll(async () => {
  organisation?.close()
  await carillon?.destroy()
})

const changes = async (person: Person): Promise<Json[]> =>
  (await carillon.events('presence.changed')).filter(({ resource }) => resource.id === person.userId)

/** What the person was told to be since then, once it has come to `last`. */
function statesSince(person: Person, count: number, last: string): Promise<string[]> {
  return until(async () => {
    const states = (await changes(person)).slice(count).map(({ data }) => String(data.presence.state))
    return states.at(-1) === last ? states : null
  }, `${last} of ${person.number}`)
}

const shown = async (person: Person): Promise<Json | undefined> =>
  ((await organisation.call('GET', 'realtime/presence')) as Json[]).find(({ id }) => id === person.userId)

async function voiceRestarted(): Promise<void> {
  const { voice } = carillon.pids
  kill(voice)
  await until(async () => carillon.pids.voice > 0 && carillon.pids.voice !== voice, 'voice runs again')
  await until(async () => (await alice.phone.register()).status === 200, 'it serves again')
}

it('a person rings, talks, and is there again, each told once', async () => {
  expect(await shown(alice)).toMatchObject({ state: 'available', is_registered: true, calls: [] })
  const [before, beforeBob] = [(await changes(alice)).length, (await changes(bob)).length]
  const call = await alice.phone.invite('1002')
  const taken = await bob.phone.ringing()
  await until(async () => (await shown(bob))?.state === 'ringing', 'Bob rings')
  expect((await shown(alice))?.state).toBe('talking')
  await Promise.all([call.final(), taken.answer()])
  await until(async () => (await shown(bob))?.state === 'talking', 'Bob talks')
  expect((await shown(bob))?.calls).toEqual((await shown(alice))?.calls)
  await hangUp({ call, taken })
  expect(await statesSince(alice, before, 'available')).toEqual(['talking', 'available'])
  expect(await statesSince(bob, beforeBob, 'available')).toEqual(['ringing', 'talking', 'available'])
})

it('a wish and a phone that is gone are told at once', async () => {
  const before = (await changes(bob)).length
  await organisation.call('PATCH', `users/${bob.userId}`, { do_not_disturb: true })
  await organisation.call('PATCH', `users/${bob.userId}`, { do_not_disturb: true })
  expect((await bob.phone.register(0)).status).toBe(200)
  expect((await bob.phone.register()).status).toBe(200)
  await organisation.call('PATCH', `users/${bob.userId}`, { do_not_disturb: false })
  const states = await statesSince(bob, before, 'available')
  expect(states).toEqual(['do_not_disturb', 'offline', 'do_not_disturb', 'available'])
})

it('T3: voice dies while it rings: nobody rings any more, and each leg has one end', async () => {
  const before = (await changes(bob)).length
  const call = await alice.phone.invite('1002')
  await bob.phone.ringing()
  await call.provisional(180)
  await until(async () => (await shown(bob))?.state === 'ringing', 'Bob rings')
  await voiceRestarted()
  expect(await statesSince(bob, before, 'available')).toEqual(['ringing', 'available'])
  await until(async () => (await shown(alice))?.state === 'available', 'Alice is there')
  const ended = (await organisation.legEvents()).filter(({ data }) => data.leg.ended_by === 'system_restart')
  expect(ended.map(({ type, data }) => [type, data.leg.role])).toEqual([
    ['leg.ended', 'caller'],
    ['leg.ended', 'callee'],
  ])
  const history = await organisation.call('GET', `calls_history/${ended[0]?.data.leg.call.id}`)
  expect(history).toMatchObject({
    ended_by: 'system_restart',
    legs: [{ ended_by: 'system_restart' }, { ended_by: 'system_restart' }],
  })
})

it('T5: voice dies while they talk: they go on talking, and are there when they have hung up', async () => {
  const talking = await talk(alice, bob)
  await until(async () => (await shown(bob))?.state === 'talking', 'Bob talks')
  const before = (await changes(bob)).length
  await voiceRestarted()
  expect((await shown(bob))?.state).toBe('talking')
  await hangUp(talking)
  expect(await statesSince(bob, before, 'available')).toEqual(['available'])
})

it('the first snapshot and every event after it make the last one; every leg ended once', async () => {
  const [before, beforeBob] = [(await changes(alice)).length, (await changes(bob)).length]
  await hangUp(await talk(alice, bob))
  await Promise.all([statesSince(alice, before, 'available'), statesSince(bob, beforeBob, 'available')])
  const items = new Map<string, Json>((first.data as Json[]).map((item) => [item.id, item]))
  for (let after = String(first.cursor); ; ) {
    const page = await organisation.raw('GET', `events?resource=presence&limit=1000&after=${after}`)
    for (const { resource, resource_seq, data } of page.data as Json[]) {
      if (resource_seq <= (items.get(resource.id)?.resource_seq ?? 0)) continue
      if (data.presence) items.set(resource.id, { ...data.presence, resource_seq })
      else items.delete(resource.id)
    }
    if (page.data.length === 0) break
    after = page.next
  }
  const last = (await organisation.call('GET', 'realtime/presence')) as Json[]
  expect([...items.values()].sort((a, b) => (a.id < b.id ? -1 : 1))).toEqual(last)
  await until(async () => (await organisation.legEvents()).length > 0, 'events of legs')
  expect(wrongLegs(await carillon.events('call.*,leg.*'))).toEqual([])
  for (const { type, data } of await carillon.events('leg.*,presence.*')) {
    expect(catalogue[type as EventType].data.strict().safeParse(data).error?.issues, type).toBeUndefined()
  }
})
