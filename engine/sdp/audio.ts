/** The one audio stream that is ours: how a peer described it, how we do, and what the two come to. */
import type { Direction, RemoteCodec, RemoteMedia, SrtpSuite } from '../rtp/messages.ts'
import {
  closestTo,
  type Codec,
  codecAttributes,
  codecsOf,
  isComfortNoise,
  isSameCodec,
  isSpeech,
  isTelephoneEvent,
  type MappedCodec,
  mapCodecs,
  oneOfEach,
} from './codec.ts'
import { type CryptoLine, cryptoAttribute, cryptoLines, offeredLines, type SrtpKeys } from './crypto.ts'
import { common, complement, directionOf, type OtherMedia, rtcpPortOf } from './other.ts'
import {
  attributeOf,
  isLiteralAddress,
  isUnspecified,
  type MediaDescription,
  type SdpFault,
  type SessionDescription,
} from './sdp.ts'

/** What we want of a leg. */
export interface LocalMedia {
  /** Ours, as this peer reaches it (T10): of o= and c=. */
  readonly address: string
  /** Of the endpoint's RTP; RTCP is the next one. */
  readonly port: number
  readonly direction: Direction
  /** In our order of preference; `payload` is a wish. Comfort noise among them is passed on. */
  readonly codecs: readonly (Codec & { readonly payload?: number })[]
  readonly ptimeMs: number
  /**
   * SRTP. An offer: RTP/AVP; RTP/AVP with keys, which a peer may leave aside; RTP/SAVP. An answer follows the offer, but
   * with `required` it refuses a plain one.
   */
  readonly security: 'none' | 'optional' | 'required'
  /** Video, T.38 … of the other leg, each on an endpoint of its own. In an answer: `index` of the line it answers. */
  readonly others: readonly { readonly media: OtherMedia; readonly port: number; readonly index?: number }[]
}

/** A peer's audio line that we could take. */
export interface AudioView {
  readonly index: number
  readonly protocol: string
  /** Speech and comfort noise. */
  readonly codecs: readonly MappedCodec[]
  readonly events: readonly MappedCodec[]
  readonly crypto: readonly CryptoLine[]
  readonly address: string
  readonly port: number
  readonly rtcpPort: number
  /** What the peer does. */
  readonly direction: Direction
  readonly isHeld: boolean
  readonly ptimeMs: number
}

interface AgreedAudio {
  readonly remote: RemoteMedia
  readonly isHeld: boolean
  readonly codecs: readonly MappedCodec[]
  readonly hasDtmf: boolean
}

const protocols = /^RTP\/(S?)AVPF?$/
const standardPtimeMs = 20
const shortestPtimeMs = 10
const longestPtimeMs = 60

const views = new WeakMap<SessionDescription, readonly (AudioView | null)[]>()

/** Of each m-line. Null: refused, not audio, or of a protocol or with keys that we do not speak. */
export function audiosOf(session: SessionDescription): readonly (AudioView | null)[] {
  const known = views.get(session)
  if (known) return known
  const all = session.media.map((line, index) => readAudio(session, line, index))
  views.set(session, all)
  return all
}

function readAudio(session: SessionDescription, line: MediaDescription, index: number): AudioView | null {
  const protocol = protocols.exec(line.protocol)
  if (line.kind !== 'audio' || line.port === 0 || !protocol) return null
  const crypto = cryptoLines(line.attributes)
  if (protocol[1] === 'S' && crypto.length === 0) return null
  const address = (line.connection ?? session.connection)?.address ?? ''
  const said = directionOf(session, line)
  const isSilenced = isUnspecified(address)
  const direction = isSilenced && said !== 'inactive' ? common(said, 'sendonly') : said
  const codecs = codecsOf(line)
  return {
    index,
    protocol: line.protocol,
    codecs: codecs.filter((one) => isSpeech(one) || isComfortNoise(one)),
    events: codecs.filter(isTelephoneEvent),
    crypto,
    address,
    port: line.port,
    rtcpPort: rtcpPortOf(line),
    direction,
    isHeld: direction === 'sendonly' || direction === 'inactive',
    ptimeMs: ptimeOf(line),
  }
}

function ptimeOf({ attributes }: MediaDescription): number {
  const read = (name: string) => Number.parseInt(attributeOf(attributes, name) ?? '', 10) || 0
  const most = read('maxptime') || longestPtimeMs
  const said = Math.min(read('ptime') || standardPtimeMs, most)
  const whole = said - (said % 10)
  return Math.min(longestPtimeMs, Math.max(shortestPtimeMs, whole))
}

/** Our line in an offer. `before`: the same line as it was offered or answered last. */
export function audioLine(local: LocalMedia, keys: SrtpKeys, before: MediaDescription | null): MediaDescription {
  const rates = new Set(local.codecs.filter(isSpeech).map(({ clockRate }) => clockRate))
  const events = [...rates].filter((rate) => rate === 8000 || rate === 48_000).map(telephoneEvent)
  const codecs = mapCodecs([...local.codecs, ...events], before ? codecsOf(before) : [])
  const protocol = local.security === 'required' ? 'RTP/SAVP' : 'RTP/AVP'
  const crypto = local.security === 'none' ? [] : offeredLines(keys)
  return line(local, { protocol, codecs, crypto, direction: local.direction })
}

/** RFC 4733 §7.1: events run on the clock of the speech that they interrupt. */
const telephoneEvent = (clockRate: number): Codec => ({
  name: 'telephone-event',
  clockRate,
  channels: 1,
  parameters: '0-16',
})

interface LineParts {
  readonly protocol: string
  readonly codecs: readonly MappedCodec[]
  readonly crypto: readonly CryptoLine[]
  readonly direction: Direction
}

const line = ({ port, ptimeMs }: LocalMedia, { protocol, codecs, crypto, direction }: LineParts): MediaDescription => ({
  kind: 'audio',
  port,
  protocol,
  formats: codecs.map(({ payload }) => String(payload)),
  connection: null,
  bandwidths: [],
  attributes: [...codecAttributes(codecs), ...crypto.map(cryptoAttribute), `ptime:${ptimeMs}`, direction],
})

/** The peer's offer, taken: our line for the answer, and what to tell the media worker. */
export function agreeAudio(
  audio: AudioView,
  local: LocalMedia,
  keys: SrtpKeys,
  signalling: string,
): (AgreedAudio & { readonly line: MediaDescription }) | SdpFault {
  const [crypto] = audio.crypto
  if (local.security === 'required' && !crypto) return { reason: 'SRTP is required.' }
  // RFC 3264 §6.1: the same payload numbers as in the offer, the one we prefer first.
  const codecs = oneOfEach(local.codecs).flatMap((ours) => {
    const theirs = closestTo(audio.codecs, ours)
    return theirs ? [{ theirs, answered: { ...theirs, parameters: ours.parameters || theirs.parameters } }] : []
  })
  if (!codecs.some(({ theirs }) => isSpeech(theirs))) return { reason: 'There is no codec in common.' }
  const rates = new Set(codecs.map(({ theirs }) => theirs.clockRate))
  const events = audio.events.filter(({ clockRate }) => rates.has(clockRate))
  const direction = common(local.direction, complement(audio.direction))
  const srtp = crypto && { suite: crypto.suite, receive: crypto.key, send: keys[crypto.suite] }
  const agreed = codecs.map(({ theirs }) => theirs)
  return {
    line: line(local, {
      protocol: audio.protocol,
      codecs: [...codecs.map(({ answered }) => answered), ...events],
      crypto: crypto ? [{ ...crypto, key: keys[crypto.suite] }] : [],
      direction,
    }),
    ...agreement(audio, agreed, [...agreed, ...events].map(pairOf), { direction, signalling, srtp: srtp ?? null }),
  }
}

/** The peer's answer to our line. Null: it refused audio. */
export function matchAnswer(
  offered: MediaDescription,
  remote: SessionDescription,
  index: number,
  keys: SrtpKeys,
  signalling: string,
): AgreedAudio | SdpFault | null {
  if (!remote.media[index]?.port) return null
  const audio = audiosOf(remote)[index]
  if (!audio) return { reason: 'The answer has another protocol, or no key that we speak.' }
  const srtp = matchCrypto(offered, audio, keys)
  if (srtp && 'reason' in srtp) return srtp
  const ours = codecsOf(offered)
  const codecs = oneOfEach(audio.codecs).filter((theirs) => ours.some((one) => isSameCodec(one, theirs)))
  const pairs = [...codecs, ...audio.events].flatMap((theirs) => {
    const isIts = (one: MappedCodec) => one.payload === theirs.payload && isSameCodec(one, theirs)
    const own = ours.find(isIts) ?? closestTo(ours, theirs)
    return own ? [{ ...pairOf(theirs), payload: own.payload }] : []
  })
  if (!codecs.some(isSpeech)) return { reason: 'There is no codec in common.' }
  const direction = common(directionOf({ ...remote, attributes: [] }, offered), complement(audio.direction))
  return agreement(audio, codecs, pairs, { direction, signalling, srtp })
}

function matchCrypto(offered: MediaDescription, audio: AudioView, keys: SrtpKeys): RemoteMedia['srtp'] | SdpFault {
  const lines = cryptoLines(offered.attributes)
  const chosen = audio.crypto.find((one) => lines.some(({ tag, suite }) => tag === one.tag && suite === one.suite))
  if (chosen) return { suite: chosen.suite, receive: chosen.key, send: keyOf(chosen.suite, lines, keys) }
  // RTP/AVP with keys is an offer that a peer may take without them.
  if (!/SAVP/.test(offered.protocol) && audio.crypto.length === 0) return null
  return { reason: 'The answer takes none of the keys that were offered.' }
}

const keyOf = (suite: SrtpSuite, lines: readonly CryptoLine[], keys: SrtpKeys) =>
  lines.find((one) => one.suite === suite)?.key ?? keys[suite]

const pairOf = ({ name, clockRate, payload }: MappedCodec): RemoteCodec => ({
  name: name.toUpperCase(),
  clockRate,
  payload,
  sendPayload: payload,
})

function agreement(
  audio: AudioView,
  codecs: readonly MappedCodec[],
  pairs: readonly RemoteCodec[],
  { direction, signalling, srtp }: Pick<RemoteMedia, 'direction' | 'signalling' | 'srtp'>,
): AgreedAudio {
  const isEvent = ({ name }: RemoteCodec) => name === 'TELEPHONE-EVENT'
  const isNoise = ({ name }: RemoteCodec) => name === 'CN'
  const speech = pairs.filter((one) => !isEvent(one) && !isNoise(one))
  const events = pairs.filter(isEvent)
  const dtmf = events.find(({ clockRate }) => clockRate === speech[0]?.clockRate) ?? events[0] ?? null
  return {
    remote: {
      // A name cannot be sent to: what comes from the signalling address is latched to instead.
      address: isLiteralAddress(audio.address) ? audio.address : signalling,
      port: audio.port,
      rtcpPort: audio.rtcpPort,
      signalling,
      direction,
      codecs: speech,
      dtmf,
      comfortNoise: pairs.find(isNoise)?.sendPayload ?? null,
      ptimeMs: audio.ptimeMs,
      srtp,
    },
    isHeld: audio.isHeld,
    codecs,
    hasDtmf: dtmf !== null,
  }
}
