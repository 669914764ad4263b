/** The world of `npm run dev`: its phones and its fake carrier. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FakeCarrier } from '../../dev/fake-carrier.ts'
import { formatWorld, seed } from '../../dev/seed.ts'
import { Carillon } from '../carillon.ts'
import { Organisation, type Telephone } from './organisation.ts'
import type { Phone } from './phone.ts'
import { mediaOf, type Sound } from './sound.ts'

let carillon: Carillon
let carrier: FakeCarrier
let world: Awaited<ReturnType<typeof seed>>
let organisation: Organisation
let alice: Pick<Telephone, 'phone' | 'sound'>
let bob: { phone: Phone; sound: Sound }

const start = (address: string) =>
  FakeCarrier.start({ address, port: 0, to: { address: '127.0.0.1', port: carillon.sipPort } })
const makeWorld = (address: string) =>
  seed({
    config: { dataDir: carillon.dataDir, publicUrl: carillon.url },
    instanceApiKey: carillon.instanceKey,
    carrier: { address, port: carrier.port },
  })

beforeAll(async () => {
  carillon = await Carillon.start()
  carrier = await start('127.0.0.80')
  const first = await makeWorld('127.0.0.80')
  // Another start, with the carrier somewhere else.
  carrier.close()
  carrier = await start('127.0.0.81')
  world = await makeWorld('127.0.0.81')
  expect(world.phones).toEqual(first.phones)
  organisation = Organisation.of(carillon, world.accountId, world.realm)
  const phoneOf = async (number: string) => {
    const login = world.phones.find((phone) => phone.number === number)
    const made = await organisation.phone(login ?? { username: '', password: '' })
    expect((await made.phone.register()).status).toBe(200)
    return made
  }
  ;[alice, bob] = [await phoneOf('1001'), await phoneOf('1002')]
})

afterAll(async () => {
  organisation?.close()
  carrier?.close()
  await carillon?.destroy()
})

async function outcomeOf(number: string): Promise<number> {
  const call = await alice.phone.invite(number)
  return (await call.final()).status
}

describe('the world of npm run dev', () => {
  it('is printed at the start, passwords and all', () => {
    const text = formatWorld(world)
    for (const { number, username, password } of world.phones)
      expect(text).toContain(`${number}  ${username}  ${password}`)
    expect(text).toContain(world.phoneNumber)
  })

  it('has phones that call each other', async () => {
    const call = await alice.phone.invite('1002')
    const taken = await bob.phone.ringing()
    await Promise.all([call.final(), taken.answer()])
    await Promise.all([call.bye(), taken.ended()])
  })

  it('has a carrier that answers, and echoes what is said; on hold it stays', async () => {
    const call = await alice.phone.invite('0470123456')
    await call.provisional(180)
    const answer = await call.final()
    expect(answer.status).toBe(200)
    alice.sound.play(440, mediaOf(answer.body))
    await alice.sound.hears(440)
    expect((await call.reinvite(alice.phone.sdp('sendonly', 2))).status).toBe(200)
    expect((await call.reinvite(alice.phone.sdp('sendrecv', 3))).status).toBe(200)
    await alice.sound.hears(440)
    alice.sound.silence()
    expect((await call.bye()).status).toBe(200)
  })

  it('has a carrier that is busy, knows no number, has no lines', async () => {
    expect(await outcomeOf('0470000000')).toBe(486)
    expect(await outcomeOf('0470000002')).toBe(404)
    expect(await outcomeOf('0470000003')).toBe(480)
  })

  it('has a carrier that rings until it is given up', async () => {
    const call = await alice.phone.invite('0470000001')
    await call.provisional(180)
    call.cancel()
    expect((await call.final()).status).toBe(487)
  })

  it('has a carrier that hangs up', async () => {
    const call = await alice.phone.invite('0470000004')
    expect((await call.final()).status).toBe(200)
    await call.ended()
  })

  it('has a carrier that calls back', async () => {
    expect(await outcomeOf('0470000005')).toBe(486)
    const ringing = await alice.phone.ringing()
    expect(ringing.invitation?.text).toMatch(/^From: "?Fake Carrier"? <sip:\+32470000000@/m)
    await ringing.answer()
    alice.sound.play(440, mediaOf(ringing.invitation?.body ?? ''))
    await alice.sound.hears(440)
    alice.sound.silence()
    await ringing.bye()
  })
})
