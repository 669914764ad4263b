/** The ICE candidates of a media worker (RFC 8839 §5.1), written by us: one address and port for all browsers (M19). */
import { networkInterfaces } from 'node:os'
import { isIP } from 'node:net'

interface Options {
  /** Null: this machine's addresses. */
  readonly publicIps: readonly string[] | null
  /** What the worker is bound to; `0.0.0.0` or `::` is every address. */
  readonly bindAddress: string
  /** Is the public URL loopback? Only then can a browser that is told a loopback address use it. */
  readonly isLoopback: boolean
  readonly port: number
  /** For browsers behind TURN over TCP (stun-mender.ts), after all others; null without TURN. */
  readonly mendedPort: number | null
}

export function candidates({ publicIps, bindAddress, isLoopback, port, mendedPort }: Options): string[] {
  const all = publicIps ?? (isAny(bindAddress) ? machineAddresses(bindAddress, isLoopback) : [bindAddress])
  const addresses = all.filter((address) => isIP(address) !== 0)
  const ports = mendedPort === null ? [port] : [port, mendedPort]
  return ports
    .flatMap((to) => addresses.map((address) => [address, to] as const))
    .map(([address, to], index) => formatCandidate(address, to, index))
}

const isAny = (address: string) => address === '0.0.0.0' || address === '::'

function machineAddresses(bindAddress: string, isLoopback: boolean): string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  return all
    .filter(({ internal, family, address }) => {
      if (internal) return isLoopback && (family === 'IPv4' || bindAddress === '::')
      return family === 'IPv4' || (bindAddress === '::' && !address.startsWith('fe80'))
    })
    .map(({ address }) => address)
}

/** RFC 8445 §5.1.2.1: type preference 126 for host, a local preference that keeps the order, component 1. */
function formatCandidate(address: string, port: number, index: number): string {
  const priority = 126 * 2 ** 24 + (65_535 - index) * 2 ** 8 + 255
  return `candidate:${index + 1} 1 UDP ${priority} ${address} ${port} typ host`
}
