/** m-lines other than our audio (video of a door phone, T.38): kept as data and written again for the other leg. */
import type { Direction } from '../rtp/messages.ts'
import {
  attributeOf,
  isLiteralAddress,
  isText,
  isUnspecified,
  type MediaDescription,
  type SessionDescription,
} from './sdp.ts'

export interface OtherMedia {
  /** Of its m-line. */
  readonly index: number
  readonly kind: string
  readonly protocol: string
  readonly formats: readonly string[]
  readonly bandwidths: readonly string[]
  /** Without what belongs to one leg alone: addresses, ICE, multiplexing. */
  readonly attributes: readonly string[]
  readonly address: string
  readonly port: number
  readonly rtcpPort: number
  /** What we may do: the complement of what the peer does. */
  readonly direction: Direction
}

const ofOneLeg =
  /^(rtcp|candidate|remote-candidates|end-of-candidates|ice-\S*|rtcp-mux\S*|mid|setup|fingerprint|tls-id|msid|bundle-only|extmap\S*)(:|$)/
const directions: readonly Direction[] = ['sendonly', 'recvonly', 'inactive', 'sendrecv']

/** Null: refused, or not to be relayed: DTLS needs both ends to be one. */
export function otherOf(session: SessionDescription, line: MediaDescription, index: number): OtherMedia | null {
  const address = (line.connection ?? session.connection)?.address ?? ''
  if (line.port === 0 || !isLiteralAddress(address) || /TLS/.test(line.protocol)) return null
  return {
    index,
    kind: line.kind,
    protocol: line.protocol,
    formats: line.formats,
    bandwidths: line.bandwidths.filter(isText),
    attributes: line.attributes.filter((attribute) => isText(attribute) && !ofOneLeg.test(attribute)),
    address,
    port: line.port,
    rtcpPort: rtcpPortOf(line),
    direction: complement(isUnspecified(address) ? 'sendonly' : directionOf(session, line)),
  }
}

export const otherLine = (media: OtherMedia, port: number): MediaDescription => ({
  kind: media.kind,
  port,
  protocol: media.protocol,
  formats: media.formats,
  connection: null,
  bandwidths: media.bandwidths,
  attributes: media.attributes,
})

/** RFC 3264 §6: the formats are of no meaning, but the grammar wants one. */
export const refusedLine = ({ kind, protocol, formats }: MediaDescription): MediaDescription => ({
  kind,
  port: 0,
  protocol,
  formats: formats.length > 0 ? formats : ['0'],
  connection: null,
  bandwidths: [],
  attributes: [],
})

/** RFC 3605. Its address, where it has one, is not that of RTP only for peers that nobody has seen. */
export function rtcpPortOf({ attributes, port }: MediaDescription): number {
  const match = /^(\d{1,5})\b/.exec(attributeOf(attributes, 'rtcp') ?? '')
  const said = Number(match?.[1] ?? 0)
  return said > 0 && said <= 65_535 ? said : Math.min(port + 1, 65_535)
}

/** The peer's; the session's attribute holds where the line has none. */
export function directionOf(session: SessionDescription, line: MediaDescription): Direction {
  const find = (attributes: readonly string[]) => directions.find((one) => attributes.includes(one))
  return find(line.attributes) ?? find(session.attributes) ?? 'sendrecv'
}

export function complement(direction: Direction): Direction {
  if (direction === 'sendonly') return 'recvonly'
  return direction === 'recvonly' ? 'sendonly' : direction
}

/** What both allow, seen from us. */
export function common(a: Direction, b: Direction): Direction {
  const sends = (one: Direction) => one === 'sendrecv' || one === 'sendonly'
  const receives = (one: Direction) => one === 'sendrecv' || one === 'recvonly'
  if (sends(a) && sends(b)) return receives(a) && receives(b) ? 'sendrecv' : 'sendonly'
  return receives(a) && receives(b) ? 'recvonly' : 'inactive'
}
