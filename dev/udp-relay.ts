/**
 * A bad network for tests (M18): an unprivileged relay between browsers and one UDP port. Each client has an upstream
 * socket of its own, so that the other end sees one address a client, as it would behind a router. Loss is seeded, so the
 * same seed loses the same packets; delay, jitter, a rate cap with a queue, and a cut can be set at any time, each way.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'

export interface Path {
  /** A fraction of the packets. */
  readonly loss: number
  readonly delayMs: number
  /** Added to the delay, uniform; order is kept. */
  readonly jitterMs: number
  /** Bits a second; 0: no limit. */
  readonly capBps: number
  /** Nothing goes through. */
  readonly isCut: boolean
}

export const perfect: Path = { loss: 0, delayMs: 0, jitterMs: 0, capBps: 0, isCut: false }
/** What a router's queue holds before it drops. */
const queueMs = 250

/** One client's way, in one direction. */
interface Lane {
  /** When the capped link has sent what it took. */
  freeAtMs: number
  lastAtMs: number
  /** In order of their time; one timer for the first. */
  readonly waiting: { readonly dueMs: number; readonly send: () => void }[]
}

const newLane = (): Lane => ({ freeAtMs: 0, lastAtMs: 0, waiting: [] })

export interface RelayOptions {
  readonly host: string
  readonly upstreamPort: number
  readonly seed: number
}

export class UdpRelay {
  readonly #front: Socket
  readonly #options: RelayOptions
  readonly #clients = new Map<string, { readonly socket: Socket; readonly up: Lane }>()
  #up: Path = perfect
  #down: Path = perfect
  readonly #timers = new Set<NodeJS.Timeout>()
  #random: number
  port = 0
  passed = 0
  dropped = 0

  static async open(options: RelayOptions): Promise<UdpRelay> {
    const relay = new UdpRelay(options)
    await new Promise<void>((resolve, reject) => {
      relay.#front.once('error', reject)
      relay.#front.bind(0, options.host, resolve)
    })
    relay.port = relay.#front.address().port
    return relay
  }

  private constructor(options: RelayOptions) {
    this.#options = options
    this.#random = options.seed
    this.#front = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 })
    this.#front.on('message', (bytes, from) => this.#onClient(bytes, from))
  }

  /** Both ways, or each its own; every client has the whole of it. */
  set(up: Partial<Path>, down: Partial<Path> = up): void {
    this.#up = { ...this.#up, ...up }
    this.#down = { ...this.#down, ...down }
  }

  #onClient(bytes: Buffer, from: RemoteInfo): void {
    const key = `${from.address}:${from.port}`
    const { socket, up } = this.#clients.get(key) ?? this.#open(key, from)
    const { upstreamPort, host } = this.#options
    this.#carry(this.#up, up, bytes, (sent) => socket.send(sent, upstreamPort, host))
  }

  #open(key: string, { address, port }: RemoteInfo): { readonly socket: Socket; readonly up: Lane } {
    const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 })
    const client = { socket, up: newLane() }
    const down = newLane()
    this.#clients.set(key, client)
    socket.bind(0, this.#options.host)
    socket.on('message', (bytes) => {
      this.#carry(this.#down, down, bytes, (sent) => this.#front.send(sent, port, address))
    })
    return client
  }

  #carry(path: Path, lane: Lane, bytes: Buffer, send: (bytes: Buffer) => void): void {
    const { loss, delayMs, jitterMs, capBps, isCut } = path
    const now = performance.now()
    const isLost = this.#draw() < loss
    const startMs = Math.max(now, lane.freeAtMs)
    if (isCut || isLost || (capBps > 0 && startMs - now > queueMs)) {
      this.dropped += 1
      return
    }
    this.passed += 1
    if (capBps > 0) lane.freeAtMs = startMs + (bytes.length * 8000) / capBps
    const dueMs = (capBps > 0 ? lane.freeAtMs : now) + delayMs + (jitterMs > 0 ? this.#draw() * jitterMs : 0)
    lane.lastAtMs = Math.max(lane.lastAtMs, dueMs)
    if (lane.lastAtMs - now < 1 && lane.waiting.length === 0) return send(bytes)
    lane.waiting.push({ dueMs: lane.lastAtMs, send: () => send(bytes) })
    if (lane.waiting.length === 1) this.#wake(lane)
  }

  #wake(lane: Lane): void {
    const [first] = lane.waiting
    if (!first) return
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer)
        const now = performance.now()
        while (lane.waiting[0] && lane.waiting[0].dueMs <= now + 0.5) lane.waiting.shift()?.send()
        this.#wake(lane)
      },
      Math.max(0, first.dueMs - performance.now()),
    )
    this.#timers.add(timer)
  }

  /** Mulberry32. */
  #draw(): number {
    this.#random = (this.#random + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#random ^ (this.#random >>> 15), 1 | this.#random)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer)
    for (const { socket } of this.#clients.values()) socket.close()
    this.#front.close()
  }
}
