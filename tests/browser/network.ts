/**
 * An address of this machine that is not loopback: Firefox offers no loopback candidates, and TURN is no use on one.
 * Made of a veth pair that goes with the test; needs root, as CI has.
 */
import { execFileSync } from 'node:child_process'

export interface Network {
  readonly address: string
  remove(): void
}

export function makeNetwork(): Network {
  const number = process.pid % 250
  const name = `car${process.pid % 100_000}`
  const address = `10.213.${number}.1`
  ip('link', 'add', `${name}a`, 'type', 'veth', 'peer', 'name', `${name}b`)
  ip('addr', 'add', `${address}/30`, 'dev', `${name}a`)
  ip('link', 'set', `${name}a`, 'up')
  ip('link', 'set', `${name}b`, 'up')
  return { address, remove: () => ip('link', 'del', `${name}a`) }
}

function ip(...flags: string[]): void {
  execFileSync('ip', flags, { stdio: ['ignore', 'ignore', 'inherit'] })
}
