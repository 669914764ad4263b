/**
 * Which trunk a call from outside comes by (T14): the addresses that each trunk lists, and those its server's name has.
 * Carriers serve several organisations from one address; then the called number decides.
 */
import type { BlockList } from 'node:net'
import type { Source } from '../../engine/call/leg.ts'
import { routeIncoming } from '../../engine/call/routing.ts'
import type { Hop } from '../../engine/sip/hop.ts'
import { readInvite } from '../../engine/sip/leg-headers.ts'
import type { SipMessage } from '../../engine/sip/message.ts'
import { formatHost } from '../../engine/sip/via.ts'
import { blockList } from './addresses.ts'
import type { Directories, TrunkLogin } from './directories.ts'

type TrunkSource = Extract<Source, { kind: 'trunk' }>

interface Way {
  readonly login: TrunkLogin
  readonly listed: BlockList
  /** Of the server's name, as it was looked up last. */
  addresses: ReadonlySet<string>
}

export interface TrunkWaysOptions {
  readonly directories: Directories
  readonly locate: (uri: string, done: (hops: readonly Hop[]) => void) => void
  /** The trunk whose registration at a carrier has that user. */
  readonly trunkOfToken: (user: string) => string | null
}

export class TrunkWays {
  readonly #options: TrunkWaysOptions
  readonly #ways = new Map<string, Way>()

  constructor(options: TrunkWaysOptions) {
    this.#options = options
  }

  /** Call when configuration changed, and from time to time: names move. */
  refresh(): void {
    const { directories } = this.#options
    for (const id of this.#ways.keys()) if (directories.trunk(id) === undefined) this.#ways.delete(id)
    for (const login of directories.trunks) {
      const { trunk } = login
      if (!trunk.enabled || trunk.callsDirection === 'outgoing') {
        this.#ways.delete(trunk.id)
        continue
      }
      const addresses = this.#ways.get(trunk.id)?.addresses ?? new Set<string>()
      const way: Way = { login, listed: blockList(login.addresses), addresses }
      this.#ways.set(trunk.id, way)
      if (trunk.server !== '') this.#resolve(way)
    }
  }

  #resolve(way: Way): void {
    const { server, port, transport, outboundProxy } = way.login.trunk
    const hosts = [formatHost(server) + (port === null ? '' : `:${port}`), ...(outboundProxy ? [outboundProxy] : [])]
    for (const host of hosts) {
      this.#options.locate(`sip:${host};transport=${transport}`, (hops) => {
        way.addresses = new Set([...way.addresses, ...hops.map(({ address }) => address)])
      })
    }
  }

  /** Whether an address is a carrier's: such are never banned (T30). */
  has(address: string): boolean {
    return this.#at(address).length > 0
  }

  find(request: SipMessage, { address }: Hop): TrunkSource | null {
    const registered = this.#options.trunkOfToken(request.requestUri?.user ?? '')
    const login = registered === null ? undefined : this.#options.directories.trunk(registered)
    if (login !== undefined) return toSource(login)
    const found = this.#at(address).map(toSource)
    if (found.length < 2 || request.method !== 'INVITE') return found[0] ?? null
    const isOurs = (source: TrunkSource) =>
      routeIncoming(this.#options.directories, readInvite(request, source))?.destination.type !== 'refused'
    return found.find(isOurs) ?? found[0] ?? null
  }

  #at(address: string): TrunkLogin[] {
    const family = address.includes(':') ? 'ipv6' : 'ipv4'
    const found: TrunkLogin[] = []
    for (const { login, listed, addresses } of this.#ways.values()) {
      if (addresses.has(address) || listed.check(address, family)) found.push(login)
    }
    return found
  }
}

const toSource = ({ trunk }: TrunkLogin): TrunkSource => ({
  kind: 'trunk',
  accountId: trunk.accountId,
  trunkId: trunk.id,
})
