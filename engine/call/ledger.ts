/**
 * The book of one call: what is true of it for the log and the history, and the records made of that. Durations are
 * differences of the process's own clock, billing begins with the answer (T32).
 */
import type { Instant } from '../machine.ts'
import { type CallLeg, wholeSeconds } from './call-leg.ts'
import type { LegId } from './leg.ts'
import type { Outcome } from './outcome.ts'
import { Causes } from './causes.ts'
import type { CommandId } from './command.ts'
import { type Party, toPartyState } from './party.ts'
import type {
  CallDirection,
  CallEventType,
  CallRecord,
  CallState,
  Cdr,
  FloorState,
  HangupCause,
  LegEventType,
  LegRow,
  LegState,
} from './records.ts'

export interface CallFacts {
  readonly id: string
  readonly accountId: string
  readonly direction: CallDirection
  readonly isEmergency: boolean
  readonly caller: Party
  readonly callerLeg: LegId
  readonly calledNumber: string
  readonly calledE164: string | null
  readonly startedAt: Instant
  /** Of the command that placed the call: what no other command caused carries it. */
  readonly correlationId: string | null
}

/** T5. */
export interface LedgerSnapshot {
  readonly facts: CallFacts
  readonly callee: Party | null
  readonly calleeLeg: LegId | null
  readonly callflowId: string | null
  readonly answeredAt: Instant | null
  readonly isHeld: boolean
  /** Of legs that are over. */
  readonly rows: readonly LegRow[]
}

export interface Ending {
  readonly by: Cdr['endedBy']
  readonly outcome: Outcome
  /** Instead of the outcome's: what the last message said. */
  readonly q850?: number | null
}

const nothingBesides: FloorState = { isParked: false, recording: null, supervisors: [], meetingId: null }

type CallEventRecord = Extract<CallRecord, { type: 'event' }>

export class Ledger {
  facts: CallFacts
  /** What commands are to bring about. */
  readonly causes = new Causes()
  /** Of the legs that are there; the call says. */
  legs: () => readonly LegState[] = () => []
  floor: () => FloorState = () => nothingBesides
  callee: Party | null = null
  calleeLeg: LegId | null = null
  callflowId: string | null = null
  answeredAt: Instant | null = null
  hasRung = false
  isHeld = false
  rows: LegRow[] = []

  constructor(facts: CallFacts) {
    this.facts = facts
  }

  static fromSnapshot(kept: LedgerSnapshot): Ledger {
    const ledger = new Ledger(kept.facts)
    ledger.callee = kept.callee
    ledger.calleeLeg = kept.calleeLeg
    ledger.callflowId = kept.callflowId
    ledger.answeredAt = kept.answeredAt
    ledger.hasRung = true
    ledger.isHeld = kept.isHeld
    ledger.rows = [...kept.rows]
    return ledger
  }

  snapshot(): LedgerSnapshot {
    const { facts, callee, calleeLeg, callflowId, answeredAt, isHeld, rows } = this
    return { facts, callee, calleeLeg, callflowId, answeredAt, isHeld, rows }
  }

  /** `command`: whose doing it is, where that is known; else what waits for such an event. */
  event(event: CallEventType, now: Instant, leg: CallLeg | null, command: CommandId | null = null): CallEventRecord {
    return this.#record(event, now, leg?.id ?? null, this.state(null), command)
  }

  /** Of a leg alone; `fromCallId`: it came from there. */
  legEvent(event: LegEventType, now: Instant, leg: CallLeg, fromCallId: string | null = null): CallRecord {
    const { id: callId } = this.facts
    return { type: 'leg_event', event, at: now, callId, leg: leg.shown(), end: leg.end(), fromCallId }
  }

  transferred(now: Instant, transferor: CallLeg, to: Party): CallEventRecord {
    return { ...this.event('call.transferred', now, transferor), transferredTo: toPartyState(to) }
  }

  /** E7: a command that was accepted comes to nothing. */
  failed(now: Instant, command: CommandId, verb: string, reason: string): CallEventRecord {
    const failure = { commandId: command, verb, reason }
    return { ...this.event('call.command_failed', now, null, command), failure }
  }

  #record(
    event: CallEventType,
    at: Instant,
    leg: LegId | null,
    call: CallState,
    command: CommandId | null = null,
  ): CallEventRecord {
    const cause = command === null ? this.causes.ofEvent(event, leg) : this.causes.settle(command)
    const correlationId = command ?? cause?.command ?? this.facts.correlationId
    return { type: 'event', event, at, call, leg, correlationId, actor: cause?.actor ?? null }
  }

  /** Whoever came from another call was a caller there perhaps: here only the first is, while it is in it. */
  sideOf({ id, facts: { role } }: CallLeg): 'caller' | 'callee' {
    const { callerLeg } = this.facts
    if (id === callerLeg) return 'caller'
    return this.legs().some((one) => one.id === callerLeg) ? 'callee' : role
  }

  /** A leg of the call is over. */
  close(leg: CallLeg, now: Instant): void {
    this.rows.push(leg.row(this.facts.id, this.facts.accountId, now))
  }

  /** All that is written of a call's end, in its order. */
  ending(now: Instant, ending: Ending): CallRecord[] {
    const { id: callId, accountId } = this.facts
    const cdr = this.#cdr(now, ending)
    const ended = this.#record('call.ended', now, null, this.state({ at: now, cause: cdr.hangupCause }))
    const failed = this.causes.takeAll().map(
      (cause): CallRecord => ({
        ...this.failed(now, cause.command, cause.verb, 'The call ended.'),
        actor: cause.actor,
      }),
    )
    return [
      ...this.rows.map((leg): CallRecord => ({ type: 'leg', leg })),
      ...failed,
      ended,
      { type: 'cdr', cdr },
      { type: 'snapshot', callId, accountId, text: null },
    ]
  }

  state(ended: { at: Instant; cause: HangupCause } | null): CallState {
    const { id, accountId, direction, isEmergency, caller, calledNumber, startedAt, correlationId } = this.facts
    const { isParked, recording, supervisors, meetingId } = ended ? nothingBesides : this.floor()
    return {
      id,
      accountId,
      direction,
      status: ended ? 'ended' : isParked ? 'parked' : this.#status(),
      isEmergency,
      caller: toPartyState(caller),
      calledNumber,
      callee: this.callee && toPartyState(this.callee),
      callflowId: this.callflowId,
      legs: ended ? [] : this.legs(),
      recording,
      supervisors,
      meetingId,
      startedAt,
      answeredAt: this.answeredAt,
      endedAt: ended?.at ?? null,
      hangupCause: ended?.cause ?? null,
      correlationId,
    }
  }

  #status(): CallState['status'] {
    if (this.answeredAt !== null) return this.isHeld ? 'held' : 'answered'
    return this.hasRung ? 'ringing' : 'started'
  }

  #cdr(now: Instant, { by, outcome, q850 }: Ending): Cdr {
    const { facts, answeredAt } = this
    const isAnswered = answeredAt !== null
    return {
      callId: facts.id,
      accountId: facts.accountId,
      direction: facts.direction,
      ownerId: facts.direction === 'incoming' ? (this.callee?.userId ?? null) : facts.caller.userId,
      caller: toPartyState(facts.caller),
      calledNumber: facts.calledNumber,
      calledE164: facts.calledE164,
      callee: this.callee && toPartyState(this.callee),
      callflowId: this.callflowId,
      callerLeg: facts.callerLeg,
      calleeLeg: this.calleeLeg,
      startedAt: facts.startedAt,
      answeredAt,
      endedAt: now,
      durationSeconds: wholeSeconds(now - facts.startedAt),
      billingSeconds: isAnswered ? wholeSeconds(now - answeredAt) : 0,
      hangupCause: isAnswered ? 'ANSWERED' : outcome.cause,
      sipCode: isAnswered ? 200 : (outcome.sipCode ?? outcome.status),
      q850: q850 ?? (isAnswered ? 16 : outcome.q850),
      endedBy: by,
      isEmergency: facts.isEmergency,
    }
  }
}
