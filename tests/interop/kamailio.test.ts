/** kamailio as carrier, with SHA-256 digests, and as a proxy before a phone. */
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Kamailio } from './kamailio.ts'
import { openPhones } from './opened.ts'
import { Phone } from './phone.ts'
import { header, headers } from './phone-message.ts'
import { mediaOf, Sound } from './sound.ts'

const [aliceHz, otherHz] = [440, 700]
const did = '+3225550100'

const { carillon, organisation, alice } = await openPhones(['alice'])
let kamailio: Kamailio | undefined
const open: (() => void)[] = []

beforeAll(async () => {
  await organisation.direct(did, alice, 20)
})

afterEach(async () => {
  alice.sound.silence()
  for (const close of open.splice(0)) close()
  await kamailio?.stop()
})

/** Whoever has a number at the carrier. */
async function subscriber(address: string): Promise<{ phone: Phone; sound: Sound }> {
  const sound = await Sound.open()
  const login = { username: 'subscriber', password: '', domain: 'carrier.example' }
  const phone = await Phone.open({ ...login, port: 0, rtpPort: sound.port, address })
  open.push(
    () => sound.close(),
    () => phone.close(),
  )
  return { phone, sound }
}

describe('kamailio', () => {
  it('T29: as a carrier that asks for SHA-256 digests; calls out, and in by registration', async () => {
    const there = await subscriber('127.0.0.21')
    const login = { realm: 'carrier.example', username: 'line-1', password: 'tr0ub4dor' }
    kamailio = await Kamailio.carrier({
      ...login,
      address: '127.0.0.20',
      subscriber: { address: '127.0.0.21', port: there.phone.localPort },
    })
    Object.assign(there.phone.options, { server: kamailio.address, port: kamailio.port })
    await organisation.call('PUT', 'trunks', {
      name: 'Kamailio',
      server: kamailio.address,
      port: kamailio.port,
      username: login.username,
      password: login.password,
      advanced: {
        registration: true,
        override_from_domain: login.realm,
        incoming: { did_source: 'to' },
        options_seconds: 0,
      },
    })
    const call = await alice.phone.invite('0033144556677')
    const taken = await there.phone.ringing()
    await Promise.all([call.final(), taken.answer()])
    const [, route] = headers(taken.invitation ?? fail(), 'Via')
    expect(route).toContain(`127.0.0.1:${carillon.sipPort}`)
    await call.bye()
    await taken.ended()
    // And in: kamailio finds us where we registered.
    const [incoming, ringing] = await Promise.all([
      there.phone.invite(did, { domain: login.realm }),
      alice.phone.ringing(),
    ])
    const [answer] = await Promise.all([incoming.final(), ringing.answer()])
    expect(answer.status).toBe(200)
    there.sound.play(otherHz, mediaOf(answer.body))
    alice.sound.play(aliceHz, mediaOf(ringing.invitation?.body ?? ''))
    await Promise.all([there.sound.hears(aliceHz), alice.sound.hears(otherHz)])
    await ringing.bye()
    await incoming.ended()
  })

  it('a phone behind a record-routing proxy registers with Path, is called and calls', async () => {
    kamailio = await Kamailio.proxy({ address: '127.0.0.22', to: carillon.sipPort })
    const bob = await organisation.person('1002')
    const { phone, sound } = await organisation.phone(bob, { server: kamailio.address, port: kamailio.port })
    expect((await phone.register(300, ['Supported: path'])).status).toBe(200)
    const call = await alice.phone.invite('1002')
    const taken = await phone.ringing()
    expect(header(taken.invitation ?? fail(), 'Record-Route')).toContain(kamailio.address)
    const [answer] = await Promise.all([call.final(), taken.answer()])
    sound.play(otherHz, mediaOf(taken.invitation?.body ?? ''))
    alice.sound.play(aliceHz, mediaOf(answer.body))
    await Promise.all([sound.hears(aliceHz), alice.sound.hears(otherHz)])
    await call.bye()
    await taken.ended()
    const back = await phone.invite('1001')
    const ringing = await alice.phone.ringing()
    const [taking] = await Promise.all([back.final(), ringing.answer()])
    expect(taking.status).toBe(200)
    await back.bye()
    await ringing.ended()
  })
})

function fail(): never {
  throw new Error('there is no INVITE')
}
