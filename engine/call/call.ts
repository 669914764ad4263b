/**
 * One call: a back-to-back agent between the leg of a caller and those of whoever is called. It follows its callflow,
 * rings, joins who answers, and writes what happened.
 *
 *   running --somebody takes it--> answering --call.answered is durable--> connected --a side ends--> ending --> done
 *      `--nobody, cancelled, refused-------------------------------------------------------------------^
 *
 * Invariant: `call.started` is durable before an INVITE leaves, `call.answered` before the caller gets its 200 (T2); one
 * `call.ended` and one CDR, and they are the last that is written (T3).
 */
import type { Instant } from '../machine.ts'
import type { MediaReport } from '../rtp/messages.ts'
import type { Codec } from '../sdp/codec.ts'
import { Alarm } from './alarm.ts'
import type { Attempt } from './attempt.ts'
import { CallLeg, type LegFacts } from './call-leg.ts'
import { FlowRun } from './flow.ts'
import { CallMedia } from './call-media.ts'
import type { Identity, IncomingInvite, LegCommand, LegEvent, LegId, SipReason } from './leg.ts'
import { towards } from './leg-media.ts'
import { type Ending, Ledger } from './ledger.ts'
import { numberOfUri } from './numbers.ts'
import { congestion, hungUp, mediaFailed, notAcceptable, type Outcome, refusal } from './outcome.ts'
import { Ring } from './ring.ts'
import type { RoutedCall } from './routing.ts'
import type { CallServices } from './services.ts'
import { type Billed, type PlanContext, planForward, planNumber, type Ringing, type RingTarget } from './targets.ts'

export type Stage = 'running' | 'answering' | 'connected' | 'ending' | 'done'

/** An outside number rings as long as its carrier lets it. */
const outsideRingMs = 180_000
/** For a worker that is just being replaced (T6). */
const openMediaMs = 4000
/** The last report of a leg's media is worth a moment. */
const closeMediaMs = 500
const nobody: Billed = { userId: null, deviceId: null }
export const normalClearing: SipReason = { protocol: 'Q.850', cause: 16, text: 'Normal call clearing' }
const cancelled: Outcome = { branch: 'failed', status: 487, cause: 'CANCEL', q850: 16, text: 'Request Terminated' }

export class Call {
  readonly services: CallServices<Call>
  readonly routed: RoutedCall
  readonly ledger: Ledger
  readonly media: CallMedia
  readonly legs = new Map<LegId, CallLeg>()
  stage: Stage = 'running'
  /** Whoever waits, and then one of the two that talk. */
  caller: CallLeg
  callee: CallLeg | null = null
  readonly #maxForwards: number
  #flow: FlowRun | null = null
  #ring: Ring | null = null
  /** Waiting for their media, or for the first write. */
  readonly #undialled = new Map<CallLeg, Attempt>()
  /** Over, but for the last report of their media. */
  readonly #closing = new Set<CallLeg>()
  #isStartDurable = false
  #ending: Ending | null = null
  #hasFailedOver = false
  /** After the callee's dialog is known (T5). */
  #whenConfirmed: ((now: Instant) => void) | null = null
  readonly #openTimeout: Alarm
  readonly #closeTimeout: Alarm
  readonly #longest: Alarm

  constructor(
    services: CallServices<Call>,
    parts: { leg: LegId; now: Instant; routed: RoutedCall; invite: IncomingInvite },
  ) {
    const { leg, now, routed, invite } = parts
    this.services = services
    this.routed = routed
    this.#maxForwards = invite.maxForwards
    const isEmergency = routed.destination.type === 'outside' && routed.destination.isEmergency
    const facts: LegFacts = {
      id: leg,
      role: 'caller',
      isOutside: routed.caller.trunkId !== null,
      isEmergency,
      isForwarded: false,
      billed: nobody,
      startedAt: now,
    }
    this.caller = new CallLeg(facts, routed.caller)
    this.ledger = new Ledger({
      id: services.host.newCallId(),
      accountId: routed.directory.account.id,
      direction: routed.direction,
      isEmergency,
      caller: routed.caller,
      callerLeg: leg,
      calledNumber: routed.called.text,
      calledE164: routed.called.e164,
      startedAt: now,
    })
    this.media = new CallMedia(services, routed.directory, invite.sdp)
    this.#openTimeout = new Alarm(services.timers, (at) => this.#openTooLate(at))
    this.#closeTimeout = new Alarm(services.timers, (at) => this.#finish(at))
    this.#longest = new Alarm(services.timers, (at) => this.end(at, { by: 'system', outcome: hungUp }))
    this.#take(this.caller)
  }

  get id(): string {
    return this.ledger.facts.id
  }

  /** RFC 3261 §16.6: what a call has left of hops, an INVITE of ours has one less of. */
  get #hopsLeft(): number {
    return Math.max(0, Math.min(this.#maxForwards, 70) - 1)
  }

  get isOver(): boolean {
    return this.stage === 'ending' || this.stage === 'done'
  }

  begin(now: Instant): void {
    const { destination } = this.routed
    const refused = destination.type === 'refused' ? destination.outcome : this.#limitReached(now)
    this.services.write(this.id, [this.ledger.event('call.started', now, this.caller)], (at) => this.#started(at))
    if (refused) return this.end(now, { by: 'system', outcome: refused })
    if (!this.media.open(this.caller, null)) return this.end(now, { by: 'system', outcome: mediaFailed })
    if (destination.type === 'flow') {
      this.#flow = new FlowRun(this, destination.node, destination.callflow.id, true)
      this.ledger.callflowId = destination.callflow.id
      this.#flow.start(now)
    } else {
      this.#ringOutside(now)
    }
  }

  handleLeg(now: Instant, event: LegEvent): void {
    const leg = this.legs.get(event.leg)
    if (!leg || this.stage === 'done') return
    switch (event.type) {
      case 'progress':
      case 'answered':
        return this.#ring?.handle(now, leg, event)
      case 'failed':
        leg.sipCode = event.status
        leg.q850 = event.q850
        this.release(now, leg)
        return this.#ring?.handle(now, leg, event)
      case 'acked':
        return this.media.acked(now, this, leg, event.sdp)
      case 'cancelled':
        this.release(now, leg)
        return this.end(now, { by: 'caller', outcome: cancelled })
      case 'ended':
        return this.#legEnded(now, leg, event)
      case 'offer':
        return this.media.offered(now, this, leg, event.sdp)
      case 'offer_result':
        return this.media.answered(now, this, leg, event)
      case 'dtmf':
        return this.#digit(now, leg, event.digit, 160, 'info')
      case 'confirmed':
        return this.#confirmed(now, leg, event.snapshot)
    }
  }

  handleMedia(now: Instant, report: MediaReport): void {
    const leg = this.#legOf(report.endpoint)
    if (!leg) return
    switch (report.type) {
      case 'opened':
        leg.media?.opened()
        return this.#dialIfReady(now, leg)
      case 'open_failed':
        return this.#mediaFailed(now, leg)
      case 'dtmf':
        return this.#digit(now, leg, report.digit, report.durationMs, 'media')
      case 'played':
        if (leg.media?.isPlaying(report.play)) this.#played(now, leg)
        return
      case 'timeout':
        if (!leg.isHeld) this.end(now, { by: 'system', outcome: hungUp, q850: 41 })
        return
      case 'closed':
        leg.quality = report.quality
        return this.#closed(now, leg)
    }
  }

  // --- the callflow ---

  planContext(isDirect: boolean): PlanContext {
    const { directory, originator, called, wantsPrivacy } = this.routed
    return {
      directory,
      host: this.services.host,
      isInUse: (deviceId) => this.services.isInUse(deviceId),
      caller: this.caller.party.identity,
      originator,
      calledNumber: called.text,
      wantsPrivacy,
      isDirect,
    }
  }

  ring(now: Instant, plan: Ringing, timeoutMs: number): void {
    this.ledger.callflowId = this.#flow?.callflowId ?? null
    this.#ring = new Ring(this, plan)
    this.#ring.start(now, timeoutMs)
  }

  play(now: Instant, path: string): void {
    this.#answerCaller(now, this.media.ownCodecs, () => {
      this.caller.media?.play({ type: 'file', path, repeat: false })
    })
  }

  flowEnded(now: Instant, outcome: Outcome): void {
    const { directory } = this.routed
    const { failoverNumber } = directory.account
    const mayFailOver = this.routed.direction === 'incoming' && outcome.branch === 'unreachable' && !this.#hasFailedOver
    if (!mayFailOver || failoverNumber === null) return this.end(now, { by: 'system', outcome })
    this.#hasFailedOver = true
    this.#flow = null
    const plan = planForward(this.planContext(false), {
      number: failoverNumber,
      forwarder: this.routed.originator,
      keepsCallerId: true,
      isKeyPressRequired: false,
      reason: 'unconditional',
    })
    this.ring(now, plan.type === 'ring' ? plan : plan.instead, outsideRingMs)
  }

  // --- a round of ringing ---

  get timers() {
    return this.services.timers
  }

  dial(now: Instant, target: RingTarget, attempt: Attempt): CallLeg | Outcome {
    const { limits, host } = this.services
    this.#makeRoom(now, target, attempt)
    const full = limits.acquire(attempt.limits, target.isEmergency)
    if (full) return full.key.startsWith('trunk:') ? congestion : refusal('too_many_calls')
    const { isOutside, isEmergency, isForwarded, billed } = target
    const facts: LegFacts = {
      id: host.newLegId(),
      role: 'callee',
      isOutside,
      isEmergency,
      isForwarded,
      billed,
      startedAt: now,
    }
    const leg = new CallLeg(facts, attempt.party)
    leg.limits = attempt.limits
    if (!this.media.open(leg, attempt)) {
      limits.release(attempt.limits)
      return mediaFailed
    }
    this.#take(leg)
    this.#undialled.set(leg, attempt)
    if (this.#openTimeout.place < 0) this.#openTimeout.set(now + openMediaMs)
    return leg
  }

  drop(now: Instant, leg: CallLeg, reason: SipReason | null): void {
    if (leg.isOver) return
    if (!this.#undialled.delete(leg)) this.command({ type: 'hangup', leg: leg.id, reason })
    this.release(now, leg)
  }

  ringing(now: Instant, leg: CallLeg): void {
    if (!this.ledger.hasRung) {
      this.ledger.hasRung = true
      this.ledger.callee ??= leg.party
      this.services.write(this.id, [this.ledger.event('call.ringing', now, leg)])
    }
    this.media.ringing(this)
  }

  earlyMedia(now: Instant, leg: CallLeg, sdp: string): void {
    if (!this.agree(leg, sdp)) return
    this.ledger.callee ??= leg.party
    this.media.earlyFrom(this, leg)
    void now
  }

  agree(leg: CallLeg, sdp: string | null): boolean {
    if (!leg.media) return false
    if (sdp === null) return leg.media.hasAgreed
    return leg.media.accept(sdp, this.services.host.signallingAddress(leg.id)) === null
  }

  prompt(_now: Instant, leg: CallLeg, language: string): void {
    const path = this.services.host.prompt('forward_press_1', language)
    const { country } = this.routed.directory.account
    leg.media?.play(path === null ? { type: 'tone', tone: 'dial', country } : { type: 'file', path, repeat: false })
  }

  won(now: Instant, leg: CallLeg): void {
    this.#ring = null
    this.callee = leg
    this.ledger.callee = leg.party
    this.ledger.calleeLeg = leg.id
    leg.media?.stop()
    this.caller.media?.stop()
    if (leg.facts.isOutside) this.services.limits.startSpending(this.ledger.facts.accountId, leg.id, now)
    this.stage = 'answering'
    const connect = (at: Instant) => {
      const codecs = leg.media ? towards(leg.media) : this.media.ownCodecs
      if (this.caller.answeredAt !== null) this.#connectAnswered(at)
      else this.#answerCaller(at, codecs, (then) => this.#connect(then))
    }
    // T5: what is written with the answer can bring the callee's dialog back.
    if (leg.dialog !== null) connect(now)
    else this.#whenConfirmed = connect
  }

  lost(now: Instant, outcome: Outcome): void {
    this.#ring = null
    if (this.#flow) this.#flow.ringFailed(now, outcome)
    else this.end(now, { by: 'system', outcome })
  }

  redirected(target: RingTarget, contacts: readonly string[]): Ringing {
    const { directory } = this.routed
    const device = directory.devices.get(target.callee.deviceId ?? '') ?? null
    const number = numberOfUri(contacts[0] ?? '')
    const forwarder = { device, user: device ? (directory.ownerOf(device) ?? null) : null }
    const plan = planForward(this.planContext(false), {
      number,
      forwarder,
      keepsCallerId: true,
      isKeyPressRequired: target.isKeyPressRequired,
      reason: 'deflection',
    })
    return plan.type === 'ring' ? plan : plan.instead
  }

  // --- the end ---

  /** Whatever state it is in. The caller gets what the outcome says, where it was not answered yet. */
  end(now: Instant, ending: Ending): void {
    if (this.isOver) return
    this.stage = 'ending'
    this.#ending = ending
    this.#ring?.cancel(now, null)
    this.#ring = null
    this.#flow = null
    this.#whenConfirmed = null
    this.#openTimeout.cancel()
    this.#longest.cancel()
    const { outcome, q850 } = ending
    const reason: SipReason = { ...normalClearing, cause: q850 ?? 16 }
    for (const leg of [...this.legs.values()]) {
      if (leg === this.caller && leg.answeredAt === null) this.#reject(leg, outcome)
      else if (!this.#undialled.delete(leg)) this.command({ type: 'hangup', leg: leg.id, reason })
      this.release(now, leg)
    }
    if (this.#closing.size === 0) this.#finish(now)
    else this.#closeTimeout.set(now + closeMediaMs)
  }

  /** No event of the leg changes anything from now on. */
  release(now: Instant, leg: CallLeg): void {
    if (leg.isOver) return
    leg.state = 'over'
    leg.endedAt = now
    this.legs.delete(leg.id)
    const { services } = this
    services.disown(leg.id)
    services.limits.release(leg.limits)
    services.limits.stopSpending(this.ledger.facts.accountId, leg.id, now)
    if (leg.party.deviceId !== null) services.use(leg.party.deviceId, -1)
    if (leg.media) {
      leg.media.close()
      this.#closing.add(leg)
    } else {
      services.forgetEndpoint(leg.id)
      this.ledger.close(leg, now)
    }
  }

  command(command: LegCommand): void {
    this.services.emit({ type: 'leg', command })
  }

  /** T5: what the next process needs to go on with the call. */
  writeSnapshot(): void {
    const { id: callId, accountId } = this.ledger.facts
    const text = JSON.stringify(this.snapshot())
    this.services.write(this.id, [{ type: 'snapshot', callId, accountId, text }])
  }

  snapshot() {
    return {
      version: 1,
      ledger: this.ledger.snapshot(),
      legs: [...this.legs.values()].map((leg) => leg.snapshot()),
      caller: this.caller.id,
      callee: this.callee?.id ?? null,
    }
  }

  peerOf(leg: CallLeg): CallLeg | null {
    if (this.stage !== 'connected') return null
    return leg === this.caller ? this.callee : leg === this.callee ? this.caller : null
  }

  #take(leg: CallLeg): void {
    this.legs.set(leg.id, leg)
    this.services.own(leg.id, this)
    if (leg.party.deviceId !== null) this.services.use(leg.party.deviceId, 1)
  }

  #started(now: Instant): void {
    this.#isStartDurable = true
    for (const leg of [...this.#undialled.keys()]) this.#dialIfReady(now, leg)
  }

  #dialIfReady(now: Instant, leg: CallLeg): void {
    const attempt = this.#undialled.get(leg)
    if (!attempt || !this.#isStartDurable || leg.media?.state !== 'open') return
    this.#undialled.delete(leg)
    if (this.#undialled.size === 0) this.#openTimeout.cancel()
    leg.state = 'dialling'
    const sdp = leg.media.offer(this.media.codecsForCallee(this))
    this.command({ type: 'dial', leg: leg.id, ...attempt.dial, sdp, maxForwards: this.#hopsLeft })
    this.#ring?.dialled(now, leg)
  }

  #ringOutside(now: Instant): void {
    const plan = planNumber(this.planContext(false), this.routed.called)
    this.ring(now, plan.type === 'ring' ? plan : plan.instead, outsideRingMs)
  }

  #limitReached(now: Instant): Outcome | null {
    const { routed, services } = this
    const { account } = routed.directory
    if (this.#maxForwards <= 0) return refusal('too_many_hops')
    const { maxNumberSimCalls, maxNumberIncomingCalls, maxOutsideMinutesPerHour } = account.limits
    const limits = [{ key: `sim:${account.id}`, max: maxNumberSimCalls }]
    if (routed.direction === 'incoming') limits.push({ key: `in:${account.id}`, max: maxNumberIncomingCalls })
    const { isEmergency } = this.ledger.facts
    if (routed.destination.type === 'outside' && maxOutsideMinutesPerHour !== null && !isEmergency) {
      const isUsedUp = services.limits.spentMs(account.id, now) >= maxOutsideMinutesPerHour * 60_000
      if (isUsedUp) return refusal('hour_used_up')
    }
    if (services.limits.acquire(limits, isEmergency)) {
      return refusal(routed.direction === 'incoming' ? 'too_many_calls_in' : 'too_many_calls')
    }
    this.caller.limits = limits
    return null
  }

  /** T18: an emergency call takes the place of another on a full trunk. */
  #makeRoom(now: Instant, { isEmergency }: RingTarget, { limits, party }: Attempt): void {
    if (!isEmergency || party.trunkId === null) return
    const trunk = limits.find(({ key }) => key === `trunk:${party.trunkId}`)
    if (!trunk || trunk.max === null || this.services.limits.count(trunk.key) < trunk.max) return
    this.services.preempt(now, party.trunkId)
  }

  #answerCaller(now: Instant, codecs: readonly Codec[], then: (now: Instant) => void): void {
    const { caller, ledger } = this
    if (caller.answeredAt !== null) return then(now)
    const sdp = this.media.answerCaller(this, codecs)
    if (sdp === null) return this.end(now, { by: 'system', outcome: notAcceptable })
    ledger.answeredAt = now
    const { id: callId, accountId } = ledger.facts
    const records = [ledger.event('call.answered', now, this.callee)]
    const text = JSON.stringify(this.snapshot())
    this.services.write(callId, [...records, { type: 'snapshot', callId, accountId, text }], (at) => {
      if (this.isOver) return
      caller.answeredAt = at
      caller.state = 'answered'
      const identity = this.#connectedIdentity()
      // The media is joined before the caller can say its first word.
      then(at)
      this.command({ type: 'answer', leg: caller.id, sdp, ...(identity ? { identity } : {}) })
    })
  }

  /** Our phones are shown who answered; a carrier is not (T19). */
  #connectedIdentity(): Identity | null {
    return this.caller.facts.isOutside ? null : (this.callee?.party.identity ?? null)
  }

  #connect(now: Instant): void {
    this.stage = 'connected'
    this.#flow = null
    this.media.join(this)
    const { maxCallSeconds } = this.routed.directory.account.limits
    if (maxCallSeconds !== null && !this.ledger.facts.isEmergency) this.#longest.set(now + maxCallSeconds * 1000)
  }

  /** A callflow had answered, and now a person has. */
  #connectAnswered(now: Instant): void {
    this.#connect(now)
    this.services.write(this.id, [this.ledger.event('call.answered', now, this.callee)])
    this.writeSnapshot()
    const identity = this.#connectedIdentity()
    if (identity) this.command({ type: 'identity', leg: this.caller.id, identity })
  }

  #confirmed(now: Instant, leg: CallLeg, dialog: string): void {
    leg.dialog = dialog
    if (leg === this.callee && this.#whenConfirmed) {
      const then = this.#whenConfirmed
      this.#whenConfirmed = null
      return then(now)
    }
    if (this.ledger.answeredAt !== null && !this.isOver) this.writeSnapshot()
  }

  #legEnded(now: Instant, leg: CallLeg, event: Extract<LegEvent, { type: 'ended' }>): void {
    leg.sipCode ??= event.status
    leg.q850 ??= event.q850
    this.release(now, leg)
    if (leg !== this.caller && leg !== this.callee) return this.#ring?.handle(now, leg, event)
    const by = event.by === 'remote' ? leg.facts.role : 'system'
    this.end(now, { by, outcome: hungUp, q850: event.q850 })
  }

  #digit(now: Instant, leg: CallLeg, digit: string, durationMs: number, from: 'info' | 'media'): void {
    if (this.#ring) return this.#ring.digit(now, leg, digit)
    const peer = this.peerOf(leg)
    if (!peer?.media) return
    // T23: events of RTP are relayed as they are; what came by INFO, or cannot go as an event, is made anew.
    const takesEvents = peer.media.remote?.dtmf !== null
    if (!takesEvents) this.command({ type: 'info_dtmf', leg: peer.id, digit, durationMs })
    else if (from === 'info') peer.media.sendDigit(digit, durationMs)
  }

  #played(now: Instant, leg: CallLeg): void {
    leg.media?.hasPlayed()
    if (leg === this.caller && this.#flow && !this.#ring) this.#flow.played(now, hungUp)
    else this.#ring?.played(now, leg)
  }

  #mediaFailed(now: Instant, leg: CallLeg): void {
    if (this.isOver) return
    if (leg === this.caller || leg === this.callee) {
      return this.end(now, { by: 'system', outcome: mediaFailed })
    }
    this.drop(now, leg, null)
    this.#ring?.mediaFailed(now, leg, mediaFailed)
  }

  #openTooLate(now: Instant): void {
    for (const leg of [...this.#undialled.keys()]) if (leg.media?.state !== 'open') this.#mediaFailed(now, leg)
  }

  #reject(leg: CallLeg, { status, text, q850 }: Outcome): void {
    leg.sipCode = status
    leg.q850 = q850
    this.command({
      type: 'reject',
      leg: leg.id,
      status,
      reason: text,
      headers: [['Reason', `Q.850;cause=${q850}`]],
    })
  }

  #legOf(endpoint: string): CallLeg | undefined {
    const live = this.legs.get(endpoint)
    if (live) return live
    for (const leg of this.#closing) if (leg.id === endpoint) return leg
    return undefined
  }

  #closed(now: Instant, leg: CallLeg): void {
    if (!this.#closing.delete(leg)) return
    this.services.forgetEndpoint(leg.id)
    this.ledger.close(leg, now)
    if (this.stage === 'ending' && this.#closing.size === 0) this.#finish(now)
  }

  #finish(now: Instant): void {
    if (this.stage !== 'ending' || !this.#ending) return
    this.stage = 'done'
    this.#closeTimeout.cancel()
    for (const leg of this.#closing) {
      this.services.forgetEndpoint(leg.id)
      this.ledger.close(leg, now)
    }
    this.#closing.clear()
    this.services.write(this.id, this.ledger.ending(this.caller.endedAt ?? now, this.#ending))
    this.services.done(this)
  }
}
