import { beforeEach, expect, it } from 'vitest'
import type { MediaOrder, RemoteMedia } from '../../engine/rtp/messages.ts'
import { MeetingWays } from './meeting-ways.ts'
import { Ports } from './ports.ts'

const g722 = { name: 'G722', clockRate: 8_000, payload: 9, sendPayload: 9 }
const pcmu = { name: 'PCMU', clockRate: 8_000, payload: 0, sendPayload: 0 }
const remote = { codecs: [g722, pcmu] } as unknown as RemoteMedia

let own: MediaOrder[]
let other: MediaOrder[]
let ports: Ports
let ways: MeetingWays
beforeEach(() => {
  own = []
  other = []
  ports = new Ports({ first: 30_000, last: 30_007 })
  ways = new MeetingWays({
    own: { order: (order) => own.push(order), remoteOf: () => remote },
    other: (worker) => {
      expect(worker).toBe(2)
      return { order: (order) => other.push(order), remoteOf: () => null }
    },
    ports,
    epoch: 'e',
  })
})
const join = (worker: number, peer = 'par.phone') => ways.order({ type: 'meeting', endpoint: 'leg', peer, worker })
const near = () => own.find((order) => order.type === 'open')?.endpoint ?? ''
const far = () => other.find((order) => order.type === 'open')?.endpoint ?? ''
const closed = (endpoint: string) => ways.hear({ type: 'closed', endpoint, quality: null })

it('a meeting of our own worker is joined there', () => {
  join(0)
  expect(own).toEqual([{ type: 'meeting', endpoint: 'leg', peer: 'par.phone', worker: 0 }])
  expect(ports.size).toBe(0)
})

it('to another worker goes a way over the loopback, in the first codec that can be mixed', () => {
  join(2)
  expect(own.map(({ type }) => type)).toEqual(['open', 'remote', 'bridge'])
  expect(other.map(({ type }) => type)).toEqual(['open', 'remote', 'meeting'])
  expect(own[2]).toEqual({ type: 'bridge', a: 'leg', b: near() })
  expect(other[2]).toEqual({ type: 'meeting', endpoint: far(), peer: 'par.phone', worker: 2 })
  expect(own[1]).toMatchObject({ remote: { address: '127.0.0.1', port: 30_002, codecs: [pcmu] } })
  expect(other[1]).toMatchObject({ remote: { address: '127.0.0.1', port: 30_000, codecs: [pcmu] } })
  join(2) // again: nothing
  expect(own).toHaveLength(3)
})

it.each<MediaOrder>([
  { type: 'close', endpoint: 'leg' },
  { type: 'unbridge', endpoint: 'leg' },
  { type: 'bridge', a: 'x', b: 'leg' },
  { type: 'mix', mix: 'm', hears: { x: ['leg'] } },
])('$type ends it, and its ports come back when both ends are closed', (order) => {
  join(2)
  const ends = [near(), far()]
  ways.order(order)
  expect(own.slice(3)).toEqual([{ type: 'close', endpoint: ends[0] }, order])
  expect(other.slice(3)).toEqual([{ type: 'close', endpoint: ends[1] }])
  expect(ports.size).toBe(2)
  for (const end of ends) expect(closed(end)).toBe(true)
  expect(ports.size).toBe(0)
})

it('another codec of the phone is one of both ends', () => {
  join(2)
  ways.order({ type: 'remote', endpoint: 'leg', remote })
  expect(own.slice(3).map(({ type }) => type)).toEqual(['remote', 'remote'])
  expect(other.slice(3).map(({ type }) => type)).toEqual(['remote'])
})

it('a port that is taken: it is opened at others', () => {
  join(2)
  const ends = [near(), far()]
  expect(ways.hear({ type: 'open_failed', endpoint: ends[0] ?? '', message: 'taken' })).toBe(true)
  expect(other.filter(({ type }) => type === 'meeting')).toHaveLength(2)
  expect(other).toContainEqual({ type: 'close', endpoint: ends[1] })
})

it('what is about others is theirs', () => {
  join(2)
  expect(closed('leg')).toBe(false)
  expect(ways.hear({ type: 'timeout', endpoint: near() })).toBe(true)
})

it('without a port nothing is opened', () => {
  for (const name of ['a', 'b', 'c']) ports.take(name)
  join(2)
  expect(own).toEqual([])
  expect(ports.size).toBe(3)
})
