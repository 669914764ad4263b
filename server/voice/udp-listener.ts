/** The UDP side of SIP: one socket for each address family, datagrams in and out (RFC 3261 §18). */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import type { FastifyBaseLogger } from 'fastify'
import type { Hop } from '../../engine/sip/hop.ts'

export interface UdpOptions {
  readonly port: number
  readonly listenIp: string
  readonly log: FastifyBaseLogger
  /** Parses nothing: bytes and where they came from. */
  readonly received: (bytes: Uint8Array, source: Hop) => void
  /** What had that ticket could not be sent. */
  readonly failed: (ticket: string) => void
}

/** T9: a burst while the loop is busy waits in the kernel, and 200 kB hold a few hundred messages only. */
const wantedBuffer = 4 * 1024 * 1024

interface Family {
  readonly flow: string
  readonly socket: Socket
}

export class UdpListener {
  readonly #options: UdpOptions
  #v4: Family | null = null
  #v6: Family | null = null

  constructor(options: UdpOptions) {
    this.#options = options
  }

  /** Throws with the port's number when it is taken. A machine without IPv6 has IPv4 alone. */
  async open(): Promise<void> {
    const { listenIp, log } = this.#options
    if (!listenIp.includes(':')) this.#v4 = await this.#bind('udp4', listenIp)
    if (listenIp !== '0.0.0.0' && !listenIp.includes(':')) return
    const address = listenIp.includes(':') ? listenIp : '::'
    try {
      this.#v6 = await this.#bind('udp6', address)
    } catch (error) {
      if (this.#v4 === null || !isWithoutIpv6(error)) throw error
      log.info('this machine has no IPv6: SIP is served over IPv4 alone')
    }
  }

  async #bind(type: 'udp4' | 'udp6', address: string): Promise<Family> {
    const { port, log } = this.#options
    const socket = createSocket({ type, ipv6Only: type === 'udp6', reuseAddr: false })
    socket.bind(port, address)
    try {
      await once(socket, 'listening')
    } catch (error) {
      socket.close()
      throw error
    }
    // ICMP errors arrive here too; transactions have their timers for what is lost.
    socket.on('error', (error) => log.debug({ err: error }, 'SIP socket'))
    const flow = udpFlow(type, port)
    socket.on('message', (bytes, from) => this.#options.received(bytes, toHop(from, flow)))
    socket.setRecvBufferSize(wantedBuffer)
    const got = socket.getRecvBufferSize() / 2 // the kernel counts its own book-keeping in
    if (got < wantedBuffer) {
      log.info({ port, got, sysctl: 'net.core.rmem_max' }, 'the SIP socket got a smaller buffer than it asked for')
    }
    return { flow, socket }
  }

  send(hop: Hop, bytes: Uint8Array, ticket: string): void {
    const family = hop.address.includes(':') ? this.#v6 : this.#v4
    // A datagram may name port 0 as its source, and a Via or Contact as where to send: nobody is there.
    if (family === null || hop.port === 0) return queueMicrotask(() => this.#options.failed(ticket))
    family.socket.send(bytes, hop.port, hop.address, (error) => {
      if (error !== null && ticket !== '') this.#options.failed(ticket)
    })
  }

  close(): void {
    this.#v4?.socket.close()
    this.#v6?.socket.close()
    this.#v4 = null
    this.#v6 = null
  }
}

const udpFlow = (type: 'udp4' | 'udp6', port: number): string => `${type}:${port}`

/** The port of ours that a flow of UDP names; null: it is none of UDP. */
export const portOfUdpFlow = (flow: string): number | null => {
  const [type = '', port = ''] = flow.split(':')
  return type === 'udp4' || type === 'udp6' ? Number(port) : null
}

const toHop = ({ address, port }: RemoteInfo, flow: string): Hop => ({ transport: 'udp', address, port, flow })

const isWithoutIpv6 = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'EAFNOSUPPORT' || error.code === 'EADDRNOTAVAIL')
