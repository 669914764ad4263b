/**
 * The answer to a page's publish offer (RFC 8829 §5.3): we receive what it sends, with the feedback that M13 asks for,
 * and learn the payload types and extension ids that this browser uses (M12).
 */
import type { PipeParameters } from './messages.ts'
import { type Codec, type Description, isUsable, type MediaSection, rtxOf } from './sdp.ts'

export const uri = {
  mid: 'urn:ietf:params:rtp-hdrext:sdes:mid',
  rid: 'urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id',
  repairedRid: 'urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id',
  audioLevel: 'urn:ietf:params:rtp-hdrext:ssrc-audio-level',
  transportSequence: 'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
} as const

type CodecKind = 'opus' | 'vp8' | 'h264'

/** What one m-line of the publisher sends, as it was agreed. */
export interface Agreed {
  readonly mid: string
  readonly kind: 'audio' | 'video'
  readonly isSending: boolean
  readonly codec: CodecKind
  readonly payloadType: number
  /** 0: none. */
  readonly redPayloadType: number
  readonly rtxPayloadType: number
  readonly parameters: string
  readonly rids: readonly string[]
  readonly ssrcs: readonly number[]
  readonly rtxOf: ReadonlyMap<number, number>
}

export interface ExtensionIds {
  readonly mid: number
  readonly rid: number
  readonly repairedRid: number
  readonly audioLevel: number
  readonly transportSequence: number
}

export function agree(section: MediaSection): Agreed | null {
  const usable = section.codecs.filter(isUsable)
  const codec =
    section.kind === 'audio' ? find(usable, 'opus/48000/2') : (find(usable, 'vp8/90000') ?? findH264(usable))
  if (!codec || section.isRejected) return null
  const red =
    section.kind === 'audio' ? usable.find((one) => one.name === 'red/48000/2' && repeats(one, codec)) : undefined
  return {
    mid: section.mid,
    kind: section.kind,
    isSending: section.direction === 'sendonly' || section.direction === 'sendrecv',
    codec: section.kind === 'audio' ? 'opus' : codec.name === 'vp8/90000' ? 'vp8' : 'h264',
    payloadType: codec.payloadType,
    redPayloadType: red?.payloadType ?? 0,
    rtxPayloadType: usableType(rtxOf(usable, codec.payloadType)),
    parameters: codec.parameters,
    rids: section.rids,
    ssrcs: section.ssrcs,
    rtxOf: section.rtxOf,
  }
}

const find = (codecs: readonly Codec[], name: string) => codecs.find((codec) => codec.name === name)
const usableType = (codec: Codec | undefined) => (codec && isUsable(codec) ? codec.payloadType : 0)
const repeats = (red: Codec, codec: Codec) => red.parameters.split('/').includes(String(codec.payloadType))

/** M16: constrained baseline, packetization mode 1, forwarded as it is. */
const findH264 = (codecs: readonly Codec[]) =>
  codecs.find(({ name, parameters }) => {
    const isMode1 = /packetization-mode=1/.test(parameters)
    return name === 'h264/90000' && isMode1 && /profile-level-id=42e01f/i.test(parameters)
  })

export function extensionIds(description: Description): ExtensionIds {
  const all = new Map(description.sections.flatMap(({ extensions }) => [...extensions]))
  const id = (name: string) => all.get(name) ?? 0
  return {
    mid: id(uri.mid),
    rid: id(uri.rid),
    repairedRid: id(uri.repairedRid),
    audioLevel: id(uri.audioLevel),
    transportSequence: id(uri.transportSequence),
  }
}

interface AnswerOptions {
  readonly offer: Description
  readonly agreed: ReadonlyMap<string, Agreed>
  readonly local: PipeParameters
  readonly candidates: readonly string[]
  readonly version: number
}

export function formatAnswer({ offer, agreed, local, candidates, version }: AnswerOptions): string {
  const accepted = offer.sections.filter(({ mid }) => agreed.has(mid)).map(({ mid }) => mid)
  const lines = sessionLines(version, accepted)
  for (const section of offer.sections) {
    const media = agreed.get(section.mid)
    if (media) lines.push(...acceptedLines(section, media, local, candidates))
    else lines.push(`m=${section.kind} 0 UDP/TLS/RTP/SAVPF 0`, 'c=IN IP4 0.0.0.0', `a=mid:${section.mid}`, 'a=inactive')
  }
  return `${lines.join('\r\n')}\r\n`
}

export const sessionLines = (version: number, mids: readonly string[]): string[] => [
  'v=0',
  `o=- 1 ${version} IN IP4 127.0.0.1`,
  's=-',
  't=0 0',
  `a=group:BUNDLE ${mids.join(' ')}`,
  'a=msid-semantic: WMS *',
  // The browser chooses the path, whoever offers (server/media/pipe.ts says why).
  'a=ice-lite',
]

export const transportLines = (local: PipeParameters, setup: string, candidates: readonly string[]): string[] => [
  `a=ice-ufrag:${local.ufrag}`,
  `a=ice-pwd:${local.pwd}`,
  `a=fingerprint:${local.fingerprint}`,
  `a=setup:${setup}`,
  ...candidates.map((candidate) => `a=${candidate}`),
  'a=end-of-candidates',
]

function acceptedLines(
  section: MediaSection,
  media: Agreed,
  local: PipeParameters,
  candidates: readonly string[],
): string[] {
  const types = [media.redPayloadType, media.payloadType, media.rtxPayloadType].filter((type) => type !== 0)
  return [
    `m=${media.kind} 9 UDP/TLS/RTP/SAVPF ${types.join(' ')}`,
    'c=IN IP4 0.0.0.0',
    `a=mid:${media.mid}`,
    media.isSending ? 'a=recvonly' : 'a=inactive',
    'a=rtcp-mux',
    'a=rtcp-rsize',
    ...codecLines(media),
    ...Object.values(uri).flatMap((name) => {
      const id = section.extensions.get(name)
      return id === undefined ? [] : [`a=extmap:${id} ${name}`]
    }),
    ...(media.rids.length > 0
      ? [...media.rids.map((rid) => `a=rid:${rid} recv`), `a=simulcast:recv ${media.rids.join(';')}`]
      : []),
    ...transportLines(local, local.setup, candidates),
  ]
}

function codecLines(media: Agreed): string[] {
  const { payloadType: type, redPayloadType: red, rtxPayloadType: rtx } = media
  const names = { opus: 'opus/48000/2', vp8: 'VP8/90000', h264: 'H264/90000' }
  const feedback = media.kind === 'audio' ? ['nack', 'transport-cc'] : ['nack', 'nack pli', 'ccm fir', 'transport-cc']
  const parameters = media.codec === 'opus' ? 'minptime=10;useinbandfec=1;usedtx=1' : media.parameters
  return [
    ...(red ? [`a=rtpmap:${red} red/48000/2`, `a=fmtp:${red} ${type}/${type}`] : []),
    `a=rtpmap:${type} ${names[media.codec]}`,
    ...(parameters ? [`a=fmtp:${type} ${parameters}`] : []),
    ...feedback.map((name) => `a=rtcp-fb:${type} ${name}`),
    ...(rtx ? [`a=rtpmap:${rtx} rtx/90000`, `a=fmtp:${rtx} apt=${type}`] : []),
  ]
}
