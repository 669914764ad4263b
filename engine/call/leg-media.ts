/**
 * The media of one leg: its endpoint at the media worker, and offers and answers with its peer. It turns SDP into media
 * orders; what the other leg wants is said by call logic as a list of codecs.
 *
 * Invariant: no SDP of ours leaves before the worker has opened the port that it names.
 */
import type { Direction, MediaOrder, PlaySource, RemoteMedia } from '../rtp/messages.ts'
import {
  type Codec,
  g722,
  isG711,
  isSameCodec,
  isSpeech,
  type MappedCodec,
  pcma,
  pcmu,
  reachable,
} from '../sdp/codec.ts'
import type { SrtpKeys } from '../sdp/crypto.ts'
import * as negotiate from '../sdp/negotiate.ts'
import type { SdpFault } from '../sdp/sdp.ts'
import type { MediaPlace } from './host.ts'

/** What an INVITE without offer is offered, and a callee whose caller has offered nothing yet (T21). */
export const defaultCodecs: readonly Codec[] = [pcma, pcmu, g722]

export interface MediaParts {
  readonly endpoint: string
  readonly place: MediaPlace
  readonly security: 'none' | 'optional'
  readonly sessionId: string
  readonly order: (order: MediaOrder) => void
  /** Drawn when a leg needs keys for the first time. */
  readonly newKeys: () => SrtpKeys
}

/** The part that a snapshot keeps (T5). */
export interface MediaSnapshot {
  readonly place: MediaPlace
  readonly security: 'none' | 'optional'
  readonly sdp: negotiate.SdpState
  readonly remote: RemoteMedia | null
  readonly codecs: readonly MappedCodec[]
  readonly isHeld: boolean
}

const noKeys: SrtpKeys = { AES_CM_128_HMAC_SHA1_80: '', AES_CM_128_HMAC_SHA1_32: '' }

export class LegMedia {
  readonly endpoint: string
  state: 'opening' | 'open' | 'closed' = 'opening'
  /** Agreed with the peer; empty before the first answer. */
  codecs: readonly MappedCodec[] = []
  remote: RemoteMedia | null = null
  /** The peer does not listen (T21). */
  isHeld = false
  readonly #parts: MediaParts
  #sdp: negotiate.SdpState
  /** What held before our open offer. */
  #beforeOffer: negotiate.SdpState | null = null
  #playing: string | null = null
  #plays = 0

  constructor(parts: MediaParts, kept: MediaSnapshot | null = null) {
    this.#parts = parts
    this.endpoint = parts.endpoint
    this.#sdp = kept?.sdp ?? negotiate.newSdpState(parts.sessionId, noKeys)
    if (kept) {
      this.codecs = kept.codecs
      this.remote = kept.remote
      this.isHeld = kept.isHeld
    }
  }

  get hasAgreed(): boolean {
    return this.remote !== null
  }

  /** Something is played to the peer. */
  get isBusy(): boolean {
    return this.#playing !== null
  }

  open(): void {
    const { port, bindAddress: address } = this.#parts.place
    this.#order({ type: 'open', endpoint: this.endpoint, port, address })
  }

  opened(): void {
    if (this.state === 'opening') this.state = 'open'
  }

  /** Of a restored leg: the worker still has it, or its successor gets it again (T6). */
  reopen(): void {
    this.open()
    this.state = 'open'
    if (this.remote) this.#order({ type: 'remote', endpoint: this.endpoint, remote: this.remote })
  }

  offer(codecs: readonly Codec[], direction: Direction = 'sendrecv'): string {
    const { security } = this.#parts
    if (security !== 'none') this.#needKeys()
    const offered = negotiate.offer(this.#sdp, this.#local(codecs, direction))
    this.#beforeOffer = this.#sdp
    this.#sdp = offered.state
    return offered.sdp
  }

  /** The peer's answer; once for each branch of a forking peer. */
  accept(sdp: string, signalling: string): SdpFault | null {
    const agreed = negotiate.accept(this.#sdp, sdp, signalling)
    if (negotiate.isFault(agreed)) return agreed
    if (agreed.state.remote !== this.#sdp.remote || !this.remote) this.#take(agreed)
    return null
  }

  offerRefused(): void {
    if (this.#beforeOffer) this.#sdp = negotiate.refused(this.#beforeOffer, this.#sdp)
    this.#beforeOffer = null
  }

  /** Our answer to the peer's offer. */
  answer(sdp: string, codecs: readonly Codec[], signalling: string): string | SdpFault {
    const view = negotiate.readOffer(sdp)
    if (negotiate.isFault(view)) return view
    if (view.isSecure) this.#needKeys()
    const agreed = negotiate.answer(this.#sdp, sdp, this.#local(codecs, 'sendrecv'), signalling)
    if (negotiate.isFault(agreed)) return agreed
    this.#take(agreed)
    return agreed.sdp
  }

  /** What is played in place of the other leg's sound, until `stop` or its end; the id comes back in `played`. */
  play(source: PlaySource): string {
    this.#plays += 1
    this.#playing = `${this.endpoint}:${this.#plays}`
    this.#order({ type: 'play', endpoint: this.endpoint, play: this.#playing, source })
    return this.#playing
  }

  /** The `played` of what plays now. */
  isPlaying(play: string): boolean {
    return this.#playing === play
  }

  hasPlayed(): void {
    this.#playing = null
  }

  stop(): void {
    if (this.#playing === null) return
    this.#playing = null
    this.#order({ type: 'stop', endpoint: this.endpoint })
  }

  sendDigit(digit: string, durationMs: number): void {
    this.#order({ type: 'dtmf', endpoint: this.endpoint, digit, durationMs })
  }

  close(): void {
    if (this.state === 'closed') return
    this.state = 'closed'
    this.#order({ type: 'close', endpoint: this.endpoint })
  }

  snapshot(): MediaSnapshot {
    const { place, security } = this.#parts
    return { place, security, sdp: this.#sdp, remote: this.remote, codecs: this.codecs, isHeld: this.isHeld }
  }

  #take(agreed: negotiate.Agreed): void {
    this.#beforeOffer = null
    this.#sdp = agreed.state
    this.codecs = agreed.codecs
    this.isHeld = agreed.isHeld
    if (!agreed.remote) return
    this.remote = agreed.remote
    this.#order({ type: 'remote', endpoint: this.endpoint, remote: agreed.remote })
  }

  #local(codecs: readonly Codec[], direction: Direction): negotiate.LocalMedia {
    const { place, security } = this.#parts
    return { address: place.address, port: place.port, direction, codecs, ptimeMs: 20, security, others: [] }
  }

  #needKeys(): void {
    if (this.#sdp.keys.AES_CM_128_HMAC_SHA1_80 === '') this.#sdp = { ...this.#sdp, keys: this.#parts.newKeys() }
  }

  #order(order: MediaOrder): void {
    this.#parts.order(order)
  }
}

/** The codecs that an offer holds, with what the worker can make of them; null: it is no offer that we understand. */
export function offeredCodecs(sdp: string): readonly Codec[] | null {
  const view = negotiate.readOffer(sdp)
  return negotiate.isFault(view) ? null : reachable(view.codecs)
}

/** What to prefer towards one leg, so that the other's sound passes through as it is (T22). */
export const towards = (other: LegMedia): readonly Codec[] =>
  other.codecs.length > 0 ? reachable(other.codecs) : defaultCodecs

/** Each understands what the other sends, or each has a kind of G.711. */
export function canBridge(a: LegMedia, b: LegMedia): boolean {
  const [first] = a.codecs.filter(isSpeech)
  const [second] = b.codecs.filter(isSpeech)
  if (!first || !second || (a.codecs.some(isG711) && b.codecs.some(isG711))) return true
  return b.codecs.some((one) => isSameCodec(one, first)) && a.codecs.some((one) => isSameCodec(one, second))
}
