/** Where a URI leads (engine/sip/next-hop.ts), by the system's resolver; never to what the address policy forbids (T12). */
import { promises as dns } from 'node:dns'
import type { Instant } from '../../engine/machine.ts'
import type { Hop } from '../../engine/sip/hop.ts'
import { HopSearch, type Query, type QueryAnswer } from '../../engine/sip/next-hop.ts'
import { parseUri } from '../../engine/sip/uri.ts'
import { privateNets } from '../config.ts'
import { blockList } from './addresses.ts'

interface Options {
  /** The wall clock or a monotonic one: for the age of what is kept. */
  readonly clock: () => Instant
  /** Of this process: a request that we send to ourselves goes in circles. */
  readonly ownPorts: ReadonlySet<number>
  readonly isOwnAddress: (address: string) => boolean
  /** The allow-list: private addresses outside of these networks lead nowhere. */
  readonly isLocal: (address: string) => boolean
  /** The simulated outside world is there, whatever the allow-list says. */
  readonly isSandbox: (hop: Hop) => boolean
}

/** Long enough for a burst of calls, short enough for a carrier that moves. */
const keptMs = 30_000
const mostKept = 1_000
const askMs = 3_000

/** Never where SIP is: this host's unspecified addresses, multicast, broadcast, and metadata of cloud machines. */
const forbidden = blockList([
  ...['0.0.0.0/8', '224.0.0.0/4', '240.0.0.0/4', '169.254.169.254/32'],
  ...['ff00::/8', '::/128', 'fd00:ec2::254/128'],
])
const privateNetworks = blockList(privateNets)

export class Locator {
  readonly #options: Options
  readonly #kept = new Map<string, { readonly hops: readonly Hop[]; readonly at: Instant }>()
  /** By name of a host, where it was found last. */
  readonly #addresses = new Map<string, string>()

  constructor(options: Options) {
    this.#options = options
  }

  /** Calls back at once when nothing has to be asked. */
  locate(uri: string, done: (hops: readonly Hop[]) => void): void {
    const search = new HopSearch(uri, {
      transports: ['udp', 'tcp', 'tls'],
      families: ['A', 'AAAA'],
      fraction: Math.random,
    })
    if (search.hops !== null) return done(this.#allowed(search.hops))
    // A `sips` URI leads elsewhere than the `sip` one of the same host.
    const key = uri.slice(0, uri.indexOf(':') + 1).toLowerCase() + uri.slice(uri.indexOf('@') + 1)
    const known = this.#kept.get(key)
    if (known !== undefined && this.#options.clock() - known.at < keptMs) return done(known.hops)
    void this.#ask(search).then((found) => {
      const hops = this.#allowed(found)
      this.#keep(uri, key, hops)
      done(hops)
    })
  }

  /**
   * The address that the host of a URI had last, the host itself where it was not looked up: what a peer is told of ours
   * for media depends on it (T10), and is said before the message goes anywhere.
   */
  addressOf(uri: string): string {
    const host = hostOf(uri)
    return this.#addresses.get(host) ?? host
  }

  #keep(uri: string, key: string, hops: readonly Hop[]): void {
    const [first] = hops
    if (first === undefined) return
    if (this.#kept.size >= mostKept) {
      this.#kept.clear()
      this.#addresses.clear()
    }
    this.#kept.set(key, { hops, at: this.#options.clock() })
    this.#addresses.set(hostOf(uri), first.address)
  }

  async #ask(search: HopSearch): Promise<readonly Hop[]> {
    while (search.hops === null) {
      const queries: Query[] = []
      for (let query = search.poll(); query !== undefined; query = search.poll()) queries.push(query)
      if (queries.length === 0) return []
      for (const answer of await Promise.all(queries.map(resolve))) search.handle(answer)
    }
    return search.hops
  }

  #allowed(hops: readonly Hop[]): readonly Hop[] {
    const { ownPorts, isOwnAddress, isLocal, isSandbox } = this.#options
    return hops.filter((hop) => {
      const { address, port } = hop
      if (isSandbox(hop)) return true
      const family = address.includes(':') ? 'ipv6' : 'ipv4'
      const isUs = ownPorts.has(port) && isOwnAddress(address)
      const isAllowed = isLocal(address) || !privateNetworks.check(address, family)
      return isAllowed && !forbidden.check(address, family) && !isUs
    })
  }
}

const hostOf = (uri: string): string => parseUri(uri)?.host.toLowerCase() ?? ''

/** What cannot be found out is nothing. Names of /etc/hosts count, as everywhere on the machine. */
async function resolve({ type, name }: Query): Promise<QueryAnswer> {
  if (type === 'SRV') {
    const records = await within(dns.resolveSrv(name), [])
    return { type, name, records: records.map(({ name: target, ...record }) => ({ ...record, target })) }
  }
  const found = await within(dns.lookup(name, { family: type === 'A' ? 4 : 6, all: true }), [])
  return { type, name, addresses: found.map(({ address }) => address) }
}

function within<T>(question: Promise<T>, nothing: T): Promise<T> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(nothing), askMs)
    question
      .then(resolve, () => resolve(nothing)) // not found, or no resolver
      .finally(() => clearTimeout(timer))
  })
}
