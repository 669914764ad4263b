/** The addresses by which phones and carriers meet this installation: what a firewall has to let through. */
import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { Config } from './config.ts'

export interface Network {
  readonly address: string
  readonly network: string
  readonly netmask: string
}

/** What the operator says, or every address of this machine but loopback, unless there is no other. */
export function networksOf({ publicIps }: Pick<Config, 'publicIps'>): Network[] {
  const said = (publicIps ?? []).filter((address) => isIP(address) !== 0)
  if (said.length > 0) return said.map(alone)
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  const outside = all.filter(({ internal, address }) => !internal && !address.startsWith('fe80'))
  return (outside.length > 0 ? outside : all).map(({ address }) => alone(address))
}

const alone = (address: string): Network => ({
  address,
  network: address,
  netmask: isIP(address) === 6 ? 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff' : '255.255.255.255',
})
