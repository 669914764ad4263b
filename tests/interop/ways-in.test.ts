/** Who gets in from outside and how the called number and the caller are read (T14, T17). */
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Json, until } from '../carillon.ts'
import { openPhones } from './opened.ts'
import { type Line, Organisation, type Telephone } from './organisation.ts'
import type { PhoneCall } from './phone-call.ts'
import { header } from './phone-message.ts'

const did = '+3225550100'

const { carillon, organisation, alice } = await openPhones(['alice'])
const trunks: { readonly of: Organisation; readonly id: string }[] = []

beforeAll(async () => {
  await organisation.direct(did, alice)
})

afterEach(async () => {
  for (const { of, id } of trunks.splice(0)) await of.call('DELETE', `trunks/${id}`)
})

async function line(address: string, fields: Json = {}, of = organisation): Promise<Line> {
  const made = await of.line(address, fields)
  trunks.push({ of, id: made.trunkId })
  return made
}

type Invitation = Parameters<Line['phone']['invite']>[1]

/** A call that rings a phone; it is given up there. */
async function rings(from: Line, number: string, options: Invitation = {}, at: Telephone = alice): Promise<PhoneCall> {
  const [call, ringing] = await Promise.all([from.phone.invite(number, options), at.phone.ringing()])
  if (ringing.invitation) ringing.respond(ringing.invitation, 486, 'Busy Here')
  expect((await call.final()).status).toBe(486)
  return ringing
}

async function refused(from: Line, number: string, options: Invitation = {}): Promise<number> {
  const call = await from.phone.invite(number, options)
  return (await call.final()).status
}

const fromOf = ({ invitation }: PhoneCall) => (invitation ? header(invitation, 'From') : '')

describe('a call from outside', () => {
  it('T14: two organisations share a carrier’s address; the number says for whom it is', async () => {
    const neighbours = await Organisation.create(carillon)
    const nina = await neighbours.telephone('1001')
    await neighbours.direct('+3225550200', nina)
    const carrier = await line('127.0.0.30')
    const theirs = await neighbours.call('PUT', 'trunks', { name: 'Same', advanced: { addresses: ['127.0.0.30'] } })
    trunks.push({ of: neighbours, id: theirs.id })
    await rings(carrier, did)
    await rings(carrier, '+3225550200', {}, nina)
    // A number is one organisation's in the whole installation.
    const twice = await neighbours.raw('PUT', 'phone_numbers', { number: did })
    expect(twice.status).toBe(409)
    neighbours.close()
  })

  it('T14: the number is read from where the trunk says', async () => {
    const byTo = await line('127.0.0.31', { advanced: { incoming: { did_source: 'to' } } })
    const call = { uri: `sip:line@127.0.0.1:${carillon.sipPort}` }
    expect(await refused(byTo, did, call)).toBe(404)
    const byHeader = await line('127.0.0.32', { advanced: { incoming: { did_source: 'p_called_party_id' } } })
    await rings(byHeader, '4711', { lines: [`P-Called-Party-ID: <sip:${did}@carrier.example>`] })
    const cut = await line('127.0.0.33', { advanced: { incoming: { strip_numbers: 2, prepend_numbers: '+32' } } })
    await rings(cut, '9925550100')
  })

  it('T14: nobody gets in by an address that no trunk has', async () => {
    const carrier = await line('127.0.0.34')
    await organisation.call('PATCH', `trunks/${carrier.trunkId}`, { enabled: false })
    expect(await refused(carrier, did)).toBe(403)
    // Asked for a password, which no carrier has.
    expect(carrier.phone.inbox[0]?.status).toBe(401)
    await organisation.call('PATCH', `trunks/${carrier.trunkId}`, { enabled: true, calls_direction: 'outgoing' })
    expect(await refused(carrier, did)).toBe(403)
  })

  it('T14: a carrier reaches no other carrier, unless a person forwards to it', async () => {
    const one = await line('127.0.0.35')
    const other = await line('127.0.0.36')
    expect(await refused(one, '+33144556677')).toBe(404)
    const bob = await organisation.person('1002', {
      user: { call_forward: { enabled: true, number: '+33144556677', keep_caller_id: true } },
    })
    await organisation.direct('+3225550102', bob)
    await organisation.call('PATCH', `trunks/${one.trunkId}`, { trunk_order: 9 })
    await organisation.call('PATCH', `trunks/${other.trunkId}`, { trunk_order: 1 })
    const from = '<sip:+32470123456@carrier.example>'
    const [call, forwarded] = await Promise.all([one.phone.invite('+3225550102', { from }), other.phone.ringing()])
    expect(forwarded.invitation?.uri).toMatch(/^sip:\+33144556677@127\.0\.0\.36/)
    expect(fromOf(forwarded)).toMatch(/<sip:\+32470123456@/)
    expect(forwarded.invitation && header(forwarded.invitation, 'Diversion')).toMatch(/<sip:\+3225550102@/)
    await Promise.all([call.final(), forwarded.answer()])
    await call.bye()
    await forwarded.ended()
  })

  it('T17: numbers are read in the form of the carrier; callers are called back as shown', async () => {
    const national = await line('127.0.0.37', { advanced: { incoming: { number_form: 'national' } } })
    expect(fromOf(await rings(national, '025550100', { from: '<sip:0470123456@carrier.example>' }))).toMatch(
      /<sip:\+32470123456@/,
    )
    const abroad = await line('127.0.0.38', { advanced: { incoming: { number_form: '00' } } })
    const foreign = { from: '"Zoë" <sip:0033144556677@carrier.example>' }
    expect(fromOf(await rings(abroad, '003225550100', foreign))).toMatch(/^"?Zoë"? <sip:\+33144556677@/)
  })

  it('T17: service codes, letters, tel URIs and a phone-context are shown as what they are', async () => {
    const carrier = await line('127.0.0.39')
    const shown = async (from: string) => fromOf(await rings(carrier, did, { from }))
    expect(await shown('<sip:1700@carrier.example>')).toMatch(/<sip:1700@/)
    expect(await shown('<sip:116000@carrier.example>')).toMatch(/<sip:116000@/)
    expect(await shown('<sip:alarm-centre@carrier.example>')).toMatch(/<sip:alarm-centre@/)
    expect(await shown('<tel:+32470123456>')).toMatch(/<sip:\+32470123456@/)
    expect(await shown('<sip:0470123456;phone-context=+32@carrier.example;user=phone>')).toMatch(/<sip:\+32470123456@/)
    await rings(carrier, did, { uri: `tel:${did}` })
  })

  it('T17: of two asserted identities the number counts; anonymous callers stay so', async () => {
    const carrier = await line('127.0.0.40')
    const two = ['P-Asserted-Identity: <sip:office@carrier.example>, <tel:+32470123456>']
    const asserted = await rings(carrier, did, { from: '<sip:switchboard@carrier.example>', lines: two })
    expect(fromOf(asserted)).toMatch(/<sip:(\+32470123456|office)@/)
    const hidden = { from: '"Anonymous" <sip:anonymous@anonymous.invalid>' }
    const known = [...two, 'Privacy: id']
    const anonymous = await rings(carrier, did, { ...hidden, lines: known })
    expect(fromOf(anonymous)).toMatch(/anonymous@anonymous\.invalid/)
    expect(anonymous.invitation?.text).not.toMatch(/470123456/)
    // Nothing else is recorded of a caller who hides.
    const isHidden = async () => (await organisation.call('GET', 'calls_history/incoming?limit=1'))[0]
    await until(async () => (await isHidden())?.caller_id_number === 'anonymous', 'the record of it')
    expect(JSON.stringify(await isHidden())).not.toContain('470123456')
  })
})
