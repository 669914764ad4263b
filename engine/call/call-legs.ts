/**
 * The legs of one call: what a new one takes (a place in limits, a port, an INVITE when it may leave) and what a finished
 * one gives back. It knows nothing of why.
 *
 * Invariant: an INVITE leaves when the start of the call is durable (T2) and the port that it names is open; whatever a
 * leg holds is let go once; a leg's row is written when its media has told the last of it.
 */
import type { Instant } from '../machine.ts'
import type { MediaQuality } from '../rtp/messages.ts'
import type { Codec } from '../sdp/codec.ts'
import { Alarm } from './alarm.ts'
import type { Attempt } from './attempt.ts'
import type { Call } from './call.ts'
import { CallLeg, type LegLast } from './call-leg.ts'
import type { LegId, SipReason } from './leg.ts'
import { congestion, mediaFailed, type Outcome, refusal } from './outcome.ts'
import type { LegEventType } from './records.ts'
import type { CallServices } from './services.ts'
import type { RingTarget } from './targets.ts'

/** An endpoint has the id of its leg; those of video and T.38 have their kind behind it. */
export const legOf = (endpoint: string): LegId => endpoint.split('.', 1)[0] ?? endpoint

/** For a worker that is just being replaced (T6). */
const openMediaMs = 4000

export class CallLegs {
  readonly #call: Call
  readonly #services: CallServices<Call>
  readonly #maxForwards: number
  readonly #live = new Map<LegId, CallLeg>()
  /** Waiting for their media, or for the first write. */
  readonly #undialled = new Map<CallLeg, Attempt & { readonly codecs: readonly Codec[] | null }>()
  /** Over, but for the last report of their media. */
  readonly #closing = new Map<LegId, CallLeg>()
  readonly #openTimeout: Alarm
  #isStartDurable = false

  constructor(call: Call, maxForwards: number) {
    this.#call = call
    this.#services = call.services
    this.#maxForwards = maxForwards
    this.#openTimeout = new Alarm(call.services.timers, (now) => this.#openTooLate(now))
  }

  get(id: LegId): CallLeg | undefined {
    return this.#live.get(id)
  }

  /** Live, or with media that is not closed yet. */
  ofEndpoint(endpoint: string): CallLeg | undefined {
    const id = legOf(endpoint)
    return this.#live.get(id) ?? this.#closing.get(id)
  }

  get live(): CallLeg[] {
    return [...this.#live.values()]
  }

  get isClosing(): boolean {
    return this.#closing.size > 0
  }

  /** A leg that is there already: of an incoming INVITE, from a snapshot, or from another call. */
  take(leg: CallLeg): void {
    this.#live.set(leg.id, leg)
    this.#services.own(leg.id, this.#call)
    this.#services.use(leg)
  }

  /** A new leg on its way to be dialled, offered those codecs or the caller's; or why there is none. */
  dial(now: Instant, target: RingTarget, attempt: Attempt, codecs: readonly Codec[] | null = null): CallLeg | Outcome {
    const { limits, host } = this.#services
    this.#makeRoom(now, target, attempt)
    if (target.isOutside && !target.isEmergency && this.#isHourUsedUp(now)) return refusal('hour_used_up')
    const full = limits.acquire(attempt.limits, target.isEmergency)
    if (full) return full.key.startsWith('trunk:') ? congestion : refusal('too_many_calls')
    const { isOutside, isEmergency, isForwarded, billed } = target
    const leg = new CallLeg(
      {
        id: host.newLegId(),
        role: target.role ?? 'callee',
        isOutside,
        isEmergency,
        isForwarded,
        billed,
        startedAt: now,
      },
      attempt.party,
    )
    leg.limits = attempt.limits
    if (!this.#call.media.openCallee(this.#call, leg, attempt)) {
      limits.release(attempt.limits)
      return mediaFailed
    }
    this.take(leg)
    this.#undialled.set(leg, { ...attempt, codecs })
    if (this.#openTimeout.place < 0) this.#openTimeout.set(now + openMediaMs)
    return leg
  }

  /** `call.started` is durable (T2). */
  started(now: Instant): void {
    this.#isStartDurable = true
    for (const leg of [...this.#undialled.keys()]) this.#dialIfReady(now, leg)
  }

  /** Its phone rings, or what a carrier plays meanwhile is heard. */
  rang(now: Instant, leg: CallLeg): void {
    if (leg.ringingAt !== null) return
    leg.ringingAt = now
    this.#tell('leg.ringing', now, leg)
  }

  /** It was answered, and no event of the call says so. */
  answered(now: Instant, leg: CallLeg): void {
    if (leg.isAnswerTold) return
    leg.isAnswerTold = true
    this.#services.lineChanged(leg)
    this.#tell('leg.answered', now, leg)
  }

  /** It goes on here, with all that it holds. */
  move(now: Instant, leg: CallLeg, from: Call): void {
    from.legs.#give(leg)
    this.take(leg)
    this.#services.write(this.#call.id, [this.#call.ledger.legEvent('leg.moved', now, leg, from.id)])
  }

  opened(now: Instant, leg: CallLeg, endpoint: string): void {
    leg.media?.opened(endpoint)
    this.#dialIfReady(now, leg)
  }

  drop(now: Instant, leg: CallLeg, reason: SipReason | null): void {
    if (leg.isOver) return
    const hasLeft = !this.#undialled.delete(leg)
    if (hasLeft) this.#call.command({ type: 'hangup', leg: leg.id, reason })
    leg.dropped(reason, hasLeft, this.#call.isGivenUp)
    this.release(now, leg)
    this.#call.media.settle(now, this.#call, leg)
  }

  /** By the peer's doing, or since nothing came. */
  left(now: Instant, leg: CallLeg, event: LegLast): void {
    leg.left(event)
    this.release(now, leg)
  }

  /** No event of the leg changes anything from now on. */
  release(now: Instant, leg: CallLeg): void {
    if (leg.isOver) return
    const services = this.#services
    const { accountId } = this.#call.ledger.facts
    leg.state = 'over'
    leg.endedAt = now
    this.#live.delete(leg.id)
    this.#undialled.delete(leg)
    services.disown(leg.id)
    services.limits.release(leg.limits)
    services.limits.stopSpending(accountId, leg.id, now)
    services.unuse(leg)
    if (leg.media) {
      leg.media.close()
      this.#closing.set(leg.id, leg)
    } else {
      this.#write(leg, now)
    }
    this.#tell('leg.ended', now, leg)
  }

  closed(now: Instant, leg: CallLeg, quality: MediaQuality | null): void {
    if (!this.#closing.delete(leg.id)) return
    leg.quality = quality
    this.#write(leg, now)
    // What was written before has the leg as one that is there, and not its row.
    this.#call.keepSnapshot()
  }

  /** What has not closed by now is not waited for. */
  closeAll(now: Instant): void {
    this.#openTimeout.cancel()
    for (const leg of [...this.#closing.values()]) this.closed(now, leg, null)
  }

  #give(leg: CallLeg): void {
    this.#live.delete(leg.id)
    this.#services.unuse(leg)
  }

  #tell(event: LegEventType, now: Instant, leg: CallLeg): void {
    this.#services.write(this.#call.id, [this.#call.ledger.legEvent(event, now, leg)])
  }

  #write(leg: CallLeg, now: Instant): void {
    this.#services.forgetEndpoint(leg.id)
    this.#call.ledger.close(leg, now)
  }

  #dialIfReady(now: Instant, leg: CallLeg): void {
    const attempt = this.#undialled.get(leg)
    if (!attempt || !this.#isStartDurable || !leg.media?.isOpen) return
    this.#undialled.delete(leg)
    if (this.#undialled.size === 0) this.#openTimeout.cancel()
    leg.state = 'dialling'
    const sdp = this.#call.media.offerTo(this.#call, leg.media, leg.party.trunkId !== null, attempt.codecs)
    // RFC 3261 §16.6: what a call has left of hops, an INVITE of ours has one less of.
    const maxForwards = Math.max(0, Math.min(this.#maxForwards, 70) - 1)
    this.#call.command({ type: 'dial', leg: leg.id, ...attempt.dial, sdp, maxForwards })
    this.#call.dialled(now, leg)
  }

  /** T18: an emergency call takes the place of another on a full trunk. */
  #makeRoom(now: Instant, { isEmergency }: RingTarget, { limits, party }: Attempt): void {
    if (!isEmergency || party.trunkId === null) return
    const trunk = limits.find(({ key }) => key === `trunk:${party.trunkId}`)
    if (!trunk || trunk.max === null || this.#services.limits.count(trunk.key) < trunk.max) return
    this.#services.preempt(now, party.trunkId, this.#call)
  }

  /** T31; forwards and transfers count. */
  #isHourUsedUp(now: Instant): boolean {
    const { account } = this.#call.directory
    const { maxOutsideMinutesPerHour } = account.limits
    if (maxOutsideMinutesPerHour === null) return false
    return this.#services.limits.spentMs(account.id, now) >= maxOutsideMinutesPerHour * 60_000
  }

  #openTooLate(now: Instant): void {
    for (const leg of [...this.#undialled.keys()]) {
      if (!leg.media?.isOpen) this.#call.mediaFailed(now, leg)
    }
  }
}
