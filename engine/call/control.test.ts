import { describe, expect, it } from 'vitest'
import { CallWorld, sdp } from '../testing/call-world.ts'
import { anAccount, aTrunk } from '../testing/directory.ts'
import type { CallAction } from './command.ts'
import type { LegId } from './leg.ts'

function ringing() {
  const world = CallWorld.withAliceAndBob()
  world.person('carol', '1003')
  world.directory.put('media', { id: 'moh', path: '/medias/hold.wav' })
  world.directory.account = anAccount({ musicOnHoldId: 'moh' })
  const alice = world.call('alice-phone', '1002')
  const bob = world.dialled('bob-phone')
  world.rings(bob)
  world.takeLog()
  return { world, alice, bob }
}

function talking() {
  const made = ringing()
  made.world.answers(made.bob)
  made.world.acks(made.alice)
  made.world.takeLog()
  return made
}

/** Our offer is answered. */
const agrees = (world: CallWorld, leg: LegId, direction: string) =>
  world.leg({ type: 'offer_result', leg, status: 200, sdp: sdp({ port: 5000, direction }) })
const refuses = (world: CallWorld, leg: LegId) => world.leg({ type: 'offer_result', leg, status: 488, sdp: null })
const offered = (world: CallWorld, leg: LegId) => world.last(leg, 'offer')?.sdp ?? ''
const lastCommand = (world: CallWorld) => world.commandIds.at(-1) ?? ''
const snapshotOf = (world: CallWorld) => world.recordsOf('snapshot').at(-1)?.text ?? ''
const lastEvent = (world: CallWorld) => world.recordsOf('event').at(-1)

function restarted(world: CallWorld): CallWorld {
  const next = CallWorld.withAliceAndBob('b')
  next.person('carol', '1003')
  next.now = world.now + 5_000
  next.restore(snapshotOf(world), () => true)
  return next
}

describe('who may', () => {
  const hangup = (leg: LegId | null = null): CallAction => ({ type: 'hangup', leg })

  it('a person steers calls that they are in, with their own leg', () => {
    const { world, alice, bob } = talking()
    const asBob = { userId: 'bob', isAdmin: false }
    expect(world.act({ type: 'mute', leg: alice }, { by: asBob })).toMatchObject({ code: 'not_found', field: 'leg_id' })
    expect(world.act({ type: 'mute', leg: null }, { by: asBob })).toBeNull()
    expect(lastEvent(world)?.leg).toBe(bob)
  })

  it.each([
    ['another of the account', { userId: 'carol', isAdmin: false }],
    ['nobody', { userId: null, isAdmin: false }],
    ['an administrator of another account', { accountId: 'other' }],
  ])('%s finds no such call', (_name, by) => {
    const { world, alice } = talking()
    for (const action of [hangup(), hangup(alice), { type: 'mute', leg: null } as const]) {
      expect(world.act(action, { by })).toMatchObject({ code: 'not_found', field: null })
    }
    expect(world.takeLog()).toEqual([])
  })

  it('an administrator names the leg, where there are several', () => {
    const { world, bob } = talking()
    expect(world.act({ type: 'hold', leg: null })).toMatchObject({ code: 'invalid_request', field: 'leg_id' })
    expect(world.act({ type: 'hold', leg: 'leg_of_another' })).toMatchObject({ code: 'not_found', field: 'leg_id' })
    expect(world.act({ type: 'mute', leg: bob })).toBeNull()
  })

  it('of a call with somebody outside it is the one inside', () => {
    const world = CallWorld.withAliceAndBob()
    world.directory.put('trunk', aTrunk('carrier'))
    const alice = world.call('alice-phone', '0470123456')
    world.answers(world.dialled())
    expect(world.act({ type: 'mute', leg: null })).toBeNull()
    expect(lastEvent(world)?.leg).toBe(alice)
  })

  it('of a call that has just ended there is nothing to steer', () => {
    const { world, alice } = talking()
    world.isMediaStuck = true
    world.hangsUp(alice)
    expect(world.act({ type: 'hangup', leg: null })).toMatchObject({ code: 'conflict' })
    world.advance(1_000)
    expect(world.act({ type: 'hangup', leg: null })).toMatchObject({ code: 'not_found' })
    expect(world.events.filter((event) => event === 'call.ended')).toHaveLength(1)
  })

  it('the same command again does nothing', () => {
    const { world, bob } = talking()
    const command = {
      type: 'act',
      id: 'twice',
      by: { accountId: 'acme', userId: null, isAdmin: true, actor: '{}' },
      callId: lastEvent(world)?.call.id ?? '',
      action: { type: 'mute', leg: bob },
    } as const
    expect(world.calls.command(world.now, command)).toBeNull()
    expect(world.calls.command(world.now, command)).toBeNull()
    while (world.calls.poll() !== undefined);
    expect(world.calls.command(world.now, { ...command, id: 'other' })).toMatchObject({ code: 'conflict' })
  })
})

describe('hangup', () => {
  it('ends the call; the event has the command’s id, and what follows has none', () => {
    const { world } = talking()
    expect(world.act({ type: 'hangup', leg: null })).toBeNull()
    expect(world.cdr).toMatchObject({ endedBy: 'system', hangupCause: 'ANSWERED' })
    expect(world.caused.at(-1)).toEqual(['call.ended', lastCommand(world)])
    expect(world.caused.slice(0, -1).map(([, command]) => command)).toEqual([null, null, null])
  })

  it('a person leaves it', () => {
    const { world } = talking()
    world.act({ type: 'hangup', leg: null }, { by: { userId: 'bob', isAdmin: false } })
    expect(world.cdr).toMatchObject({ endedBy: 'callee' })
  })

  it('before the answer the caller is refused', () => {
    const { world, alice, bob } = ringing()
    world.act({ type: 'hangup', leg: null })
    expect(world.takeLog()).toEqual(expect.arrayContaining([`${alice} reject 487`, `${bob} hangup`]))
    expect(world.cdr).toMatchObject({ hangupCause: 'CANCEL' })
  })

  it('of a phone that rings it is a refusal', () => {
    const { world, alice, bob } = ringing()
    world.act({ type: 'hangup', leg: bob })
    expect(world.takeLog()).toContain(`${alice} reject 486`)
    expect(world.cdr).toMatchObject({ hangupCause: 'BUSY' })
  })
})

describe('hold', () => {
  it('the other is offered to listen, hears music, and is offered to talk again', () => {
    const { world, alice, bob } = talking()
    expect(world.act({ type: 'hold', leg: alice })).toBeNull()
    expect(offered(world, bob)).toContain('a=sendonly')
    expect(world.events).not.toContain('call.held')
    agrees(world, bob, 'recvonly')
    expect(world.takeLog()).toEqual([
      `${bob} offer`,
      `media remote ${bob}`,
      'write call.held',
      `media play ${bob} /medias/hold.wav`,
      'write snapshot',
    ])
    expect(lastEvent(world)).toMatchObject({ leg: alice, correlationId: lastCommand(world), call: { status: 'held' } })
    expect(lastEvent(world)?.call.legs.map(({ isHolding }) => isHolding)).toEqual([true, false])

    expect(world.act({ type: 'unhold', leg: alice })).toBeNull()
    expect(offered(world, bob)).toContain('a=sendrecv')
    agrees(world, bob, 'sendrecv')
    expect(world.log).toContain(`media stop ${bob}`)
    expect(lastEvent(world)).toMatchObject({
      event: 'call.resumed',
      leg: alice,
      correlationId: lastCommand(world),
      call: { status: 'answered' },
    })
  })

  it('who is held answers its own offer as one that listens only', () => {
    const { world, alice, bob } = talking()
    world.act({ type: 'hold', leg: alice })
    agrees(world, bob, 'recvonly')
    world.reinvites(bob, sdp({ port: 5002 }))
    expect(world.last(bob, 'answer_offer')?.sdp).toContain('a=sendonly')
  })

  it('a phone that refuses it: nothing is held, and the command has failed', () => {
    const { world, alice, bob } = talking()
    world.act({ type: 'hold', leg: alice })
    refuses(world, bob)
    expect(lastEvent(world)).toMatchObject({
      event: 'call.command_failed',
      correlationId: lastCommand(world),
      failure: { verb: 'hold' },
      call: { status: 'answered' },
    })
    expect(world.act({ type: 'hold', leg: alice })).toBeNull()
    expect(offered(world, bob)).toContain('a=sendonly')
  })

  it('twice, or of what is not held: a conflict', () => {
    const { world, alice, bob } = talking()
    expect(world.act({ type: 'unhold', leg: alice })).toMatchObject({ code: 'conflict' })
    world.act({ type: 'hold', leg: alice })
    expect(world.act({ type: 'hold', leg: bob })).toMatchObject({ code: 'conflict' })
    agrees(world, bob, 'recvonly')
    expect(world.act({ type: 'hold', leg: alice })).toMatchObject({ code: 'conflict' })
  })

  it('what the phone holds by itself is resumed there', () => {
    const { world, alice } = talking()
    world.reinvites(alice, sdp({ direction: 'sendonly' }))
    expect(world.act({ type: 'hold', leg: alice })).toMatchObject({ code: 'conflict' })
    expect(world.act({ type: 'unhold', leg: alice })).toMatchObject({ code: 'conflict' })
  })

  it('the leg hangs up before the other has agreed: failed, then ended', () => {
    const { world, alice } = talking()
    world.act({ type: 'hold', leg: alice })
    world.hangsUp(alice)
    expect(world.caused.slice(-2)).toEqual([
      ['call.command_failed', lastCommand(world)],
      ['call.ended', null],
    ])
    expect(world.timers.size).toBe(0)
  })

  it('T5: survives a restart, with its music', () => {
    const { world, alice, bob } = talking()
    world.act({ type: 'hold', leg: alice })
    agrees(world, bob, 'recvonly')
    const next = restarted(world)
    expect(next.log).toContain(`media play ${bob} silence`)
    // The worker lived on: what it played for the other process ends now.
    const before = world.orders.findLast((order) => order.type === 'play')
    if (before?.type === 'play') next.media({ type: 'played', endpoint: bob, play: before.play, reason: 'stopped' })
    next.takeLog()
    expect(next.act({ type: 'unhold', leg: alice }, { leg: alice })).toBeNull()
    expect(offered(next, bob)).toContain('a=sendrecv')
    agrees(next, bob, 'sendrecv')
    expect(next.log).toContain(`media stop ${bob}`)
    expect(next.events).toEqual(['call.resumed'])
  })

  it('whoever is passed on to another is held no more', () => {
    const { world, alice, bob } = talking()
    world.act({ type: 'hold', leg: alice })
    agrees(world, bob, 'recvonly')
    world.refers(alice, '1003')
    const carol = world.dialled('carol-phone')
    world.answers(carol)
    expect(offered(world, bob)).toContain('a=sendrecv')
    expect(world.recordsOf('event').at(-1)?.call.status).toBe('answered')
  })
})

describe('mute', () => {
  it('is told to the worker, shown, and survives a restart (T5)', () => {
    const { world, bob } = talking()
    expect(world.act({ type: 'mute', leg: bob })).toBeNull()
    expect(world.orders.at(-1)).toEqual({ type: 'mute', endpoint: bob, isMuted: true })
    expect(lastEvent(world)).toMatchObject({ event: 'call.muted', leg: bob, correlationId: lastCommand(world) })
    expect(lastEvent(world)?.call.legs.map(({ isMuted }) => isMuted)).toEqual([false, true])
    expect(world.act({ type: 'mute', leg: bob })).toMatchObject({ code: 'conflict' })
    const next = restarted(world)
    expect(next.orders).toContainEqual({ type: 'mute', endpoint: bob, isMuted: true })
    expect(next.act({ type: 'unmute', leg: bob }, { leg: bob })).toBeNull()
    expect(next.events).toEqual(['call.unmuted'])
  })

  it('not while it rings', () => {
    const { world, bob } = ringing()
    expect(world.act({ type: 'mute', leg: bob })).toMatchObject({ code: 'conflict' })
  })
})

describe('dtmf', () => {
  it('one after the other to the other side, with pauses', () => {
    const { world, alice, bob } = talking()
    expect(world.act({ type: 'dtmf', leg: alice, digits: '1,#' })).toBeNull()
    const sent = () =>
      world.orders.flatMap((order) => (order.type === 'dtmf' ? `${order.endpoint} ${order.digit}` : []))
    expect(sent()).toEqual([`${bob} 1`])
    expect(world.act({ type: 'dtmf', leg: alice, digits: '9' })).toMatchObject({ code: 'conflict' })
    world.advance(1_239)
    expect(sent()).toEqual([`${bob} 1`])
    world.advance(1)
    expect(sent()).toEqual([`${bob} 1`, `${bob} #`])
    expect(world.events).not.toContain('call.dtmf_sent')
    world.advance(240)
    expect(lastEvent(world)).toMatchObject({ event: 'call.dtmf_sent', about: { digitCount: 2 }, leg: alice })
    expect(world.act({ type: 'dtmf', leg: alice, digits: '9' })).toBeNull()
    world.advance(1_000)
    expect(JSON.stringify(world.recordsOf('event').slice(-2))).not.toContain('1,#')
  })

  it('by INFO where the other side takes no events', () => {
    const { world, alice, bob } = ringing()
    world.answers(bob, sdp({ codecs: ['8 PCMA'] }))
    world.acks(alice)
    world.act({ type: 'dtmf', leg: alice, digits: '5' })
    expect(world.last(bob, 'info_dtmf')).toMatchObject({ digit: '5' })
  })

  it('the call ends before the last: failed', () => {
    const { world, alice, bob } = talking()
    world.act({ type: 'dtmf', leg: alice, digits: '123' })
    world.hangsUp(bob)
    expect(world.caused.slice(-2)).toEqual([
      ['call.command_failed', lastCommand(world)],
      ['call.ended', null],
    ])
    world.advance(5_000)
    expect(world.timers.size).toBe(0)
  })
})

describe('reject', () => {
  it('the phone stops, and the caller hears that it is busy', () => {
    const { world, alice, bob } = ringing()
    expect(world.act({ type: 'reject', leg: bob })).toBeNull()
    expect(world.takeLog()).toEqual(
      expect.arrayContaining(['write call.rejected', `${bob} hangup SIP 603`, `${alice} reject 486`]),
    )
    expect(world.caused.slice(-2)).toEqual([
      ['call.rejected', lastCommand(world)],
      ['call.ended', null],
    ])
  })

  it('others ring on', () => {
    const world = CallWorld.withAliceAndBob()
    world.bindings.set('bob-phone', 2)
    world.call('alice-phone', '1002')
    const [first, second] = world.dials.map(({ leg }) => leg)
    world.rings(first ?? '')
    world.rings(second ?? '')
    expect(world.act({ type: 'reject', leg: first ?? '' })).toBeNull()
    expect(world.calls.size).toBe(1)
    world.answers(second ?? '')
    expect(world.events).toEqual(['call.started', 'call.ringing', 'call.rejected', 'call.answered'])
  })

  it('not what has been answered', () => {
    const { world, bob } = talking()
    expect(world.act({ type: 'reject', leg: bob })).toMatchObject({ code: 'conflict' })
  })
})

describe('answer', () => {
  const asBob = { by: { userId: 'bob', isAdmin: false } }

  it('the phone is called anew and asked to answer by itself', () => {
    const { world, bob } = ringing()
    expect(world.act({ type: 'answer', leg: null }, asBob)).toBeNull()
    const again = world.dialled('bob-phone')
    expect(again).not.toBe(bob)
    expect(world.takeLog().indexOf(`${bob} hangup`)).toBe(0)
    const headers = new Map(world.dials.at(-1)?.headers)
    expect(headers.get('Call-Info')).toContain('answer-after=0')
    expect(headers.get('Alert-Info')).toContain('info=alert-autoanswer')
    world.answers(again)
    expect(lastEvent(world)).toMatchObject({ event: 'call.answered', leg: again, correlationId: lastCommand(world) })
    world.fails(bob, 487)
    expect(world.calls.size).toBe(1)
  })

  it('a phone that may be told to is told, and its answer is the command’s', () => {
    const { world, bob } = ringing()
    world.ringsTalkative(bob)
    expect(world.act({ type: 'answer', leg: null }, asBob)).toBeNull()
    expect(world.commandsTo(bob).at(-1)).toEqual({ type: 'talk', leg: bob })
    expect(world.act({ type: 'answer', leg: null }, asBob)).toMatchObject({ code: 'conflict' })
    world.leg({ type: 'talk_result', leg: bob, status: 200 })
    world.answers(bob)
    const [first] = world.commandIds
    expect(lastEvent(world)).toMatchObject({ event: 'call.answered', leg: bob, correlationId: first })
    expect(world.dials).toHaveLength(1)
  })

  it('one that does not understand it after all is called anew', () => {
    const { world, bob } = ringing()
    world.ringsTalkative(bob)
    world.act({ type: 'answer', leg: null }, asBob)
    world.leg({ type: 'talk_result', leg: bob, status: 489 })
    const again = world.dialled('bob-phone')
    expect(again).not.toBe(bob)
    expect(new Map(world.dials.at(-1)?.headers).get('Call-Info')).toContain('answer-after=0')
    expect(world.events).not.toContain('call.command_failed')
    world.answers(again)
    expect(lastEvent(world)).toMatchObject({ event: 'call.answered', leg: again, correlationId: lastCommand(world) })
  })

  it('one that is told to and refuses instead, or rings on until it is over: failed', () => {
    const { world, bob } = ringing()
    world.ringsTalkative(bob)
    world.act({ type: 'answer', leg: null }, asBob)
    world.leg({ type: 'talk_result', leg: bob, status: 200 })
    world.fails(bob, 486)
    expect(world.caused.slice(-2)).toEqual([
      ['call.command_failed', lastCommand(world)],
      ['call.ended', null],
    ])
    const other = ringing()
    other.world.ringsTalkative(other.bob)
    other.world.act({ type: 'answer', leg: null }, asBob)
    other.world.leg({ type: 'talk_result', leg: other.bob, status: 200 })
    other.world.advance(60_000)
    expect(other.world.caused.slice(-2)).toEqual([
      ['call.command_failed', lastCommand(other.world)],
      ['call.ended', null],
    ])
    expect([world.timers.size, other.world.timers.size]).toEqual([0, 0])
  })

  it('a phone that does not take it: failed, and the call goes on as if it had refused', () => {
    const { world, alice } = ringing()
    world.act({ type: 'answer', leg: null }, asBob)
    world.fails(world.dialled('bob-phone'), 486)
    expect(world.caused.slice(-2)).toEqual([
      ['call.command_failed', lastCommand(world)],
      ['call.ended', null],
    ])
    expect(world.log).toContain(`${alice} reject 486`)
  })

  it('the caller gives up meanwhile: failed, then ended', () => {
    const { world, alice } = ringing()
    world.act({ type: 'answer', leg: null }, asBob)
    world.cancels(alice)
    expect(world.caused.slice(-2)).toEqual([
      ['call.command_failed', lastCommand(world)],
      ['call.ended', null],
    ])
    expect(world.timers.size).toBe(0)
  })
})

describe('transfer', () => {
  const to = { type: 'number', number: '1003' } as const

  it('the side leaves at once; the event comes with the answer', () => {
    const { world, alice, bob } = talking()
    expect(world.act({ type: 'transfer', leg: bob, to })).toBeNull()
    expect(world.log).toContain(`${bob} hangup`)
    const carol = world.dialled('carol-phone')
    world.rings(carol)
    expect(world.log).toContain(`media play ${alice} ringback`)
    expect(world.events).not.toContain('call.transferred')
    world.answers(carol)
    expect(lastEvent(world)).toMatchObject({ event: 'call.transferred', leg: bob, correlationId: lastCommand(world) })
    expect(world.log).toContain(`media bridge ${alice} ${carol}`)
    world.hangsUp(alice)
    expect(world.recordsOf('leg')).toHaveLength(3)
  })

  it.each([
    ['a user', { type: 'user', userId: 'carol' }],
    ['a device', { type: 'device', deviceId: 'carol-phone' }],
  ] as const)('to %s', (_name, target) => {
    const { world, bob } = talking()
    expect(world.act({ type: 'transfer', leg: bob, to: target })).toBeNull()
    world.answers(world.dialled('carol-phone'))
    expect(world.events.at(-1)).toBe('call.transferred')
  })

  it('nobody takes it: failed, and the phone that passed it on is called back', () => {
    const { world, alice, bob } = talking()
    world.act({ type: 'transfer', leg: bob, to })
    world.fails(world.dialled('carol-phone'), 486)
    expect(lastEvent(world)).toMatchObject({
      event: 'call.command_failed',
      correlationId: lastCommand(world),
      failure: { verb: 'transfer' },
    })
    const back = world.dialled('bob-phone')
    expect(back).not.toBe(bob)
    world.answers(back)
    expect(world.log).toContain(`media bridge ${alice} ${back}`)
  })

  it.each([
    ['a number that nobody has', { type: 'number', number: '4711' }],
    ['nobody', { type: 'user', userId: 'nobody' }],
    ['no device', { type: 'device', deviceId: 'none' }],
  ] as const)('to %s is refused, and both talk on', (_name, target) => {
    const { world, bob, alice } = talking()
    expect(world.act({ type: 'transfer', leg: bob, to: target })).toMatchObject({ field: 'to' })
    expect(world.takeLog()).toEqual([])
    world.reinvites(alice, sdp({ direction: 'sendonly' }))
    expect(world.events.at(-1)).toBe('call.held')
  })

  it('whoever waits hangs up: failed, then ended', () => {
    const { world, alice, bob } = talking()
    world.act({ type: 'transfer', leg: bob, to })
    world.hangsUp(alice)
    expect(world.caused.slice(-2)).toEqual([
      ['call.command_failed', lastCommand(world)],
      ['call.ended', null],
    ])
    expect(world.timers.size).toBe(0)
  })
})
