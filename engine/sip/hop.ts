/**
 * One hop: where a message goes next or came from last, and the transport that carries it. Replies go where RFC 3261
 * §18.2.2 and RFC 3581 §4 say, and to the observed source where a device behind a NAT does not know its address (T10).
 *
 * NOTE: a reply ignores `maddr`, against §18.2.2: whoever is not let in yet would choose whom we send to (T10, T12).
 * NOTE: a request to a UDP peer stays on UDP whatever its size (T11), against §18.1.1, which phones do not follow.
 */
import type { SipMessage } from './message.ts'
import { formatHost } from './via.ts'

export type Transport = 'udp' | 'tcp' | 'tls' | 'ws' | 'wss'

export interface Hop {
  readonly transport: Transport
  /** A literal address, without brackets. */
  readonly address: string
  readonly port: number
  /** The driver's name for a socket of ours or a connection; null: whichever leads there. */
  readonly flow: string | null
}

/** An address of ours, as a peer reaches it. */
export interface LocalAddress {
  readonly host: string
  readonly port: number
}

export const isReliable = (hop: Hop): boolean => hop.transport !== 'udp'

export const defaultPort = (transport: Transport): number => {
  switch (transport) {
    case 'udp':
    case 'tcp':
      return 5060
    case 'tls':
      return 5061
    case 'ws':
      return 80
    case 'wss':
      return 443
  }
}

/** The top Via of a request of ours; `rport` always, for the sake of NATs (RFC 3581 §3). */
export function formatVia(transport: Transport, local: LocalAddress, branch: string): string {
  return `SIP/2.0/${transport.toUpperCase()} ${formatHost(local.host)}:${local.port};branch=${branch};rport`
}

/** Where answers to a request go that came from `source`; its top Via is stamped already. */
export function replyHop(request: SipMessage, source: Hop): Hop {
  const { via } = request
  // §18.2.2: over the same connection; should it be gone, a new one to the port that the Via names.
  if (isReliable(source)) return { ...source, port: via.port ?? defaultPort(source.transport) }
  // Without `rport` a peer that names its own address means the port it names; one that does not is behind a NAT.
  if (via.rport !== null || via.received !== '') return source
  const port = via.port ?? 5060
  return port === source.port ? source : { ...source, port }
}
