/**
 * Answers the challenges of others: 401 and 407, MD5 and SHA-256 (RFC 8760), `auth`, `auth-int` and the form without
 * `qop`. Remembers how often a nonce was used, since its count must grow with each answer (RFC 7616 §3.4).
 */
import { type Credentials, formatCredentials, parseCredentials } from './credentials.ts'
import { algorithmOf, type DigestHashes, digestResponse, ha1Of, hashOf } from './digest.ts'
import type { HeaderLine } from './format.ts'
import type { ChallengedRequest, Login } from './leg-port.ts'
import type { SipMessage } from './message.ts'

const mostNonces = 1_000

export class DigestClient {
  readonly #hashes: DigestHashes
  readonly #token: () => string
  readonly #uses = new Map<string, number>()
  /** What was answered last, to be answered again without being asked. */
  #last: { readonly header: string; readonly challenges: readonly Credentials[] } | null = null

  /** `token`: some 16 random characters. */
  constructor(options: { hashes: DigestHashes; token: () => string }) {
    this.#hashes = options.hashes
    this.#token = options.token
  }

  /** The lines that a request needs after that 401 or 407, one for each realm; null when we cannot answer it. */
  answer(response: SipMessage, request: ChallengedRequest, login: Login): HeaderLine[] | null {
    const isProxy = response.status === 407
    const challenges = this.#chooseByRealm(response.headers(isProxy ? 'proxy-authenticate' : 'www-authenticate'))
    this.#last = { header: isProxy ? 'Proxy-Authorization' : 'Authorization', challenges }
    return challenges.length === 0 ? null : this.again(request, login)
  }

  /** The same for another request, before anybody asks: a registration is refreshed in one round trip. */
  again(request: ChallengedRequest, login: Login): HeaderLine[] {
    const { header = '', challenges = [] } = this.#last ?? {}
    return challenges.map((challenge) => [header, this.#format(challenge, request, login)] as const)
  }

  /** What was asked last is not answered again before it is asked: it did not help. */
  forget(): void {
    this.#last = null
  }

  /** RFC 8760 §2.4: of each realm "the topmost header field that it supports". */
  #chooseByRealm(values: readonly string[]): Credentials[] {
    const chosen = new Map<string, Credentials>()
    for (const value of values) {
      const challenge = parseCredentials(value)
      const realm = challenge?.params.get('realm')
      if (challenge?.scheme !== 'digest' || realm === undefined || chosen.has(realm)) continue
      const isAnswerable = algorithmOf(challenge.params) !== null && qopOf(challenge.params) !== 'other'
      if (challenge.params.has('nonce') && isAnswerable) chosen.set(realm, challenge)
    }
    return [...chosen.values()]
  }

  #format({ params }: Credentials, request: ChallengedRequest, login: Login): string {
    const { algorithm, isSession } = algorithmOf(params) ?? { algorithm: 'MD5', isSession: false }
    const hash = hashOf(this.#hashes, algorithm)
    const [realm, nonce, qop] = [params.get('realm') ?? '', params.get('nonce') ?? '', qopOf(params)]
    const cnonce = this.#token()
    const counted = qop === '' ? null : { nc: this.#count(nonce), cnonce, qop }
    const plain = ha1Of(this.#hashes, algorithm, { ...login, realm })
    const response = digestResponse(hash, {
      ha1: isSession ? hash(`${plain}:${nonce}:${cnonce}`) : plain,
      ...{ method: request.method, uri: request.uri, nonce, counted },
      ...(qop === 'auth-int' ? { bodyHash: hash(request.body) } : {}),
    })
    const pairs: (readonly [string, string])[] = [
      ['username', login.username],
      ['realm', realm],
      ['nonce', nonce],
      ['uri', request.uri],
      ['response', response],
    ]
    // What was not in the challenge is not in the answer: servers from before RFC 2617 stumble over it.
    for (const name of ['algorithm', 'opaque']) {
      const value = params.get(name)
      if (value !== undefined) pairs.push([name, value])
    }
    if (counted !== null) pairs.push(['qop', qop], ['nc', counted.nc], ['cnonce', cnonce])
    else if (isSession) pairs.push(['cnonce', cnonce])
    return formatCredentials(pairs, true)
  }

  #count(nonce: string): string {
    const count = (this.#uses.get(nonce) ?? 0) + 1
    this.#uses.delete(nonce)
    this.#uses.set(nonce, count)
    if (this.#uses.size > mostNonces) {
      for (const oldest of this.#uses.keys()) {
        this.#uses.delete(oldest)
        break
      }
    }
    return count.toString(16).padStart(8, '0')
  }
}

/** `auth` before `auth-int`, which proxies that touch the body break; empty: the challenge has none. */
function qopOf(params: ReadonlyMap<string, string>): 'auth' | 'auth-int' | '' | 'other' {
  const offered = params.get('qop')
  if (offered === undefined) return ''
  const words = offered.toLowerCase().split(/[\s,]+/)
  return words.includes('auth') ? 'auth' : words.includes('auth-int') ? 'auth-int' : 'other'
}
