/**
 * A world of SIP nodes on one clock that jumps: each has a transaction layer and legs, or is a peer that a test plays by
 * hand. Datagrams take the way that chance gives them: late, twice, out of order, or never.
 */
import type { LegCommand, LegEvent, LegId, Source } from '../call/leg.ts'
import type { Hop } from '../sip/hop.ts'
import type { LegsOptions } from '../sip/leg-port.ts'
import { Legs } from '../sip/legs.ts'
import { type ParseFault, parseMessage, type SipMessage } from '../sip/message.ts'
import type { ServerTransaction } from '../sip/server-transaction.ts'
import { Transactions } from '../sip/transactions.ts'
import { Timer, TimerQueue } from '../timer-queue.ts'
import { mutate } from './mutation.ts'
import { seededRandom } from './random.ts'

export interface Weather {
  loss?: number
  duplicates?: number
  /** Delay is drawn between the two, for each datagram by itself: reordering. */
  delayMs?: readonly [number, number]
  /** Of datagrams, changed on their way. */
  spoiled?: number
}

interface Station {
  readonly name: string
  readonly address: string
  receive(now: number, message: SipMessage | ParseFault, source: Hop): void
  /** True when there was something to do. */
  drain(): boolean
}

class Datagram extends Timer {
  readonly #deliver: (now: number) => void
  constructor(deliver: (now: number) => void) {
    super()
    this.#deliver = deliver
  }
  override wake(now: number): void {
    this.#deliver(now)
  }
}

export class SipWorld {
  readonly queue = new TimerQueue()
  now = 0
  /** Every datagram that was sent, lost ones too: `from>to METHOD` or `from>to STATUS METHOD`. */
  readonly wire: string[] = []
  weather: Weather
  readonly random: () => number
  readonly #stations = new Map<string, Station>()
  #sequence = 0

  constructor({ seed = 1, ...weather }: Weather & { seed?: number } = {}) {
    this.random = seededRandom(seed)
    this.weather = weather
  }

  node(name: string, address: string, options: Partial<LegsOptions> = {}): SipNode {
    const node = new SipNode(this, name, address, options)
    this.#stations.set(address, node)
    return node
  }

  peer(name: string, address: string): ScriptedPeer {
    const peer = new ScriptedPeer(this, name, address)
    this.#stations.set(address, peer)
    return peer
  }

  /** Each copy is parsed by itself. */
  carry(from: Station, address: string, bytes: Uint8Array): void {
    const { spoiled = 0 } = this.weather
    // An answer to what was spoiled repeats what is wrong in it.
    this.#convey(from, address, nameOf(parseMessage(bytes)), () =>
      parseMessage(this.random() < spoiled ? mutate(this.random, bytes) : bytes),
    )
  }

  /** What a test wrote by hand. */
  carryMessage(from: Station, address: string, message: SipMessage): void {
    this.#convey(from, address, nameOf(message), () => message)
  }

  #convey(from: Station, address: string, what: string, fresh: () => SipMessage | ParseFault): void {
    const to = this.#stations.get(address)
    this.wire.push(`${from.name}>${to?.name ?? address} ${what}`)
    const { loss = 0, duplicates = 0, delayMs = [1, 1] } = this.weather
    const copies = this.random() < duplicates ? 2 : 1
    for (let copy = 0; copy < copies; copy += 1) {
      if (this.random() < loss || to === undefined) continue
      // A thousandth for each, so that those of one delay come in the order in which they were sent.
      this.#sequence += 0.001
      const at = this.now + delayMs[0] + this.random() * (delayMs[1] - delayMs[0]) + this.#sequence
      const source: Hop = { transport: 'udp', address: from.address, port: 5060, flow: null }
      this.queue.set(new Datagram((now) => to.receive(now, fresh(), source)), at)
    }
  }

  /** Lets time pass; whoever listens to a node hears its events in between. */
  run(ms = Infinity): void {
    const until = this.now + ms
    this.#drain()
    for (let at = this.queue.deadline(); at !== undefined && at <= until; at = this.queue.deadline()) {
      if (at > this.now + 0.5) this.#sequence = 0
      this.now = at
      this.queue.run(at)
      this.#drain()
    }
    if (until !== Infinity) this.now = until
  }

  #drain(): void {
    for (let isBusy = true; isBusy; ) {
      isBusy = false
      for (const station of this.#stations.values()) isBusy = station.drain() || isBusy
    }
  }
}

/** A peer that does nothing but what a test makes it do. */
export class ScriptedPeer implements Station {
  readonly name: string
  readonly address: string
  readonly received: SipMessage[] = []
  onMessage: (message: SipMessage) => void = () => {}
  readonly #world: SipWorld

  constructor(world: SipWorld, name: string, address: string) {
    this.#world = world
    this.name = name
    this.address = address
  }

  send(to: { address: string }, message: SipMessage): void {
    this.#world.carryMessage(this, to.address, message)
  }

  receive(_now: number, message: SipMessage | ParseFault): void {
    if (message.isFault) throw new Error(`${this.name} cannot read: ${message.reason}`)
    this.received.push(message)
    this.onMessage(message)
  }

  drain(): boolean {
    return false
  }

  /** The last request of that method, or the last response of that status. */
  last(what: string | number): SipMessage {
    const found = this.received.findLast((one) => (one.isRequest ? one.method : one.status) === what)
    if (found === undefined) throw new Error(`${this.name} received no ${what}`)
    return found
  }

  count(what: string | number): number {
    return this.received.filter((one) => (one.isRequest ? one.method : one.status) === what).length
  }
}

export class SipNode implements Station {
  readonly name: string
  readonly address: string
  readonly legs: Legs
  readonly transactions: Transactions
  readonly events: LegEvent[] = []
  /** What it does by itself; commands it gives are heard at once. */
  onEvent: (event: LegEvent) => void = () => {}
  /** What it does with a new request; by itself it takes each INVITE as one from a trunk. */
  onRequest: (transaction: ServerTransaction) => void
  readonly #world: SipWorld
  #lastLeg = 0

  constructor(world: SipWorld, name: string, address: string, options: Partial<LegsOptions>) {
    this.#world = world
    this.name = name
    this.address = address
    let tokens = 0
    this.transactions = new Transactions({
      queue: world.queue,
      send: (hop, bytes) => world.carry(this, hop.address, bytes),
      local: () => ({ host: address, port: 5060 }),
      token: () => {
        tokens += 1
        return `${name}${tokens}`
      },
    })
    this.legs = new Legs({
      transactions: this.transactions,
      queue: world.queue,
      locate: (now, uri, done) => done(now, hopsOf(uri)),
      flow: (id) => ({ transport: 'udp', address: id, port: 5060, flow: id }),
      authorize: () => null,
      fraction: world.random,
      onRequest: (_now, transaction) => this.onRequest(transaction),
      agent: 'Carillon',
      sessionSeconds: 1800,
      ...options,
    })
    const source: Source = { kind: 'trunk', accountId: 'acc_1', trunkId: 'trk_1' }
    this.onRequest = (transaction) => {
      if (transaction.method === 'INVITE') this.legs.accept(world.now, transaction, this.newLeg(), source)
      else transaction.respond(world.now, { status: 501 })
    }
  }

  newLeg(): LegId {
    this.#lastLeg += 1
    return `leg_${this.name}${this.#lastLeg}`
  }

  command(command: LegCommand): void {
    this.legs.handle(this.#world.now, command)
  }

  /** Dials with what a plain call has. */
  dial(uri: string, more: Partial<Extract<LegCommand, { type: 'dial' }>> = {}): LegId {
    const leg = more.leg ?? this.newLeg()
    this.command({
      type: 'dial',
      leg,
      to: { uri, route: [], flow: null, credentials: null },
      from: { number: '1001', name: 'Alice', isAnonymous: false },
      toNumber: '1002',
      headers: [],
      sdp: 'offer',
      isIdentityTrusted: true,
      ...more,
    })
    return leg
  }

  receive(now: number, message: SipMessage | ParseFault, source: Hop): void {
    if (message.isFault) this.transactions.receiveFault(message, source)
    else this.transactions.receive(now, message, source)
  }

  drain(): boolean {
    let isBusy = false
    for (let event = this.legs.poll(); event !== undefined; event = this.legs.poll()) {
      isBusy = true
      this.events.push(event)
      this.onEvent(event)
    }
    return isBusy
  }

  /** The types of its events so far, with what tells them apart; a 100, which every peer sends, is left out. */
  get story(): string[] {
    const telling = this.events.filter((event) => event.type !== 'progress' || event.status > 100)
    return telling.map((event) => {
      if (event.type === 'ended') return `ended by ${event.by}`
      return 'status' in event ? `${event.type} ${event.status}` : event.type
    })
  }

  /** The last event of that type. */
  last<T extends LegEvent['type']>(type: T): Extract<LegEvent, { type: T }> {
    const found = this.events.findLast((event): event is Extract<LegEvent, { type: T }> => event.type === type)
    if (found === undefined) throw new Error(`${this.name} had no event ${type}: ${this.story.join(', ')}`)
    return found
  }

  /** Nothing is left of any call. */
  get remains(): string {
    return `${this.legs.size} legs, ${this.transactions.size} transactions`
  }
}

function nameOf(message: SipMessage | ParseFault): string {
  if (message.isFault) return 'what nobody can read'
  return message.isRequest ? message.method : `${message.status} ${message.method}`
}

export const nothing = '0 legs, 0 transactions'

/** `sip:user@192.0.2.1:5070;transport=tcp` needs nobody to look it up. */
export function hopsOf(uri: string): Hop[] {
  const match = /^sips?:(?:[^@]*@)?([\d.]+)(?::(\d+))?/.exec(uri)
  if (match === null) return []
  return [{ transport: 'udp', address: match[1] ?? '', port: Number(match[2] ?? 5060), flow: null }]
}
