/**
 * Somebody who is asked into a call that is up already: its phones ring beside what goes on, by a number's callflow where it
 * has one, and whoever takes it first comes in. What the call does with them is its own matter (`InvitationHost`).
 *
 * Invariant: `won` or `lost` is told exactly once, unless `cancel` came before; then no leg of it is left but the winner's.
 */
import type { Instant } from '../machine.ts'
import type { Codec } from '../sdp/codec.ts'
import type { TimerQueue } from '../timer-queue.ts'
import type { Attempt } from './attempt.ts'
import type { Call } from './call.ts'
import type { CallLeg } from './call-leg.ts'
import { FlowRun } from './flow.ts'
import type { LegEvent, SipReason } from './leg.ts'
import type { Outcome } from './outcome.ts'
import { type AddedRinging, Ring, type RingHost } from './ring.ts'
import {
  type Forwarder,
  type PlanContext,
  planRedirection,
  type Ringing,
  type RingPlan,
  type RingTarget,
} from './targets.ts'

export interface InvitationHost {
  /** Who hears what a callflow plays; absent: nobody. */
  readonly consultant?: CallLeg
  /** What a callflow on the way is asked with. */
  planContext(isDirect: boolean, forwardedBy: Forwarder | null): PlanContext
  /** What the phones are offered. */
  codecs(): readonly Codec[]
  ringing(now: Instant, leg: CallLeg): void
  /** T24: what a carrier plays before the answer. */
  earlyMedia(now: Instant, leg: CallLeg): void
  won(now: Instant, leg: CallLeg): void
  lost(now: Instant, outcome: Outcome): void
  /** A callflow plays something to whoever asked. */
  play(now: Instant, path: string): void
}

export class Invitation implements RingHost {
  readonly timers: TimerQueue
  readonly #call: Call
  readonly #host: InvitationHost
  #flow: FlowRun | null = null
  #ring: Ring | null = null

  constructor(call: Call, host: InvitationHost) {
    this.#call = call
    this.#host = host
    this.timers = call.timers
  }

  start(now: Instant, plan: RingPlan, timeoutMs: number): void {
    if (plan.type === 'ring') return this.ring(now, plan, timeoutMs)
    this.#flow = new FlowRun(
      {
        planContext: (isDirect, forwardedBy) => this.#host.planContext(isDirect, forwardedBy),
        ring: (at, ringing, ms) => this.ring(at, ringing, ms),
        play: (at, path) => this.#host.play(at, path),
        flowEnded: (at, outcome) => this.#host.lost(at, outcome),
      },
      plan,
    )
    this.#flow.start(now)
  }

  /** True: the event was for one of its legs. */
  handle(now: Instant, leg: CallLeg, event: LegEvent): boolean {
    if (!this.#ring?.legs.includes(leg)) return false
    this.#ring.handle(now, leg, event)
    return true
  }

  digit(now: Instant, leg: CallLeg, digit: string): void {
    this.#ring?.digit(now, leg, digit)
  }

  /** What `play` or `prompt` began has ended. */
  played(now: Instant, leg: CallLeg, outcome: Outcome): void {
    if (this.#ring) this.#ring.played(now, leg)
    else if (leg === this.#host.consultant) this.#flow?.played(now, outcome)
  }

  mediaFailed(now: Instant, leg: CallLeg, outcome: Outcome): void {
    this.#ring?.mediaFailed(now, leg, outcome)
  }

  /** By a command: a phone that rings rings no more, as if it were busy. False: none of its legs. */
  reject(now: Instant, leg: CallLeg): boolean {
    return this.#ring?.reject(now, leg) ?? false
  }

  /** As a round of ringing has it. */
  follow(leg: CallLeg, follower: AddedRinging): boolean {
    return this.#ring?.follow(leg, follower) ?? false
  }

  again(now: Instant, leg: CallLeg, change: (plan: Ringing) => Ringing, added: AddedRinging): boolean {
    return this.#ring?.again(now, leg, change, added) ?? false
  }

  /** Nothing more is told. */
  cancel(now: Instant): void {
    const ring = this.#ring
    this.#ring = null
    this.#flow = null
    ring?.cancel(now, null)
  }

  get legs(): readonly CallLeg[] {
    return this.#ring?.legs ?? []
  }

  // --- of its round of ringing ---

  dial(now: Instant, target: RingTarget, attempt: Attempt): CallLeg | Outcome {
    return this.#call.legs.dial(now, target, attempt, this.#host.codecs())
  }

  dialled(now: Instant, leg: CallLeg): void {
    this.#ring?.dialled(now, leg)
  }

  drop(now: Instant, leg: CallLeg, reason: SipReason | null): void {
    this.#call.legs.drop(now, leg, reason)
  }

  ringing(now: Instant, leg: CallLeg): void {
    this.#call.legs.rang(now, leg)
    this.#call.services.lineChanged(leg)
    this.#host.ringing(now, leg)
  }

  earlyMedia(now: Instant, leg: CallLeg, sdp: string): void {
    if (this.agree(leg, sdp)) this.#host.earlyMedia(now, leg)
  }

  agree(leg: CallLeg, sdp: string | null): boolean {
    return this.#call.agree(leg, sdp)
  }

  taken(now: Instant, leg: CallLeg): void {
    this.#call.legs.answered(now, leg)
  }

  prompt(now: Instant, leg: CallLeg, language: string): void {
    this.#call.prompt(now, leg, language)
  }

  redirected(target: RingTarget, contacts: readonly string[]): Ringing {
    return planRedirection(this.#host.planContext(false, null), target, contacts, target.isKeyPressRequired)
  }

  won(now: Instant, leg: CallLeg): void {
    this.#ring = null
    this.#flow = null
    leg.media?.stop()
    this.#call.legs.answered(now, leg)
    const { services, ledger } = this.#call
    if (leg.facts.isOutside) services.limits.startSpending(ledger.facts.accountId, leg.id, now)
    this.#host.won(now, leg)
  }

  lost(now: Instant, outcome: Outcome): void {
    this.#ring = null
    if (this.#flow) this.#flow.ringFailed(now, outcome)
    else this.#host.lost(now, outcome)
  }

  ring(now: Instant, ringing: Ringing, timeoutMs: number): void {
    this.#ring = new Ring(this, ringing)
    this.#ring.start(now, timeoutMs)
  }
}
