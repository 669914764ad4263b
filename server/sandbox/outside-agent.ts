/**
 * A SIP user agent outside: the engine's SIP on one UDP socket and this process's clock. What it does with its calls is its
 * owner's, the simulated outside of sandboxes or the carrier of development.
 */
import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { Identity, LegCommand, LegEvent, LegId } from '../../engine/call/leg.ts'
import type { Instant } from '../../engine/machine.ts'
import type { Hop } from '../../engine/sip/hop.ts'
import { Legs } from '../../engine/sip/legs.ts'
import { isKeepAlive, parseMessage } from '../../engine/sip/message.ts'
import { Transactions } from '../../engine/sip/transactions.ts'
import { parseUri } from '../../engine/sip/uri.ts'
import { Timer, TimerQueue } from '../../engine/timer-queue.ts'

interface Place {
  readonly address: string
  readonly port: number
}

export interface OutsideAgentOptions extends Place {
  /** `port` 0: any that is free. */
  readonly name: string
  /** Null: whoever speaks is heard. */
  readonly peer: Place | null
  /** No further call is taken. */
  readonly isFull: () => boolean
  readonly hear: (now: Instant, event: LegEvent) => void
}

interface Dialled {
  readonly number: string
  readonly at: Place
  readonly from: Identity
  readonly sdp: string | null
}

const source = { kind: 'trunk', accountId: 'outside', trunkId: 'outside' } as const
const token = () => randomBytes(9).toString('hex')

export const newLegId = (): LegId => `leg_${token()}`

export class OutsideAgent {
  readonly #options: OutsideAgentOptions
  readonly #socket = createSocket('udp4')
  readonly #queue = new TimerQueue()
  readonly #transactions: Transactions
  readonly #legs: Legs
  #wake: NodeJS.Timeout | null = null

  constructor(options: OutsideAgentOptions) {
    this.#options = options
    this.#transactions = new Transactions({
      queue: this.#queue,
      send: (hop, bytes) => this.#socket.send(bytes, hop.port, hop.address),
      local: () => ({ host: options.address, port: this.port }),
      token,
    })
    this.#legs = new Legs({
      transactions: this.#transactions,
      queue: this.#queue,
      locate: (now, uri, done) => done(now, hopsOf(uri)),
      flow: () => null,
      authorize: () => null,
      fraction: Math.random,
      sessionSeconds: 1_800,
      agent: options.name,
      onRequest: (now, transaction) => {
        if (transaction.method !== 'INVITE') {
          return transaction.respond(now, { status: transaction.method === 'OPTIONS' ? 200 : 405 })
        }
        if (options.isFull()) return transaction.respond(now, { status: 503 })
        this.#legs.accept(now, transaction, newLegId(), source)
      },
    })
  }

  async listen(): Promise<void> {
    this.#socket.bind(this.#options.port, this.#options.address)
    await once(this.#socket, 'listening')
    this.#socket.on('message', (bytes, from) => this.#receive(bytes, from))
    this.#socket.on('error', () => {}) // whoever was told something is gone: timers know
  }

  get port(): number {
    return this.#socket.address().port
  }

  close(): void {
    if (this.#wake) clearTimeout(this.#wake)
    this.#socket.close()
  }

  /** Whatever is said, is said within a step: what follows from it is heard before the next. */
  run(step: (now: Instant) => void): void {
    step(performance.now())
    for (let event = this.#legs.poll(); event !== undefined; event = this.#legs.poll()) {
      this.#options.hear(performance.now(), event)
    }
    if (this.#wake) clearTimeout(this.#wake)
    const deadline = this.#queue.deadline()
    if (deadline === undefined) return
    this.#wake = setTimeout(() => this.run((at) => this.#queue.run(at)), Math.max(1, deadline - performance.now()))
  }

  say(now: Instant, command: LegCommand): void {
    this.#legs.handle(now, command)
  }

  dial(now: Instant, leg: LegId, { number, at, from, sdp }: Dialled): void {
    const to = { uri: `sip:${number}@${at.address}:${at.port}`, route: [], flow: null, credentials: null }
    this.say(now, { type: 'dial', leg, to, from, toNumber: number, headers: [], sdp, isIdentityTrusted: true })
  }

  /** It is not over. */
  has(leg: LegId): boolean {
    return this.#legs.callIdOf(leg) !== null
  }

  after(timer: After, at: Instant, act: (now: Instant) => void): void {
    timer.act = act
    this.#queue.set(timer, at)
  }

  cancel(timer: After): void {
    this.#queue.cancel(timer)
  }

  #receive(bytes: Uint8Array, { address, port }: Place): void {
    const { peer } = this.#options
    if (isKeepAlive(bytes) || (peer !== null && (port !== peer.port || address !== peer.address))) return
    const hop: Hop = { transport: 'udp', address, port, flow: null }
    const message = parseMessage(bytes)
    this.run((now) => {
      if (message.isFault) this.#transactions.receiveFault(message, hop)
      else this.#transactions.receive(now, message, hop)
    })
  }
}

/** One thing to do later; another takes its place. */
export class After extends Timer {
  act: (now: Instant) => void = () => {}

  override wake(now: Instant): void {
    this.act(now)
  }
}

function hopsOf(text: string): Hop[] {
  const uri = parseUri(text)
  return uri === null ? [] : [{ transport: 'udp', address: uri.host, port: uri.port ?? 5060, flow: null }]
}
