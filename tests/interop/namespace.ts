/**
 * A network of the test's own: namespaces with a veth pair each, joined to this one. baresip uses no loopback address, and
 * a namespace can be cut off or made to lose packets without anybody else noticing. Needs root, as CI has.
 */
import { execFileSync } from 'node:child_process'

let made = 0
/** The two workers of a run have process ids that may be alike in their last digits. */
const worker = (Number(process.env.VITEST_POOL_ID) || 0) % 2

export interface Namespace {
  readonly name: string
  /** Of this side, which the other side reaches us by. */
  readonly gateway: string
  readonly address: string
  remove(): void
}

export function makeNamespace(): Namespace {
  made += 1
  const name = `cn${process.pid % 1_000_000}x${made}`
  const network = `10.${214 + 2 * (made % 16) + worker}.${process.pid % 250}`
  const [gateway, address] = [`${network}.1`, `${network}.2`]
  const [outer, inner] = [`${name}o`, `${name}i`]
  ip('netns', 'add', name)
  ip('link', 'add', outer, 'type', 'veth', 'peer', 'name', inner)
  ip('link', 'set', inner, 'netns', name)
  ip('addr', 'add', `${gateway}/24`, 'dev', outer)
  ip('link', 'set', outer, 'up')
  ip('-n', name, 'addr', 'add', `${address}/24`, 'dev', inner)
  ip('-n', name, 'link', 'set', 'lo', 'up')
  ip('-n', name, 'link', 'set', inner, 'up')
  ip('-n', name, 'route', 'add', 'default', 'via', gateway)
  return {
    name,
    gateway,
    address,
    remove: () => {
      ip('link', 'del', outer)
      ip('netns', 'del', name)
    },
  }
}

function ip(...flags: string[]): void {
  execFileSync('ip', flags, { stdio: ['ignore', 'ignore', 'inherit'] })
}
