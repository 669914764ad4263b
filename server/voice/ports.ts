interface Range {
  readonly first: number
  readonly last: number
}

/** The RTP ports of the process, two for each endpoint (RFC 3550 §11): the one that was free longest is taken first. */
export class Ports {
  readonly #range: Range
  readonly #free: number[] = []
  #next = 0
  readonly #byEndpoint = new Map<string, number>()

  constructor(range: Range) {
    this.#range = range
    for (let port = range.first; port + 1 <= range.last; port += 2) this.#free.push(port)
  }

  /** How many are in use. */
  get size(): number {
    return this.#byEndpoint.size
  }

  /** Null: all are in use. */
  take(endpoint: string): number | null {
    const port = this.#free[this.#next]
    if (port === undefined) return null
    this.#next += 1
    if (this.#next > 1_024 && this.#next * 2 > this.#free.length) {
      this.#free.splice(0, this.#next)
      this.#next = 0
    }
    this.#byEndpoint.set(endpoint, port)
    return port
  }

  /** Of a call that was restored: it is in use already. */
  claim(endpoint: string, port: number): void {
    if (this.#byEndpoint.has(endpoint)) return
    const at = this.#free.indexOf(port, this.#next)
    if (at >= 0) this.#free.splice(at, 1)
    this.#byEndpoint.set(endpoint, port)
  }

  release(endpoint: string): void {
    const port = this.#byEndpoint.get(endpoint)
    if (port === undefined) return
    this.#byEndpoint.delete(endpoint)
    // A call that was restored may have one of a range that was set before.
    const { first, last } = this.#range
    if (port >= first && port + 1 <= last && (port - first) % 2 === 0) this.#free.push(port)
  }

  has(endpoint: string): boolean {
    return this.#byEndpoint.has(endpoint)
  }
}
