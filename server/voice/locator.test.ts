import { promises as dns } from 'node:dns'
import { afterEach, expect, it, vi } from 'vitest'
import type { Hop } from '../../engine/sip/hop.ts'
import { Locator } from './locator.ts'

afterEach(() => vi.restoreAllMocks())

/** Nothing is local, and nothing is ours. */
function anywhere(clock = () => 0) {
  const locator = new Locator({
    clock,
    ownPorts: new Set(),
    isOwnAddress: () => false,
    isLocal: (address) => address.startsWith('127.') || address === '::1',
    isSandbox: () => false,
  })
  return async (uri: string) => {
    const hops = await new Promise<readonly Hop[]>((resolve) => locator.locate(uri, resolve))
    return hops.map(({ transport, address, port }) => `${transport} ${address} ${port}`)
  }
}

it('T12: a private address leads nowhere, also where its figures are octal', async () => {
  const locate = anywhere()
  for (const host of ['10.1.2.3', '012.1.2.3', '172.020.0.1'])
    expect(await locate(`sip:x@${host}:5060`), host).toEqual([])
  expect(await locate('sip:x@192.0.2.1:5060')).toEqual(['udp 192.0.2.1 5060'])
})

it('RFC 3261 §19.1: what was found for a `sip` URI is not what the `sips` one of its host has', async () => {
  const locate = anywhere()
  expect(await locate('sip:x@localhost:5070')).toContain('udp 127.0.0.1 5070')
  const secure = await locate('sips:x@localhost:5070')
  expect(secure).toContain('tls 127.0.0.1 5070')
  expect(secure).not.toContain('udp 127.0.0.1 5070')
})

it('T15: a carrier stays where it was for an hour while no name can be looked up, and is asked for twice a minute', async () => {
  let now = 0
  const locate = anywhere(() => now)
  const asked = vi.spyOn(dns, 'lookup')
  const answer = (...addresses: string[]) =>
    asked.mockImplementation((async (_name: string, { family }: { family: number }) =>
      family === 4 ? addresses.map((address) => ({ address, family })) : []) as never)
  const away = () => asked.mockRejectedValue(Object.assign(new Error('away'), { code: 'EAI_AGAIN' }))
  const carrier = 'sip:carrier.example:5060'
  answer('192.0.2.1')
  expect(await locate(carrier)).toEqual(['udp 192.0.2.1 5060'])
  away()
  now += 30_000
  expect(await locate(carrier)).toEqual(['udp 192.0.2.1 5060'])
  asked.mockClear()
  now += 29_999
  expect(await locate(carrier)).toEqual(['udp 192.0.2.1 5060'])
  expect(asked).not.toHaveBeenCalled()
  now = 3_600_000
  expect(await locate(carrier)).toEqual([])
  answer('192.0.2.2')
  expect(await locate(carrier)).toEqual(['udp 192.0.2.2 5060'])
  // That there is no such name any more is an answer; what is forbidden is not what it was before.
  for (const addresses of [['10.1.2.3'], []]) {
    answer(...addresses)
    now += 30_000
    expect(await locate(carrier)).toEqual([])
  }
})
