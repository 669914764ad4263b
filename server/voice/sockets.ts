/**
 * All SIP sockets of the process behind one `send`: bytes in become messages or faults with the hop they came by, and a
 * hop's transport and flow decide the socket out.
 */
import type { FastifyBaseLogger } from 'fastify'
import type { Hop, LocalAddress } from '../../engine/sip/hop.ts'
import { isKeepAlive, type ParseFault, parseMessage, type SipMessage } from '../../engine/sip/message.ts'
import { AddressQuota } from './address-quota.ts'
import type { Addresses } from './addresses.ts'
import { Connections } from './connections.ts'
import { portOfUdpFlow, UdpListener } from './udp-listener.ts'
import { WebFlows } from './web-flows.ts'

export interface SipPort {
  readonly transport: 'udp' | 'tcp' | 'tls'
  readonly port: number
}

export interface SocketsOptions {
  readonly listenIp: string
  /** UDP and TCP; TLS is on the next one. */
  readonly port: number
  /** T13: more ports, by which phones of some sites get out. */
  readonly extraPorts: readonly SipPort[]
  readonly tls: { readonly cert: string; readonly key: string }
  /** How many connections one address may have. */
  readonly mostPerAddress: number
  /** Of the Unix socket by which the api hands over WebSockets. */
  readonly bridgePath: string
  readonly addresses: Addresses
  readonly log: FastifyBaseLogger
  /** Names the process, so that flows of one before it are known as gone. */
  readonly epoch: string
  /** `bytes`: as they came, or over a connection as it was understood. */
  readonly received: (message: SipMessage | ParseFault, source: Hop, bytes: Uint8Array) => void
  readonly failed: (ticket: string) => void
  /** `peer`: of a connection by which anybody who is sent to there is reached; null: of a browser's. */
  readonly closed: (flow: string, peer: Hop | null) => void
}

export class Sockets {
  readonly #options: SocketsOptions
  /** By port; the first is the one that everybody knows. */
  readonly #udp: ReadonlyMap<number, UdpListener>
  readonly #connections: Connections
  readonly #web: WebFlows
  readonly #ports: Readonly<Record<Hop['transport'], number>>

  constructor(options: SocketsOptions) {
    this.#options = options
    const { listenIp, port, tls, log, failed, closed, epoch, bridgePath: path } = options
    const quota = new AddressQuota({
      most: options.mostPerAddress,
      refused: (address) =>
        log.warn({ address, most: options.mostPerAddress }, 'an address has too many SIP connections: more are closed'),
    })
    this.#ports = { udp: port, tcp: port, tls: port + 1, ws: port, wss: port + 1 }
    const all = sipPorts(options)
    const received = (bytes: Uint8Array, source: Hop) => this.#read(bytes, source)
    const udpPorts = all.filter(({ transport }) => transport === 'udp').map((one) => one.port)
    this.#udp = new Map(
      udpPorts.map((one) => [one, new UdpListener({ port: one, listenIp, log, failed, received })] as const),
    )
    const listeners = all.flatMap(({ transport, port: one }) => (transport === 'udp' ? [] : [{ transport, port: one }]))
    this.#connections = new Connections(
      {
        ...{ listenIp, listeners, tls, quota, log, failed, closed },
        received: (message, source) => options.received(message, source, bytesOf(message)),
      },
      epoch,
    )
    this.#web = new WebFlows({ path, epoch, quota, log, failed, closed: (flow) => closed(flow, null), received })
  }

  /** All of them or none, so that it may be called again when a port was taken. */
  async open(): Promise<void> {
    try {
      for (const listener of this.#udp.values()) await listener.open()
      await this.#connections.open()
      await this.#web.open()
    } catch (error) {
      this.close()
      throw error
    }
  }

  close(): void {
    for (const listener of this.#udp.values()) listener.close()
    this.#connections.close()
    this.#web.close()
  }

  get connections(): number {
    return this.#connections.size + this.#web.size
  }

  send(hop: Hop, bytes: Uint8Array, ticket: string): void {
    switch (hop.transport) {
      case 'udp':
        return this.#udpFor(hop)?.send(hop, bytes, ticket)
      case 'tcp':
      case 'tls':
        return this.#connections.send(hop, bytes, ticket)
      case 'ws':
      case 'wss':
        return this.#web.send(hop, bytes, ticket)
    }
  }

  /** T7: a connection's flow ends with it; UDP has none to lose. */
  isAlive(flow: string): boolean {
    return portOfUdpFlow(flow) !== null || this.#connections.has(flow) || this.#web.has(flow)
  }

  /** As the peer at the other end of that hop reaches us (T10). */
  local(hop: Hop): LocalAddress {
    return { host: this.#options.addresses.toward(hop.address), port: this.#portFor(hop) }
  }

  /** The one that the peer came to, which may be the only one that it gets out to (T13). */
  #portFor({ transport, flow }: Hop): number {
    const named = flow === null ? null : (portOfUdpFlow(flow) ?? this.#connections.portOf(flow))
    const isOpen = named !== null && (transport !== 'udp' || this.#udp.has(named))
    return isOpen ? named : this.#ports[transport]
  }

  #udpFor({ flow }: Hop): UdpListener | undefined {
    return this.#udp.get(portOfUdpFlow(flow ?? '') ?? 0) ?? this.#udp.get(this.#options.port)
  }

  #read(bytes: Uint8Array, source: Hop): void {
    if (isKeepAlive(bytes)) {
      // RFC 5626 §4.4.1 has STUN for UDP and RFC 7118 §6 pings for WebSockets; what phones really send is CRLF, and an answer keeps both ways open.
      if (bytes.length >= 4) this.send(source, pong, '')
      return
    }
    this.#options.received(parseMessage(bytes), source, bytes)
  }
}

/** Of ours, each once. */
export function sipPorts({ port, extraPorts }: Pick<SocketsOptions, 'port' | 'extraPorts'>): SipPort[] {
  const all: SipPort[] = [
    { transport: 'udp', port },
    { transport: 'tcp', port },
    { transport: 'tls', port: port + 1 },
  ]
  for (const extra of extraPorts) {
    if (!all.some((one) => one.transport === extra.transport && one.port === extra.port)) all.push(extra)
  }
  return all
}

const nothing = new Uint8Array(0)

/** What came over a connection, written out again for its ladder. */
function bytesOf(message: SipMessage | ParseFault): Uint8Array {
  if (message.isFault) return nothing
  const { isRequest, method, uri, status, reason } = message
  const start = isRequest ? `${method} ${uri} SIP/2.0` : `SIP/2.0 ${status} ${reason}`
  const lines: string[] = []
  message.forEachLine((name, value) => lines.push(`${name}: ${value}`))
  return Buffer.from([start, ...lines, '', message.text].join('\r\n'))
}

const pong = Buffer.from('\r\n')
