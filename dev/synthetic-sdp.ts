/** The descriptions that a synthetic peer writes: an offer of its sources, and the answer to the slots it is offered. */
import { uri } from '../engine/sfu/answer.ts'
import type { PipeParameters } from '../engine/sfu/messages.ts'
import { extensions, payloadTypes, type SourcePlan, type SyntheticStream } from './synthetic-source.ts'
import type { OfferedStream } from './synthetic-receiver.ts'

const sessionLines = (mids: readonly string[]) => [
  ...['v=0', 'o=- 7 1 IN IP4 127.0.0.1', 's=-', 't=0 0', `a=group:BUNDLE ${mids.join(' ')}`],
]

const pipeLines = ({ ufrag, pwd, fingerprint, setup }: PipeParameters, candidates: readonly string[]) => [
  `a=ice-ufrag:${ufrag}`,
  `a=ice-pwd:${pwd}`,
  `a=fingerprint:${fingerprint}`,
  `a=setup:${setup}`,
  ...candidates.map((candidate) => `a=${candidate}`),
]

export function formatPublishOffer(
  plans: readonly SourcePlan[],
  streams: readonly SyntheticStream[],
  local: PipeParameters,
  candidates: readonly string[] = [],
): string {
  const sections = plans.flatMap((plan) => {
    const own = streams.filter((stream) => stream.plan === plan)
    return [
      ...(plan.kind === 'audio' ? audioLines : videoLines),
      'c=IN IP4 0.0.0.0',
      `a=mid:${plan.mid}`,
      'a=sendonly',
      'a=rtcp-mux',
      `a=extmap:${extensions.transportSequence} ${uri.transportSequence}`,
      `a=extmap:${extensions.mid} ${uri.mid}`,
      `a=extmap:${extensions.rid} ${uri.rid}`,
      `a=extmap:${extensions.repairedRid} ${uri.repairedRid}`,
      ...(plan.kind === 'audio' ? [`a=extmap:${extensions.audioLevel} ${uri.audioLevel}`] : []),
      ...(plan.layers.length > 1 ? simulcastLines(plan) : own.flatMap(ssrcLines)),
      ...pipeLines(local, candidates),
    ]
  })
  return [...sessionLines(plans.map(({ mid }) => mid)), ...sections, ''].join('\r\n')
}

const audioLines = [`m=audio 9 UDP/TLS/RTP/SAVPF ${payloadTypes.opus}`, `a=rtpmap:${payloadTypes.opus} opus/48000/2`]
const feedback = ['nack', 'nack pli', 'transport-cc'].map((name) => `a=rtcp-fb:${payloadTypes.vp8} ${name}`)
const videoLines = [
  `m=video 9 UDP/TLS/RTP/SAVPF ${payloadTypes.vp8} ${payloadTypes.rtx}`,
  `a=rtpmap:${payloadTypes.vp8} VP8/90000`,
  ...feedback,
  `a=rtpmap:${payloadTypes.rtx} rtx/90000`,
  `a=fmtp:${payloadTypes.rtx} apt=${payloadTypes.vp8}`,
]

const simulcastLines = ({ layers }: SourcePlan) => [
  ...layers.map(({ rid }) => `a=rid:${rid} send`),
  `a=simulcast:send ${layers.map(({ rid }) => rid).join(';')}`,
]

const ssrcLines = ({ ssrc, rtxSsrc, plan }: SyntheticStream) => [
  `a=ssrc:${ssrc} cname:synthetic`,
  ...(plan.kind === 'audio' ? [] : [`a=ssrc:${rtxSsrc} cname:synthetic`, `a=ssrc-group:FID ${ssrc} ${rtxSsrc}`]),
]

/** Takes everything that is offered. */
export function formatSubscribeAnswer(
  offer: string,
  local: PipeParameters,
  candidates: readonly string[] = [],
): string {
  const kept = /^(?:v=|o=|s=|t=|m=|c=|a=(?:group|mid|rtcp-mux|rtcp-rsize|rtpmap|fmtp|rtcp-fb|extmap))/
  const lines = offer.split('\r\n').flatMap((line) => {
    if (line.startsWith('a=ice-ufrag:')) return pipeLines(local, candidates)
    if (line === 'a=sendonly') return ['a=recvonly']
    return kept.test(line) ? [line] : []
  })
  return [...lines, ''].join('\r\n')
}

export function readOfferedStreams(offer: string): OfferedStream[] {
  return offer
    .split(/\r\n(?=m=)/)
    .slice(1)
    .map((section) => {
      const read = (pattern: RegExp) => pattern.exec(section)?.[1] ?? ''
      return {
        mid: read(/^a=mid:(\S+)/m),
        kind: section.startsWith('m=audio') ? 'audio' : 'video',
        ssrc: Number(read(/^a=ssrc:(\d+)/m)),
        rtxSsrc: Number(read(/^a=ssrc-group:FID \d+ (\d+)/m)),
      }
    })
}

/** The id of the transport-wide number in what is offered, or 0. */
export const readTransportSequence = (offer: string): number => {
  const line = offer.split('\r\n').find((one) => one.startsWith('a=extmap:') && one.endsWith(uri.transportSequence))
  return Number(/^a=extmap:(\d+)/.exec(line ?? '')?.[1] ?? 0)
}

export const readCandidates = (sdp: string): string[] => [
  ...new Set([...sdp.matchAll(/^a=(candidate:[^\r\n]+)/gm)].map((match) => match[1] ?? '')),
]
