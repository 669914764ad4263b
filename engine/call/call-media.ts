/**
 * The sound of a call: what the caller hears before somebody answers, the joining of two legs, hold and its music, and
 * offers that either side makes later (T21, T24). Call logic says who is joined; here it becomes SDP and media orders.
 */
import type { Instant } from '../machine.ts'
import type { PlaySource } from '../rtp/messages.ts'
import { type Codec, commonOutside, reachable } from '../sdp/codec.ts'
import { isFault, type OfferView, readOffer } from '../sdp/negotiate.ts'
import type { OtherMedia } from '../sdp/other.ts'
import type { Attempt } from './attempt.ts'
import type { Call } from './call.ts'
import type { CallLeg } from './call-leg.ts'
import { countryOf, originatorOf } from './caller-id.ts'
import type { Directory } from './directory.ts'
import type { DialTarget, LegEvent } from './leg.ts'
import type { MediaPlace } from './host.ts'
import { canBridge, defaultCodecs, LegMedia, type MediaParts, type MediaSnapshot, towards } from './leg-media.ts'
import type { CallServices } from './services.ts'

/** The peer's new lines (T.38, video) are offered to the other leg before they are answered. */
interface Relay {
  readonly leg: CallLeg
  readonly peer: CallLeg
  readonly sdp: string
  readonly lines: readonly OtherMedia[]
  isSent: boolean
}

/** A port that is another program's is rare; so many in a row are none to be had. */
const mostPorts = 5

export class CallMedia {
  readonly #services: CallServices<Call>
  readonly #directory: Directory
  /** The caller's; null: it wants ours (T21). */
  readonly #offer: string | null
  readonly #view: OfferView | null
  /** What the caller was answered with in a provisional response: the 200 says the same (RFC 3261 §13.2.1). */
  #earlyAnswer: string | null = null
  #isCallerTold = false
  /** Whose early media the caller hears. */
  #heard: CallLeg | null = null
  #relay: Relay | null = null

  constructor(services: CallServices<Call>, directory: Directory, offer: string | null) {
    this.#services = services
    this.#directory = directory
    this.#offer = offer
    const view = offer === null ? null : readOffer(offer)
    this.#view = view && !isFault(view) ? view : null
  }

  openCaller(leg: CallLeg): boolean {
    return this.open(leg, null, relayable(this.#view))
  }

  openCallee({ caller }: Call, leg: CallLeg, attempt: Attempt): boolean {
    return this.open(leg, attempt, caller.isListening ? [] : relayable(this.#view))
  }

  /** False: there is no port. */
  open(leg: CallLeg, attempt: Attempt | null, others: readonly OtherMedia[]): boolean {
    const target = attempt?.dial.to ?? null
    const place = this.#services.host.mediaPlace(leg.id, target, leg.id)
    if (!place) return false
    leg.media = new LegMedia(this.#parts(leg, place, attempt?.security ?? 'none'))
    leg.media.open()
    this.#openOthers(leg, target, others)
    return true
  }

  /** Another port for one that could not be bound. False: it is too late for that, or there is none. */
  openElsewhere(leg: CallLeg): boolean {
    if (!leg.media || leg.media.hasAgreed || leg.media.isOpen || leg.portsTried >= mostPorts) return false
    leg.portsTried += 1
    const place = this.#services.host.mediaPlace(leg.id, null, leg.id)
    if (place) leg.media.openAt(place)
    return place !== null
  }

  /** Of a restored leg (T5, T6). */
  reopen(leg: CallLeg, kept: MediaSnapshot): void {
    leg.media = new LegMedia(this.#parts(leg, kept.place, kept.security), kept)
    leg.media.reopen()
  }

  /** The caller's codecs in their order, and what they can be made of; its video as it is. */
  offerTo(call: Call, media: LegMedia, isByTrunk: boolean): string {
    const { caller } = call
    const codecs = this.#codecsForCallee(call)
    return media.offer(isByTrunk ? commonOutside(codecs) : codecs, caller.isListening ? [] : relayable(this.#view))
  }

  #codecsForCallee({ caller }: Call): readonly Codec[] {
    if (caller.media && caller.media.codecs.length > 0) return towards(caller.media)
    return this.#view ? reachable(this.#view.codecs) : defaultCodecs
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
    if (!leg.media || !this.#early(call, leg.media)) return this.ringing(call)
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
    this.#relay = null
    leg.media?.stop()
    leg.media?.closeOthers()
    this.#services.emit({ type: 'media', order: { type: 'unbridge', endpoint: leg.id } })
  }

  /** Makes the caller listen to that leg before it is answered; false: it gave us no offer to answer. */
  #early({ caller }: Call, media: LegMedia): boolean {
    if (caller.isListening) return true
    if (this.#offer === null || !caller.media) return false
    const answer = caller.media.answer(this.#offer, towards(media), this.#signalling(caller), media.lines)
    if (typeof answer !== 'string') return false
    this.#earlyAnswer = answer
    this.#isCallerTold = true
    this.#services.emit({ type: 'leg', command: { type: 'progress', leg: caller.id, status: 183, sdp: answer } })
    return true
  }

  /** The SDP of the 200; null: there is no codec in common. Without a callee it is us whom the caller hears. */
  answerCaller({ caller, callee }: Call): string | null {
    if (this.#earlyAnswer !== null) return this.#earlyAnswer
    if (!caller.media) return null
    const codecs = callee?.media ? towards(callee.media) : defaultCodecs
    if (this.#offer === null) return caller.media.offer(codecs)
    const answer = caller.media.answer(this.#offer, codecs, this.#signalling(caller), callee?.media?.lines)
    return typeof answer === 'string' ? answer : null
  }

  /** The SDP for a leg that comes in the place of another; null: there is no codec in common. */
  answerNew(call: Call, leg: CallLeg, offer: string | null, peer: CallLeg | null): string | null {
    if (!leg.media) return null
    const codecs = peer?.media ? towards(peer.media) : this.#codecsForCallee(call)
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
    const peer = call.peerOf(leg)
    if (sdp === null) return this.#answerWithOffer(leg, peer)
    const view = readOffer(sdp)
    const added = isFault(view) || !peer ? [] : relayable(view).filter(({ kind }) => !isRelayed(kind, leg, peer))
    if (peer && added.length > 0) this.#relayOffer(call, { leg, peer, sdp, lines: added, isSent: false })
    else this.#answerOffer(now, call, leg, sdp)
  }

  /** Of an offer of ours. */
  answered(now: Instant, call: Call, leg: CallLeg, event: Extract<LegEvent, { type: 'offer_result' }>): void {
    const { media } = leg
    if (!media) return
    const wasHeld = leg.isHeld
    const isTaken = event.status < 300 && event.sdp !== null && media.accept(event.sdp, this.#signalling(leg)) === null
    if (!isTaken) media.offerRefused()
    const relay = this.#relay
    if (relay?.isSent && relay.peer === leg) {
      this.#relay = null
      if (!isTaken) for (const { kind } of relay.lines) media.closeOther(kind)
      this.#answerOffer(now, call, relay.leg, relay.sdp)
    } else if (isTaken) {
      this.#changed(now, call, leg, wasHeld)
    }
  }

  /** A port is open: what waited for it may go on. */
  opened(call: Call): void {
    const relay = this.#relay
    if (!relay || relay.isSent || call.peerOf(relay.leg) !== relay.peer) return
    const { leg, peer } = relay
    if (!leg.media?.isOpen || !peer.media?.isOpen) return
    relay.isSent = true
    const sdp = peer.media.offer(towards(leg.media), [...leg.media.lines, ...relay.lines])
    this.#services.emit({ type: 'leg', command: { type: 'offer', leg: peer.id, sdp } })
  }

  #relayOffer(call: Call, relay: Relay): void {
    this.#relay = relay
    this.#openOthers(relay.leg, null, relay.lines)
    this.#openOthers(relay.peer, null, relay.lines)
    this.opened(call)
  }

  #answerWithOffer(leg: CallLeg, peer: CallLeg | null): void {
    const codecs = peer?.media ? towards(peer.media) : defaultCodecs
    const sdp = leg.media?.offer(codecs, peer?.media?.lines)
    if (sdp !== undefined) this.#services.emit({ type: 'leg', command: { type: 'answer_offer', leg: leg.id, sdp } })
  }

  #answerOffer(now: Instant, call: Call, leg: CallLeg, sdp: string): void {
    const { emit } = this.#services
    const peer = call.peerOf(leg)
    const codecs = peer?.media ? towards(peer.media) : defaultCodecs
    const wasHeld = leg.isHeld
    const answer = leg.media?.answer(sdp, codecs, this.#signalling(leg), peer?.media?.lines)
    if (typeof answer !== 'string') {
      return emit({ type: 'leg', command: { type: 'reject_offer', leg: leg.id, status: 488 } })
    }
    emit({ type: 'leg', command: { type: 'answer_offer', leg: leg.id, sdp: answer } })
    if (peer) this.#bridgeOthers(leg, peer)
    this.#changed(now, call, leg, wasHeld)
  }

  #openOthers(leg: CallLeg, target: DialTarget | null, lines: readonly OtherMedia[]): void {
    for (const { kind } of lines) {
      if (!leg.media || leg.media.other(kind)) continue
      const endpoint = `${leg.id}.${kind}`
      const place = this.#services.host.mediaPlace(leg.id, target, endpoint)
      if (place) leg.media.openOther(kind, endpoint, place)
    }
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
    const path = media?.path ?? this.#services.host.prompt('music_on_hold', account.language)
    return path === null ? { type: 'silence' } : { type: 'file', path, repeat: true }
  }

  /** The second of two that cannot talk as they are, or has lines that the first gave up, is offered what the first has. */
  #adapt(leg: CallLeg, peer: CallLeg): void {
    if (!leg.media || !peer.media?.hasAgreed) return
    const kinds = leg.media.lines.map(({ kind }) => kind)
    const isTooMuch = peer.media.lines.some(({ kind }) => !kinds.includes(kind))
    if (!isTooMuch && canBridge(leg.media, peer.media)) return
    const sdp = peer.media.offer(towards(leg.media), leg.media.lines)
    this.#services.emit({ type: 'leg', command: { type: 'offer', leg: peer.id, sdp } })
  }

  #bridge(a: CallLeg, b: CallLeg): void {
    this.#services.emit({ type: 'media', order: { type: 'bridge', a: a.id, b: b.id } })
    this.#bridgeOthers(a, b)
  }

  #bridgeOthers(a: CallLeg, b: CallLeg): void {
    for (const { kind } of a.media?.lines ?? []) {
      const [first, second] = [a.media?.other(kind), b.media?.other(kind)]
      if (!first || !second?.line) continue
      this.#services.emit({ type: 'media', order: { type: 'bridge', a: first.endpoint, b: second.endpoint } })
    }
  }

  /** Of the country that the listener's phone is in. */
  #tone(leg: CallLeg): void {
    const country = countryOf(this.#directory, originatorOf(this.#directory, leg.party))
    leg.media?.play({ type: 'tone', tone: 'ringback', country })
  }

  #signalling(leg: CallLeg): string {
    return this.#services.host.signallingAddress(leg.id)
  }
}

/** Video and T.38 over UDP: the first of each. */
const relayable = (view: OfferView | null): OtherMedia[] =>
  (view?.others ?? []).filter(
    ({ kind, protocol }, index, all) =>
      /^(video|image)$/.test(kind) && !/^TCP/i.test(protocol) && all.findIndex((one) => one.kind === kind) === index,
  )

const isRelayed = (kind: string, a: CallLeg, b: CallLeg): boolean =>
  Boolean(a.media?.other(kind)?.line && b.media?.other(kind)?.line)

/** An exchange behind a trunk that only sends plays music of its own. */
const sendsItsOwn = ({ facts, media }: CallLeg): boolean => facts.isOutside && media?.remote?.direction === 'recvonly'
