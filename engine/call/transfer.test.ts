import { describe, expect, it } from 'vitest'
import { CallWorld, sdp } from '../testing/call-world.ts'
import { aCallflow, aDevice, anAccount, aPhoneNumber, aTrunk, node } from '../testing/directory.ts'
import type { LegId, ReferTarget } from './leg.ts'

/** Alice, Bob and Carol; Alice talks to Bob. */
function talking() {
  const world = CallWorld.withAliceAndBob()
  world.person('carol', '1003')
  world.directory.put('trunk', aTrunk('carrier'))
  world.directory.account = anAccount({
    callerId: { internal: null, external: { name: null, number: '+3225550100', anonymous: false }, emergency: null },
  })
  const alice = world.call('alice-phone', '1002')
  const bob = world.dialled('bob-phone')
  world.rings(bob)
  world.answers(bob)
  world.acks(alice)
  world.takeLog()
  return { world, alice, bob }
}
const replaces = (world: CallWorld, leg: LegId, isEarlyOnly = false): NonNullable<ReferTarget['replaces']> => {
  world.dialogs.set(`dialog-${leg}`, leg)
  return { callId: `dialog-${leg}`, toTag: 'a', fromTag: 'b', isEarlyOnly }
}
const progress = (world: CallWorld, leg: LegId) =>
  world.commandsTo(leg).flatMap((command) => (command.type === 'refer_progress' ? [command.status] : []))
function everythingEnded(world: CallWorld, calls = 1): void {
  expect(world.calls.size).toBe(0)
  expect(world.timers.size).toBe(0)
  for (const name of ['alice', 'bob', 'carol']) expect(world.calls.isInUse(`${name}-phone`), name).toBe(false)
  expect(world.events.filter((event) => event === 'call.ended')).toHaveLength(calls)
  expect(world.recordsOf('cdr')).toHaveLength(calls)
  const opened = world.orders.filter(({ type }) => type === 'open').length
  expect(world.orders.filter(({ type }) => type === 'close')).toHaveLength(opened)
}

describe('blind transfer', () => {
  it('by the callee: the caller hears ringing, then the new party', () => {
    const { world, alice, bob } = talking()
    world.refers(bob, '1003')
    const carol = world.dialled('carol-phone')
    expect(world.takeLog()).toEqual([
      `${bob} refer_answer 202`,
      `media unbridge ${alice}`,
      `${bob} refer_progress 100`,
      `media open ${carol}`,
      `${carol} dial sip:carol-phone@10.1.1.1`,
    ])
    expect(world.dials[1]).toMatchObject({ from: { number: '1001' }, toNumber: '1003' })
    world.rings(carol)
    expect(world.takeLog()).toEqual([`${bob} refer_progress 180`, `media play ${alice} ringback`])
    world.answers(carol)
    expect(world.takeLog()).toEqual([
      `media remote ${carol}`,
      `media stop ${alice}`,
      `media bridge ${alice} ${carol}`,
      `${bob} refer_progress 200`,
      `${bob} hangup`,
      `media close ${bob}`,
      'write call.transferred',
      `${alice} identity`,
      `${carol} identity`,
      'write snapshot',
      'write snapshot', // with the row of who left
    ])
    expect(world.recordsOf('event').at(-1)).toMatchObject({
      leg: bob,
      transferredTo: { number: '1003', userId: 'carol' },
      call: { callee: { userId: 'carol' }, legs: [{ id: alice }, { id: carol }] },
    })
    expect(world.last(alice, 'identity')?.identity.number).toBe('1003')
    world.hangsUp(carol)
    expect(world.last(alice, 'hangup')).toBeDefined()
    expect(world.cdr).toMatchObject({ caller: { userId: 'alice' }, callee: { userId: 'carol' }, endedBy: 'callee' })
    everythingEnded(world)
  })

  it('by the caller: the callee is handed on, and the history keeps whom the caller had reached', () => {
    const { world, alice, bob } = talking()
    world.refers(alice, '1003')
    const carol = world.dialled('carol-phone')
    expect(world.dials[1]?.from.number).toBe('1002')
    world.answers(carol)
    expect(world.log).toContain(`media bridge ${bob} ${carol}`)
    expect(world.last(alice, 'hangup')).toBeDefined()
    world.hangsUp(bob)
    expect(world.cdr).toMatchObject({ caller: { userId: 'alice' }, callee: { userId: 'bob' }, ownerId: 'alice' })
    everythingEnded(world)
  })

  it('to an outside number: the leg is billed to the transferor (T32)', () => {
    const { world, alice, bob } = talking()
    world.refers(bob, '0470123456')
    expect(world.dials[1]).toMatchObject({
      to: { uri: 'sip:+32470123456@carrier.example.net' },
      from: { number: '+3225550100' },
    })
    world.answers(world.dialled())
    world.advance(30_000)
    world.hangsUp(alice)
    expect(world.recordsOf('leg').find(({ leg }) => leg.party.trunkId === 'carrier')?.leg).toMatchObject({
      billedUserId: 'bob',
      billedDeviceId: 'bob-phone',
      billingSeconds: 30,
    })
    everythingEnded(world)
  })

  it('the phone that transferred may hang up at once', () => {
    const { world, alice, bob } = talking()
    world.refers(bob, '1003')
    world.hangsUp(bob)
    expect(world.calls.size).toBe(1)
    world.answers(world.dialled('carol-phone'))
    expect(world.last(alice, 'hangup')).toBeUndefined()
    expect(world.events).toContain('call.transferred')
    world.hangsUp(alice)
    everythingEnded(world)
  })

  it('T26: one that fails returns to the transferor', () => {
    const { world, alice, bob } = talking()
    world.refers(bob, '1003')
    world.fails(world.dialled('carol-phone'), 486)
    expect(progress(world, bob)).toEqual([100, 486])
    expect(world.log).toContain(`media bridge ${alice} ${bob}`)
    world.hangsUp(bob)
    expect(world.cdr).toMatchObject({ callee: { userId: 'bob' } })
    expect(world.events).not.toContain('call.transferred')
    everythingEnded(world)
  })

  it('T26: or calls the transferor again, who has hung up', () => {
    const { world, alice, bob } = talking()
    world.refers(bob, '1003')
    world.hangsUp(bob)
    world.fails(world.dialled('carol-phone'), 486)
    const again = world.dialled('bob-phone')
    expect(again).not.toBe(bob)
    expect(world.dials[2]?.from.number).toBe('1001')
    world.answers(again)
    expect(world.log).toContain(`media bridge ${alice} ${again}`)
    world.hangsUp(again)
    everythingEnded(world)
  })

  it('T26: who does not answer either', () => {
    const { world, alice, bob } = talking()
    world.refers(bob, '1003')
    world.hangsUp(bob)
    world.fails(world.dialled('carol-phone'), 486)
    world.advance(30_000)
    expect(world.last(alice, 'hangup')).toBeDefined()
    expect(world.cdr.hangupCause).toBe('ANSWERED')
    everythingEnded(world)
  })

  it('to a number that may not be called returns at once', () => {
    const { world, alice, bob } = talking()
    world.refers(bob, '2999')
    expect(progress(world, bob)).toEqual([100, 404])
    expect(world.log).toContain(`media bridge ${alice} ${bob}`)
  })

  it('whoever is handed on hangs up while it rings', () => {
    const { world, alice, bob } = talking()
    world.refers(bob, '1003')
    const carol = world.dialled('carol-phone')
    world.hangsUp(alice)
    expect(world.last(carol, 'hangup')).toBeDefined()
    expect(progress(world, bob)).toEqual([100, 487])
    expect(world.last(bob, 'hangup')).toBeDefined()
    everythingEnded(world)
  })

  it('goes by the callflow that the number has, with its branches', () => {
    const { world, alice, bob } = talking()
    world.directory.put('media', { id: 'm', path: '/medias/closed.wav' })
    world.directory.put(
      'callflow',
      aCallflow('sales', ['1100'], node('user', { id: 'carol' }, { _: node('play', { id: 'm' }) })),
    )
    world.refers(bob, '1100')
    world.fails(world.dialled('carol-phone'), 486)
    expect(world.log).toContain(`media play ${alice} /medias/closed.wav`)
    expect(progress(world, bob)).toEqual([100, 200])
    expect(world.last(bob, 'hangup')).toBeDefined()
    world.media({ type: 'played', endpoint: alice, play: `${alice}:1`, reason: 'end' })
    everythingEnded(world)
  })

  it('counts as a forward (T31)', () => {
    const { world, bob } = talking()
    const { account } = world.directory
    world.directory.account = { ...account, limits: { ...account.limits, maxNumberFwdCalls: 0 } }
    world.refers(bob, '0470123456')
    expect(progress(world, bob)).toEqual([100, 403])
  })

  it('T18: to a rescue service by a full trunk: another call makes room, never its own', () => {
    const { world } = talking()
    world.directory.put('trunk', aTrunk('carrier', { maxCalls: 1 }))
    const outside = world.call('carol-phone', '0470123456')
    world.answers(world.dialled())
    world.refers(outside, '112')
    expect(world.dials.at(-1)?.toNumber).toBe('112')
    expect(world.last(outside, 'hangup')).toBeUndefined()
    world.answers(world.dialled())
    expect(world.last(outside, 'hangup')).toBeDefined()
    expect(world.events.at(-1)).toBe('call.transferred')
  })

  it('what the account has changed while they talked holds: suspended, it goes nowhere', () => {
    const { world, bob } = talking()
    world.reconfigures({ enabled: false }, (directory) => {
      directory.put('device', aDevice('bob-phone', 'bob'))
      directory.put('trunk', aTrunk('carrier'))
    })
    world.refers(bob, '0470123456')
    expect(progress(world, bob)).toEqual([100, 403])
    expect(world.dials).toHaveLength(1)
  })

  it('a phone that was deleted meanwhile passes nobody on', () => {
    const { world, bob } = talking()
    world.reconfigures({}, (directory) => directory.put('trunk', aTrunk('carrier')))
    world.refers(bob, '0470123456')
    expect(world.last(bob, 'refer_answer')?.status).toBe(403)
  })

  it('a second REFER while one is on its way is refused', () => {
    const { world, bob } = talking()
    world.refers(bob, '1003')
    world.refers(bob, '1003')
    expect(world.last(bob, 'refer_answer')?.status).toBe(491)
  })

  it('T14: a carrier transfers nobody', () => {
    const { world } = talking()
    world.directory.put('phoneNumber', aPhoneNumber('+3225550101'))
    world.directory.put('callflow', aCallflow('flow-carol', ['1003', '+3225550101'], node('user', { id: 'carol' })))
    const carrier = world.callFromTrunk('carrier', '+3225550101')
    world.answers(world.dialled('carol-phone'))
    world.refers(carrier, '0900123456')
    expect(world.last(carrier, 'refer_answer')?.status).toBe(403)
  })

  it('the longest time counts from the first answer', () => {
    const { world, alice, bob } = talking()
    const { account } = world.directory
    world.directory.account = { ...account, limits: { ...account.limits, maxCallSeconds: 60 } }
    world.advance(50_000)
    world.refers(bob, '1003')
    world.answers(world.dialled('carol-phone'))
    world.advance(9999)
    expect(world.last(alice, 'hangup')).toBeUndefined()
    world.advance(1)
    expect(world.last(alice, 'hangup')).toBeDefined()
    everythingEnded(world)
  })
})

describe('attended transfer', () => {
  /** Bob has Alice on hold and talks to Carol. */
  function consulting() {
    const parts = talking()
    const { world, bob } = parts
    world.reinvites(bob, sdp({ direction: 'sendonly' }))
    const second = world.call('bob-phone', '1003')
    const carol = world.dialled('carol-phone')
    world.rings(carol)
    return { ...parts, second, carol }
  }

  it('to an answered call: the two are joined, both legs of the transferor end', () => {
    const { world, alice, bob, second, carol } = consulting()
    world.answers(carol)
    world.acks(second)
    world.takeLog()
    world.refers(bob, '1003', replaces(world, second))
    const log = world.takeLog()
    expect(log[0]).toBe(`${bob} refer_answer 202`)
    expect(log).toContain(`media bridge ${alice} ${carol}`)
    expect(log).toContain(`media stop ${alice}`)
    expect(log).toContain(`${second} hangup`)
    expect(progress(world, bob)).toEqual([200])
    expect(log).toContain(`${bob} hangup Q.850 16`)
    expect(world.last(alice, 'identity')?.identity.number).toBe('1003')
    expect(world.last(carol, 'identity')?.identity.number).toBe('1001')
    const [first] = world.recordsOf('cdr')
    expect(first?.cdr).toMatchObject({
      caller: { userId: 'alice' },
      callee: { userId: 'bob' },
      hangupCause: 'ANSWERED',
    })
    world.advance(10_000)
    world.hangsUp(alice)
    expect(world.last(carol, 'hangup')).toBeDefined()
    expect(world.recordsOf('cdr')[1]?.cdr).toMatchObject({ caller: { userId: 'bob' }, callee: { userId: 'carol' } })
    everythingEnded(world, 2)
  })

  it('T32: each leg has one row, billed to whoever it was billed to', () => {
    const { world, alice, bob, second, carol } = consulting()
    world.answers(carol)
    world.refers(bob, '1003', replaces(world, second))
    world.hangsUp(carol)
    const ids = world.recordsOf('leg').map(({ leg }) => leg.id)
    expect(ids.sort()).toEqual([alice, bob, carol, second].sort())
  })

  it('T26: to a call that rings: the other hears ringing, the transferor hears how it went', () => {
    const { world, alice, bob, second, carol } = consulting()
    world.takeLog()
    world.refers(bob, '1003', replaces(world, second, true))
    expect(world.last(second, 'reject')?.status).toBe(487)
    expect(world.log).toContain(`media play ${alice} ringback`)
    expect(progress(world, bob)).toEqual([180])
    world.answers(carol)
    expect(world.log).toContain(`media bridge ${alice} ${carol}`)
    expect(progress(world, bob)).toEqual([180, 200])
    expect(world.last(bob, 'hangup')).toBeDefined()
    expect(world.last(carol, 'identity')?.identity.number).toBe('1001')
    world.hangsUp(carol)
    everythingEnded(world, 2)
  })

  it('T31: whoever of those in a call leaves it, it is one of as many as the account may have, until it ends', () => {
    const { world, alice, bob } = talking()
    const count = () => world.calls.limits.count('sim:acme')
    world.refers(alice, '1003')
    const carol = world.dialled('carol-phone')
    world.answers(carol)
    expect(count()).toBe(1)
    const second = world.call('alice-phone', '1002')
    const bobAgain = world.dialled('bob-phone')
    world.answers(bobAgain)
    expect(count()).toBe(2)
    world.refers(bob, '1001', replaces(world, bobAgain))
    expect(world.log).toContain(`media bridge ${second} ${carol}`)
    expect(count()).toBe(1)
    const next = CallWorld.withAliceAndBob('b')
    const kept = world.recordsOf('snapshot').findLast(({ text }) => text !== null)
    next.restore(kept?.text ?? '', () => true)
    expect(next.calls.limits.count('sim:acme')).toBe(1)
    for (const each of [world, next]) {
      each.hangsUp(carol)
      expect(each.calls.limits.count('sim:acme')).toBe(0)
    }
  })

  it.each([false, true])(
    'to a callflow that plays, its answer written or not (%s): the other hears it, and goes on in it',
    (isLate) => {
      const { world, alice, bob } = talking()
      world.directory.put('media', { id: 'm', path: '/m.wav' })
      const welcome = node('play', { id: 'm' }, { _: node('user', { id: 'carol' }) })
      world.directory.put('callflow', aCallflow('desk', ['1100'], welcome))
      world.isWriterStuck = isLate
      const second = world.call('bob-phone', '1100')
      world.refers(bob, '1100', replaces(world, second))
      world.isWriterStuck = false
      world.flush()
      expect(progress(world, bob)).toEqual([100, 200])
      expect(world.commandsTo(second).at(-1)?.type).toBe(isLate ? 'reject' : 'hangup')
      const plays = world.orders.filter((order) => order.type === 'play').filter(({ endpoint }) => endpoint === alice)
      expect(plays.map(({ source }) => source)).toEqual([{ type: 'file', path: '/m.wav', repeat: false }])
      for (const { endpoint, play } of plays) world.media({ type: 'played', endpoint, play, reason: 'end' })
      world.answers(world.dialled('carol-phone'))
      expect(world.log).toContain(`media bridge ${alice} ${world.dialled('carol-phone')}`)
      world.hangsUp(alice)
      everythingEnded(world, 2)
    },
  )

  it('T26: whoever of those that it calls takes it in the end stands in the history', () => {
    const { world, bob } = talking()
    world.person('dave', '1004')
    const group = node('user', { id: 'carol' }, { _: node('user', { id: 'dave' }) })
    world.directory.put('callflow', aCallflow('group', ['1100'], group))
    const second = world.call('bob-phone', '1100')
    const carol = world.dialled('carol-phone')
    world.rings(carol)
    world.refers(bob, '1100', replaces(world, second))
    world.fails(carol, 486)
    const dave = world.dialled('dave-phone')
    world.answers(dave)
    world.hangsUp(dave)
    expect(world.recordsOf('cdr')[1]?.cdr).toMatchObject({ callee: { userId: 'dave' }, calleeLeg: dave })
    everythingEnded(world, 2)
  })

  it('T26: nobody answers it: back to the transferor', () => {
    const { world, alice, bob, second, carol } = consulting()
    world.refers(bob, '1003', replaces(world, second))
    world.fails(carol, 486)
    expect(progress(world, bob)).toEqual([180, 486])
    expect(world.log.at(-3)).toBe(`media play ${alice} silence`)
    world.reinvites(bob, sdp())
    expect(world.log).toContain(`media stop ${alice}`)
    world.hangsUp(alice)
    everythingEnded(world, 2)
  })

  it('the transferor’s phone cancels its own leg meanwhile', () => {
    const { world, bob, second, carol } = consulting()
    world.refers(bob, '1003', replaces(world, second))
    world.cancels(second)
    world.answers(carol)
    expect(world.events.at(-1)).toBe('call.transferred')
  })

  it('whoever took the transferor’s place ends the call on the transferor’s side', () => {
    const { world, alice, bob } = talking()
    world.call('carol-phone', '1002')
    const second = world.dialled('bob-phone')
    world.answers(second)
    world.refers(bob, '1003', replaces(world, second))
    world.hangsUp(alice)
    expect(world.recordsOf('cdr')[1]?.cdr).toMatchObject({
      caller: { userId: 'carol' },
      callee: { userId: 'bob' },
      endedBy: 'callee',
    })
  })

  it('the two calls may have been begun by either side', () => {
    const world = CallWorld.withAliceAndBob()
    world.person('carol', '1003')
    const first = world.call('bob-phone', '1001')
    const alice = world.dialled('alice-phone')
    world.answers(alice)
    const carol = world.call('carol-phone', '1002')
    const second = world.dialled('bob-phone')
    world.answers(second)
    world.refers(first, '1003', replaces(world, second))
    expect(world.log).toContain(`media bridge ${carol} ${alice}`)
    world.hangsUp(alice)
    everythingEnded(world, 2)
  })

  it.each([
    ['a dialog that is not ours', 404],
    ['its own dialog', 403],
  ])('to %s is refused', (name, status) => {
    const { world, bob } = talking()
    const target = name === 'its own dialog' ? replaces(world, bob) : { ...replaces(world, bob), callId: 'unknown' }
    world.refers(bob, '1003', target)
    expect(world.last(bob, 'refer_answer')?.status).toBe(status)
    expect(world.calls.size).toBe(1)
  })
})

describe('INVITE with Replaces (RFC 3891)', () => {
  const fromCarol = (world: CallWorld, leg: LegId, isEarlyOnly = false) =>
    world.call('carol-phone', '1002', { replaces: replaces(world, leg, isEarlyOnly), sdp: sdp({ port: 8000 }) })

  it('takes the place of a leg that talks', () => {
    const { world, alice, bob } = talking()
    const carol = fromCarol(world, bob)
    expect(world.last(carol, 'answer')?.sdp).toContain('m=audio')
    expect(world.log).toContain(`media bridge ${alice} ${carol}`)
    expect(world.last(bob, 'hangup')).toBeDefined()
    expect(world.last(alice, 'identity')?.identity.number).toBe('1003')
    expect(world.recordsOf('event').at(-1)).toMatchObject({
      event: 'call.transferred',
      call: { legs: [{ id: alice }, { id: carol }] },
    })
    world.hangsUp(carol)
    expect(world.last(alice, 'hangup')).toBeDefined()
    everythingEnded(world)
  })

  it('picks up a call that rings', () => {
    const world = CallWorld.withAliceAndBob()
    world.person('carol', '1003')
    const alice = world.call('alice-phone', '1002')
    const bob = world.dialled('bob-phone')
    world.rings(bob)
    const carol = fromCarol(world, bob, true)
    expect(world.last(bob, 'hangup')?.reason).toMatchObject({ cause: 200 })
    expect(world.log.indexOf(`${carol} answer`)).toBeLessThan(world.log.indexOf(`${alice} answer`))
    expect(world.log).toContain(`media bridge ${alice} ${carol}`)
    world.hangsUp(alice)
    expect(world.cdr).toMatchObject({ callee: { userId: 'carol' } })
    everythingEnded(world)
  })

  it.each([
    ['unknown', 481],
    ['early only, but answered', 486],
    ['of a caller that waits', 481],
  ])('%s: %i', (name, status) => {
    const { world, bob } = talking()
    const waiting = name.startsWith('of a') ? world.call('alice-phone', '1003') : bob
    const target = replaces(world, waiting, name.startsWith('early'))
    const leg = world.call('carol-phone', '1002', {
      replaces: name === 'unknown' ? { ...target, callId: '?' } : target,
    })
    expect(world.last(leg, 'reject')?.status).toBe(status)
    expect(world.last(bob, 'hangup')).toBeUndefined()
  })

  it('of another account is forbidden', () => {
    const { world, bob } = talking()
    const source = { kind: 'device', accountId: 'other', deviceId: 'carol-phone' } as const
    const leg = world.invite({ source, requestUri: 'sip:1002@pbx', replaces: replaces(world, bob) })
    expect(world.last(leg, 'reject')?.status).toBe(403)
  })

  it('without a codec in common changes nothing', () => {
    const { world, bob } = talking()
    const leg = world.call('carol-phone', '1002', {
      replaces: replaces(world, bob),
      sdp: sdp({ codecs: ['97 speex'] }),
    })
    expect(world.last(leg, 'reject')?.status).toBe(488)
    expect(world.last(bob, 'hangup')).toBeUndefined()
    expect(world.orders.at(-1)).toEqual({ type: 'close', endpoint: leg })
  })
})
