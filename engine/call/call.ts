/**
 * One call: a back-to-back agent between the leg of a caller and those of whoever is called. It follows its callflow,
 * rings, joins who answers, and writes what happened.
 *
 *   running --somebody takes it--> answering --call.answered is durable--> connected --a side ends--> ending --> done
 *      |  ^--------------------------------------------handed on (transfer.ts)---'                     ^
 *      `--nobody, cancelled, refused-------------------------------------------------------------------'
 *
 * Invariant: `call.started` is durable before an INVITE leaves, `call.answered` before the caller gets its 200 (T2); one
 * `call.ended` and one CDR, and they are the last that is written (T3).
 */
import type { Instant } from '../machine.ts'
import type { MediaReport } from '../rtp/messages.ts'
import type { TimerQueue } from '../timer-queue.ts'
import { Alarm } from './alarm.ts'
import { answerCaller, connectAnswered } from './answer.ts'
import type { Attempt } from './attempt.ts'
import type { CallLeg } from './call-leg.ts'
import { CallLegs } from './call-legs.ts'
import { CallMedia } from './call-media.ts'
import type { Aim, CallParts, Stage } from './call-parts.ts'
import type { CommandId } from './command.ts'
import type { Directory } from './directory.ts'
import { leaveUnheard } from './emergency.ts'
import { failoverPlan } from './failover.ts'
import { Floor } from './floor.ts'
import { FlowRun } from './flow.ts'
import type { LegCommand, LegEvent, SipReason, WrittenDialog } from './leg.ts'
import type { Limit } from './limits.ts'
import type { Ending, Ledger } from './ledger.ts'
import { cancelled, hungUp, mediaFailed, type Outcome } from './outcome.ts'
import { retrievalFailed } from './park.ts'
import type { CallEventType, CallRecord, EventAbout } from './records.ts'
import { type AddedRinging, Ring } from './ring.ts'
import type { CallServices } from './services.ts'
import { snapshotRecord } from './snapshot-record.ts'
import { talked } from './steer.ts'
import { type PlanContext, planRedirection, type Ringing, type RingPlan, type RingTarget } from './targets.ts'
import { refer, type Transfer, transferFailed, transferred } from './transfer.ts'

/** What an event tells besides the call. */
export interface Told extends EventAbout {
  readonly command?: CommandId | null
}

/** An outside number rings as long as its carrier lets it. */
const outsideRingMs = 180_000
const insideRingMs = 30_000
/** The last report of a leg's media is worth a moment. */
const closeMediaMs = 500
const normalClearing: SipReason = { protocol: 'Q.850', cause: 16, text: 'Normal call clearing' }

export class Call {
  readonly services: CallServices<Call>
  readonly timers: TimerQueue
  readonly ledger: Ledger
  readonly legs: CallLegs
  readonly media: CallMedia
  /** Who of the legs talk, wait and listen. */
  readonly floor: Floor
  stage: Stage = 'running'
  /** Whoever waits, and then one of the two that talk. */
  caller: CallLeg
  callee: CallLeg | null = null
  aim: Aim
  transfer: Transfer | null = null
  /** Its places among the calls of its account, whoever of those in it leaves. */
  limits: readonly Limit[] = []
  readonly #directory: Directory
  #flow: FlowRun | null = null
  #ring: Ring | null = null
  /** What its callflow plays to the caller. */
  #announcement: string | null = null
  #ending: (Ending & { readonly at: Instant }) | null = null
  #hasFailedOver = false
  /** After the callee's dialog is known (T5). */
  #whenConfirmed: ((now: Instant) => void) | null = null
  readonly #closeTimeout: Alarm
  readonly #longest: Alarm

  constructor(
    services: CallServices<Call>,
    { directory, ledger, caller, aim, maxForwards, offer, isCallerAbsent }: CallParts,
  ) {
    this.services = services
    this.timers = services.timers
    this.#directory = directory
    this.ledger = ledger
    this.caller = caller
    this.aim = aim
    this.legs = new CallLegs(this, maxForwards)
    this.media = new CallMedia(services, () => this.directory, offer)
    this.floor = new Floor(this)
    this.#closeTimeout = new Alarm(services.timers, (at) => this.#finish(at))
    this.#longest = new Alarm(services.timers, (at) => {
      if (!this.isEmergency) this.end(at, { by: 'system', outcome: hungUp })
    })
    ledger.legs = () => this.legs.live.map((leg) => leg.shown())
    ledger.floor = () => this.floor.shown()
    if (!isCallerAbsent) this.legs.take(caller)
  }

  get id(): string {
    return this.ledger.facts.id
  }

  /** As it is now, for what the call does next; of an account that is gone as it was. */
  get directory(): Directory {
    return this.services.host.directories.account(this.ledger.facts.accountId) ?? this.#directory
  }

  /** What rings for whoever waits. */
  get round(): Ring | null {
    return this.#ring
  }

  get isOver(): boolean {
    return this.stage === 'ending' || this.stage === 'done'
  }

  /** It ends because the caller would wait no longer. */
  get isGivenUp(): boolean {
    return this.#ending?.outcome.cause === 'CANCEL'
  }

  /** Also while an emergency number is called within it. */
  get isEmergency(): boolean {
    return this.ledger.facts.isEmergency || this.legs.live.some(({ facts }) => facts.isEmergency)
  }

  /** Somebody waits for somebody to answer. */
  get isWaiting(): boolean {
    return this.stage === 'running' && this.transfer === null && !this.floor.parking && !this.floor.meeting
  }

  /** The first write, without which nothing leaves. */
  start(now: Instant): void {
    const record = this.ledger.event('call.started', now, this.caller)
    this.services.write(this.id, [record], (at) => this.legs.started(at))
  }

  handleLeg(now: Instant, event: LegEvent): void {
    const leg = this.legs.get(event.leg)
    if (!leg || this.stage === 'done') return
    switch (event.type) {
      case 'progress':
      case 'answered':
        return this.floor.handle(now, leg, event) ? undefined : this.#ring?.handle(now, leg, event)
      case 'talk_result':
        return talked(now, this, leg, event.status)
      case 'failed':
        this.legs.left(now, leg, event)
        this.media.left(now, this, leg)
        return this.floor.handle(now, leg, event) ? undefined : this.#ring?.handle(now, leg, event)
      case 'acked':
        return this.media.acked(now, this, leg, event.sdp)
      case 'cancelled':
        this.legs.left(now, leg, event)
        return this.end(now, { by: 'caller', outcome: cancelled })
      case 'ended':
        return this.#legEnded(now, leg, event)
      case 'offer':
        return this.media.offered(now, this, leg, event.sdp)
      case 'offer_result':
        return this.media.answered(now, this, leg, event)
      case 'refer':
        return refer(now, this, leg, event.target)
      case 'dtmf':
        return this.#digit(now, leg, event.digit, 160, 'info')
      case 'confirmed':
        return this.#confirmed(now, leg, event.dialog)
    }
  }

  handleMedia(now: Instant, report: MediaReport): void {
    const leg = this.legs.ofEndpoint(report.endpoint)
    if (!leg) return
    switch (report.type) {
      case 'opened':
        this.legs.opened(now, leg, report.endpoint)
        return this.media.opened(this)
      case 'open_failed':
        return this.#openFailed(now, leg, report.endpoint)
      case 'dtmf':
        return this.#digit(now, leg, report.digit, report.durationMs, 'media')
      case 'played':
        if (leg.media?.isPlaying(report.play)) this.#played(now, leg)
        return
      case 'recorded':
        return this.floor.recording?.broken(now, report)
      case 'timeout':
        if (isSilent(leg, report.endpoint) && !this.leaves(now, leg)) {
          this.end(now, { by: 'system', outcome: hungUp, q850: 41 })
        }
        return
      case 'closed':
        if (report.endpoint !== leg.id) return
        this.legs.closed(now, leg, report.quality)
        if (this.stage === 'ending' && !this.legs.isClosing) this.#finish(now)
    }
  }

  // --- where it goes ---

  planContext(isDirect: boolean, forwardedBy: PlanContext['forwardedBy'] = null): PlanContext {
    const { originator, called, wantsPrivacy, timesDiverted = 0, shown = null } = this.aim
    // Of a command, and of whoever it called first: others that wait here are shown as themselves.
    const isFirst = this.caller.id === this.ledger.facts.callerLeg
    return {
      directory: this.directory,
      host: this.services.host,
      isInUse: (deviceId) => this.services.isInUse(deviceId),
      caller: this.caller.party.identity,
      originator,
      calledNumber: called.text,
      wantsPrivacy,
      timesDiverted,
      shown: isFirst ? shown : null,
      isDirect,
      forwardedBy,
    }
  }

  follow(now: Instant, plan: RingPlan, timeoutMs = insideRingMs): void {
    if (plan.type === 'ring') {
      const isOutside = plan.targets.some((target) => target.isOutside)
      this.ring(now, plan, isOutside ? outsideRingMs : timeoutMs)
      return
    }
    this.#flow = new FlowRun(this, plan)
    this.ledger.callflowId ??= plan.callflowId
    this.#flow.start(now)
  }

  ring(now: Instant, plan: Ringing, timeoutMs: number): void {
    this.#ring = new Ring(this, plan)
    this.#ring.start(now, timeoutMs)
  }

  play(now: Instant, path: string): void {
    this.#announcement = path
    answerCaller(now, this, (at) => {
      transferred(at, this)
      this.caller.media?.play({ type: 'file', path, repeat: false })
    })
  }

  /** To a caller that took another's place meanwhile, from the beginning. False: nothing is played. */
  playAgain(now: Instant): boolean {
    if (this.#announcement === null) return false
    this.play(now, this.#announcement)
    return true
  }

  flowEnded(now: Instant, outcome: Outcome): void {
    this.#flow = null
    this.#nobody(now, outcome)
  }

  // --- a round of ringing ---

  dial(now: Instant, target: RingTarget, attempt: Attempt): CallLeg | Outcome {
    // The history of a call that no carrier takes names the one that was asked last.
    if (target.isOutside && !this.ledger.hasRung && this.ledger.answeredAt === null) this.ledger.callee = attempt.party
    return this.legs.dial(now, target, attempt)
  }

  dialled(now: Instant, leg: CallLeg): void {
    if (leg.facts.isEmergency) leaveUnheard(now, this)
    this.#ring?.dialled(now, leg)
    this.floor.dialled(now, leg)
  }

  drop(now: Instant, leg: CallLeg, reason: SipReason | null): void {
    this.legs.drop(now, leg, reason)
  }

  ringing(now: Instant, leg: CallLeg): void {
    this.ledger.callee ??= leg.party
    this.legs.rang(now, leg)
    if (!this.ledger.hasRung) {
      this.ledger.hasRung = true
      this.services.write(this.id, [this.ledger.event('call.ringing', now, leg)])
    }
    this.transfer?.report(this, 180)
    this.services.lineChanged(leg)
    this.services.lineChanged(this.caller)
    this.media.ringing(this)
  }

  earlyMedia(_now: Instant, leg: CallLeg, sdp: string): void {
    if (!this.agree(leg, sdp)) return
    this.ledger.callee ??= leg.party
    this.media.earlyFrom(this, leg)
  }

  agree(leg: CallLeg, sdp: string | null): boolean {
    if (!leg.media) return false
    if (sdp === null) return leg.media.hasAgreed
    return leg.media.accept(sdp, this.services.host.signallingAddress(leg.id)) === null
  }

  taken(now: Instant, leg: CallLeg): void {
    this.legs.answered(now, leg)
  }

  prompt(_now: Instant, leg: CallLeg, language: string): void {
    const name = 'forward_press_1'
    const path = this.directory.prompt(name, language) ?? this.services.host.prompt(name, language)
    const { country } = this.directory.account
    leg.media?.play(path === null ? { type: 'tone', tone: 'dial', country } : { type: 'file', path, repeat: false })
  }

  won(now: Instant, leg: CallLeg): void {
    this.#ring = null
    this.callee = leg
    const isFirst = this.transfer === null && this.floor.parking === null
    this.reached(leg, isFirst || this.ledger.answeredAt === null)
    if (!isFirst) this.legs.answered(now, leg)
    leg.media?.stop()
    if (leg.facts.isOutside) this.services.limits.startSpending(this.ledger.facts.accountId, leg.id, now)
    this.stage = 'answering'
    const connect = (at: Instant) => {
      if (this.caller.answeredAt !== null) connectAnswered(at, this)
      else answerCaller(at, this, (then) => this.connect(then))
    }
    // T5: what is written with the answer can bring the callee's dialog back.
    if (leg.dialog !== null) connect(now)
    else this.#whenConfirmed = connect
  }

  lost(now: Instant, outcome: Outcome): void {
    this.#ring = null
    if (this.#flow) this.#flow.ringFailed(now, outcome)
    else this.#nobody(now, outcome)
  }

  redirected(target: RingTarget, contacts: readonly string[]): Ringing {
    return planRedirection(this.planContext(false), target, contacts, target.isKeyPressRequired)
  }

  /** An early dialog of ours, which a phone may take over (RFC 3891). */
  isRinging(leg: CallLeg): boolean {
    return leg.state !== 'new' && (this.#ring?.legs.includes(leg) ?? false)
  }

  /** Another phone takes the call in the place of those that ring. */
  pickUp(now: Instant, leg: CallLeg): void {
    this.#ring?.pickedUp(now)
    this.won(now, leg)
  }

  /** Phones of somebody who wants to pick up ring beside the others. False: none rings. */
  ringAlso(now: Instant, plan: Ringing, added: AddedRinging): boolean {
    return this.#ring?.add(now, plan, added) ?? false
  }

  // --- the two that talk ---

  peerOf(leg: CallLeg): CallLeg | null {
    return this.floor.peerOf(leg)
  }

  /** After a caller handed the callee on, the history still says whom the caller reached. */
  reached(leg: CallLeg, isFirst = false): void {
    if (!isFirst && this.caller.id !== this.ledger.facts.callerLeg) return
    this.ledger.callee = leg.party
    this.ledger.calleeLeg = leg.id
  }

  connect(now: Instant): void {
    this.stage = 'connected'
    this.#flow = null
    this.media.join(now, this)
    this.services.lineChanged(this.caller)
    if (this.callee) this.services.lineChanged(this.callee)
    const { maxCallSeconds } = this.directory.account.limits
    const { answeredAt, facts } = this.ledger
    if (maxCallSeconds !== null && !this.isEmergency) {
      this.#longest.set((answeredAt ?? facts.startedAt) + maxCallSeconds * 1000)
    }
  }

  /** Each phone is shown whom it talks to now (T26); a carrier is not told (T19). */
  introduce(a: CallLeg = this.caller, b: CallLeg | null = this.callee): void {
    if (!b) return
    for (const [leg, other] of [
      [a, b],
      [b, a],
    ] as const) {
      const { identity } = other.party
      if (!leg.facts.isOutside) this.command({ type: 'identity', leg: leg.id, identity })
    }
  }

  /** A caller whose place another took: it was answered, or not yet. */
  leave(now: Instant, leg: CallLeg): void {
    if (leg.answeredAt === null) this.#reject(leg, cancelled)
    else this.command({ type: 'hangup', leg: leg.id, reason: normalClearing })
    this.legs.release(now, leg)
  }

  /** By our doing, by a command or since it is silent; the others go on. False: there would be no call without it. */
  leaves(now: Instant, leg: CallLeg, command: CommandId | null = null): boolean {
    if (leg.isOver || !this.floor.goesOnWithout(leg)) return false
    this.legs.drop(now, leg, normalClearing)
    this.media.left(now, this, leg)
    if (this.floor.left(now, leg, command)) return true
    const event = { type: 'ended', leg: leg.id, by: 'local', status: null, q850: null } as const
    if (!this.floor.handle(now, leg, event)) this.#ring?.handle(now, leg, event)
    return true
  }

  // --- the end ---

  /** Whatever state it is in. The caller gets what the outcome says, where it was not answered yet. */
  end(now: Instant, ending: Ending): void {
    if (this.isOver) return
    this.stage = 'ending'
    this.#ending = { ...ending, at: now }
    // T5: who hung up has its 200 when this is durable.
    this.services.write(this.id, [{ type: 'ending', callId: this.id, text: JSON.stringify(this.#ending) }])
    this.floor.close(now)
    this.services.limits.release(this.limits)
    this.#ring?.cancel(now, null)
    this.#ring = null
    this.#flow = null
    this.#whenConfirmed = null
    this.transfer?.report(this, 487)
    this.#longest.cancel()
    const reason: SipReason = { ...normalClearing, cause: ending.q850 ?? 16 }
    for (const leg of this.legs.live) {
      if (leg === this.caller && leg.answeredAt === null) {
        this.#reject(leg, ending.outcome)
        this.legs.release(now, leg)
      } else {
        this.legs.drop(now, leg, reason)
      }
    }
    if (this.legs.isClosing) this.#closeTimeout.set(now + closeMediaMs)
    else this.#finish(now)
  }

  mediaFailed(now: Instant, leg: CallLeg): void {
    if (this.isOver || (leg.answeredAt !== null && this.leaves(now, leg))) return
    if (leg === this.caller || leg === this.callee) {
      this.end(now, { by: 'system', outcome: mediaFailed })
    } else {
      this.legs.drop(now, leg, null)
      this.#ring?.mediaFailed(now, leg, mediaFailed)
      this.floor.mediaFailed(now, leg, mediaFailed)
    }
  }

  sendDigit({ id: leg, media }: CallLeg, digit: string, durationMs: number): void {
    if (media?.remote?.dtmf === null) this.command({ type: 'info_dtmf', leg, digit, durationMs })
    else media?.sendDigit(digit, durationMs)
  }

  command(command: LegCommand): void {
    this.services.emit({ type: 'leg', command })
  }

  /** E7: an accepted command comes to nothing. */
  commandFailed(now: Instant, command: CommandId, verb: string, reason: string): void {
    this.services.write(this.id, [this.ledger.failed(now, command, verb, reason)])
  }

  /** An event of the call, with what it tells besides; `command`: whose doing it is. */
  tell(now: Instant, event: CallEventType, leg: CallLeg | null, more: Told = {}): void {
    const { command = null, ...about } = more
    this.services.write(this.id, [{ ...this.ledger.event(event, now, leg, command), about }])
  }

  /** T5: what the next process needs to go on with the call. */
  writeSnapshot(): void {
    this.services.write(this.id, [this.snapshotRecord()])
  }

  /** The same, where the next process would go on. */
  keepSnapshot(): void {
    if (!this.isOver && (this.ledger.answeredAt ?? this.caller.answeredAt) !== null) this.writeSnapshot()
  }

  snapshotRecord(): CallRecord {
    return snapshotRecord(this)
  }

  #nobody(now: Instant, outcome: Outcome): void {
    if (transferFailed(now, this, outcome) || retrievalFailed(now, this, outcome)) return
    const plan = this.#hasFailedOver ? null : failoverPlan(this, outcome)
    if (plan === null) return this.end(now, { by: 'system', outcome })
    this.#hasFailedOver = true
    this.follow(now, plan)
  }

  #confirmed(now: Instant, leg: CallLeg, dialog: WrittenDialog): void {
    leg.dialog = dialog
    if (leg === this.callee && this.#whenConfirmed) {
      const then = this.#whenConfirmed
      this.#whenConfirmed = null
      return then(now)
    }
    if (leg.isDialogWritten) leg.isDialogWritten = false
    else this.keepSnapshot()
  }

  #legEnded(now: Instant, leg: CallLeg, event: Extract<LegEvent, { type: 'ended' }>): void {
    this.legs.left(now, leg, event)
    this.media.left(now, this, leg)
    if (this.floor.left(now, leg)) return
    if (leg === this.caller || leg === this.callee) {
      const by = event.by === 'remote' ? this.ledger.sideOf(leg) : 'system'
      const isGivenUp = leg === this.caller && this.ledger.answeredAt === null
      this.end(now, { by, outcome: isGivenUp ? cancelled : hungUp, q850: event.q850 })
    } else if (!this.floor.handle(now, leg, event)) {
      this.#ring?.handle(now, leg, event)
    }
  }

  #digit(now: Instant, leg: CallLeg, digit: string, durationMs: number, from: 'info' | 'media'): void {
    if (this.#ring) return this.#ring.digit(now, leg, digit)
    this.floor.digit(now, leg, digit)
    const peer = this.peerOf(leg)
    if (!peer?.media) return
    // T23: events of RTP are relayed as they are; what came by INFO, or cannot go as an event, is made anew.
    const isRelayed = from === 'media' && peer.media.remote?.dtmf !== null && !this.floor.isMixed
    if (!isRelayed) this.sendDigit(peer, digit, durationMs)
  }

  #played(now: Instant, leg: CallLeg): void {
    this.media.played(this, leg)
    if (leg === this.caller && this.#flow && !this.#ring) {
      this.#announcement = null
      this.#flow.played(now, hungUp)
    } else {
      this.#ring?.played(now, leg)
    }
    this.floor.played(now, leg)
  }

  #openFailed(now: Instant, leg: CallLeg, endpoint: string): void {
    if (endpoint === leg.id) {
      if (!this.media.openElsewhere(leg)) this.mediaFailed(now, leg)
      return
    }
    leg.media?.openFailed(endpoint)
    this.legs.opened(now, leg, endpoint)
    this.media.opened(this)
  }

  #reject(leg: CallLeg, { status, text, q850, cause }: Outcome): void {
    leg.sipCode = status
    leg.q850 = q850
    leg.cause = cause
    const headers = [['Reason', `Q.850;cause=${q850}`]] as const
    this.command({ type: 'reject', leg: leg.id, status, reason: text, headers })
  }

  #finish(now: Instant): void {
    if (this.stage !== 'ending' || !this.#ending) return
    this.stage = 'done'
    this.#closeTimeout.cancel()
    this.legs.closeAll(now)
    this.services.write(this.id, this.ledger.ending(this.#ending.at, this.#ending))
    this.services.done(this)
  }
}

/** T27: once it was answered, since many a phone sends nothing before; not on hold, nor where a fax is in its place. */
const isSilent = (leg: CallLeg, endpoint: string): boolean =>
  endpoint === leg.id && leg.state === 'answered' && !leg.isHeld && !leg.media?.other('image')?.line
