/**
 * Our own registration at a carrier (RFC 3261 §10.2, T15): registers, answers the challenge, refreshes in time, obeys a
 * 423, and when it is refused or nobody answers tries again ever more seldom, because carriers ban whoever hammers.
 *
 *   idle --start--> trying --200--> registered --before it ends--> trying (still registered)
 *                     |--- no answer, 5xx: after 10 s, 20 s … 5 min, or as Retry-After says
 *                     `--- refused (wrong password, 403 …): after 5, 10, 20, 30 min
 *   registered --its connection closed, after 10 s, 20 s … 5 min--> trying (still registered)
 *   any --stop--> leaving --answer or none--> idle
 *
 * All waits are shortened by chance, to no less than half (RFC 5626 §4.5).
 *
 * Invariant: one REGISTER at a time, each with a higher CSeq under one Call-ID.
 */
import type { Instant } from '../machine.ts'
import { Timer, type TimerQueue } from '../timer-queue.ts'
import type { OutgoingRequest } from './client-transaction.ts'
import type { DigestClient } from './digest-client.ts'
import type { HeaderLine } from './format.ts'
import { type Contact, numberHeader, parseContacts, retryAfter } from './headers.ts'
import type { Hop } from './hop.ts'
import type { LegsOptions, Login } from './leg-port.ts'
import { type Errand, LegRequest } from './leg-request.ts'
import type { SipMessage } from './message.ts'
import { formatUri, parseUri } from './uri.ts'

export interface RegistrationOptions {
  readonly transactions: LegsOptions['transactions']
  readonly queue: TimerQueue
  readonly locate: LegsOptions['locate']
  /** Of this registration alone: it answers again what was asked last. */
  readonly digest: DigestClient
  /** Uniform in [0, 1): registrations that began together must not stay together. */
  readonly fraction: () => number
  readonly token: () => string
  readonly agent: string
  readonly onState: (now: Instant, state: RegistrationState) => void
}

/** What is registered, and where. */
export interface RegistrationPlan {
  /** The request URI: `sip:carrier.example`. */
  readonly registrar: string
  readonly addressOfRecord: string
  /**
   * Whose host is asked, where it is not the registrar's: an outbound proxy, by a Route with `lr`. A URI, or host and
   * port, which are reached by the registrar's transport.
   */
  readonly outboundProxy: string | null
  readonly login: Login | null
  /** The user of our Contact; by it an incoming call tells which registration it comes by (T14). */
  readonly contactUser: string
  readonly expiresSeconds: number
}

export type RegistrationState =
  /** `until`: when it ends unless refreshed. `serviceRoute`: of requests by this registration (RFC 3608). */
  | { readonly name: 'registered'; readonly until: Instant; readonly serviceRoute: readonly string[] }
  /** The carrier has no registration of us, as far as we know. `status` 408: nobody answered; 503: nobody to be reached. */
  | { readonly name: 'failed'; readonly status: number; readonly reason: string; readonly retryAt: Instant }
  /** As it was asked for. */
  | { readonly name: 'idle' }

const outageFirstMs = 10_000
const outageMostMs = 300_000
/** RFC 5626 §4.5: a connection that is gone before was not good for much. */
const lastingMs = 120_000
const refusalFirstMs = 300_000
/** T15. */
const refusalMostMs = 1_800_000
/** What a carrier may ask of us by Retry-After and Min-Expires, at most. */
const mostRetrySeconds = 3_600
const mostExpiresSeconds = 86_400

export class Registration extends Timer {
  readonly #options: RegistrationOptions
  readonly #plan: RegistrationPlan
  readonly #callId: string
  readonly #fromTag: string
  readonly #proxy: string | null
  #cseq = 0
  /** Grows by a 423. */
  #expiresSeconds: number
  /** When what the carrier has of us ends; null: it has nothing. */
  #until: Instant | null = null
  #retryAt: Instant | null = null
  #failure = { status: 0, reason: '' }
  #failures = 0
  /** Where the last 200 came from; null: nowhere yet, or its connection is gone. */
  #registeredBy: Hop | null = null
  #registeredAt: Instant = 0
  /** Connections one after the other that did not last. */
  #losses = 0
  #isTrying = false
  #isLeaving = false
  #isIdle = true

  constructor(options: RegistrationOptions, plan: RegistrationPlan) {
    super()
    this.#options = options
    this.#plan = plan
    this.#callId = options.token()
    this.#fromTag = options.token()
    this.#expiresSeconds = plan.expiresSeconds
    this.#proxy = plan.outboundProxy === null ? null : proxyUri(plan.outboundProxy, plan.registrar)
  }

  get isRegistered(): boolean {
    return this.#until !== null
  }

  start(now: Instant): void {
    if (!this.#isIdle) return
    this.#isIdle = false
    this.#isLeaving = false
    this.#failures = 0
    this.#send(now)
  }

  /**
   * A connection to there closed. Where it is the one that we registered by, the carrier may have no other way to us, and
   * calls find nobody until we are registered again (RFC 5626 §4.5): soon, and ever less soon where none of them lasts.
   */
  onConnectionClosed(now: Instant, { transport, address, port }: Omit<Hop, 'flow'>): void {
    const by = this.#registeredBy
    const isOurs = by?.transport === transport && by.address === address && by.port === port
    if (!isOurs || this.#until === null || this.#isTrying || this.#isLeaving) return
    this.#registeredBy = null
    this.#losses = now - this.#registeredAt < lastingMs ? this.#losses + 1 : 0
    const wait = backOff(this.#losses, outageFirstMs, outageMostMs) * (0.5 + this.#options.fraction() / 2)
    this.#retryAt = Math.min(this.#retryAt ?? Infinity, now + wait)
    this.#sleep()
  }

  /** Takes it back; `idle` is told when the carrier knows, or did not answer. */
  stop(now: Instant): void {
    if (this.#isIdle || this.#isLeaving) return
    this.#isLeaving = true
    this.#options.queue.cancel(this)
    // One that is on its way may register us yet: it is taken back when it is answered.
    if (this.#isTrying) return
    if (this.#until === null) this.#rest(now)
    else this.#send(now)
  }

  override wake(now: Instant): void {
    if (this.#until !== null && now >= this.#until) {
      this.#until = null
      this.#tellFailure(now)
    }
    if (this.#retryAt !== null && now >= this.#retryAt && !this.#isTrying) this.#send(now)
    else this.#sleep()
  }

  #send(now: Instant): void {
    this.#isTrying = true
    this.#retryAt = null
    this.#sleep()
    const { transactions, locate, digest } = this.#options
    const authorize: LegsOptions['authorize'] = (challenge, request, login) => digest.answer(challenge, request, login)
    new LegRequest({ options: { transactions, locate, authorize } }, this.#errand(this.#isLeaving)).start(now)
  }

  #errand(isLeaving: boolean): Errand {
    const { login, registrar } = this.#plan
    return {
      nextUri: this.#proxy ?? registrar,
      hop: null,
      login,
      nextCseq: () => {
        this.#cseq += 1
        return this.#cseq
      },
      build: (hop, cseq, authorization) => this.#build(hop, cseq, authorization, isLeaving ? 0 : this.#expiresSeconds),
      onResponse: (now, response, { hop }) => {
        if (response.status < 200) return
        if (isLeaving) return this.#rest(now)
        this.#isTrying = false
        if (response.status < 300) this.#onRegistered(now, response, hop)
        else this.#onRefused(now, response)
      },
      onFailure: (now, status) => {
        if (isLeaving) return this.#rest(now)
        this.#isTrying = false
        this.#onOutage(now, { status, reason: status === 408 ? 'No Answer' : 'Unreachable' }, null)
      },
    }
  }

  #build(hop: Hop, cseq: number, authorization: readonly HeaderLine[], seconds: number): OutgoingRequest {
    const { registrar, addressOfRecord, login } = this.#plan
    const request = { method: 'REGISTER', uri: registrar, body: '' }
    // What was asked last time is answered before it is asked again.
    const shown =
      authorization.length > 0 || login === null ? authorization : this.#options.digest.again(request, login)
    return {
      method: 'REGISTER',
      uri: registrar,
      headers: [
        ['Max-Forwards', '70'],
        ...(this.#proxy === null ? [] : [['Route', `<${this.#proxy}>`] as const]),
        ['From', `<${addressOfRecord}>;tag=${this.#fromTag}`],
        ['To', `<${addressOfRecord}>`],
        ['Call-ID', this.#callId],
        ['CSeq', `${cseq} REGISTER`],
        ['Contact', `<${this.#contact(hop)}>`],
        ['Expires', `${seconds}`],
        ['Supported', 'path'],
        ['User-Agent', this.#options.agent],
        ...shown,
      ],
    }
  }

  #contact(hop: Hop): string {
    const local = this.#options.transactions.options.local(hop)
    const params = hop.transport === 'udp' ? '' : `;transport=${hop.transport}`
    return formatUri({ user: this.#plan.contactUser, ...local, params })
  }

  #onRegistered(now: Instant, response: SipMessage, hop: Hop | null): void {
    this.#failures = 0
    this.#registeredBy = hop
    this.#registeredAt = now
    const seconds = grantedSeconds(response, this.#plan.contactUser) ?? this.#expiresSeconds
    if (seconds === 0) return this.#onOutage(now, { status: response.status, reason: 'Not Registered' }, null)
    this.#until = now + seconds * 1_000
    // Early enough for a transaction that times out and one more, where the time allows it.
    this.#retryAt = now + seconds * 1_000 * (0.75 + 0.1 * this.#options.fraction())
    if (this.#isLeaving) return this.#send(now)
    this.#sleep()
    this.#options.onState(now, {
      ...{ name: 'registered', until: this.#until },
      serviceRoute: response.headers('service-route'),
    })
  }

  #onRefused(now: Instant, response: SipMessage): void {
    const { status, reason } = response
    if (status === 423 && this.#obeyMinimum(response)) return this.#send(now)
    const isOutage = (status >= 500 && status < 600) || status === 408 || status === 480 || status === 491
    if (isOutage) return this.#onOutage(now, { status, reason }, retryAfter(response))
    this.#until = null
    this.#options.digest.forget()
    this.#wait(now, { status, reason }, backOff(this.#failures, refusalFirstMs, refusalMostMs), retryAfter(response))
    this.#tellFailure(now)
  }

  /** §10.2.8: "the UA MAY retry the registration after making the expiration interval … equal to or greater than" it. */
  #obeyMinimum(response: SipMessage): boolean {
    const minimum = numberHeader(response, 'min-expires')
    if (this.#isLeaving || minimum === null || minimum <= this.#expiresSeconds || minimum > mostExpiresSeconds)
      return false
    this.#expiresSeconds = minimum
    return true
  }

  /** What the carrier has of us it has until it ends: nobody is told of a failure that a later try may mend. */
  #onOutage(now: Instant, failure: { status: number; reason: string }, askedSeconds: number | null): void {
    this.#wait(now, failure, backOff(this.#failures, outageFirstMs, outageMostMs), askedSeconds)
    if (this.#until === null) this.#tellFailure(now)
  }

  #wait(now: Instant, failure: { status: number; reason: string }, ms: number, askedSeconds: number | null): void {
    this.#failure = failure
    this.#failures += 1
    // RFC 5626 §4.5: between half of it and all of it. What is asked for is waited for, and a little longer.
    const { fraction } = this.#options
    const asked = askedSeconds === null ? 0 : Math.min(askedSeconds, mostRetrySeconds) * 1_000 * (1 + fraction() / 10)
    this.#retryAt = now + (asked > 0 ? asked : ms * (0.5 + fraction() / 2))
    if (this.#isLeaving) this.#rest(now)
    else this.#sleep()
  }

  #tellFailure(now: Instant): void {
    if (this.#isLeaving || this.#isIdle) return
    this.#options.onState(now, { name: 'failed', ...this.#failure, retryAt: this.#retryAt ?? now })
  }

  #rest(now: Instant): void {
    this.#isIdle = true
    this.#isTrying = false
    this.#until = null
    this.#retryAt = null
    this.#options.queue.cancel(this)
    this.#options.onState(now, { name: 'idle' })
  }

  #sleep(): void {
    const deadline = Math.min(this.#until ?? Infinity, this.#retryAt ?? Infinity)
    this.#options.queue.set(this, deadline === Infinity ? undefined : deadline)
  }
}

const backOff = (failures: number, firstMs: number, mostMs: number): number =>
  Math.min(mostMs, firstMs * 2 ** Math.min(failures, 16))

/** A Route for a proxy that is named like a registrar: it is a loose router, as all are by now (§16.6). */
function proxyUri(proxy: string, registrar: string): string {
  const isUri = /^sips?:/i.test(proxy)
  const uri = parseUri(isUri ? proxy : `sip:${proxy}`)
  if (uri === null) return proxy
  const params = isUri ? uri.params : (parseUri(registrar)?.params ?? '')
  return formatUri({ ...uri, params: /;lr\b/i.test(params) ? params : `${params};lr` })
}

/** What the answer says of our contact: some carriers list others too, or write ours differently. */
function grantedSeconds(response: SipMessage, contactUser: string): number | null {
  const contacts = parseContacts(response)
  const listed: readonly Contact[] = contacts === null || contacts === '*' ? [] : contacts
  const ours = listed.find(({ address }) => parseUri(address.uri)?.user === contactUser) ?? listed[0]
  return ours?.expires ?? numberHeader(response, 'expires')
}
