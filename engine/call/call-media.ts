/**
 * The sound of a call: what the caller hears before somebody answers, the joining of two legs, hold and its music, and
 * offers that either side makes later (T21, T24). Call logic says who is joined; here it becomes SDP and media orders.
 */
import type { Instant } from '../machine.ts'
import type { PlaySource } from '../rtp/messages.ts'
import { type Codec, commonOutside, isKnownSpeech, isSpeech, pcma, pcmu, reachable, opus } from '../sdp/codec.ts'
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
import type { Party } from './party.ts'
import type { CallServices } from './services.ts'

/** The peer's new lines (T.38, video) are offered to the other leg before they are answered. */
interface Relay {
  readonly leg: CallLeg
  readonly peer: CallLeg
  readonly sdp: string
  readonly lines: readonly OtherMedia[]
  isSent: boolean
}

/** Somebody who is offered to listen only, or to talk again. */
interface Hold {
  readonly holder: CallLeg
  readonly other: CallLeg
  readonly isOn: boolean
  readonly failed: (now: Instant, reason: string) => void
}

/** Legs that were offered codecs which we can decode, and what is to happen when all have answered. */
interface Recoding {
  readonly waiting: Set<CallLeg>
  /** Who stayed with another. */
  refusing: CallLeg | null
  readonly then: (now: Instant, refusing: CallLeg | null) => void
}

/** A port that is another program's is rare; so many in a row are none to be had. */
const mostPorts = 5

export class CallMedia {
  #hold: Hold | null = null
  readonly #services: CallServices<Call>
  readonly #directory: () => Directory
  /** The caller's; null: it wants ours (T21). */
  readonly #offer: string | null
  readonly #view: OfferView | null
  /** What the caller was answered with in a provisional response: the 200 says the same (RFC 3261 §13.2.1). */
  #earlyAnswer: string | null = null
  #isCallerTold = false
  /** Whose early media the caller hears. */
  #heard: CallLeg | null = null
  #relay: Relay | null = null
  #recodings: readonly Recoding[] = []

  constructor(services: CallServices<Call>, directory: () => Directory, offer: string | null) {
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
  offerTo(call: Call, media: LegMedia, isByTrunk: boolean, wanted: readonly Codec[] | null): string {
    const { caller } = call
    const codecs = wanted ?? this.#plain(call, this.#codecsForCallee(call))
    const hasLines = wanted === null && !caller.isListening
    return media.offer(isByTrunk ? commonOutside(codecs) : codecs, hasLines ? relayable(this.#view) : [])
  }

  /** What somebody is offered who is to talk to that leg. */
  codecsTowards(call: Call, leg: CallLeg | null): readonly Codec[] {
    if (!leg?.media) return call.floor.needsSpeech ? speech : defaultCodecs
    return this.#plain(call, towards(leg.media))
  }

  /** What of it can be mixed and recorded, where it has to be. */
  #plain(call: Call, codecs: readonly Codec[]): readonly Codec[] {
    if (!call.floor.needsSpeech) return codecs
    const plain = codecs.filter((one) => !isSpeech(one) || isKnownSpeech(one))
    return plain.some(isKnownSpeech) ? plain : speech
  }

  /**
   * Legs whose sound we cannot decode are offered what we can; `then` comes at once when there are none, with who stayed
   * with its codec otherwise.
   */
  toSpeech(legs: readonly CallLeg[], now: Instant, then: Recoding['then']): void {
    const others = legs.filter(({ media }) => !canDecode(media))
    if (others.length === 0) return then(now, null)
    this.#recodings = [...this.#recodings, { waiting: new Set(others), refusing: null, then }]
    for (const leg of others) {
      const sdp = leg.media?.offer(speech, leg.media.lines)
      if (sdp !== undefined) this.#services.emit({ type: 'leg', command: { type: 'offer', leg: leg.id, sdp } })
    }
  }

  /** It has answered our offer, or is gone. */
  #recoded(now: Instant, leg: CallLeg): void {
    for (const recoding of this.#recodings) {
      if (!recoding.waiting.delete(leg)) continue
      if (!leg.isOver && !canDecode(leg.media)) recoding.refusing ??= leg
      if (recoding.waiting.size > 0) continue
      this.#recodings = this.#recodings.filter((one) => one !== recoding)
      recoding.then(now, recoding.refusing)
    }
  }

  #codecsForCallee({ caller }: Call): readonly Codec[] {
    if (caller.media && caller.media.codecs.length > 0) return towards(caller.media)
    return this.#view ? reachable(this.#view.codecs) : defaultCodecs
  }

  /** Somebody's phone rings: the caller's phone makes the sound, or we do where it listens to us already. */
  ringing({ caller }: Call): void {
    if (caller.isListening) {
      if (!this.#heard?.isLive && !caller.media?.isBusy) this.ringback(caller)
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
    this.bridge(call.caller, leg)
  }

  /** A caller that takes another's place while it rings hears what the other heard. */
  waits(call: Call): void {
    if (this.#heard?.isLive) this.bridge(call.caller, this.#heard)
    else if (call.ledger.hasRung) this.ringing(call)
  }

  /** It is over: what waits for its answer to an offer waits no more. */
  settle(now: Instant, call: Call, leg: CallLeg): void {
    this.#recoded(now, leg)
    if (this.#hold && [this.#hold.holder, this.#hold.other].includes(leg)) this.#held(now, call, this.#hold, true)
  }

  /** A branch that the caller heard has failed: whoever still rings is heard as ringing. */
  left(now: Instant, call: Call, leg: CallLeg): void {
    this.settle(now, call, leg)
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

  /** It talks to nobody, and hears the music of whoever left it waiting. */
  holdFor(leg: CallLeg, holder: Party): void {
    this.part(leg)
    leg.media?.play(this.#musicOf(holder))
  }

  /**
   * What was played to it has ended. Music ends only where it cannot be read: then it is silence, which ends only where the
   * leg has no codec that we speak, and there it ends each time.
   */
  played(call: Call, leg: CallLeg): void {
    if (leg.media?.hasPlayed() === 'silence') return
    const peer = call.peerOf(leg)
    if (peer?.isHeld && !leg.isHeld && !sendsItsOwn(peer)) leg.media?.play({ type: 'silence' })
  }

  /** By a command; false: another is on its way. */
  hold(call: Call, hold: Hold): boolean {
    const { holder, other, isOn } = hold
    if (this.#hold || !other.media) return false
    this.#hold = hold
    other.media.isMadeToWait = isOn
    this.#offerAgain(call, other, holder)
    return true
  }

  #held(now: Instant, call: Call, { holder, other, isOn, failed }: Hold, isTaken: boolean): void {
    this.#hold = null
    const isStill = !holder.isOver && !other.isOver && call.peerOf(holder) === other
    if (!isTaken && other.media) other.media.isMadeToWait = !isOn
    if (!isTaken || !isStill)
      return failed(now, isTaken ? 'The call went on without it.' : 'The other side refused it.')
    const wasHeld = holder.isHeld
    holder.holding = isOn ? other.id : null
    this.#changed(now, call, holder, wasHeld)
  }

  /** Whoever talks to somebody else now holds nobody, and who was held may talk. True: it was told so. */
  #release(call: Call, leg: CallLeg, other: CallLeg): boolean {
    if (leg.holding !== other.id) leg.holding = null
    if (!other.media?.isMadeToWait || leg.holding !== null) return false
    other.media.isMadeToWait = false
    this.#offerAgain(call, other, leg)
    return true
  }

  /** To more than one other: it holds nobody by a command, and nobody makes it wait. */
  letTalk(call: Call, leg: CallLeg): void {
    leg.holding = null
    if (!leg.media?.isMadeToWait) return
    leg.media.isMadeToWait = false
    const sdp = leg.media.offer(this.codecsTowards(call, null), leg.media.lines)
    this.#services.emit({ type: 'leg', command: { type: 'offer', leg: leg.id, sdp } })
  }

  /** What `leg` can be sent and understands, as far as its peer does. */
  #offerAgain(call: Call, leg: CallLeg, peer: CallLeg): void {
    const sdp = leg.media?.offer(this.codecsTowards(call, peer), peer.media?.lines)
    if (sdp !== undefined) this.#services.emit({ type: 'leg', command: { type: 'offer', leg: leg.id, sdp } })
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

  join(now: Instant, call: Call): void {
    const { talking } = call.floor
    this.#heard = null
    for (const leg of talking) leg.media?.stop()
    call.floor.arrange(now)
    const [a, b, third] = talking
    if (third) for (const leg of talking) this.letTalk(call, leg)
    call.ledger.isHeld = talking.some(({ isHeld }) => isHeld)
    if (!a || !b || third) return
    const [isOffered] = [this.#release(call, a, b), this.#release(call, b, a)]
    call.ledger.isHeld = a.isHeld || b.isHeld
    this.#music(a, b)
    if (!isOffered) this.#adapt(call, a, b)
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
    if (sdp === null) return this.#answerWithOffer(call, leg, peer)
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
    if (this.#hold?.other === leg) return this.#held(now, call, this.#hold, isTaken)
    const relay = this.#relay
    if (relay?.isSent && relay.peer === leg) {
      this.#relay = null
      if (!isTaken) for (const { kind } of relay.lines) media.closeOther(kind)
      this.#answerOffer(now, call, relay.leg, relay.sdp)
    } else if (isTaken) {
      this.#changed(now, call, leg, wasHeld)
    }
    this.#recoded(now, leg)
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

  #answerWithOffer(call: Call, leg: CallLeg, peer: CallLeg | null): void {
    const codecs = this.codecsTowards(call, peer)
    const sdp = leg.media?.offer(codecs, peer?.media?.lines)
    if (sdp !== undefined) this.#services.emit({ type: 'leg', command: { type: 'answer_offer', leg: leg.id, sdp } })
  }

  #answerOffer(now: Instant, call: Call, leg: CallLeg, sdp: string): void {
    const { emit } = this.#services
    const peer = call.peerOf(leg)
    const codecs = this.codecsTowards(call, peer)
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
      isPhone: leg.party.trunkId === null,
      sessionId: host.newSdpSessionId(),
      order: (order) => emit({ type: 'media', order }),
      newKeys: () => host.newSrtpKeys(),
    }
  }

  #changed(now: Instant, call: Call, leg: CallLeg, wasHeld: boolean): void {
    const peer = call.peerOf(leg)
    if (!peer) return
    if (leg.isHeld !== wasHeld) {
      call.ledger.isHeld = leg.isHeld || peer.isHeld
      const event = leg.isHeld ? 'call.held' : 'call.resumed'
      this.#services.write(call.id, [call.ledger.event(event, now, leg)])
    } else {
      this.#adapt(call, leg, peer)
    }
    this.#music(leg, peer)
    call.writeSnapshot()
  }

  /** Whoever is held hears music; two that hold each other hear nothing. */
  #music(a: CallLeg, b: CallLeg): void {
    for (const [holder, other] of [
      [a, b],
      [b, a],
    ] as const) {
      if (!holder.isHeld || other.isHeld || sendsItsOwn(holder)) other.media?.stop()
      else if (!other.media?.isBusy) other.media?.play(this.#musicOf(holder.party))
    }
  }

  #musicOf(party: Party): PlaySource {
    const { users, devices, medias, account } = this.#directory()
    const device = devices.get(party.deviceId ?? '')
    const user = users.get(party.userId ?? '')
    const id = device?.musicOnHoldId ?? user?.musicOnHoldId ?? account.musicOnHoldId
    const media = id === null ? undefined : medias.get(id)
    const path = media?.path ?? this.#services.host.prompt('music_on_hold', account.language)
    return path === null ? { type: 'silence' } : { type: 'file', path, repeat: true }
  }

  /** The second of two that cannot talk as they are, or has lines that the first gave up, is offered what the first has. */
  #adapt(call: Call, leg: CallLeg, peer: CallLeg): void {
    if (!leg.media || !peer.media?.hasAgreed) return
    const kinds = leg.media.lines.map(({ kind }) => kind)
    const isTooMuch = peer.media.lines.some(({ kind }) => !kinds.includes(kind))
    if (!isTooMuch && canBridge(leg.media, peer.media)) return
    this.#offerAgain(call, peer, leg)
  }

  bridge(a: CallLeg, b: CallLeg): void {
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
  ringback(leg: CallLeg): void {
    const directory = this.#directory()
    const country = countryOf(directory, originatorOf(directory, leg.party))
    leg.media?.play({ type: 'tone', tone: 'ringback', country })
  }

  #signalling(leg: CallLeg): string {
    return this.#services.host.signallingAddress(leg.id)
  }
}

/** What can be mixed and recorded. */
export const speech: readonly Codec[] = [pcma, pcmu, opus]

/** Of what it sends us, as far as it keeps to the first that was agreed. */
const canDecode = (media: LegMedia | null): boolean => {
  const first = media?.codecs.find(isSpeech)
  return first === undefined || isKnownSpeech(first)
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
