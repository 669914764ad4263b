import { describe, expect, it } from 'vitest'
import { aForward, aTrunk, aUser } from '../testing/directory.ts'
import { CallWorld, sdp } from '../testing/call-world.ts'
import { leftovers, nothingLeft, restarted, talking } from '../testing/talking.ts'
import type { CommandTarget } from './command.ts'

const phone = (name: string): CommandTarget => ({ type: 'user', userId: name })
const retrieve = (world: CallWorld, name: string, isAutoAnswer = false) =>
  world.act({ type: 'retrieve', by: phone(name), isAutoAnswer })

/** Bob parked Alice. */
function parked() {
  const parts = talking()
  expect(parts.world.act({ type: 'park', leg: parts.bob })).toBeNull()
  return parts
}

describe('park', () => {
  it('one leaves, the other hears music, and the call lives on', () => {
    const { world, alice, bob, events } = parked()
    expect(world.takeLog()).toEqual([
      `media unbridge ${alice}`,
      `media play ${alice} /music.wav`,
      `${bob} hangup`,
      `media close ${bob}`,
      'write call.parked',
      'write snapshot',
      'write snapshot', // with the row of who left
    ])
    expect(events()).toMatchObject([
      { event: 'call.parked', leg: bob, about: { party: { userId: 'bob' } }, correlationId: world.commandIds[0] },
    ])
    expect(events()[0]?.call).toMatchObject({ status: 'parked', legs: [{ id: alice }] })
    expect(world.calls.isInUse('bob-phone')).toBe(false)
    world.hangsUp(alice)
    expect(leftovers(world)).toEqual(nothingLeft)
  })

  it('retrieved by a phone that answers, by itself where it can', () => {
    const { world, alice, events } = parked()
    expect(retrieve(world, 'carol', true)).toBeNull()
    const carol = world.dialled('carol-phone')
    expect(world.dials.at(-1)?.headers).toContainEqual(['Call-Info', '<sip:auto-answer>;answer-after=0'])
    expect(world.dials.at(-1)?.from.number).toBe('1001')
    world.rings(carol)
    expect(world.takeLog()).not.toContain(`media play ${alice} ringback`)
    world.answers(carol)
    expect(world.log).toContain(`media stop ${alice}`)
    expect(world.log).toContain(`media bridge ${alice} ${carol}`)
    expect(events().at(-1)).toMatchObject({
      event: 'call.retrieved',
      leg: carol,
      about: { party: { userId: 'carol' } },
      correlationId: world.commandIds[1],
      call: { status: 'answered', callee: { userId: 'carol' } },
    })
    expect(world.events.filter((event) => event === 'call.answered')).toHaveLength(1)
    world.hangsUp(carol)
    expect(leftovers(world)).toEqual(nothingLeft)
  })

  it('a phone that does not answer leaves it parked, and says so', () => {
    const { world, alice, events } = parked()
    retrieve(world, 'carol')
    expect(retrieve(world, 'dave')).toMatchObject({ code: 'conflict' })
    world.fails(world.dialled('carol-phone'), 486)
    expect(events().at(-1)).toMatchObject({
      event: 'call.command_failed',
      correlationId: world.commandIds[1],
      call: { status: 'parked' },
    })
    expect(retrieve(world, 'dave')).toBeNull()
    world.answers(world.dialled('dave-phone'))
    expect(events().at(-1)?.event).toBe('call.retrieved')
    world.hangsUp(alice)
    expect(leftovers(world)).toEqual(nothingLeft)
  })

  it('who is parked hears music again after what a carrier played of a phone that was not reached', () => {
    const { world, alice } = parked()
    world.directory.put('trunk', aTrunk('carrier'))
    world.directory.put('user', aUser('carol', { callForward: aForward('0470123456') }))
    retrieve(world, 'carol')
    const mobile = world.dialled()
    world.rings(mobile, sdp({ port: 6000 }))
    expect(world.log).toContain(`media bridge ${alice} ${mobile}`)
    world.takeLog()
    world.fails(mobile, 480)
    expect(world.log.filter((line) => line.includes(` ${alice}`)).at(-1)).toMatch(`media play ${alice} `)
    world.hangsUp(alice)
    expect(world.timers.size).toBe(0)
  })

  it('forgotten for five minutes: the parker is called back, or the call ends', () => {
    for (const isAnswered of [true, false]) {
      const { world, alice, events } = parked()
      world.advance(300_000)
      const again = world.dialled('bob-phone')
      expect(world.dials.at(-1)?.from.number).toBe('1001')
      if (isAnswered) {
        world.answers(again)
        expect(world.log).toContain(`media bridge ${alice} ${again}`)
        expect(events().at(-1)).toMatchObject({ event: 'call.retrieved', correlationId: null })
        world.hangsUp(again)
      } else {
        world.advance(30_000)
        expect(world.last(alice, 'hangup')).toBeDefined()
      }
      expect(leftovers(world)).toEqual(nothingLeft)
    }
  })

  it('who retrieves when the time is over is not disturbed', () => {
    const { world, alice } = parked()
    world.advance(299_000)
    retrieve(world, 'carol')
    world.advance(5_000)
    expect(world.dials.filter(({ to }) => to.uri.includes('bob-phone'))).toHaveLength(1)
    world.answers(world.dialled('carol-phone'))
    world.hangsUp(alice)
    expect(leftovers(world)).toEqual(nothingLeft)
  })

  it('who is parked hangs up while a phone rings for it', () => {
    const { world, alice, events } = parked()
    retrieve(world, 'carol')
    const carol = world.dialled('carol-phone')
    world.hangsUp(alice)
    expect(world.last(carol, 'hangup')).toBeDefined()
    expect(events().map(({ event }) => event)).toEqual(['call.parked', 'call.command_failed', 'call.ended'])
    expect(leftovers(world)).toEqual(nothingLeft)
  })

  it('the caller may park the callee; the record keeps whom the caller reached', () => {
    const { world, alice, bob } = talking()
    world.act({ type: 'park', leg: alice })
    retrieve(world, 'carol')
    world.answers(world.dialled('carol-phone'))
    world.hangsUp(bob)
    expect(world.cdr).toMatchObject({ caller: { userId: 'alice' }, callee: { userId: 'bob' } })
    expect(leftovers(world)).toEqual(nothingLeft)
  })

  it('what does not fit is refused', () => {
    const { world, alice } = talking()
    expect(retrieve(world, 'carol')).toMatchObject({ code: 'conflict' })
    const plain = { by: { userId: 'carol', isAdmin: false } }
    expect(world.act({ type: 'park', leg: null }, plain)).toMatchObject({ code: 'not_found' })
    world.act({ type: 'park', leg: alice })
    expect(world.act({ type: 'park', leg: null })).toMatchObject({ code: 'conflict' })
    expect(retrieve(world, 'nobody')).toMatchObject({ code: 'invalid_request', field: 'by' })
    world.unregistered.add('carol-phone')
    expect(retrieve(world, 'carol')).toMatchObject({ code: 'conflict', field: 'by' })
    expect(world.act({ type: 'retrieve', by: phone('dave'), isAutoAnswer: false }, plain)).toMatchObject({
      code: 'not_allowed',
    })
  })

  it('T5: stays parked over a restart, for as long as was left', () => {
    const { world, alice } = parked()
    const next = restarted(world)
    expect(next.log).toContain(`media play ${alice} /music.wav`)
    expect(next.calls.size).toBe(1)
    next.advance(280_000)
    next.answers(next.dialled('bob-phone'))
    expect(next.log).toContain(`media bridge ${alice} ${next.dialled('bob-phone')}`)
    next.hangsUp(alice)
    expect(next.calls.size).toBe(0)
    expect(next.timers.size).toBe(0)
  })
})

describe('pick-up', () => {
  function ringing() {
    const world = CallWorld.withAliceAndBob()
    world.person('carol', '1003')
    const alice = world.call('alice-phone', '1002')
    const bob = world.dialled('bob-phone')
    world.rings(bob)
    const pickUp = (name = 'carol', by = {}) =>
      world.act({ type: 'pickup', by: phone(name), isAutoAnswer: true }, { by })
    return { world, alice, bob, pickUp }
  }

  it('the phone that was named takes it, and the others are told', () => {
    const { world, alice, bob, pickUp } = ringing()
    expect(pickUp('carol', { userId: 'carol', isAdmin: false })).toBeNull()
    const carol = world.dialled('carol-phone')
    expect(world.dials.at(-1)?.headers.map(([name]) => name)).toContain('Call-Info')
    world.answers(carol)
    expect(world.last(bob, 'hangup')?.reason).toMatchObject({ protocol: 'SIP', cause: 200 })
    expect(world.log).toContain(`media bridge ${alice} ${carol}`)
    expect(world.recordsOf('event').at(-1)).toMatchObject({
      event: 'call.answered',
      leg: carol,
      correlationId: world.commandIds[0],
    })
    world.hangsUp(alice)
    expect(world.cdr.callee?.userId).toBe('carol')
    expect(world.timers.size).toBe(0)
  })

  it('T18: nobody takes an emergency call from those who are called', () => {
    const world = CallWorld.withAliceAndBob()
    world.directory.put('trunk', aTrunk('carrier'))
    world.call('alice-phone', '112')
    world.rings(world.dialled())
    expect(world.act({ type: 'pickup', by: phone('bob'), isAutoAnswer: true })).toMatchObject({ code: 'not_allowed' })
    expect(world.dials).toHaveLength(1)
  })

  it('whoever was called answers first: the command has failed, and the call is theirs', () => {
    const { world, bob, pickUp } = ringing()
    pickUp()
    const carol = world.dialled('carol-phone')
    world.answers(bob)
    expect(world.last(carol, 'hangup')).toBeDefined()
    const told = world.recordsOf('event').slice(2)
    expect(told.map(({ event, correlationId }) => [event, correlationId])).toEqual([
      ['call.command_failed', world.commandIds[0]],
      ['call.answered', null],
    ])
  })

  it('a phone that does not take it says so, and the others ring on', () => {
    const { world, bob, pickUp } = ringing()
    pickUp()
    world.fails(world.dialled('carol-phone'), 486)
    expect(world.recordsOf('event').at(-1)).toMatchObject({
      event: 'call.command_failed',
      correlationId: world.commandIds[0],
      failure: { verb: 'pickup' },
    })
    expect(world.last(bob, 'hangup')).toBeUndefined()
    world.answers(bob)
    expect(world.events.at(-1)).toBe('call.answered')
  })

  it.each([603, 486])('one that says %i says it of itself: who was called rings on, and did not answer', (status) => {
    const { world, alice, bob, pickUp } = ringing()
    pickUp()
    world.fails(world.dialled('carol-phone'), status)
    expect(world.last(bob, 'hangup')).toBeUndefined()
    world.advance(30_000)
    expect(world.last(alice, 'reject')?.status).toBe(480)
    expect(world.cdr.hangupCause).toBe('NO ANSWER')
  })

  it('the time of ringing is over, and somebody decides still: nothing rings that could be picked up', () => {
    const world = CallWorld.withAliceAndBob()
    world.person('carol', '1003')
    world.directory.put('user', aUser('bob', { callForward: aForward('1003', { requireKeyPress: true }) }))
    world.call('alice-phone', '1002')
    world.advance(25_000)
    world.answers(world.dialled('carol-phone'))
    world.advance(6_000)
    expect(world.act({ type: 'pickup', by: phone('carol'), isAutoAnswer: true })).toMatchObject({ code: 'conflict' })
    world.advance(20_000)
    expect(world.calls.size).toBe(0)
    expect(world.timers.size).toBe(0)
  })

  it('the time of ringing ends for it too', () => {
    const { world, alice, pickUp } = ringing()
    pickUp()
    world.advance(30_000)
    expect(world.events.slice(2)).toEqual(['call.command_failed', 'call.ended'])
    expect(world.last(alice, 'reject')).toBeDefined()
    expect(world.timers.size).toBe(0)
  })

  it('what does not ring, the caller’s own phone and somebody else’s phone are refused', () => {
    const { world, bob, pickUp } = ringing()
    expect(pickUp('alice')).toMatchObject({ code: 'conflict', field: 'by' })
    expect(pickUp('bob', { userId: 'carol', isAdmin: false })).toMatchObject({ code: 'not_allowed' })
    world.answers(bob)
    expect(pickUp()).toMatchObject({ code: 'conflict' })
  })
})
