/**
 * Datagrams that the kernel threw away because a socket was not read in time (T9): the last column of Linux's
 * /proc/net/udp, summed by what the port is for. Elsewhere nobody can say.
 */
import { readFile } from 'node:fs/promises'

const files = ['/proc/net/udp', '/proc/net/udp6']

export async function readDrops<Use extends string>(
  useOf: (port: number) => Use | null,
): Promise<ReadonlyMap<Use, number>> {
  const drops = new Map<Use, number>()
  for (const file of files) {
    const text = await readFile(file, 'utf8').catch(() => '') // no Linux, or no IPv6
    for (const line of text.split('\n').slice(1)) {
      const use = useOf(Number.parseInt(/^\s*\d+: [0-9A-F]+:([0-9A-F]{4}) /.exec(line)?.[1] ?? '', 16))
      if (use !== null) drops.set(use, (drops.get(use) ?? 0) + Number(/(\d+)\s*$/.exec(line)?.[1] ?? 0))
    }
  }
  return drops
}
