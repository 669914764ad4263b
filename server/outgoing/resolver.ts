/**
 * Names to addresses without the thread pool: `dns.lookup` has four threads for the whole process, and names that do not
 * answer would keep everybody's requests waiting. The file of hosts is read as `dns.lookup` would.
 */
import { Resolver } from 'node:dns/promises'
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'

interface ResolvedAddress {
  readonly address: string
  readonly family: 4 | 6
}

/** All addresses of a name; throws when there are none. */
export type Resolve = (name: string) => Promise<ResolvedAddress[]>

const loopback: readonly ResolvedAddress[] = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
]

export function createResolver({
  timeoutMs,
  hostsFile = '/etc/hosts',
}: {
  timeoutMs: number
  hostsFile?: string
}): Resolve {
  const resolver = new Resolver({ timeout: timeoutMs, tries: 2 })
  const hosts = readHosts(hostsFile)
  return async (text) => {
    const name = text.toLowerCase().replace(/\.$/, '')
    const known = hosts.get(name)
    if (known) return known
    // RFC 6761 §6.3.
    if (name === 'localhost' || name.endsWith('.localhost')) return [...loopback]
    const [v4, v6] = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)])
    const addresses: ResolvedAddress[] = [
      ...(v4.status === 'fulfilled' ? v4.value : []).map((address) => ({ address, family: 4 as const })),
      ...(v6.status === 'fulfilled' ? v6.value : []).map((address) => ({ address, family: 6 as const })),
    ]
    if (addresses.length > 0) return addresses
    throw v4.status === 'rejected' ? v4.reason : new Error(`${name} has no address`)
  }
}

function readHosts(file: string): Map<string, ResolvedAddress[]> {
  const hosts = new Map<string, ResolvedAddress[]>()
  for (const line of readText(file).split('\n')) {
    const [address = '', ...names] = (line.split('#')[0] ?? '').trim().split(/\s+/)
    const family = isIP(address)
    if (family !== 4 && family !== 6) continue
    for (const name of names.map((one) => one.toLowerCase())) {
      hosts.set(name, [...(hosts.get(name) ?? []), { address, family }])
    }
  }
  return hosts
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return '' // a machine without one
  }
}
