/** A real media worker for a test: own folder, own ports. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Source } from '../../engine/sfu/messages.ts'
import type { SourcePlan, SyntheticStream } from '../../dev/synthetic-source.ts'
import { SyntheticPeer } from '../../dev/synthetic-peer.ts'
import { WorkerLink } from '../../dev/synthetic-worker-signalling.ts'
import type { ReceivedStream } from '../../dev/synthetic-receiver.ts'

export interface TestWorker {
  readonly process: ChildProcess
  readonly link: WorkerLink
  readonly udpPort: number
  /** A peer in the room, connected both ways. */
  enter(name: string, roomId: string, plans: readonly SourcePlan[]): Promise<SyntheticPeer>
  stop(): Promise<void>
}

interface WorkerTestOptions {
  readonly udpPort?: number
  /** What peers are told instead: a relay's. */
  readonly candidatePort?: number
  /** Of Node. */
  readonly flags?: readonly string[]
  readonly address?: string
  /** What starts Node: for another network, `ip netns exec NAME`. */
  readonly under?: readonly string[]
}

const program = join(import.meta.dirname, '../../server/media/worker.ts')

export async function startWorker(options: WorkerTestOptions = {}): Promise<TestWorker> {
  const folder = mkdtempSync(join(tmpdir(), 'carillon-media-'))
  const udpPort = options.udpPort ?? (await freeUdpPort())
  const address = options.address ?? '127.0.0.1'
  const socketPath = join(folder, 'media.sock')
  const candidates = [`candidate:1 1 UDP 2130706431 ${address} ${options.candidatePort ?? udpPort} typ host`]
  const settings = JSON.stringify({ socketPath, udpPort, bindAddress: address, candidates, mendedPort: null })
  const [starter = process.execPath, ...flags] = [...(options.under ?? []), process.execPath, ...(options.flags ?? [])]
  const child = spawn(starter, [...flags, '--expose-gc', program, settings], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const link = new WorkerLink(socketPath)
  await link.isUp
  const random = seeded(udpPort)
  return {
    process: child,
    link,
    udpPort,
    enter: async (name, roomId, plans) => {
      const peer = new SyntheticPeer({ name, signalling: link.signalling(name, roomId), plans, random })
      await peer.join()
      return peer
    },
    stop: async () => {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      const isRunning = child.exitCode === null && child.signalCode === null
      link.stop()
      if (isRunning) {
        child.kill('SIGTERM')
        await ended
      }
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

export function freeUdpPort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4')
    socket.on('error', reject)
    socket.bind(0, '127.0.0.1', () => {
      const { port } = socket.address()
      socket.close(() => resolve(port))
    })
  })
}

/** Mulberry32: the same numbers for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Looks again until it is so; says what it saw last when it never is. */
export async function until(
  what: string,
  isSo: () => boolean,
  show: () => unknown = () => '',
  withinMs = 20_000,
): Promise<number> {
  const startedAt = performance.now()
  while (!isSo()) {
    if (performance.now() - startedAt > withinMs)
      throw new Error(`${what}: not within ${withinMs} ms; ${JSON.stringify(show()).slice(0, 600)}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return performance.now() - startedAt
}

/** What a peer gets in the slot of that source. */
export function received(peer: SyntheticPeer, from: string, source: Source): ReceivedStream | undefined {
  const slot = [...peer.slots.values()].find((one) => one.peerId === from && one.source === source)
  return peer.receiver.streams.find(({ mid }) => mid === slot?.mid)
}

export const streamOf = (peer: SyntheticPeer, rid: string): SyntheticStream | undefined =>
  peer.streams.find(({ layer, plan }) => layer.rid === rid && plan.kind === 'video')
