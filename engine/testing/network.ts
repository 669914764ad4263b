/**
 * One direction of a path: a queue of so many milliseconds before a link of so many bits a second, delay, and loss by
 * chance. Packets come out in order on the clock of whoever asks.
 */
import { seededRandom } from './random.ts'

export interface LinkOptions {
  readonly bps: number
  readonly delayMs: number
  /** What the queue holds at most, in milliseconds of the link's rate. */
  readonly queueMs?: number
  /** Of packets that meet no full queue. */
  readonly loss?: number
  readonly seed?: number
}

interface InFlight<Packet> {
  readonly packet: Packet
  readonly atUs: number
}

export class Link<Packet> {
  bps: number
  loss: number
  readonly #delayUs: number
  readonly #queueUs: number
  readonly #random: () => number
  readonly #inFlight: InFlight<Packet>[] = []
  /** Until when the link is busy with what was accepted. */
  #busyUntilUs = 0
  dropped = 0

  constructor({ bps, delayMs, queueMs = 300, loss = 0, seed = 1 }: LinkOptions) {
    this.bps = bps
    this.loss = loss
    this.#delayUs = delayMs * 1000
    this.#queueUs = queueMs * 1000
    this.#random = seededRandom(seed)
  }

  send(packet: Packet, bytes: number, nowUs: number): void {
    const startUs = Math.max(nowUs, this.#busyUntilUs)
    if (startUs - nowUs > this.#queueUs || this.#random() < this.loss) {
      this.dropped += 1
      return
    }
    this.#busyUntilUs = startUs + (bytes * 8e6) / this.bps
    this.#inFlight.push({ packet, atUs: this.#busyUntilUs + this.#delayUs })
  }

  /** What arrived until now, each with its moment. */
  *arrived(nowUs: number): Generator<InFlight<Packet>> {
    for (let first = this.#inFlight[0]; first && first.atUs <= nowUs; first = this.#inFlight[0]) {
      this.#inFlight.shift()
      yield first
    }
  }
}
