/** What the api and the voice process say over their Unix socket: one JSON value a line. Both are of one version. */
import type { CallCommand, CommandRefusal } from '../../engine/call/command.ts'
import type { MeetingPhone } from '../../engine/call/meeting-phone.ts'
import type { OutsideCall } from '../sandbox/protocol.ts'
import { unixSocketPath } from '../media/worker-process.ts'

export type ToVoice =
  | { readonly type: 'changed'; readonly request: number; readonly accountId: string }
  | { readonly type: 'figures'; readonly request: number }
  /** Somebody of the simulated outside world calls; `done` says that it was told to. */
  | { readonly type: 'sandbox_call'; readonly request: number; readonly call: OutsideCall }
  | { readonly type: 'command'; readonly request: number; readonly command: CallCommand }
  /** The leg that is in a meeting as that participant is hung up. */
  | { readonly type: 'drop_phone'; readonly participantId: string }

export type FromVoice =
  /** It is carried out; or why not. */
  | { readonly type: 'done'; readonly request: number; readonly fault: string | null }
  | { readonly type: 'figures'; readonly request: number; readonly figures: VoiceFigures }
  /** Null: it is done, or on its way. */
  | { readonly type: 'commanded'; readonly request: number; readonly refusal: CommandRefusal | null }
  /** All legs that are in meetings: first on every connection, and when it changes. */
  | { readonly type: 'phones'; readonly phones: readonly MeetingPhone[] }
  /** Events wait in the inbox. */
  | { readonly type: 'wrote' }

/** For /metrics. */
export interface VoiceFigures {
  readonly calls: number
  readonly legs: number
  readonly transactions: number
  readonly timers: number
  /** Answered challenges that are remembered. */
  readonly nonces: number
  /** Dialogs whose messages are kept. */
  readonly ladders: number
  /** In use. */
  readonly rtpPorts: number
  readonly registrations: number
  readonly subscriptions: number
  readonly connections: number
  /** Records that wait for the database. */
  readonly waiting: number
  readonly spoolBytes: number
  readonly loopLagMs: number
  readonly rssBytes: number
  readonly heapBytes: number
  readonly cpuMicros: number
  readonly messagesIn: number
  readonly messagesOut: number
  readonly malformed: number
}

export const voiceSocketPath = (dataDir: string): string => unixSocketPath(dataDir, 'voice.sock')
