/**
 * Session timers (RFC 4028): how long a call may last without a sign of the other side, and who gives that sign. As the
 * refresher we are due at half of the interval (§7.2); as the other one the call is over a third of it, at most 32 s,
 * before it ends (§10).
 */
import type { Instant } from '../machine.ts'
import type { HeaderLine } from './format.ts'
import { hasToken, numberHeader, parseSessionExpires } from './headers.ts'
import type { SipMessage } from './message.ts'

/** §4: "The absolute minimum for the Min-SE header field is 90 seconds". */
const leastSeconds = 90

export interface SessionTerms {
  readonly seconds: number
  /** We are the one who refreshes. */
  readonly isOurs: boolean
}

export class SessionTimer {
  #terms: SessionTerms | null = null
  #wanted: number
  #minSe = leastSeconds
  #dueAt: Instant | undefined
  #isPostponed = false

  constructor(wantedSeconds: number) {
    this.#wanted = wantedSeconds
  }

  get terms(): SessionTerms | null {
    return this.#terms
  }

  /** When to refresh, or when to end the call. */
  deadline(): Instant | undefined {
    return this.#dueAt
  }

  /** For an INVITE that opens a call. */
  openingHeaders(): HeaderLine[] {
    return [['Session-Expires', String(this.#wanted)], ...this.#minSeHeader()]
  }

  /** For a re-INVITE or UPDATE of ours: whoever refreshes goes on to. */
  requestHeaders(): HeaderLine[] {
    if (this.#terms === null) return []
    const { seconds, isOurs } = this.#terms
    return [['Session-Expires', `${seconds};refresher=${isOurs ? 'uac' : 'uas'}`], ...this.#minSeHeader()]
  }

  /** §7.4: a 422 says what it would take. False when it says nothing new. */
  raise(response: SipMessage): boolean {
    const least = numberHeader(response, 'min-se')
    if (least === null || least <= this.#minSe) return false
    this.#minSe = least
    this.#wanted = Math.max(this.#wanted, least)
    if (this.#terms !== null) this.#terms = { ...this.#terms, seconds: Math.max(this.#terms.seconds, least) }
    return true
  }

  /** §7.2: of a 2xx to our request; without Session-Expires there is no timer any more. */
  takeResponse(now: Instant, response: SipMessage): void {
    const expires = parseSessionExpires(response.header('session-expires') ?? '')
    const seconds = expires?.seconds ?? 0
    this.start(now, expires === null || seconds === 0 ? null : { seconds, isOurs: expires.refresher !== 'uas' })
  }

  /**
   * §9: what we answer to the peer's request, to be given to `start` with the 2xx. 'small': the interval is below our
   * minimum, a 422.
   */
  judgeRequest(request: SipMessage): { terms: SessionTerms | null; headers: HeaderLine[] } | 'small' {
    const isSupported = hasToken(request, 'supported', 'timer') || hasToken(request, 'require', 'timer')
    const asked = parseSessionExpires(request.header('session-expires') ?? '')
    if (asked !== null && asked.seconds < leastSeconds) return isSupported ? 'small' : { terms: null, headers: [] }
    if (!isSupported && asked === null) return { terms: null, headers: [] }
    const least = Math.max(numberHeader(request, 'min-se') ?? 0, leastSeconds)
    const seconds = Math.max(least, Math.min(asked?.seconds ?? this.#wanted, this.#wanted))
    const isOurs = isSupported ? this.#isOursBy(asked?.refresher ?? null) : true
    const headers: HeaderLine[] = [['Session-Expires', `${seconds};refresher=${isOurs ? 'uas' : 'uac'}`]]
    // "If the refresher is the UAC, the UAS MUST place a Require header field into the response with the value 'timer'".
    if (!isOurs) headers.push(['Require', 'timer'])
    return { terms: { seconds, isOurs }, headers }
  }

  /** The interval begins (again). */
  start(now: Instant, terms: SessionTerms | null): void {
    this.#terms = terms
    this.#isPostponed = false
    if (terms === null) this.#dueAt = undefined
    else if (terms.isOurs) this.#dueAt = now + terms.seconds * 500
    else this.#dueAt = now + (terms.seconds - Math.min(32, terms.seconds / 3)) * 1000
  }

  /** After a restart: nobody knows when the last refresh was, so that ours comes soon; `fraction` spreads many. */
  resume(now: Instant, terms: SessionTerms | null, fraction: number): void {
    this.start(now, terms)
    if (terms?.isOurs) this.#dueAt = now + terms.seconds * 250 * fraction
  }

  /** A refresh of ours failed: it is tried once more, a quarter of the interval later. False: that was it. */
  postpone(now: Instant): boolean {
    if (this.#isPostponed || this.#terms === null) return false
    this.#isPostponed = true
    this.#dueAt = now + this.#terms.seconds * 250
    return true
  }

  stop(): void {
    this.#dueAt = undefined
  }

  #isOursBy(asked: 'uac' | 'uas' | null): boolean {
    if (asked !== null) return asked === 'uas'
    return this.#terms?.isOurs ?? false
  }

  #minSeHeader(): HeaderLine[] {
    return this.#minSe > leastSeconds ? [['Min-SE', String(this.#minSe)]] : []
  }
}

/** For a 422. */
export const minSeHeader: HeaderLine = ['Min-SE', String(leastSeconds)]
