/**
 * What a subscriber's path carries, estimated at the sender from its transport-wide feedback (M14): a queue that does not
 * drain says that the path is full, heavy loss that it overflows. Random loss on an idle path is no congestion, so loss
 * below 30 % without a queue lowers nothing.
 */
import { StandingQueue } from './standing-queue.ts'

const slots = 4096
const startBps = 3_000_000
const leastBps = 80_000
const mostBps = 100_000_000
/** A queue of this much that stays is a path that is too full; below the second there is none. */
const overuseMs = 25
const drainedMs = 10
/** It drains by this much or more between two looks: let it. */
const drainingMs = 5
const heavyLoss = 0.3
const holdAfterDecreaseUs = 500_000

export class BandwidthEstimate {
  readonly #sentUs = new Float64Array(slots)
  readonly #sentBytes = new Int32Array(slots)
  readonly #queue = new StandingQueue()
  #sequence = 0
  #queueMs = 0
  #heldUntilUs = 0
  #sentNow = 0
  #sentSinceUs = 0
  #sentBefore = 0
  #ackedBytes = 0
  #bestAckedBps = 0
  #ackedSinceUs = 0
  #lastIncreaseUs = 0
  #firstFeedbackUs = 0
  #floorBps = 0
  #floorUntilUs = 0
  #remoteLimitBps = Number.POSITIVE_INFINITY
  #bps = startBps
  ackedBps = 0
  /** Of the packets that the last feedbacks told of. */
  loss = 0
  /** The same since the last decrease: what it cured does not count again. */
  #newLoss = 0
  hasFeedback = false
  isOverused = false

  get bps(): number {
    return Math.min(this.#bps, this.#remoteLimitBps)
  }

  /** Before a second of feedback nobody knows what the path carries. */
  isProven(nowUs: number): boolean {
    return this.hasFeedback && nowUs - this.#firstFeedbackUs > 1_000_000
  }

  /** The number that the next packet carries. */
  onSent(bytes: number, nowUs: number): number {
    const sequence = this.#sequence
    this.#sentUs[sequence % slots] = nowUs
    this.#sentBytes[sequence % slots] = bytes
    this.#sequence = (sequence + 1) & 0xffff
    const spanUs = nowUs - this.#sentSinceUs
    if (spanUs > 100_000) {
      this.#sentBefore = (this.#sentNow * 8e6) / spanUs
      this.#sentNow = 0
      this.#sentSinceUs = nowUs
    }
    this.#sentNow += bytes
    return sequence
  }

  /** REMB: a receiver without transport-wide feedback says what it can take. */
  onMaximum(bps: number): void {
    if (!this.hasFeedback) this.#bps = clamp(bps)
    else this.#remoteLimitBps = Math.max(leastBps, bps)
  }

  /** The FCI of a feedback packet (§3.1 of the draft). Nonsense is ignored. */
  onFeedback(bytes: Uint8Array, from: number, end: number, nowUs: number): void {
    const reader = new FeedbackReader(bytes, from, end)
    let lost = 0
    let count = 0
    for (let item = reader.next(); item; item = reader.next()) {
      count += 1
      if (reader.arrivedUs < 0) lost += 1
      else this.#onArrival(reader.sequence, reader.arrivedUs, nowUs)
    }
    if (count === 0) return
    if (!this.hasFeedback) this.#firstFeedbackUs = nowUs
    this.hasFeedback = true
    const weight = Math.min(1, count / 100)
    this.loss += (lost / count - this.loss) * weight
    this.#newLoss += (lost / count - this.#newLoss) * weight
    this.#adapt(nowUs)
  }

  #onArrival(sequence: number, arrivedUs: number, nowUs: number): void {
    const sentUs = this.#sentUs[sequence % slots] ?? 0
    if (sentUs === 0 || nowUs - sentUs > 5_000_000) return
    this.#ackedBytes += this.#sentBytes[sequence % slots] ?? 0
    this.#queue.onArrival(sentUs, arrivedUs)
  }

  #adapt(nowUs: number): void {
    const spanUs = nowUs - this.#ackedSinceUs
    if (spanUs >= 200_000) {
      const bps = (this.#ackedBytes * 8e6) / spanUs
      this.#bestAckedBps = Math.max(this.#bestAckedBps, bps)
      this.ackedBps = this.#ackedSinceUs === 0 || spanUs > 2_000_000 ? bps : 0.5 * this.ackedBps + 0.5 * bps
      this.#ackedBytes = 0
      this.#ackedSinceUs = nowUs
    }
    const { ms } = this.#queue
    this.isOverused = ms > overuseMs || this.#newLoss > heavyLoss
    if (nowUs < this.#heldUntilUs) return
    if (this.isOverused) this.#decrease(ms, nowUs)
    else if (ms < drainedMs) this.#increase(nowUs)
  }

  #decrease(queueMs: number, nowUs: number): void {
    const isDraining = queueMs < this.#queueMs - drainingMs && this.#newLoss <= heavyLoss
    this.#queueMs = queueMs
    this.#newLoss = 0
    this.#heldUntilUs = nowUs + holdAfterDecreaseUs
    this.#lastIncreaseUs = nowUs
    if (isDraining) return
    const floor = nowUs < this.#floorUntilUs ? this.#floorBps : leastBps
    this.#bps = clamp(Math.max(floor, Math.min(this.#bps, 0.85 * Math.max(this.ackedBps, leastBps))))
  }

  /** 8 % a second, and never far above what was shown to arrive. */
  #increase(nowUs: number): void {
    this.#queueMs = 0
    const seconds = Math.min(1, Math.max(0, (nowUs - this.#lastIncreaseUs) / 1e6))
    this.#lastIncreaseUs = nowUs
    const limit = Math.max(this.#bps, 1.5 * this.ackedBps + 20_000)
    // What arrives without a queue is the least that the path carries.
    this.#bps = clamp(Math.max(this.ackedBps, Math.min(this.#bps * 1.08 ** seconds, limit)))
  }

  /** A probe begins: until its queue has drained, delay says nothing against what flowed before. */
  onProbe(untilUs: number): void {
    this.#floorBps = this.#bps
    this.#floorUntilUs = untilUs
  }

  /** A probe of this rate ended. True when it arrived without filling the path, and the estimate is higher for it. */
  onProbeArrived(bps: number): boolean {
    const best = this.#bestAckedBps
    this.#bestAckedBps = 0
    if (this.isOverused || best < 0.7 * bps || best <= this.#bps) return false
    this.#bps = clamp(0.95 * Math.min(best, bps))
    return true
  }

  /** Bits a second that left in the present 200 ms or so. */
  sentBps(nowUs: number): number {
    const spanUs = nowUs - this.#sentSinceUs
    return spanUs < 20_000 ? this.#sentBefore : (this.#sentNow * 8e6) / spanUs
  }
}

const clamp = (bps: number) => Math.max(leastBps, Math.min(mostBps, bps))

/** Walks the statuses of one feedback packet. */
class FeedbackReader {
  readonly #bytes: Uint8Array
  readonly #end: number
  #chunkAt: number
  #deltaAt: number
  #left: number
  #word = 0
  #inChunk = 0
  #index = 0
  #timeUs: number
  readonly #base: number
  sequence = 0
  /** -1: not arrived. */
  arrivedUs = -1

  constructor(bytes: Uint8Array, from: number, end: number) {
    this.#bytes = bytes
    this.#end = end
    this.#base = word(bytes, from)
    // More than a window of numbers is nonsense, and walking through it would be work for nothing.
    this.#left = Math.min(word(bytes, from + 2), slots)
    this.#timeUs = ((word(bytes, from + 4) << 8) | (bytes[from + 6] ?? 0)) * 64_000
    this.#chunkAt = from + 8
    this.#deltaAt = this.#findDeltas(from + 8, this.#left)
  }

  next(): boolean {
    if (this.#left <= 0 || this.#deltaAt < 0) return false
    if (this.#inChunk === 0) {
      if (this.#chunkAt + 2 > this.#end) return false
      this.#word = word(this.#bytes, this.#chunkAt)
      this.#inChunk = chunkLength(this.#word)
      this.#chunkAt += 2
      if (this.#inChunk === 0) return false
    }
    const status = this.#status()
    this.#inChunk -= 1
    this.#left -= 1
    this.sequence = (this.#base + this.#index) & 0xffff
    this.#index += 1
    return this.#readDelta(status)
  }

  #status(): number {
    const word = this.#word
    if ((word & 0x8000) === 0) return (word >> 13) & 3
    const isTwoBit = (word & 0x4000) !== 0
    return isTwoBit ? (word >> (2 * (this.#inChunk - 1))) & 3 : (word >> (this.#inChunk - 1)) & 1
  }

  #readDelta(status: number): boolean {
    if (status === 0 || status === 3) {
      this.arrivedUs = -1
      return true
    }
    const size = status
    if (this.#deltaAt + size > this.#end) return false
    const raw = size === 1 ? (this.#bytes[this.#deltaAt] ?? 0) : (word(this.#bytes, this.#deltaAt) << 16) >> 16
    this.#deltaAt += size
    this.#timeUs += raw * 250
    this.arrivedUs = Math.max(0, this.#timeUs)
    return true
  }

  #findDeltas(from: number, count: number): number {
    let at = from
    let covered = 0
    while (covered < count) {
      if (at + 2 > this.#end) return -1
      const length = chunkLength(word(this.#bytes, at))
      if (length === 0) return -1
      covered += length
      at += 2
    }
    return at
  }
}

const word = (bytes: Uint8Array, at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)

function chunkLength(word: number): number {
  if ((word & 0x8000) === 0) return word & 0x1fff
  return (word & 0x4000) !== 0 ? 7 : 14
}
