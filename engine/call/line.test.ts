import { expect, it } from 'vitest'
import { CallWorld } from '../testing/call-world.ts'
import { aCallflow, aDevice, node } from '../testing/directory.ts'
import { devicesOfNumber } from './line.ts'

const line = (world: CallWorld, device: string) =>
  world.calls.linesOf(device).map(({ direction, state, remote }) => `${direction} ${state} ${remote.number}`)

it('T26: whoever watches a phone sees who calls it, from its first ring to its end', () => {
  const world = CallWorld.withAliceAndBob()
  const alice = world.call('alice-phone', '1002')
  const bob = world.dialled()
  expect(line(world, 'alice-phone')).toEqual(['initiator trying 1002'])
  expect(line(world, 'bob-phone')).toEqual(['recipient trying 1001'])
  world.changedLines.length = 0
  world.rings(bob)
  expect(world.changedLines).toEqual(['bob-phone', 'alice-phone'])
  expect(line(world, 'bob-phone')).toEqual(['recipient early 1001'])
  expect(line(world, 'alice-phone')).toEqual(['initiator early 1002'])
  world.answers(bob)
  expect(line(world, 'bob-phone')).toEqual(['recipient confirmed 1001'])
  expect(line(world, 'alice-phone')).toEqual(['initiator confirmed 1002'])
  world.changedLines.length = 0
  world.hangsUp(alice)
  expect(new Set(world.changedLines)).toEqual(new Set(['alice-phone', 'bob-phone']))
  expect(line(world, 'bob-phone')).toEqual([])
})

it('T26: a transfer shows the new party, and two calls are two lines', () => {
  const world = CallWorld.withAliceAndBob()
  world.person('carol', '1003')
  const alice = world.call('alice-phone', '1002')
  world.answers(world.dialled())
  world.call('bob-phone', '1003')
  expect(line(world, 'bob-phone')).toEqual(['recipient confirmed 1001', 'initiator trying 1003'])
  world.refers(world.dialled('bob-phone'), '1003')
  world.answers(world.dialled('carol-phone'))
  expect(line(world, 'alice-phone')).toEqual(['initiator confirmed 1003'])
  world.hangsUp(alice)
})

it('T26: of who is consulted it shows who asks, and that they talk', () => {
  const world = CallWorld.withAliceAndBob()
  world.person('carol', '1003')
  world.call('alice-phone', '1002')
  const bob = world.dialled('bob-phone')
  world.answers(bob)
  world.act({ type: 'consult', leg: bob, to: { type: 'number', number: '1003' } })
  const carol = world.dialled('carol-phone')
  world.rings(carol)
  expect(line(world, 'carol-phone')).toEqual(['recipient early 1002'])
  world.changedLines.length = 0
  world.answers(carol)
  expect(world.changedLines).toContain('carol-phone')
  expect(line(world, 'carol-phone')).toEqual(['recipient confirmed 1002'])
  world.act({ type: 'complete', leg: bob })
  expect(line(world, 'carol-phone')).toEqual(['recipient confirmed 1001'])
  expect(line(world, 'alice-phone')).toEqual(['initiator confirmed 1003'])
})

it('a number is watched by the devices of whom its callflow begins with', () => {
  const { directory } = CallWorld.withAliceAndBob()
  directory.put('device', aDevice('bob-desk', 'bob'))
  directory.put('callflow', aCallflow('desk', ['1005'], node('device', { id: 'bob-desk' })))
  directory.put('callflow', aCallflow('sales', ['1100'], node('hangup')))
  expect(devicesOfNumber(directory, '1002')).toEqual(['bob-phone', 'bob-desk'])
  expect(devicesOfNumber(directory, '1005')).toEqual(['bob-desk'])
  expect(devicesOfNumber(directory, '1100')).toEqual([])
  directory.remove('device', 'bob-desk')
  expect(devicesOfNumber(directory, '1002')).toEqual(['bob-phone'])
  expect(devicesOfNumber(directory, '1005')).toEqual([])
})
