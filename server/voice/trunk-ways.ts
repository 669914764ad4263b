/**
 * Which trunk a call from outside comes by (T14): the addresses that each trunk lists, and those its server's name has.
 * Carriers serve several organisations from one address; then the called number decides.
 */
import { type BlockList, isIPv6, SocketAddress } from 'node:net'
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
  /** What was looked up: other names have other addresses. */
  readonly names: readonly string[]
  /** Those of the names, with when each was seen last. */
  readonly addresses: Map<string, number>
}

export interface TrunkWaysOptions {
  readonly directories: Directories
  readonly locate: (uri: string, done: (hops: readonly Hop[]) => void) => void
  /** The trunk whose registration at a carrier has that user. */
  readonly trunkOfToken: (user: string) => string | null
  readonly clock: () => number
  /** The simulated outside world sends from there. */
  readonly isSandbox: (source: Hop) => boolean
}

/** A name may answer with some of its addresses at a time; who let one go may not call by it for ever. */
const keptMs = 3_600_000

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
      if (!trunk.enabled || trunk.callsDirection === 'outgoing' || login.isSandbox) {
        this.#ways.delete(trunk.id)
        // What is offered by it depends on where it is (T10), from the first call on.
        if (trunk.enabled) for (const name of namesOf(login)) this.#options.locate(name, () => {})
        continue
      }
      const before = this.#ways.get(trunk.id)
      const names = namesOf(login)
      const isSame = before?.names.join() === names.join()
      const addresses = before && isSame ? before.addresses : new Map<string, number>()
      const way: Way = { login, listed: blockList(login.addresses), names, addresses }
      this.#ways.set(trunk.id, way)
      this.#resolve(way)
    }
  }

  #resolve({ names, addresses }: Way): void {
    const { locate, clock } = this.#options
    for (const name of names) {
      locate(name, (hops) => {
        for (const { address } of hops) addresses.set(asReceived(address), clock())
        // A name that cannot be looked up for a while keeps what it had.
        const isForgotten = (seenAt: number) => hops.length > 0 && clock() - seenAt >= keptMs
        for (const [address, seenAt] of addresses) if (isForgotten(seenAt)) addresses.delete(address)
      })
    }
  }

  /** Whether an address is a carrier's: such are never banned (T30). */
  has(address: string): boolean {
    return this.#at(address).length > 0
  }

  find(request: SipMessage, source: Hop): TrunkSource | null {
    if (this.#options.isSandbox(source)) return this.#ofSandbox(request)
    const { address } = source
    const registered = this.#options.trunkOfToken(request.requestUri?.user ?? '')
    const login = registered === null ? undefined : this.#options.directories.trunk(registered)
    if (login !== undefined) return toSource(login)
    const found = this.#at(address).map(toSource)
    if (found.length < 2 || request.method !== 'INVITE') return found[0] ?? null
    const isOurs = (source: TrunkSource) =>
      routeIncoming(this.#options.directories, readInvite(request, source))?.destination.type !== 'refused'
    return found.find(isOurs) ?? found[0] ?? null
  }

  /** Of all sandboxes the one whose number is called. */
  #ofSandbox(request: SipMessage): TrunkSource | null {
    const { directories } = this.#options
    const accountId = directories.ofPhoneNumber(request.requestUri?.user ?? '')?.account.id
    const login = [...directories.trunks].find((one) => one.isSandbox && one.trunk.accountId === accountId)
    return login === undefined ? null : toSource(login)
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

/** An IPv6 address can be written in many ways; a packet comes from one. */
const asReceived = (address: string): string =>
  isIPv6(address) ? new SocketAddress({ address, family: 'ipv6' }).address : address

/** URIs of where its calls come from; none for a trunk that registers here. */
function namesOf({ trunk }: TrunkLogin): string[] {
  const { server, port, transport, outboundProxy } = trunk
  if (server === '') return []
  const hosts = [formatHost(server) + (port === null ? '' : `:${port}`), ...(outboundProxy ? [outboundProxy] : [])]
  return hosts.map((host) => `sip:${host};transport=${transport}`)
}

const toSource = ({ trunk }: TrunkLogin): TrunkSource => ({
  kind: 'trunk',
  accountId: trunk.accountId,
  trunkId: trunk.id,
})
