/**
 * Our offer of the slots that a page subscribes to (M2): every slot's SSRC, RTX SSRC and MID are fixed for life, so that
 * paging and speaker changes need no new description; and what the page's answer accepted.
 */
import { sessionLines, transportLines, uri } from './answer.ts'
import type { PipeParameters } from './messages.ts'
import { type Codec, type Description, isUsable, rtxOf } from './sdp.ts'

/** The numbers that our offers use; an answer may only leave some out. */
export const offered = {
  opus: 111,
  red: 63,
  vp8: 96,
  vp8Rtx: 97,
  h264: 102,
  h264Rtx: 103,
  transportSequence: 3,
} as const

interface OfferedSlot {
  readonly mid: string
  readonly kind: 'audio' | 'video'
  readonly ssrc: number
  readonly rtxSsrc: number
  /** Of who is in it now: tracks of one person play in step (RFC 8830). */
  readonly stream: string
}

interface OfferOptions {
  readonly slots: readonly OfferedSlot[]
  readonly local: PipeParameters
  readonly candidates: readonly string[]
  readonly version: number
}

export function formatOffer({ slots, local, candidates, version }: OfferOptions): string {
  const lines = sessionLines(
    version,
    slots.map(({ mid }) => mid),
  )
  for (const slot of slots) {
    lines.push(...(slot.kind === 'audio' ? audioLines(slot) : videoLines(slot)))
    lines.push(...transportLines(local, 'actpass', candidates))
  }
  return `${lines.join('\r\n')}\r\n`
}

const commonLines = ({ mid, stream }: OfferedSlot): string[] => [
  'c=IN IP4 0.0.0.0',
  `a=mid:${mid}`,
  'a=sendonly',
  'a=rtcp-mux',
  'a=rtcp-rsize',
  `a=extmap:${offered.transportSequence} ${uri.transportSequence}`,
  `a=msid:${stream} slot-${mid}`,
]

const audioLines = (slot: OfferedSlot): string[] => [
  `m=audio 9 UDP/TLS/RTP/SAVPF ${offered.red} ${offered.opus}`,
  ...commonLines(slot),
  `a=rtpmap:${offered.red} red/48000/2`,
  `a=fmtp:${offered.red} ${offered.opus}/${offered.opus}`,
  `a=rtpmap:${offered.opus} opus/48000/2`,
  `a=fmtp:${offered.opus} minptime=10;useinbandfec=1;usedtx=1`,
  ...['nack', 'transport-cc', 'rrtr'].map((name) => `a=rtcp-fb:${offered.opus} ${name}`),
  `a=ssrc:${slot.ssrc} cname:slot-${slot.mid}`,
]

const videoLines = (slot: OfferedSlot): string[] => [
  `m=video 9 UDP/TLS/RTP/SAVPF ${offered.vp8} ${offered.vp8Rtx} ${offered.h264} ${offered.h264Rtx}`,
  ...commonLines(slot),
  ...codecLines(offered.vp8, 'VP8', '', offered.vp8Rtx),
  ...codecLines(
    offered.h264,
    'H264',
    'level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f',
    offered.h264Rtx,
  ),
  `a=ssrc-group:FID ${slot.ssrc} ${slot.rtxSsrc}`,
  `a=ssrc:${slot.ssrc} cname:slot-${slot.mid}`,
  `a=ssrc:${slot.rtxSsrc} cname:slot-${slot.mid}`,
]

const codecLines = (type: number, name: string, parameters: string, rtx: number): string[] => [
  `a=rtpmap:${type} ${name}/90000`,
  ...(parameters ? [`a=fmtp:${type} ${parameters}`] : []),
  ...['nack', 'nack pli', 'ccm fir', 'transport-cc', 'rrtr'].map((feedback) => `a=rtcp-fb:${type} ${feedback}`),
  `a=rtpmap:${rtx} rtx/90000`,
  `a=fmtp:${rtx} apt=${type}`,
]

/** What a page accepted: the payload type for each codec, 0 for what it does not take. */
export interface Accepted {
  readonly mids: ReadonlySet<string>
  readonly opus: number
  readonly red: number
  readonly vp8: number
  readonly vp8Rtx: number
  readonly h264: number
  readonly h264Rtx: number
  /** Extension id of the transport-wide sequence number. */
  readonly transportSequence: number
}

export function readAccepted(answer: Description): Accepted {
  const taken = answer.sections.filter(({ isRejected, direction }) => {
    return !isRejected && (direction === 'recvonly' || direction === 'sendrecv')
  })
  const codecs = (kind: 'audio' | 'video') =>
    taken.find((section) => section.kind === kind)?.codecs.filter(isUsable) ?? ([] as readonly Codec[])
  const audio = codecs('audio')
  const video = codecs('video')
  const type = (of: readonly Codec[], name: string) => of.find((codec) => codec.name === name)?.payloadType ?? 0
  const vp8 = type(video, 'vp8/90000')
  const h264 = type(video, 'h264/90000')
  const ids = taken.map(({ extensions }) => extensions.get(uri.transportSequence) ?? 0)
  return {
    mids: new Set(taken.map(({ mid }) => mid)),
    opus: type(audio, 'opus/48000/2'),
    red: type(audio, 'red/48000/2'),
    vp8,
    vp8Rtx: rtxOf(video, vp8)?.payloadType ?? 0,
    h264,
    h264Rtx: rtxOf(video, h264)?.payloadType ?? 0,
    transportSequence: ids.find((id) => id > 0 && id < 15) ?? 0,
  }
}
