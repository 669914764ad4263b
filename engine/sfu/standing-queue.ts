/**
 * How long every packet waits in the queue of a path. A stall of the sender, the receiver or a radio delays some packets
 * and lets the next ones through at once; a queue that is filled delays them all. So the least delay of the last third of
 * a second counts, over the least that was ever seen (as in RFC 8289): a trend mistakes a busy machine for a full path.
 */

const bucketUs = 100_000
const buckets = 3
/** The least delay ever is forgotten after one to two of these: clocks drift, and routes change. */
const eraUs = 30_000_000
/** A clock that jumped, or feedback that is nonsense. */
const largestJumpUs = 3_000_000

export class StandingQueue {
  readonly #least = new Float64Array(buckets).fill(Number.POSITIVE_INFINITY)
  #bucket = -1
  #filled = 0
  #baseUs = Number.POSITIVE_INFINITY
  #lastBaseUs = Number.POSITIVE_INFINITY
  #eraFromUs = 0

  /** The two clocks need not agree. */
  onArrival(sentUs: number, arrivedUs: number): void {
    const delayUs = arrivedUs - sentUs
    if (Math.abs(delayUs - this.#baseUs) > largestJumpUs && this.#baseUs < Number.POSITIVE_INFINITY) this.#reset()
    const bucket = Math.floor(arrivedUs / bucketUs)
    if (bucket > this.#bucket) this.#turnTo(bucket)
    if (arrivedUs - this.#eraFromUs > eraUs) {
      this.#lastBaseUs = this.#baseUs
      this.#baseUs = delayUs
      this.#eraFromUs = arrivedUs
    }
    const at = bucket % buckets
    if (bucket > this.#bucket - buckets && delayUs < (this.#least[at] ?? 0)) this.#least[at] = delayUs
    if (delayUs < this.#baseUs) this.#baseUs = delayUs
  }

  #turnTo(bucket: number): void {
    // After a pause the old buckets tell of another time.
    if (bucket - this.#bucket >= buckets) this.#filled = 0
    for (let i = Math.max(this.#bucket + 1, bucket - buckets + 1); i <= bucket; i++) {
      this.#least[i % buckets] = Number.POSITIVE_INFINITY
    }
    this.#bucket = bucket
    this.#filled = Math.min(buckets, this.#filled + 1)
  }

  #reset(): void {
    this.#least.fill(Number.POSITIVE_INFINITY)
    this.#bucket = -1
    this.#filled = 0
    this.#baseUs = Number.POSITIVE_INFINITY
    this.#lastBaseUs = Number.POSITIVE_INFINITY
  }

  /** 0 until a third of a second was seen. */
  get ms(): number {
    if (this.#filled < buckets) return 0
    let least = Number.POSITIVE_INFINITY
    for (const one of this.#least) if (one < least) least = one
    const base = Math.min(this.#baseUs, this.#lastBaseUs)
    return least === Number.POSITIVE_INFINITY ? 0 : (least - base) / 1000
  }
}
