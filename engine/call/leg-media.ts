/**
 * The media of one leg: its endpoint at the media worker, and offers and answers with its peer. It turns SDP into media
 * orders; what the other leg wants is said by call logic as a list of codecs.
 *
 * Invariant: no SDP of ours leaves before the worker has opened the port that it names.
 */
import type { MediaOrder, PlaySource, RemoteMedia } from '../rtp/messages.ts'
import {
  andOpus,
  type Codec,
  g722,
  isKnownSpeech,
  isSameCodec,
  isSpeech,
  opus,
  orOpus,
  type MappedCodec,
  pcma,
  pcmu,
  reachable,
} from '../sdp/codec.ts'
import type { SrtpKeys } from '../sdp/crypto.ts'
import * as negotiate from '../sdp/negotiate.ts'
import type { OtherMedia } from '../sdp/other.ts'
import type { SdpFault } from '../sdp/sdp.ts'
import type { MediaPlace } from './host.ts'

/** What an INVITE without offer is offered, and a callee whose caller has offered nothing yet (T21). */
export const defaultCodecs: readonly Codec[] = [pcma, pcmu, g722]

export interface MediaParts {
  readonly endpoint: string
  readonly place: MediaPlace
  readonly security: 'none' | 'optional' | 'required'
  /** A phone is offered Opus too; an INVITE to a carrier has to stay small (T11). */
  readonly isPhone: boolean
  readonly sessionId: string
  readonly order: (order: MediaOrder) => void
  /** Drawn when a leg needs keys for the first time. */
  readonly newKeys: () => SrtpKeys
}

/** Video or T.38 of the leg, on an endpoint of its own; `line` is the peer's, null while it is not up (T21). */
export interface OtherLine {
  readonly endpoint: string
  readonly place: MediaPlace
  readonly line: OtherMedia | null
}

/** The part that a snapshot keeps (T5). */
export interface MediaSnapshot {
  readonly place: MediaPlace
  readonly security: 'none' | 'optional' | 'required'
  readonly sdp: negotiate.SdpState
  readonly remote: RemoteMedia | null
  readonly codecs: readonly MappedCodec[]
  readonly isHeld: boolean
  readonly isMadeToWait?: boolean
  readonly plays?: number
  /** By their kind. */
  readonly others: readonly (readonly [string, OtherLine])[]
}

/** More than a call begins to play without being written down. */
const playsSinceSnapshot = 1_000

const noKeys: SrtpKeys = { AES_CM_128_HMAC_SHA1_80: '', AES_CM_128_HMAC_SHA1_32: '' }

export class LegMedia {
  readonly endpoint: string
  /** Agreed with the peer; empty before the first answer. */
  codecs: readonly MappedCodec[] = []
  remote: RemoteMedia | null = null
  /** The peer does not listen (T21). */
  isHeld = false
  /** We put the peer on hold: what we offer it is to listen. */
  isMadeToWait = false
  readonly #parts: MediaParts
  #place: MediaPlace
  /** By their kind: one of each, which is all that phones have. */
  readonly #others = new Map<string, OtherLine>()
  /** Endpoints that the worker has not opened yet. */
  readonly #opening = new Set<string>()
  #isClosed = false
  #sdp: negotiate.SdpState
  /** What the peer described last: it comes again in each of its responses. */
  #heard: string | null = null
  /** What held before our open offer. */
  #beforeOffer: negotiate.SdpState | null = null
  #playing: { readonly id: string; readonly type: PlaySource['type'] } | null = null
  #plays = 0

  constructor(parts: MediaParts, kept: MediaSnapshot | null = null) {
    this.#parts = parts
    this.#place = parts.place
    this.endpoint = parts.endpoint
    this.#sdp = kept?.sdp ?? negotiate.newSdpState(parts.sessionId, noKeys)
    if (kept) {
      this.codecs = kept.codecs
      this.remote = kept.remote
      this.isHeld = kept.isHeld
      this.isMadeToWait = kept.isMadeToWait ?? false
      // What the worker still plays for the process before this one has another name: its end is not that of ours.
      this.#plays = (kept.plays ?? 0) + playsSinceSnapshot
      for (const [kind, line] of kept.others) this.#others.set(kind, line)
    }
  }

  get hasAgreed(): boolean {
    return this.remote !== null
  }

  /** All its ports are open: SDP may leave. */
  get isOpen(): boolean {
    return this.#opening.size === 0
  }

  /** Something is played to the peer. */
  get isBusy(): boolean {
    return this.#playing !== null
  }

  /** What the peer has besides sound, and is up. */
  get lines(): OtherMedia[] {
    return [...this.#others.values()].flatMap(({ line }) => line ?? [])
  }

  open(): void {
    this.#open(this.endpoint, this.#place)
  }

  /** The port was somebody else's, and no description has left yet: at another one. */
  openAt(place: MediaPlace): void {
    this.#place = place
    this.open()
  }

  /** Room for a line besides sound, before it is offered or answered. */
  openOther(kind: string, endpoint: string, place: MediaPlace): void {
    this.#others.set(kind, { endpoint, place, line: null })
    this.#open(endpoint, place)
  }

  other(kind: string): OtherLine | undefined {
    return this.#others.get(kind)
  }

  opened(endpoint: string): void {
    this.#opening.delete(endpoint)
  }

  /** The port of a line besides sound: the line is not to be. */
  openFailed(endpoint: string): void {
    this.#opening.delete(endpoint)
    for (const [kind, other] of this.#others) if (other.endpoint === endpoint) this.#others.delete(kind)
  }

  /** Of a restored leg: the worker still has it, or its successor gets it again (T6). */
  reopen(): void {
    this.open()
    if (this.remote) this.#order({ type: 'remote', endpoint: this.endpoint, remote: this.remote })
    for (const { endpoint, place, line } of this.#others.values()) {
      this.#open(endpoint, place)
      if (!line) continue
      const signalling = this.remote?.signalling ?? line.address
      this.#order({ type: 'remote', endpoint, remote: negotiate.opaqueRemote(line, signalling) })
    }
    this.#opening.clear()
  }

  /** `others`: lines of the leg that this one is to be joined to. */
  offer(codecs: readonly Codec[], others: readonly OtherMedia[] = []): string {
    const { security, isPhone } = this.#parts
    if (security !== 'none') this.#needKeys()
    const wanted = isPhone || this.codecs.some((one) => isSameCodec(one, opus)) ? andOpus(codecs) : codecs
    const offered = negotiate.offer(this.#sdp, this.#local(wanted, this.#withPorts(others)))
    this.#beforeOffer = this.#sdp
    this.#sdp = offered.state
    return offered.sdp
  }

  /** The peer's answer; once for each branch of a forking peer. */
  accept(sdp: string, signalling: string): SdpFault | null {
    const agreed = negotiate.accept(this.#sdp, sdp, signalling)
    if (negotiate.isFault(agreed)) return agreed
    if (sdp !== this.#heard || !this.remote) this.#take(agreed, sdp, signalling)
    return null
  }

  offerRefused(): void {
    if (this.#beforeOffer) this.#sdp = negotiate.refused(this.#beforeOffer, this.#sdp)
    this.#beforeOffer = null
  }

  /** Our answer to the peer's offer. `others`: lines of the leg that this one is joined to; of the rest none is taken. */
  answer(
    sdp: string,
    codecs: readonly Codec[],
    signalling: string,
    others: readonly OtherMedia[] = [],
  ): string | SdpFault {
    const view = negotiate.readOffer(sdp)
    if (negotiate.isFault(view)) return view
    if (view.isSecure) this.#needKeys()
    const wanted = view.others.map(({ kind }) => kind)
    const local = this.#local(
      orOpus(codecs, view.codecs),
      this.#withPorts(others.filter(({ kind }) => wanted.includes(kind))),
    )
    const indexed = local.others.map((one) => {
      const index = view.others.find(({ kind }) => kind === one.media.kind)?.index
      return index === undefined ? one : { ...one, index }
    })
    const agreed = negotiate.answer(this.#sdp, sdp, { ...local, others: indexed }, signalling)
    if (negotiate.isFault(agreed)) return agreed
    this.#take(agreed, sdp, signalling)
    return agreed.sdp
  }

  /** What is played in place of the other leg's sound, until `stop` or its end; the id comes back in `played`. */
  play(source: PlaySource): string {
    this.#plays += 1
    const id = `${this.endpoint}:${this.#plays}`
    this.#playing = { id, type: source.type }
    this.#order({ type: 'play', endpoint: this.endpoint, play: id, source })
    return id
  }

  /** The `played` of what plays now. */
  isPlaying(play: string): boolean {
    return this.#playing?.id === play
  }

  /** Gives what it was. */
  hasPlayed(): PlaySource['type'] | null {
    const type = this.#playing?.type ?? null
    this.#playing = null
    return type
  }

  stop(): void {
    if (this.#playing === null) return
    this.#playing = null
    this.#order({ type: 'stop', endpoint: this.endpoint })
  }

  mute(isMuted: boolean): void {
    this.#order({ type: 'mute', endpoint: this.endpoint, isMuted })
  }

  sendDigit(digit: string, durationMs: number): void {
    this.#order({ type: 'dtmf', endpoint: this.endpoint, digit, durationMs })
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.closeOthers()
    this.#order({ type: 'close', endpoint: this.endpoint })
  }

  /** Whoever it is joined to next does not have them. */
  closeOthers(): void {
    for (const kind of [...this.#others.keys()]) this.closeOther(kind)
  }

  closeOther(kind: string): void {
    const other = this.#others.get(kind)
    if (!other) return
    this.#others.delete(kind)
    this.#opening.delete(other.endpoint)
    this.#order({ type: 'close', endpoint: other.endpoint })
  }

  snapshot(): MediaSnapshot {
    const { security } = this.#parts
    const others = [...this.#others]
    return {
      place: this.#place,
      security,
      sdp: this.#sdp,
      remote: this.remote,
      codecs: this.codecs,
      isHeld: this.isHeld,
      isMadeToWait: this.isMadeToWait,
      plays: this.#plays,
      others,
    }
  }

  #open(endpoint: string, { port, bindAddress: address }: MediaPlace): void {
    this.#opening.add(endpoint)
    this.#order({ type: 'open', endpoint, port, address })
  }

  #take(agreed: negotiate.Agreed, sdp: string, signalling: string): void {
    this.#beforeOffer = null
    this.#heard = sdp
    this.#sdp = agreed.state
    this.codecs = agreed.codecs
    this.isHeld = agreed.isHeld
    if (agreed.remote) {
      this.remote = agreed.remote
      this.#order({ type: 'remote', endpoint: this.endpoint, remote: agreed.remote })
    }
    for (const [kind, other] of [...this.#others]) {
      const line = agreed.others.find((one) => one.kind === kind)
      if (!line) {
        this.closeOther(kind)
        continue
      }
      this.#others.set(kind, { ...other, line })
      this.#order({ type: 'remote', endpoint: other.endpoint, remote: negotiate.opaqueRemote(line, signalling) })
    }
  }

  #withPorts(lines: readonly OtherMedia[]): { media: OtherMedia; port: number }[] {
    return lines.flatMap((media) => {
      const other = this.#others.get(media.kind)
      return other ? [{ media, port: other.place.port }] : []
    })
  }

  #local(codecs: readonly Codec[], others: negotiate.LocalMedia['others']): negotiate.LocalMedia {
    const { security } = this.#parts
    const { address, port } = this.#place
    const direction = this.isMadeToWait ? 'sendonly' : 'sendrecv'
    return { address, port, direction, codecs, ptimeMs: 20, security, others }
  }

  #needKeys(): void {
    if (this.#sdp.keys.AES_CM_128_HMAC_SHA1_80 === '') this.#sdp = { ...this.#sdp, keys: this.#parts.newKeys() }
  }

  #order(order: MediaOrder): void {
    this.#parts.order(order)
  }
}

/** What to prefer towards one leg, so that the other's sound passes through as it is (T22). */
export const towards = (other: LegMedia): readonly Codec[] =>
  other.codecs.length > 0 ? reachable(other.codecs) : defaultCodecs

/** Each understands what the other sends, or each has a codec that can be transcoded. */
export function canBridge(a: LegMedia, b: LegMedia): boolean {
  const [first] = a.codecs.filter(isSpeech)
  const [second] = b.codecs.filter(isSpeech)
  if (!first || !second || (a.codecs.some(isKnownSpeech) && b.codecs.some(isKnownSpeech))) return true
  return b.codecs.some((one) => isSameCodec(one, first)) && a.codecs.some((one) => isSameCodec(one, second))
}
