/**
 * Places for requests under way: so many in all, and of these so many for one account. Nobody takes all: an endpoint has
 * at most as many as its account has left, an account at most as many as are left in all, so that however many hang,
 * there is one for the next.
 */
export class Places {
  readonly #most: number
  readonly #mostOfOne: number
  readonly #accounts = new Map<string, string>()
  readonly #taken = new Map<string, number>()

  constructor(most: number, mostOfOne: number) {
    this.#most = most
    this.#mostOfOne = mostOfOne
  }

  get size(): number {
    return this.#accounts.size
  }

  has(deliveryId: string): boolean {
    return this.#accounts.has(deliveryId)
  }

  /** `inFlight`: what the endpoint that asks has under way. */
  isFreeFor(accountId: string, inFlight: number): boolean {
    const taken = this.#taken.get(accountId) ?? 0
    const left = Math.min(this.#mostOfOne, this.#most - this.#accounts.size) - taken
    return inFlight < left
  }

  take(deliveryId: string, accountId: string): void {
    if (this.#accounts.has(deliveryId)) return
    this.#accounts.set(deliveryId, accountId)
    this.#taken.set(accountId, (this.#taken.get(accountId) ?? 0) + 1)
  }

  free(deliveryId: string): void {
    const accountId = this.#accounts.get(deliveryId)
    if (accountId === undefined) return
    this.#accounts.delete(deliveryId)
    const left = (this.#taken.get(accountId) ?? 0) - 1
    if (left > 0) this.#taken.set(accountId, left)
    else this.#taken.delete(accountId)
  }
}
