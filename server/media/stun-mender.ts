/**
 * A second UDP port for browsers that come through TURN over TCP or TLS: Chromium sends their connectivity checks with a
 * tie-breaker of zero, which RFC 8445 allows and the native library answers with 400 (libjuice issue 355). Checks are
 * given another tie-breaker and passed on; each such browser gets a socket of its own towards the worker's port, because
 * the library tells browsers apart by their source address. It goes when the library reads zero as a value.
 *
 * Invariant: only whoever knows a transport's password opens a way; everything else that comes here is dropped.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { mendTieBreaker, readBindingRequest, receiverOf } from './stun.ts'

interface Options {
  readonly port: number
  readonly bindAddress: string
  /** The worker's own port. */
  readonly workerPort: number
}

interface Way {
  readonly socket: Socket
  usedAtMs: number
}

const idleMs = 30_000
const sweepMs = 5_000
const mostWays = 1_000

export class StunMender {
  readonly #options: Options
  readonly #socket: Socket
  readonly #workerAddress: string
  readonly #passwords = new Map<string, string>()
  readonly #ways = new Map<string, Way>()
  readonly #sweeper: NodeJS.Timeout

  constructor(options: Options) {
    this.#options = options
    const { bindAddress } = options
    const isIpv6 = bindAddress.includes(':')
    this.#workerAddress = bindAddress === '0.0.0.0' ? '127.0.0.1' : bindAddress === '::' ? '::1' : bindAddress
    this.#socket = createSocket(isIpv6 ? 'udp6' : 'udp4')
    this.#socket.on('message', (message, from) => this.#onMessage(message, from))
    // A port that is taken costs those who come through TURN over TCP their meeting, and nobody else's.
    this.#socket.on('error', (error) => console.error(`UDP port ${options.port}, for TURN over TCP:`, error.message))
    this.#socket.bind(options.port, bindAddress)
    this.#sweeper = setInterval(() => this.#sweep(), sweepMs)
  }

  learn(ufrag: string, password: string): void {
    this.#passwords.set(ufrag, password)
  }

  forget(ufrag: string): void {
    this.#passwords.delete(ufrag)
  }

  close(): void {
    clearInterval(this.#sweeper)
    this.#socket.close()
    for (const { socket } of this.#ways.values()) socket.close()
    this.#ways.clear()
  }

  #onMessage(message: Buffer, from: RemoteInfo): void {
    const name = `${from.address} ${from.port}`
    const attributes = readBindingRequest(message)
    const password = attributes && this.#passwords.get(receiverOf(attributes))
    const isMended = attributes && password ? mendTieBreaker(message, attributes, password) : false
    const way = this.#ways.get(name) ?? (isMended ? this.#open(name, from) : undefined)
    if (!way) return
    way.usedAtMs = performance.now()
    way.socket.send(message, this.#options.workerPort, this.#workerAddress)
  }

  #open(name: string, { address, port }: RemoteInfo): Way | undefined {
    if (this.#ways.size >= mostWays) return undefined
    const socket = createSocket(this.#workerAddress.includes(':') ? 'udp6' : 'udp4')
    socket.on('message', (message) => this.#socket.send(message, port, address))
    socket.on('error', () => this.#close(name))
    const way = { socket, usedAtMs: performance.now() }
    this.#ways.set(name, way)
    return way
  }

  #close(name: string): void {
    this.#ways.get(name)?.socket.close()
    this.#ways.delete(name)
  }

  #sweep(): void {
    const before = performance.now() - idleMs
    for (const [name, { usedAtMs }] of this.#ways) if (usedAtMs < before) this.#close(name)
  }
}
