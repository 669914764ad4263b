/**
 * Offer and answer (RFC 3264) of one leg with one audio stream of ours; video, T.38 and whatever else there is passes
 * through as data, so that a back-to-back agent can relay it. Everything is a value: a leg keeps its `SdpState` (JSON,
 * part of the dialog's snapshot, T5) and gets a new one from each step.
 *
 *   newSdpState(sessionId, keys)                    before the first step
 *   readOffer(sdp)                                  what a peer offers: codecs, hold, other lines; nothing is decided yet
 *   offer(state, local)                -> Offered   our offer, or re-offer: `sdp` to send
 *   accept(state, sdp, signalling)     -> Agreed    the peer's answer to it; may be called once for each branch
 *   answer(state, sdp, local, signalling) -> Agreed our answer to the peer's offer: `sdp` to send
 *   refused(before, offered)                        our offer was refused: what held before holds on
 *   opaqueRemote(line, signalling)                  RemoteMedia of another line, for an endpoint of its own
 *
 * A fault is `{ reason }`: answer 488. To relay A's call to B: offer B `reachable(readOffer(a).codecs)`, and answer A
 * with `reachable(agreed.codecs)` of B, whose first codec then needs no transcoding.
 *
 * Invariant: every m-line is answered in its order (T21), the o= version grows by one when a line changed and stays when
 * none did, and no line of ours begins with what a peer wrote.
 */
import type { RemoteMedia } from '../rtp/messages.ts'
import { agreeAudio, audioLine, audiosOf, type AudioView, type LocalMedia, matchAnswer } from './audio.ts'
import type { MappedCodec } from './codec.ts'
import type { SrtpKeys } from './crypto.ts'
import { otherLine, type OtherMedia, otherOf, refusedLine } from './other.ts'
import { formatSdp, type MediaDescription, parseSdp, type SdpFault, type SessionDescription } from './sdp.ts'

export type { LocalMedia } from './audio.ts'

export interface SdpState {
  /** Of o=: digits. */
  readonly sessionId: string
  /** Of what we sent last; 0: nothing yet. */
  readonly version: number
  readonly local: string | null
  readonly keys: SrtpKeys
}

export interface Offered {
  readonly state: SdpState
  readonly sdp: string
  /** For each of `local.others`: the index of its m-line, by which the answer to it is found. */
  readonly indexes: readonly number[]
}

export interface Agreed {
  readonly state: SdpState
  /** Our answer; of `accept`, the peer's. */
  readonly sdp: string
  /** Null: no audio (a fax that took its place). */
  readonly remote: RemoteMedia | null
  /** The peer does not listen: sendonly, inactive or 0.0.0.0. */
  readonly isHeld: boolean
  /** Speech and comfort noise, the preferred one first, with the peer's parameters. */
  readonly codecs: readonly MappedCodec[]
  readonly hasDtmf: boolean
  /** The other lines that are up, as the peer described them. */
  readonly others: readonly OtherMedia[]
}

export interface OfferView {
  readonly codecs: readonly MappedCodec[]
  readonly hasDtmf: boolean
  readonly isHeld: boolean
  readonly ptimeMs: number
  readonly isSecure: boolean
  readonly others: readonly OtherMedia[]
}

export const newSdpState = (sessionId: string, keys: SrtpKeys): SdpState => ({
  sessionId,
  version: 0,
  local: null,
  keys,
})

export const isFault = <T extends object>(result: T | SdpFault): result is SdpFault => 'reason' in result

export function readOffer(sdp: string): OfferView | SdpFault {
  const offer = parseSdp(sdp)
  if (isFault(offer)) return offer
  const audio = audiosOf(offer).find((one) => one !== null)
  const others = othersOf(offer, audio?.index ?? -1)
  if (!audio && others.length === 0) return { reason: 'Nothing that is offered is understood.' }
  return {
    codecs: audio?.codecs ?? [],
    hasDtmf: (audio?.events.length ?? 0) > 0,
    isHeld: audio?.isHeld ?? false,
    ptimeMs: audio?.ptimeMs ?? 20,
    isSecure: (audio?.crypto.length ?? 0) > 0,
    others,
  }
}

export function offer(state: SdpState, local: LocalMedia): Offered {
  const before = parseLocal(state)
  const audioIndex = mainAudio(before) ?? before?.media.length ?? 0
  const indexes = placeOthers(local, before, audioIndex)
  const length = Math.max(audioIndex + 1, before?.media.length ?? 0, ...indexes.map((index) => index + 1))
  const media = Array.from({ length }, (_, index): MediaDescription => {
    if (index === audioIndex) return audioLine(local, state.keys, before?.media[index] ?? null)
    const other = local.others[indexes.indexOf(index)]
    const old = before?.media[index]
    return other ? otherLine(other.media, other.port) : old ? refusedLine(old) : emptyLine
  })
  return { ...write(state, local, media), indexes }
}

export function accept(state: SdpState, sdp: string, signalling: string): Agreed | SdpFault {
  const local = parseLocal(state)
  if (!local) return { reason: 'Nothing was offered.' }
  const remote = parseSdp(sdp)
  if (isFault(remote)) return remote
  const audioIndex = mainAudio(local) ?? -1
  const offered = local.media[audioIndex]
  const agreed = offered && offered.port !== 0 ? matchAnswer(offered, remote, audioIndex, state.keys, signalling) : null
  if (agreed && isFault(agreed)) return agreed
  const others = othersOf(remote, audioIndex).filter(({ index }) => (local.media[index]?.port ?? 0) !== 0)
  return { ...result(state, sdp, agreed), others }
}

export function answer(state: SdpState, sdp: string, local: LocalMedia, signalling: string): Agreed | SdpFault {
  const remote = parseSdp(sdp)
  if (isFault(remote)) return remote
  const candidates = audiosOf(remote).filter((one) => one !== null)
  const found = firstOf(candidates, (audio) => agreeAudio(audio, local, state.keys, signalling))
  const media = remote.media.map((line, index): MediaDescription => {
    if (found && index === found.of.index) return found.agreed.line
    const other = local.others.find((one) => one.index === index)
    return other && line.port !== 0
      ? otherLine({ ...other.media, kind: line.kind, protocol: line.protocol }, other.port)
      : refusedLine(line)
  })
  if (media.every(({ port }) => port === 0)) return { reason: whyNot(candidates, local) }
  const others = othersOf(remote, found?.of.index ?? -1).filter(({ index }) => media[index]?.port !== 0)
  const written = write(state, local, media)
  return { ...result(written.state, written.sdp, found?.agreed ?? null), others }
}

/** Its version was used, so the next description of ours gets a higher one. */
export const refused = (before: SdpState, offered: SdpState): SdpState => ({ ...before, version: offered.version })

export const opaqueRemote = (line: OtherMedia, signalling: string): RemoteMedia => ({
  address: line.address,
  port: line.port,
  rtcpPort: line.rtcpPort,
  signalling,
  direction: line.direction,
  codecs: [],
  dtmf: null,
  comfortNoise: null,
  ptimeMs: 20,
  srtp: null,
  isOpaque: true,
})

type AudioAgreement = Pick<Agreed, 'isHeld' | 'codecs' | 'hasDtmf'> & { readonly remote: RemoteMedia }

const result = (state: SdpState, sdp: string, audio: AudioAgreement | null): Omit<Agreed, 'others'> => ({
  state,
  sdp,
  remote: audio?.remote ?? null,
  isHeld: audio?.isHeld ?? false,
  codecs: audio?.codecs ?? [],
  hasDtmf: audio?.hasDtmf ?? false,
})

const emptyLine: MediaDescription = {
  kind: 'audio',
  port: 0,
  protocol: 'RTP/AVP',
  formats: ['0'],
  connection: null,
  bandwidths: [],
  attributes: [],
}

function parseLocal({ local }: SdpState): SessionDescription | null {
  const parsed = local === null ? null : parseSdp(local)
  return parsed && !isFault(parsed) ? parsed : null
}

/** The audio stream keeps its line, also while a fax has its place. */
function mainAudio(description: SessionDescription | null): number | null {
  const lines = description?.media ?? []
  const up = lines.findIndex(({ kind, port }) => kind === 'audio' && port !== 0)
  const any = up === -1 ? lines.findIndex(({ kind }) => kind === 'audio') : up
  return any === -1 ? null : any
}

/** RFC 3264 §8: a line is never taken away; one that is free is used again by the same kind, new ones come last. */
function placeOthers(local: LocalMedia, before: SessionDescription | null, audioIndex: number): number[] {
  const lines = before?.media ?? []
  const taken = new Set([audioIndex])
  let next = Math.max(lines.length, audioIndex + 1)
  return local.others.map(({ media }) => {
    const old = lines.findIndex((line, index) => !taken.has(index) && line.kind === media.kind)
    const index = old === -1 ? next++ : old
    taken.add(index)
    return index
  })
}

function othersOf(description: SessionDescription, audioIndex: number): OtherMedia[] {
  return description.media
    .map((line, index) => (index === audioIndex || line.kind === 'audio' ? null : otherOf(description, line, index)))
    .filter((other) => other !== null)
}

function firstOf<T, U extends object>(
  items: readonly T[],
  attempt: (item: T) => U | SdpFault,
): { of: T; agreed: U } | null {
  for (const of of items) {
    const agreed = attempt(of)
    if (!isFault(agreed)) return { of, agreed }
  }
  return null
}

function whyNot([first]: readonly AudioView[], { security }: LocalMedia): string {
  if (!first) return 'Nothing that is offered is understood.'
  if (security === 'required' && first.crypto.length === 0) return 'SRTP is required.'
  return 'There is no codec in common.'
}

/** RFC 3264 §8: the version grows by one when anything changed, and stays when nothing did. */
function write(
  state: SdpState,
  { address }: LocalMedia,
  media: readonly MediaDescription[],
): { state: SdpState; sdp: string } {
  const connection = { family: address.includes(':') ? 6 : 4, address } as const
  const format = (version: number) =>
    formatSdp({
      origin: { username: '-', sessionId: state.sessionId, version: String(version), connection },
      name: '-',
      connection,
      bandwidths: [],
      attributes: [],
      media,
    })
  const unchanged = format(state.version)
  if (unchanged === state.local) return { state, sdp: unchanged }
  const version = state.version + 1
  const sdp = format(version)
  return { state: { ...state, version, local: sdp }, sdp }
}
