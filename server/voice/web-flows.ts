/**
 * SIP over WebSocket (RFC 7118) as the voice process sees it: the api has the sockets, since they come to its HTTP port,
 * and hands their messages over (bridge-frames.ts). Each is a flow that nobody but its phone can open.
 *
 * Invariant: `closed` is told exactly once for each flow; with the api all of them are gone.
 */
import { chmodSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import type { FastifyBaseLogger } from 'fastify'
import type { Hop } from '../../engine/sip/hop.ts'
import type { AddressQuota } from './address-quota.ts'
import { type Frame, FrameReader, formatFrame, type WebPeer } from './bridge-frames.ts'

export interface WebFlowsOptions {
  readonly path: string
  /** Flows of a process before this one are not ours. */
  readonly epoch: string
  readonly quota: AddressQuota
  readonly log: FastifyBaseLogger
  /** One WebSocket message: one SIP message (§5), or a keep-alive. */
  readonly received: (bytes: Uint8Array, source: Hop) => void
  readonly failed: (ticket: string) => void
  readonly closed: (flow: string) => void
}

const mostFlows = 20_000
/** An api that does not read for so long is stuck; its supervisor will start another. */
const mostBuffered = 8_388_608

interface Flow {
  readonly hop: Hop
  readonly bridge: Socket
  readonly id: number
}

export class WebFlows {
  readonly #options: WebFlowsOptions
  readonly #server: Server
  readonly #bridges = new Map<Socket, Map<number, Flow>>()
  readonly #byName = new Map<string, Flow>()
  #lastFlow = 0

  constructor(options: WebFlowsOptions) {
    this.#options = options
    this.#server = createServer((bridge) => this.#accept(bridge))
  }

  get size(): number {
    return this.#byName.size
  }

  open(): Promise<void> {
    const { path } = this.#options
    rmSync(path, { force: true })
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(path, () => {
        chmodSync(path, 0o600)
        resolve()
      })
    })
  }

  has(flow: string): boolean {
    return this.#byName.has(flow)
  }

  /** §5.2: there is no other way to a browser than the connection that it opened. */
  send({ flow }: Hop, bytes: Uint8Array, ticket: string): void {
    const to = this.#byName.get(flow ?? '')
    if (to === undefined) return queueMicrotask(() => this.#options.failed(ticket))
    to.bridge.write(formatFrame('message', to.id, bytes))
    if (to.bridge.writableLength > mostBuffered) to.bridge.destroy()
  }

  close(): void {
    this.#server.close()
    for (const bridge of this.#bridges.keys()) bridge.destroy()
  }

  #accept(bridge: Socket): void {
    const flows = new Map<number, Flow>()
    const reader = new FrameReader()
    this.#bridges.set(bridge, flows)
    bridge.on('data', (bytes) => {
      for (const frame of reader.push(bytes)) this.#take(bridge, flows, frame)
    })
    bridge.on('error', (error) => this.#options.log.debug({ err: error }, 'bridge of WebSockets'))
    bridge.on('close', () => {
      this.#bridges.delete(bridge)
      for (const id of [...flows.keys()]) this.#forget(flows, id)
    })
  }

  #take(bridge: Socket, flows: Map<number, Flow>, { kind, id, payload }: Frame): void {
    switch (kind) {
      case 'opened':
        return this.#begin(bridge, flows, id, JSON.parse(payload.toString()))
      case 'message': {
        const flow = flows.get(id)
        if (flow) this.#options.received(payload, flow.hop)
        return
      }
      case 'closed':
        return this.#forget(flows, id)
    }
  }

  #begin(bridge: Socket, flows: Map<number, Flow>, id: number, { address, port, isSecure }: WebPeer): void {
    const hasRoom = this.#byName.size < mostFlows && this.#options.quota.take(address)
    if (!hasRoom) return void bridge.write(formatFrame('closed', id))
    this.#lastFlow += 1
    const name = `ws:${this.#options.epoch}:${this.#lastFlow}`
    const hop: Hop = { transport: isSecure ? 'wss' : 'ws', address, port, flow: name }
    const flow = { hop, bridge, id }
    flows.set(id, flow)
    this.#byName.set(name, flow)
  }

  #forget(flows: Map<number, Flow>, id: number): void {
    const hop = flows.get(id)?.hop
    flows.delete(id)
    if (!hop || hop.flow === null || !this.#byName.delete(hop.flow)) return
    this.#options.quota.release(hop.address)
    this.#options.closed(hop.flow)
  }
}
