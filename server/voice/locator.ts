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
/** While it cannot be asked for. */
const lostMs = 3_600_000
const mostKept = 1_000
const askMs = 3_000

/** Never where SIP is: this host's unspecified addresses, multicast, broadcast, and metadata of cloud machines. */
const forbidden = blockList([
  ...['0.0.0.0/8', '224.0.0.0/4', '240.0.0.0/4', '169.254.169.254/32'],
  ...['ff00::/8', '::/128', 'fd00:ec2::254/128'],
])
const privateNetworks = blockList(privateNets)

interface Kept {
  readonly hops: readonly Hop[]
  /** When it was looked up. */
  readonly foundAt: Instant
  /** When it was tried last. */
  readonly askedAt: Instant
}

export class Locator {
  readonly #options: Options
  readonly #kept = new Map<string, Kept>()
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
    if (known !== undefined && this.#options.clock() - known.askedAt < keptMs) return done(known.hops)
    void this.#ask(search).then(({ hops: found, isLost }) => {
      const askedAt = this.#options.clock()
      const before = this.#kept.get(key)
      // A resolver that is away for a while moves nobody.
      const isBefore = isLost && before !== undefined && askedAt - before.foundAt < lostMs
      const kept = isBefore ? { ...before, askedAt } : { hops: this.#allowed(found), foundAt: askedAt, askedAt }
      this.#keep(uri, key, kept)
      done(kept.hops)
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

  #keep(uri: string, key: string, kept: Kept): void {
    const [first] = kept.hops
    if (first === undefined) return
    if (this.#kept.size >= mostKept) {
      this.#kept.clear()
      this.#addresses.clear()
    }
    this.#kept.set(key, kept)
    this.#addresses.set(hostOf(uri), first.address)
  }

  /** `isLost`: nothing was found, and not everything could be asked. */
  async #ask(search: HopSearch): Promise<{ readonly hops: readonly Hop[]; readonly isLost: boolean }> {
    let couldAsk = true
    while (search.hops === null) {
      const queries: Query[] = []
      for (let query = search.poll(); query !== undefined; query = search.poll()) queries.push(query)
      if (queries.length === 0) break
      for (const { answer, isAnswered } of await Promise.all(queries.map(resolve))) {
        couldAsk &&= isAnswered
        search.handle(answer)
      }
    }
    const hops = search.hops ?? []
    return { hops, isLost: hops.length === 0 && !couldAsk }
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

interface Resolved {
  readonly answer: QueryAnswer
  readonly isAnswered: boolean
}

/** What cannot be found out is nothing. Names of /etc/hosts count, as everywhere on the machine. */
async function resolve({ type, name }: Query): Promise<Resolved> {
  if (type === 'SRV') {
    const { found, isAnswered } = await within(dns.resolveSrv(name))
    const records = found.map(({ name: target, ...record }) => ({ ...record, target }))
    return { answer: { type, name, records }, isAnswered }
  }
  const { found, isAnswered } = await within(dns.lookup(name, { family: type === 'A' ? 4 : 6, all: true }))
  return { answer: { type, name, addresses: found.map(({ address }) => address) }, isAnswered }
}

/** Of resolvers that are away, or cannot say now. That there is no such name is an answer. */
const unanswered: ReadonlySet<unknown> = new Set(['EAI_AGAIN', 'ETIMEOUT', 'ESERVFAIL', 'EREFUSED', 'ECONNREFUSED'])

function within<T>(question: Promise<T[]>): Promise<{ readonly found: readonly T[]; readonly isAnswered: boolean }> {
  return new Promise((resolve) => {
    const nothing = (isAnswered: boolean) => resolve({ found: [], isAnswered })
    const timer = setTimeout(() => nothing(false), askMs)
    question
      .then(
        (found) => resolve({ found, isAnswered: true }),
        (error: NodeJS.ErrnoException) => nothing(!unanswered.has(error.code)),
      )
      .finally(() => clearTimeout(timer))
  })
}
