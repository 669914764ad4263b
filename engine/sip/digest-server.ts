/**
 * Asks for a password, and checks the answer (T29). A nonce carries the time at which it was made and a signature, so
 * that giving one costs no memory; only for nonces that were answered rightly is it remembered which counts were used,
 * so that no answer works twice (RFC 7616 §3.3, `nc`).
 *
 * Invariant: one nonce and count are accepted once. Whoever repeats one gets a fresh nonce (`stale`), not a refusal:
 * phones that always count from one work, with one round trip more.
 */
import { type Credentials, formatCredentials, parseCredentials } from './credentials.ts'
import { algorithmOf, type DigestAlgorithm, type DigestHashes, digestResponse, hashOf } from './digest.ts'
import type { SipMessage } from './message.ts'

/** Of the wall clock, since nonces outlive the process. */
export type UnixMs = number

export interface DigestServerOptions {
  readonly hashes: DigestHashes
  /** A keyed hash as text of token characters without dots. Its key outlives the process: see `since`. */
  readonly sign: (text: string) => string
  /**
   * When this process began. Nonces of its predecessors are stale, because their counts are forgotten; were they not
   * known at all, phones that answer without being asked would take the next challenge for a refusal of their password.
   */
  readonly since: UnixMs
  /** How long a nonce may be answered. Above the interval at which phones register, they answer without being asked. */
  readonly lifetimeMs?: number
  /** Nonces whose counts are remembered. */
  readonly mostNonces?: number
}

/** What an answer is measured against. */
export interface Expected {
  readonly realm: string
  readonly algorithm: DigestAlgorithm
  /** Of the username as the answer spells it. */
  readonly ha1: string
}

/**
 * `stale`: right, but the nonce is too old or its count was used: challenge again and say so. `wrong`: it answers our
 * own nonce with another password; only this may count for a ban (T30). `none`: it answers somebody else's challenge, or
 * is no digest: as if there was no answer. A `stale` answer with another password is `wrong` too.
 */
export type Verdict = 'ok' | 'stale' | 'wrong' | 'none'

/** Which of the last 32 counts of a nonce were used: requests over UDP overtake each other. */
interface Counts {
  readonly issuedAt: UnixMs
  highest: number
  /** Bit n: `highest - n` was used. */
  used: number
}

export class DigestServer {
  readonly #hashes: DigestHashes
  readonly #sign: (text: string) => string
  readonly #lifetimeMs: number
  readonly #mostNonces: number
  /** By the number of the nonce. Its text would keep all of the request that it came in: a kilobyte for each, for ten minutes. */
  readonly #counts = new Map<number, Counts>()
  /** Nonces given before that are stale whatever their age, because what was used of them had to be forgotten. */
  #validFrom: UnixMs
  #given = 0

  constructor({ hashes, sign, since, lifetimeMs = 600_000, mostNonces = 200_000 }: DigestServerOptions) {
    this.#hashes = hashes
    this.#sign = sign
    this.#validFrom = since
    this.#lifetimeMs = lifetimeMs
    this.#mostNonces = mostNonces
  }

  get remembered(): number {
    return this.#counts.size
  }

  /** The value of WWW-Authenticate or Proxy-Authenticate. One challenge only: old phones fail on two. */
  challenge(now: UnixMs, { realm, algorithm }: Pick<Expected, 'realm' | 'algorithm'>, isStale = false): string {
    this.#given += 1
    const stamp = `${Math.floor(now).toString(36)}.${this.#given.toString(36)}`
    const pairs: (readonly [string, string])[] = [
      ['realm', realm],
      ['nonce', `${stamp}.${this.#sign(stamp)}`],
      ['algorithm', algorithm],
      ['qop', 'auth'],
    ]
    if (isStale) pairs.push(['stale', 'true'])
    return formatCredentials(pairs, false)
  }

  check(now: UnixMs, { params }: Credentials, method: string, expected: Expected): Verdict {
    const nonce = params.get('nonce') ?? ''
    const made = this.#read(nonce)
    const algorithm = algorithmOf(params)
    const counted = countedOf(params)
    if (made === null || counted === undefined || params.get('realm') !== expected.realm) return 'none'
    if (algorithm === null || algorithm.isSession || algorithm.algorithm !== expected.algorithm) return 'none'
    const input = { ha1: expected.ha1, method, uri: params.get('uri') ?? '', nonce, counted }
    const right = digestResponse(hashOf(this.#hashes, expected.algorithm), input)
    if (!isEqual(right, (params.get('response') ?? '').toLowerCase())) return 'wrong'
    const { issuedAt, number } = made
    if (now - issuedAt > this.#lifetimeMs || issuedAt < this.#validFrom || issuedAt > now) return 'stale'
    // An answer without count can be repeated by anybody who saw it: it is good for one request.
    const count = counted === null ? 1 : Number.parseInt(counted.nc, 16)
    return this.#use(now, number, issuedAt, count) ? 'ok' : 'stale'
  }

  /** Nonces that were answered and are too old now. Called with each that is new, and from time to time. */
  forget(now: UnixMs): void {
    for (const [number, { issuedAt }] of this.#counts) {
      const isOver = now - issuedAt > this.#lifetimeMs || issuedAt < this.#validFrom
      if (!isOver && this.#counts.size < this.#mostNonces) return
      // No room: what was used first, and then nothing that old may be answered.
      if (!isOver) this.#validFrom = Math.max(this.#validFrom, issuedAt + 1)
      this.#counts.delete(number)
    }
  }

  /** When we made it, and as which of this process; null: it is not ours. */
  #read(nonce: string): { issuedAt: UnixMs; number: number } | null {
    const end = nonce.lastIndexOf('.')
    const stamp = nonce.slice(0, Math.max(end, 0))
    if (stamp === '' || !isEqual(this.#sign(stamp), nonce.slice(end + 1))) return null
    const [at = '', given = ''] = stamp.split('.')
    return { issuedAt: Number.parseInt(at, 36), number: Number.parseInt(given, 36) }
  }

  #use(now: UnixMs, number: number, issuedAt: UnixMs, count: number): boolean {
    const counts = this.#counts.get(number)
    if (counts === undefined) {
      this.forget(now)
      this.#counts.set(number, { issuedAt, highest: count, used: 1 })
      return true
    }
    const ahead = count - counts.highest
    if (ahead > 0) {
      counts.used = ahead > 31 ? 1 : ((counts.used << ahead) | 1) >>> 0
      counts.highest = count
      return true
    }
    const bit = ahead < -31 ? 0 : (1 << -ahead) >>> 0
    if (bit === 0 || (counts.used & bit) !== 0) return false
    counts.used = (counts.used | bit) >>> 0
    return true
  }
}

/** Undefined: broken. Null: the old form without `qop`. */
function countedOf(
  params: ReadonlyMap<string, string>,
): { nc: string; cnonce: string; qop: string } | null | undefined {
  const [qop, nc, cnonce] = [params.get('qop'), params.get('nc'), params.get('cnonce')]
  if (qop === undefined) return null
  if (qop.toLowerCase() !== 'auth' || nc === undefined || cnonce === undefined || cnonce === '') return undefined
  return /^[0-9a-fA-F]{8}$/.test(nc) ? { nc, cnonce, qop } : undefined
}

/** In a time that tells nothing of where they differ. */
function isEqual(right: string, said: string): boolean {
  let difference = right.length ^ said.length
  for (let at = 0; at < right.length; at++) difference |= right.charCodeAt(at) ^ said.charCodeAt(at)
  return difference === 0
}

/** What a request says to digest challenges of a server (`authorization`) or a proxy (`proxy-authorization`). */
export function digestAnswers(request: SipMessage, header: 'authorization' | 'proxy-authorization'): Credentials[] {
  return request
    .headers(header)
    .map(parseCredentials)
    .filter((credentials) => credentials !== null)
    .filter(({ scheme }) => scheme === 'digest')
}
