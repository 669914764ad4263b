/** How much somebody may ask for: so many at once, and so many a second after that. */
export class TokenBucket {
  readonly #clock: () => number
  readonly #perSecond: number
  readonly #burst: number
  #tokens: number
  #at: number

  constructor(clock: () => number, perSecond: number, burst: number) {
    this.#clock = clock
    this.#perSecond = perSecond
    this.#burst = burst
    this.#tokens = burst
    this.#at = clock()
  }

  admits(): boolean {
    const now = this.#clock()
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#at) / 1000) * this.#perSecond)
    this.#at = now
    this.#tokens -= 1
    return this.#tokens >= 0
  }
}
