/**
 * One round of ringing: all targets at once, each by its attempts one after the other, until somebody takes the call,
 * everybody has failed, or the time is over.
 *
 *   target:  dialling --18x--> ringing --2xx--> [press 1] --> won
 *               |  no answer in 4 s, 408, 5xx of a trunk: the next attempt (T16)
 *               `--486, 480, ...--> failed
 *
 * Invariant: `won` or `lost` is told exactly once, and then no leg of the round is left but the winner's.
 */
import type { Instant } from '../machine.ts'
import type { TimerQueue } from '../timer-queue.ts'
import { Alarm } from './alarm.ts'
import type { Attempt } from './attempt.ts'
import type { CallLeg } from './call-leg.ts'
import { KeyPress } from './key-press.ts'
import type { LegEvent, SipReason } from './leg.ts'
import {
  bestOutcome,
  busy,
  isFailover,
  isGlobalFailure,
  noAnswer,
  notAcceptable,
  type Outcome,
  outcomeOfFailure,
} from './outcome.ts'
import type { Ringing, RingTarget } from './targets.ts'

/** What the call does for the round. */
export interface RingHost {
  readonly timers: TimerQueue
  /** A leg with its media, on its way to be dialled; or why there is none. */
  dial(now: Instant, target: RingTarget, attempt: Attempt): CallLeg | Outcome
  /** Ends a leg of the round. */
  drop(now: Instant, leg: CallLeg, reason: SipReason | null): void
  ringing(now: Instant, leg: CallLeg): void
  earlyMedia(now: Instant, leg: CallLeg, sdp: string): void
  /** The peer's answer to our offer; false: it is none. */
  agree(leg: CallLeg, sdp: string | null): boolean
  /** It was answered, and is to press a key before it has won. */
  taken(now: Instant, leg: CallLeg): void
  prompt(now: Instant, leg: CallLeg, language: string): void
  won(now: Instant, leg: CallLeg): void
  lost(now: Instant, outcome: Outcome): void
  /** 3xx of a phone: where it sends the call, as new targets (T12). */
  redirected(target: RingTarget, contacts: readonly string[]): Ringing
}

/** What becomes of targets that were added to a round: one of two, once. */
export interface AddedRinging {
  won(leg: CallLeg): void
  failed(now: Instant, outcome: Outcome): void
}

interface Branch {
  /** Set of those that were added. */
  readonly added: AddedRinging | null
  /** Somebody else's phone, which picks up or not: what it says is not said of whoever is called. */
  readonly isGuest: boolean
  /** Who else wants to know what becomes of its leg. */
  followers: readonly AddedRinging[]
  readonly target: RingTarget
  next: number
  leg: CallLeg | null
  /** Of a trunk that says nothing (T16). */
  silence: Alarm | null
  hasEarlyMedia: boolean
  keyPress: KeyPress | null
}

/** T25. */
const completedElsewhere: SipReason = { protocol: 'SIP', cause: 200, text: 'Call completed elsewhere' }
const answeredElsewhere: Outcome = { ...noAnswer, text: 'Answered Or Ended Elsewhere' }
const declined: SipReason = { protocol: 'SIP', cause: 603, text: 'Decline' }
const silenceMs = 4000
const mostRedirections = 5

export class Ring {
  readonly #host: RingHost
  readonly #branches: Branch[] = []
  readonly #outcomes: Outcome[]
  /** Of whoever failed last, guests too. */
  #latest: Outcome = noAnswer
  readonly #timeout: Alarm
  /** Those that were told nothing yet. */
  readonly #added = new Set<AddedRinging>()
  #redirections = 0
  #isDone = false

  constructor(host: RingHost, plan: Ringing) {
    this.#host = host
    this.#outcomes = [...plan.failed]
    this.#timeout = new Alarm(host.timers, (now) => this.#giveUp(now))
    for (const target of plan.targets) this.#branches.push(newBranch(target))
  }

  start(now: Instant, timeoutMs: number): void {
    this.#timeout.set(now + timeoutMs)
    for (const branch of [...this.#branches]) if (!this.#isDone) this.#try(now, branch)
    this.#finishIfOver(now)
  }

  /** Phones of somebody else ring too. False: the round is over, or its time is, and somebody decides still. */
  add(now: Instant, plan: Ringing, added: AddedRinging): boolean {
    if (this.#isDone || this.#timeout.place < 0) return false
    this.#join(now, plan, added, true)
    return true
  }

  #join(now: Instant, plan: Ringing, added: AddedRinging, isGuest: boolean): void {
    const branches = plan.targets.map((target) => newBranch(target, added, isGuest))
    this.#added.add(added)
    this.#branches.push(...branches)
    for (const outcome of plan.failed) this.#note(outcome, isGuest)
    for (const branch of branches) this.#try(now, branch)
    this.#finishIfOver(now)
  }

  #note(outcome: Outcome, isGuest: boolean): void {
    this.#latest = outcome
    if (!isGuest) this.#outcomes.push(outcome)
  }

  /** Null: it is no leg of this round. */
  #branchOf(leg: CallLeg): Branch | undefined {
    return this.#branches.find((branch) => branch.leg === leg)
  }

  /** The INVITE has left. */
  dialled(now: Instant, leg: CallLeg): void {
    const branch = this.#branchOf(leg)
    if (!branch || !isByTrunk(branch.target)) return
    branch.silence ??= new Alarm(this.#host.timers, (at) => this.#silent(at, branch))
    branch.silence.set(now + silenceMs)
  }

  handle(now: Instant, leg: CallLeg, event: LegEvent): void {
    const branch = this.#branchOf(leg)
    if (!branch || this.#isDone) return
    switch (event.type) {
      case 'progress':
        return this.#progress(now, branch, leg, event)
      case 'answered':
        return this.#answered(now, branch, leg, event)
      case 'failed':
        return this.#failed(now, branch, event)
      case 'dtmf':
        return branch.keyPress?.press(now, event.digit)
      case 'ended':
        // Hung up before the key was pressed.
        return this.#close(now, branch, noAnswer)
    }
  }

  /** By a command: a phone that rings rings no more, as if it were busy. False: it does not ring. */
  reject(now: Instant, leg: CallLeg): boolean {
    const branch = this.#branchOf(leg)
    if (!branch || this.#isDone || leg.answeredAt !== null) return false
    this.#host.drop(now, leg, declined)
    this.#close(now, branch, busy)
    return true
  }

  /** Somebody wants to know what becomes of a leg that rings. False: it does not. */
  follow(leg: CallLeg, follower: AddedRinging): boolean {
    const branch = this.#branchOf(leg)
    if (!branch || this.#isDone || leg.answeredAt !== null) return false
    branch.followers = [...branch.followers, follower]
    return true
  }

  /** The phone of a leg that rings is called again, otherwise: the leg ends, and a new one is told by `added`. */
  again(now: Instant, leg: CallLeg, change: (plan: Ringing) => Ringing, added: AddedRinging): boolean {
    const branch = this.#branchOf(leg)
    const attempt = branch?.target.attempts[branch.next - 1]
    if (!branch || !attempt || this.#isDone || leg.answeredAt !== null) return false
    const target = { ...branch.target, attempts: [attempt] }
    branch.silence?.cancel()
    branch.leg = null
    branch.followers = branch.followers.filter((one) => one !== added)
    // The phone is free again before it is called.
    this.#host.drop(now, leg, null)
    this.#join(now, change({ type: 'ring', targets: [target], failed: [] }), added, branch.isGuest)
    return true
  }

  /** A digit that came with the media. */
  digit(now: Instant, leg: CallLeg, digit: string): void {
    this.#branchOf(leg)?.keyPress?.press(now, digit)
  }

  /** What was played to somebody who is to press a key has ended. */
  played(now: Instant, leg: CallLeg): void {
    this.#branchOf(leg)?.keyPress?.played(now)
  }

  /** The media of a leg that was not dialled yet could not be opened. */
  mediaFailed(now: Instant, leg: CallLeg, outcome: Outcome): void {
    const branch = this.#branchOf(leg)
    if (branch && !this.#isDone) this.#close(now, branch, outcome)
  }

  /** The caller is gone, or the call is. Nothing more is told. */
  cancel(now: Instant, reason: SipReason | null): void {
    this.#stop(now, reason, null)
  }

  get legs(): readonly CallLeg[] {
    return this.#branches.flatMap(({ leg }) => leg ?? [])
  }

  /** Another takes the call in the place of one that rings (RFC 3891, pick-up). */
  pickedUp(now: Instant): void {
    this.#stop(now, completedElsewhere, null)
  }

  #try(now: Instant, branch: Branch): void {
    const { attempts } = branch.target
    for (let attempt = attempts[branch.next]; attempt !== undefined; attempt = attempts[branch.next]) {
      branch.next += 1
      const leg = this.#host.dial(now, branch.target, attempt)
      if (!('branch' in leg)) {
        branch.leg = leg
        return
      }
      this.#note(leg, branch.isGuest)
    }
  }

  #progress(now: Instant, branch: Branch, leg: CallLeg, event: Extract<LegEvent, { type: 'progress' }>): void {
    branch.silence?.cancel()
    if (event.takesTalk) leg.takesTalk = true
    if (event.status === 180) leg.state = 'ringing'
    // T24: what a carrier plays while it rings, or why it does not, is the caller's to hear. With key press the
    // caller hears ringing until somebody has really taken the call.
    if (event.sdp !== null && !branch.target.isKeyPressRequired) {
      branch.hasEarlyMedia = true
      this.#host.earlyMedia(now, leg, event.sdp)
    }
    // What rings in the band only is ringing too; a 183 without media says nothing yet.
    if (event.status === 180 || event.sdp !== null) this.#host.ringing(now, leg)
  }

  #answered(now: Instant, branch: Branch, leg: CallLeg, event: Extract<LegEvent, { type: 'answered' }>): void {
    branch.silence?.cancel()
    leg.answered(now)
    if (!this.#host.agree(leg, event.sdp)) {
      this.#host.drop(now, leg, { protocol: 'SIP', cause: 488, text: 'Not Acceptable Here' })
      return this.#close(now, branch, notAcceptable)
    }
    if (!branch.target.isKeyPressRequired) return this.#win(now, branch, leg)
    this.#host.taken(now, leg)
    branch.keyPress = new KeyPress(this.#host.timers, {
      prompt: (at) => this.#host.prompt(at, leg, branch.target.language),
      pressed: (at) => this.#win(at, branch, leg),
      refused: (at) => {
        this.#host.drop(at, leg, null)
        this.#close(at, branch, noAnswer)
      },
    })
    branch.keyPress.start(now)
  }

  #failed(now: Instant, branch: Branch, event: Extract<LegEvent, { type: 'failed' }>): void {
    branch.silence?.cancel()
    const { target } = branch
    if (!isByTrunk(target) && event.status >= 300 && event.status < 400) return this.#redirect(now, branch, event)
    const outcome = outcomeOfFailure(event)
    const mayFailOver = isByTrunk(target) ? isFailover(event) && !branch.hasEarlyMedia : event.status === 488
    if (mayFailOver && branch.next < target.attempts.length) return this.#failOver(now, branch, outcome)
    this.#close(now, branch, outcome)
    if (!this.#isDone && !branch.isGuest && isGlobalFailure(event.status)) this.#lose(now, outcome)
  }

  #failOver(now: Instant, branch: Branch, outcome: Outcome): void {
    branch.leg = null
    this.#note(outcome, branch.isGuest)
    this.#try(now, branch)
    this.#finishIfOver(now)
  }

  #silent(now: Instant, branch: Branch): void {
    const { leg, target } = branch
    if (!leg || this.#isDone || branch.next >= target.attempts.length) return
    this.#host.drop(now, leg, null)
    this.#failOver(now, branch, outcomeOfFailure(noResponse(leg)))
  }

  #redirect(now: Instant, branch: Branch, event: Extract<LegEvent, { type: 'failed' }>): void {
    this.#redirections += 1
    const plan: Ringing =
      this.#redirections > mostRedirections
        ? { type: 'ring', targets: [], failed: [outcomeOfFailure(event)] }
        : this.#host.redirected(branch.target, event.contacts)
    branch.leg = null
    for (const outcome of plan.failed) this.#note(outcome, branch.isGuest)
    for (const target of plan.targets) {
      const redirected = newBranch(target, branch.added, branch.isGuest)
      this.#branches.push(redirected)
      this.#try(now, redirected)
    }
    this.#finishIfOver(now)
  }

  #close(now: Instant, branch: Branch, outcome: Outcome): void {
    branch.silence?.cancel()
    branch.keyPress?.cancel()
    branch.leg = null
    this.#note(outcome, branch.isGuest)
    this.#finishIfOver(now)
  }

  #win(now: Instant, branch: Branch, leg: CallLeg): void {
    if (this.#isDone) return
    branch.keyPress?.cancel()
    if (branch.added) this.#added.delete(branch.added)
    this.#stop(now, completedElsewhere, branch)
    branch.added?.won(leg)
    for (const one of branch.followers) one.won(leg)
    this.#host.won(now, leg)
  }

  /** Whoever is just deciding may still press the key; it has its own end. */
  #giveUp(now: Instant): void {
    this.#note(noAnswer, false)
    for (const branch of this.#branches) {
      if (!branch.leg || branch.keyPress) continue
      branch.silence?.cancel()
      this.#host.drop(now, branch.leg, null)
      branch.leg = null
    }
    this.#finishIfOver(now)
  }

  #lose(now: Instant, outcome: Outcome): void {
    this.#stop(now, null, null)
    this.#host.lost(now, outcome)
  }

  #finishIfOver(now: Instant): void {
    for (const added of [...this.#added]) {
      const hasLeft = !this.#branches.some((branch) => branch.added === added && branch.leg !== null)
      if (hasLeft && this.#added.delete(added)) added.failed(now, this.#latest)
    }
    for (const branch of this.#branches) if (branch.leg === null) this.#desert(now, branch, this.#latest)
    if (this.#isDone || this.#branches.some(({ leg }) => leg !== null)) return
    this.#lose(now, bestOutcome(this.#outcomes))
  }

  #desert(now: Instant, branch: Branch, outcome: Outcome): void {
    const { followers } = branch
    branch.followers = []
    for (const one of followers) one.failed(now, outcome)
  }

  #stop(now: Instant, reason: SipReason | null, except: Branch | null): void {
    if (this.#isDone) return
    this.#isDone = true
    this.#timeout.cancel()
    for (const branch of this.#branches) {
      branch.silence?.cancel()
      branch.keyPress?.cancel()
      if (branch === except) continue
      if (branch.leg) this.#host.drop(now, branch.leg, reason)
      this.#desert(now, branch, answeredElsewhere)
    }
    for (const added of this.#added) added.failed(now, answeredElsewhere)
    this.#added.clear()
  }
}

/** To a carrier, or to an exchange on site. */
const isByTrunk = ({ callee }: RingTarget): boolean => callee.trunkId !== null

const newBranch = (target: RingTarget, added: AddedRinging | null = null, isGuest = false): Branch => ({
  added,
  isGuest,
  followers: [],
  target,
  next: 0,
  leg: null,
  silence: null,
  hasEarlyMedia: false,
  keyPress: null,
})

const noResponse = (leg: CallLeg): Extract<LegEvent, { type: 'failed' }> => ({
  type: 'failed',
  leg: leg.id,
  status: 408,
  reason: 'No Response',
  q850: null,
  retryAfter: null,
  contacts: [],
  isTimeout: true,
})
