import { expect, it } from 'vitest'
import type { Hop } from '../../engine/sip/hop.ts'
import { Locator } from './locator.ts'

/** Nothing is local, and nothing is ours. */
function anywhere() {
  const locator = new Locator({
    clock: () => 0,
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
