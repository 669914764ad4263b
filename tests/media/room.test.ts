/** A real worker, synthetic peers: what one sends the others get, whole and in order. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { camera, microphone, type SyntheticPeer } from '../../dev/synthetic-peer.ts'
import { received, startWorker, streamOf, type TestWorker, until } from './worker.ts'

let worker: TestWorker
beforeAll(async () => {
  worker = await startWorker()
})
afterAll(() => worker.stop())

describe('a room of two', () => {
  let alice: SyntheticPeer
  let bob: SyntheticPeer
  beforeAll(async () => {
    alice = await worker.enter('alice', 'two', [microphone, camera])
    bob = await worker.enter('bob', 'two', [microphone, camera])
  })
  afterAll(() => Promise.all([alice.leave(), bob.leave()]))

  it('carries voices without being asked', async () => {
    await until('bob hears alice', () => (received(bob, 'alice', 'microphone')?.packets ?? 0) > 50)
    await until('alice hears bob', () => (received(alice, 'bob', 'microphone')?.packets ?? 0) > 50)
  })

  it('carries a picture that is wanted, beginning with a key frame', async () => {
    await bob.wanted([{ peerId: 'alice', source: 'camera', height: 180 }])
    await until(
      'bob sees alice',
      () => (received(bob, 'alice', 'camera')?.frames ?? 0) > 20,
      () => bob.receiver.streams,
    )
    expect(received(bob, 'alice', 'camera')).toMatchObject({
      height: 180,
      undecodable: 0,
      lost: 0,
      duplicates: 0,
      breaks: 0,
    })
  })

  it('changes the layer within 300 ms, without a break', async () => {
    const took: number[] = []
    for (const height of [720, 360, 720, 360]) {
      await bob.wanted([{ peerId: 'alice', source: 'camera', height }])
      const hasHeight = () => received(bob, 'alice', 'camera')?.height === height
      took.push(await until(`the layer of ${height} lines`, hasHeight, () => received(bob, 'alice', 'camera')))
    }
    // The quickest: what a busy machine adds to the others is not ours.
    expect(Math.min(...took)).toBeLessThan(300)
    const before = received(bob, 'alice', 'camera')?.frames ?? 0
    await until('more pictures', () => (received(bob, 'alice', 'camera')?.frames ?? 0) > before + 10)
    expect(received(bob, 'alice', 'camera')).toMatchObject({ undecodable: 0, lost: 0, duplicates: 0, breaks: 0 })
  })

  it('tells the publisher when its packets arrived', async () => {
    const before = alice.feedbacks
    await until('feedback', () => alice.feedbacks > before + 5)
  })

  it('switches off what nobody uses after two seconds, and on again at once', async () => {
    await bob.wanted([{ peerId: 'alice', source: 'camera', height: 180 }])
    await until(
      'only the small layer',
      () => alice.activeLayers.get('camera')?.join() === 'q',
      () => [...alice.activeLayers],
    )
    await bob.wanted([{ peerId: 'alice', source: 'camera', height: 720 }])
    await until(
      'the large layer again',
      () => streamOf(alice, 'f')?.isActive === true,
      () => [...alice.activeLayers],
    )
    await until('its picture', () => received(bob, 'alice', 'camera')?.height === 720)
  })

  it('mends what was lost on either way', async () => {
    let count = 0
    alice.dropSent = () => ++count % 10 === 0
    bob.receiver.drop = () => ++count % 10 === 0
    const before = received(bob, 'alice', 'camera')?.frames ?? 0
    await until('sixty pictures', () => (received(bob, 'alice', 'camera')?.frames ?? 0) > before + 60)
    alice.dropSent = () => false
    bob.receiver.drop = () => false
    expect(alice.nacks).toBeGreaterThan(0)
    expect(received(bob, 'alice', 'camera')?.repaired).toBeGreaterThan(0)
    expect(received(bob, 'alice', 'camera')).toMatchObject({ lost: 0, duplicates: 0, breaks: 0 })
  })
})
