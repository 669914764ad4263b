import { expect, it } from 'vitest'
import { CallWorld } from '../testing/call-world.ts'

it('T1, T2: a plain call, step by step', () => {
  const world = CallWorld.withAliceAndBob()
  world.isWriterStuck = true
  const alice = world.call('alice-phone', '1002')
  expect(world.takeLog()).toEqual(['write call.started', `media open ${alice}`, 'media open out3'])

  world.flush()
  expect(world.takeLog()).toEqual(['out3 dial sip:bob-phone@10.1.1.1'])

  const bob = world.dialled()
  world.rings(bob)
  expect(world.takeLog()).toEqual(['write call.ringing', `${alice} progress 180`])

  world.answers(bob)
  expect(world.takeLog()).toEqual([`media remote ${bob}`, `media remote ${alice}`, 'write call.answered, snapshot'])
  world.flush()
  expect(world.takeLog()).toEqual([`media bridge ${alice} ${bob}`, `${alice} answer`, 'write snapshot'])

  world.acks(alice)
  world.takeLog()
  world.advance(60_500)
  world.hangsUp(alice)
  expect(world.takeLog()).toEqual([
    `media close ${alice}`,
    `${bob} hangup Q.850 16`,
    `media close ${bob}`,
    'write leg, leg, call.ended, cdr, snapshot',
    'done',
  ])
  expect(world.events).toEqual(['call.started', 'call.ringing', 'call.answered', 'call.ended'])
  expect(world.cdr).toMatchObject({
    direction: 'internal',
    hangupCause: 'ANSWERED',
    ownerId: 'alice',
    caller: { number: '1001', userId: 'alice', deviceId: 'alice-phone' },
    callee: { number: '1002', userId: 'bob', deviceId: 'bob-phone' },
    calledNumber: '1002',
    durationSeconds: 61,
    billingSeconds: 61,
    sipCode: 200,
    q850: 16,
    endedBy: 'caller',
  })
  expect(world.calls.size).toBe(0)
  expect(world.timers.size).toBe(0)
})
