/** What leaves by a trunk: which one, by what number, and who is shown to call (T15, T16, T18, T19). */
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Json, until } from '../carillon.ts'
import { openPhones } from './opened.ts'
import type { Line, Telephone } from './organisation.ts'
import type { PhoneCall } from './phone-call.ts'
import { header, type Message } from './phone-message.ts'

const did = '+3225550100'
const outside = '0033144556677'

const { carillon, organisation, alice } = await openPhones(['alice'], {
  settings: { max_outside_calls_per_device: 100 },
})
const trunkIds: string[] = []

beforeAll(async () => {
  await organisation.direct(did, alice)
})

afterEach(async () => {
  for (const id of trunkIds.splice(0)) await organisation.call('DELETE', `trunks/${id}`)
})

async function line(address: string, fields: Json = {}): Promise<Line> {
  const made = await organisation.line(address, fields)
  trunkIds.push(made.trunkId)
  return made
}

/** The INVITE that a carrier gets when Alice dials; it says that the number is busy. */
async function sent(to: Line, number = outside, lines: readonly string[] = [], from = alice): Promise<Message> {
  const call = await from.phone.invite(number, { lines })
  const taken = await to.phone.ringing()
  const { invitation } = taken
  if (!invitation) throw new Error('no INVITE')
  taken.respond(invitation, 486, 'Busy Here')
  expect((await call.final()).status).toBe(486)
  return invitation
}

/** The answer that Alice gets when the carriers answer one after the other, each at once. */
async function answers(...each: readonly (readonly [Line, number])[]): Promise<number> {
  const call = await alice.phone.invite(outside)
  for (const [to, status] of each) {
    const taken = await to.phone.ringing(false)
    if (taken.invitation) taken.respond(taken.invitation, status, 'As Asked')
  }
  return (await call.final()).status
}

const asserted = (message: Message) => header(message, 'P-Asserted-Identity')

describe('the number and the caller, as a carrier wants them (T15)', () => {
  it('T15: E.164 with a plus, and who calls in From and P-Asserted-Identity', async () => {
    const invite = await sent(await line('127.0.0.40'))
    expect(invite.uri).toMatch(/^sip:\+33144556677@127\.0\.0\.40:/)
    expect(header(invite, 'From')).toMatch(/<sip:\+3225550100@127\.0\.0\.40>/)
    expect(asserted(invite)).toMatch(/<sip:\+3225550100@127\.0\.0\.40>/)
    expect(invite.text).not.toMatch(/^(Privacy|Remote-Party-ID|Diversion):/im)
  })

  it('T15: 00 or national numbers, the user name in From, Remote-Party-ID', async () => {
    const wanted = {
      number_form: '00',
      from_content: 'username',
      remote_party_id: true,
      override_from_domain: 'b.example',
    }
    const invite = await sent(await line('127.0.0.41', { username: 'line-1', advanced: wanted }))
    expect(invite.uri).toMatch(/^sip:0033144556677@/)
    expect(header(invite, 'From')).toMatch(/<sip:line-1@b\.example>/)
    expect(header(invite, 'Remote-Party-ID')).toMatch(/<sip:003225550100@b\.example>;party=calling;privacy=off/)
    const national = await line('127.0.0.42', { advanced: { number_form: 'national' }, trunk_order: 0 })
    await organisation.call('DELETE', `trunks/${trunkIds.shift()}`)
    expect((await sent(national, '+32470123456')).uri).toMatch(/^sip:0470123456@/)
    expect((await sent(national)).uri).toMatch(/^sip:0033144556677@/)
  })

  it('T15: goes to an outbound proxy, for the server', async () => {
    const proxy = await line('127.0.0.43')
    const { phone } = proxy
    await organisation.call('PATCH', `trunks/${proxy.trunkId}`, {
      server: 'carrier.example',
      port: null,
      advanced: { outbound_proxy: `127.0.0.43:${phone.localPort}` },
    })
    const invite = await sent(proxy)
    expect(invite.uri).toBe('sip:+33144556677@carrier.example')
    expect(header(invite, 'Route')).toMatch(/^<sip:127\.0\.0\.43:\d+;lr>$/)
  })

  it('T15: a forwarded caller is kept with Diversion, or the own number shown', async () => {
    const forward = { enabled: true, number: '+32470999888', keep_caller_id: true }
    const bob = await organisation.person('1002', { user: { call_forward: forward } })
    await organisation.direct('+3225550102', bob)
    const carrier = await line('127.0.0.44')
    const forwarded = async () => {
      const from = '<sip:+32471222333@carrier.example>'
      const [call, out] = await Promise.all([carrier.phone.invite('+3225550102', { from }), carrier.phone.ringing()])
      if (out.invitation) out.respond(out.invitation, 486, 'Busy Here')
      expect((await call.final()).status).toBe(486)
      return out.invitation?.text ?? ''
    }
    const kept = await forwarded()
    expect(kept).toMatch(/^From: .*<sip:\+32471222333@/m)
    expect(kept).toMatch(/^Diversion: <sip:\+3225550102@.*>;reason=unconditional/m)
    await organisation.call('PATCH', `trunks/${carrier.trunkId}`, { advanced: { forwarded_caller: 'own_did' } })
    const own = await forwarded()
    expect(own).toMatch(/^From: .*<sip:\+3225550102@/m)
    expect(own).not.toMatch(/471222333/)
  })
})

describe('a registration that is refused (T15)', () => {
  it('T15: is not tried again at once, and said once', async () => {
    const carrier = await line('127.0.0.59')
    const login = { username: 'line-1', password: 'x', advanced: { registration: true } }
    await organisation.call('PATCH', `trunks/${carrier.trunkId}`, login)
    const register = await carrier.phone.next('REGISTER', ({ method }) => method === 'REGISTER')
    const copied = ['Via', 'From', 'Call-ID', 'CSeq'].map((name) => `${name}: ${header(register, name)}`)
    const to = `To: ${header(register, 'To')};tag=1`
    carrier.phone.send(['SIP/2.0 403 Forbidden', ...copied, to, 'Content-Length: 0', '', ''].join('\r\n'))
    const isTold = () => carillon.output.split('\n').filter((text) => text.includes(`"trunk":"${carrier.trunkId}"`))
    await until(() => isTold().some((text) => text.includes('"status":403')), 'word of it')
    // Calls go out all the same: some carriers want no registration for that.
    await sent(carrier)
    expect(carrier.phone.inbox.filter(({ method }) => method === 'REGISTER')).toHaveLength(1)
    expect(isTold()).toHaveLength(1)
  })
})

describe('who is shown (T17, T19)', () => {
  it('T17: short and service codes go out as they are dialled', async () => {
    const carrier = await line('127.0.0.45')
    for (const code of ['1700', '116000', '1307']) expect((await sent(carrier, code)).uri).toMatch(`sip:${code}@`)
  })

  it('T19: what a phone says of itself is not passed on', async () => {
    const spoof = [
      'P-Asserted-Identity: <sip:+32475999999@evil.example>',
      'P-Preferred-Identity: <sip:+32475999999@evil.example>',
      'Remote-Party-ID: <sip:+32475999999@evil.example>;party=calling',
      'Diversion: <sip:+32475999999@evil.example>',
      'History-Info: <sip:+32475999999@evil.example>;index=1',
    ]
    const carrier = await line('127.0.0.46')
    const call = await alice.phone.invite(outside, {
      lines: spoof,
      from: `"Bank" <sip:+32475999999@${organisation.realm}>`,
    })
    const taken = await carrier.phone.ringing()
    if (taken.invitation) taken.respond(taken.invitation, 486, 'Busy Here')
    await call.final()
    expect(taken.invitation?.text).not.toMatch(/475999999|Bank/)
    expect(taken.invitation && asserted(taken.invitation)).toMatch(/\+3225550100/)
  })

  it('T19: an anonymous caller is named to trusted carriers only', async () => {
    const carrier = await line('127.0.0.47')
    const hidden = await sent(carrier, outside, ['Privacy: id'])
    expect(header(hidden, 'From')).toMatch(/anonymous@anonymous\.invalid/)
    expect(header(hidden, 'Privacy')).toBe('id')
    expect(hidden.text).not.toMatch(/25550100/)
    await organisation.call('PATCH', `trunks/${carrier.trunkId}`, { advanced: { is_trusted: true } })
    const trusted = await sent(carrier, outside, ['Privacy: id'])
    expect(header(trusted, 'From')).toMatch(/anonymous@anonymous\.invalid/)
    expect(asserted(trusted)).toMatch(/<sip:\+3225550100@/)
    // Where numbers cannot be withheld, such a call does not go out.
    await organisation.call('PATCH', `trunks/${carrier.trunkId}`, { advanced: { clir: false } })
    const call = await alice.phone.invite(outside, { lines: ['Privacy: id'] })
    expect((await call.final()).status).toBe(480)
  })
})

describe('the next trunk (T16)', () => {
  it('T16: is tried after 408, 500, 502, 503 and 504', async () => {
    const [one, two] = [await line('127.0.0.48', { trunk_order: 1 }), await line('127.0.0.49', { trunk_order: 2 })]
    for (const status of [408, 500, 502, 503, 504]) expect(await answers([one, status], [two, 486])).toBe(486)
  })

  it('T16: is not tried after what a user answers, nor after a 6xx', async () => {
    const [one, two] = [await line('127.0.0.50', { trunk_order: 1 }), await line('127.0.0.51', { trunk_order: 2 })]
    for (const status of [486, 404, 603, 600]) expect(await answers([one, status])).toBe(status)
    expect(two.phone.inbox).toEqual([])
  })

  it('T16: is not tried after early media', async () => {
    const [one, two] = [await line('127.0.0.52', { trunk_order: 1 }), await line('127.0.0.53', { trunk_order: 2 })]
    const call = await alice.phone.invite(outside)
    const taken = await one.phone.ringing(false)
    const { invitation } = taken
    if (!invitation) throw new Error('no INVITE')
    taken.respond(invitation, 183, 'Session Progress', { body: one.phone.sdp() })
    await call.provisional(183)
    taken.respond(invitation, 503, 'Service Unavailable')
    expect((await call.final()).status).toBe(480)
    expect(two.phone.inbox).toEqual([])
  })

  it('T16: is tried after four seconds of silence, and the first is given up', async () => {
    const [one, two] = [await line('127.0.0.54', { trunk_order: 1 }), await line('127.0.0.55', { trunk_order: 2 })]
    const call = await alice.phone.invite(outside)
    const silent = await one.phone.ringing(false)
    const began = performance.now()
    const taken = await two.phone.ringing()
    const waited = performance.now() - began
    expect(waited).toBeGreaterThan(3_500)
    expect(waited).toBeLessThan(6_000)
    await Promise.all([call.final(), taken.answer()])
    // Nothing was heard of it, so that there is nothing to cancel (RFC 3261 §9.1) until it says something.
    if (silent.invitation) silent.respond(silent.invitation, 180, 'Ringing')
    const cancel = await silent.received('CANCEL')
    silent.respond(cancel, 200, 'OK')
    if (silent.invitation) silent.respond(silent.invitation, 487, 'Request Terminated')
    await Promise.all([taken.bye(), call.ended()])
  })
})

describe('emergency calls (T18)', () => {
  /** A carrier that takes whatever comes. */
  async function isTaken(to: Line, from: Telephone, number = '112'): Promise<Message> {
    const call = await from.phone.invite(number)
    const taken: PhoneCall = await to.phone.ringing()
    const [answer] = await Promise.all([call.final(), taken.answer()])
    expect(answer.status).toBe(200)
    await Promise.all([call.bye(), taken.ended()])
    if (!taken.invitation) throw new Error('no INVITE')
    return taken.invitation
  }

  it('T18: show the emergency number, hide nothing, and are barred by nothing', async () => {
    const callerId = { external: { anonymous: true }, emergency: { number: '+3225550911' } }
    const restricted = { restriction: 'outside', do_not_disturb: true, caller_id: callerId }
    const carol = await organisation.telephone('1003', { device: restricted })
    const carrier = await line('127.0.0.56', { restriction: 'outside' })
    expect((await (await carol.phone.invite(outside)).final()).status).toBe(403)
    const invite = await isTaken(carrier, carol)
    expect(invite.uri).toMatch(/^sip:112@/)
    expect(header(invite, 'From')).toMatch(/<sip:\+3225550911@/)
    expect(invite.text).not.toMatch(/^Privacy:/m)
    // No outside call is allowed at all, the account is suspended, the phone is disabled.
    await organisation.call('PATCH', `accounts/${organisation.accountId}`, {
      billing: { max_number_sim_calls: 0, max_number_outgoing_calls: 0 },
      max_outside_calls_per_device: 0,
      max_outside_minutes_per_hour: 0,
    })
    await isTaken(carrier, carol)
    await organisation.call('PATCH', `devices/${carol.deviceId}`, { enabled: false })
    expect((await (await carol.phone.invite(outside)).final()).status).toBe(403)
    await isTaken(carrier, carol)
    await organisation.call('PATCH', `accounts/${organisation.accountId}`, { telephony_enabled: false })
    await isTaken(carrier, carol)
    await organisation.call('PATCH', `accounts/${organisation.accountId}`, {
      telephony_enabled: true,
      billing: { max_number_sim_calls: null, max_number_outgoing_calls: null },
      max_outside_calls_per_device: 100,
      max_outside_minutes_per_hour: 600,
    })
  })

  it('T18: go through although the phone is shut out after wrong passwords', async () => {
    const carrier = await line('127.0.0.57')
    // Carol's address has no live registration: else nothing there is shut out.
    const dora = await organisation.person('1004')
    const address = '127.0.0.58'
    const { phone: guess } = await organisation.phone(
      { username: dora.username, password: 'wrong-horse-9' },
      { address },
    )
    for (let tries = 0; tries < 10; tries++) expect((await guess.register()).status).toBe(403)
    const own = await organisation.phone(dora, { address })
    expect((await own.phone.register()).status).toBe(403)
    await isTaken(carrier, { ...dora, ...own })
  })
})
