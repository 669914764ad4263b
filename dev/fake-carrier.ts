/**
 * A carrier to develop with: takes calls by UDP and does what the last two digits of the called number say. Who is
 * answered hears what is said there, as an echo.
 *
 *   00 is busy   01 rings and is never answered   02 is no number   03 has no lines   04 hangs up after three seconds
 *   05 is busy, and calls back at the number that was shown, where it hangs up after ten seconds
 *   all others ring for a second and are answered
 *
 * Its SIP is the engine's own; whoever tests the engine takes sipp or kamailio (tests/interop).
 */
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import type { LegCommand, LegEvent, LegId } from '../engine/call/leg.ts'
import { numberOfUri } from '../engine/call/numbers.ts'
import type { Instant } from '../engine/machine.ts'
import { After, newLegId, OutsideAgent } from '../server/sandbox/outside-agent.ts'

export interface FakeCarrierOptions {
  readonly address: string
  /** 0: any that is free. */
  readonly port: number
  /** Whom it calls back. */
  readonly to: { readonly address: string; readonly port: number }
}

const ringMs = 1_000
const shortMs = 3_000
const longMs = 10_000
const anybody = { number: '+32470000000', name: 'Fake Carrier', isAnonymous: false }

interface Line {
  readonly leg: LegId
  readonly echo: Socket
  /** Of a call that came: what it is answered with. */
  readonly answer: string | null
  readonly timer: After
  /** Until it hangs up; null: the other side does. */
  readonly mostMs: number | null
}

export class FakeCarrier {
  readonly #options: FakeCarrierOptions
  readonly #agent: OutsideAgent
  readonly #lines = new Map<LegId, Line>()

  private constructor(options: FakeCarrierOptions) {
    this.#options = options
    this.#agent = new OutsideAgent({
      address: options.address,
      port: options.port,
      name: 'Fake Carrier',
      peer: null,
      isFull: () => false,
      hear: (now, event) => this.#hear(now, event),
    })
  }

  static async start(options: FakeCarrierOptions): Promise<FakeCarrier> {
    const carrier = new FakeCarrier(options)
    await carrier.#agent.listen()
    return carrier
  }

  get port(): number {
    return this.#agent.port
  }

  close(): void {
    this.#agent.close()
    for (const { echo } of this.#lines.values()) echo.close()
    this.#lines.clear()
  }

  #say(now: Instant, command: LegCommand): void {
    this.#agent.say(now, command)
  }

  #hear(now: Instant, event: LegEvent): void {
    const { leg } = event
    switch (event.type) {
      case 'incoming':
        return this.#takeCall(now, leg, event.call)
      case 'answered':
        return this.#hangUpAfter(now, this.#lines.get(leg))
      case 'offer':
        return this.#answerAgain(now, leg, event.sdp)
      case 'failed':
      case 'cancelled':
      case 'ended':
        return this.#forget(leg)
    }
  }

  #takeCall(
    now: Instant,
    leg: LegId,
    call: { requestUri: string; fromUri: string; asserted: readonly string[]; sdp: string | null },
  ): void {
    const number = numberOfUri(call.requestUri)
    const shown = numberOfUri(call.asserted[0] ?? call.fromUri)
    const reject = (status: number) => this.#say(now, { type: 'reject', leg, status })
    switch (number.slice(-2)) {
      case '00':
        return reject(486)
      case '02':
        return reject(404)
      case '03':
        return reject(503)
      case '05':
        reject(486)
        return void this.#callBack(shown)
    }
    const { sdp } = call
    if (sdp === null) return reject(488)
    this.#say(now, { type: 'progress', leg, status: 180, sdp: null })
    const mostMs = number.endsWith('04') ? shortMs : null
    void this.#open(leg, (address, port) => describe(address, port, sdp), mostMs).then((line) => {
      // Given up meanwhile.
      if (!this.#agent.has(leg)) return this.#forget(leg)
      if (number.endsWith('01')) return
      this.#agent.run((at) => this.#after(line, at + ringMs, (when) => this.#answer(when, line)))
    })
  }

  #answer(now: Instant, line: Line): void {
    if (!this.#lines.has(line.leg)) return
    this.#say(now, { type: 'answer', leg: line.leg, sdp: line.answer ?? '' })
    this.#hangUpAfter(now, line)
  }

  /** Hold and the like are agreed to; the echo answers wherever sound comes from. */
  #answerAgain(now: Instant, leg: LegId, sdp: string | null): void {
    const line = this.#lines.get(leg)
    if (line === undefined) return
    const { address, port } = line.echo.address()
    this.#say(now, { type: 'answer_offer', leg, sdp: describe(address, port, sdp ?? 'm=audio 1 RTP/AVP 8 101') })
  }

  async #callBack(number: string): Promise<void> {
    const leg = newLegId()
    const line = await this.#open(leg, () => '', longMs)
    const { address, port } = line.echo.address()
    const sdp = describe(address, port, 'm=audio 1 RTP/AVP 8 0 101')
    this.#agent.run((now) => this.#agent.dial(now, leg, { number, at: this.#options.to, from: anybody, sdp }))
  }

  async #open(leg: LegId, answer: (address: string, port: number) => string, mostMs: number | null): Promise<Line> {
    const echo = createSocket('udp4')
    echo.bind(0, this.#options.address)
    await once(echo, 'listening')
    echo.on('message', (bytes, from) => echo.send(bytes, from.port, from.address))
    echo.on('error', () => {}) // the peer closed its port before it said so
    const { address, port } = echo.address()
    const line: Line = { leg, echo, answer: answer(address, port), timer: new After(), mostMs }
    this.#lines.set(leg, line)
    return line
  }

  #hangUpAfter(now: Instant, line: Line | undefined): void {
    if (!line || line.mostMs === null) return
    const { leg } = line
    this.#after(line, now + line.mostMs, (at) => this.#say(at, { type: 'hangup', leg, reason: null }))
  }

  #after({ timer }: Line, at: Instant, act: (now: Instant) => void): void {
    this.#agent.after(timer, at, act)
  }

  #forget(leg: LegId): void {
    const line = this.#lines.get(leg)
    if (line === undefined) return
    this.#agent.cancel(line.timer)
    line.echo.close()
    this.#lines.delete(leg)
  }
}

/** G.711 and keys, as far as they were offered, under the numbers that they were offered by. */
function describe(address: string, port: number, offer: string): string {
  const formats = /^m=audio \d+ \S+ ([\d ]+)/m.exec(offer)?.[1]?.split(' ') ?? []
  const keys = /^a=rtpmap:(\d+) telephone-event\/8000/im.exec(offer)?.[1] ?? (formats.includes('101') ? '101' : '')
  const sound = formats.filter((one) => one === '0' || one === '8')
  const names: Record<string, string> = { '0': 'PCMU/8000', '8': 'PCMA/8000', [keys]: 'telephone-event/8000' }
  const agreed = keys === '' ? sound : [...sound, keys]
  const direction = /^a=(?:sendonly|inactive)/m.exec(offer)?.[0].replace('sendonly', 'recvonly') ?? 'a=sendrecv'
  return [
    'v=0',
    `o=- 1 1 IN IP4 ${address}`,
    's=-',
    `c=IN IP4 ${address}`,
    't=0 0',
    `m=audio ${port} RTP/AVP ${agreed.join(' ')}`,
    ...agreed.map((format) => `a=rtpmap:${format} ${names[format]}`),
    direction,
    '',
  ].join('\r\n')
}
