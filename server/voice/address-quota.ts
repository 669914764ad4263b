/**
 * How many connections each address may have, so that no single one takes the room of all others. A site of IPv6 has a
 * /64 to itself and counts as one address.
 *
 * Invariant: what was taken is released once, and an address without connections takes no memory.
 */
import { isIPv6 } from 'node:net'

export interface AddressQuotaOptions {
  readonly most: number
  /** Called once until the address has room again. */
  readonly refused: (address: string) => void
}

export class AddressQuota {
  readonly #options: AddressQuotaOptions
  readonly #counts = new Map<string, number>()
  /** Those of which somebody was told. */
  readonly #full = new Set<string>()

  constructor(options: AddressQuotaOptions) {
    this.#options = options
  }

  /** False: it has as many as it may. */
  take(address: string): boolean {
    const site = siteOf(address)
    const count = this.#counts.get(site) ?? 0
    if (count < this.#options.most) {
      this.#counts.set(site, count + 1)
      return true
    }
    if (!this.#full.has(site)) {
      this.#full.add(site)
      this.#options.refused(site)
    }
    return false
  }

  release(address: string): void {
    const site = siteOf(address)
    const count = (this.#counts.get(site) ?? 0) - 1
    if (count > 0) this.#counts.set(site, count)
    else this.#counts.delete(site)
    if (count < this.#options.most / 2) this.#full.delete(site)
  }
}

const ipv4InIpv6 = /^::ffff:(?=\d+\.)/

function siteOf(address: string): string {
  const plain = address.replace(ipv4InIpv6, '')
  if (!isIPv6(plain)) return plain
  const [head = '', tail] = (plain.split('%')[0] ?? '').split('::')
  const left = head.split(':').filter(Boolean)
  const right = (tail ?? '').split(':').filter(Boolean)
  // Of a tail that ends in the form of IPv4 one part stands for two.
  const width = right.length + (right.at(-1)?.includes('.') ? 1 : 0)
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - width)
  const groups = [...left, ...Array<string>(zeros).fill('0'), ...right]
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`
}
