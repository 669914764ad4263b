/**
 * Session descriptions (RFC 8866) as browsers write them (RFC 8829): read into what forwarding needs. Tolerant of
 * order and of what it does not know; bounded; garbage is a value with a sentence, never an exception.
 */
import type { PipeParameters } from './messages.ts'

export interface Codec {
  readonly payloadType: number
  /** Lower case, with its clock rate: `vp8/90000`, `opus/48000/2`. */
  readonly name: string
  readonly parameters: string
}

export interface MediaSection {
  readonly kind: 'audio' | 'video'
  readonly mid: string
  readonly direction: 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive'
  readonly isRejected: boolean
  readonly codecs: readonly Codec[]
  /** URI -> id. */
  readonly extensions: ReadonlyMap<string, number>
  /** Of simulcast send streams, in the order of the offer. */
  readonly rids: readonly string[]
  /** SSRCs it names (Firefox and single streams), with what FID groups pair to them. */
  readonly ssrcs: readonly number[]
  readonly rtxOf: ReadonlyMap<number, number>
}

export interface Description {
  readonly pipe: PipeParameters
  readonly sections: readonly MediaSection[]
}

export type ParseResult = { readonly description: Description } | { readonly reason: string }

const longestSdp = 200_000
const mostSections = 64

export function parseSdp(sdp: string): ParseResult {
  if (sdp.length > longestSdp) return { reason: 'The session description is too long.' }
  const [session = [], ...media] = splitSections(sdp)
  if (!session.some((line) => line.startsWith('v=0'))) return { reason: 'The text is no session description.' }
  if (media.length === 0) return { reason: 'The session description has no media.' }
  if (media.length > mostSections) return { reason: 'The session description has too many media sections.' }
  const sections: MediaSection[] = []
  for (const lines of media) {
    const section = parseSection(lines)
    if (section === null) return { reason: 'A media section has no mid or is neither audio nor video.' }
    sections.push(section)
  }
  if (new Set(sections.map((section) => section.mid)).size < sections.length) return { reason: 'A mid occurs twice.' }
  const pipe = findPipe(session, media)
  if (pipe === null) return { reason: 'The ICE credentials, fingerprint or setup are missing.' }
  return { description: { pipe, sections } }
}

function splitSections(sdp: string): string[][] {
  const sections: string[][] = [[]]
  for (const line of sdp.split(/\r\n|\n/)) {
    if (line.startsWith('m=')) sections.push([])
    sections.at(-1)?.push(line)
  }
  return sections
}

/** The value of the first `a=name:value`. */
function attribute(lines: readonly string[], name: string): string | undefined {
  const prefix = `a=${name}:`
  return lines.find((line) => line.startsWith(prefix))?.slice(prefix.length)
}

function* attributes(lines: readonly string[], name: string): Generator<string> {
  const prefix = `a=${name}:`
  for (const line of lines) if (line.startsWith(prefix)) yield line.slice(prefix.length)
}

/** With BUNDLE all sections say the same; the first that is not rejected counts. */
function findPipe(session: readonly string[], media: readonly (readonly string[])[]): PipeParameters | null {
  const bundled =
    media.find((lines) => !/^m=\w+ 0 /.test(lines[0] ?? '') || attribute(lines, 'ice-ufrag')) ?? media[0] ?? []
  const read = (name: string) => attribute(bundled, name) ?? attribute(session, name) ?? ''
  const [ufrag, pwd, fingerprint, setup] = [read('ice-ufrag'), read('ice-pwd'), read('fingerprint'), read('setup')]
  if (!/^[A-Za-z0-9+/]{4,256}$/.test(ufrag) || !/^[A-Za-z0-9+/]{22,256}$/.test(pwd)) return null
  if (!/^sha-256 [0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){31}$/.test(fingerprint)) return null
  if (setup !== 'actpass' && setup !== 'active' && setup !== 'passive') return null
  return { ufrag, pwd, fingerprint, setup }
}

function parseSection(lines: readonly string[]): MediaSection | null {
  const line = /^m=(audio|video) (\d{1,5}) \S+ ([\d ]*)$/.exec(lines[0] ?? '')
  const mid = attribute(lines, 'mid')
  const kind = line?.[1]
  if (!line || (kind !== 'audio' && kind !== 'video') || mid === undefined || !/^[\x21-\x7e]{1,16}$/.test(mid))
    return null
  return {
    kind,
    mid,
    direction: findDirection(lines),
    isRejected: line[2] === '0' && !lines.includes('a=bundle-only'),
    codecs: parseCodecs(lines, line[3] ?? ''),
    extensions: parseExtensions(lines),
    rids: parseRids(lines),
    ...parseSsrcs(lines),
  }
}

function findDirection(lines: readonly string[]): MediaSection['direction'] {
  for (const direction of ['sendonly', 'recvonly', 'inactive', 'sendrecv'] as const) {
    if (lines.includes(`a=${direction}`)) return direction
  }
  return 'sendrecv'
}

function parseCodecs(lines: readonly string[], payloadTypes: string): Codec[] {
  const codecs: Codec[] = []
  for (const text of payloadTypes.split(' ').filter(Boolean).slice(0, 64)) {
    const payloadType = Number(text)
    const name = [...attributes(lines, 'rtpmap')].find((map) => map.startsWith(`${text} `))?.slice(text.length + 1)
    const said = [...attributes(lines, 'fmtp')].find((map) => map.startsWith(`${text} `))?.slice(text.length + 1) ?? ''
    // They are answered as they came, so they are lines that may be written.
    const parameters = /^[\x20-\x7e]{0,500}$/.test(said) ? said : ''
    if (name && payloadType < 128) codecs.push({ payloadType, name: name.toLowerCase(), parameters })
  }
  return codecs
}

function parseExtensions(lines: readonly string[]): ReadonlyMap<string, number> {
  const extensions = new Map<string, number>()
  for (const text of attributes(lines, 'extmap')) {
    const parts = /^(\d{1,3})(?:\/\w+)? (\S+)/.exec(text)
    const id = Number(parts?.[1])
    if (parts?.[2] && id >= 1 && id <= 255) extensions.set(parts[2], id)
  }
  return extensions
}

function parseRids(lines: readonly string[]): string[] {
  const rids: string[] = []
  for (const text of attributes(lines, 'rid')) {
    const rid = /^([A-Za-z0-9_-]{1,16}) send/.exec(text)?.[1]
    if (rid && rids.length < 8) rids.push(rid)
  }
  return rids
}

function parseSsrcs(lines: readonly string[]): { ssrcs: number[]; rtxOf: Map<number, number> } {
  const ssrcs = new Set<number>()
  const rtxOf = new Map<number, number>()
  for (const text of attributes(lines, 'ssrc')) {
    const ssrc = Number(/^\d{1,10}/.exec(text)?.[0])
    if (ssrc > 0 && ssrc < 2 ** 32 && ssrcs.size < 32) ssrcs.add(ssrc)
  }
  for (const text of attributes(lines, 'ssrc-group')) {
    const pair = /^FID (\d{1,10}) (\d{1,10})$/.exec(text)
    if (pair) rtxOf.set(Number(pair[2]), Number(pair[1]))
  }
  for (const rtx of rtxOf.keys()) ssrcs.delete(rtx)
  return { ssrcs: [...ssrcs], rtxOf }
}

/** The payload type that repairs another one (RFC 4588 `apt`). */
export const rtxOf = (codecs: readonly Codec[], payloadType: number): Codec | undefined =>
  codecs.find(({ name, parameters }) => name === 'rtx/90000' && aptOf(parameters) === payloadType)

const aptOf = (parameters: string) => Number(/(?:^|;)\s*apt=(\d+)/.exec(parameters)?.[1])

/** Payload types 64-95 look like RTCP to the transport and are never used (RFC 5761 §4, M11). */
export const isUsable = ({ payloadType }: Codec): boolean => payloadType < 64 || payloadType > 95
