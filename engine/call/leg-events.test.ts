/** What legs tell besides their call, and how each of them ended. */
import { describe, expect, it } from 'vitest'
import { CallWorld, sdp } from '../testing/call-world.ts'
import { aDevice, aForward, aTrunk, aUser } from '../testing/directory.ts'
import { talking } from '../testing/talking.ts'
import type { LegId } from './leg.ts'

function ringing(world = CallWorld.withAliceAndBob()) {
  const alice = world.call('alice-phone', '1002')
  const bob = world.dialled('bob-phone')
  world.rings(bob)
  return { world, alice, bob }
}

/** Bob's number rings outside too, at two carriers if need be. */
function withCarriers(): CallWorld {
  const world = CallWorld.withAliceAndBob()
  world.directory.put('trunk', aTrunk('one', { trunkOrder: 1 }))
  world.directory.put('trunk', aTrunk('two', { trunkOrder: 2 }))
  return world
}

const endOf = (world: CallWorld, leg: LegId) => {
  const ends = world.recordsOf('leg_event').filter((record) => record.event === 'leg.ended' && record.leg.id === leg)
  expect(ends).toHaveLength(1)
  return ends[0]?.end
}

describe('leg events', () => {
  it('T1: a plain call has eight events in all', () => {
    const { world, alice, bob } = ringing()
    world.answers(bob)
    world.acks(alice)
    world.hangsUp(alice)
    expect(world.legEvents).toEqual([`${bob} leg.ringing`, `${alice} leg.ended`, `${bob} leg.ended`])
    const all = world.records.filter(({ type }) => ['event', 'leg_event', 'cdr'].includes(type))
    expect(all).toHaveLength(8)
    expect(all.slice(-2)).toMatchObject([{ event: 'call.ended' }, { type: 'cdr' }])
  })

  it('T2: a leg rings once, however often its phone says so, and before its call does', () => {
    const { world, bob } = ringing()
    world.rings(bob, sdp())
    world.rings(bob)
    expect(world.legEvents).toEqual([`${bob} leg.ringing`])
    expect(world.recordsOf('leg_event')[0]?.leg).toMatchObject({ status: 'ringing', party: { deviceId: 'bob-phone' } })
    const order = world.records.flatMap((record) => ('event' in record ? record.event : []))
    expect(order).toEqual(['call.started', 'leg.ringing', 'call.ringing'])
  })

  it('T2: call.answered, which is written before the caller has its 200, shows both sides in the call', () => {
    const { world, alice, bob } = ringing()
    world.isWriterStuck = true
    world.answers(bob)
    expect(world.last(alice, 'answer')).toBeUndefined()
    expect(world.recordsOf('event').at(-1)).toMatchObject({
      event: 'call.answered',
      call: {
        legs: [
          { id: alice, status: 'answered', answeredAt: world.now },
          { id: bob, status: 'answered' },
        ],
      },
    })
    world.cancels(alice)
    world.flush()
    expect(world.last(alice, 'answer')).toBeUndefined()
    const ended = world.recordsOf('leg_event').find(({ event, leg }) => event === 'leg.ended' && leg.id === alice)
    expect(ended).toMatchObject({ leg: { answeredAt: null }, end: { cause: 'CANCEL', by: 'party' } })
  })

  it('what a carrier plays while it rings is ringing too, as the call shows', () => {
    const world = withCarriers()
    world.call('alice-phone', '0470123456')
    world.rings(world.dialled(), sdp())
    expect(world.legEvents).toEqual([`${world.dialled()} leg.ringing`])
    expect(world.recordsOf('event').at(-1)?.call.legs.at(-1)).toMatchObject({ status: 'ringing' })
  })

  it('each phone that rings says so', () => {
    const world = CallWorld.withAliceAndBob()
    world.directory.put('device', aDevice('bob-desk', 'bob'))
    world.call('alice-phone', '1002')
    const legs = ['bob-desk', 'bob-phone'].map((name) => world.dialled(name))
    for (const leg of legs) world.rings(leg)
    expect(world.legEvents).toEqual(legs.map((leg) => `${leg} leg.ringing`))
  })

  it('a phone that is to press a key is answered before its call', () => {
    const world = withCarriers()
    world.prompts.set('forward_press_1', '/press.wav')
    world.directory.put('user', aUser('bob', { callForward: aForward('0470123456', { requireKeyPress: true }) }))
    world.call('alice-phone', '1002')
    const mobile = world.dialled()
    world.answers(mobile)
    expect(world.legEvents).toEqual([`${mobile} leg.answered`])
    world.press(mobile, '1')
    expect(world.events).toContain('call.answered')
    expect(world.legEvents).toHaveLength(1)
  })

  it('so is the own phone of a click-to-call', () => {
    const world = CallWorld.withAliceAndBob()
    world.originate({})
    const alice = world.dialled('alice-phone')
    world.rings(alice)
    world.answers(alice)
    expect(world.legEvents).toEqual([`${alice} leg.ringing`, `${alice} leg.answered`])
  })

  it('and whoever a call is handed on to', () => {
    const { world, bob } = talking()
    world.refers(bob, '1003')
    const carol = world.dialled('carol-phone')
    world.answers(carol)
    expect(world.legEvents.slice(1)).toEqual([`${carol} leg.answered`, `${bob} leg.ended`])
  })

  it('an attended transfer moves a leg, which ends in its new call', () => {
    const { world, alice, bob } = talking()
    const own = world.call('bob-phone', '1003')
    const carol = world.dialled('carol-phone')
    world.answers(carol)
    world.acks(own)
    const [first, second] = [world.calls.callOf(alice)?.id, world.calls.callOf(carol)?.id]
    world.dialogs.set('d', own)
    world.refers(bob, '1003', { callId: 'd', toTag: 'a', fromTag: 'b', isEarlyOnly: false })
    const moved = world.recordsOf('leg_event').filter(({ event }) => event === 'leg.moved')
    expect(moved).toMatchObject([{ callId: second, fromCallId: first, leg: { id: alice, status: 'answered' } }])
    const told = world.recordsOf('event').filter(({ call }) => call.id === second)
    expect(told.at(-1)).toMatchObject({ event: 'call.transferred', call: { legs: [{ id: carol }, { id: alice }] } })
    world.hangsUp(carol)
    expect(world.recordsOf('leg_event').findLast(({ leg }) => leg.id === alice)).toMatchObject({
      event: 'leg.ended',
      callId: second,
    })
  })
})

describe('how a leg ended', () => {
  it('who hangs up did it; the other was ended', () => {
    const { world, alice, bob } = talking()
    world.hangsUp(bob, 31)
    expect(endOf(world, bob)).toMatchObject({ cause: 'ANSWERED', by: 'party', sipCode: 200, q850: 31 })
    expect(endOf(world, alice)).toMatchObject({ cause: 'ANSWERED', by: 'system', sipCode: 200, q850: 31 })
  })

  it.each([
    [486, 'BUSY'],
    [603, 'BUSY'],
    [480, 'NO ANSWER'],
    [404, 'FAILED'],
  ] as const)('a phone that says %i: %s', (status, cause) => {
    const { world, alice, bob } = ringing()
    world.fails(bob, status)
    expect(endOf(world, bob)).toMatchObject({ cause, by: 'party', sipCode: status })
    expect(endOf(world, alice)).toMatchObject({ cause, by: 'system', sipCode: status })
  })

  it('the caller gives up', () => {
    const { world, alice, bob } = ringing()
    world.cancels(alice)
    expect(endOf(world, alice)).toMatchObject({ cause: 'CANCEL', by: 'party', sipCode: 487 })
    expect(endOf(world, bob)).toMatchObject({ cause: 'CANCEL', by: 'system', sipCode: 487 })
  })

  it('it rings as long as it may', () => {
    const { world, alice, bob } = ringing()
    world.advance(30_000)
    expect(endOf(world, bob)).toMatchObject({ cause: 'NO ANSWER', by: 'system', sipCode: 487 })
    expect(endOf(world, alice)).toMatchObject({ cause: 'NO ANSWER', by: 'system', sipCode: 480 })
  })

  it('T25: somebody else takes the call', () => {
    const world = CallWorld.withAliceAndBob()
    world.directory.put('device', aDevice('bob-desk', 'bob'))
    world.call('alice-phone', '1002')
    const desk = world.dialled('bob-desk')
    world.rings(desk)
    world.answers(world.dialled('bob-phone'))
    expect(endOf(world, desk)).toMatchObject({ cause: 'NO ANSWER', by: 'system', sipCode: 487, q850: 26 })
    const row = world.records.find(({ type }) => type === 'leg')
    expect(row).toBeUndefined()
    world.hangsUp(world.dialled('bob-phone'))
    expect(world.recordsOf('leg').find(({ leg }) => leg.id === desk)?.leg).toMatchObject({
      hangupCause: 'NO ANSWER',
      endedBy: 'system',
      sipCode: 487,
      q850: 26,
    })
  })

  it('T16: each carrier that was tried has its own code', () => {
    const world = withCarriers()
    world.call('alice-phone', '0470123456')
    const first = world.dialled()
    world.fails(first, 503)
    const second = world.dialled()
    world.fails(second, 408, { isTimeout: true })
    expect(endOf(world, first)).toMatchObject({ cause: 'CONGESTION', by: 'party', sipCode: 503 })
    expect(endOf(world, second)).toMatchObject({ cause: 'FAILED', by: 'system', sipCode: 408 })
  })

  it('a command declines a phone that rings', () => {
    const { world, bob } = ringing()
    world.act({ type: 'hangup', leg: bob })
    expect(endOf(world, bob)).toMatchObject({ cause: 'BUSY', by: 'system', sipCode: 487 })
  })

  it('one whose INVITE never left has no code', () => {
    const world = CallWorld.withAliceAndBob()
    world.isMediaStuck = true
    const alice = world.call('alice-phone', '1002')
    world.cancels(alice)
    world.advance(10_000)
    const [bob] = world.recordsOf('leg').flatMap(({ leg }) => (leg.role === 'callee' ? leg.id : []))
    expect(endOf(world, bob ?? '')).toMatchObject({ cause: 'CANCEL', by: 'system', sipCode: null })
  })
})
