/**
 * Our registrations at carriers (T15), one for each trunk that wants it, and the token by which a call that comes by one
 * tells which it is (T14): the user of our Contact there, which nobody else knows.
 */
import type { FastifyBaseLogger } from 'fastify'
import { DigestClient } from '../../engine/sip/digest-client.ts'
import type { Hop } from '../../engine/sip/hop.ts'
import { Registration, type RegistrationState } from '../../engine/sip/registration.ts'
import { formatUri } from '../../engine/sip/uri.ts'
import type { Directories, TrunkLogin } from './directories.ts'
import { hashes } from './doorkeeper.ts'
import { type Exchange, newToken } from './exchange.ts'

export interface TrunkRegistrationsOptions {
  readonly directories: Directories
  readonly exchange: () => Exchange
  readonly locate: ConstructorParameters<typeof Registration>[0]['locate']
  readonly tokenOf: (trunkId: string) => string
  readonly agent: string
  readonly log: FastifyBaseLogger
}

interface Held {
  readonly registration: Registration
  /** What it was made from: another text is another registration. */
  readonly plan: string
}

export class TrunkRegistrations {
  readonly #options: TrunkRegistrationsOptions
  readonly #held = new Map<string, Held>()
  readonly #trunkOfToken = new Map<string, string>()

  constructor(options: TrunkRegistrationsOptions) {
    this.#options = options
  }

  /** The trunk whose registration a request URI's user is; null: none. */
  trunkOf(user: string): string | null {
    return this.#trunkOfToken.get(user) ?? null
  }

  /** Call when configuration changed. */
  refresh(): void {
    const { directories, exchange, tokenOf } = this.#options
    const wanted = new Map([...directories.trunks].filter((one) => one.isRegistering).map((one) => [one.trunk.id, one]))
    exchange().run((now) => {
      for (const [trunkId, { registration, plan }] of this.#held) {
        const login = wanted.get(trunkId)
        if (login !== undefined && planOf(login) === plan) continue
        registration.stop(now)
        this.#held.delete(trunkId)
        this.#trunkOfToken.delete(tokenOf(trunkId))
      }
      for (const [trunkId, login] of wanted) {
        if (this.#held.has(trunkId)) continue
        const registration = this.#register(login)
        this.#held.set(trunkId, { registration, plan: planOf(login) })
        this.#trunkOfToken.set(tokenOf(trunkId), trunkId)
        registration.start(now)
      }
    })
  }

  /** Whatever registered by it registers again. */
  connectionClosed(peer: Hop): void {
    this.#options.exchange().run((now) => {
      for (const { registration } of this.#held.values()) registration.onConnectionClosed(now, peer)
    })
  }

  #register({ trunk, registrationSeconds }: TrunkLogin): Registration {
    const { exchange, locate, tokenOf, agent } = this.#options
    const { transactions, queue } = exchange()
    const host = { host: trunk.server, port: trunk.port, params: `;transport=${trunk.transport}` }
    const user = trunk.username ?? ''
    const options = {
      transactions,
      queue,
      locate,
      digest: new DigestClient({ hashes, token: newToken }),
      fraction: Math.random,
      token: newToken,
      agent,
      onState: (_now: number, state: RegistrationState) => this.#tell(trunk.id, state),
    }
    return new Registration(options, {
      registrar: formatUri(host),
      addressOfRecord: formatUri({ host: trunk.options.overrideFromDomain ?? trunk.server, user }),
      outboundProxy: trunk.outboundProxy,
      login: { username: trunk.authUsername ?? user, password: trunk.password ?? '' },
      contactUser: tokenOf(trunk.id),
      expiresSeconds: registrationSeconds,
    })
  }

  #tell(trunk: string, state: RegistrationState): void {
    const { log } = this.#options
    if (state.name === 'failed') {
      const { status, reason } = state
      log.warn({ trunk, status, reason }, 'a trunk is not registered at its carrier')
    } else log.info({ trunk, state: state.name }, 'registration of a trunk')
  }
}

function planOf({ trunk, registrationSeconds }: TrunkLogin): string {
  const { server, port, transport, outboundProxy, username, authUsername, password, options } = trunk
  return JSON.stringify([
    server,
    port,
    transport,
    outboundProxy,
    username,
    authUsername,
    password,
    options.overrideFromDomain,
    registrationSeconds,
  ])
}
