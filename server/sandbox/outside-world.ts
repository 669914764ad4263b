/**
 * The world outside of a sandbox: takes calls by UDP and does what their number says, and calls in. Its SIP is the engine's
 * own; whoever tests the engine takes sipp or kamailio.
 *
 * Invariant: every line ends by itself, at the latest after an hour, and there are never more than `mostLines`.
 */
import { type SandboxNumber, sandboxNumbers } from '../../contract/sandbox.ts'
import type { IncomingInvite, LegCommand, LegEvent, LegId } from '../../engine/call/leg.ts'
import { numberOfUri } from '../../engine/call/numbers.ts'
import type { Instant } from '../../engine/machine.ts'
import { After, newLegId, OutsideAgent } from './outside-agent.ts'
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
  readonly #agent: OutsideAgent
  readonly #lines = new Map<LegId, Line>()

  private constructor(options: OutsideWorldOptions) {
    this.#options = options
    this.#agent = new OutsideAgent({
      address: options.address,
      port: options.port,
      name: 'Carillon sandbox',
      peer: { address: options.address, port: options.voicePort },
      isFull: () => this.#lines.size >= mostLines,
      hear: (now, event) => this.#hear(now, event),
    })
  }

  static async start(options: OutsideWorldOptions): Promise<OutsideWorld> {
    const world = new OutsideWorld(options)
    await world.#agent.listen()
    return world
  }

  get port(): number {
    return this.#agent.port
  }

  /** Somebody from outside calls a phone number. */
  async call({ scenario, from, to }: OutsideCall): Promise<void> {
    if (this.#lines.size >= mostLines) return
    const { address, voicePort } = this.#options
    const line = await this.#open(newLegId(), scenario, '')
    this.#agent.run((now) => {
      this.#agent.dial(now, line.leg, {
        number: to,
        at: { address, port: voicePort },
        from: { number: from, name: null, isAnonymous: false },
        sdp: line.sounds[0]?.offer() ?? null,
      })
      this.#after(line, now + (scenario === 'give_up' ? patienceMs : longestMs), (at) => this.#hangUp(at, line))
    })
  }

  close(): void {
    this.#agent.close()
    for (const { sounds } of this.#lines.values()) for (const sound of sounds) sound.close()
    this.#lines.clear()
  }

  #say(now: Instant, command: LegCommand): void {
    this.#agent.say(now, command)
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
      if (!this.#agent.has(leg)) return this.#forget(leg)
      this.#agent.run((at) => {
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
    this.#agent.run((now) => {
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
    if (!this.#agent.has(leg)) this.#forget(leg)
  }

  #after({ timer }: Line, at: Instant, act: (now: Instant) => void): void {
    this.#agent.after(timer, at, act)
  }

  #forget(leg: LegId): void {
    const line = this.#lines.get(leg)
    if (line === undefined) return
    this.#agent.cancel(line.timer)
    for (const sound of line.sounds) sound.close()
    this.#lines.delete(leg)
  }
}

const refusals: Readonly<Partial<Record<SandboxNumber, number>>> = { busy: 486, unknown_number: 404, congestion: 503 }

/** All others answer. */
function scenarioOf(number: string): SandboxNumber {
  const found = Object.entries(sandboxNumbers).find(([, one]) => one.number === number)
  return (found?.[0] as SandboxNumber | undefined) ?? 'answer'
}
