/** Calls from outside and to outside, with sipp as the carriers. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Json, until } from '../carillon.ts'
import { Carrier, type CarrierOptions } from './carrier.ts'
import { openPhones } from './opened.ts'
import { mediaOf, Sound } from './sound.ts'

const [aliceHz, carrierHz] = [440, 700]
const did = '+3225550100'

const { carillon, organisation, alice } = await openPhones(['alice'])
let sound: Sound
const carriers: Carrier[] = []
const trunkIds: string[] = []

beforeAll(async () => {
  sound = await Sound.open()
  await organisation.direct(did, alice, 20)
})

afterEach(async () => {
  sound.silence()
  alice.sound.silence()
  for (const id of trunkIds.splice(0)) await organisation.call('DELETE', `trunks/${id}`)
  for (const carrier of carriers.splice(0)) await carrier.stop()
})

afterAll(async () => {
  sound?.close()
})

async function listen(options: CarrierOptions): Promise<Carrier> {
  const carrier = await Carrier.listen(options)
  carriers.push(carrier)
  return carrier
}

async function trunkTo({ address, port }: Carrier, fields: Json = {}): Promise<string> {
  const { advanced, ...others } = fields
  const trunk = await organisation.call('PUT', 'trunks', {
    name: `Carrier ${address}`,
    server: address,
    port,
    ...others,
    advanced: { options_seconds: 0, ...advanced },
  })
  trunkIds.push(trunk.id)
  return trunk.id
}

/** Alice and the carrier's subscriber hear each other. */
async function hearEachOther(toAlice: string, toCarrier: string): Promise<void> {
  alice.sound.play(aliceHz, mediaOf(toAlice))
  sound.play(carrierHz, mediaOf(toCarrier))
  await Promise.all([alice.sound.hears(carrierHz), sound.hears(aliceHz)])
}

/** A call comes in for the phone number, and ends when the carrier wants it. */
async function takeCall(call: Carrier): Promise<void> {
  carriers.push(call)
  const ringing = await alice.phone.ringing()
  expect(ringing.invitation?.text).toMatch(/^From: .*<sip:\+32470123456@/m)
  await ringing.answer()
  const toCarrier = (await call.got('SIP/2.0 200')).split('\r\n\r\n')[1] ?? ''
  await hearEachOther(ringing.invitation?.body ?? '', toCarrier)
  await Promise.all([ringing.ended(), call.done()])
}

describe('a carrier', () => {
  it('T14: brings a call for a phone number, which rings its phone', async () => {
    const address = '127.0.0.2'
    const trunk = await organisation.call('PUT', 'trunks', { name: 'In', advanced: { addresses: [address] } })
    trunkIds.push(trunk.id)
    const keys = { caller: '+32470123456', rtp: sound.port }
    await takeCall(await Carrier.call({ address, keys, number: did, to: carillon.sipPort }))
    expect((await organisation.records(1)).at(-1)).toMatchObject({
      direction: 'incoming',
      caller: { number: '+32470123456', trunk_id: trunk.id },
      called_number: did,
      hangup_cause: 'ANSWERED',
      ended_by: 'caller',
    })
  })

  it('T15: takes a call by digest, with another user name for it', async () => {
    const keys = { username: 'login-7', password: 'tr0ub4dor', rtp: sound.port }
    const carrier = await listen({ scenario: 'challenges', address: '127.0.0.2', keys })
    await trunkTo(carrier, { username: 'line-1', password: 'tr0ub4dor', advanced: { auth_username: 'login-7' } })
    const call = await alice.phone.invite('0033144556677')
    const answer = await call.final()
    expect(answer.status).toBe(200)
    const invite = await carrier.got('INVITE', 2)
    expect(invite).toMatch(/^INVITE sip:\+33144556677@127\.0\.0\.2/)
    await hearEachOther(answer.body, invite.split('\r\n\r\n')[1] ?? '')
    await call.bye()
    await carrier.done()
    const outgoing = async () => (await organisation.records(1)).find(({ direction }) => direction === 'outgoing')
    expect(await until(outgoing, 'its record')).toMatchObject({
      called_number: '0033144556677',
      hangup_cause: 'ANSWERED',
    })
  })

  it('T14, T15: is registered at, obeying its 423, and brings a call by that registration', async () => {
    const keys = { username: 'login-7', password: 'tr0ub4dor' }
    const carrier = await listen({ scenario: 'registers', address: '127.0.0.2', keys })
    await trunkTo(carrier, {
      username: 'line-1',
      password: 'tr0ub4dor',
      advanced: {
        registration: true,
        registration_seconds: 300,
        auth_username: 'login-7',
        incoming: { did_source: 'to' },
      },
    })
    await carrier.done()
    const register = await carrier.got('REGISTER', 3)
    expect(register).toMatch(/^To: <sip:line-1@127\.0\.0\.2>/m)
    const user = /^Contact: <sip:([^@]+)@127\.0\.0\.1:/m.exec(register)?.[1] ?? ''
    expect(user.length).toBeGreaterThan(10)
    // From an address that nobody listed: only the user of our Contact lets it in.
    const call = { address: '127.0.0.9', keys: { caller: '+32470123456', rtp: sound.port }, to: carillon.sipPort }
    const stranger = await Carrier.call({ ...call, number: did })
    carriers.push(stranger)
    await stranger.got('SIP/2.0 401')
    await takeCall(await Carrier.call({ ...call, number: did, user }))
  })

  it('T15: takes a call of a trunk that is registered there, from the same account', async () => {
    const carrier = await listen({
      scenario: 'registers',
      address: '127.0.0.2',
      keys: { username: 'line-1', password: 'x' },
    })
    const fields = { username: 'line-1', password: 'x', advanced: { registration: true, from_content: 'username' } }
    await trunkTo(carrier, fields)
    await carrier.done()
    const again = { scenario: 'challenges', address: carrier.address, port: carrier.port } as const
    const taking = await listen({ ...again, keys: { username: 'line-1', password: 'x', rtp: sound.port } })
    const call = await alice.phone.invite('0033144556677')
    const answer = await call.final()
    expect(answer.status).toBe(200)
    const invite = await taking.got('INVITE', 2)
    expect(invite).toMatch(/^From: <sip:line-1@127\.0\.0\.2>/m)
    expect(invite).toMatch(/^P-Asserted-Identity: <sip:\+3225550100@/m)
    await hearEachOther(answer.body, invite.split('\r\n\r\n')[1] ?? '')
    await call.bye()
    await taking.done()
  })

  it('T16: is passed over at a 503 for the next', async () => {
    const down = await listen({ scenario: 'is-down', address: '127.0.0.2' })
    const up = await listen({ scenario: 'takes', address: '127.0.0.3', keys: { rtp: sound.port } })
    await trunkTo(down, { trunk_order: 1 })
    await trunkTo(up, { trunk_order: 2 })
    const call = await alice.phone.invite('0033144556677')
    expect((await call.final()).status).toBe(200)
    await call.bye()
    await Promise.all([down.done(), up.done()])
  })

  it('T18: is full, and takes an emergency call in the place of another', async () => {
    const bob = await organisation.telephone('1002')
    const carrier = await listen({ scenario: 'takes', address: '127.0.0.2', calls: 2, keys: { rtp: sound.port } })
    await trunkTo(carrier, { max_calls: 1 })
    const call = await alice.phone.invite('0033144556677')
    expect((await call.final()).status).toBe(200)
    const refused = await bob.phone.invite('0033144556677')
    expect((await refused.final()).status).toBe(480)
    const emergency = await bob.phone.invite('112')
    const [answer] = await Promise.all([emergency.final(), call.ended()])
    expect(answer.status).toBe(200)
    expect(await carrier.got('INVITE', 2)).toMatch(/^INVITE sip:112@/)
    await emergency.bye()
    await carrier.done()
  })
})
