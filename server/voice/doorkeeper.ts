/**
 * Who sent a request (T14, T20, T29, T30): a trunk by its address, or a device or a trunk by digest. Nobody else gets
 * in.
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
import type { DeviceLogin, Directories, SignIn, TrunkSignIn } from './directories.ts'
import type { TrunkWays } from './trunk-ways.ts'

export interface DoorkeeperOptions {
  readonly directories: Directories
  readonly trunks: TrunkWays
  /** A device is registered from there. */
  readonly isDeviceAt: (source: Hop) => boolean
  /** A trunk that is registered from there: its calls need not name it before they are asked for its password. */
  readonly trunkAt: (source: Hop) => TrunkSignIn | null
  /** Wall time. */
  readonly clock: () => number
  readonly sign: (text: string) => string
  /** An address from which a device is registered is never banned (T30). */
  readonly hasRegistration: (address: string) => boolean
  /** A call for help: whoever has the password may make it, shut out or disabled (T18). */
  readonly isEmergency: (invite: SipMessage, from: Source) => boolean
  readonly log: { warn(facts: object, message: string): void }
}

export type Admission =
  | { readonly kind: 'device'; readonly login: DeviceLogin }
  /** `login` null: by its address. */
  | {
      readonly kind: 'trunk'
      readonly source: Extract<Source, { kind: 'trunk' }>
      readonly login: TrunkSignIn | null
    }
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
  /** Of the user name as it is configured; peers write it in as many ways as it has letters. */
  readonly #ha1 = new WeakMap<SignIn, string>()
  readonly #failures = new Map<string, Failures>()

  constructor(options: DoorkeeperOptions) {
    this.#options = options
    this.#digest = new DigestServer({ hashes, sign: options.sign, since: options.clock() })
  }

  /** Answers that are remembered, so that none works twice. */
  get remembered(): number {
    return this.#digest.remembered
  }

  /** Call from time to time. */
  sweep(): void {
    this.#digest.forget(this.#options.clock())
  }

  /** Of a request outside of any dialog. `mayBeTrunk`: calls may come from a carrier's address. */
  admit(request: SipMessage, source: Hop, mayBeTrunk: boolean): Admission {
    for (const answer of digestAnswers(request, 'authorization')) {
      const username = answer.params.get('username') ?? ''
      const login = this.#options.directories.signIn(username, answer.params.get('realm') ?? null)
      const isForHelp = () => login !== undefined && this.#isForHelp(request, login)
      if (this.#isBanned(source.address, username) && !isForHelp()) return { kind: 'refused', status: 403 }
      const expected =
        login === undefined
          ? { ...nobody, realm: answer.params.get('realm') ?? '' }
          : { realm: login.realm, algorithm: login.algorithm, ha1: this.#ha1Of(login, username) }
      switch (this.#digest.check(this.#options.clock(), answer, request.method, expected)) {
        case 'ok':
          this.#failures.delete(banKey(source.address, username))
          if (login === undefined) break // nobody's password is right
          if (!login.isEnabled && !isForHelp()) return { kind: 'refused', status: 403, reason: 'Disabled' }
          return admitted(login)
        case 'stale':
          return this.#challenge(request, source, true)
        case 'wrong':
          this.#fail(source.address, username)
          return { kind: 'refused', status: 403 }
        case 'none':
          break // a carrier passes on what its customer answered to it
      }
    }
    const { trunks, isDeviceAt, trunkAt } = this.#options
    const found = mayBeTrunk ? trunks.find(request, source) : null
    // Phones and exchanges of one site may share its address: who has a password is asked for it.
    const trunk = found === null || isDeviceAt(source) || trunkAt(source) !== null ? null : found
    return trunk === null ? this.#challenge(request, source, false) : { kind: 'trunk', source: trunk, login: null }
  }

  /** T20: the realm of the account whose device or trunk it says it is; of an unknown one, the domain that it names. */
  #challenge(request: SipMessage, source: Hop, isStale: boolean): Admission {
    const { directories, clock, trunkAt } = this.#options
    const claimed = request.headers('authorization').map(parseCredentials)[0]?.params.get('username')
    const domain = parseUri(request.to.uri)?.host
    const there = trunkAt(source)
    // Whoever is registered from there is meant before another account's of the same name.
    const known = (username = '') =>
      username.toLowerCase() === there?.username.toLowerCase() ? there : directories.signIn(username, domain ?? null)
    const login = known(claimed) ?? known(parseUri(request.from.uri)?.user) ?? there
    const realm = login?.realm ?? domain ?? 'carillon'
    const value = this.#digest.challenge(clock(), { realm, algorithm: login?.algorithm ?? 'MD5' }, isStale)
    return { kind: 'refused', status: 401, headers: [['WWW-Authenticate', value]] }
  }

  #ha1Of(login: SignIn, username: string): string {
    const isUsual = username === login.username
    const known = isUsual ? this.#ha1.get(login) : undefined
    if (known !== undefined) return known
    const made = ha1Of(hashes, login.algorithm, { username, realm: login.realm, password: login.password })
    if (isUsual) this.#ha1.set(login, made)
    return made
  }

  #isForHelp(request: SipMessage, login: Login): boolean {
    return request.method === 'INVITE' && this.#options.isEmergency(request, sourceOf(login))
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

type Login = DeviceLogin | TrunkSignIn

function admitted(login: Login): Admission {
  if ('deviceId' in login) return { kind: 'device', login }
  const { accountId, trunkId } = login
  return { kind: 'trunk', source: { kind: 'trunk', accountId, trunkId }, login }
}

function sourceOf(login: Login): Source {
  const { accountId } = login
  return 'deviceId' in login
    ? { kind: 'device', accountId, deviceId: login.deviceId }
    : { kind: 'trunk', accountId, trunkId: login.trunkId }
}

/** An answer for an unknown name is measured against no password, and refused like a wrong one. */
const nobody = { algorithm: 'MD5', ha1: randomBytes(16).toString('hex') } as const

const banKey = (address: string, username: string) => `${address} ${username.toLowerCase()}`
