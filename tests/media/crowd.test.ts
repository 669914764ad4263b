/** Many peers: a room of twenty within its memory (M5), and two hundred who came and went without a trace (M23). */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { camera, microphone, type SyntheticPeer } from '../../dev/synthetic-peer.ts'
import { received, startWorker, type TestWorker, until } from './worker.ts'

let worker: TestWorker
beforeAll(async () => {
  worker = await startWorker()
})
afterAll(() => worker.stop())

const rssMb = async () => (await worker.link.client.stats()).rssBytes / 1e6

/** At its least: what was freed is given back by and by. */
async function leastRssMb(): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let i = 0; i < 10; i++) {
    least = Math.min(least, await rssMb())
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  return least
}

it('M23: two hundred joins and leaves, every one of them connected, and the memory stays', async () => {
  const cycle = async (from: number, count: number) => {
    for (let i = from; i < from + count; i += 4) {
      const peers = await Promise.all(
        [0, 1, 2, 3].map((n) => worker.enter(`guest-${i + n}`, 'churn', [microphone, camera])),
      )
      await until('they hear each other', () =>
        peers.every((peer) => peer.receiver.streams.some((one) => one.packets > 0)),
      )
      await Promise.all(peers.map((peer) => peer.leave()))
    }
  }
  await cycle(0, 200) // until the allocator has what it will use again
  const before = await leastRssMb()
  await cycle(200, 200)
  const after = await leastRssMb()
  const { counters } = await worker.link.client.stats()
  expect(counters).toMatchObject({ peers: 0, rooms: 0, pipes: 0 })
  expect(after - before, `${before.toFixed(0)} MB before, ${after.toFixed(0)} MB after`).toBeLessThan(20)
}, 120_000)

it('M5: twenty peers who hear each other and see nine: at most 200 MB', async () => {
  const names = Array.from({ length: 20 }, (_, i) => `peer-${i}`)
  const peers: SyntheticPeer[] = []
  for (const name of names) peers.push(await worker.enter(name, 'twenty', [microphone, camera]))
  for (const peer of peers) {
    const shown = names.filter((name) => name !== peer.name).slice(0, 9)
    await peer.wanted(shown.map((peerId) => ({ peerId, source: 'camera', height: 180 })))
  }
  const hears = (peer: SyntheticPeer, from: string) => (received(peer, from, 'microphone')?.packets ?? 0) > 20
  const others = (peer: SyntheticPeer) => names.filter((name) => name !== peer.name)
  await until('everybody hears everybody', () => peers.every((peer) => others(peer).every((from) => hears(peer, from))))
  const sees = (peer: SyntheticPeer) =>
    peer.receiver.streams.filter((one) => one.kind === 'video' && one.frames > 10).length
  await until(
    'everybody sees nine',
    () => peers.every((peer) => sees(peer) === 9),
    () => peers.map(sees),
  )
  expect(await rssMb()).toBeLessThan(200)
  await Promise.all(peers.map((peer) => peer.leave()))
}, 90_000)
