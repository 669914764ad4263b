/**
 * How the sound of a phone gets to its meeting (M8). Its RTP socket stays where the call was answered, at our worker. A
 * meeting of that worker is joined there; to one of another worker goes a way of plain RTP over the loopback, from one
 * endpoint of ours to another, in the phone's own codec where that is one that can be mixed.
 *
 * Everything that is ordered of media passes here, because what takes an endpoint out of its meeting ends its way.
 */
import { isLaw } from '../../engine/rtp/g711.ts'
import type { EndpointId, MediaOrder, MediaReport, RemoteMedia } from '../../engine/rtp/messages.ts'
import { speechOf } from '../../engine/rtp/speech.ts'
import type { MediaClient } from './media-client.ts'
import type { Ports } from './ports.ts'

type MeetingOrder = Extract<MediaOrder, { type: 'meeting' }>
type Client = Pick<MediaClient, 'order' | 'remoteOf'>

interface MeetingWaysOptions {
  readonly own: Client
  /** The worker of that index. */
  readonly other: (worker: number) => Client
  readonly ports: Pick<Ports, 'take' | 'release'>
  /** Of the process: the endpoints of the one before have other names. */
  readonly epoch: string
}

interface Way {
  readonly order: MeetingOrder
  readonly near: EndpointId
  readonly far: EndpointId
  readonly ports: { readonly near: number; readonly far: number }
}

const ownWorker = 0
const loopback = '127.0.0.1'
const opusPayload = 111
const mostTries = 5
const plainAlaw = { name: 'PCMA', clockRate: 8_000, payload: 8, sendPayload: 8 }

export class MeetingWays {
  readonly #options: MeetingWaysOptions
  readonly #ways = new Map<EndpointId, Way>()
  /** Of endpoints that are not closed yet. */
  readonly #ends = new Map<EndpointId, { readonly endpoint: EndpointId; readonly tries: number }>()
  #made = 0

  constructor(options: MeetingWaysOptions) {
    this.#options = options
  }

  order(order: MediaOrder): void {
    const { own } = this.#options
    if (order.type === 'meeting' && order.worker !== ownWorker) {
      if (this.#ways.get(order.endpoint)?.order.peer !== order.peer) this.#open(order, 0)
      return
    }
    for (const endpoint of leaving(order)) this.#close(endpoint)
    own.order(order)
    if (order.type === 'remote') this.#describe(order.endpoint)
  }

  /** True: it is about an end of a way, and nothing to anybody else. */
  hear(report: MediaReport): boolean {
    const end = this.#ends.get(report.endpoint)
    if (!end) return false
    if (report.type === 'closed') this.#forget(report.endpoint)
    if (report.type === 'open_failed') {
      this.#forget(report.endpoint)
      const way = this.#ways.get(end.endpoint)
      if (way && [way.near, way.far].includes(report.endpoint)) this.#openElsewhere(way, end.tries)
    }
    return true
  }

  #open(order: MeetingOrder, tries: number): void {
    const { endpoint, worker, peer } = order
    this.#close(endpoint)
    const { own, other, ports, epoch } = this.#options
    this.#made += 1
    const name = `${endpoint}~${epoch}${this.#made}`
    const [near, far] = [`${name}near`, `${name}far`]
    const [nearPort, farPort] = [ports.take(near), ports.take(far)]
    if (nearPort === null || farPort === null) {
      for (const end of [near, far]) ports.release(end)
      return // As if nobody spoke there: there is no port to be had for it.
    }
    this.#ways.set(endpoint, { order, near, far, ports: { near: nearPort, far: farPort } })
    for (const end of [near, far]) this.#ends.set(end, { endpoint, tries })
    own.order({ type: 'open', endpoint: near, port: nearPort, address: loopback })
    other(worker).order({ type: 'open', endpoint: far, port: farPort, address: loopback })
    this.#describe(endpoint)
    own.order({ type: 'bridge', a: endpoint, b: near })
    other(worker).order({ type: 'meeting', endpoint: far, peer, worker })
  }

  /** Both ends of it. */
  #describe(endpoint: EndpointId): void {
    const way = this.#ways.get(endpoint)
    if (!way) return
    const { own, other } = this.#options
    const codec = codecOf(own.remoteOf(endpoint))
    own.order({ type: 'remote', endpoint: way.near, remote: described(way.ports.far, codec) })
    other(way.order.worker).order({ type: 'remote', endpoint: way.far, remote: described(way.ports.near, codec) })
  }

  #openElsewhere({ order }: Way, tries: number): void {
    if (tries < mostTries) this.#open(order, tries + 1)
    else this.#close(order.endpoint)
  }

  #close(endpoint: EndpointId): void {
    const way = this.#ways.get(endpoint)
    if (!way) return
    this.#ways.delete(endpoint)
    const { own, other } = this.#options
    own.order({ type: 'close', endpoint: way.near })
    other(way.order.worker).order({ type: 'close', endpoint: way.far })
  }

  #forget(end: EndpointId): void {
    this.#ends.delete(end)
    this.#options.ports.release(end)
  }
}

/** Whom an order takes to somewhere else. */
function leaving(order: MediaOrder): readonly EndpointId[] {
  switch (order.type) {
    case 'bridge':
      return [order.a, order.b]
    case 'mix':
      return Object.entries(order.hears).flat(2)
    case 'meeting':
    case 'unbridge':
    case 'close':
      return [order.endpoint]
    default:
      return []
  }
}

type Codec = RemoteMedia['codecs'][number]

function codecOf(remote: RemoteMedia | null): Codec {
  const codec = remote?.codecs.find((one) => speechOf(one) !== null)
  if (!codec) return plainAlaw
  const { name, clockRate } = codec
  const payload = !isLaw(name) ? opusPayload : name === 'PCMU' ? 0 : 8
  return { name, clockRate, payload, sendPayload: payload }
}

const described = (port: number, codec: Codec): RemoteMedia => ({
  address: loopback,
  port,
  rtcpPort: port + 1,
  signalling: loopback,
  direction: 'sendrecv',
  codecs: [codec],
  dtmf: null,
  comfortNoise: null,
  ptimeMs: 20,
  srtp: null,
})
