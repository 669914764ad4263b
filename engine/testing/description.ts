/** Descriptions that a simulated page writes: its offer of what it publishes, and its answer to the slots. */

export interface PublishedSection {
  readonly mid: string
  readonly kind: 'audio' | 'video'
  /** Simulcast layers; without, one stream of that SSRC, repaired by the next. */
  readonly rids?: readonly string[]
  readonly ssrc?: number
  readonly direction?: 'sendonly' | 'inactive'
  readonly codec?: 'VP8' | 'H264'
}

export const types = { opus: 111, red: 63, video: 96, rtx: 97 } as const
export const extensionIds = { audioLevel: 1, transportSequence: 3, mid: 4, rid: 10, repairedRid: 11 } as const

const transport = (ufrag: string, setup: string) => [
  `a=ice-ufrag:${ufrag}`,
  `a=ice-pwd:${'w'.repeat(24)}`,
  `a=fingerprint:sha-256 ${new Array(32).fill('5C').join(':')}`,
  `a=setup:${setup}`,
]

export function publishOffer(sections: readonly PublishedSection[], ufrag = 'page'): string {
  const lines = [
    'v=0',
    'o=- 5 2 IN IP4 127.0.0.1',
    's=-',
    't=0 0',
    `a=group:BUNDLE ${sections.map(({ mid }) => mid).join(' ')}`,
  ]
  for (const section of sections) {
    lines.push(...(section.kind === 'audio' ? audioLines() : videoLines(section)))
    lines.push(`a=mid:${section.mid}`, `a=${section.direction ?? 'sendonly'}`, ...transport(ufrag, 'actpass'))
    lines.push(...extensionLines(section.kind), ...streamLines(section))
  }
  return `${lines.join('\r\n')}\r\n`
}

const audioLines = () => [
  `m=audio 9 UDP/TLS/RTP/SAVPF ${types.opus} ${types.red}`,
  `a=rtpmap:${types.opus} opus/48000/2`,
  `a=rtpmap:${types.red} red/48000/2`,
  `a=fmtp:${types.red} ${types.opus}/${types.opus}`,
]

const videoLines = ({ codec = 'VP8' }: PublishedSection) => [
  `m=video 9 UDP/TLS/RTP/SAVPF ${types.video} ${types.rtx}`,
  `a=rtpmap:${types.video} ${codec}/90000`,
  ...(codec === 'H264' ? [`a=fmtp:${types.video} packetization-mode=1;profile-level-id=42e01f`] : []),
  `a=rtpmap:${types.rtx} rtx/90000`,
  `a=fmtp:${types.rtx} apt=${types.video}`,
]

const extensionLines = (kind: 'audio' | 'video') => [
  `a=extmap:${extensionIds.transportSequence} http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01`,
  `a=extmap:${extensionIds.mid} urn:ietf:params:rtp-hdrext:sdes:mid`,
  ...(kind === 'audio'
    ? [`a=extmap:${extensionIds.audioLevel} urn:ietf:params:rtp-hdrext:ssrc-audio-level`]
    : [
        `a=extmap:${extensionIds.rid} urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id`,
        `a=extmap:${extensionIds.repairedRid} urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id`,
      ]),
]

function streamLines({ kind, rids = [], ssrc }: PublishedSection): string[] {
  if (rids.length > 0) return [...rids.map((rid) => `a=rid:${rid} send`), `a=simulcast:send ${rids.join(';')}`]
  if (ssrc === undefined) return []
  if (kind === 'audio') return [`a=ssrc:${ssrc} cname:page`]
  return [`a=ssrc-group:FID ${ssrc} ${ssrc + 1}`, `a=ssrc:${ssrc} cname:page`, `a=ssrc:${ssrc + 1} cname:page`]
}

export interface AnswerOptions {
  /** Payload types that this page does not take. */
  readonly without?: readonly number[]
  readonly hasTransportFeedback?: boolean
}

/** Takes everything that is offered but what `options` leaves out. */
export function subscribeAnswer(
  offer: string,
  { without = [], hasTransportFeedback = true }: AnswerOptions = {},
): string {
  const lines = offer.split('\r\n').flatMap((line) => {
    if (line.startsWith('a=ice-ufrag:')) return transport('page', 'active')
    if (/^a=(ice-pwd|fingerprint|setup|candidate|end-of-candidates|ssrc|msid)/.test(line)) return []
    if (line === 'a=sendonly') return ['a=recvonly']
    if (line.startsWith('a=extmap:') && !hasTransportFeedback) return []
    if (without.some((type) => new RegExp(`^a=(rtpmap|fmtp|rtcp-fb):${type} `).test(line))) return []
    if (!line.startsWith('m=')) return [line]
    const [kind, port, profile, ...offered] = line.split(' ')
    return [[kind, port, profile, ...offered.filter((type) => !without.includes(Number(type)))].join(' ')]
  })
  return lines.join('\r\n')
}
