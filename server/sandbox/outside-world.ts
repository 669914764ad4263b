/**
 * The world outside of a sandbox: takes calls by UDP and does what their number says, and calls in. Its SIP is the engine's
 * own; whoever tests the engine takes sipp or kamailio.
 *
 * Invariant: every line ends by itself, at the latest after an hour, and there are never more than `mostLines`.
 */
import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { type SandboxNumber, sandboxNumbers } from '../../contract/sandbox.ts'
import type { IncomingInvite, LegCommand, LegEvent, LegId } from '../../engine/call/leg.ts'
import { numberOfUri } from '../../engine/call/numbers.ts'
import type { Instant } from '../../engine/machine.ts'
import type { Hop } from '../../engine/sip/hop.ts'
import { Legs } from '../../engine/sip/legs.ts'
import { isKeepAlive, parseMessage } from '../../engine/sip/message.ts'
import { Transactions } from '../../engine/sip/transactions.ts'
import { parseUri } from '../../engine/sip/uri.ts'
import { Timer, TimerQueue } from '../../engine/timer-queue.ts'
import type { OutsideCall } from './protocol.ts'
import { Sound } from './sound.ts'

export interface OutsideWorldOptions {
  readonly address: string
  /** 0: any that is free. */
  readonly port: number
  /** The SIP port of the voice process, at the same address. */
  readonly voicePort: number
}

const mostLines = 200
const ringMs = 1_000
const slowMs = 15_000
const dropMs = 5_000
const transferMs = 3_000
const mailboxMs = 30_000
const patienceMs = 10_000
const longestMs = 3_600_000
const source = { kind: 'trunk', accountId: 'outside', trunkId: 'outside' } as const
const agent = 'Carillon sandbox'
const token = () => randomBytes(9).toString('hex')

interface Line {
  readonly leg: LegId
  readonly scenario: SandboxNumber | OutsideCall['scenario']
  /** The second is who a caller is handed on to. */
  readonly sounds: Sound[]
  /** What the other side described last. */
  peer: string
  readonly timer: After
}

export class OutsideWorld {
  readonly #options: OutsideWorldOptions
  readonly #socket = createSocket('udp4')
  readonly #queue = new TimerQueue()
  readonly #transactions: Transactions
  readonly #legs: Legs
  readonly #lines = new Map<LegId, Line>()
  #wake: NodeJS.Timeout | null = null

  private constructor(options: OutsideWorldOptions) {
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
      agent,
      onRequest: (now, transaction) => {
        if (transaction.method !== 'INVITE') {
          return transaction.respond(now, { status: transaction.method === 'OPTIONS' ? 200 : 405 })
        }
        if (this.#lines.size >= mostLines) return transaction.respond(now, { status: 503 })
        this.#legs.accept(now, transaction, `leg_${token()}`, source)
      },
    })
  }

  static async start(options: OutsideWorldOptions): Promise<OutsideWorld> {
    const world = new OutsideWorld(options)
    world.#socket.bind(options.port, options.address)
    await once(world.#socket, 'listening')
    world.#socket.on('message', (bytes, from) => {
      if (isKeepAlive(bytes) || from.port !== options.voicePort || from.address !== options.address) return
      const hop: Hop = { transport: 'udp', address: from.address, port: from.port, flow: null }
      const message = parseMessage(bytes)
      world.#run((now) => {
        if (message.isFault) world.#transactions.receiveFault(message, hop)
        else world.#transactions.receive(now, message, hop)
      })
    })
    world.#socket.on('error', () => {}) // whoever was told something is gone: timers know
    return world
  }

  get port(): number {
    return this.#socket.address().port
  }

  /** Somebody from outside calls a phone number. */
  async call({ scenario, from, to }: OutsideCall): Promise<void> {
    if (this.#lines.size >= mostLines) return
    const { address, voicePort } = this.#options
    const line = await this.#open(`leg_${token()}`, scenario, '')
    this.#run((now) => {
      this.#say(now, {
        type: 'dial',
        leg: line.leg,
        to: { uri: `sip:${to}@${address}:${voicePort}`, route: [], flow: null, credentials: null },
        from: { number: from, name: null, isAnonymous: false },
        toNumber: to,
        headers: [],
        sdp: line.sounds[0]?.offer() ?? null,
        isIdentityTrusted: true,
      })
      this.#after(line, now + (scenario === 'give_up' ? patienceMs : longestMs), (at) => this.#hangUp(at, line))
    })
  }

  close(): void {
    if (this.#wake) clearTimeout(this.#wake)
    for (const { sounds } of this.#lines.values()) for (const sound of sounds) sound.close()
    this.#lines.clear()
    this.#socket.close()
  }

  #run(step: (now: Instant) => void): void {
    step(performance.now())
    for (let event = this.#legs.poll(); event !== undefined; event = this.#legs.poll()) {
      this.#hear(performance.now(), event)
    }
    if (this.#wake) clearTimeout(this.#wake)
    const deadline = this.#queue.deadline()
    if (deadline === undefined) return
    this.#wake = setTimeout(() => this.#run((at) => this.#queue.run(at)), Math.max(1, deadline - performance.now()))
  }

  #say(now: Instant, command: LegCommand): void {
    this.#legs.handle(now, command)
  }

  #hear(now: Instant, event: LegEvent): void {
    const { leg } = event
    switch (event.type) {
      case 'incoming':
        return this.#ring(now, leg, event.call)
      case 'answered': {
        const line = this.#lines.get(leg)
        if (line && line.scenario === 'hang_up') this.#after(line, now + dropMs, (at) => this.#hangUp(at, line))
        if (line && line.scenario === 'give_up') this.#after(line, now + longestMs, (at) => this.#hangUp(at, line))
        return
      }
      case 'offer':
        return this.#answerAgain(now, leg, event.sdp)
      case 'failed':
      case 'cancelled':
      case 'ended':
        return this.#forget(leg)
    }
  }

  #ring(now: Instant, leg: LegId, { requestUri, sdp }: IncomingInvite): void {
    const scenario = scenarioOf(numberOfUri(requestUri))
    const status = sdp === null ? 488 : refusals[scenario]
    if (status !== undefined || sdp === null) return this.#say(now, { type: 'reject', leg, status: status ?? 488 })
    this.#say(now, { type: 'progress', leg, status: 180, sdp: null })
    void this.#open(leg, scenario, sdp).then((line) => {
      // Given up meanwhile.
      if (this.#legs.callIdOf(leg) === null) return this.#forget(leg)
      this.#run((at) => {
        if (scenario === 'no_answer') return this.#after(line, at + longestMs, (when) => this.#hangUp(when, line))
        this.#after(line, at + (scenario === 'slow_answer' ? slowMs : ringMs), (when) => this.#answer(when, line))
      })
    })
  }

  #answer(now: Instant, line: Line): void {
    const [sound] = line.sounds
    const sdp = sound?.answer(line.peer)
    if (!sound || !sdp) {
      this.#say(now, { type: 'reject', leg: line.leg, status: 488 })
      return this.#forget(line.leg)
    }
    this.#say(now, { type: 'answer', leg: line.leg, sdp })
    if (line.scenario === 'voicemail') sound.beep(line.peer)
    if (line.scenario === 'transfer') return this.#after(line, now + transferMs, () => void this.#handOn(line))
    const ms = { drop: dropMs, voicemail: mailboxMs }[line.scenario as string] ?? longestMs
    this.#after(line, now + ms, (at) => this.#hangUp(at, line))
  }

  /** Another party takes the call over: its sound, and its number. */
  async #handOn(line: Line): Promise<void> {
    const next = await Sound.open(this.#options.address)
    if (!this.#lines.has(line.leg)) return next.close()
    line.sounds.unshift(next)
    const identity = { number: sandboxNumbers.answer.number, name: null, isAnonymous: false }
    this.#run((now) => {
      this.#say(now, { type: 'offer', leg: line.leg, sdp: next.offer(), identity })
      this.#after(line, now + longestMs, (at) => this.#hangUp(at, line))
    })
  }

  /** Hold and the like are agreed to. */
  #answerAgain(now: Instant, leg: LegId, offer: string | null): void {
    const [sound] = this.#lines.get(leg)?.sounds ?? []
    const sdp = offer === null ? sound?.offer() : sound?.answer(offer)
    if (sdp) this.#say(now, { type: 'answer_offer', leg, sdp })
    else this.#say(now, { type: 'reject_offer', leg, status: 488 })
  }

  async #open(leg: LegId, scenario: Line['scenario'], peer: string): Promise<Line> {
    const line = { leg, scenario, sounds: [await Sound.open(this.#options.address)], peer, timer: new After() }
    this.#lines.set(leg, line)
    return line
  }

  #hangUp(now: Instant, { leg }: Line): void {
    this.#say(now, { type: 'hangup', leg, reason: null })
    // An incoming one that was not answered has no event of its end.
    if (this.#legs.callIdOf(leg) === null) this.#forget(leg)
  }

  #after({ timer }: Line, at: Instant, act: (now: Instant) => void): void {
    timer.act = act
    this.#queue.set(timer, at)
  }

  #forget(leg: LegId): void {
    const line = this.#lines.get(leg)
    if (line === undefined) return
    this.#queue.cancel(line.timer)
    for (const sound of line.sounds) sound.close()
    this.#lines.delete(leg)
  }
}

class After extends Timer {
  act: (now: Instant) => void = () => {}

  override wake(now: Instant): void {
    this.act(now)
  }
}

const refusals: Readonly<Partial<Record<SandboxNumber, number>>> = { busy: 486, unknown_number: 404, congestion: 503 }

/** All others answer. */
function scenarioOf(number: string): SandboxNumber {
  const found = Object.entries(sandboxNumbers).find(([, one]) => one.number === number)
  return (found?.[0] as SandboxNumber | undefined) ?? 'answer'
}

function hopsOf(text: string): Hop[] {
  const uri = parseUri(text)
  return uri === null ? [] : [{ transport: 'udp', address: uri.host, port: uri.port ?? 5060, flow: null }]
}
