/**
 * Where a dialog stands between offers and answers (RFC 3264, RFC 6337): whose offer waits for its answer, and which
 * description of ours is in force. A refused offer changes nothing (RFC 3261 §14.1).
 *
 *   none --our offer--> offered --answer--> agreed --our offer--> offered …
 *     `---their offer--> asked ---answer----^  `---their offer--> asked …
 */
export class OfferAnswer {
  #state: 'none' | 'offered' | 'asked' | 'agreed' = 'none'
  /** What of ours is in force, or will be when the peer answers. */
  #local: string | null = null
  #before: string | null = null

  get state(): 'none' | 'offered' | 'asked' | 'agreed' {
    return this.#state
  }

  get local(): string | null {
    return this.#local
  }

  /** Taken up from a snapshot. */
  restore(local: string | null): void {
    this.#state = local === null ? 'none' : 'agreed'
    this.#local = local
  }

  /** We sent an offer. */
  offer(sdp: string): void {
    this.#before = this.#local
    this.#local = sdp
    this.#state = 'offered'
  }

  /** The peer sent one. */
  ask(): void {
    this.#state = 'asked'
  }

  /** We answered the peer's offer. */
  answer(sdp: string): void {
    this.#local = sdp
    this.#state = 'agreed'
  }

  /** The peer answered ours. */
  agree(): void {
    this.#state = 'agreed'
  }

  /** Our offer, or theirs, was refused. */
  refuse(): void {
    if (this.#state === 'offered') this.#local = this.#before
    this.#state = this.#local === null ? 'none' : 'agreed'
  }
}
