import { expect, it } from 'vitest'
import type { Hop } from '../../engine/sip/hop.ts'
import { TrunkWays } from './trunk-ways.ts'

const minute = 60_000

function place() {
  const trunk = {
    id: 'trunk',
    accountId: 'acc',
    enabled: true,
    callsDirection: 'both',
    server: 'one.example',
    port: null,
  }
  const login = { trunk: { ...trunk, transport: 'udp', outboundProxy: null }, addresses: [] }
  const directories = { trunks: [login], trunk: () => login }
  const names = new Map<string, readonly string[]>()
  let now = 0
  const ways = new TrunkWays({
    directories: directories as never,
    locate: (uri, done) => {
      const host = /^sip:([^;]+)/.exec(uri)?.[1] ?? ''
      done((names.get(host) ?? []).map((address): Hop => ({ transport: 'udp', address, port: 5_060, flow: null })))
    },
    trunkOfToken: () => null,
    isSandbox: () => false,
    clock: () => now,
  })
  const later = (ms: number) => {
    now += ms
    ways.refresh()
  }
  return { ways, names, login, later }
}

it('T14: the addresses of a server that a trunk had before are nobody’s', () => {
  const { ways, names, login, later } = place()
  names.set('one.example', ['192.0.2.1']).set('two.example', ['192.0.2.2'])
  later(0)
  expect(ways.has('192.0.2.1')).toBe(true)
  login.trunk.server = 'two.example'
  later(0)
  expect([ways.has('192.0.2.1'), ways.has('192.0.2.2')]).toEqual([false, true])
})

it('T14: an address that a name has no more is forgotten after an hour, and none while the name cannot be looked up', () => {
  const { ways, names, later } = place()
  names.set('one.example', ['192.0.2.1', '192.0.2.2'])
  later(0)
  names.set('one.example', ['192.0.2.2'])
  later(minute)
  expect(ways.has('192.0.2.1')).toBe(true)
  later(60 * minute)
  expect([ways.has('192.0.2.1'), ways.has('192.0.2.2')]).toEqual([false, true])
  names.clear()
  later(120 * minute)
  expect(ways.has('192.0.2.2')).toBe(true)
})

it('T14: a server that is given by an IPv6 address is known by it, however it is written', () => {
  const { ways, names, later } = place()
  names.set('one.example', ['2001:DB8:0:0::1'])
  later(0)
  expect(ways.has('2001:db8::1')).toBe(true)
})
