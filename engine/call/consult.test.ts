import { describe, expect, it } from 'vitest'
import { CallWorld, sdp } from '../testing/call-world.ts'
import { aCallflow, aForward, anAccount, aTrunk, aUser, node } from '../testing/directory.ts'
import { lastSnapshot, leftovers, nothingLeft } from '../testing/talking.ts'
import type { CallAction } from './command.ts'
import type { LegId } from './leg.ts'

type Verb = 'complete' | 'cancel' | 'merge'

/** Alice talks to Bob; Carol and Dave have phones too. */
function talking(answer = sdp({ port: 5000 })) {
  const world = CallWorld.withAliceAndBob()
  world.person('carol', '1003')
  world.person('dave', '1004')
  world.directory.put('trunk', aTrunk('carrier'))
  world.directory.account = anAccount({
    callerId: { internal: null, external: { name: null, number: '+3225550100', anonymous: false }, emergency: null },
  })
  const alice = world.call('alice-phone', '1002')
  const bob = world.dialled('bob-phone')
  world.rings(bob)
  world.answers(bob, answer)
  world.acks(alice)
  world.takeLog()
  const consult = (leg: LegId, to = '1003') =>
    world.act({ type: 'consult', leg, to: { type: 'number', number: to } } satisfies CallAction)
  const act = (type: Verb, leg: LegId | null) => world.act({ type, leg })
  const events = () => world.recordsOf('event').slice(3)
  return { world, alice, bob, consult, act, events }
}

/** Alice consults Carol, who has answered. */
function consulting() {
  const parts = talking()
  expect(parts.consult(parts.alice)).toBeNull()
  const carol = parts.world.dialled('carol-phone')
  parts.world.rings(carol)
  parts.world.answers(carol)
  parts.world.takeLog()
  return { ...parts, carol }
}

describe('consultation', () => {
  it('the other waits with music while the third rings, then the two talk', () => {
    const { world, alice, bob, consult, events } = talking()
    world.prompts.set('music_on_hold', '/music.wav')
    expect(consult(alice)).toBeNull()
    const carol = world.dialled('carol-phone')
    expect(world.takeLog()).toEqual([
      `media unbridge ${bob}`,
      `media play ${bob} /music.wav`,
      'write call.consultation_started',
      `media open ${carol}`,
      `${carol} dial sip:carol-phone@10.1.1.1`,
    ])
    expect(world.dials.at(-1)).toMatchObject({ from: { number: '1001' }, toNumber: '1003' })
    world.rings(carol)
    expect(world.takeLog()).toEqual([`media play ${alice} ringback`])
    world.answers(carol)
    expect(world.takeLog()).toEqual([
      `media remote ${carol}`,
      `media stop ${alice}`,
      `media bridge ${alice} ${carol}`,
      'write call.consultation_answered',
      `${alice} identity`,
      `${carol} identity`,
      'write snapshot',
      'write snapshot',
    ])
    expect(world.last(alice, 'identity')?.identity.number).toBe('1003')
    expect(events()).toMatchObject([
      { event: 'call.consultation_started', leg: alice, about: { party: { number: '1003', userId: null } } },
      { event: 'call.consultation_answered', leg: carol, about: { party: { userId: 'carol' } } },
    ])
    expect(events().map(({ correlationId }) => correlationId)).toEqual([world.commandIds[0], world.commandIds[0]])
  })

  it('completed: the other two talk, the consultant leaves, one call with one record', () => {
    const { world, alice, bob, carol, act, events } = consulting()
    expect(act('complete', alice)).toBeNull()
    expect(world.log).toContain(`media bridge ${bob} ${carol}`)
    expect(world.last(alice, 'hangup')).toBeDefined()
    expect(world.last(bob, 'identity')?.identity.number).toBe('1003')
    expect(world.last(carol, 'identity')?.identity.number).toBe('1002')
    expect(events().at(-1)).toMatchObject({
      event: 'call.transferred',
      leg: alice,
      transferredTo: { userId: 'carol' },
      correlationId: world.commandIds[1],
      call: { legs: [{ id: bob }, { id: carol }] },
    })
    world.hangsUp(carol)
    expect(world.last(bob, 'hangup')).toBeDefined()
    expect(world.cdr).toMatchObject({ caller: { userId: 'alice' }, callee: { userId: 'bob' } })
    expect(leftovers(world)).toEqual(nothingLeft)
  })

  it('completed by who was called: the history says whom the caller reached in the end', () => {
    const { world, alice, bob, consult, act } = talking()
    expect(consult(bob)).toBeNull()
    const carol = world.dialled('carol-phone')
    world.answers(carol)
    expect(act('complete', null)).toBeNull()
    expect(world.log).toContain(`media bridge ${alice} ${carol}`)
    world.hangsUp(alice)
    expect(world.cdr).toMatchObject({ caller: { userId: 'alice' }, callee: { userId: 'carol' } })
    expect(leftovers(world)).toEqual(nothingLeft)
  })

  it('cancelled while it rings, or when it was answered: back to the two of before', () => {
    for (const isAnswered of [false, true]) {
      const { world, alice, bob, consult, act, events } = talking()
      consult(alice)
      const carol = world.dialled('carol-phone')
      world.rings(carol)
      if (isAnswered) world.answers(carol)
      expect(act('cancel', alice)).toBeNull()
      expect(world.last(carol, 'hangup')).toBeDefined()
      expect(world.log).toContain(`media bridge ${alice} ${bob}`)
      expect(events().at(-1)).toMatchObject({
        event: 'call.consultation_ended',
        about: { reason: 'cancelled' },
        correlationId: world.commandIds[1],
        call: { legs: [{ id: alice }, { id: bob }] },
      })
      world.hangsUp(bob)
      expect(leftovers(world)).toEqual(nothingLeft)
    }
  })

  it.each([
    [486, 'busy'],
    [480, 'no_answer'],
    [503, 'unreachable'],
  ] as const)('who is asked answers %i: back, with the reason %s', (status, reason) => {
    const { world, alice, bob, consult, events } = talking()
    consult(alice)
    world.rings(world.dialled('carol-phone'))
    world.fails(world.dialled('carol-phone'), status)
    expect(events().at(-1)).toMatchObject({ event: 'call.consultation_ended', about: { reason } })
    expect(world.log.filter((line) => line === `media stop ${alice}`)).toHaveLength(1)
    expect(world.log).toContain(`media bridge ${alice} ${bob}`)
    world.hangsUp(alice)
    expect(leftovers(world)).toEqual(nothingLeft)
  })

  it('nobody answers for a minute', () => {
    const { world, alice, consult, events } = talking()
    consult(alice)
    const carol = world.dialled('carol-phone')
    world.rings(carol)
    world.advance(60_000)
    expect(world.last(carol, 'hangup')).toBeDefined()
    expect(events().at(-1)).toMatchObject({ about: { reason: 'no_answer' } })
  })

  it('the one consulted hangs up: back', () => {
    const { world, alice, bob, carol, events } = consulting()
    world.hangsUp(carol)
    expect(world.log).toContain(`media bridge ${alice} ${bob}`)
    expect(events().at(-1)).toMatchObject({ event: 'call.consultation_ended', about: { reason: 'hung_up' } })
    world.hangsUp(bob)
    expect(leftovers(world)).toEqual(nothingLeft)
  })

  it('who consults hangs up: the two others are joined; before an answer the call is over', () => {
    const { world, alice, bob, carol, events } = consulting()
    world.hangsUp(alice)
    expect(world.log).toContain(`media bridge ${bob} ${carol}`)
    expect(events().at(-1)?.event).toBe('call.transferred')
    world.hangsUp(bob)
    expect(leftovers(world)).toEqual(nothingLeft)

    const other = talking()
    other.consult(other.alice)
    const ringing = other.world.dialled('carol-phone')
    other.world.hangsUp(other.alice)
    expect(other.world.last(ringing, 'hangup')).toBeDefined()
    expect(other.world.last(other.bob, 'hangup')).toBeDefined()
    expect(leftovers(other.world)).toEqual(nothingLeft)
  })

  it('who waits hangs up: the two who talk go on', () => {
    const { world, alice, bob, carol, events } = consulting()
    world.hangsUp(bob)
    expect(events().at(-1)).toMatchObject({
      event: 'call.consultation_ended',
      leg: bob,
      about: { reason: 'other_hung_up' },
    })
    expect(world.last(alice, 'hangup')).toBeUndefined()
    world.hangsUp(alice)
    expect(world.last(carol, 'hangup')).toBeDefined()
    expect(leftovers(world)).toEqual(nothingLeft)
  })

  it('by a trunk: with the consultant’s rights and at its cost, its early media is heard', () => {
    const { world, alice, consult, act } = talking()
    expect(consult(alice, '0470123456')).toBeNull()
    const mobile = world.dialled()
    expect(world.dials.at(-1)?.from.number).toBe('+3225550100')
    world.rings(mobile, sdp({ port: 6000 }))
    expect(world.log).toContain(`media bridge ${alice} ${mobile}`)
    expect(world.log).not.toContain(`media play ${alice} ringback`)
    world.answers(mobile, sdp({ port: 6000 }))
    world.advance(10_000)
    act('complete', alice)
    world.advance(20_000)
    world.hangsUp(mobile)
    expect(world.recordsOf('leg').find(({ leg }) => leg.id === mobile)?.leg).toMatchObject({
      billedUserId: 'alice',
      billingSeconds: 30,
    })
    expect(leftovers(world)).toEqual(nothingLeft)
  })

  it('what a callflow plays to whoever consults is over when that is, not with music that cannot be read', () => {
    const { world, alice, bob, consult } = talking()
    world.directory.put('media', { id: 'm', path: '/m.wav' })
    world.directory.account = anAccount({ musicOnHoldId: 'm' })
    const desk = node('play', { id: 'm' }, { _: node('user', { id: 'carol' }) })
    world.directory.put('callflow', aCallflow('desk', ['1100'], desk))
    consult(alice, '1100')
    const plays = world.orders.filter((order) => order.type === 'play')
    const ends = (leg: LegId, reason: 'end' | 'error') => {
      const play = plays.find(({ endpoint }) => endpoint === leg)?.play ?? ''
      world.media({ type: 'played', endpoint: leg, play, reason })
    }
    ends(bob, 'error')
    expect(world.dials).toHaveLength(1)
    ends(alice, 'end')
    expect(world.dials).toHaveLength(2)
  })

  it('a forward that is to be taken by a key is, also where its phone sends the call on', () => {
    const { world, alice, consult, events } = talking()
    const callForward = aForward('1004', { requireKeyPress: true })
    world.directory.put('user', aUser('carol', { callForward }))
    consult(alice)
    world.fails(world.dialled('dave-phone'), 302, { contacts: ['sip:0470123456@elsewhere'] })
    const mobile = world.dialled()
    expect(world.dials.at(-1)?.to.uri).toBe('sip:+32470123456@carrier.example.net')
    world.answers(mobile)
    expect(events().map(({ event }) => event)).not.toContain('call.consultation_answered')
    world.press(mobile, '1')
    expect(events().at(-1)?.event).toBe('call.consultation_answered')
  })

  it('what does not fit is refused, and nothing changes', () => {
    const { world, alice, bob, consult, act } = talking()
    expect(act('complete', alice)).toMatchObject({ code: 'conflict' })
    expect(act('cancel', null)).toMatchObject({ code: 'conflict' })
    expect(consult(alice, '2999')).toMatchObject({ code: 'conflict', field: 'to' })
    expect(world.act({ type: 'consult', leg: null, to: { type: 'user', userId: 'carol' } })).toMatchObject({
      code: 'invalid_request',
      field: 'leg_id',
    })
    expect(world.takeLog()).toEqual([])
    consult(alice)
    expect(consult(alice, '1004')).toMatchObject({ code: 'conflict' })
    expect(consult(bob, '1004')).toMatchObject({ code: 'conflict' })
    expect(act('complete', alice)).toMatchObject({ code: 'conflict' })
    expect(act('merge', alice)).toMatchObject({ code: 'conflict' })
    const own = { by: { userId: 'bob', isAdmin: false } }
    expect(world.act({ type: 'cancel', leg: alice }, own)).toMatchObject({ code: 'not_found' })
    expect(world.act({ type: 'cancel', leg: null }, own)).toMatchObject({ code: 'conflict' })
  })

  it('whoever consults is passed on by nothing else meanwhile: not by REFER, a command or Replaces', () => {
    const { world, alice, carol } = consulting()
    world.refers(alice, '1004')
    expect(world.last(alice, 'refer_answer')?.status).toBe(491)
    const to = { type: 'number', number: '1004' } as const
    expect(world.act({ type: 'transfer', leg: alice, to })).toMatchObject({ code: 'conflict' })
    world.dialogs.set('dialog of carol', carol)
    const replaces = { callId: 'dialog of carol', toTag: 'a', fromTag: 'b', isEarlyOnly: false }
    expect(world.last(world.call('dave-phone', '1003', { replaces }), 'reject')?.status).toBe(491)
    expect(world.act({ type: 'cancel', leg: alice })).toBeNull()
  })

  it('whose phone only rings cannot have the talk of the others recorded', () => {
    const { world, alice, consult } = talking()
    consult(alice)
    world.rings(world.dialled('carol-phone'))
    const by = { userId: 'carol', isAdmin: false }
    expect(world.act({ type: 'record', action: 'start' }, { by })).toMatchObject({ code: 'not_allowed' })
  })

  it('T5: goes on after a restart, with its music', () => {
    const { world, alice, bob, carol } = consulting()
    const next = CallWorld.withAliceAndBob('b')
    next.person('carol', '1003')
    next.prompts.set('music_on_hold', '/music.wav')
    next.restore(lastSnapshot(world), () => true)
    expect(next.log).toContain(`media bridge ${alice} ${carol}`)
    expect(next.log).toContain(`media play ${bob} /music.wav`)
    expect(next.calls.size).toBe(1)
    next.records.push(...world.records)
    expect(next.act({ type: 'complete', leg: alice })).toBeNull()
    expect(next.log).toContain(`media bridge ${bob} ${carol}`)
    next.hangsUp(bob)
    expect(next.calls.size).toBe(0)
  })

  it('T5: one that rang is forgotten: the two of before go on, and the phone is left', () => {
    const { world, alice, bob, consult } = talking()
    consult(alice)
    world.leg({ type: 'confirmed', leg: bob, dialog: { of: 'moved' } })
    const next = CallWorld.withAliceAndBob('b')
    next.restore(lastSnapshot(world), () => true)
    expect(next.log).toContain(`media bridge ${alice} ${bob}`)
  })
})

describe('merge', () => {
  const hears = (world: CallWorld) => {
    const order = world.orders.findLast(({ type }) => type === 'mix')
    return order?.type === 'mix' ? order.hears : null
  }

  it('everybody hears the two others', () => {
    const { world, alice, bob, carol, act, events } = consulting()
    expect(act('merge', alice)).toBeNull()
    expect(hears(world)).toEqual({ [alice]: [bob, carol], [bob]: [alice, carol], [carol]: [alice, bob] })
    expect(world.log).toContain(`media stop ${bob}`)
    expect(events().at(-1)).toMatchObject({ event: 'call.merged', leg: alice, correlationId: world.commandIds[1] })
  })

  it.each(['alice', 'bob', 'carol'] as const)('%s leaves: the two others talk as before', (name) => {
    const { world, alice, bob, carol, act, events } = consulting()
    act('merge', alice)
    world.takeLog()
    const legs = { alice, bob, carol }
    const [first, second] = [alice, bob, carol].filter((leg) => leg !== legs[name])
    world.hangsUp(legs[name])
    expect(hears(world)).toEqual({})
    expect(world.log).toContain(`media bridge ${first} ${second}`)
    expect(events().at(-1)).toMatchObject({ event: 'call.unmerged', leg: legs[name] })
    world.hangsUp(second ?? '')
    expect(world.last(first ?? '', 'hangup')).toBeDefined()
    expect(world.cdr.caller.userId).toBe('alice')
    expect(leftovers(world)).toEqual(nothingLeft)
  })

  it.each(['bob', 'carol'] as const)('%s, on hold by a command before, is let talk, and nobody holds', (name) => {
    const parts = talking()
    const { world, alice, bob, consult, act } = parts
    const hold = (held: LegId) => {
      expect(world.act({ type: 'hold', leg: alice })).toBeNull()
      expect(world.last(held, 'offer')?.sdp).toContain('a=sendonly')
      world.leg({ type: 'offer_result', leg: held, status: 200, sdp: sdp({ direction: 'recvonly' }) })
    }
    if (name === 'bob') hold(bob)
    consult(alice)
    const carol = world.dialled('carol-phone')
    world.answers(carol)
    if (name === 'carol') hold(carol)
    expect(act('merge', alice)).toBeNull()
    expect(world.last(name === 'bob' ? bob : carol, 'offer')?.sdp).toContain('a=sendrecv')
    const { call } = world.recordsOf('event').at(-1) ?? {}
    expect(call).toMatchObject({ status: 'answered', legs: [false, false, false].map((isHolding) => ({ isHolding })) })
  })

  it('a codec that cannot be mixed is changed first; whoever refuses keeps things as they are', () => {
    const wide = sdp({ port: 5000, codecs: ['9 G722', '8 PCMA', '101 telephone-event'] })
    for (const isTaken of [true, false]) {
      const world = CallWorld.withAliceAndBob()
      world.person('carol', '1003')
      const alice = world.call('alice-phone', '1002', { sdp: wide })
      const bob = world.dialled('bob-phone')
      world.answers(bob, wide)
      world.acks(alice)
      world.act({ type: 'consult', leg: alice, to: { type: 'user', userId: 'carol' } })
      const carol = world.dialled('carol-phone')
      world.answers(carol, wide)
      world.takeLog()
      expect(world.act({ type: 'merge', leg: alice })).toBeNull()
      expect(world.takeLog()).toEqual([`${alice} offer`, `${bob} offer`, `${carol} offer`])
      expect(world.last(bob, 'offer')?.sdp).not.toContain('G722')
      const answer = { status: isTaken ? 200 : 488, sdp: isTaken ? sdp({ port: 5000 }) : null } as const
      for (const leg of [alice, bob, carol]) world.leg({ type: 'offer_result', leg, ...answer })
      expect(hears(world) !== null).toBe(isTaken)
      const last = world.recordsOf('event').at(-1)
      expect(last).toMatchObject(isTaken ? { event: 'call.merged' } : { event: 'call.command_failed' })
      expect(last?.correlationId).toBe(world.commandIds.at(-1))
      world.hangsUp(alice)
    }
  })

  it('T5: goes on after a restart; who is gone by then is not waited for', () => {
    const { world, alice, bob, carol, act } = consulting()
    act('merge', alice)
    const next = CallWorld.withAliceAndBob('b')
    next.restore(lastSnapshot(world), () => true)
    expect(hears(next)).toEqual({ [alice]: [bob, carol], [bob]: [alice, carol], [carol]: [alice, bob] })
    const other = CallWorld.withAliceAndBob('c')
    other.restore(lastSnapshot(world), (leg) => leg !== alice)
    expect(other.log).toContain(`media bridge ${bob} ${carol}`)
    expect(other.calls.size).toBe(1)
    other.hangsUp(bob)
    expect(other.calls.size).toBe(0)
    expect(other.timers.size).toBe(0)
  })
})
