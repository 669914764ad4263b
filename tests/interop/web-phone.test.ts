/** SIP over WebSocket (RFC 7118) at the api's address: a phone whose only way is the connection that it opened. */
import { once } from 'node:events'
import { beforeAll, describe, expect, it } from 'vitest'
import { kill, until } from '../carillon.ts'
import { openPhones } from './opened.ts'
import type { Person } from './organisation.ts'
import type { Phone } from './phone.ts'
import { header } from './phone-message.ts'
import { mediaOf, type Sound } from './sound.ts'

const { carillon, organisation, alice } = await openPhones(['alice'])
let bob: Person & { readonly phone: Phone; readonly sound: Sound }
let address: string

beforeAll(async () => {
  const person = await organisation.person('1002')
  address = `${carillon.url.replace('http', 'ws')}/v3.0/websockets/sip`
  bob = { ...person, ...(await organisation.phone(person, { webSocket: address })) }
  expect((await bob.phone.register()).status).toBe(200)
})

/** The final answer to a call from Alice. */
async function callBob(): Promise<number> {
  const call = await alice.phone.invite('1002')
  return (await call.final()).status
}

const registrations = () => organisation.call('GET', 'devices/registrations')

describe('RFC 7118 a phone that comes by WebSocket', () => {
  it('is let in by its password alone', async () => {
    const { phone } = await organisation.phone(
      { username: bob.username, password: 'wrong-horse-9' },
      { webSocket: address },
    )
    expect((await phone.register()).status).toBe(403)
    expect(await registrations()).toContainEqual(expect.objectContaining({ device_id: bob.deviceId, transport: 'ws' }))
  })

  it('calls and is called, and both hear each other', async () => {
    const call = await alice.phone.invite('1002')
    const taken = await bob.phone.ringing()
    expect(header(taken.invitation ?? (await call.final()), 'Via')).toContain('SIP/2.0/WS ')
    const [answer] = await Promise.all([call.final(), taken.answer()])
    alice.sound.play(440, mediaOf(answer.body))
    bob.sound.play(700, mediaOf(taken.invitation?.body ?? ''))
    await Promise.all([alice.sound.hears(700), bob.sound.hears(440)])
    await Promise.all([call.bye(), taken.ended()])

    const back = await bob.phone.invite('1001')
    const rings = await alice.phone.ringing()
    const [status] = await Promise.all([back.final(), rings.answer()])
    expect(status.status).toBe(200)
    await Promise.all([rings.bye(), back.ended()])
  })

  it('is kept alive by what RFC 5626 has for connections', async () => {
    const web = await bob.phone.connect()
    const pong = once(web, 'message')
    web.send('\r\n\r\n')
    const [{ data }] = await pong
    expect(String(data)).toBe('\r\n')
    expect((await bob.phone.register()).status).toBe(200)
    web.close()
  })

  it('T7: is unreachable once its connection is closed, and reachable by the next one', async () => {
    const web = await bob.phone.connect()
    expect((await bob.phone.register()).status).toBe(200)
    web.close()
    await once(web, 'close')
    await until(async () => (await callBob()) === 480, 'nobody there')
    await bob.phone.connect()
    expect((await bob.phone.register()).status).toBe(200)
    const call = await alice.phone.invite('1002')
    const ringing = await bob.phone.ringing()
    if (ringing.invitation) ringing.respond(ringing.invitation, 486, 'Busy Here')
    expect((await call.final()).status).toBe(486)
  })

  it('T7: is told to come again when the voice process starts again', async () => {
    const web = await bob.phone.connect()
    expect((await bob.phone.register()).status).toBe(200)
    const closed = once(web, 'close')
    kill(carillon.pids.voice)
    const [{ code }] = await closed
    expect(code).toBe(1012)
    await until(async () => (await alice.phone.register()).status === 200, 'it serves again')
    expect(await callBob()).toBe(480)
    await until(async () => {
      const next = await bob.phone.connect()
      const isOpen = await Promise.race([bob.phone.register(), once(next, 'close').then(() => null)])
      return isOpen?.status === 200
    }, 'it is back')
    const call = await alice.phone.invite('1002')
    const ringing = await bob.phone.ringing()
    call.cancel()
    await ringing.received('CANCEL')
    if (ringing.invitation) ringing.respond(ringing.invitation, 487, 'Request Terminated')
    expect((await call.final()).status).toBe(487)
  })

  it('whoever does not speak `sip` is not let in', async () => {
    const other = new WebSocket(address, 'chat')
    const outcome = await Promise.race([
      once(other, 'error').then(() => 'refused'),
      once(other, 'open').then(() => 'in'),
    ])
    expect(outcome).toBe('refused')
    const answer = await fetch(`${carillon.url}/v3.0/websockets/sip`)
    expect(answer.status).toBe(400)
    expect(JSON.stringify(await answer.json())).toContain('Sec-WebSocket-Protocol')
  })
})
