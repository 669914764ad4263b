import { expect, it } from 'vitest'
import { CallWorld, sdp } from '../testing/call-world.ts'
import { aDevice, aForward, anAccount, aTrunk, aUser } from '../testing/directory.ts'
import type { LegId } from './leg.ts'
import { dialogsOf } from './snapshot.ts'

const lastSnapshot = (world: CallWorld): string => {
  const text = world.recordsOf('snapshot').at(-1)?.text
  if (!text) throw new Error('nothing was written down')
  return text
}

/** The process dies, and another takes up what the last one wrote. */
function restarted(world: CallWorld, text: string, hasDialog: (leg: LegId) => boolean = () => true): CallWorld {
  const next = CallWorld.withAliceAndBob('b')
  next.person('carol', '1003')
  next.directory.put('trunk', aTrunk('carrier', { maxCalls: 1 }))
  next.now = world.now + 20_000
  next.restore(text, hasDialog)
  return next
}

function talking(number = '1002') {
  const world = CallWorld.withAliceAndBob()
  world.directory.put('trunk', aTrunk('carrier', { maxCalls: 1 }))
  const alice = world.call('alice-phone', number)
  const callee = world.dialled()
  world.rings(callee)
  world.answers(callee)
  world.acks(alice)
  return { world, alice, callee }
}

it('T5: what is written before the caller has its 200 names both dialogs', () => {
  const world = CallWorld.withAliceAndBob()
  world.isWriterStuck = true
  const alice = world.call('alice-phone', '1002')
  world.flush()
  const bob = world.dialled()
  world.answers(bob)
  expect(world.last(alice, 'answer')).toBeUndefined()
  const written = dialogsOf(lastSnapshot(world))
  world.flush()
  const [toAlice, toBob] = [world.last(alice, 'answer')?.sdp, world.last(bob, 'dial')?.sdp]
  expect([toAlice, toBob]).toEqual([expect.stringContaining('m=audio'), expect.stringContaining('m=audio')])
  expect(written).toEqual([
    { leg: alice, dialog: { of: alice }, sdp: toAlice, trunkId: null },
    { leg: bob, dialog: { of: bob }, sdp: toBob, trunkId: null },
  ])
})

it('T5, T6: an answered call goes on: its media is given to the worker again', () => {
  const { world, alice, callee: bob } = talking()
  const next = restarted(world, lastSnapshot(world))
  expect(next.takeLog()).toEqual([
    `media open ${alice}`,
    `media remote ${alice}`,
    `media open ${bob}`,
    `media remote ${bob}`,
    `media bridge ${alice} ${bob}`,
  ])
  expect(next.orders.filter(({ type }) => type !== 'bridge')).toEqual(
    world.orders.filter(({ type, ...order }) => type !== 'bridge' && 'endpoint' in order).sort(byEndpoint),
  )
  expect(next.calls.size).toBe(1)
  expect(next.calls.isInUse('bob-phone')).toBe(true)
})

it('T5: it can be held, transferred and ended, with one history row of its whole length', () => {
  const { world, alice, callee: bob } = talking()
  world.advance(40_000)
  const next = restarted(world, lastSnapshot(world))
  next.reinvites(bob, sdp({ direction: 'sendonly' }))
  expect(next.log).toContain(`media play ${alice} silence`)
  next.reinvites(bob, sdp())
  next.refers(bob, '1003')
  next.answers(next.dialled('carol-phone'))
  next.advance(10_000)
  next.hangsUp(alice)
  expect(next.cdr).toMatchObject({
    hangupCause: 'ANSWERED',
    caller: { userId: 'alice' },
    callee: { userId: 'carol' },
    durationSeconds: 70,
    billingSeconds: 70,
  })
  expect(next.events).toEqual(['call.held', 'call.resumed', 'call.transferred', 'call.ended'])
  const rows = next.recordsOf('leg').map(({ leg }) => leg)
  expect(rows.map(({ id }) => id).sort()).toEqual([alice, bob, next.dialled('carol-phone')].sort())
  expect(rows.map(({ sipCode }) => sipCode)).toEqual([200, 200, 200])
  expect(next.timers.size).toBe(0)
})

it('the offers after it go on where the dialog was', () => {
  const { world, alice } = talking()
  world.reinvites(alice, sdp({ port: 7000 }))
  const before = world.last(alice, 'answer_offer')?.sdp
  const next = restarted(world, lastSnapshot(world))
  next.reinvites(alice, sdp({ port: 7000 }))
  expect(next.last(alice, 'answer_offer')?.sdp).toBe(before)
})

it('a hold that was goes on, with its music', () => {
  const { world, alice, callee: bob } = talking()
  world.reinvites(alice, sdp({ direction: 'sendonly' }))
  const next = restarted(world, lastSnapshot(world))
  expect(next.log).toContain(`media play ${bob} silence`)
  next.reinvites(alice, sdp())
  expect(next.events).toEqual(['call.resumed'])
})

it('its places in limits are taken again, and its billing goes on', () => {
  const { world, alice, callee } = talking('0470123456')
  const text = lastSnapshot(world)
  const next = restarted(world, text)
  const refused = next.call('bob-phone', '0470123457')
  expect(next.last(refused, 'reject')?.status).toBe(480)
  next.hangsUp(alice)
  expect(next.recordsOf('leg').find(({ leg }) => leg.id === callee)?.leg).toMatchObject({
    billedUserId: 'alice',
    billingSeconds: 20,
  })
  next.call('bob-phone', '0470123457')
  expect(next.dials).toHaveLength(1)
})

it('a leg whose dialog is gone ends the call, once', () => {
  const { world, alice, callee: bob } = talking()
  const next = restarted(world, lastSnapshot(world), (leg) => leg !== alice)
  expect(next.last(bob, 'hangup')).toBeDefined()
  expect(next.calls.size).toBe(0)
  expect(next.events).toEqual(['call.ended'])
  expect(next.cdr).toMatchObject({ hangupCause: 'ANSWERED', endedBy: 'system', q850: 41 })
})

it('a death between call.answered and the caller’s 200, which it gets from the next process: the call goes on', () => {
  const world = CallWorld.withAliceAndBob()
  const alice = world.call('alice-phone', '1002')
  const bob = world.dialled()
  world.advance(4_000)
  world.isWriterStuck = true
  world.answers(bob)
  const next = restarted(world, lastSnapshot(world))
  expect(next.log).toContain(`media bridge ${alice} ${bob}`)
  next.hangsUp(alice)
  expect(next.last(bob, 'hangup')).toBeDefined()
  expect(next.cdr).toMatchObject({ hangupCause: 'ANSWERED', durationSeconds: 24, billingSeconds: 20 })
  expect(next.recordsOf('leg').map(({ leg }) => leg.answeredAt)).toEqual([world.now, world.now])
})

it('a death between a hang-up and its record: it ends once more, as it had', () => {
  const { world, alice, callee: bob } = talking()
  world.advance(30_000)
  const text = lastSnapshot(world)
  world.isMediaStuck = true
  world.hangsUp(alice, 16)
  expect(world.events).not.toContain('call.ended')
  const next = restarted(world, `${text.slice(0, -1)},"ending":${world.recordsOf('ending').at(-1)?.text}}`)
  expect([next.last(alice, 'hangup'), next.last(bob, 'hangup')].every(Boolean)).toBe(true)
  expect(next.cdr).toMatchObject({ hangupCause: 'ANSWERED', endedBy: 'caller', billingSeconds: 30 })
  expect(next.events).toEqual(['call.ended'])
  expect([next.calls.size, next.timers.size]).toEqual([0, 0])
})

it('whom another call took goes on there: of a call that it left the others end, as they had', () => {
  const { world, alice, callee: bob } = talking()
  world.person('carol', '1003')
  const second = world.call('bob-phone', '1003')
  world.answers(world.dialled('carol-phone'))
  world.acks(second)
  const text = world.recordsOf('snapshot').find(({ text: one }) => one?.includes(alice))?.text
  world.dialogs.set('second', second)
  world.isMediaStuck = true
  world.refers(bob, '1003', { callId: 'second', toTag: 'a', fromTag: 'b', isEarlyOnly: false })
  const next = new CallWorld('b')
  const ending = world.recordsOf('ending').at(-1)?.text
  next.restore(
    `${text?.slice(0, -1)},"ending":${ending}}`,
    () => true,
    (leg) => leg === alice,
  )
  expect([next.last(alice, 'hangup'), next.last(bob, 'hangup')].map(Boolean)).toEqual([false, true])
  expect(next.orders.some((order) => 'endpoint' in order && order.endpoint === alice)).toBe(false)
  expect(next.calls.callOf(alice)).toBeUndefined()
  expect(next.recordsOf('leg').map(({ leg }) => leg.id)).toEqual([bob])
  expect(next.cdr).toMatchObject({ hangupCause: 'ANSWERED', endedBy: 'callee' })
})

it('a transfer that was going on leaves the other with the transferor', () => {
  const { world, alice, callee: bob } = talking()
  world.person('carol', '1003')
  world.refers(bob, '1003')
  world.reinvites(bob, sdp())
  world.leg({ type: 'confirmed', leg: bob, dialog: { of: 'moved' } })
  const next = restarted(world, lastSnapshot(world))
  expect(next.log).toContain(`media bridge ${alice} ${bob}`)
  next.hangsUp(alice)
  expect(next.calls.size).toBe(0)
})

it('one whose transferor has left calls that one back, as if nobody had taken it', () => {
  const { world, alice, callee: bob } = talking()
  world.person('carol', '1003')
  world.act({ type: 'transfer', leg: bob, to: { type: 'number', number: '1003' } })
  const next = restarted(world, lastSnapshot(world), (leg) => leg === alice)
  const again = next.dialled('bob-phone')
  next.rings(again)
  expect(next.log).toContain(`media play ${alice} ringback`)
  next.answers(again)
  expect(next.log).toContain(`media bridge ${alice} ${again}`)
  next.hangsUp(alice)
  expect(next.cdr.hangupCause).toBe('ANSWERED')
  expect(next.timers.size).toBe(0)
})

it('whoever was still to press a key has not taken the call', () => {
  const { world, alice, callee: bob } = talking()
  world.person('carol', '1003')
  world.person('dave', '1004')
  const callForward = aForward('1004', { requireKeyPress: true })
  world.directory.put('user', aUser('carol', { callForward }))
  world.act({ type: 'transfer', leg: bob, to: { type: 'number', number: '1003' } })
  const dave = world.dialled('dave-phone')
  world.answers(dave)
  const next = restarted(world, lastSnapshot(world), (leg) => leg !== bob)
  expect(next.log).not.toContain(`media bridge ${alice} ${dave}`)
  expect(next.last(dave, 'hangup')).toBeDefined()
  next.answers(next.dialled('bob-phone'))
  next.hangsUp(alice)
  expect(next.calls.size).toBe(0)
  expect(next.timers.size).toBe(0)
})

it('the longest time counts from the answer', () => {
  const { world, alice } = talking()
  const next = new CallWorld('b')
  const account = anAccount()
  next.directory.account = { ...account, limits: { ...account.limits, maxCallSeconds: 60 } }
  next.now = world.now + 59_000
  next.restore(lastSnapshot(world), () => true)
  next.advance(1000)
  expect(next.last(alice, 'hangup')).toBeDefined()
})

it('what is no snapshot, or of an account that is gone, is not restored', () => {
  const world = new CallWorld()
  expect(world.restore('nonsense', () => true)).toBe(false)
  expect(world.restore('{"version":99}', () => true)).toBe(false)
  const { world: other } = talking()
  world.directory.account = anAccount({ id: 'another' })
  expect(world.restore(lastSnapshot(other), () => true)).toBe(false)
  expect(dialogsOf('nonsense')).toEqual([])
  expect(world.calls.size).toBe(0)
})

function byEndpoint(a: object, b: object): number {
  const name = (order: object) => ('endpoint' in order ? String(order.endpoint) : '')
  return name(a) < name(b) ? -1 : name(a) > name(b) ? 1 : 0
}

it('T5, T32: the phone that rang beside the one that took the call has its row, whatever dies then', () => {
  const world = CallWorld.withAliceAndBob()
  world.directory.put('device', aDevice('bob-desk', 'bob'))
  const alice = world.call('alice-phone', '1002')
  const [phone, desk] = [world.dialled('bob-phone'), world.dialled('bob-desk')]
  world.isMediaStuck = true
  world.answers(phone)
  world.acks(alice)
  world.media({ type: 'closed', endpoint: desk, quality: null })
  const next = restarted(world, lastSnapshot(world))
  next.hangsUp(alice)
  const rows = next.recordsOf('leg').map(({ leg }) => leg.id)
  expect(rows.sort()).toEqual([alice, phone, desk].sort())
})
