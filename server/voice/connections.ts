/**
 * SIP over connections: TCP and TLS that peers open to us and that we open to them (RFC 3261 §18, RFC 5626 §3.5.1). Each
 * connection is a flow with a name of its own; what is sent to an address uses the connection that leads there, or
 * opens one.
 *
 * Invariant: `closed` is told exactly once for each flow that was told of by a message, and nothing is heard of it after.
 */
import { connect as connectTcp, createServer, type Server, type Socket } from 'node:net'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import type { FastifyBaseLogger } from 'fastify'
import type { Hop } from '../../engine/sip/hop.ts'
import type { ParseFault, SipMessage } from '../../engine/sip/message.ts'
import { MessageStream } from '../../engine/sip/stream.ts'
import type { AddressQuota } from './address-quota.ts'

export interface ConnectionsOptions {
  readonly listenIp: string
  readonly listeners: readonly { readonly transport: 'tcp' | 'tls'; readonly port: number }[]
  readonly tls: { readonly cert: string; readonly key: string }
  /** Of those that peers open. */
  readonly quota: AddressQuota
  readonly log: FastifyBaseLogger
  readonly received: (message: SipMessage | ParseFault, source: Hop) => void
  readonly failed: (ticket: string) => void
  readonly closed: (flow: string, peer: Hop) => void
}

/** A peer that connects and says nothing; phones keep alive far more often (RFC 5626 §4.4.1). */
const idleMs = 600_000
const connectMs = 4_000
/** Time for the handshake of TLS. */
const handshakeMs = 10_000
/** A peer that does not read. */
const mostBuffered = 1_048_576
const mostConnections = 20_000

interface Connection {
  readonly hop: Hop
  readonly socket: Socket
  readonly tickets: Set<string>
  /** Null: we opened it. */
  readonly ownPort: number | null
  isReady: boolean
}

export class Connections {
  readonly #options: ConnectionsOptions
  readonly #servers: Server[] = []
  readonly #byFlow = new Map<string, Connection>()
  readonly #byPeer = new Map<string, Connection>()
  #lastFlow = 0
  /** Which peers opened, from before their handshake on. */
  #open = 0
  /** Flows of a process before this one are not ours. */
  readonly #epoch: string

  constructor(options: ConnectionsOptions, epoch: string) {
    this.#options = options
    this.#epoch = epoch
  }

  get size(): number {
    return this.#byFlow.size
  }

  async open(): Promise<void> {
    const { listeners, tls } = this.#options
    for (const { transport, port } of listeners) {
      const server =
        transport === 'tcp'
          ? createServer((socket) => this.#accept(socket, 'tcp'))
          : createTlsServer({ ...tls, minVersion: 'TLSv1.2', handshakeTimeout: handshakeMs }, (socket) =>
              this.#accept(socket, 'tls'),
            )
      // Before the handshake of TLS, which not everybody finishes.
      server.prependListener('connection', (socket) => this.#admit(socket))
      server.on('tlsClientError', (error) => this.#options.log.debug({ err: error }, 'SIP TLS handshake'))
      await this.#listen(server, port)
    }
  }

  #listen(server: Server, port: number): Promise<void> {
    this.#servers.push(server)
    // Every address of both families where none is named; a machine without IPv6 takes IPv4.
    const host = this.#options.listenIp === '0.0.0.0' ? undefined : this.#options.listenIp
    return new Promise((resolve, reject) => {
      server.once('error', reject)
      server.listen({ port, ...(host !== undefined && { host }) }, () => {
        server.off('error', reject)
        server.on('error', (error) => this.#options.log.warn({ err: error }, 'SIP listener'))
        resolve()
      })
    })
  }

  has(flow: string): boolean {
    return this.#byFlow.has(flow)
  }

  /** The port of ours that a peer came to; null: we went to it, or it is gone. */
  portOf(flow: string): number | null {
    return this.#byFlow.get(flow)?.ownPort ?? null
  }

  send(hop: Hop, bytes: Uint8Array, ticket: string): void {
    const connection = this.#toward(hop)
    if (connection === null) return queueMicrotask(() => this.#options.failed(ticket))
    const { socket } = connection
    if (socket.writableLength > mostBuffered) {
      socket.destroy()
      return queueMicrotask(() => this.#options.failed(ticket))
    }
    if (!connection.isReady && ticket !== '') connection.tickets.add(ticket)
    socket.write(bytes)
  }

  /** The flow that is named; should it be gone, another connection to the same place (§18.2.2). */
  #toward(hop: Hop): Connection | null {
    const named = hop.flow === null ? undefined : this.#byFlow.get(hop.flow)
    if (named !== undefined) return named
    return this.#byPeer.get(peerKey(hop)) ?? this.#connect(hop)
  }

  #connect(hop: Hop): Connection | null {
    if (hop.transport !== 'tcp' && hop.transport !== 'tls') return null
    if (this.#byFlow.size >= mostConnections) return null
    const { address: host, port } = hop
    // A carrier's certificate is not checked unless its name is known here; T12's policy is asked before this.
    const socket =
      hop.transport === 'tls' ? connectTls({ host, port, rejectUnauthorized: false }) : connectTcp({ host, port })
    const connection = this.#adopt(socket, { transport: hop.transport, address: host, port }, null)
    socket.setTimeout(connectMs, () => !connection.isReady && socket.destroy())
    socket.once(hop.transport === 'tls' ? 'secureConnect' : 'connect', () => {
      connection.isReady = true
      connection.tickets.clear()
      socket.setTimeout(idleMs, () => socket.destroy())
    })
    return connection
  }

  /** One too many is closed without a word. */
  #admit(socket: Socket): void {
    const { remoteAddress } = socket
    const { quota } = this.#options
    const hasRoom = remoteAddress !== undefined && this.#open < mostConnections && quota.take(remoteAddress)
    if (!hasRoom) return void socket.destroy()
    this.#open += 1
    socket.once('close', () => {
      this.#open -= 1
      quota.release(remoteAddress)
    })
  }

  #accept(socket: Socket, transport: 'tcp' | 'tls'): void {
    const { remoteAddress, remotePort } = socket
    if (socket.destroyed || remoteAddress === undefined || remotePort === undefined) {
      socket.destroy()
      return
    }
    const address = remoteAddress.replace(/^::ffff:(?=\d+\.)/, '')
    const connection = this.#adopt(socket, { transport, address, port: remotePort }, socket.localPort ?? null)
    connection.isReady = true
    socket.setTimeout(idleMs, () => socket.destroy())
  }

  #adopt(socket: Socket, peer: Omit<Hop, 'flow'>, ownPort: number | null): Connection {
    this.#lastFlow += 1
    const hop: Hop = { ...peer, flow: `${peer.transport}:${this.#epoch}:${this.#lastFlow}` }
    const connection: Connection = { hop, socket, tickets: new Set(), ownPort, isReady: false }
    const stream = new MessageStream()
    this.#byFlow.set(hop.flow ?? '', connection)
    this.#byPeer.set(peerKey(hop), connection)
    socket.setNoDelay(true)
    socket.on('data', (bytes) => this.#read(connection, stream, bytes))
    socket.on('error', (error) => this.#options.log.debug({ err: error, peer: hop.address }, 'SIP connection'))
    socket.on('close', () => this.#forget(connection))
    return connection
  }

  #read(connection: Connection, stream: MessageStream, bytes: Uint8Array): void {
    const { socket, hop } = connection
    for (const item of stream.push(bytes)) {
      if (item === 'ping') {
        // Who does not read its pongs gets no more of them, and costs no memory.
        if (!socket.writableNeedDrain) socket.write('\r\n')
      } else if (item !== 'pong') {
        this.#options.received(item, hop)
        if (item.isFault && item.isFramingLost) socket.end()
      }
    }
  }

  #forget(connection: Connection): void {
    const { hop, tickets } = connection
    this.#byFlow.delete(hop.flow ?? '')
    if (this.#byPeer.get(peerKey(hop)) === connection) this.#byPeer.delete(peerKey(hop))
    for (const ticket of tickets) this.#options.failed(ticket)
    this.#options.closed(hop.flow ?? '', hop)
  }

  close(): void {
    for (const server of this.#servers.splice(0)) server.close()
    for (const { socket } of [...this.#byFlow.values()]) socket.destroy()
  }
}

const peerKey = ({ transport, address, port }: Omit<Hop, 'flow'>) => `${transport} ${address} ${port}`
