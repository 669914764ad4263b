/**
 * Which addresses requests that customers ask for may go to (S8): public unicast, whatever the spelling; with an
 * allow-list also networks that the operator named. Never, whatever is allowed: our own ports, the database, the
 * metadata services of clouds.
 */
import { networkInterfaces } from 'node:os'
import ipaddr from 'ipaddr.js'
import type { Config } from '../config.ts'

export interface AddressPolicy {
  /** Null: it may be connected to; else why not. */
  refusal(address: string, port: number): string | null
  /** Of a name, before anything is known of its addresses. */
  nameRefusal(name: string, port: number): string | null
}

type Address = ipaddr.IPv4 | ipaddr.IPv6
type Network = [Address, number]

/** Where clouds keep credentials of the machine; the second is AWS's, the third Alibaba's, the fourth Oracle's. */
const metadata = ['169.254.169.254', 'fd00:ec2::254', '100.100.100.200', '192.0.0.192'].map((text) =>
  ipaddr.parse(text),
)

/** RFC 4291 §2.4: the rest is not given out, and holds old ways to write IPv4 addresses. */
const globalUnicast: Network = ipaddr.parseCIDR('2000::/3')

const natsPort = 4222

/** `allowed`: networks as CIDR, or single addresses. */
export function createAddressPolicy(config: Config, allowed: readonly string[]): AddressPolicy {
  const networks = allowed.map(parseNetwork)
  const own = ownPorts(config)
  const database = databaseOf(config)
  const internal = new Set([natsPort, database.port])
  return {
    nameRefusal: (name, port) =>
      port === database.port && withoutDot(name) === database.host ? 'is the database' : null,
    refusal(text, port) {
      if (!ipaddr.isValid(text)) return 'is no address'
      // `::ffff:127.0.0.1` is 127.0.0.1.
      const address = ipaddr.process(text)
      if (metadata.some((one) => isSame(one, address))) return 'is the metadata service of a cloud'
      const isAllowed = networks.some((network) => isInside(address, network))
      const isPublic = address.range() === 'unicast' && (address.kind() === 'ipv4' || isInside(address, globalUnicast))
      if (!isPublic && !isAllowed) return `is not public (${address.range()})`
      if (port === database.port && database.address && isSame(database.address, address)) return 'is the database'
      if (own.has(port) && isOurs(address, config)) return 'is a port of this installation'
      if (internal.has(port) && !isPublic) return 'is a port of the database or of the message bus'
      return null
    },
  }
}

const parseNetwork = (text: string): Network => {
  if (text.includes('/')) return ipaddr.parseCIDR(text)
  const address = ipaddr.parse(text)
  return [address, address.kind() === 'ipv4' ? 32 : 128]
}

const isSame = (one: Address, other: Address) => one.kind() === other.kind() && one.toString() === other.toString()

/** `match` throws for addresses of different kinds. */
const isInside = (address: Address, [network, bits]: Network) =>
  address.kind() === network.kind() && address.match(network as never, bits as never)

function ownPorts({ httpPort, sipPort, sipExtraPorts }: Config): ReadonlySet<number> {
  return new Set([httpPort, sipPort, sipPort + 1, ...sipExtraPorts.map(({ port }) => port)])
}

const postgresPort = 5432

/** What its URL names; an address only when that is one. */
function databaseOf({ databaseUrl }: Config): { host: string | null; address: Address | null; port: number } {
  if (databaseUrl === undefined) return { host: null, address: null, port: postgresPort }
  const { hostname, port } = new URL(databaseUrl)
  const host = withoutDot(hostname.toLowerCase().replace(/^\[(.*)\]$/, '$1'))
  const address = ipaddr.isValid(host) ? ipaddr.process(host) : null
  return { host, address, port: Number(port || postgresPort) }
}

const withoutDot = (name: string) => name.replace(/\.$/, '')

/** Read each time: addresses come and go. */
function isOurs(address: Address, { publicIps }: Config): boolean {
  if (address.range() === 'loopback' || address.range() === 'unspecified') return true
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  const all = [...own.map((one) => one.address), ...(publicIps ?? [])]
  return all.some((text) => ipaddr.isValid(text) && isSame(ipaddr.process(text), address))
}
