/**
 * One leg as its call sees it: who it is, how far it is, what it costs whom. It decides nothing.
 *
 * Invariant: what it holds (media, places in limits) is let go exactly once, when it is over.
 */
import type { Instant } from '../machine.ts'
import type { MediaQuality } from '../rtp/messages.ts'
import type { LegId } from './leg.ts'
import type { LegMedia, MediaSnapshot } from './leg-media.ts'
import type { Limit } from './limits.ts'
import { type Party, toPartyState } from './party.ts'
import type { LegRow, LegState as PublicLeg } from './records.ts'
import type { Billed } from './targets.ts'

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
  /** The dialog, as the SIP layer wrote it. */
  readonly dialog: string | null
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
  endedAt: Instant | null = null
  sipCode: number | null = null
  q850: number | null = null
  quality: MediaQuality | null = null
  dialog: string | null = null
  /** Whom it put on hold by a command. */
  holding: LegId | null = null
  /** By a command: what it says reaches nobody. */
  isMuted = false
  /** A command sends it digits. */
  isSentDigits = false
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
      sipCode: this.sipCode,
      q850: this.q850,
      quality: this.quality,
    }
  }

  /** As the log shows it. */
  shown(): PublicLeg {
    const { facts, state } = this
    const isAnswered = this.answeredAt !== null
    const isCalling = facts.role === 'caller' && state === 'new'
    const unanswered = isCalling ? 'calling' : state === 'ringing' ? 'ringing' : 'dialling'
    return {
      id: facts.id,
      role: facts.role,
      status: isAnswered ? 'answered' : unanswered,
      party: toPartyState(this.party),
      isHolding: this.isHeld,
      isMuted: this.isMuted,
    }
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
