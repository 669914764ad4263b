/**
 * M9: a peer with valid keys sends what no browser would. The worker lives, counts it, closes nobody, and another room
 * loses not one packet. Seeded: the same bytes each time.
 */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { camera, microphone, type SyntheticPeer } from '../../dev/synthetic-peer.ts'
import { received, seeded, startWorker, streamOf, type TestWorker, until } from './worker.ts'

const packets = 4_000

let worker: TestWorker
let bob: SyntheticPeer
let mallory: SyntheticPeer
let victim: SyntheticPeer

beforeAll(async () => {
  worker = await startWorker()
  await worker.enter('alice', 'quiet', [microphone, camera])
  bob = await worker.enter('bob', 'quiet', [])
  mallory = await worker.enter('mallory', 'loud', [microphone, camera])
  victim = await worker.enter('victim', 'loud', [microphone, camera])
  await bob.wanted([{ peerId: 'alice', source: 'camera', height: 360 }])
  await mallory.wanted([{ peerId: 'victim', source: 'camera', height: 360 }])
  await victim.wanted([{ peerId: 'mallory', source: 'camera', height: 360 }])
  await until('everybody sees', () => (received(victim, 'mallory', 'camera')?.frames ?? 0) > 10)
  await until('bob sees', () => (received(bob, 'alice', 'camera')?.frames ?? 0) > 10)
}, 30_000)
afterAll(() => worker.stop())

async function send(
  direction: 'publish' | 'subscribe',
  make: (random: () => number) => Buffer,
  seed: number,
): Promise<void> {
  const random = seeded(seed)
  for (let i = 0; i < packets; i++) {
    mallory.sendRaw(direction, make(random))
    // No faster than the worker takes it: in its one socket there would be no room for the other room's packets.
    if (i % 100 === 99) await worker.link.client.stats()
  }
}

const int = (random: () => number, below: number) => Math.floor(random() * below)

/** RTP of a stream that the worker knows, with anything after its header. */
function rtp(random: () => number): Buffer {
  const known = mallory.streams[int(random, mallory.streams.length)]
  const bytes = Buffer.alloc(12 + int(random, 40))
  for (let i = 0; i < bytes.length; i++) bytes[i] = int(random, 256)
  bytes[0] = 0x80 | (random() < 0.5 ? int(random, 64) : 0)
  bytes[1] = [96, 97, 111, 0x80 | 96, int(random, 64)][int(random, 5)] ?? 96
  const ssrc = random() < 0.3 ? known?.rtxSsrc : known?.ssrc
  bytes.writeUInt32BE(random() < 0.02 ? int(random, 2 ** 32) : (ssrc ?? 0), 8)
  bytes.writeUInt16BE(((known?.lastSequence ?? 0) + 1 + int(random, 60)) & 0xffff, 2)
  return bytes
}

/** RTCP of every type, with lengths that are right, wrong and absent. */
function rtcp(random: () => number): Buffer {
  const words = 2 + int(random, 30)
  const bytes = Buffer.alloc(words * 4)
  for (let i = 0; i < bytes.length; i++) bytes[i] = int(random, 256)
  bytes[0] = 0x80 | int(random, 32)
  bytes[1] = 200 + int(random, 9)
  bytes.writeUInt16BE(random() < 0.7 ? words - 1 : int(random, 65_536), 2)
  const slot = victim.streams[int(random, victim.streams.length)]
  if (bytes.length >= 12 && random() < 0.5) bytes.writeUInt32BE(slot?.ssrc ?? 0, 8)
  return bytes.length < 12 ? Buffer.concat([bytes, Buffer.alloc(4)]) : bytes
}

/** As many repairs as one datagram can ask for, of a slot that flows. */
function nackStorm(random: () => number): Buffer {
  const bytes = Buffer.alloc(1_200, 0xff)
  bytes[0] = 0x81
  bytes[1] = 205
  bytes.writeUInt16BE(bytes.length / 4 - 1, 2)
  bytes.writeUInt32BE(1, 4)
  const slots = mallory.receiver.offeredSsrcs
  bytes.writeUInt32BE(slots[int(random, slots.length)] ?? 0, 8)
  for (let at = 12; at < bytes.length; at += 4) bytes.writeUInt16BE(int(random, 65_536), at)
  return bytes
}

async function isUnharmed(): Promise<void> {
  const before = received(bob, 'alice', 'camera')?.frames ?? 0
  await until('bob goes on seeing', () => (received(bob, 'alice', 'camera')?.frames ?? 0) > before + 20)
  expect(received(bob, 'alice', 'camera')).toMatchObject({ lost: 0, breaks: 0, duplicates: 0, undecodable: 0 })
  expect(received(bob, 'alice', 'microphone')).toMatchObject({ lost: 0, duplicates: 0 })
  const stats = await worker.link.client.stats()
  expect(stats.transportFaults).toBe(0)
  expect(worker.process.exitCode).toBeNull()
}

it('the fifteen bytes that once ended the process: a VP8 descriptor cut short', async () => {
  const bytes = Buffer.from([0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0x90, 0x80, 0x80])
  bytes.writeUInt32BE(streamOf(mallory, 'h')?.ssrc ?? 0, 8)
  bytes.writeUInt16BE(((streamOf(mallory, 'h')?.lastSequence ?? 0) + 200) & 0xffff, 2)
  const before = (await worker.link.client.stats()).counters.malformed
  mallory.sendRaw('publish', bytes)
  await isUnharmed()
  expect((await worker.link.client.stats()).counters.malformed).toBeGreaterThan(before)
})

it('RTP with anything in it', async () => {
  const before = (await worker.link.client.stats()).counters
  await send('publish', rtp, 1)
  await isUnharmed()
  const after = (await worker.link.client.stats()).counters
  // Most of it is a picture as far as anybody can tell; what is cut short is counted.
  expect(after.malformed - before.malformed).toBeGreaterThan(20)
}, 20_000)

it('RTCP with anything in it, both ways', async () => {
  await send('publish', rtcp, 2)
  await send('subscribe', rtcp, 3)
  await isUnharmed()
}, 20_000)

it('a storm of NACKs is answered within a share of the path', async () => {
  const before = (await worker.link.client.stats()).counters.bytesOut
  const startedAt = performance.now()
  await send('subscribe', nackStorm, 4)
  await isUnharmed()
  const seconds = (performance.now() - startedAt) / 1000
  const bps = (((await worker.link.client.stats()).counters.bytesOut - before) * 8) / seconds
  // What the two rooms carry is about 3 Mbit/s; repairs take at most 15 % of an estimate that starts at three.
  expect(bps).toBeLessThan(8_000_000)
}, 20_000)

it('and whoever did it is still served: nothing was closed', async () => {
  const before = received(mallory, 'victim', 'microphone')?.packets ?? 0
  await until('mallory hears', () => (received(mallory, 'victim', 'microphone')?.packets ?? 0) > before + 20)
})
