/**
 * From a URI to the hops that lead there, the best first (RFC 3263 §4, without NAPTR): transport, SRV by priority and
 * weight (RFC 2782), addresses. It asks DNS by `poll` and is told by `handle`; a literal address needs no question.
 *
 * Invariant: `hops` is null until every question has its answer, an empty one included.
 */
import { defaultPort, type Hop, type Transport } from './hop.ts'
import { parseUri, type Uri, uriParameter } from './uri.ts'

export interface Query {
  readonly type: 'SRV' | 'A' | 'AAAA'
  readonly name: string
}

export interface SrvRecord {
  readonly priority: number
  readonly weight: number
  readonly port: number
  readonly target: string
}

/** To a query by its type and name; nothing found is an empty list. */
export type QueryAnswer =
  | { readonly type: 'SRV'; readonly name: string; readonly records: readonly SrvRecord[] }
  | { readonly type: 'A' | 'AAAA'; readonly name: string; readonly addresses: readonly string[] }

export interface SearchOptions {
  /** What we can send by, the best first. */
  readonly transports: readonly Transport[]
  readonly families: readonly ('A' | 'AAAA')[]
  /** Uniform in [0, 1), for weights. */
  readonly fraction: () => number
}

/** Nobody runs more servers for one name than we would try. */
const mostServers = 8

interface Server {
  readonly transport: Transport
  readonly host: string
  readonly port: number
}

export class HopSearch {
  readonly #options: SearchOptions
  readonly #queries: Query[] = []
  /** Transports whose SRV records were asked for, in the order of preference. */
  #asked: Transport[] = []
  readonly #srv = new Map<string, readonly SrvRecord[]>()
  readonly #addresses = new Map<string, readonly string[]>()
  #servers: Server[] | null = null
  #host = ''
  #fallback: Transport = 'udp'
  #hops: readonly Hop[] | null = null

  constructor(text: string, options: SearchOptions) {
    this.#options = options
    const uri = parseUri(text)
    if (uri === null || uri.host === '') this.#hops = []
    else this.#begin(uri)
  }

  get hops(): readonly Hop[] | null {
    return this.#hops
  }

  /** What to ask next; undefined: nothing more, for the time being. */
  poll(): Query | undefined {
    return this.#queries.shift()
  }

  handle(answer: QueryAnswer): void {
    if (answer.type === 'SRV') this.#srv.set(answer.name, answer.records)
    else this.#addresses.set(`${answer.type} ${answer.name}`, answer.addresses)
    this.#advance()
  }

  #begin(uri: Uri): void {
    const isSecure = uri.scheme === 'sips'
    const named = namedTransport(uri, isSecure)
    const host = uriParameter(uri, 'maddr') || uri.host
    this.#host = host
    this.#fallback = named ?? (isSecure ? 'tls' : 'udp')
    const usable = this.#options.transports.filter((one) => !isSecure || one === 'tls' || one === 'wss')
    if (named !== null && !usable.includes(named)) {
      this.#hops = []
      return
    }
    // §4.2: "If the TARGET is a numeric IP address …", "if the TARGET was not a numeric IP address, but a port is present".
    if (isLiteral(host) || uri.port !== null) {
      this.#setServers([{ transport: this.#fallback, host, port: uri.port ?? defaultPort(this.#fallback) }])
      return
    }
    this.#asked = (named === null ? usable : [named]).filter((one) => srvNames[one] !== undefined)
    for (const transport of this.#asked) this.#queries.push({ type: 'SRV', name: `${srvNames[transport]}.${host}` })
    if (this.#asked.length === 0) this.#advance()
  }

  #advance(): void {
    if (this.#hops !== null) return
    if (this.#servers === null) this.#readServers()
    else this.#readHops()
  }

  /** §4.1: the first transport that has SRV records; without any, the addresses of the name itself. */
  #readServers(): void {
    if (this.#asked.some((transport) => !this.#srv.has(`${srvNames[transport]}.${this.#host}`))) return
    for (const transport of this.#asked) {
      const records = this.#srv.get(`${srvNames[transport]}.${this.#host}`) ?? []
      if (records.length === 0) continue
      // RFC 2782: "A Target of "." means that the service is decidedly not available at this domain."
      const servers = sortSrv(records, this.#options.fraction).filter(({ target }) => target !== '.' && target !== '')
      return this.#setServers(
        servers.slice(0, mostServers).map(({ target, port }) => ({ transport, host: target.replace(/\.$/, ''), port })),
      )
    }
    this.#setServers([{ transport: this.#fallback, host: this.#host, port: defaultPort(this.#fallback) }])
  }

  #setServers(servers: Server[]): void {
    this.#servers = servers
    const names = new Set(servers.map(({ host }) => host).filter((host) => !isLiteral(host)))
    for (const name of names) for (const type of this.#options.families) this.#queries.push({ type, name })
    this.#readHops()
  }

  #readHops(): void {
    const hops: Hop[] = []
    for (const { transport, host, port } of this.#servers ?? []) {
      for (const address of this.#addressesOf(host) ?? []) hops.push({ transport, address, port, flow: null })
      if (this.#addressesOf(host) === null) return
    }
    this.#hops = hops
  }

  /** Null: not known yet. */
  #addressesOf(host: string): readonly string[] | null {
    if (isLiteral(host)) return [host]
    const found: string[] = []
    for (const type of this.#options.families) {
      const addresses = this.#addresses.get(`${type} ${host}`)
      if (addresses === undefined) return null
      found.push(...addresses)
    }
    return found
  }
}

const srvNames: Readonly<Partial<Record<Transport, string>>> = {
  udp: '_sip._udp',
  tcp: '_sip._tcp',
  tls: '_sips._tcp',
}

/** The `transport` parameter; TLS is TCP of a `sips` URI, and as a name of its own too common to refuse. */
function namedTransport(uri: Uri, isSecure: boolean): Transport | null {
  switch (uriParameter(uri, 'transport')?.toLowerCase()) {
    case 'udp':
      return 'udp'
    case 'tcp':
      return isSecure ? 'tls' : 'tcp'
    case 'tls':
      return 'tls'
    case 'ws':
      return isSecure ? 'wss' : 'ws'
    case 'wss':
      return 'wss'
    default:
      return null
  }
}

/**
 * `010.1.2.3` and `999.1.1.1` are none: systems read the first as 8.1.2.3, whatever an address policy (T12) reads. They
 * are looked up like any name, and what comes of that is what the policy judges.
 */
const isLiteral = (host: string): boolean => host.includes(':') || ipv4.test(host)
const ipv4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/

/** RFC 2782: by priority; among equals drawn by weight, those of weight 0 with hardly a chance. */
function sortSrv(records: readonly SrvRecord[], fraction: () => number): SrvRecord[] {
  const left = [...records].sort((a, b) => a.priority - b.priority || a.weight - b.weight)
  const sorted: SrvRecord[] = []
  for (let first = left[0]; first !== undefined; first = left[0]) {
    const { priority } = first
    const equals = left.filter((record) => record.priority === priority)
    const sum = equals.reduce((total, { weight }) => total + weight, 0)
    let mark = fraction() * (sum + 1)
    const chosen = equals.find(({ weight }) => {
      mark -= weight
      return mark <= 0
    })
    const next = chosen ?? equals[equals.length - 1] ?? first
    sorted.push(next)
    left.splice(left.indexOf(next), 1)
  }
  return sorted
}
