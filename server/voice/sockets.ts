/**
 * All SIP sockets of the process behind one `send`: bytes in become messages or faults with the hop they came by, and a
 * hop's transport and flow decide the socket out.
 */
import type { FastifyBaseLogger } from 'fastify'
import type { Hop, LocalAddress } from '../../engine/sip/hop.ts'
import { isKeepAlive, type ParseFault, parseMessage, type SipMessage } from '../../engine/sip/message.ts'
import type { Addresses } from './addresses.ts'
import { Connections } from './connections.ts'
import { UdpListener } from './udp-listener.ts'

export interface SocketsOptions {
  readonly listenIp: string
  readonly port: number
  readonly tls: { readonly cert: string; readonly key: string } | null
  readonly addresses: Addresses
  readonly log: FastifyBaseLogger
  /** Names the process, so that flows of one before it are known as gone. */
  readonly epoch: string
  /** `bytes`: as they came, or over a connection as it was understood. */
  readonly received: (message: SipMessage | ParseFault, source: Hop, bytes: Uint8Array) => void
  readonly failed: (ticket: string) => void
  readonly closed: (flow: string) => void
}

export class Sockets {
  readonly #options: SocketsOptions
  readonly #udp: UdpListener
  readonly #connections: Connections
  readonly #ports: Readonly<Record<Hop['transport'], number>>

  constructor(options: SocketsOptions) {
    this.#options = options
    const { listenIp, port, tls, log, failed, closed, epoch } = options
    this.#ports = { udp: port, tcp: port, tls: port + 1, ws: port, wss: port + 1 }
    this.#udp = new UdpListener({ port, listenIp, log, failed, received: (bytes, source) => this.#read(bytes, source) })
    this.#connections = new Connections(
      {
        listenIp,
        tcpPort: port,
        tls: tls && { port: port + 1, ...tls },
        log,
        received: (message, source) => options.received(message, source, bytesOf(message)),
        failed,
        closed,
      },
      epoch,
    )
  }

  async open(): Promise<void> {
    await this.#udp.open()
    await this.#connections.open()
  }

  close(): void {
    this.#udp.close()
    this.#connections.close()
  }

  get connections(): number {
    return this.#connections.size
  }

  send(hop: Hop, bytes: Uint8Array, ticket: string): void {
    if (hop.transport === 'udp') this.#udp.send(hop, bytes, ticket)
    else this.#connections.send(hop, bytes, ticket)
  }

  /** T7: a connection's flow ends with it; UDP has none to lose. */
  isAlive(flow: string): boolean {
    return flow.startsWith('udp') || this.#connections.has(flow)
  }

  /** As the peer at the other end of that hop reaches us (T10). */
  local(hop: Hop): LocalAddress {
    return { host: this.#options.addresses.toward(hop.address), port: this.#ports[hop.transport] }
  }

  #read(bytes: Uint8Array, source: Hop): void {
    if (isKeepAlive(bytes)) {
      // RFC 5626 §4.4.1 has STUN for UDP; what phones really send is CRLF, and an answer keeps both ways open.
      if (bytes.length >= 4) this.#udp.send(source, pong, '')
      return
    }
    this.#options.received(parseMessage(bytes), source, bytes)
  }
}

const nothing = new Uint8Array(0)

/** What came over a connection, written out again for its ladder. */
function bytesOf(message: SipMessage | ParseFault): Uint8Array {
  if (message.isFault) return nothing
  const { isRequest, method, uri, status, reason } = message
  const start = isRequest ? `${method} ${uri} SIP/2.0` : `SIP/2.0 ${status} ${reason}`
  const lines = [...message.lines()].map(([name, value]) => `${name}: ${value}`)
  return Buffer.from([start, ...lines, '', message.text].join('\r\n'))
}

const pong = Buffer.from('\r\n')
