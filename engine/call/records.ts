/**
 * What a call writes: events, leg rows, one CDR, and the snapshot by which an answered call survives its process (T1-T5).
 * The voice process puts them into its one ordered writer. All times are instants of the process's clock, whose
 * beginning the writer knows; durations are differences of instants (T32).
 *
 * Invariant: a call writes `call.started` first and `call.ended` with its CDR exactly once and last.
 */
import type { Instant } from '../machine.ts'
import type { MediaQuality } from '../rtp/messages.ts'
import type { LegId } from './leg.ts'

export type CallEventType =
  | 'call.started'
  | 'call.ringing'
  | 'call.answered'
  | 'call.held'
  | 'call.resumed'
  | 'call.transferred'
  | 'call.ended'
export type CallDirection = 'internal' | 'incoming' | 'outgoing'
export type HangupCause = 'ANSWERED' | 'NO ANSWER' | 'BUSY' | 'FAILED' | 'CANCEL' | 'CONGESTION'

/** One side of a call, for people who look at it. */
export interface PartyState {
  readonly number: string
  readonly name: string | null
  readonly userId: string | null
  readonly deviceId: string | null
  readonly trunkId: string | null
}

export interface CallState {
  readonly id: string
  readonly accountId: string
  readonly direction: CallDirection
  readonly status: 'started' | 'ringing' | 'answered' | 'held' | 'ended'
  readonly isEmergency: boolean
  readonly caller: PartyState
  /** As dialled or called. */
  readonly calledNumber: string
  /** Who answered; before that who is called, where that is one party. */
  readonly callee: PartyState | null
  readonly callflowId: string | null
  readonly startedAt: Instant
  readonly answeredAt: Instant | null
  readonly endedAt: Instant | null
  readonly hangupCause: HangupCause | null
}

/** Written with the end of the call, losing branches too (T32). */
export interface LegRow {
  readonly id: LegId
  readonly callId: string
  readonly accountId: string
  readonly role: 'caller' | 'callee'
  readonly party: PartyState
  readonly startedAt: Instant
  readonly ringingAt: Instant | null
  readonly answeredAt: Instant | null
  readonly endedAt: Instant
  /** From the answer, in whole seconds, rounded up. Zero of a leg that costs nothing. */
  readonly billingSeconds: number
  /** The user who pays for an outside leg: whoever dialled, forwarded or transferred (T32). */
  readonly billedUserId: string | null
  readonly billedDeviceId: string | null
  readonly isForwarded: boolean
  readonly sipCode: number | null
  readonly q850: number | null
  readonly quality: MediaQuality | null
}

/** The history row. */
export interface Cdr {
  readonly callId: string
  readonly accountId: string
  readonly direction: CallDirection
  readonly ownerId: string | null
  readonly caller: PartyState
  readonly calledNumber: string
  /** In E.164 where it is a number of the world: for what is detected from it. */
  readonly calledE164: string | null
  readonly callee: PartyState | null
  readonly callflowId: string | null
  readonly callerLeg: LegId
  readonly calleeLeg: LegId | null
  readonly startedAt: Instant
  readonly answeredAt: Instant | null
  readonly endedAt: Instant
  readonly durationSeconds: number
  readonly billingSeconds: number
  readonly hangupCause: HangupCause
  readonly sipCode: number | null
  readonly q850: number | null
  readonly endedBy: 'caller' | 'callee' | 'system'
  readonly isEmergency: boolean
}

export type CallRecord =
  | {
      readonly type: 'event'
      readonly event: CallEventType
      readonly at: Instant
      readonly call: CallState
      /** Whose doing it was. */
      readonly leg: LegId | null
      /** call.transferred: who it went to. */
      readonly transferredTo?: PartyState
    }
  | { readonly type: 'leg'; readonly leg: LegRow }
  | { readonly type: 'cdr'; readonly cdr: Cdr }
  /** In place of the one before; null: the call is over. A later one may swallow an earlier one that is not written yet. */
  | {
      readonly type: 'snapshot'
      readonly callId: string
      readonly accountId: string
      readonly text: string | null
    }
