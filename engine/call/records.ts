/**
 * What a call writes: events, leg rows, one CDR, and the snapshot by which an answered call survives its process (T1-T5).
 * The voice process puts them into its one ordered writer. All times are instants of the process's clock, whose
 * beginning the writer knows; durations are differences of instants (T32).
 *
 * Invariant: a call writes `call.started` first and `call.ended` with its CDR exactly once and last. A leg writes
 * `leg.ended` once, in the call that it is in then, and before the end of that.
 */
import type { Instant } from '../machine.ts'
import type { MediaQuality } from '../rtp/messages.ts'
import type { SupervisionMode } from './command.ts'
import type { LegId } from './leg.ts'

export type CallEventType =
  | 'call.started'
  | 'call.ringing'
  | 'call.answered'
  | 'call.held'
  | 'call.resumed'
  | 'call.transferred'
  | 'call.consultation_started'
  | 'call.consultation_answered'
  | 'call.consultation_ended'
  | 'call.merged'
  | 'call.unmerged'
  | 'call.joined_meeting'
  | 'call.parked'
  | 'call.retrieved'
  | 'call.monitor_started'
  | 'call.monitor_changed'
  | 'call.monitor_stopped'
  | 'call.recording_started'
  | 'call.recording_paused'
  | 'call.recording_resumed'
  | 'call.recording_stopped'
  | 'call.rejected'
  | 'call.muted'
  | 'call.unmuted'
  | 'call.dtmf_sent'
  | 'call.command_failed'
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

/** What a leg tells that no event of its call does (contract/leg.ts). */
export type LegEventType = 'leg.ringing' | 'leg.answered' | 'leg.moved' | 'leg.ended'

/** How a leg ended. */
export interface LegEnd {
  readonly at: Instant
  readonly cause: HangupCause
  readonly by: 'party' | 'system'
  readonly sipCode: number | null
  readonly q850: number | null
}

/** A leg that is there now, for whoever steers it. */
export interface LegState {
  readonly id: LegId
  readonly role: 'caller' | 'callee'
  /** `calling`: it wants to be answered; `dialling`: it does not ring yet. */
  readonly status: 'calling' | 'dialling' | 'ringing' | 'answered'
  readonly party: PartyState
  /** It put the other side on hold. */
  readonly isHolding: boolean
  /** What it says reaches nobody. */
  readonly isMuted: boolean
  readonly startedAt: Instant
  readonly ringingAt: Instant | null
  readonly answeredAt: Instant | null
}

/** What besides two who talk there may be. */
export interface FloorState {
  /** One side waits to be retrieved. */
  readonly isParked: boolean
  readonly recording: { readonly id: string; readonly isPaused: boolean } | null
  readonly supervisors: readonly { readonly leg: LegId; readonly mode: SupervisionMode }[]
  /** One side takes part in it. */
  readonly meetingId: string | null
}

export interface CallState {
  readonly id: string
  readonly accountId: string
  readonly direction: CallDirection
  readonly status: 'started' | 'ringing' | 'answered' | 'held' | 'parked' | 'ended'
  readonly isEmergency: boolean
  readonly caller: PartyState
  /** As dialled or called. */
  readonly calledNumber: string
  /** Who answered; before that who is called, where that is one party. */
  readonly callee: PartyState | null
  readonly callflowId: string | null
  readonly legs: readonly LegState[]
  readonly recording: FloorState['recording']
  readonly supervisors: FloorState['supervisors']
  readonly meetingId: FloorState['meetingId']
  readonly startedAt: Instant
  readonly answeredAt: Instant | null
  readonly endedAt: Instant | null
  readonly hangupCause: HangupCause | null
  /** Of whoever placed it by a command. */
  readonly correlationId: string | null
}

/** How a consultation ended without a transfer; the rest is how whoever was asked did not answer. */
export type ConsultationEnd =
  | 'cancelled'
  | 'hung_up'
  | 'other_hung_up'
  | 'busy'
  | 'no_answer'
  | 'unreachable'
  | 'failed'
/** Why nothing more is recorded. */
type RecordingEnd = 'stopped' | 'call_ended' | 'failed'

/** What an event of a command tells besides the call. */
export interface EventAbout {
  /** Consulted, parking, retrieving or supervising. */
  readonly party?: PartyState
  readonly reason?: ConsultationEnd | RecordingEnd
  readonly mode?: SupervisionMode
  readonly recordingId?: string
  readonly meeting?: { readonly meetingId: string; readonly participantId: string }
  readonly digitCount?: number
}

/** A recording, or what there is of it so far. */
export interface RecordingState {
  readonly id: string
  readonly callId: string
  readonly accountId: string
  readonly ownerId: string | null
  readonly startedAt: Instant
  /** Null: it goes on. */
  readonly endedAt: Instant | null
  readonly fault: string | null
  readonly parts: readonly RecordingPart[]
}

/** A file of it; `isSwapped`: its left channel belongs on the right. */
export interface RecordingPart {
  readonly path: string
  readonly isSwapped: boolean
}

/** A command that had no effect after all, and why. */
interface CommandFailure {
  readonly commandId: string
  readonly verb: string
  readonly reason: string
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
  readonly hangupCause: HangupCause
  readonly endedBy: LegEnd['by']
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
      /** The command that caused it, else the call's own (E7). */
      readonly correlationId: string | null
      /** Who commanded it: JSON text. */
      readonly actor: string | null
      /** call.command_failed. */
      readonly failure?: CommandFailure
      /** call.transferred: who it went to. */
      readonly transferredTo?: PartyState
      readonly about?: EventAbout
    }
  | {
      readonly type: 'leg_event'
      readonly event: LegEventType
      readonly at: Instant
      readonly callId: string
      readonly leg: LegState
      /** leg.ended. */
      readonly end: LegEnd | null
      /** leg.moved: the call that it was in. */
      readonly fromCallId: string | null
    }
  /** In place of the one before of that id. */
  | { readonly type: 'recording'; readonly recording: RecordingState }
  | { readonly type: 'leg'; readonly leg: LegRow }
  | { readonly type: 'cdr'; readonly cdr: Cdr }
  /** In place of the one before; null: the call is over. A later one may swallow an earlier one that is not written yet. */
  | {
      readonly type: 'snapshot'
      readonly callId: string
      readonly accountId: string
      readonly text: string | null
    }
  /** JSON that belongs to the last snapshot, if there is one, as its `ending`: who takes it up ends the call so. */
  | { readonly type: 'ending'; readonly callId: string; readonly text: string }
