/**
 * When and how much is sent besides the media to find out whether a path carries more (M14): before stepping up it is
 * filled for a moment, five seconds after it was too full, and at once again after a probe that went through.
 *
 * Invariant: one probe at a time, and its feedback is waited for before it is judged.
 */
import type { BandwidthEstimate } from './bandwidth.ts'

const lengthUs = 300_000
/** Between two parts of it. */
const tickMs = 10
/** After its last packet the feedback has this long to come. */
const echoUs = 300_000
/** And this long the queue that it made may take to drain. */
const drainUs = 500_000
const afterMs = 5_000
const againMs = 100
const leastBps = 200_000

export class Probe {
  readonly #estimate: BandwidthEstimate
  #untilUs = 0
  #bps = 0
  /** Of the media when it began: the probe fills up the rest. */
  #flowingBps = 0
  #atMs = 0

  constructor(estimate: BandwidthEstimate) {
    this.#estimate = estimate
  }

  isDue(nowMs: number, nowUs: number): boolean {
    const { hasFeedback, isOverused } = this.#estimate
    if (this.#untilUs > nowUs || !hasFeedback) return false
    if (isOverused) this.#atMs = nowMs + afterMs
    return nowMs >= this.#atMs
  }

  /** Begins, where all that is wished for needs more than the path is known to carry. */
  begin(wishedBps: number, nowMs: number, nowUs: number): void {
    const { bps } = this.#estimate
    if (wishedBps * 1.15 <= bps) return
    this.#bps = Math.min(wishedBps * 1.3, Math.max(bps * 2, leastBps))
    this.#flowingBps = this.#estimate.sentBps(nowUs)
    this.#untilUs = nowUs + lengthUs
    this.#estimate.onProbe(this.#untilUs + echoUs + drainUs)
    this.#atMs = nowMs + afterMs
  }

  /** How many bytes are to be sent in this tick. When its echo is in, it is judged. */
  tick(nowUs: number): number {
    if (nowUs < this.#untilUs) return ((this.#bps - this.#flowingBps) / 8000) * tickMs
    if (this.#bps === 0 || nowUs <= this.#untilUs + echoUs) return 0
    if (this.#estimate.onProbeArrived(this.#bps)) this.#atMs = nowUs / 1000 + againMs
    this.#bps = 0
    return 0
  }
}
