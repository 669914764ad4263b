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
import type { CallForward } from './directory.ts'

function office(): CallWorld {
  const world = CallWorld.withAliceAndBob()
  world.person('carol', '1003')
  world.directory.put('trunk', aTrunk('carrier'))
  world.directory.account = anAccount({
    callerId: { internal: null, external: { name: 'Acme', number: '+3225550100', anonymous: false }, emergency: null },
  })
  return world
}
function bobForwards(world: CallWorld, number: string, parts: Partial<CallForward> = {}): void {
  world.directory.put('user', aUser('bob', { callForward: aForward(number, parts) }))
}
const dialled = (world: CallWorld) => world.dials.map(({ to }) => to.uri)

describe('forwards', () => {
  it('to a number outside: with the forwarder’s caller id and at the forwarder’s cost (T32)', () => {
    const world = office()
    bobForwards(world, '0470123456')
    const alice = world.call('alice-phone', '1002')
    expect(world.dials).toMatchObject([
      { to: { uri: 'sip:+32470123456@carrier.example.net' }, from: { number: '+3225550100', name: 'Acme' } },
    ])
    world.answers(world.dialled())
    world.advance(5000)
    world.hangsUp(alice)
    const row = world.recordsOf('leg').find(({ leg }) => leg.role === 'callee')?.leg
    expect(row).toMatchObject({ isForwarded: true, billedUserId: 'bob', billedDeviceId: null, billingSeconds: 5 })
    expect(world.cdr).toMatchObject({ direction: 'internal', ownerId: 'alice', calledNumber: '1002' })
  })

  it('keep_caller_id: an outside caller’s number is shown, with Diversion', () => {
    const world = office()
    world.directory.put('phoneNumber', aPhoneNumber('+3225550102'))
    world.directory.put('callflow', aCallflow('flow-bob', ['1002', '+3225550102'], node('user', { id: 'bob' })))
    bobForwards(world, '0470123456', { keepCallerId: true })
    world.callFromTrunk('carrier', '+3225550102', { fromUri: 'sip:+33140000000@x' })
    expect(world.dials[0]).toMatchObject({
      from: { number: '+33140000000' },
      headers: [['Diversion', '<sip:+3225550102@carrier.example.net>;reason=unconditional']],
    })
  })

  it('keep_caller_id: a colleague’s internal number is never sent outside', () => {
    const world = office()
    bobForwards(world, '0470123456', { keepCallerId: true })
    world.call('alice-phone', '1002')
    expect(world.dials[0]).toMatchObject({ from: { number: '+3225550100' }, headers: [] })
  })

  it('keep_caller_id: a caller who wishes to be anonymous is, or the forwarder is shown', () => {
    const world = office()
    const internal = { name: null, number: '+3225550199' }
    world.directory.put('user', aUser('alice', { callerId: { internal, external: null, emergency: null } }))
    bobForwards(world, '0470123456', { keepCallerId: true })
    world.call('alice-phone', '1002')
    expect(world.dials[0]?.from).toMatchObject({ number: '+3225550199', isAnonymous: false })
    world.call('alice-phone', '1002', { privacy: 'id' })
    expect(world.dials[1]?.from).toMatchObject({ number: '+3225550199', isAnonymous: true })
    world.directory.put('trunk', aTrunk('carrier', { options: { ...trunkOptions, hasClir: false } }))
    world.call('alice-phone', '1002', { privacy: 'id' })
    expect(world.dials[2]?.from).toMatchObject({ number: '+3225550100', isAnonymous: false })
  })

  it('inside: the forwarder is shown, or the caller with keep_caller_id', () => {
    const world = office()
    bobForwards(world, '1003')
    world.call('alice-phone', '1002')
    expect(world.dials[0]).toMatchObject({
      to: { uri: 'sip:carol-phone@10.1.1.1' },
      from: { number: '1002', name: 'bob' },
      headers: [['Diversion', '<sip:1002@acme.example.com>;reason=unconditional']],
    })
    bobForwards(world, '1003', { keepCallerId: true })
    world.call('alice-phone', '1002')
    expect(world.dials[1]).toMatchObject({ from: { number: '1001' } })
    const other = office()
    other.directory.put('device', aDevice('bob-phone', 'bob', { callForward: aForward('1003') }))
    other.directory.put('device', aDevice('bob-desk', 'bob'))
    other.call('alice-phone', '1002')
    expect(dialled(other)).toEqual(['sip:carol-phone@10.1.1.1', 'sip:bob-desk@10.1.1.1'])
    expect(other.dials[0]).toMatchObject({
      from: { number: '1002', name: 'bob' },
      headers: [['Diversion', '<sip:1002@acme.example.com>;reason=unconditional']],
    })
    other.directory.put(
      'device',
      aDevice('bob-phone', 'bob', { callForward: aForward('1003', { keepCallerId: true }) }),
    )
    other.call('alice-phone', '1002')
    expect(other.dials[2]).toMatchObject({ from: { number: '1001' } })
  })

  it('direct_calls_only: not when the call came by another callflow', () => {
    const world = office()
    bobForwards(world, '0470123456', { directCallsOnly: true })
    world.directory.put('callflow', aCallflow('sales', ['1100'], node('callflow', { id: 'flow-bob' })))
    world.call('alice-phone', '1100')
    expect(dialled(world)).toEqual(['sip:bob-phone@10.1.1.1'])
    world.call('alice-phone', '1002')
    expect(dialled(world)[1]).toBe('sip:+32470123456@carrier.example.net')
  })

  it('with the forwarder’s rights', () => {
    const world = office()
    world.directory.put('user', aUser('bob', { callForward: aForward('0470123456'), restriction: 'mobile' }))
    const alice = world.call('alice-phone', '1002')
    expect(world.last(alice, 'reject')?.status).toBe(403)
    expect(world.dials).toEqual([])
  })

  it('never to a rescue service', () => {
    const world = office()
    bobForwards(world, '112')
    const alice = world.call('alice-phone', '1002')
    expect(world.last(alice, 'reject')?.status).toBe(403)
  })

  it('in a circle end', () => {
    const world = office()
    bobForwards(world, '1003')
    world.directory.put('user', aUser('carol', { callForward: aForward('1002') }))
    const alice = world.call('alice-phone', '1002')
    expect(world.last(alice, 'reject')?.status).toBe(482)
    expect(world.cdr.hangupCause).toBe('FAILED')
  })

  it('callflows in a circle end', () => {
    const world = office()
    world.directory.put('callflow', aCallflow('a', ['1101'], node('callflow', { id: 'b' })))
    world.directory.put('callflow', aCallflow('b', ['1102'], node('callflow', { id: 'a' })))
    const alice = world.call('alice-phone', '1101')
    expect(world.last(alice, 'reject')?.status).toBe(482)
  })

  it('max_number_fwd_calls', () => {
    const world = office()
    const { account } = world.directory
    world.directory.account = { ...account, limits: { ...account.limits, maxNumberFwdCalls: 1 } }
    bobForwards(world, '0470123456')
    const first = world.call('alice-phone', '1002')
    const second = world.call('alice-phone', '1002')
    expect(world.last(second, 'reject')?.status).toBe(403)
    expect(world.recordsOf('cdr')[0]?.cdr.hangupCause).toBe('CONGESTION')
    world.cancels(first)
    world.call('alice-phone', '1002')
    expect(world.dials).toHaveLength(2)
  })

  it('a phone that answers 302 forwards with its owner’s rights, to the number alone (T12)', () => {
    const world = office()
    world.call('alice-phone', '1002')
    world.fails(world.dialled('bob-phone'), 302, { contacts: ['sip:0470123456@evil.example.org'] })
    expect(dialled(world)[1]).toBe('sip:+32470123456@carrier.example.net')
    world.answers(world.dialled())
    expect(world.events).toContain('call.answered')
  })

  it('a phone that sends the call to itself is asked a few times only', () => {
    const world = office()
    const alice = world.call('alice-phone', '1002')
    for (let times = 0; times < 6; times += 1) {
      world.fails(world.dialled('bob-phone'), 302, { contacts: ['sip:1002@pbx'] })
    }
    expect(world.last(alice, 'reject')).toBeDefined()
    expect(world.calls.size).toBe(0)
  })
})

describe('forward with key press', () => {
  function forwarded() {
    const world = office()
    world.prompts.set('forward_press_1', '/prompts/press.wav')
    bobForwards(world, '0470123456', { requireKeyPress: true })
    const alice = world.call('alice-phone', '1002')
    const mobile = world.dialled()
    return { world, alice, mobile }
  }

  it('is taken by 1', () => {
    const { world, alice, mobile } = forwarded()
    world.rings(mobile, sdp())
    expect(world.last(alice, 'progress')).toMatchObject({ status: 180, sdp: null })
    world.answers(mobile)
    expect(world.log).toContain(`media play ${mobile} /prompts/press.wav`)
    expect(world.last(alice, 'answer')).toBeUndefined()
    world.press(mobile, '1')
    expect(world.last(alice, 'answer')).toBeDefined()
    expect(world.log).toContain(`media stop ${mobile}`)
    expect(world.log).toContain(`media bridge ${alice} ${mobile}`)
  })

  it('T28: with the account’s own prompt: in the listener’s language, else in none, the newest first', () => {
    const own = (id: string, language: string | null) => {
      const { world, mobile } = forwarded()
      world.directory.put('media', { id: 'any', path: '/any.wav', prompt: { name: 'forward_press_1', language: null } })
      world.directory.put('media', { id: 'hold', path: '/hold.wav' })
      world.directory.put('media', { id, path: `/${id}.wav`, prompt: { name: 'forward_press_1', language } })
      world.answers(mobile)
      return world.takeLog().find((line) => line.startsWith(`media play ${mobile}`))
    }
    expect(own('british', 'en-GB')).toContain('/british.wav')
    expect(own('french', 'fr')).toContain('/any.wav')
    expect(own('newer', null)).toContain('/newer.wav')
  })

  it('by SIP INFO too', () => {
    const { world, alice, mobile } = forwarded()
    world.answers(mobile)
    world.leg({ type: 'dtmf', leg: mobile, digit: '1' })
    expect(world.last(alice, 'answer')).toBeDefined()
  })

  it('a mailbox that answers hears it again and does not get the call', () => {
    const { world, alice, mobile } = forwarded()
    world.answers(mobile)
    const prompts = () => world.orders.filter(({ type }) => type === 'play').length
    world.media({ type: 'played', endpoint: mobile, play: `${mobile}:1`, reason: 'end' })
    world.advance(5000)
    expect(prompts()).toBe(2)
    world.advance(15_000)
    expect(world.last(mobile, 'hangup')).toBeDefined()
    expect(world.last(alice, 'reject')?.status).toBe(480)
    expect(world.cdr).toMatchObject({ hangupCause: 'NO ANSWER', answeredAt: null })
    expect(world.timers.size).toBe(0)
  })

  it('another key, or hanging up, refuses it', () => {
    const { world, alice, mobile } = forwarded()
    world.answers(mobile)
    world.press(mobile, '2')
    expect(world.last(mobile, 'hangup')).toBeDefined()
    expect(world.last(alice, 'reject')?.status).toBe(480)
    const other = forwarded()
    other.world.answers(other.mobile)
    other.world.hangsUp(other.mobile)
    expect(other.world.last(other.alice, 'reject')?.status).toBe(480)
  })

  it('the time to ring ends while somebody decides: the decision counts', () => {
    const world = office()
    world.directory.put('device', aDevice('bob-desk', 'bob'))
    world.directory.put(
      'device',
      aDevice('bob-phone', 'bob', { callForward: aForward('1003', { requireKeyPress: true }) }),
    )
    const alice = world.call('alice-phone', '1002')
    world.advance(29_000)
    world.answers(world.dialled('carol-phone'))
    world.advance(1000)
    expect(world.last(world.dialled('bob-desk'), 'hangup')).toBeDefined()
    world.press(world.dialled('carol-phone'), '1')
    expect(world.last(alice, 'answer')).toBeDefined()
  })

  it('the caller may hang up meanwhile', () => {
    const { world, alice, mobile } = forwarded()
    world.answers(mobile)
    world.cancels(alice)
    expect(world.last(mobile, 'hangup')).toBeDefined()
    expect(world.cdr.hangupCause).toBe('CANCEL')
    expect(world.timers.size).toBe(0)
  })
})

describe('do not disturb, call waiting', () => {
  it('do not disturb is busy, and rings nothing', () => {
    const world = office()
    world.directory.put('user', aUser('bob', { doNotDisturb: true }))
    const alice = world.call('alice-phone', '1002')
    expect(world.dials).toEqual([])
    expect(world.last(alice, 'reject')?.status).toBe(486)
    expect(world.cdr.hangupCause).toBe('BUSY')
  })

  it('of a device leaves the others', () => {
    const world = office()
    world.directory.put('device', aDevice('bob-desk', 'bob'))
    world.directory.put('device', aDevice('bob-phone', 'bob', { doNotDisturb: true }))
    world.call('alice-phone', '1002')
    expect(dialled(world)).toEqual(['sip:bob-desk@10.1.1.1'])
  })

  it('a forward goes before do not disturb', () => {
    const world = office()
    world.directory.put('user', aUser('bob', { doNotDisturb: true, callForward: aForward('0470123456') }))
    world.call('alice-phone', '1002')
    expect(dialled(world)).toEqual(['sip:+32470123456@carrier.example.net'])
  })

  it('with call waiting a second call rings, without it is busy', () => {
    const world = office()
    world.call('alice-phone', '1002')
    world.call('carol-phone', '1002')
    expect(world.dials).toHaveLength(2)
    world.directory.put('user', aUser('bob', { callWaiting: false }))
    const third = world.call('carol-phone', '1002')
    expect(world.last(third, 'reject')?.status).toBe(486)
  })
})

describe('branches of a callflow', () => {
  const withBranches = (children: Parameters<typeof node>[2]) => {
    const world = office()
    world.directory.put('callflow', aCallflow('sales', ['1100'], node('user', { id: 'bob', timeout: 10 }, children)))
    const alice = world.call('alice-phone', '1100')
    return { world, alice }
  }
  const toCarol = node('user', { id: 'carol' })
  const branches = { busy: toCarol, _: node('hangup', { cause: 'rejected' }) }

  it('busy goes its own way, everything else by the default', () => {
    const one = withBranches(branches)
    one.world.fails(one.world.dialled('bob-phone'), 486)
    expect(dialled(one.world)[1]).toBe('sip:carol-phone@10.1.1.1')
    const two = withBranches(branches)
    two.world.advance(10_000)
    expect(two.world.last(two.alice, 'reject')?.status).toBe(603)
  })

  it('no answer and unreachable are not the same', () => {
    const one = withBranches({ no_answer: toCarol })
    one.world.advance(10_000)
    expect(dialled(one.world)[1]).toBe('sip:carol-phone@10.1.1.1')
    const world = office()
    world.unregistered.add('bob-phone')
    const flow = node('user', { id: 'bob' }, { no_answer: node('hangup'), unreachable: toCarol })
    world.directory.put('callflow', aCallflow('sales', ['1100'], flow))
    world.call('alice-phone', '1100')
    expect(dialled(world)).toEqual(['sip:carol-phone@10.1.1.1'])
  })

  it('ring one after the other with one event of ringing', () => {
    const { world, alice } = withBranches({ _: toCarol })
    world.rings(world.dialled())
    world.advance(10_000)
    world.rings(world.dialled('carol-phone'))
    world.answers(world.dialled('carol-phone'))
    expect(world.events).toEqual(['call.started', 'call.ringing', 'call.answered'])
    world.hangsUp(alice)
    expect(world.cdr).toMatchObject({ callee: { userId: 'carol' }, callflowId: 'sales' })
  })

  it.each([
    ['normal', 480],
    ['busy', 486],
    ['rejected', 603],
    ['unavailable', 480],
    [null, 480],
  ])('hangup with cause %s', (cause, status) => {
    const world = office()
    world.directory.put('callflow', aCallflow('x', ['1100'], node('hangup', { cause })))
    expect(world.last(world.call('alice-phone', '1100'), 'reject')?.status).toBe(status)
  })

  it('play answers, plays, and goes on', () => {
    const world = office()
    world.directory.put('media', { id: 'm1', path: '/medias/welcome.wav' })
    world.directory.put('callflow', aCallflow('x', ['1100'], node('play', { id: 'm1' }, { _: toCarol })))
    const alice = world.call('alice-phone', '1100')
    world.acks(alice)
    expect(world.events).toEqual(['call.started', 'call.answered'])
    expect(world.log).toContain(`media play ${alice} /medias/welcome.wav`)
    world.media({ type: 'played', endpoint: alice, play: `${alice}:1`, reason: 'end' })
    const carol = world.dialled('carol-phone')
    world.rings(carol)
    expect(world.log).toContain(`media play ${alice} ringback`)
    expect(world.last(alice, 'progress')).toBeUndefined()
    world.answers(carol)
    expect(world.events).toEqual(['call.started', 'call.answered', 'call.ringing', 'call.answered'])
    expect(world.last(alice, 'identity')?.identity.number).toBe('1003')
    world.hangsUp(carol)
    expect(world.cdr).toMatchObject({ hangupCause: 'ANSWERED', callee: { userId: 'carol' } })
  })

  it('play is heard to its end after a carrier’s early media, also by whoever was answered before', () => {
    const world = office()
    world.directory.put('media', { id: 'm', path: '/m.wav' })
    bobForwards(world, '0470123456')
    const bob = node('user', { id: 'bob' }, { _: node('play', { id: 'm' }) })
    world.directory.put('callflow', aCallflow('desk', ['1100'], node('play', { id: 'm' }, { _: bob })))
    const alice = world.call('alice-phone', '1100')
    const played = () => {
      const order = world.orders.findLast((one) => one.type === 'play')
      world.media({ type: 'played', endpoint: alice, play: order?.play ?? '', reason: 'end' })
    }
    played()
    const mobile = world.dialled()
    world.rings(mobile, sdp({ port: 6000 }))
    world.fails(mobile, 486)
    expect(world.log.findLast((line) => line.endsWith(`${alice} /m.wav`) || line === `media stop ${alice}`)).toBe(
      `media play ${alice} /m.wav`,
    )
    played()
    expect(world.calls.size).toBe(0)
  })

  it('play and nothing more ends as an answered call', () => {
    const world = office()
    world.directory.put('media', { id: 'm1', path: '/medias/welcome.wav' })
    world.directory.put('callflow', aCallflow('x', ['1100'], node('play', { id: 'm1' })))
    const alice = world.call('alice-phone', '1100')
    world.media({ type: 'played', endpoint: alice, play: `${alice}:1`, reason: 'end' })
    expect(world.last(alice, 'hangup')).toBeDefined()
    expect(world.cdr).toMatchObject({ hangupCause: 'ANSWERED', callee: null, q850: 16 })
  })

  it('a media or callflow that is gone goes by the default', () => {
    const world = office()
    world.directory.put('callflow', aCallflow('x', ['1100'], node('play', { id: 'gone' }, { _: toCarol })))
    world.call('alice-phone', '1100')
    world.directory.put('callflow', aCallflow('x', ['1101'], node('callflow', { id: 'gone' })))
    const other = world.call('alice-phone', '1101')
    expect(dialled(world)).toEqual(['sip:carol-phone@10.1.1.1'])
    expect(world.last(other, 'reject')?.status).toBe(404)
  })

  it('external_number calls with the account’s rights, inside too', () => {
    const world = office()
    world.directory.put('phoneNumber', aPhoneNumber('+3225550102'))
    const outside = node('external_number', { number: '0470123456', timeout: 20 })
    world.directory.put('callflow', aCallflow('x', ['1100', '+3225550102'], outside))
    world.callFromTrunk('carrier', '+3225550102', { fromUri: 'sip:+33140000000@x' })
    expect(world.dials[0]).toMatchObject({
      to: { uri: 'sip:+32470123456@carrier.example.net' },
      from: { number: '+33140000000' },
    })
    world.directory.put('callflow', aCallflow('x', ['1100'], node('external_number', { number: '1003' })))
    world.call('alice-phone', '1100')
    expect(dialled(world)[1]).toBe('sip:carol-phone@10.1.1.1')
  })

  it('the failover number of the account takes outside calls that reach nobody', () => {
    const world = office()
    world.directory.account = { ...world.directory.account, failoverNumber: '0470999999' }
    world.directory.put('phoneNumber', aPhoneNumber('+3225550102'))
    world.directory.put('callflow', aCallflow('flow-bob', ['1002', '+3225550102'], node('user', { id: 'bob' })))
    world.unregistered.add('bob-phone')
    const caller = world.callFromTrunk('carrier', '+3225550102')
    expect(dialled(world)).toEqual(['sip:+32470999999@carrier.example.net'])
    world.fails(world.dialled(), 480)
    expect(world.last(caller, 'reject')?.status).toBe(480)
    world.call('alice-phone', '1002')
    expect(world.dials).toHaveLength(1)
  })
})
