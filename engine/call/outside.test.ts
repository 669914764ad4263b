import { describe, expect, it } from 'vitest'
import { CallWorld, sdp } from '../testing/call-world.ts'
import {
  aCallflow,
  aDevice,
  aForward,
  anAccount,
  aPhoneNumber,
  aTrunk,
  aUser,
  node,
  trunkOptions,
} from '../testing/directory.ts'
import type { AccountLimits, Trunk, TrunkOptions } from './directory.ts'

const callerId = (external: string, emergency: string | null = null, anonymous = false) => ({
  internal: null,
  external: { name: 'Acme', number: external, anonymous },
  emergency: emergency === null ? null : { name: null, number: emergency },
})

/** Two carriers, the first before the second. */
function office(first: Partial<Trunk> = {}, second: Partial<Trunk> = {}): CallWorld {
  const world = CallWorld.withAliceAndBob()
  world.directory.put('trunk', aTrunk('two', { trunkOrder: 2, ...second }))
  world.directory.put('trunk', aTrunk('one', { trunkOrder: 1, ...first }))
  world.directory.account = anAccount({ callerId: callerId('+3225550100', '+3225550112') })
  world.directory.put('phoneNumber', aPhoneNumber('+3225550101'))
  world.directory.put('callflow', aCallflow('flow-alice', ['1001', '+3225550101'], node('user', { id: 'alice' })))
  return world
}
const withOptions = (options: Partial<TrunkOptions>): Partial<Trunk> => ({ options: { ...trunkOptions, ...options } })
const withLimits = (world: CallWorld, limits: Partial<AccountLimits>) => {
  const { account } = world.directory
  world.directory.account = { ...account, limits: { ...account.limits, ...limits } }
}
const dialled = (world: CallWorld) => world.dials.map(({ to }) => to.uri)

describe('a call out', () => {
  it('leaves by the first trunk, and is billed to whoever dialled (T32)', () => {
    const world = office()
    const alice = world.call('alice-phone', '0470 12 34 56')
    const carrier = world.dialled()
    world.leg({ type: 'progress', leg: carrier, status: 100, sdp: null, branch: '' })
    world.answers(carrier)
    world.advance(61_000)
    world.hangsUp(carrier, 16)
    expect(world.dials).toMatchObject([
      {
        to: { uri: 'sip:+32470123456@one.example.net', flow: null, credentials: null },
        from: { number: '+3225550100', name: 'Acme' },
        toNumber: '+32470123456',
        isIdentityTrusted: false,
      },
    ])
    expect(world.last(alice, 'answer')?.identity?.number).toBe('+32470123456')
    expect(world.cdr).toMatchObject({
      direction: 'outgoing',
      ownerId: 'alice',
      calledNumber: '0470123456',
      calledE164: '+32470123456',
      callee: { number: '+32470123456', trunkId: 'one' },
    })
    expect(world.recordsOf('leg').find(({ leg }) => leg.role === 'callee')?.leg).toMatchObject({
      billingSeconds: 61,
      billedUserId: 'alice',
      billedDeviceId: 'alice-phone',
    })
  })

  it.each([
    [
      'its own port and transport',
      { port: 5080, transport: 'tcp' },
      'sip:+32470123456@one.example.net:5080;transport=tcp',
    ],
    ['an IPv6 address', { server: '2001:db8::1' }, 'sip:+32470123456@[2001:db8::1]'],
    ['00', withOptions({ numberFormOut: '00' }), 'sip:0032470123456@one.example.net'],
    ['the national form', withOptions({ numberFormOut: 'national' }), 'sip:0470123456@one.example.net'],
  ] as const)('T15: %s', (_name, trunk, uri) => {
    const world = office(trunk)
    world.call('alice-phone', '0470123456')
    expect(dialled(world)).toEqual([uri])
  })

  it('T15: login, proxy, From and Remote-Party-ID', () => {
    const world = office({
      username: 'acme',
      authUsername: 'acme-auth',
      password: 'secret',
      outboundProxy: 'proxy.example.net:5070',
      ...withOptions({
        fromContent: 'username',
        overrideFromDomain: 'from.example.net',
        sendsRemotePartyId: true,
        numberFormOut: 'national',
      }),
    })
    world.call('alice-phone', '0470123456')
    expect(world.dials[0]).toMatchObject({
      to: { route: ['<sip:proxy.example.net:5070;lr>'], credentials: { username: 'acme-auth', password: 'secret' } },
      from: { number: '025550100' },
      fromUser: 'acme',
      fromDomain: 'from.example.net',
      headers: [['Remote-Party-ID', '"Acme" <sip:025550100@from.example.net>;party=calling;privacy=off;screen=yes']],
    })
    const other = office(withOptions({ overrideFromUser: 'fixed' }))
    other.call('alice-phone', '0470123456')
    expect(other.dials[0]?.fromUser).toBe('fixed')
  })

  it('T15: a name cannot break out of a header', () => {
    const world = office(withOptions({ sendsRemotePartyId: true }))
    world.directory.account = anAccount({
      callerId: {
        internal: null,
        external: { name: 'A"\r\nX: y', number: '+3225550100', anonymous: false },
        emergency: null,
      },
    })
    world.call('alice-phone', '0470123456')
    expect(world.dials[0]?.headers[0]?.[1]).toMatch(/^"A {3}X: y" </)
  })

  it('T15, T19: an anonymous caller is only named to trusted trunks, and avoids those that cannot hide it', () => {
    const world = office(withOptions({ hasClir: false }), withOptions({ isTrusted: true, sendsRemotePartyId: true }))
    world.directory.account = anAccount({ callerId: callerId('+3225550100', null, true) })
    world.call('alice-phone', '0470123456')
    expect(world.dials).toMatchObject([
      {
        to: { uri: 'sip:+32470123456@two.example.net' },
        from: { number: '+3225550100', isAnonymous: true },
        isIdentityTrusted: true,
      },
    ])
    expect(world.dials[0]?.headers[0]?.[1]).toContain('privacy=full')
    const other = office(withOptions({ sendsRemotePartyId: true }))
    other.call('alice-phone', '0470123456', { privacy: 'id' })
    expect(other.dials[0]).toMatchObject({ from: { isAnonymous: true }, headers: [], isIdentityTrusted: false })
  })

  it('a trunk that registers with us is called where it did', () => {
    const world = office({ server: '' })
    world.call('alice-phone', '0470123456')
    expect(world.dials[0]?.to).toMatchObject({ uri: 'sip:+32470123456@10.1.1.1', flow: 'flow0' })
    world.unregistered.add('one')
    world.call('alice-phone', '0470123456')
    expect(dialled(world)[1]).toBe('sip:+32470123456@two.example.net')
  })

  it('by no trunk at all is refused', () => {
    const world = CallWorld.withAliceAndBob()
    const alice = world.call('alice-phone', '0470123456')
    expect(world.last(alice, 'reject')?.status).toBe(404)
    expect(world.cdr).toMatchObject({ hangupCause: 'FAILED', q850: 3 })
  })

  it('by a trunk that bars it is not tried', () => {
    const world = office({ restriction: 'mobile' })
    world.call('alice-phone', '0470123456')
    expect(dialled(world)).toEqual(['sip:+32470123456@two.example.net'])
  })

  it('T16: a second exchange on site is tried like a second carrier', () => {
    const world = office()
    world.directory.put('trunk', aTrunk('pbx1', { category: 'pbx_connector', internalCalls: true, trunkOrder: 3 }))
    world.directory.put('trunk', aTrunk('pbx2', { category: 'pbx_connector', internalCalls: true, trunkOrder: 4 }))
    world.call('alice-phone', '2999')
    world.advance(4000)
    expect(dialled(world)).toEqual(['sip:2999@pbx1.example.net', 'sip:2999@pbx2.example.net'])
  })

  it('to the exchange on site shows internal numbers and costs nobody', () => {
    const world = office()
    world.directory.put('trunk', aTrunk('pbx', { category: 'pbx_connector', internalCalls: true }))
    const alice = world.call('alice-phone', '2999')
    expect(world.dials[0]).toMatchObject({ to: { uri: 'sip:2999@pbx.example.net' }, from: { number: '1001' } })
    world.answers(world.dialled())
    world.hangsUp(alice)
    expect(world.cdr.direction).toBe('internal')
    expect(world.recordsOf('leg').every(({ leg }) => leg.billedUserId === null)).toBe(true)
  })
})

describe('T16: failover', () => {
  it.each([408, 500, 502, 503, 504])('after %i the next trunk is tried', (status) => {
    const world = office()
    const alice = world.call('alice-phone', '0470123456')
    world.fails(world.dialled(), status)
    expect(dialled(world)[1]).toBe('sip:+32470123456@two.example.net')
    expect(world.last(alice, 'reject')).toBeUndefined()
    world.answers(world.dialled())
    expect(world.events).toEqual(['call.started', 'call.answered'])
  })

  it.each([
    [404, 404],
    [480, 480],
    [484, 484],
    [486, 486],
    [403, 403],
    [407, 480],
    [501, 480],
    [600, 600],
    [603, 603],
  ])('after %i it is not, and the caller is told %i (T8)', (status, told) => {
    const world = office()
    const alice = world.call('alice-phone', '0470123456')
    world.fails(world.dialled(), status)
    expect(world.dials).toHaveLength(1)
    expect(world.last(alice, 'reject')?.status).toBe(told)
    expect(world.cdr.sipCode).toBe(status)
  })

  it('without any response in four seconds', () => {
    const world = office()
    world.call('alice-phone', '0470123456')
    const first = world.dialled()
    world.advance(3999)
    expect(world.dials).toHaveLength(1)
    world.advance(1)
    expect(world.last(first, 'hangup')).toBeDefined()
    expect(dialled(world)[1]).toBe('sip:+32470123456@two.example.net')
  })

  it('a 100 is a response: the carrier may take its time', () => {
    const world = office()
    world.call('alice-phone', '0470123456')
    world.leg({ type: 'progress', leg: world.dialled(), status: 100, sdp: null, branch: '' })
    world.advance(100_000)
    expect(world.dials).toHaveLength(1)
    expect(world.events).toEqual(['call.started'])
  })

  it('never after early media', () => {
    const world = office()
    const alice = world.call('alice-phone', '0470123456')
    world.rings(world.dialled(), sdp())
    world.fails(world.dialled(), 503)
    expect(world.dials).toHaveLength(1)
    expect(world.last(alice, 'reject')?.status).toBe(480)
    expect(world.cdr).toMatchObject({ hangupCause: 'CONGESTION', sipCode: 503 })
  })

  it('T15: a trunk that is known to be dead is passed over, unless there is no other', () => {
    const world = office()
    world.deadTrunks.add('one')
    world.call('alice-phone', '0470123456')
    world.fails(world.dialled(), 503)
    expect(dialled(world)).toEqual(['sip:+32470123456@two.example.net'])
    world.deadTrunks.add('two')
    world.call('alice-phone', '0470123456')
    expect(dialled(world).slice(1)).toEqual(['sip:+32470123456@one.example.net'])
  })

  it('T15, T18: a rescue is called by a trunk that seems dead too, after the others', () => {
    const world = office()
    world.deadTrunks.add('one')
    world.call('alice-phone', '112')
    world.fails(world.dialled(), 503)
    expect(dialled(world)).toEqual(['sip:112@two.example.net', 'sip:112@one.example.net'])
  })

  it('the last trunk waits for the transaction to time out', () => {
    const world = office()
    const alice = world.call('alice-phone', '0470123456')
    world.advance(4000)
    world.advance(27_000)
    expect(world.last(alice, 'reject')).toBeUndefined()
    world.fails(world.dialled(), 408, { isTimeout: true })
    expect(world.last(alice, 'reject')?.status).toBe(480)
    expect(world.timers.size).toBe(0)
  })

  it('a full trunk is passed over; when all are full, that is no 503 (T8)', () => {
    const world = office({ maxCalls: 1 }, { maxCalls: 1 })
    world.call('alice-phone', '0470123456')
    world.call('alice-phone', '0470123456')
    expect(dialled(world).map((uri) => uri.split('@')[1])).toEqual(['one.example.net', 'two.example.net'])
    const third = world.call('alice-phone', '0470123456')
    expect(world.last(third, 'reject')?.status).toBe(480)
    expect(world.recordsOf('cdr')[0]?.cdr).toMatchObject({ hangupCause: 'CONGESTION', q850: 34 })
  })
})

describe('T24: early media', () => {
  it('a carrier’s 183 with SDP reaches the caller, and its failure announcement', () => {
    const world = office()
    const alice = world.call('alice-phone', '0470123456')
    const carrier = world.dialled()
    world.rings(carrier, sdp({ port: 6000 }))
    expect(world.last(alice, 'progress')).toMatchObject({ status: 183 })
    expect(world.last(alice, 'progress')?.sdp).toContain('m=audio 30002')
    expect(world.log).toContain(`media bridge ${alice} ${carrier}`)
    world.fails(carrier, 404)
    expect(world.last(alice, 'reject')?.status).toBe(404)
  })

  it('the 200 says what the 183 said', () => {
    const world = office()
    const alice = world.call('alice-phone', '0470123456')
    world.rings(world.dialled(), sdp({ port: 6000 }))
    world.answers(world.dialled(), sdp({ port: 6000 }))
    expect(world.last(alice, 'answer')?.sdp).toBe(world.last(alice, 'progress')?.sdp)
  })

  it('with several branches the latest with media wins', () => {
    const world = CallWorld.withAliceAndBob()
    world.directory.put('device', aDevice('bob-desk', 'bob'))
    const alice = world.call('alice-phone', '1002')
    const [phone, desk] = [world.dialled('bob-phone'), world.dialled('bob-desk')]
    world.rings(desk)
    expect(world.last(alice, 'progress')).toMatchObject({ status: 180, sdp: null })
    world.rings(phone, sdp({ port: 6000 }))
    world.rings(desk, sdp({ port: 6002 }))
    const bridges = world.log.filter((line) => line.startsWith('media bridge'))
    expect(bridges).toEqual([`media bridge ${alice} ${phone}`, `media bridge ${alice} ${desk}`])
    world.fails(desk, 480)
    expect(world.log.at(-1)).toBe('media unbridge in1')
    world.rings(phone)
    expect(world.log).toContain(`media play ${alice} ringback`)
  })

  it('T27: may last longer than a minute in which neither side sends anything, until the answer', () => {
    const world = office()
    const alice = world.call('alice-phone', '0470123456')
    const carrier = world.dialled()
    world.rings(carrier, sdp({ port: 6000 }))
    for (const endpoint of [alice, carrier]) world.media({ type: 'timeout', endpoint })
    world.answers(carrier, sdp({ port: 6000 }))
    expect(world.last(alice, 'answer')).toBeDefined()
    world.media({ type: 'timeout', endpoint: alice })
    expect(world.cdr).toMatchObject({ hangupCause: 'ANSWERED', q850: 41 })
  })

  it('the caller made no offer: it gets a 180', () => {
    const world = office()
    const alice = world.call('alice-phone', '0470123456', { sdp: null })
    world.rings(world.dialled(), sdp({ port: 6000 }))
    expect(world.last(alice, 'progress')).toMatchObject({ status: 180, sdp: null })
  })
})

describe('T18: emergency', () => {
  it('shows the emergency caller id, never anonymous', () => {
    const world = office()
    world.directory.account = anAccount({ callerId: callerId('+3225550100', '+3225550112', true) })
    world.call('alice-phone', '112', { privacy: 'id' })
    expect(world.dials[0]).toMatchObject({
      to: { uri: 'sip:112@one.example.net' },
      from: { number: '+3225550112', isAnonymous: false },
    })
  })

  it('with the country’s calling code where the carrier wants that', () => {
    const world = office(withOptions({ addCountryPrefixForEmergencyCalls: true }))
    world.call('alice-phone', '112')
    expect(world.dials[0]?.toNumber).toBe('+32112')
  })

  it('over every limit and without an end', () => {
    const world = office({ maxCalls: 1, restriction: 'outside' })
    withLimits(world, {
      maxNumberSimCalls: 0,
      maxNumberOutgoingCalls: 0,
      maxOutsideMinutesPerHour: 0,
      maxCallSeconds: 10,
    })
    world.directory.account = { ...world.directory.account, enabled: false }
    world.directory.put('device', aDevice('alice-phone', 'alice', { restriction: 'outside', maxOutsideCalls: 0 }))
    world.directory.put('user', aUser('alice', { enabled: false, doNotDisturb: true }))
    world.call('alice-phone', '112')
    world.answers(world.dialled())
    world.advance(100_000)
    expect(world.calls.size).toBe(1)
    expect(world.events).toEqual(['call.started', 'call.answered'])
  })

  it('takes the place of the youngest call on a full trunk', () => {
    const world = office({ maxCalls: 2 }, { enabled: false })
    const first = world.call('alice-phone', '0470123456')
    world.answers(world.dialled())
    const second = world.call('bob-phone', '0470123457')
    const leg = world.dialled()
    world.answers(leg)
    world.call('alice-phone', '112')
    expect(world.dials[2]).toMatchObject({ toNumber: '112' })
    expect(world.last(second, 'hangup')?.reason).toMatchObject({ protocol: 'Q.850', cause: 8 })
    expect(world.last(leg, 'hangup')).toBeDefined()
    expect(world.last(first, 'hangup')).toBeUndefined()
    expect(world.cdr).toMatchObject({ hangupCause: 'ANSWERED', endedBy: 'system', q850: 8 })
  })

  it('never of another emergency call', () => {
    const world = office({ maxCalls: 1 }, { enabled: false })
    const first = world.call('alice-phone', '112')
    world.call('bob-phone', '112')
    expect(world.dials).toHaveLength(2)
    expect(world.last(first, 'reject')).toBeUndefined()
  })

  it('fails over like any other', () => {
    const world = office()
    world.call('alice-phone', '112')
    world.fails(world.dialled(), 503)
    expect(dialled(world)).toEqual(['sip:112@one.example.net', 'sip:112@two.example.net'])
  })
})

describe('T31: limits', () => {
  it('simultaneous outside calls of a device', () => {
    const world = office()
    world.directory.put('device', aDevice('alice-phone', 'alice', { maxOutsideCalls: 2 }))
    const first = world.call('alice-phone', '0470123456')
    world.call('alice-phone', '0470123456')
    const third = world.call('alice-phone', '0470123456')
    expect(world.last(third, 'reject')?.status).toBe(403)
    world.call('bob-phone', '0470123456')
    expect(world.dials).toHaveLength(3)
    world.cancels(first)
    world.call('alice-phone', '0470123456')
    expect(world.dials).toHaveLength(4)
  })

  it('max_number_sim_calls, max_number_incoming_calls, max_number_outgoing_calls', () => {
    const world = office()
    withLimits(world, { maxNumberSimCalls: 1 })
    const first = world.call('alice-phone', '1002')
    expect(world.last(world.call('bob-phone', '1001'), 'reject')?.status).toBe(403)
    expect(world.last(world.callFromTrunk('one', '+3225550101'), 'reject')?.status).toBe(486)
    world.cancels(first)
    withLimits(world, { maxNumberSimCalls: null, maxNumberIncomingCalls: 1 })
    world.callFromTrunk('one', '+3225550101')
    expect(world.last(world.callFromTrunk('one', '+3225550101'), 'reject')?.status).toBe(486)
    withLimits(world, { maxNumberOutgoingCalls: 1 })
    world.call('alice-phone', '0470123456')
    const second = world.call('alice-phone', '0470123456')
    expect(world.last(second, 'reject')?.status).toBe(403)
  })

  it('minutes outside in an hour, those of calls that go on too', () => {
    const world = office()
    withLimits(world, { maxOutsideMinutesPerHour: 2 })
    world.call('alice-phone', '0470123456')
    world.answers(world.dialled())
    world.advance(119_000)
    world.call('bob-phone', '0470123456')
    expect(world.dials).toHaveLength(2)
    world.advance(1000)
    const third = world.call('bob-phone', '0470123456')
    expect(world.last(third, 'reject')).toMatchObject({ status: 403, reason: 'Hourly Limit Reached' })
    world.hangsUp(world.dials[0]?.leg ?? '')
    world.fails(world.dials[1]?.leg ?? '', 486)
    world.advance(3_600_000)
    world.call('bob-phone', '0470123456')
    expect(world.dials).toHaveLength(3)
  })
})

describe('loops', () => {
  it('a call without hops left is refused', () => {
    const world = office()
    expect(world.last(world.call('alice-phone', '1002', { maxForwards: 0 }), 'reject')?.status).toBe(483)
    world.call('alice-phone', '1002', { maxForwards: 5 })
    expect(world.dials[0]?.maxForwards).toBe(4)
  })

  it('forwards that lead to each other over a carrier end, also where it gives a call all its hops again', () => {
    const world = office()
    world.directory.put('phoneNumber', aPhoneNumber('+3225550102'))
    world.directory.put('callflow', aCallflow('flow-bob', ['1002', '+3225550102'], node('user', { id: 'bob' })))
    world.directory.put('user', aUser('bob', { callForward: aForward('0470123456', { keepCallerId: true }) }))
    const fromUri = 'sip:+33140000000@one.example.net'
    const again = () => {
      const said = world.dials.at(-1)?.headers.flatMap(([name, value]) => (name === 'Diversion' ? value : []))
      return world.callFromTrunk('one', '+3225550102', { fromUri, diversion: said ?? [] })
    }
    for (let times = 0; times < 10; times += 1) expect(world.last(again(), 'reject')).toBeUndefined()
    expect(world.dials[1]?.headers).toEqual([
      ['Diversion', '<sip:+3225550102@one.example.net>;reason=unconditional;counter=2'],
    ])
    expect(world.last(again(), 'reject')?.status).toBe(482)
    expect(world.dials).toHaveLength(10)
  })

  it('so is one that was diverted ten times', () => {
    const world = office()
    const diversion = Array.from({ length: 10 }, (_, index) => `<sip:${index}@x>`)
    const caller = world.callFromTrunk('one', '+3225550101', { diversion })
    expect(world.last(caller, 'reject')?.status).toBe(482)
  })
})

describe('a call in', () => {
  it('whatever form its number has, it is called by one', () => {
    const world = office(withOptions({ numberFormIn: 'national' }))
    world.callFromTrunk('one', '025550101')
    expect(world.dials[0]?.toNumber).toBe('+3225550101')
    expect(world.recordsOf('event')[0]?.call.calledNumber).toBe('+3225550101')
  })

  it('rings the phones of its callflow with the name of a contact', () => {
    const world = office()
    world.directory.put('contact', { id: 'c', userId: null, name: 'Paris', numbers: ['+33140000000'] })
    const caller = world.callFromTrunk('one', '+3225550101', { fromUri: 'sip:+33140000000@x' })
    expect(world.dials[0]).toMatchObject({
      to: { uri: 'sip:alice-phone@10.1.1.1' },
      from: { number: '+33140000000', name: 'Paris' },
      toNumber: '+3225550101',
    })
    world.answers(world.dialled())
    expect(world.last(caller, 'answer')?.identity).toBeUndefined()
    world.hangsUp(caller)
    expect(world.cdr).toMatchObject({
      direction: 'incoming',
      ownerId: 'alice',
      caller: { number: '+33140000000', trunkId: 'one', userId: null },
    })
  })
})
