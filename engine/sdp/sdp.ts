/**
 * Session descriptions (RFC 8866) of telephony: every m-line is kept in its order, with the lines that belong to it, also
 * those that we do not know (T21). Tolerant of what phones get wrong (bare line feeds, spaces at the end, missing t= and
 * s=); bounded; garbage is a value with a sentence, never an exception.
 *
 * parseSdp(text) -> SessionDescription | { reason }; formatSdp(description) -> text. negotiate.ts does offers and answers.
 */
import { rememberLast } from '../remember.ts'

export interface SessionDescription {
  readonly origin: Origin
  readonly name: string
  readonly connection: Connection | null
  /** Values of `b=`. */
  readonly bandwidths: readonly string[]
  /** Values of `a=`, whole: `sendonly`, `rtpmap:8 PCMA/8000`. */
  readonly attributes: readonly string[]
  readonly media: readonly MediaDescription[]
}

interface Origin {
  readonly username: string
  /** Numbers that may be larger than a JavaScript number: kept as text. */
  readonly sessionId: string
  readonly version: string
  readonly connection: Connection
}

interface Connection {
  readonly family: 4 | 6
  readonly address: string
}

export interface MediaDescription {
  /** `audio`, `video`, `image`, or what else there may be. */
  readonly kind: string
  /** 0: refused. */
  readonly port: number
  /** `RTP/AVP`, `udptl`, … */
  readonly protocol: string
  readonly formats: readonly string[]
  readonly connection: Connection | null
  readonly bandwidths: readonly string[]
  readonly attributes: readonly string[]
}

export interface SdpFault {
  readonly reason: string
}

const longestSdp = 65_535
const mostLines = 2_000
const mostMedia = 32

/** A description is read again at each step of its exchange; so many calls may be at theirs at once. */
const mostRead = 256
/** Those of phones are shorter. */
const longestKept = 4_096

export const parseSdp = rememberLast(mostRead, longestKept, parse)

function parse(text: string): SessionDescription | SdpFault {
  if (text.length > longestSdp) return { reason: 'The session description is too long.' }
  const lines = text.split(/\r(?!\n)/.test(text) ? /\r\n|\n|\r/ : '\n')
  if (lines.length > mostLines) return { reason: 'The session description has too many lines.' }
  if (lines[0]?.trimEnd() !== 'v=0') return { reason: 'The body is no session description.' }
  const [session, ...sections] = splitSections(lines)
  if (sections.length > mostMedia) return { reason: 'The session description has too many media lines.' }
  const origin = parseOrigin(session?.origin)
  if (!session || !origin) return { reason: 'The o= line is missing or wrong.' }
  const connection = parseConnection(session.connection)
  if (connection === 'wrong') return { reason: 'The c= line is wrong.' }
  const media: MediaDescription[] = []
  for (const section of sections) {
    const one = parseMedia(section)
    if (typeof one === 'string') return { reason: one }
    if (!one.connection && !connection && one.port !== 0) return { reason: 'A media line has no c= line.' }
    media.push(one)
  }
  const { name = '-', bandwidths, attributes } = session
  return { origin, name, connection, bandwidths, attributes, media }
}

/** The values of a section's lines: of those that are to be there once, the first. */
interface Section {
  /** Of `m=`; empty: the session's. */
  readonly media: string
  origin?: string
  name?: string
  connection?: string
  readonly bandwidths: string[]
  readonly attributes: string[]
}

function splitSections(lines: readonly string[]): Section[] {
  let section: Section = { media: '', bandwidths: [], attributes: [] }
  const sections = [section]
  for (const line of lines) {
    if (line[1] !== '=') continue
    const value = line.slice(2).trimEnd()
    switch (line[0]) {
      case 'a':
        section.attributes.push(value)
        break
      case 'm':
        section = { media: value, bandwidths: [], attributes: [] }
        sections.push(section)
        break
      case 'c':
        section.connection ??= value
        break
      case 'b':
        section.bandwidths.push(value)
        break
      case 'o':
        section.origin ??= value
        break
      case 's':
        section.name ??= value
        break
    }
  }
  return sections
}

function parseOrigin(value: string | undefined): Origin | null {
  const [username, sessionId, version, ...connection] = (value ?? '').split(/ +/)
  if (!username || !sessionId || !version || !/^\d+$/.test(sessionId) || !/^\d+$/.test(version)) return null
  const address = parseConnection(connection.join(' '))
  // Who made it is not where media goes: a name or nonsense there does no harm.
  const isKnown = address !== null && address !== 'wrong'
  return { username, sessionId, version, connection: isKnown ? address : { family: 4, address: '0.0.0.0' } }
}

function parseConnection(value: string | undefined): Connection | null | 'wrong' {
  if (value === undefined) return null
  const match = /^IN +IP([46]) +([^\s/]+)(?:\/\d+)*$/i.exec(value)
  const address = match?.[2]
  if (!address) return 'wrong'
  // Some write IN IP4 with an IPv6 address; the address itself says what it is.
  return { family: address.includes(':') ? 6 : 4, address }
}

function parseMedia({ media, connection: said, bandwidths, attributes }: Section): MediaDescription | string {
  const line = /^([!-~]+) +(\d{1,5})(?:\/\d+)? +([!-~]+)((?: +[!-~]+)*)$/.exec(media)
  const [, kind, port, protocol, formats] = line ?? []
  if (!kind || !port || !protocol || Number(port) > 65_535) return 'An m= line is wrong.'
  const connection = parseConnection(said)
  if (connection === 'wrong') return 'A c= line is wrong.'
  return {
    kind,
    port: Number(port),
    protocol,
    formats: (formats ?? '').split(/ +/).filter(Boolean),
    connection,
    bandwidths,
    attributes,
  }
}

export function formatSdp({ origin, name, connection, bandwidths, attributes, media }: SessionDescription): string {
  const { username, sessionId, version } = origin
  let text = `v=0\r\no=${username} ${sessionId} ${version} ${formatConnection(origin.connection)}\r\ns=${name}\r\n`
  if (connection) text += `c=${formatConnection(connection)}\r\n`
  for (const value of bandwidths) text += `b=${value}\r\n`
  text += 't=0 0\r\n'
  for (const value of attributes) text += `a=${value}\r\n`
  for (const one of media) text += formatMedia(one)
  return text
}

function formatMedia({ kind, port, protocol, formats, connection, bandwidths, attributes }: MediaDescription): string {
  let text = `m=${kind} ${port} ${protocol} ${formats.join(' ')}`.trimEnd()
  text += '\r\n'
  if (connection) text += `c=${formatConnection(connection)}\r\n`
  for (const value of bandwidths) text += `b=${value}\r\n`
  for (const value of attributes) text += `a=${value}\r\n`
  return text
}

const formatConnection = ({ family, address }: Connection) => `IN IP${family} ${address}`

/** The value of the first `name:value` among attributes. */
export function attributeOf(attributes: readonly string[], name: string): string | undefined {
  const prefix = `${name}:`
  return attributes.find((attribute) => attribute.startsWith(prefix))?.slice(prefix.length)
}

export function attributesOf(attributes: readonly string[], name: string): string[] {
  const prefix = `${name}:`
  return attributes.filter((attribute) => attribute.startsWith(prefix)).map((one) => one.slice(prefix.length))
}

/** An address in figures; a name cannot be sent to without asking somebody. */
export const isLiteralAddress = (address: string): boolean =>
  /^\d{1,3}(\.\d{1,3}){3}$/.test(address) || /^[0-9a-f:.]*:[0-9a-f:.]*$/i.test(address)

/** RFC 3264 §8.4: the old way to hold. */
export const isUnspecified = (address: string): boolean => address === '0.0.0.0' || /^[0:]+$/.test(address)

/** What a line of ours may repeat of a peer's. */
export const isText = (value: string): boolean => /^[\x20-\x7e\xa0-\uffff]*$/.test(value)
