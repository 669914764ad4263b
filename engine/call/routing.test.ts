import { describe, expect, it } from 'vitest'
import { aCallflow, aDevice, anAccount, aPhoneNumber, aTrunk, aUser, node, trunkOptions } from '../testing/directory.ts'
import { asAccount, type Originator, outsideIdentity, shownTo } from './caller-id.ts'
import { type CallerId, Directory, type Restriction } from './directory.ts'
import type { IncomingInvite, Source } from './leg.ts'
import { readNumber } from './numbers.ts'
import { calledNumberOf, routeIncoming, routeNumber } from './routing.ts'

function acme(): Directory {
  const directory = new Directory(anAccount())
  directory.put('user', aUser('alice'))
  directory.put('device', aDevice('phone', 'alice'))
  directory.put('callflow', aCallflow('main', ['1001', '+3225550100'], node('user', { id: 'alice' })))
  directory.put('phoneNumber', aPhoneNumber('+3225550100'))
  directory.put('trunk', aTrunk('carrier'))
  return directory
}

const invite = (source: Source, parts: Partial<IncomingInvite> = {}): IncomingInvite => ({
  requestUri: 'sip:1001@pbx',
  toUri: 'sip:1001@pbx',
  fromUri: 'sip:+33140000000@carrier',
  fromName: 'Paris',
  asserted: [],
  privacy: null,
  diversion: [],
  calledPartyId: null,
  replaces: null,
  sdp: null,
  callId: 'x',
  userAgent: null,
  alertInfo: null,
  source,
  maxForwards: 70,
  ...parts,
})
const fromPhone = (number: string, parts: Partial<IncomingInvite> = {}) =>
  invite({ kind: 'device', accountId: 'acme', deviceId: 'phone' }, { requestUri: `sip:${number}@pbx`, ...parts })
const fromCarrier = (number: string, parts: Partial<IncomingInvite> = {}) =>
  invite({ kind: 'trunk', accountId: 'acme', trunkId: 'carrier' }, { requestUri: `sip:${number}@pbx`, ...parts })

function route(directory: Directory, call: IncomingInvite) {
  const routed = routeIncoming(
    {
      account: (id) => (id === directory.account.id ? directory : undefined),
      ofPhoneNumber: (number) => (directory.phoneNumbers.has(number) ? directory : undefined),
    },
    call,
  )
  const destination = routed?.destination
  const where =
    destination?.type === 'flow'
      ? `flow ${destination.callflow.id}`
      : destination?.type === 'outside'
        ? `outside ${destination.number.e164 ?? destination.number.text}${destination.isEmergency ? ' emergency' : ''}`
        : destination && `${destination.outcome.status}`
  return { where, direction: routed?.direction, caller: routed?.caller.identity }
}

describe('what a device dials', () => {
  it('an internal number, a phone number of the account, the outside', () => {
    const directory = acme()
    expect(route(directory, fromPhone('1001'))).toMatchObject({ where: 'flow main', direction: 'internal' })
    expect(route(directory, fromPhone('02 555 01 00'))).toMatchObject({ where: 'flow main', direction: 'internal' })
    expect(route(directory, fromPhone('0470123456'))).toMatchObject({
      where: 'outside +32470123456',
      direction: 'outgoing',
    })
    expect(route(directory, fromPhone('2999')).where).toBe('404')
    expect(route(directory, fromPhone('somebody')).where).toBe('404')
  })

  it('a feature code is its callflow', () => {
    const directory = acme()
    const code = { ...aCallflow('echo', [], node('play', { id: 'm' })), featurecode: { name: 'echo', number: '*43' } }
    directory.put('callflow', code)
    expect(route(directory, fromPhone('*43')).where).toBe('flow echo')
    directory.remove('callflow', 'echo')
    expect(route(directory, fromPhone('*43')).where).toBe('404')
  })

  it('numbers are read in the country of the device, its user, its account', () => {
    const directory = acme()
    directory.put('device', aDevice('phone', 'alice', { country: 'FR' }))
    expect(route(directory, fromPhone('0612345678')).where).toBe('outside +33612345678')
    directory.put('device', aDevice('phone', 'alice'))
    directory.put('user', aUser('alice', { country: 'NL' }))
    expect(route(directory, fromPhone('0612345678')).where).toBe('outside +31612345678')
  })

  it('T18: an emergency number comes before everything', () => {
    const directory = acme()
    directory.put('callflow', aCallflow('trap', ['112'], node('hangup')))
    directory.put('device', aDevice('phone', 'alice', { restriction: 'outside', enabled: false }))
    directory.put('user', aUser('alice', { enabled: false }))
    directory.account = anAccount({ enabled: false, restriction: 'outside' })
    expect(route(directory, fromPhone('112')).where).toBe('outside 112 emergency')
    expect(route(directory, fromPhone('+32112')).where).toBe('outside 112 emergency')
    expect(route(directory, fromPhone('1001')).where).toBe('403')
  })

  it('a user or device that is not enabled calls nobody else', () => {
    const directory = acme()
    directory.put('user', aUser('alice', { enabled: false }))
    expect(route(directory, fromPhone('1001')).where).toBe('403')
  })

  it.each([
    ['none', []],
    ['premium', ['0903 12345']],
    ['international', ['0903 12345', '+33140000000']],
    ['mobile', ['0903 12345', '+33140000000', '0470123456']],
    ['outside', ['0903 12345', '+33140000000', '0470123456', '02 555 99 99', '1700']],
  ] as const)('restriction %s bars %j', (restriction: Restriction, barred: readonly string[]) => {
    const numbers = ['02 555 99 99', '1700', '0470123456', '+33140000000', '0903 12345']
    for (const level of ['account', 'user', 'device']) {
      const directory = acme()
      if (level === 'account') directory.account = anAccount({ restriction })
      if (level === 'user') directory.put('user', aUser('alice', { restriction }))
      if (level === 'device') directory.put('device', aDevice('phone', 'alice', { restriction }))
      const refused = numbers.filter((number) => route(directory, fromPhone(number)).where === '403')
      expect(refused.sort(), level).toEqual([...barred].sort())
      expect(route(directory, fromPhone('112')).where).toBe('outside 112 emergency')
    }
  })

  it('T31: without a word about it, international and premium numbers are barred', () => {
    const directory = acme()
    directory.account = anAccount({ restriction: null })
    expect(route(directory, fromPhone('+33140000000')).where).toBe('403')
    expect(route(directory, fromPhone('0470123456')).where).toBe('outside +32470123456')
  })

  it('internal numbers that no callflow has go to the exchange on site', () => {
    const directory = acme()
    directory.put('trunk', aTrunk('pbx', { category: 'pbx_connector', internalCalls: true }))
    expect(route(directory, fromPhone('2999'))).toMatchObject({ where: 'outside 2999', direction: 'internal' })
    expect(route(directory, fromPhone('1001')).where).toBe('flow main')
    directory.put('trunk', aTrunk('pbx', { category: 'pbx_connector', internalCalls: false }))
    expect(route(directory, fromPhone('2999')).where).toBe('404')
  })
})

describe('what a trunk brings', () => {
  it('T14: the number leads to the callflow', () => {
    const directory = acme()
    expect(route(directory, fromCarrier('+3225550100'))).toMatchObject({ where: 'flow main', direction: 'incoming' })
    expect(route(directory, fromCarrier('3225550100')).where).toBe('flow main')
    expect(route(directory, fromCarrier('+3225550199')).where).toBe('404')
  })

  it('T14: trunk to trunk only by an explicit forward; internal numbers are not for carriers', () => {
    const directory = acme()
    expect(route(directory, fromCarrier('+33140000000')).where).toBe('404')
    expect(route(directory, fromCarrier('1001')).where).toBe('404')
    expect(route(directory, fromCarrier('112')).where).toBe('404')
  })

  it('T14: the number stands where the trunk says', () => {
    const call = fromCarrier('s', { toUri: 'sip:+3225550101@x', calledPartyId: 'sip:+3225550102@x' })
    const at = (didSource: 'request_uri' | 'to' | 'p_called_party_id') =>
      calledNumberOf(call, aTrunk('carrier', { options: { ...trunkOptions, didSource } }), 'BE').text
    expect(at('request_uri')).toBe('s')
    expect(at('to')).toBe('+3225550101')
    expect(at('p_called_party_id')).toBe('+3225550102')
  })

  it('what is stripped and prepended', () => {
    const options = { ...trunkOptions, stripNumbers: 2, prependNumbers: '+322555' }
    expect(calledNumberOf(fromCarrier('990100'), aTrunk('carrier', { options }), 'BE').e164).toBe('+3225550100')
  })

  it('an exchange on site calls internal numbers, and the rescue service', () => {
    const directory = acme()
    directory.put('trunk', aTrunk('carrier', { category: 'pbx_connector', internalCalls: true }))
    expect(route(directory, fromCarrier('1001'))).toMatchObject({ where: 'flow main', direction: 'internal' })
    expect(route(directory, fromCarrier('112'))).toMatchObject({
      where: 'outside 112 emergency',
      direction: 'outgoing',
    })
  })

  it('not by a trunk that is for outgoing calls, or off', () => {
    const directory = acme()
    directory.put('trunk', aTrunk('carrier', { callsDirection: 'outgoing' }))
    expect(route(directory, fromCarrier('+3225550100')).where).toBe('403')
    directory.put('trunk', aTrunk('carrier', { enabled: false }))
    expect(route(directory, fromCarrier('+3225550100')).where).toBe('403')
  })

  it('a bypassed number goes where it is bypassed to', () => {
    const directory = acme()
    directory.put('phoneNumber', aPhoneNumber('+3225550100', { bypassEnabled: true, bypassNumber: '0470123456' }))
    expect(route(directory, fromCarrier('+3225550100'))).toMatchObject({
      where: 'outside +32470123456',
      direction: 'incoming',
    })
    directory.account = anAccount({ restriction: 'mobile' })
    expect(route(directory, fromCarrier('+3225550100')).where).toBe('403')
  })

  it('T17: who calls', () => {
    const directory = acme()
    const caller = (parts: Partial<IncomingInvite>) => route(directory, fromCarrier('+3225550100', parts)).caller
    expect(caller({})).toEqual({ number: '+33140000000', name: 'Paris', isAnonymous: false })
    expect(caller({ asserted: ['<sip:+33199999999@x>', 'tel:+33188888888'] })?.number).toBe('+33199999999')
    expect(caller({ asserted: ['<sip:anonymous@x>', 'tel:+33188888888'] })?.number).toBe('+33188888888')
    expect(caller({ fromUri: 'sip:anonymous@anonymous.invalid' })?.isAnonymous).toBe(true)
    expect(caller({ asserted: ['<sip:+33199999999@x>'], privacy: 'id' })).toEqual({
      number: 'anonymous',
      name: null,
      isAnonymous: true,
    })
    expect(caller({ fromUri: 'sip:bob@x' })?.number).toBe('bob')
    expect(caller({ fromUri: 'sip:025559999@x' })?.number).toBe('+3225559999')
  })
})

describe('caller id', () => {
  const callerId = (number: string, anonymous = false): CallerId => ({
    internal: { name: `name ${number}`, number },
    external: { name: null, number: `+32${number}`, anonymous },
    emergency: null,
  })

  it('inside: of the device, its user, the account; else the number that rings it', () => {
    const directory = acme()
    expect(route(directory, fromPhone('1001')).caller).toEqual({ number: '1001', name: 'alice', isAnonymous: false })
    directory.account = anAccount({ callerId: callerId('1') })
    expect(route(directory, fromPhone('1001')).caller).toMatchObject({ number: '1', name: 'name 1' })
    directory.put('user', aUser('alice', { callerId: callerId('2') }))
    expect(route(directory, fromPhone('1001')).caller).toMatchObject({ number: '2' })
    directory.put('device', aDevice('phone', 'alice', { callerId: callerId('3') }))
    expect(route(directory, fromPhone('1001')).caller).toMatchObject({ number: '3' })
  })

  it('T19: what the device itself claims is not looked at', () => {
    const spoofed = fromPhone('1001', { fromUri: 'sip:boss@pbx', fromName: 'Boss', asserted: ['<sip:boss@pbx>'] })
    expect(route(acme(), spoofed).caller).toEqual({ number: '1001', name: 'alice', isAnonymous: false })
  })

  it('outside: as far as the trunk lets it through, else the own phone number', () => {
    const directory = acme()
    const device = aDevice('phone', 'alice', { callerId: callerId('3') })
    const user = aUser('alice', { callerId: callerId('2') })
    const shown = (callerIdUsed: 'device' | 'user' | 'account', originator: Originator = { device, user }) =>
      outsideIdentity(directory, originator, aTrunk('t', { callerIdUsed, username: 'acme-login' }), false).number
    directory.account = anAccount({ callerId: callerId('1') })
    expect(shown('device')).toBe('+323')
    expect(shown('user')).toBe('+322')
    expect(shown('account')).toBe('+321')
    directory.account = anAccount()
    expect(shown('device', { device: aDevice('phone', 'alice'), user: aUser('alice') })).toBe('+3225550100')
    expect(shown('account', asAccount)).toBe('acme-login')
  })

  it('anonymous by configuration or by wish', () => {
    const directory = acme()
    const user = aUser('alice', { callerId: callerId('2', true) })
    expect(outsideIdentity(directory, { device: null, user }, aTrunk('t'), false).isAnonymous).toBe(true)
    const other = aUser('alice', { callerId: callerId('2') })
    expect(outsideIdentity(directory, { device: null, user: other }, aTrunk('t'), true)).toMatchObject({
      number: '+322',
      isAnonymous: true,
    })
  })

  it('a ringing phone shows the name of its own directory, then of everybody’s', () => {
    const directory = acme()
    const paris = { number: '+33140000000', name: 'PARIS', isAnonymous: false }
    directory.put('contact', { id: 'c1', userId: null, name: 'Office Paris', numbers: ['+33140000000'] })
    directory.put('contact', { id: 'c2', userId: 'alice', name: 'Jean', numbers: ['+33140000000'] })
    expect(shownTo(directory, paris, 'alice').name).toBe('Jean')
    expect(shownTo(directory, paris, 'bob').name).toBe('Office Paris')
    directory.remove('contact', 'c1')
    expect(shownTo(directory, paris, null).name).toBe('PARIS')
    expect(shownTo(directory, { ...paris, isAnonymous: true }, 'alice')).toMatchObject({ name: null })
  })
})

it('a number that another callflow took stays that one’s', () => {
  const directory = acme()
  directory.put('callflow', aCallflow('new', ['1001'], node('hangup')))
  directory.put('callflow', aCallflow('main', ['1009'], node('user', { id: 'alice' })))
  const where = (number: string) => {
    const found = routeNumber(directory, asAccount, readNumber(number, 'BE'))
    return found.type === 'flow' ? found.callflow.id : found.type
  }
  expect(where('1001')).toBe('new')
  expect(where('1009')).toBe('main')
  expect(directory.numberOf('alice', 'internal')).toBe('1009')
})
