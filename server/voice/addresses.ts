/**
 * Which address of ours a peer is told, in Via, Contact and SDP (T10): peers inside the local networks the one that
 * their packets come to, others the public one.
 */
import { BlockList, isIP, isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'

interface Options {
  /** CIDR blocks. */
  readonly localNets: readonly string[]
  /** What the operator says; empty: this machine is reached by its own addresses. */
  readonly publicIps: readonly string[]
  /** What sockets are bound to; `0.0.0.0` and `::` are every address. */
  readonly listenIp: string
}

interface Interface {
  readonly address: string
  readonly network: BlockList
  readonly isInternal: boolean
}

const rescanMs = 10_000

export class Addresses {
  readonly #options: Options
  readonly #local: BlockList
  readonly #clock: () => number
  #interfaces: readonly Interface[] = []
  #scannedAt = Number.NEGATIVE_INFINITY
  /** By peer; forgotten with each scan. */
  readonly #known = new Map<string, string>()

  constructor(options: Options, clock: () => number) {
    this.#options = options
    this.#clock = clock
    this.#local = blockList(options.localNets)
  }

  isLocal(peer: string): boolean {
    return this.#local.check(peer, familyOf(peer))
  }

  /** Ours, of the peer's family where there is one. */
  toward(peer: string): string {
    this.#scan()
    const known = this.#known.get(peer)
    if (known !== undefined) return known
    const found = this.#find(peer)
    if (this.#known.size > 10_000) this.#known.clear()
    this.#known.set(peer, found)
    return found
  }

  #find(peer: string): string {
    const family = familyOf(peer)
    if (!this.isLocal(peer)) {
      const ip = this.#options.publicIps.find((one) => familyOf(one) === family)
      if (ip !== undefined) return ip
    }
    const { listenIp } = this.#options
    if (listenIp !== '0.0.0.0' && listenIp !== '::') return listenIp
    const own = this.#interfaces.filter(({ address }) => familyOf(address) === family)
    const near = own.find(({ network }) => network.check(peer, family))
    const outside = own.find(({ isInternal, address }) => !isInternal && !address.startsWith('fe80'))
    return (near ?? outside ?? own[0])?.address ?? (family === 'ipv6' ? '::1' : '127.0.0.1')
  }

  /** Addresses come and go while the process runs. */
  #scan(): void {
    const now = this.#clock()
    if (now - this.#scannedAt < rescanMs) return
    this.#scannedAt = now
    this.#known.clear()
    this.#interfaces = Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .flatMap(({ address, cidr, internal }) =>
        cidr === null ? [] : [{ address, network: blockList([cidr]), isInternal: internal }],
      )
  }
}

export function blockList(networks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', prefix] = network.split('/')
    if (isIP(address) === 0) continue
    const family = familyOf(address)
    list.addSubnet(address, Number(prefix ?? (family === 'ipv6' ? 128 : 32)), family)
  }
  return list
}

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIPv6(address) ? 'ipv6' : 'ipv4')
