/**
 * The sound of a call: what the caller hears before somebody answers, the joining of two legs, hold and its music, and
 * offers that either side makes later (T21, T24). Call logic says who is joined; here it becomes SDP and media orders.
 */
import type { Instant } from '../machine.ts'
import type { PlaySource } from '../rtp/messages.ts'
import type { Codec } from '../sdp/codec.ts'
import type { Attempt } from './attempt.ts'
import type { Call } from './call.ts'
import type { CallLeg } from './call-leg.ts'
import type { Directory } from './directory.ts'
import type { LegEvent } from './leg.ts'
import type { MediaPlace } from './host.ts'
import {
  canBridge,
  defaultCodecs,
  LegMedia,
  type MediaParts,
  type MediaSnapshot,
  offeredCodecs,
  towards,
} from './leg-media.ts'
import type { CallServices } from './services.ts'

export class CallMedia {
  readonly #services: CallServices<Call>
  readonly #directory: Directory
  /** The caller's; null: it wants ours (T21). */
  readonly #offer: string | null
  /** What the caller was answered with in a provisional response: the 200 says the same (RFC 3261 §13.2.1). */
  #earlyAnswer: string | null = null
  #isCallerTold = false
  /** Whose early media the caller hears. */
  #heard: CallLeg | null = null

  constructor(services: CallServices<Call>, directory: Directory, offer: string | null) {
    this.#services = services
    this.#directory = directory
    this.#offer = offer
  }

  /** False: there is no port. */
  open(leg: CallLeg, attempt: Attempt | null): boolean {
    const place = this.#services.host.mediaPlace(leg.id, attempt?.dial.to ?? null)
    if (!place) return false
    leg.media = new LegMedia(this.#parts(leg, place, attempt?.isSecure ? 'optional' : 'none'))
    leg.media.open()
    return true
  }

  /** Of a restored leg (T5, T6). */
  reopen(leg: CallLeg, kept: MediaSnapshot): void {
    leg.media = new LegMedia(this.#parts(leg, kept.place, kept.security), kept)
    leg.media.reopen()
  }

  /** From the caller's codecs in their order, and what they can be made of. */
  codecsForCallee({ caller }: Call): readonly Codec[] {
    if (caller.media && caller.media.codecs.length > 0) return towards(caller.media)
    return (this.#offer === null ? null : offeredCodecs(this.#offer)) ?? defaultCodecs
  }

  /** Somebody's phone rings: the caller's phone makes the sound, or we do where it listens to us already. */
  ringing({ caller }: Call): void {
    if (caller.isListening) {
      if (!this.#heard?.isLive && !caller.media?.isBusy) this.#tone(caller)
    } else if (!this.#isCallerTold) {
      this.#isCallerTold = true
      this.#services.emit({ type: 'leg', command: { type: 'progress', leg: caller.id, status: 180, sdp: null } })
    }
  }

  /** T24: the latest branch with media is what the caller hears. */
  earlyFrom(call: Call, leg: CallLeg): void {
    if (!leg.media || !this.early(call, towards(leg.media))) return this.ringing(call)
    this.#heard = leg
    call.caller.media?.stop()
    this.#bridge(call.caller, leg)
  }

  /** A caller that takes another's place while it rings hears what the other heard. */
  waits(call: Call): void {
    if (this.#heard?.isLive) this.#bridge(call.caller, this.#heard)
    else if (call.ledger.hasRung) this.ringing(call)
  }

  /** A branch that the caller heard has failed: whoever still rings is heard as ringing. */
  left(call: Call, leg: CallLeg): void {
    if (leg !== this.#heard) return
    this.#heard = null
    if (call.isOver) return
    this.part(call.caller)
    if (call.legs.live.some(({ state }) => state === 'ringing')) this.ringing(call)
  }

  /** It is joined to nobody, and hears nothing. */
  part(leg: CallLeg): void {
    leg.media?.stop()
    this.#services.emit({ type: 'media', order: { type: 'unbridge', endpoint: leg.id } })
  }

  /** Makes the caller listen before it is answered; false: it gave us no offer to answer. */
  early({ caller }: Call, codecs: readonly Codec[]): boolean {
    if (caller.isListening) return true
    if (this.#offer === null || !caller.media) return false
    const answer = caller.media.answer(this.#offer, codecs, this.#signalling(caller))
    if (typeof answer !== 'string') return false
    this.#earlyAnswer = answer
    this.#isCallerTold = true
    this.#services.emit({ type: 'leg', command: { type: 'progress', leg: caller.id, status: 183, sdp: answer } })
    return true
  }

  /** The SDP of the 200; null: there is no codec in common. */
  answerCaller({ caller }: Call, codecs: readonly Codec[]): string | null {
    if (this.#earlyAnswer !== null) return this.#earlyAnswer
    if (!caller.media) return null
    if (this.#offer === null) return caller.media.offer(codecs)
    const answer = caller.media.answer(this.#offer, codecs, this.#signalling(caller))
    return typeof answer === 'string' ? answer : null
  }

  /** The SDP for a leg that comes in the place of another; null: there is no codec in common. */
  answerNew(call: Call, leg: CallLeg, offer: string | null, peer: CallLeg | null): string | null {
    if (!leg.media) return null
    const codecs = peer?.media ? towards(peer.media) : this.codecsForCallee(call)
    if (offer === null) return leg.media.offer(codecs)
    const answer = leg.media.answer(offer, codecs, this.#signalling(leg))
    return typeof answer === 'string' ? answer : null
  }

  join(call: Call): void {
    const { caller, callee } = call
    if (!caller.media || !callee?.media) return
    this.#heard = null
    caller.media.stop()
    callee.media.stop()
    call.ledger.isHeld = caller.isHeld || callee.isHeld
    this.#bridge(caller, callee)
    this.#music(call)
    this.#adapt(caller, callee)
  }

  /** The ACK, with the answer to an offer in our 200. */
  acked(now: Instant, call: Call, leg: CallLeg, sdp: string | null): void {
    if (sdp === null || !leg.media) return
    const wasHeld = leg.isHeld
    if (leg.media.accept(sdp, this.#signalling(leg)) === null) this.#changed(now, call, leg, wasHeld)
  }

  /** The peer's re-INVITE or UPDATE; null: it wants an offer of ours. */
  offered(now: Instant, call: Call, leg: CallLeg, sdp: string | null): void {
    const { emit } = this.#services
    const { media } = leg
    const peer = call.peerOf(leg)
    const codecs = peer?.media ? towards(peer.media) : defaultCodecs
    if (!media) return emit({ type: 'leg', command: { type: 'reject_offer', leg: leg.id, status: 488 } })
    if (sdp === null) {
      return emit({ type: 'leg', command: { type: 'answer_offer', leg: leg.id, sdp: media.offer(codecs) } })
    }
    const wasHeld = leg.isHeld
    const answer = media.answer(sdp, codecs, this.#signalling(leg))
    if (typeof answer !== 'string') {
      return emit({ type: 'leg', command: { type: 'reject_offer', leg: leg.id, status: 488 } })
    }
    emit({ type: 'leg', command: { type: 'answer_offer', leg: leg.id, sdp: answer } })
    this.#changed(now, call, leg, wasHeld)
  }

  /** Of an offer of ours. */
  answered(now: Instant, call: Call, leg: CallLeg, event: Extract<LegEvent, { type: 'offer_result' }>): void {
    const { media } = leg
    if (!media) return
    const wasHeld = leg.isHeld
    const isTaken = event.status < 300 && event.sdp !== null && media.accept(event.sdp, this.#signalling(leg)) === null
    if (isTaken) this.#changed(now, call, leg, wasHeld)
    else media.offerRefused()
  }

  #parts(leg: CallLeg, place: MediaPlace, security: MediaSnapshot['security']): MediaParts {
    const { host, emit } = this.#services
    return {
      endpoint: leg.id,
      place,
      security,
      sessionId: host.newSdpSessionId(),
      order: (order) => emit({ type: 'media', order }),
      newKeys: () => host.newSrtpKeys(),
    }
  }

  #changed(now: Instant, call: Call, leg: CallLeg, wasHeld: boolean): void {
    const peer = call.peerOf(leg)
    if (!peer) return
    if (leg.isHeld !== wasHeld) {
      call.ledger.isHeld = call.caller.isHeld || (call.callee?.isHeld ?? false)
      const event = leg.isHeld ? 'call.held' : 'call.resumed'
      this.#services.write(call.id, [call.ledger.event(event, now, leg)])
    } else {
      this.#adapt(leg, peer)
    }
    this.#music(call)
    call.writeSnapshot()
  }

  /** Whoever is held hears music; two that hold each other hear nothing. */
  #music({ caller, callee }: Call): void {
    if (!callee) return
    for (const [holder, other] of [
      [caller, callee],
      [callee, caller],
    ] as const) {
      if (!holder.isHeld || other.isHeld || sendsItsOwn(holder)) other.media?.stop()
      else if (!other.media?.isBusy) other.media?.play(this.#musicOf(holder))
    }
  }

  #musicOf({ party }: CallLeg): PlaySource {
    const { users, devices, medias, account } = this.#directory
    const device = devices.get(party.deviceId ?? '')
    const user = users.get(party.userId ?? '')
    const id = device?.musicOnHoldId ?? user?.musicOnHoldId ?? account.musicOnHoldId
    const media = id === null ? undefined : medias.get(id)
    return media ? { type: 'file', path: media.path, repeat: true } : { type: 'silence' }
  }

  /** The second of two that cannot talk as they are is offered what the first has. */
  #adapt(leg: CallLeg, peer: CallLeg): void {
    if (!leg.media || !peer.media?.hasAgreed || canBridge(leg.media, peer.media)) return
    const sdp = peer.media.offer(towards(leg.media))
    this.#services.emit({ type: 'leg', command: { type: 'offer', leg: peer.id, sdp } })
  }

  #bridge(a: CallLeg, b: CallLeg): void {
    this.#services.emit({ type: 'media', order: { type: 'bridge', a: a.id, b: b.id } })
  }

  #tone(leg: CallLeg): void {
    leg.media?.play({ type: 'tone', tone: 'ringback', country: this.#directory.account.country })
  }

  #signalling(leg: CallLeg): string {
    return this.#services.host.signallingAddress(leg.id)
  }
}

/** An exchange behind a trunk that only sends plays music of its own. */
const sendsItsOwn = ({ facts, media }: CallLeg): boolean => facts.isOutside && media?.remote?.direction === 'recvonly'
