/**
 * Who of a call's legs talk with each other, who waits and hears music, and who listens: from that follows whom the media
 * worker joins to whom, two by a bridge, more of them by a mix.
 *
 *   two          caller and callee
 *   consulting   one of the two with a third, while the other waits (consult.ts)
 *   merged       all three (merge.ts)
 *   parked       one, who waits (park.ts)
 *   in a meeting one, with whoever is there (meeting.ts)
 *   supervised   any of these, with somebody who listens (supervise.ts)
 *
 * Invariant: a leg is in one of these places at most, and none that is over is in any.
 */
import type { Instant } from '../machine.ts'
import type { Call } from './call.ts'
import type { CallLeg } from './call-leg.ts'
import type { CallRecording } from './call-recording.ts'
import type { CommandId } from './command.ts'
import { type Consultation, consultationLost } from './consult.ts'
import type { LegEvent } from './leg.ts'
import type { Attendance } from './meeting.ts'
import { parted } from './merge.ts'
import { hungUp, type Outcome } from './outcome.ts'
import type { Origination } from './originate.ts'
import type { Parking } from './park.ts'
import type { FloorState } from './records.ts'
import { type Supervision, supervisionEnded } from './supervise.ts'

export class Floor {
  readonly #call: Call
  consultation: Consultation | null = null
  parking: Parking | null = null
  meeting: Attendance | null = null
  /** The caller's phones ring first. */
  origination: Origination | null = null
  /** Merged with caller and callee. */
  third: CallLeg | null = null
  supervisions: readonly Supervision[] = []
  recording: CallRecording | null = null
  #isMixed = false

  constructor(call: Call) {
    this.#call = call
  }

  /** In the order of the call: caller first. */
  get talking(): CallLeg[] {
    const { stage, caller, callee } = this.#call
    if (stage !== 'connected') return []
    const { consultation, third } = this
    const legs = consultation ? [consultation.consultant, consultation.consulted] : [caller, callee, third]
    return legs.filter((leg) => leg !== null)
  }

  /** Null: it talks to nobody, or to several. */
  peerOf(leg: CallLeg): CallLeg | null {
    const { talking } = this
    if (talking.length !== 2 || !talking.includes(leg)) return null
    return talking.find((one) => one !== leg) ?? null
  }

  /** Nobody knows what they are here for. */
  get unplaced(): CallLeg[] {
    const { caller, callee, legs } = this.#call
    const listening = this.supervisions.map(({ leg }) => leg)
    const placed = [caller, callee, this.third, this.consultation?.consulted, ...listening]
    return legs.live.filter((leg) => !placed.includes(leg))
  }

  /** As the log shows it. */
  shown(): FloorState {
    const { parking, recording, supervisions, meeting } = this
    return {
      isParked: parking !== null,
      recording: recording && { id: recording.id, isPaused: recording.isPaused },
      supervisors: supervisions.flatMap(({ leg, mode }) => (leg ? [{ leg: leg.id, mode }] : [])),
      meetingId: meeting?.link.meetingId ?? null,
    }
  }

  /** Sound is mixed or recorded: it must be in a codec that we can decode. */
  get needsSpeech(): boolean {
    return this.#isMixed || this.recording !== null || this.meeting !== null || this.supervisions.length > 0
  }

  /** Digits pass by no relay. */
  get isMixed(): boolean {
    return this.#isMixed
  }

  /** A bridge that does not fit, or a mix that lacks somebody, is made anew. */
  arrange(now: Instant): void {
    this.#join()
    this.recording?.follow(now)
  }

  #join(): void {
    const { talking } = this
    const listeners = this.supervisions.flatMap(({ leg }) => leg ?? [])
    const [a, b] = talking
    if (listeners.length === 0 && talking.length <= 2) {
      this.#endMix()
      if (a && b) this.#call.media.bridge(a, b)
      return
    }
    this.#isMixed = true
    const hears: Record<string, string[]> = {}
    for (const leg of talking) {
      const speaking = this.supervisions.filter((one) => one.isHeardBy(leg)).flatMap((one) => one.leg ?? [])
      hears[leg.id] = [...talking.filter((one) => one !== leg), ...speaking].map(({ id }) => id)
    }
    const barging = this.supervisions.filter(({ mode }) => mode === 'barge').flatMap(({ leg }) => leg ?? [])
    for (const leg of listeners) {
      hears[leg.id] = [...talking, ...barging.filter((one) => one !== leg)].map(({ id }) => id)
    }
    this.#call.services.emit({ type: 'media', order: { type: 'mix', mix: this.#call.id, hears } })
  }

  #endMix(): void {
    if (!this.#isMixed) return
    this.#isMixed = false
    this.#call.services.emit({ type: 'media', order: { type: 'mix', mix: this.#call.id, hears: {} } })
  }

  /** After a restart: who waits while another consults hears its music again. */
  resume(): void {
    const { consultation } = this
    if (consultation) this.#call.media.holdFor(consultation.waiting, consultation.consultant.party)
  }

  // --- what happens to the legs that only the floor knows ---

  /** True: it was for somebody who is asked in. */
  handle(now: Instant, leg: CallLeg, event: LegEvent): boolean {
    return this.#invitations.some((one) => one.handle(now, leg, event))
  }

  dialled(now: Instant, leg: CallLeg): void {
    for (const one of this.#invitations) one.dialled(now, leg)
  }

  digit(now: Instant, leg: CallLeg, digit: string): void {
    for (const one of this.#invitations) one.digit(now, leg, digit)
  }

  played(now: Instant, leg: CallLeg): void {
    for (const one of this.#invitations) one.played(now, leg, hungUp)
  }

  mediaFailed(now: Instant, leg: CallLeg, outcome: Outcome): void {
    for (const one of this.#invitations) one.mediaFailed(now, leg, outcome)
  }

  /** It is called for somebody who is asked in. */
  isInvited(leg: CallLeg): boolean {
    return this.#invitations.some(({ legs }) => legs.includes(leg))
  }

  reject(now: Instant, leg: CallLeg): boolean {
    return this.#invitations.some((one) => one.reject(now, leg))
  }

  /** The others have a call when that leg leaves. */
  goesOnWithout(leg: CallLeg): boolean {
    const { caller, callee } = this.#call
    if (leg !== caller && leg !== callee) return true
    return this.third !== null || (this.consultation?.consulted ?? null) !== null
  }

  /** A leg of the call is over, by a command or by itself; true: the call goes on without it. */
  left(now: Instant, leg: CallLeg, command: CommandId | null = null): boolean {
    const supervision = this.supervisions.find((one) => one.leg === leg)
    if (supervision) {
      supervisionEnded(now, this.#call, supervision, command)
      return true
    }
    return consultationLost(now, this.#call, leg, command) || parted(now, this.#call, leg, command)
  }

  /** The call is over. */
  close(now: Instant): void {
    this.#endMix()
    this.parking?.close()
    if (this.meeting) this.#call.services.emit({ type: 'phones' })
    for (const one of this.#invitations) one.cancel(now)
    this.recording?.callEnded(now)
  }

  get #invitations() {
    return [
      this.origination?.invitation,
      this.consultation?.invitation,
      ...this.supervisions.map(({ invitation }) => invitation),
    ].filter((one) => one !== null && one !== undefined)
  }
}
