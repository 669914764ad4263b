/**
 * What may be asked of a call from outside the telephone: the API's call control. A command is checked at once, without
 * I/O (`CommandRefusal` names what does not fit), and then carried out like any other input: its effect is an event, or
 * `call.command_failed` with a reason, whose correlation is the command's id (E7).
 */
import type { LegId } from './leg.ts'

/** `cmd_` and 24 hex digits, or what the caller chose for it. */
export type CommandId = string

/** Whose right it is: a person acts with their own leg, an administrator with any. */
export interface CommandBy {
  readonly accountId: string
  /** Null: a key, which may do what an administrator may. */
  readonly userId: string | null
  readonly isAdmin: boolean
  /** As the log shows who did it: JSON text, which nothing here reads. */
  readonly actor: string
}

/** Where a command points: digits as a phone of the account would dial them, or one of its own. */
export type CommandTarget =
  | { readonly type: 'number'; readonly number: string }
  | { readonly type: 'user'; readonly userId: string }
  | { readonly type: 'device'; readonly deviceId: string }

export type SupervisionMode = 'monitor' | 'whisper' | 'barge'
export type RecordAction = 'start' | 'pause' | 'resume' | 'stop'

/** `leg` null: the leg of whoever commands; of an administrator the only one inside, else it must be named. */
export type CallAction =
  /** The phone that rings takes the call by itself (Call-Info `answer-after=0`, Alert-Info). */
  | { readonly type: 'answer'; readonly leg: LegId | null }
  | { readonly type: 'reject'; readonly leg: LegId | null }
  | { readonly type: 'hold' | 'unhold' | 'mute' | 'unmute'; readonly leg: LegId | null }
  /** To the other side of `leg`, as if it had pressed them. */
  | { readonly type: 'dtmf'; readonly leg: LegId | null; readonly digits: string }
  /** Blind: `leg` leaves, the other side goes on to `to`. */
  | { readonly type: 'transfer'; readonly leg: LegId | null; readonly to: CommandTarget }
  /** `leg` talks to `to` while the other side waits; then `complete` joins those two, `cancel` goes back, `merge` joins all. */
  | { readonly type: 'consult'; readonly leg: LegId | null; readonly to: CommandTarget }
  | { readonly type: 'complete' | 'cancel' | 'merge'; readonly leg: LegId | null }
  /** The other side of `leg` waits with music, in no lot, until it is retrieved; `leg` leaves. */
  | { readonly type: 'park'; readonly leg: LegId | null }
  /** A device of that target is called with auto-answer where it can, and is joined to who is parked. */
  | { readonly type: 'retrieve'; readonly by: CommandTarget; readonly isAutoAnswer: boolean }
  /** The same for a call that rings elsewhere. */
  | { readonly type: 'pickup'; readonly by: CommandTarget; readonly isAutoAnswer: boolean }
  | { readonly type: 'record'; readonly action: RecordAction }
  /** `by` is called and hears both; `leg` is whom a whisper reaches. The mode of one who listens already is changed. */
  | {
      readonly type: 'monitor'
      readonly mode: SupervisionMode
      readonly by: CommandTarget
      readonly leg: LegId | null
      readonly isAutoAnswer: boolean
    }
  /** `leg` leaves, and the other side goes on as an audio participant of the meeting at the end of that link. */
  | { readonly type: 'to_meeting'; readonly leg: LegId | null; readonly meeting: MeetingLink | MeetingRefusal }
  | { readonly type: 'hangup'; readonly leg: LegId | null }

/** Where the plain RTP of one participant goes (M8); made by whoever runs the meeting. */
export interface MeetingLink {
  readonly meetingId: string
  readonly participantId: string
  /** What can be dialled to be there, and what it is called. */
  readonly number: string
  readonly topic: string
  /** The meeting's worker. */
  readonly worker: number
}

/** Why nobody can go there; said once it is sure that the rest of the command fits. */
export interface MeetingRefusal {
  readonly refusal: string
}

/** Click-to-call: the phones of `from` ring (or answer by themselves), then `to` is dialled with their rights. */
export interface Origination {
  readonly from: CommandTarget
  readonly to: CommandTarget | { readonly type: 'meeting'; readonly meeting: MeetingLink }
  readonly isAutoAnswer: boolean
  /** Shown to whoever is called, where the account may show it; null: as `from` always calls. */
  readonly callerId: { readonly number: string | null; readonly name: string | null } | null
  /** How long `from` rings. */
  readonly ringMs: number
}

export interface OriginateCommand {
  readonly type: 'originate'
  readonly id: CommandId
  readonly by: CommandBy
  /** `call_…`, given by whoever asks, so that the answer can name it. */
  readonly callId: string
  readonly origination: Origination
}

export interface ActCommand<A extends CallAction = CallAction> {
  readonly type: 'act'
  readonly id: CommandId
  readonly by: CommandBy
  readonly callId: string
  readonly action: A
}

export type CallCommand = OriginateCommand | ActCommand

/** The action of that verb. */
export type ActionOf<V extends CallAction['type']> = CallAction & { readonly type: V }

/** Known before anything was done: nothing was. `not_found` is also said of what the caller may not see. */
export interface CommandRefusal {
  readonly code: 'not_found' | 'conflict' | 'invalid_request' | 'not_allowed'
  /** The field that does not fit, in the API's words. */
  readonly field: string | null
  readonly message: string
}
