/**
 * Who talks, waits, listens and is recorded, as the next process finds it (T5). Whose phone was just ringing for it is
 * hung up there: nobody would know what for.
 */
import type { Instant } from '../machine.ts'
import type { Call } from './call.ts'
import type { CallLeg } from './call-leg.ts'
import { CallRecording, type RecordingSnapshot } from './call-recording.ts'
import { Consultation } from './consult.ts'
import type { Floor } from './floor.ts'
import type { LegId } from './leg.ts'
import { type Attendance, rejoin } from './meeting.ts'
import { Parking, type ParkingSnapshot } from './park.ts'
import { Supervision, type SupervisionSnapshot } from './supervise.ts'

export interface FloorSnapshot {
  readonly consultation: { readonly consultant: LegId; readonly consulted: LegId; readonly command: string } | null
  readonly third: LegId | null
  readonly parking: ParkingSnapshot | null
  /** Absent: of a version before this one. */
  readonly meeting?: Attendance | null
  readonly supervisions: readonly SupervisionSnapshot[]
  readonly recording: RecordingSnapshot | null
}

/** Undefined: two talk, and that is all. */
export function floorSnapshot(floor: Floor): FloorSnapshot | undefined {
  const { consultation, third, parking, meeting, supervisions, recording } = floor
  if (!consultation && !third && !parking && !meeting && !recording && supervisions.length === 0) return undefined
  const { consultant, consulted, command } = consultation ?? {}
  return {
    consultation:
      consultant && consulted ? { consultant: consultant.id, consulted: consulted.id, command: command ?? '' } : null,
    third: third?.id ?? null,
    parking: parking?.snapshot() ?? null,
    meeting,
    supervisions: supervisions.flatMap((one) => one.snapshot()),
    recording: recording?.snapshot() ?? null,
  }
}

export const emptyFloor: FloorSnapshot = {
  consultation: null,
  third: null,
  parking: null,
  supervisions: [],
  recording: null,
}

/** Before the call is connected, with the legs that are there still. */
export function restoreFloor(now: Instant, call: Call, kept: FloorSnapshot, legs: ReadonlyMap<LegId, CallLeg>): void {
  const { floor } = call
  const third = legs.get(kept.third ?? '') ?? null
  if (kept.meeting) {
    floor.meeting = kept.meeting
    rejoin(call, kept.meeting)
  }
  // It has taken the place of one who is gone.
  floor.third = third === call.caller || third === call.callee ? null : third
  if (kept.parking) floor.parking = new Parking(call, kept.parking.parker, Math.max(now, kept.parking.until))
  for (const one of kept.supervisions) {
    const leg = legs.get(one.leg)
    if (!leg) continue
    const supervision = new Supervision(call, { ...one, command: '' })
    supervision.leg = leg
    supervision.hasStarted = true
    floor.supervisions = [...floor.supervisions, supervision]
  }
  floor.consultation = consultationIn(call, kept, legs)
  const recorded = legs.get(kept.recording?.leg ?? '')
  if (!kept.recording) return
  floor.recording = CallRecording.fromSnapshot(call, recorded ?? call.caller, kept.recording)
  floor.recording.resume(now)
}

function consultationIn(
  call: Call,
  { consultation: kept }: FloorSnapshot,
  legs: ReadonlyMap<LegId, CallLeg>,
): Consultation | null {
  const { caller, callee } = call
  const [consultant, consulted] = [legs.get(kept?.consultant ?? ''), legs.get(kept?.consulted ?? '')]
  if (!kept || !callee || !consultant || !consulted) return null
  const waiting = consultant === caller ? callee : caller
  return Consultation.restored(call, [consultant, waiting, consulted], kept.command)
}
