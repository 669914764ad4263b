/** Addresses: which one a peer is told, where things are sent, and where never (T10, T11, T12). */
import { describe, expect, it } from 'vitest'
import { freePort, type Json, until } from '../carillon.ts'
import { openPhones } from './opened.ts'
import type { PhoneCall } from './phone-call.ts'
import { header } from './phone-message.ts'
import { mediaOf, Sound } from './sound.ts'

const [aliceHz, bobHz, strangerHz] = [440, 700, 1_000]
/** Outside of what is local here. */
const far = '127.0.0.70'
const publicIp = '127.0.0.99'
const metadata = '169.254.169.254'

const { carillon, organisation, alice } = await openPhones(['alice'], {
  environment: { CARILLON_LOCAL_NETS: '127.0.0.0/29', CARILLON_PUBLIC_IP: publicIp },
  settings: { max_outside_calls_per_device: 100 },
})

let made = 1100
function nextNumber(): string {
  made += 1
  return String(made)
}

const sdpOf = ({ invitation }: PhoneCall) => invitation?.body ?? ''

describe('our address (T10)', () => {
  it('T10: is the local one for peers of local networks, the public one for others, in Via, Contact and SDP', async () => {
    const number = nextNumber()
    const bob = await organisation.person(number)
    const { phone } = await organisation.phone(bob, { address: far })
    expect((await phone.register()).status).toBe(200)
    const call = await alice.phone.invite(number)
    const taken = await phone.ringing()
    const { invitation } = taken
    if (!invitation) throw new Error('no INVITE')
    for (const name of ['Via', 'Contact']) expect(header(invitation, name)).toContain(`${publicIp}:${carillon.sipPort}`)
    expect(mediaOf(invitation.body).address).toBe(publicIp)
    expect(invitation.text).not.toContain('127.0.0.1:')
    const [answer] = await Promise.all([call.final(), taken.answer()])
    expect(header(answer, 'Contact')).toContain('127.0.0.1:')
    expect(mediaOf(answer.body).address).toBe('127.0.0.1')
    await Promise.all([call.bye(), taken.ended()])
  })

  it('T10: is the local one in SDP to a gateway of a local network that is known by its name', async () => {
    const gateway = await organisation.line('127.0.0.1', { server: 'localhost', advanced: { options_seconds: 30 } })
    // Where that is, is known by then.
    await gateway.phone.next('OPTIONS', ({ method }) => method === 'OPTIONS')
    const call = await alice.phone.invite('0470123456')
    const there = await gateway.phone.ringing()
    expect(mediaOf(sdpOf(there)).address).toBe('127.0.0.1')
    await Promise.all([call.final(), there.answer()])
    await Promise.all([call.bye(), there.ended()])
    await organisation.call('DELETE', `trunks/${gateway.trunkId}`)
  })

  it('T10: requests and sound go to where a phone is, whatever address it believes to have', async () => {
    const number = nextNumber()
    const carol = await organisation.person(number)
    const { phone, sound } = await organisation.phone(carol)
    const lines = [`From: ${phone.aor};tag=1`, `To: ${phone.aor}`, 'Call-ID: behind-nat']
    const contact = `Contact: <sip:${carol.username}@192.168.77.5:5060>`
    expect((await phone.ask('REGISTER', `sip:${organisation.realm}`, [...lines, contact], 1)).status).toBe(200)
    const call = await alice.phone.invite(number)
    const taken = await phone.ringing()
    const [answer] = await Promise.all([
      call.final(),
      taken.answer(phone.sdp().replaceAll('127.0.0.1', '192.168.77.5')),
    ])
    sound.play(bobHz, mediaOf(sdpOf(taken)))
    alice.sound.play(aliceHz, mediaOf(answer.body))
    await Promise.all([sound.hears(aliceHz), alice.sound.hears(bobHz)])
    // Somebody else's sound is not let in, and turns nothing away.
    const stranger = await Sound.open('127.0.0.77')
    stranger.play(strangerHz, mediaOf(sdpOf(taken)))
    for (const heard of [sound, alice.sound]) heard.packets.length = 0
    await Promise.all([sound.hears(aliceHz), alice.sound.hears(bobHz)])
    expect(stranger.packets).toEqual([])
    stranger.close()
    await Promise.all([call.bye(), taken.ended()])
  })

  it('T10: with new SDP the sound follows', async () => {
    const number = nextNumber()
    const dora = await organisation.telephone(number)
    const call = await alice.phone.invite(number)
    const taken = await dora.phone.ringing()
    const [answer] = await Promise.all([call.final(), taken.answer()])
    alice.sound.play(aliceHz, mediaOf(answer.body))
    await dora.sound.hears(aliceHz)
    const moved = await Sound.open()
    const offer = dora.phone.sdp('sendrecv', 2).replace(`m=audio ${dora.sound.port}`, `m=audio ${moved.port}`)
    expect((await taken.reinvite(offer)).status).toBe(200)
    moved.play(bobHz, mediaOf(sdpOf(taken)))
    await Promise.all([moved.hears(aliceHz), alice.sound.hears(bobHz)])
    moved.close()
    await Promise.all([taken.bye(), call.ended()])
  })
})

describe('large messages (T11)', () => {
  it('T11: stay on UDP to a phone, and INVITEs to carriers stay below 1,300 bytes', async () => {
    const number = nextNumber()
    const eve = await organisation.telephone(number)
    const carrier = await organisation.line('127.0.0.3')
    const codecs = Array.from({ length: 25 }, (_, i) => `a=rtpmap:${i + 100} codec-with-a-long-name-${i}/8000`)
    const numbers = Array.from({ length: 25 }, (_, i) => i + 100).join(' ')
    const offer = alice.phone
      .sdp()
      .replace('RTP/AVP 8 0 101', `RTP/AVP 8 0 9 18 ${numbers}`)
      .replace('a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n', `${codecs.join('\r\n')}\r\n`)
    expect(offer.length).toBeGreaterThan(1_300)
    const call = await alice.phone.invite(number, { sdp: offer })
    const taken = await eve.phone.ringing()
    await Promise.all([call.final(), taken.answer()])
    await Promise.all([call.bye(), taken.ended()])
    const out = await alice.phone.invite('0470123456', { sdp: offer })
    const there = await carrier.phone.ringing()
    expect(Buffer.byteLength(there.invitation?.text ?? '')).toBeLessThan(1_300)
    await Promise.all([out.final(), there.answer()])
    await Promise.all([out.bye(), there.ended()])
    await organisation.call('DELETE', `trunks/${carrier.trunkId}`)
  })
})

describe('where nothing is sent (T12)', () => {
  /** The call fails at once, and its ladder has no message to anybody but the phones. */
  async function leadsNowhere(call: PhoneCall, status: number): Promise<void> {
    expect((await call.final()).status).toBe(status)
    if (status === 200) await call.bye()
    const isIt = ({ caller_callid }: Json) => caller_callid === call.callId
    const find = async () => ((await organisation.call('GET', 'calls_history/all')) as Json[]).find(isIt)
    const { id } = await until(find, 'its row of history')
    const trace: Json = await organisation.call('GET', `calls_history/${id}/trace`)
    expect(JSON.stringify(trace)).toContain(call.callId)
    expect(JSON.stringify(trace)).not.toMatch(/"peer":"(169\.254|0\.0\.0\.0|224\.|10\.|127\.0\.0\.71)/)
  }

  it('T12: a trunk at a forbidden address, and one at ourselves', async () => {
    for (const [server, port] of [
      [metadata, 80],
      ['224.0.0.1', 5060],
      // Private, and not of the local networks.
      ['10.1.2.3', 5060],
      ['127.0.0.71', 5060],
      ['127.0.0.1', carillon.sipPort],
      ['localhost', carillon.sipPort],
    ] as const) {
      const trunk = await organisation.call('PUT', 'trunks', { name: 'Nowhere', server, port })
      await leadsNowhere(await alice.phone.invite('0470123456'), 480)
      await organisation.call('DELETE', `trunks/${trunk.id}`)
    }
  })

  it('T12: an outbound proxy, and the Contact of an answer', async () => {
    const proxied = { server: 'carrier.example', advanced: { outbound_proxy: metadata } }
    const trunk = await organisation.call('PUT', 'trunks', { name: 'Nowhere', ...proxied })
    await leadsNowhere(await alice.phone.invite('0470123456'), 480)
    await organisation.call('DELETE', `trunks/${trunk.id}`)
    const carrier = await organisation.line('127.0.0.4')
    const call = await alice.phone.invite('0470123456')
    const taken = await carrier.phone.ringing()
    const { invitation } = taken
    if (!invitation) throw new Error('no INVITE')
    const answer = taken.response(invitation, 200, 'OK', { body: carrier.phone.sdp() })
    carrier.phone.send(answer.replace(/^Contact:.*$/m, `Contact: <sip:x@${metadata}:${await freePort()}>`))
    await leadsNowhere(call, 200)
  })

  it('T12: a 302 leads to numbers, not to addresses', async () => {
    const number = nextNumber()
    const fred = await organisation.telephone(number)
    const call = await alice.phone.invite(number)
    const ringing = await fred.phone.ringing()
    if (ringing.invitation) {
      ringing.respond(ringing.invitation, 302, 'Moved', { lines: [`Contact: <sip:nobody@${metadata}>`] })
    }
    await leadsNowhere(call, 404)
  })
})
