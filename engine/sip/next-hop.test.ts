import { describe, expect, it } from 'vitest'
import { seededRandom } from '../testing/random.ts'
import { HopSearch, type SearchOptions, type SrvRecord } from './next-hop.ts'

const usual: SearchOptions = { transports: ['udp', 'tcp', 'tls'], families: ['A', 'AAAA'], fraction: () => 0.5 }

/** Runs a search against a zone; gives the hops as text, and what was asked. */
function search(uri: string, zone: Record<string, readonly (string | SrvRecord)[]> = {}, options = usual) {
  const one = new HopSearch(uri, options)
  const asked: string[] = []
  for (let query = one.poll(); query !== undefined; query = one.poll()) {
    const { type, name } = query
    asked.push(`${type} ${name}`)
    const found = zone[`${type} ${name}`] ?? []
    if (type === 'SRV') one.handle({ type, name, records: found.filter((record) => typeof record !== 'string') })
    else one.handle({ type, name, addresses: found.filter((record) => typeof record === 'string') })
  }
  const hops = one.hops?.map(({ transport, address, port }) => `${transport} ${address} ${port}`)
  return { hops, asked }
}
const srv = (target: string, port = 5060, priority = 10, weight = 10): SrvRecord => ({ target, port, priority, weight })

describe('RFC 3263 §4.1 the transport', () => {
  it('asks nothing for a literal address: UDP, or what the URI names', () => {
    expect(search('sip:bob@192.0.2.1')).toEqual({ hops: ['udp 192.0.2.1 5060'], asked: [] })
    expect(search('sip:bob@192.0.2.1:5080;transport=tcp').hops).toEqual(['tcp 192.0.2.1 5080'])
    expect(search('sips:bob@192.0.2.1').hops).toEqual(['tls 192.0.2.1 5061'])
    expect(search('sips:bob@192.0.2.1;transport=tcp').hops).toEqual(['tls 192.0.2.1 5061'])
    expect(search('sip:bob@[2001:db8::1]:5070').hops).toEqual(['udp 2001:db8::1 5070'])
    expect(search('sip:bob@example.com;maddr=192.0.2.9').hops).toEqual(['udp 192.0.2.9 5060'])
  })
  it('T12: figures that systems read as another address are looked up like a name', () => {
    const { hops, asked } = search('sip:bob@012.1.2.3:5060', { 'A 012.1.2.3': ['10.1.2.3'] })
    expect({ hops, asked }).toEqual({ hops: ['udp 10.1.2.3 5060'], asked: ['A 012.1.2.3', 'AAAA 012.1.2.3'] })
    expect(search('sip:bob@999.1.1.1:5060').hops).toEqual([])
  })
  it('takes the first of its transports that has SRV records', () => {
    const zone = {
      'SRV _sip._tcp.example.com': [srv('a.example.com', 5080)],
      'SRV _sips._tcp.example.com': [srv('b.example.com', 5061)],
      'A a.example.com': ['192.0.2.1'],
    }
    const { hops, asked } = search('sip:bob@example.com', zone)
    expect(hops).toEqual(['tcp 192.0.2.1 5080'])
    expect(asked.slice(0, 3)).toEqual([
      'SRV _sip._udp.example.com',
      'SRV _sip._tcp.example.com',
      'SRV _sips._tcp.example.com',
    ])
    expect(search('sips:bob@example.com', { ...zone, 'A b.example.com': ['192.0.2.2'] }).hops).toEqual([
      'tls 192.0.2.2 5061',
    ])
  })
  it('leads nowhere by a transport that we do not have, and for what is no SIP URI', () => {
    expect(search('sip:bob@192.0.2.1;transport=ws')).toEqual({ hops: [], asked: [] })
    expect(search('sips:bob@192.0.2.1;transport=udp').hops).toEqual([])
    expect(search('tel:+3225550100').hops).toEqual([])
    expect(search('nonsense').hops).toEqual([])
  })
})

describe('RFC 3263 §4.2 port and address', () => {
  it('asks for no SRV when a port is given', () => {
    const { hops, asked } = search('sip:example.com:5070', { 'A example.com': ['192.0.2.1', '192.0.2.2'] })
    expect(hops).toEqual(['udp 192.0.2.1 5070', 'udp 192.0.2.2 5070'])
    expect(asked).toEqual(['A example.com', 'AAAA example.com'])
  })
  it('falls back on the addresses of the name without SRV', () => {
    const zone = { 'A example.com': ['192.0.2.1'], 'AAAA example.com': ['2001:db8::1'] }
    expect(search('sip:example.com', zone).hops).toEqual(['udp 192.0.2.1 5060', 'udp 2001:db8::1 5060'])
    expect(search('sip:example.com;transport=tls', zone).hops?.[0]).toBe('tls 192.0.2.1 5061')
    expect(search('sip:nowhere.example').hops).toEqual([])
  })
  it('lists all addresses of all servers, by priority, for failover (§4.3)', () => {
    const zone = {
      'SRV _sip._udp.example.com': [srv('second.example.com', 5062, 20), srv('first.example.com', 5061, 10)],
      'A first.example.com': ['192.0.2.1', '192.0.2.2'],
      'A second.example.com': ['192.0.2.3'],
    }
    expect(search('sip:example.com', zone).hops).toEqual([
      'udp 192.0.2.1 5061',
      'udp 192.0.2.2 5061',
      'udp 192.0.2.3 5062',
    ])
  })
  it('is not answered before the last address is known', () => {
    const one = new HopSearch('sip:example.com:5060', usual)
    one.poll()
    one.handle({ type: 'A', name: 'example.com', addresses: ['192.0.2.1'] })
    expect(one.hops).toBeNull()
    one.handle({ type: 'AAAA', name: 'example.com', addresses: [] })
    expect(one.hops?.length).toBe(1)
  })
})

describe('RFC 2782 weights', () => {
  it('draws servers of one priority by weight', () => {
    const fraction = seededRandom(3)
    const zone = {
      'SRV _sip._udp.example.com': [srv('a', 1, 1, 60), srv('b', 2, 1, 30), srv('c', 3, 1, 10), srv('d', 4, 1, 0)],
      ...{ 'A a': ['192.0.2.1'], 'A b': ['192.0.2.2'], 'A c': ['192.0.2.3'], 'A d': ['192.0.2.4'] },
    }
    const firsts = { a: 0, b: 0, c: 0, d: 0 }
    for (let draw = 0; draw < 4_000; draw += 1) {
      const { hops = [] } = search('sip:example.com', zone, { ...usual, fraction })
      expect(new Set(hops).size).toBe(4)
      const name = 'abcd'[Number(hops?.[0]?.at(-1)) - 1]
      if (name === 'a' || name === 'b' || name === 'c' || name === 'd') firsts[name] += 1
    }
    expect(firsts.a / 4_000).toBeCloseTo(0.6, 1)
    expect(firsts.b / 4_000).toBeCloseTo(0.3, 1)
    expect(firsts.c / 4_000).toBeCloseTo(0.1, 1)
    expect(firsts.d).toBeLessThan(120)
  })
  it('knows that "." is no server', () => {
    expect(search('sip:example.com', { 'SRV _sip._udp.example.com': [srv('.')] }).hops).toEqual([])
  })
})
