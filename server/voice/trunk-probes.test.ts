import { expect, it } from 'vitest'
import { TrunkProbes } from './trunk-probes.ts'

/** Where a trunk with that outbound proxy is asked whether it is there. */
function askedAt(outboundProxy: string | null): string[] {
  const trunk = { id: 'trunk', enabled: true, server: 'carrier.example', port: 5080, transport: 'tcp', username: null }
  const login = { trunk: { ...trunk, outboundProxy, options: { overrideFromDomain: null } }, optionsSeconds: 30 }
  const asked: string[] = []
  const probes = new TrunkProbes({
    directories: { trunks: [login] } as never,
    exchange: () => ({ run: (step: (now: number) => void) => step(0) }) as never,
    locate: (_now, uri) => asked.push(uri),
    agent: 'Carillon',
    log: { info: () => {}, warn: () => {} },
  })
  probes.refresh()
  return asked
}

it('T15: OPTIONS go to the outbound proxy, with its port', () => {
  expect(askedAt(null)).toEqual(['sip:carrier.example:5080;transport=tcp'])
  expect(askedAt('proxy.example')).toEqual(['sip:proxy.example;transport=tcp'])
  expect(askedAt('proxy.example:5090')).toEqual(['sip:proxy.example:5090;transport=tcp'])
  expect(askedAt('[2001:db8::1]')).toEqual(['sip:[2001:db8::1];transport=tcp'])
})
