import { expect, it } from 'vitest'
import type { Line } from '../../engine/call/line.ts'
import { CallWorld } from '../../engine/testing/call-world.ts'
import { aCallflow, aDevice, node } from '../../engine/testing/directory.ts'
import { Lamps } from './lamps.ts'

const { directory } = CallWorld.withAliceAndBob()
const accountId = directory.account.id
const bob = { accountId, number: '1002' }

function lamps(lines: Readonly<Record<string, readonly Line[]>> = {}): Lamps {
  return new Lamps({
    account: (id) => (id === accountId ? directory : undefined),
    linesOf: (deviceId) => lines[deviceId] ?? [],
    dialogAtPeer: (leg) => ({ callId: `of ${leg}`, localTag: 'phone', remoteTag: 'us' }),
  })
}

const remote = { number: '1001', name: 'Alice', isAnonymous: false }
const ringing: Line = { leg: 'leg_1', direction: 'recipient', state: 'early', remote }

it('only numbers of people and of phones have one, and only within their account', () => {
  directory.put('callflow', aCallflow('sales', ['1100', '+3225551100'], node('hangup')))
  const all = lamps()
  expect(all.mayBeWatched(bob)).toBe(true)
  expect(all.mayBeWatched({ accountId, number: '1100' })).toBe(false)
  expect(all.mayBeWatched({ accountId, number: '4711' })).toBe(false)
  expect(all.mayBeWatched({ accountId: 'another', number: '1002' })).toBe(false)
})

it('a call that rings may be taken by who watches, one that talks or that the watched one makes may not', () => {
  const lines = [ringing, { ...ringing, state: 'confirmed' }, { ...ringing, direction: 'initiator' }] as const
  const { realm } = directory.account
  const [first, ...others] = lamps({ 'bob-phone': lines }).dialogs(bob)
  expect(first).toMatchObject({
    id: 'leg_1',
    replaces: { callId: 'of leg_1', localTag: 'phone', remoteTag: 'us' },
    remote: { uri: `sip:1001@${realm}`, name: 'Alice' },
  })
  expect(others.map(({ replaces }) => replaces)).toEqual([null, null])
})

it('who hides is not named', () => {
  const hidden = { ...ringing, remote: { ...remote, isAnonymous: true } }
  const [dialog] = lamps({ 'bob-phone': [hidden] }).dialogs(bob)
  expect(dialog?.remote).toEqual({ uri: 'sip:anonymous@anonymous.invalid', name: 'Anonymous' })
})

it('a device leads to the numbers that are watched, as long as somebody does', () => {
  const all = lamps()
  const numbers = () => [...all.ofDevice('bob-phone')].map(({ number }) => number)
  expect(numbers()).toEqual([])
  all.watch('one', bob)
  all.watch('two', bob)
  expect(numbers()).toEqual(['1002'])
  all.unwatch('one')
  expect(numbers()).toEqual(['1002'])
  all.unwatch('two')
  expect(numbers()).toEqual([])
})

it('another phone of the same person is seen when configuration was read again', () => {
  const all = lamps({ 'bob-desk': [ringing] })
  all.watch('one', bob)
  expect(all.refresh(accountId)).toEqual([])
  directory.put('device', aDevice('bob-desk', 'bob'))
  expect(all.dialogs(bob)).toEqual([])
  expect(all.refresh(accountId)).toMatchObject([{ number: '1002' }])
  expect(all.dialogs(bob)).toHaveLength(1)
  expect([...all.ofDevice('bob-desk')]).toHaveLength(1)
})
