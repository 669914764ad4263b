/** Phones over TCP, TLS with SRTP, and IPv6. */
import { describe, expect, it, onTestFinished } from 'vitest'
import { Baresip, type BaresipOptions } from './baresip.ts'
import { openPhones } from './opened.ts'
import { Phone } from './phone.ts'
import { header } from './phone-message.ts'
import { mediaOf, Sound } from './sound.ts'

const [aliceHz, otherHz] = [440, 700]

const { carillon, organisation, alice } = await openPhones(['alice'])

/** A baresip is called by Alice, both hear each other, it hangs up; and what it is registered by. */
async function talkTo(number: string, options: Partial<BaresipOptions>): Promise<string> {
  const person = await organisation.person(number)
  const { username, password } = person
  const phone = await Baresip.start({
    ...{ username, password, domain: organisation.realm, port: carillon.sipPort, tone: otherHz },
    ...options,
  })
  onTestFinished(() => phone.stop())
  const call = await alice.phone.invite(number)
  await phone.event('CALL_INCOMING')
  phone.answer()
  const answer = await call.final()
  expect(answer.status).toBe(200)
  alice.sound.play(aliceHz, mediaOf(answer.body))
  await Promise.all([alice.sound.hears(otherHz), phone.hears(aliceHz)])
  alice.sound.silence()
  phone.hangUp()
  await call.ended()
  const list = await organisation.call('GET', 'devices/registrations')
  return list.find(({ device_id }: { device_id: string }) => device_id === person.deviceId)?.transport
}

describe('a phone', () => {
  it('over TCP', async () => {
    expect(await talkTo('1002', { transport: 'tcp' })).toBe('tcp')
  })

  it('over TLS, its sound encrypted by keys in SDP (SRTP)', async () => {
    expect(await talkTo('1003', { transport: 'tls', encryption: 'srtp' })).toBe('tls')
  })

  it('over TLS, one that takes nothing but SRTP', async () => {
    expect(await talkTo('1005', { transport: 'tls', encryption: 'srtp-mand' })).toBe('tls')
  })

  it('over UDP with IPv6, with one of IPv4', async () => {
    const bob = await organisation.person('1004')
    const sound = await Sound.open('::1')
    const { username, password } = bob
    const place = { domain: organisation.realm, port: carillon.sipPort, address: '::1', server: '::1' }
    const phone = await Phone.open({ username, password, rtpPort: sound.port, ...place })
    expect((await phone.register()).status).toBe(200)
    const call = await alice.phone.invite('1004')
    const taken = await phone.ringing()
    const { invitation } = taken
    if (!invitation) throw new Error('no INVITE')
    expect(header(invitation, 'Contact')).toContain(`@[::1]:${carillon.sipPort}`)
    expect(mediaOf(invitation.body).address).toBe('::1')
    const sdp = phone.sdp().replaceAll('IN IP4 127.0.0.1', 'IN IP6 ::1')
    const [answer] = await Promise.all([call.final(), taken.answer(sdp)])
    sound.play(otherHz, mediaOf(invitation.body))
    alice.sound.play(aliceHz, mediaOf(answer.body))
    await Promise.all([sound.hears(aliceHz), alice.sound.hears(otherHz)])
    await Promise.all([taken.bye(), call.ended()])
    sound.close()
    phone.close()
  })
})
