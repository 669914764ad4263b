/**
 * One request of a leg until its final answer: finds the next hop, goes on to another one where RFC 3263 §4.3 says so,
 * and answers a challenge once (RFC 3261 §22.2).
 */
import type { Instant } from '../machine.ts'
import type { ClientTransaction, OutgoingRequest, ResponseHandler } from './client-transaction.ts'
import type { HeaderLine } from './format.ts'
import type { Hop } from './hop.ts'
import type { Login, RequestPort } from './leg-port.ts'
import type { SipMessage } from './message.ts'

export interface Errand {
  /** Whose host is the next hop. */
  readonly nextUri: string
  /** Tried first: the flow of a device (T10). */
  readonly hop: Hop | null
  readonly login: Login | null
  /** A new one for each request that is not merely sent elsewhere. */
  nextCseq(): number
  build(hop: Hop, cseq: number, authorization: readonly HeaderLine[]): OutgoingRequest
  onResponse(now: Instant, response: SipMessage, request: LegRequest): void
  onFailure(now: Instant, status: 408 | 503, request: LegRequest): void
}

export class LegRequest implements ResponseHandler {
  readonly #port: RequestPort
  readonly #errand: Errand
  #hops: readonly Hop[]
  #at = 0
  #isLocated = false
  #cseq = 0
  #authorization: readonly HeaderLine[] = []
  #request: OutgoingRequest | null = null
  #transaction: ClientTransaction | null = null
  /** Somebody there is at work already. */
  #hasAnswer = false
  #isOver = false
  #isCancelled = false
  #staleChallenges = 0

  constructor(port: RequestPort, errand: Errand) {
    this.#port = port
    this.#errand = errand
    this.#hops = errand.hop === null ? [] : [errand.hop]
  }

  /** The hop that it went to last. */
  get hop(): Hop | null {
    return this.#hops[this.#at] ?? null
  }

  /** What the peer asked us to show; an ACK shows it too (§13.2.2.4). */
  get authorization(): readonly HeaderLine[] {
    return this.#authorization
  }

  /** May report a failure before it returns. */
  start(now: Instant): void {
    this.#cseq = this.#errand.nextCseq()
    this.#send(now)
  }

  /** Once more, with the next CSeq: after a 422 that can be helped. */
  retry(now: Instant): void {
    this.#isOver = false
    this.#cseq = this.#errand.nextCseq()
    this.#send(now)
  }

  cancel(now: Instant, headers: readonly HeaderLine[]): void {
    this.#isCancelled = true
    if (this.#transaction !== null) this.#transaction.cancel(now, headers)
    else this.#fail(now, 503)
  }

  onResponse(now: Instant, response: SipMessage, transaction: ClientTransaction): void {
    // Late answers of an attempt that was given up matter only when they begin a dialog that must be ended.
    if (transaction !== this.#transaction && response.status >= 300) return
    const { status } = response
    if (status > 100 && status < 200) this.#hasAnswer = true
    if ((status === 401 || status === 407) && this.#authorize(now, response)) return
    if (status === 503 && !this.#hasAnswer && this.#goOn(now)) return
    if (status >= 200) this.#request = null
    if (status >= 300) this.#isOver = true
    this.#errand.onResponse(now, response, this)
  }

  onFailure(now: Instant, status: 408 | 503, transaction: ClientTransaction): void {
    if (transaction !== this.#transaction || this.#isOver) return
    if (!this.#hasAnswer && this.#goOn(now)) return
    const isLost = !this.#hasAnswer && !this.#isLocated && !this.#isCancelled && status === 503
    if (isLost) return this.#locate(now)
    this.#fail(now, status)
  }

  #send(now: Instant): void {
    const { hop } = this
    if (hop === null) return this.#isLocated ? this.#fail(now, 503) : this.#locate(now)
    this.#request = this.#errand.build(hop, this.#cseq, this.#authorization)
    this.#transaction = this.#port.options.transactions.request(now, hop, this.#request, this)
  }

  #locate(now: Instant): void {
    this.#isLocated = true
    this.#port.options.locate(now, this.#errand.nextUri, (at, hops) => {
      if (this.#isOver) return
      this.#hops = hops
      this.#at = 0
      this.#send(at)
    })
  }

  /** RFC 3263 §4.3: "If a failure occurs, the client SHOULD create a new request … but … sent to the next element". */
  #goOn(now: Instant): boolean {
    if (this.#isCancelled || this.#at + 1 >= this.#hops.length) return false
    this.#at += 1
    // The nonce was the other server's: this one asks by itself, and that is no second refusal.
    this.#authorization = []
    this.#send(now)
    return true
  }

  #authorize(now: Instant, challenge: SipMessage): boolean {
    const { login } = this.#errand
    if (login === null || this.#request === null || this.#isCancelled) return false
    const { method, uri, body = '' } = this.#request
    const covered = { method, uri, body: typeof body === 'string' ? body : '' }
    // A second challenge means that the password is wrong, unless it only says that the nonce is stale; but a proxy and
    // the server behind it ask each for itself (§22.3).
    const name = challenge.status === 401 ? 'Authorization' : 'Proxy-Authorization'
    const ofOther = this.#authorization.filter((line) => line[0] !== name)
    if (ofOther.length < this.#authorization.length && !isStale(challenge)) return false
    const authorization = this.#port.options.authorize(challenge, covered, login)
    if (authorization === null || this.#hasGivenUp(challenge)) return false
    this.#authorization = [...ofOther, ...authorization]
    this.#cseq = this.#errand.nextCseq()
    this.#send(now)
    return true
  }

  /** A peer that finds every nonce stale would go on for ever. */
  #hasGivenUp(challenge: SipMessage): boolean {
    if (isStale(challenge)) this.#staleChallenges += 1
    return this.#staleChallenges > 2
  }

  #fail(now: Instant, status: 408 | 503): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#errand.onFailure(now, status, this)
  }
}

function isStale(challenge: SipMessage): boolean {
  const name = challenge.status === 401 ? 'www-authenticate' : 'proxy-authenticate'
  return challenge.headers(name).some((value) => /\bstale\s*=\s*"?true/i.test(value))
}
