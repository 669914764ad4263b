/** How phones sign in, who is shut out, and what a new account may spend (T20, T29, T30, T31). */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Carillon, type Json } from '../carillon.ts'
import { type Line, Organisation, type Telephone } from './organisation.ts'
import type { Phone } from './phone.ts'
import { header, type Message } from './phone-message.ts'

const outside = '0033144556677'

let carillon: Carillon
let organisation: Organisation
let alice: Telephone
let carrier: Line

beforeAll(async () => {
  carillon = await Carillon.start()
  organisation = await Organisation.create(carillon)
  alice = await organisation.telephone('1001')
  carrier = await organisation.line('127.0.0.60')
})

afterAll(async () => {
  organisation?.close()
  await carillon?.destroy()
})

let made = 1100
function nextNumber(): string {
  made += 1
  return String(made)
}

/** One REGISTER as it is given, without answering anything. */
async function send(phone: Phone, credentials: readonly string[] = [], cseq = 1, callId = `c${Math.random()}`) {
  const { domain } = phone.options
  const lines = [`From: ${phone.aor};tag=1`, `To: ${phone.aor}`, `Call-ID: ${callId}`, `CSeq: ${cseq} REGISTER`]
  phone.send(phone.request('REGISTER', `sip:${domain}`, [...lines, `Contact: ${phone.contact}`, ...credentials]))
  return phone.next('an answer', (one) => one.status >= 200 && header(one, 'Call-ID') === callId)
}

const challengeOf = (answer: Message) => header(answer, 'WWW-Authenticate')

describe('the password (T29)', () => {
  it('T20: a phone that knows an address only as its domain registers and calls', async () => {
    const person = await organisation.person(nextNumber())
    const { phone } = await organisation.phone(person)
    Object.assign(phone.options, { domain: '127.0.0.1' })
    const asked = await send(phone)
    expect(challengeOf(asked)).toContain(`realm="${organisation.realm}"`)
    expect((await phone.register()).status).toBe(200)
    const call = await phone.invite('1001')
    const taken = await alice.phone.ringing()
    await Promise.all([call.final(), taken.answer()])
    await Promise.all([call.bye(), taken.ended()])
    const same = await organisation.raw('PUT', 'devices', { name: 'Twice', username: person.username })
    expect(same.status).toBe(409)
  })

  it('T29: is asked for once, with MD5 alone, or with SHA-256 where the device says so', async () => {
    const old = await organisation.phone(await organisation.person(nextNumber()))
    const asked = await send(old.phone)
    expect(asked.text.match(/^WWW-Authenticate/gim)).toHaveLength(1)
    expect(challengeOf(asked)).toMatch(/algorithm=MD5/)
    const person = await organisation.person(nextNumber(), { device: { digest_algorithm: 'SHA-256' } })
    const modern = await organisation.phone(person)
    expect(challengeOf(await send(modern.phone))).toMatch(/algorithm=SHA-256/)
    expect((await modern.phone.register()).status).toBe(200)
    // MD5 is not good enough for that device, even with the right password.
    const weak = challengeOf(await send(modern.phone)).replace('SHA-256', 'MD5')
    const answer = { ...asked, text: `WWW-Authenticate: ${weak}\r\n`, status: 401 }
    const credentials = modern.phone.authorize(answer, 'REGISTER', `sip:${organisation.realm}`)
    expect((await send(modern.phone, [credentials])).status).toBe(401)
  })

  it('T29: the same answer twice is stale; a nonce serves again with the next count', async () => {
    const { phone } = await organisation.phone(await organisation.person(nextNumber()))
    const credentials = phone.authorize(await send(phone), 'REGISTER', `sip:${organisation.realm}`)
    expect((await send(phone, [credentials], 2)).status).toBe(200)
    const again = await send(phone, [credentials], 3)
    expect(again.status).toBe(401)
    expect(challengeOf(again)).toMatch(/stale=true/i)
  })
})

describe('who is shut out (T30)', () => {
  async function guess(address: string): Promise<{ right: Phone; wrong: Phone }> {
    const person = await organisation.person(nextNumber())
    const { phone: wrong } = await organisation.phone({ ...person, password: 'wrong-horse-9' }, { address })
    const { phone: right } = await organisation.phone(person, { address })
    return { right, wrong }
  }

  it('T30: after ten wrong passwords, for that address and that name alone', async () => {
    const { right, wrong } = await guess('127.0.0.61')
    for (let tries = 0; tries < 10; tries++) expect((await wrong.register()).status).toBe(403)
    expect((await right.register()).status).toBe(403)
    const { username, password } = right.options
    const elsewhere = await organisation.phone({ username, password }, { address: '127.0.0.62' })
    expect((await elsewhere.phone.register()).status).toBe(200)
    const other = await organisation.phone(await organisation.person(nextNumber()), { address: '127.0.0.61' })
    expect((await other.phone.register()).status).toBe(200)
  })

  it('T30: not for requests without an answer, nor for answers to somebody else’s question', async () => {
    const { right } = await guess('127.0.0.63')
    const foreign = { ...(await send(right)), text: 'WWW-Authenticate: Digest realm="x", nonce="abc", qop="auth"\r\n' }
    for (let tries = 0; tries < 12; tries++) {
      expect((await send(right)).status).toBe(401)
      expect((await send(right, [right.authorize(foreign, 'REGISTER', 'sip:x')])).status).toBe(401)
    }
    expect((await right.register()).status).toBe(200)
  })

  it('T30: never an address where a phone is registered, nor a carrier’s', async () => {
    const { right, wrong } = await guess('127.0.0.64')
    expect((await right.register()).status).toBe(200)
    for (let tries = 0; tries < 12; tries++) expect((await wrong.register()).status).toBe(403)
    expect((await right.register()).status).toBe(200)
    const there = await guess('127.0.0.60')
    for (let tries = 0; tries < 12; tries++) expect((await there.wrong.register()).status).toBe(403)
    expect((await there.right.register()).status).toBe(200)
  })
})

describe('what a new account may do (T31)', () => {
  const isAnswered = async (from: Telephone, number: string, wanted: number): Promise<void> => {
    const call = await from.phone.invite(number)
    expect((await call.final()).status).toBe(wanted)
  }
  async function talk(from: Telephone) {
    const call = await from.phone.invite('0470123456')
    const taken = await carrier.phone.ringing()
    await Promise.all([call.final(), taken.answer()])
    return { end: () => Promise.all([call.bye(), taken.ended()]) }
  }

  it('T31: no international and no premium numbers, two outside calls a device, so many minutes an hour', async () => {
    const { accountId } = await carillon.account()
    const settings = { id: accountId, telephony_enabled: true, country: 'BE' }
    const headers = { 'x-account-id': accountId }
    const { data } = await carillon.call('POST', '/v3.0/accounts', { data: settings }, headers)
    const novice = Organisation.of(carillon, accountId, data.realm)
    const bob: Telephone = await novice.telephone('1001')
    const trunk: Json = {
      name: 'Out',
      server: '127.0.0.60',
      port: carrier.phone.localPort,
      advanced: { options_seconds: 0 },
    }
    await novice.call('PUT', 'trunks', trunk)
    await isAnswered(bob, outside, 403)
    await isAnswered(bob, '090012345', 403)
    const calls = [await talk(bob), await talk(bob)]
    await isAnswered(bob, '0470123456', 403)
    await Promise.all(calls.map(({ end }) => end()))
    await (await talk(bob)).end()
    await novice.call('PATCH', `accounts/${accountId}`, { max_outside_minutes_per_hour: 0 })
    await isAnswered(bob, '0470123456', 403)
    novice.close()
  })

  it('T31: forwards count too', async () => {
    const forward = { enabled: true, number: '0470123456' }
    const target = nextNumber()
    await organisation.person(target, { user: { call_forward: forward } })
    await organisation.call('PATCH', `accounts/${organisation.accountId}`, { billing: { max_number_fwd_calls: 1 } })
    const call = await alice.phone.invite(target)
    const taken = await carrier.phone.ringing()
    await Promise.all([call.final(), taken.answer()])
    await isAnswered(alice, target, 403)
    await Promise.all([call.bye(), taken.ended()])
    await organisation.call('PATCH', `accounts/${organisation.accountId}`, { max_outside_minutes_per_hour: 0 })
    await isAnswered(alice, target, 403)
    await organisation.call('PATCH', `accounts/${organisation.accountId}`, {
      billing: { max_number_fwd_calls: null },
      max_outside_minutes_per_hour: 600,
    })
  })
})
