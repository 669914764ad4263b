/**
 * The recording of one call: both sides, one on each channel, for as long as the call lasts or until it is stopped. The
 * media worker records at one leg, what it says and what it hears; when that leg leaves, or the worker dies, the recording
 * goes on in another part at whoever is there (T6). The parts are put together when it is over (server/recording).
 *
 * Invariant: from `start` to its end there is a part that is being written, or `fault` says why not.
 */
import type { Instant } from '../machine.ts'
import type { MediaReport } from '../rtp/messages.ts'
import type { Call } from './call.ts'
import type { CallLeg } from './call-leg.ts'
import type { ActCommand, ActionOf, CommandRefusal } from './command.ts'
import type { LegId } from './leg.ts'
import type { CallRecord, RecordingPart } from './records.ts'
import { ownLegs, refuse } from './verb.ts'

/** Parts that end sooner than this, one after the other, end by themselves: another one would too. */
const shortestPartMs = 1_000
const mostShortParts = 3

type Side = 'left' | 'right'

/** T5. */
export interface RecordingSnapshot {
  readonly id: string
  readonly ownerId: string | null
  readonly startedAt: Instant
  readonly isPaused: boolean
  readonly leg: LegId
  readonly parts: readonly RecordingPart[]
  readonly sides: readonly (readonly [LegId, Side])[]
}

export class CallRecording {
  readonly id: string
  readonly ownerId: string | null
  readonly startedAt: Instant
  isPaused = false
  #leg: CallLeg
  #parts: readonly RecordingPart[] = []
  #partAt: Instant
  #shortParts = 0
  readonly #call: Call
  /** Who is on which channel, so that nobody changes it between two parts. */
  readonly #sides = new Map<LegId, Side>()

  constructor(call: Call, leg: CallLeg, parts: { id: string; ownerId: string | null; startedAt: Instant }) {
    this.#call = call
    this.#leg = leg
    this.id = parts.id
    this.ownerId = parts.ownerId
    this.startedAt = parts.startedAt
    this.#partAt = parts.startedAt
  }

  static fromSnapshot(call: Call, leg: CallLeg, kept: RecordingSnapshot): CallRecording {
    const recording = new CallRecording(call, leg, kept)
    recording.isPaused = kept.isPaused
    recording.#parts = kept.parts
    for (const [one, side] of kept.sides) recording.#sides.set(one, side)
    return recording
  }

  snapshot(): RecordingSnapshot {
    const { id, ownerId, startedAt, isPaused } = this
    return { id, ownerId, startedAt, isPaused, leg: this.#leg.id, parts: this.#parts, sides: [...this.#sides] }
  }

  begin(now: Instant): void {
    this.#nextPart(now, this.#leg)
  }

  /**
   * After a restart: in another part, because a worker that is new too cannot go on with a file that is there. One that
   * lived on ends the part before by itself.
   */
  resume(now: Instant): void {
    this.#nextPart(now, this.#leg)
  }

  /** Somebody came or left: it is recorded at one who talks, and of those at who it was. */
  follow(now: Instant): void {
    const { talking } = this.#call.floor
    const there = talking.length > 0 ? talking : [this.#call.caller]
    if (there.includes(this.#leg)) return this.#place(there)
    const next = there.find((leg) => this.#sides.has(leg.id)) ?? there[0]
    if (!next) return
    this.#call.services.emit({ type: 'media', order: { type: 'record_stop', endpoint: this.#leg.id } })
    this.#place(there)
    this.#nextPart(now, next)
  }

  pause(isPaused: boolean): void {
    this.isPaused = isPaused
    const order = { type: 'record_pause', endpoint: this.#leg.id, isPaused } as const
    this.#call.services.emit({ type: 'media', order })
  }

  stop(): void {
    this.#call.services.emit({ type: 'media', order: { type: 'record_stop', endpoint: this.#leg.id } })
  }

  /** Its file was closed although nobody asked for that: the worker died, or cannot write. */
  broken(now: Instant, report: Extract<MediaReport, { type: 'recorded' }>): void {
    // One whose leg has left is followed as soon as another is there.
    if (report.path !== this.#parts.at(-1)?.path || this.#leg.isOver || this.#call.isOver) return
    this.#shortParts = now - this.#partAt < shortestPartMs ? this.#shortParts + 1 : 0
    if (this.#shortParts < mostShortParts) {
      this.#nextPart(now, this.#leg)
      this.#call.writeSnapshot()
      return
    }
    this.#call.floor.recording = null
    const fault = report.message ?? 'The file was closed.'
    this.#call.services.write(this.#call.id, [this.row(now, fault)])
    this.#call.tell(now, 'call.recording_stopped', null, { recordingId: this.id, reason: 'failed' })
    this.#call.writeSnapshot()
  }

  /** As the database is to have it. `endedAt` null: it goes on. */
  row(endedAt: Instant | null, fault: string | null = null): CallRecord {
    const { id: callId, accountId } = this.#call.ledger.facts
    const { id, ownerId, startedAt } = this
    const recording = { id, callId, accountId, ownerId, startedAt, endedAt, fault, parts: this.#parts }
    return { type: 'recording', recording }
  }

  /** With the call's end the worker closes the file. */
  callEnded(now: Instant): void {
    this.#call.services.write(this.#call.id, [this.row(now)])
    this.#call.tell(now, 'call.recording_stopped', null, { recordingId: this.id, reason: 'call_ended' })
  }

  #nextPart(now: Instant, leg: CallLeg): void {
    this.#leg = leg
    this.#place([leg])
    const path = this.#call.services.host.recordingPath(this.id, this.#parts.length + 1)
    this.#parts = [...this.#parts, { path, isSwapped: this.#sides.get(leg.id) === 'right' }]
    this.#partAt = now
    this.#order(path)
    this.#call.services.write(this.#call.id, [this.row(null)])
  }

  #order(path: string): void {
    const { emit } = this.#call.services
    emit({ type: 'media', order: { type: 'record', endpoint: this.#leg.id, path, sides: 'both' } })
    if (this.isPaused) this.pause(true)
  }

  /** The caller on the left; who comes later has the side of whom nobody there has. */
  #place(legs: readonly CallLeg[]): void {
    for (const leg of legs) {
      if (this.#sides.has(leg.id)) continue
      const isLeftTaken = legs.some((one) => this.#sides.get(one.id) === 'left')
      this.#sides.set(leg.id, isLeftTaken ? 'right' : 'left')
    }
  }
}

type RecordCommand = ActCommand<ActionOf<'record'>>

export function record(
  now: Instant,
  call: Call,
  { id: command, by, action: { action } }: RecordCommand,
): CommandRefusal | null {
  // A phone that rings for a consultation, or listens, is in the call too.
  if (!by.isAdmin && !ownLegs(call, by.userId).some((leg) => call.floor.talking.includes(leg))) {
    return refuse('not_allowed', 'Only who talks may record.')
  }
  if (action === 'start') return start(now, call, by, command)
  const { recording } = call.floor
  if (!recording) return refuse('conflict', 'It is not being recorded.')
  const recordingId = recording.id
  if (action === 'stop') {
    stopRecording(now, call, recording, command)
  } else {
    const isPausing = action === 'pause'
    if (recording.isPaused === isPausing) {
      return refuse('conflict', isPausing ? 'The recording is paused already.' : 'The recording is not paused.')
    }
    recording.pause(isPausing)
    call.tell(now, isPausing ? 'call.recording_paused' : 'call.recording_resumed', null, { command, recordingId })
  }
  call.writeSnapshot()
  return null
}

/** A snapshot is to be written after it. */
export function stopRecording(
  now: Instant,
  call: Call,
  recording: CallRecording,
  command: RecordCommand['id'] | null = null,
): void {
  recording.stop()
  call.floor.recording = null
  call.services.write(call.id, [recording.row(now)])
  call.tell(now, 'call.recording_stopped', null, { command, recordingId: recording.id, reason: 'stopped' })
}

function start(now: Instant, call: Call, by: RecordCommand['by'], command: RecordCommand['id']): CommandRefusal | null {
  const { floor, ledger, services } = call
  if (call.isEmergency) return refuse('not_allowed', 'An emergency call is not recorded.')
  if (floor.recording) return refuse('conflict', 'It is being recorded already.')
  if (call.stage !== 'connected') return refuse('conflict', 'Nobody talks in this call.')
  call.media.toSpeech(floor.talking, now, (at, refusing) => {
    const [first] = floor.talking
    if (floor.recording || !first || call.isOver || call.isEmergency) {
      return call.commandFailed(at, command, 'record', 'The call had changed before it could begin.')
    }
    if (refusing)
      return call.commandFailed(at, command, 'record', 'A phone stays with a codec that cannot be recorded.')
    const ownerId = by.userId ?? ledger.facts.caller.userId ?? ledger.callee?.userId ?? null
    const recording = new CallRecording(call, first, { id: services.host.newRecordingId(), ownerId, startedAt: at })
    floor.recording = recording
    recording.begin(at)
    recording.follow(at)
    call.tell(at, 'call.recording_started', null, { command, recordingId: recording.id })
    call.writeSnapshot()
  })
  return null
}
