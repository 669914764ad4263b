/**
 * Who sent a request (T14, T20, T29, T30): a trunk by its address, or a device by digest. Nobody else gets in.
 *
 * Invariant: a password is asked for in the same way whether the user name exists or not.
 */
import { createHash, randomBytes } from 'node:crypto'
import type { Source } from '../../engine/call/leg.ts'
import { parseCredentials } from '../../engine/sip/credentials.ts'
import { type DigestHashes, ha1Of } from '../../engine/sip/digest.ts'
import { DigestServer, digestAnswers } from '../../engine/sip/digest-server.ts'
import type { HeaderLine } from '../../engine/sip/format.ts'
import type { Hop } from '../../engine/sip/hop.ts'
import type { SipMessage } from '../../engine/sip/message.ts'
import { parseUri } from '../../engine/sip/uri.ts'
import type { DeviceLogin, Directories } from './directories.ts'
import type { TrunkWays } from './trunk-ways.ts'

export interface DoorkeeperOptions {
  readonly directories: Directories
  readonly trunks: TrunkWays
  /** Wall time. */
  readonly clock: () => number
  readonly sign: (text: string) => string
  /** An address from which a device is registered is never banned (T30). */
  readonly hasRegistration: (address: string) => boolean
  readonly log: { warn(facts: object, message: string): void }
}

export type Admission =
  | { readonly kind: 'device'; readonly login: DeviceLogin }
  | { readonly kind: 'trunk'; readonly source: Extract<Source, { kind: 'trunk' }> }
  | {
      readonly kind: 'refused'
      readonly status: number
      readonly reason?: string
      readonly headers?: readonly HeaderLine[]
    }

export const hashes: DigestHashes = {
  md5: (text) => createHash('md5').update(text).digest('hex'),
  sha256: (text) => createHash('sha256').update(text).digest('hex'),
}

const mostFailures = 10
const failureWindowMs = 600_000
const mostRemembered = 50_000

interface Failures {
  count: number
  since: number
}

export class Doorkeeper {
  readonly #options: DoorkeeperOptions
  readonly #digest: DigestServer
  readonly #ha1 = new WeakMap<DeviceLogin, Map<string, string>>()
  readonly #failures = new Map<string, Failures>()

  constructor(options: DoorkeeperOptions) {
    this.#options = options
    this.#digest = new DigestServer({ hashes, sign: options.sign, since: options.clock() })
  }

  /** Of a request outside of any dialog. `mayBeTrunk`: calls may come from carriers, registrations may not. */
  admit(request: SipMessage, source: Hop, mayBeTrunk: boolean): Admission {
    const answers = digestAnswers(request, 'authorization')
    if (answers.length === 0) {
      const trunk = mayBeTrunk ? this.#options.trunks.find(request, source) : null
      return trunk === null ? this.#challenge(request, false) : { kind: 'trunk', source: trunk }
    }
    for (const answer of answers) {
      const username = answer.params.get('username') ?? ''
      const login = this.#options.directories.deviceByUsername(username)
      if (this.#isBanned(source.address, username)) return { kind: 'refused', status: 403 }
      const expected =
        login === undefined
          ? { ...nobody, realm: answer.params.get('realm') ?? '' }
          : { realm: login.realm, algorithm: login.algorithm, ha1: this.#ha1Of(login, username) }
      switch (this.#digest.check(this.#options.clock(), answer, request.method, expected)) {
        case 'ok':
          this.#failures.delete(banKey(source.address, username))
          if (login === undefined) break // nobody's password is right
          return login.isEnabled ? { kind: 'device', login } : { kind: 'refused', status: 403, reason: 'Disabled' }
        case 'stale':
          return this.#challenge(request, true)
        case 'wrong':
          this.#fail(source.address, username)
          return { kind: 'refused', status: 403 }
        case 'none':
          break
      }
    }
    return this.#challenge(request, false)
  }

  /** T20: the realm of the account whose device it says it is; of an unknown one, the domain that it names. */
  #challenge(request: SipMessage, isStale: boolean): Admission {
    const { directories, clock } = this.#options
    const claimed = request.headers('authorization').map(parseCredentials)[0]?.params.get('username')
    const from = parseUri(request.from.uri)
    const login = directories.deviceByUsername(claimed ?? '') ?? directories.deviceByUsername(from?.user ?? '')
    const realm = login?.realm ?? parseUri(request.to.uri)?.host ?? 'carillon'
    const value = this.#digest.challenge(clock(), { realm, algorithm: login?.algorithm ?? 'MD5' }, isStale)
    return { kind: 'refused', status: 401, headers: [['WWW-Authenticate', value]] }
  }

  #ha1Of(login: DeviceLogin, username: string): string {
    const known = this.#ha1.get(login)
    const found = known?.get(username)
    if (found !== undefined) return found
    const made = ha1Of(hashes, login.algorithm, { username, realm: login.realm, password: login.password })
    if (known) known.set(username, made)
    else this.#ha1.set(login, new Map([[username, made]]))
    return made
  }

  #isBanned(address: string, username: string): boolean {
    const failures = this.#failures.get(banKey(address, username))
    if (failures === undefined) return false
    if (this.#options.clock() - failures.since > failureWindowMs) {
      this.#failures.delete(banKey(address, username))
      return false
    }
    return failures.count >= mostFailures && !this.#options.hasRegistration(address)
  }

  #fail(address: string, username: string): void {
    const key = banKey(address, username)
    const failures = this.#failures.get(key) ?? { count: 0, since: this.#options.clock() }
    failures.count += 1
    if (this.#failures.size > mostRemembered) this.#failures.clear()
    this.#failures.set(key, failures)
    if (failures.count === mostFailures) {
      this.#options.log.warn({ address }, 'a SIP user name is tried with wrong passwords: shut out for ten minutes')
    }
  }
}

/** An answer for an unknown name is measured against no password, and refused like a wrong one. */
const nobody = { algorithm: 'MD5', ha1: randomBytes(16).toString('hex') } as const

const banKey = (address: string, username: string) => `${address} ${username.toLowerCase()}`
