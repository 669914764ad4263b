/**
 * One leg as its call sees it: who it is, how far it is, what it costs whom. It decides nothing.
 *
 * Invariant: what it holds (media, places in limits) is let go exactly once, when it is over.
 */
import type { Instant } from '../machine.ts'
import type { MediaQuality } from '../rtp/messages.ts'
import type { LegEvent, LegId, SipReason, WrittenDialog } from './leg.ts'
import type { LegMedia, MediaSnapshot } from './leg-media.ts'
import type { Limit } from './limits.ts'
import { cancelled, outcomeOfFailure } from './outcome.ts'
import { type Party, toPartyState } from './party.ts'
import type { HangupCause, LegEnd, LegRow, LegState as PublicLeg } from './records.ts'
import type { AddedRinging } from './ring.ts'
import type { Billed } from './targets.ts'

/** Of the peer, or for want of one. */
export type LegLast = Extract<LegEvent, { type: 'failed' | 'cancelled' | 'ended' }>
export type LegState = 'new' | 'dialling' | 'ringing' | 'answered' | 'over'

export interface LegFacts {
  readonly id: LegId
  readonly role: 'caller' | 'callee'
  readonly isOutside: boolean
  readonly isEmergency: boolean
  readonly isForwarded: boolean
  readonly billed: Billed
  readonly startedAt: Instant
}

/** T5. */
export interface LegSnapshot {
  readonly facts: LegFacts
  readonly party: Party
  readonly limits: readonly Limit[]
  readonly ringingAt: Instant | null
  readonly answeredAt: Instant | null
  readonly media: MediaSnapshot | null
  readonly holding?: LegId | null
  readonly isMuted?: boolean
  readonly dialog: WrittenDialog | null
}

export class CallLeg {
  readonly facts: LegFacts
  party: Party
  state: LegState = 'new'
  media: LegMedia | null = null
  /** Its places in limits. */
  limits: readonly Limit[] = []
  ringingAt: Instant | null = null
  answeredAt: Instant | null = null
  /** Its 200 waits for what is written, which shows it answered (T2). */
  answeringAt: Instant | null = null
  endedAt: Instant | null = null
  sipCode: number | null = null
  q850: number | null = null
  /** Of an end without an answer. */
  cause: HangupCause = 'NO ANSWER'
  endedBy: LegEnd['by'] = 'system'
  /** That it was answered is in the log. */
  isAnswerTold = false
  quality: MediaQuality | null = null
  dialog: WrittenDialog | null = null
  /** What its dialog becomes with our 200 was written before that was sent. */
  isDialogWritten = false
  /** Whom it put on hold by a command. */
  holding: LegId | null = null
  /** By a command: what it says reaches nobody. */
  isMuted = false
  /** A command sends it digits. */
  isSentDigits = false
  /** It rings, and may be told to answer. */
  takesTalk = false
  /** It was told to: who hears what becomes of it. */
  talk: AddedRinging | null = null
  /** Ports that were asked for in place of one that was taken. */
  portsTried = 0

  constructor(facts: LegFacts, party: Party) {
    this.facts = facts
    this.party = party
  }

  get id(): LegId {
    return this.facts.id
  }

  get isOver(): boolean {
    return this.state === 'over'
  }

  /** Not over, and its media agreed: it can be heard. */
  get isLive(): boolean {
    return !this.isOver && this.isListening
  }

  /** It can hear what is sent to it: its offer was answered, be it only for early media. */
  get isListening(): boolean {
    return this.media?.hasAgreed ?? false
  }

  get isHeld(): boolean {
    return this.holding !== null || (this.media?.isHeld ?? false)
  }

  answered(now: Instant): void {
    this.state = 'answered'
    this.answeredAt = now
    this.sipCode = 200
  }

  /** Its last event came: whoever is there, or nothing more, ended it. */
  left(event: LegLast): void {
    switch (event.type) {
      case 'failed':
        this.sipCode = event.status
        this.q850 = event.q850
        this.cause = outcomeOfFailure(event).cause
        this.endedBy = event.isTimeout ? 'system' : 'party'
        return
      case 'cancelled':
        this.sipCode = cancelled.status
        this.cause = cancelled.cause
        this.endedBy = 'party'
        return
      case 'ended':
        this.sipCode ??= event.status
        this.q850 ??= event.q850
        if (this.facts.role === 'caller') this.cause = cancelled.cause
        this.endedBy = event.by === 'remote' ? 'party' : 'system'
    }
  }

  /** We ended it; `isCancelled`: an INVITE of ours had not been answered, and now it is by a 487. */
  dropped(reason: SipReason | null, isCancelled: boolean, isGivenUp: boolean): void {
    if (reason?.protocol === 'Q.850') this.q850 = reason.cause
    if (this.answeredAt !== null) return
    if (isCancelled) this.sipCode = cancelled.status
    if (isGivenUp) this.cause = cancelled.cause
    if (reason?.protocol !== 'SIP') return
    if (reason.cause === 603) this.cause = 'BUSY'
    // ITU-T Q.850: "non-selected user clearing".
    if (reason.cause === 200) this.q850 = 26
  }

  row(callId: string, accountId: string, now: Instant): LegRow {
    const { facts, answeredAt } = this
    const endedAt = this.endedAt ?? now
    const isBilled = facts.isOutside && facts.role === 'callee' && answeredAt !== null
    return {
      id: facts.id,
      callId,
      accountId,
      role: facts.role,
      party: toPartyState(this.party),
      startedAt: facts.startedAt,
      ringingAt: this.ringingAt,
      answeredAt,
      endedAt,
      billingSeconds: isBilled ? wholeSeconds(endedAt - answeredAt) : 0,
      billedUserId: facts.billed.userId,
      billedDeviceId: facts.billed.deviceId,
      isForwarded: facts.isForwarded,
      hangupCause: this.#cause,
      endedBy: this.endedBy,
      sipCode: this.sipCode,
      q850: this.q850,
      quality: this.quality,
    }
  }

  /** As the log shows it. */
  shown(): PublicLeg {
    const { facts, state } = this
    const answeredAt = this.answeredAt ?? (this.isOver ? null : this.answeringAt)
    const isCalling = facts.role === 'caller' && state === 'new'
    const unanswered = isCalling ? 'calling' : this.ringingAt !== null ? 'ringing' : 'dialling'
    return {
      id: facts.id,
      role: facts.role,
      status: answeredAt !== null ? 'answered' : unanswered,
      party: toPartyState(this.party),
      isHolding: this.isHeld,
      isMuted: this.isMuted,
      startedAt: facts.startedAt,
      ringingAt: this.ringingAt,
      answeredAt,
    }
  }

  /** How it ended, once it is over. */
  end(): LegEnd | null {
    if (this.endedAt === null) return null
    return { at: this.endedAt, cause: this.#cause, by: this.endedBy, sipCode: this.sipCode, q850: this.q850 }
  }

  get #cause(): HangupCause {
    return this.answeredAt === null ? this.cause : 'ANSWERED'
  }

  snapshot(): LegSnapshot {
    return {
      facts: this.facts,
      party: this.party,
      limits: this.limits,
      ringingAt: this.ringingAt,
      answeredAt: this.answeredAt,
      media: this.media?.snapshot() ?? null,
      holding: this.holding,
      isMuted: this.isMuted,
      dialog: this.dialog,
    }
  }
}

/** Billing counts begun seconds. */
export const wholeSeconds = (ms: number): number => Math.ceil(ms / 1000)
