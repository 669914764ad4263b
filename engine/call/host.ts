/**
 * What call logic is given by the voice process: ids, addresses and look-ups, all answered at once from memory. Nothing
 * here does I/O, so that a call is a pure function of its inputs and of these answers.
 */
import type { SrtpKeys } from '../sdp/crypto.ts'
import type { Directories, PromptName } from './directory.ts'
import type { Instant } from '../machine.ts'
import type { DialTarget, LegCommand, LegId, ReferTarget, WrittenDialog } from './leg.ts'

export interface CallHost {
  readonly directories: Directories
  /** `call_` and 24 hex digits. */
  newCallId(): string
  newLegId(): LegId
  newRecordingId(): string
  /** Where the worker writes that part of a recording, counted from 1. */
  recordingPath(recordingId: string, part: number): string
  /** Digits, for the o= line. */
  newSdpSessionId(): string
  newSrtpKeys(): SrtpKeys
  /** The bindings of a device, the latest first; none: it is unreachable. */
  contacts(deviceId: string): readonly DeviceContact[]
  /** The bindings of a trunk that registers with us. */
  trunkContacts(trunkId: string): readonly DeviceContact[]
  /** False: it is asked whether it is alive, and does not answer (T15). */
  isTrunkUp(trunkId: string): boolean
  /**
   * A pair of ports for one endpoint of a leg, as the peer reaches it (T10): `peer` is the dialled target, null when the
   * leg is there already. Null: all are in use. The driver takes them back when the endpoint's `closed` comes.
   */
  mediaPlace(leg: LegId, peer: DialTarget | null, endpoint: string): MediaPlace | null
  /** Where the SIP messages of the leg's peer come from. */
  signallingAddress(leg: LegId): string
  /** The leg of ours whose dialog is named; null: none. */
  findDialog(replaces: NonNullable<ReferTarget['replaces']>): LegId | null
  /**
   * The dialog of a caller as it is once that has answered it, by which it can be taken up again even when nothing was
   * written after the answer (T5); null: there is no such leg, or it waits for no answer.
   */
  dialogWith(
    now: Instant,
    leg: LegId,
    answer: Pick<Extract<LegCommand, { type: 'answer' }>, 'sdp' | 'identity'>,
  ): WrittenDialog | null
  /** A WAV file of those that are there without anybody's doing; null where there is none in any language. */
  prompt(name: PromptName, language: string): string | null
}

export interface DeviceContact {
  readonly target: DialTarget
  /** The contact came over TLS: offer SRTP. */
  readonly isSecure: boolean
}

export interface MediaPlace {
  readonly port: number
  /** To bind to. */
  readonly bindAddress: string
  /** To put into SDP. */
  readonly address: string
}
