/**
 * What calls record, as it goes into the database: the row of each call as it stands, its legs, its ladder, and events in
 * the public words of the contract (T1). The writer takes what has gathered.
 *
 * Invariant: events of a call are numbered from 1 (`resource_seq`), and its row has the number of the last; so are those of
 * each leg (open-legs.ts).
 */
import type { EventData, EventType } from '../../contract/events.ts'
import { detectNumber } from '../../engine/call/detected-number.ts'
import type { LegId } from '../../engine/call/leg.ts'
import type { CallRecord, CallState, Cdr, LegEventType, LegRow, RecordingState } from '../../engine/call/records.ts'
import { toInboxRow } from '../events/inbox.ts'
import type { LostCommand } from '../store/call-commands.ts'
import type {
  BatchEvent,
  CallBatch,
  CallRow,
  LegTableRow,
  OfLife,
  RecordingRow,
  TraceRow,
} from '../store/call-batch.ts'
import type { Ladders } from './ladders.ts'
import { rowToCdrData, rowToPublicCall, toCallData, toCdrData, toTimestamp } from './call-events.ts'
import { CallPeople } from './call-people.ts'
import { OpenLegs, type PublicLeg, toLeg, toLostLeg, toLostRow } from './open-legs.ts'

export interface CallBookOptions {
  readonly node: string
  readonly ladders: Pick<Ladders, 'take' | 'rest'>
  /** Nothing more will come of that leg. */
  readonly isGone: (leg: LegId) => boolean
}

/** A call that is not over. */
interface Open {
  row: CallRow
  readonly sipCallIds: Set<string>
  /** Of legs that went to another call. */
  readonly leftCallIds: Set<string>
  readonly legs: OpenLegs
  readonly dialogs: Set<LegId>
  /** What the writer took last. */
  written: Partial<Pick<CallRow, OfLife>>
}

/** A call that is over, whose peers may have a last word still. */
interface Ending {
  readonly callId: string
  readonly accountId: string
  readonly sipCallIds: readonly string[]
  readonly legs: readonly LegId[]
  /** For so many more messages. */
  readonly room: number
  readonly since: number
}

/** For the last word of a peer on its way. */
const soonMs = 300
/** A BYE without an answer is given up after 32 s. */
const latestMs = 40_000

interface Telling {
  readonly isEnd: boolean
  readonly by?: { readonly actor: string | null; readonly correlationId: string | null }
}

type Gathered = Omit<CallBatch, 'node' | 'number'>

export class CallBook {
  readonly #options: CallBookOptions
  readonly #open = new Map<string, Open>()
  /** Call-IDs of legs, until their call is over. */
  readonly #names = new Map<LegId, string>()
  /** Rows that changed since the writer took them. */
  #calls = new Map<string, CallRow>()
  readonly #people = new CallPeople()
  #legs: LegTableRow[] = []
  #traces = new Map<string, TraceRow>()
  #endings: Ending[] = []
  #recordings = new Map<string, RecordingRow>()
  #events: BatchEvent[] = []

  constructor(options: CallBookOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#open.size
  }

  /** Null: nothing is to be written. */
  take = (): Gathered | null => {
    const people = this.#people.take()
    const counts = [this.#calls.size, this.#events.length, this.#recordings.size, this.#traces.size, people.length]
    if (counts.every((count) => count === 0)) return null
    const gathered = {
      calls: [...this.#calls.values()].map((row) => this.#newOf(row)),
      legs: this.#legs,
      traces: [...this.#traces.values()],
      recordings: [...this.#recordings.values()],
      people,
      events: this.#events,
    }
    this.#calls = new Map()
    this.#legs = []
    this.#traces = new Map()
    this.#recordings = new Map()
    this.#events = []
    return gathered
  }

  /** Null in what is as it was when the writer took it. */
  #newOf(row: CallRow): CallRow {
    const open = this.#open.get(row.id)
    if (!open) return row
    const { snapshot, ending, state } = row
    const { written } = open
    const live_legs = open.legs.text
    open.written = { snapshot, ending, state, live_legs }
    return {
      ...row,
      snapshot: snapshot === written.snapshot ? null : snapshot,
      ending: ending === written.ending ? null : ending,
      state: state === written.state ? null : state,
      live_legs: live_legs === written.live_legs ? null : live_legs,
    }
  }

  /** The SIP Call-ID of a leg. */
  named(leg: LegId, sipCallId: string): void {
    this.#names.set(leg, sipCallId)
  }

  /** A call that a process before this one began; `given`: the legs of its snapshot. */
  adopt(row: CallRow, sipCallIds: readonly string[], given: readonly LegId[]): void {
    const legs = OpenLegs.fromRow(row, given)
    this.#open.set(row.id, {
      row,
      sipCallIds: new Set(sipCallIds),
      leftCallIds: new Set(),
      dialogs: new Set(),
      legs,
      written: row,
    })
    for (const leg of legs.all) this.#people.see(leg, callOf(row), Date.parse(row.heartbeat_at))
  }

  /** Of an adopted call: a leg of its snapshot that is over, or went to another call. */
  isOver(callId: string, leg: LegId): boolean {
    return this.#open.get(callId)?.legs.isOver(leg) ?? false
  }

  /** Whom a process before this one told to be in calls. */
  adoptPeople(userIds: readonly string[], at: number): void {
    this.#people.doubt(userIds, at)
  }

  /** Of an adopted call, the legs that did not come back are over. */
  loseLegs(callId: string, at: number, isThere: (leg: LegId) => boolean): void {
    const open = this.#open.get(callId)
    if (!open) return
    for (const leg of open.legs.all) if (!isThere(leg.id)) this.#loseLeg(open, leg, at)
  }

  /** Of all calls that are not over, or whose peers may have a last word. */
  get sipCallIds(): ReadonlySet<string> {
    const all = new Set<string>()
    for (const calls of [this.#open.values(), this.#endings]) {
      for (const { sipCallIds } of calls) for (const id of sipCallIds) all.add(id)
    }
    return all
  }

  /** Call every second or so, at the end of the process with `isLast`. True: there is something to write. */
  endLadders(now: number, isLast = false): boolean {
    const { ladders, isGone } = this.#options
    const before = this.#traces.size
    this.#endings = this.#endings.filter((ending) => {
      const age = now - ending.since
      const isOver = isLast || age > latestMs || (age > soonMs && ending.legs.every(isGone))
      if (isOver) this.#trace(ending, ladders.rest(ending.sipCallIds, ending.room))
      return !isOver
    })
    return this.#traces.size > before
  }

  /** What comes later is put behind what was there. */
  #trace({ callId, accountId }: Pick<Ending, 'callId' | 'accountId'>, messages: string | null): void {
    if (messages === null) return
    const known = this.#traces.get(callId)?.messages ?? '[]'
    const all = known === '[]' ? messages : `${known.slice(0, -1)},${messages.slice(1)}`
    this.#traces.set(callId, { call_id: callId, account_id: accountId, messages: all })
  }

  add(record: CallRecord): void {
    switch (record.type) {
      case 'event':
        return this.#event(record)
      case 'leg':
        return this.#leg(record.leg)
      case 'leg_event':
        return this.#legEvent(record)
      case 'cdr':
        return this.#cdr(record.cdr)
      case 'snapshot':
        return this.#snapshot(record.callId, record.text)
      case 'ending':
        return this.#ending(record.callId, record.text)
      case 'recording':
        return this.#recording(record.recording)
    }
  }

  /** T3: its process died, and nobody can go on with it; its last heartbeat was its end. */
  lose(callId: string): void {
    const open = this.#open.get(callId)
    if (!open) return
    const { row } = open
    const at = Date.parse(row.heartbeat_at)
    const secondsSince = (from: string) => Math.max(0, Math.ceil((at - Date.parse(from)) / 1_000))
    for (const leg of open.legs.all) this.#loseLeg(open, leg, at)
    this.#change(open, {
      resource_seq: row.resource_seq + 1,
      ended_at: row.heartbeat_at,
      hangup_cause: row.answered_at === null ? 'FAILED' : 'ANSWERED',
      ended_by: 'system_restart',
      q850_cause: 41, // temporary failure
      duration_seconds: secondsSince(row.started_at),
      billing_seconds: row.answered_at === null ? 0 : secondsSince(row.answered_at),
      ...detected(row.called_number),
      ...noLife,
    })
    this.#tell('call.ended', open, at, { call: rowToPublicCall(open.row), leg_id: null }, { isEnd: true })
    const owner = row.direction === 'incoming' ? row.to_user_id : row.owner_id
    this.#change(open, { resource_seq: open.row.resource_seq + 1, owner_id: owner })
    this.#tell('cdr.final', open, at, rowToCdrData(open.row), { isEnd: true })
    this.#open.delete(callId)
  }

  /** E7: what it was to do nobody can tell any more. A call that never began is shown as null. */
  loseCommand({ accountId, id, callId, verb, actor }: LostCommand, at: number): void {
    const open = this.#open.get(callId)
    const data = { leg_id: null, command_id: id, verb, reason: 'Telephony was restarted before it was done.' }
    if (open) {
      this.#change(open, { resource_seq: open.row.resource_seq + 1 })
      const call = open.row.state === null ? rowToPublicCall(open.row) : JSON.parse(open.row.state)
      const by = { actor, correlationId: id }
      return this.#tell('call.command_failed', open, at, { call, ...data }, { isEnd: false, by })
    }
    const row = toInboxRow({
      accountId,
      userId: null,
      type: 'call.command_failed',
      resourceId: callId,
      resourceSeq: 1,
      occurredAt: new Date(at),
      actor: JSON.parse(actor),
      correlationId: id,
      data: { call: null, ...data },
    })
    this.#events.push({ row, endOf: null })
  }

  #event(record: Extract<CallRecord, { type: 'event' }>): void {
    const { call, event, at } = record
    // What is left of a call that is lost tells nothing more (T3).
    const open = this.#open.get(call.id) ?? (event === 'call.started' ? this.#begin(call) : undefined)
    if (!open) return
    const before = open.row
    if (record.leg !== null) this.#noteDialog(open, record.leg)
    if (event === 'call.ended') for (const leg of open.legs.all) this.#loseLeg(open, leg, at)
    for (const leg of call.legs) this.#see(open, toLeg(leg, null, open.row), at)
    const { call: shown, ...more } = toCallData(record)
    const state = JSON.stringify(shown)
    this.#change(open, {
      resource_seq: before.resource_seq + 1,
      callee_number: call.callee?.number ?? null,
      callee_name: call.callee?.name ?? null,
      to_user_id: call.callee?.userId ?? null,
      to_device_id: call.callee?.deviceId ?? null,
      trunk_id: call.caller.trunkId ?? call.callee?.trunkId ?? before.trunk_id,
      callflow_id: call.callflowId,
      ringing_at: event === 'call.ringing' ? toTimestamp(at) : before.ringing_at,
      answered_at: call.answeredAt === null ? null : toTimestamp(call.answeredAt),
      ended_at: call.endedAt === null ? null : toTimestamp(call.endedAt),
      hangup_cause: call.hangupCause,
      heartbeat_at: toTimestamp(at),
      state,
    })
    // The call is what is most of it, and is text already.
    const data = `{"call":${state},${JSON.stringify(more).slice(1)}`
    this.#tell(event, open, at, data, { isEnd: event === 'call.ended', by: record })
  }

  #begin(call: CallState): Open {
    const { caller } = call
    const row: CallRow = {
      id: call.id,
      account_id: call.accountId,
      resource_seq: 0,
      direction: call.direction,
      caller_number: caller.number,
      caller_name: caller.name,
      called_number: call.calledNumber,
      from_user_id: caller.userId,
      from_device_id: caller.deviceId,
      is_emergency: call.isEmergency,
      started_at: toTimestamp(call.startedAt),
      heartbeat_at: toTimestamp(call.startedAt),
      node: this.#options.node,
      ...notYet,
      trunk_id: caller.trunkId,
      owner_id: caller.userId,
      correlation_id: call.correlationId,
    }
    const open: Open = {
      row,
      sipCallIds: new Set(),
      leftCallIds: new Set(),
      dialogs: new Set(),
      legs: new OpenLegs(),
      written: {},
    }
    this.#open.set(call.id, open)
    return open
  }

  /** Of itself alone, and of whoever is at it. */
  #legEvent({
    event,
    at,
    callId,
    leg,
    end,
    fromCallId: from_call_id,
  }: Extract<CallRecord, { type: 'leg_event' }>): void {
    const open = this.#open.get(callId)
    if (!open) return
    const from = this.#open.get(from_call_id ?? '')
    if (from) this.#move(leg.id, from, open)
    if (open.legs.isOver(leg.id)) return
    this.#noteDialog(open, leg.id)
    const shown = toLeg(leg, end, open.row)
    this.#tellLeg(open, at, event, shown, from_call_id === null ? { leg: shown } : { leg: shown, from_call_id })
  }

  /** Its messages are the other call's from now on; what there was until the end of this one stays in both (T33). */
  #move(leg: LegId, from: Open, to: Open): void {
    from.legs.moveTo(to.legs, leg)
    from.dialogs.delete(leg)
    const id = this.#names.get(leg)
    if (id !== undefined && from.sipCallIds.delete(id)) from.leftCallIds.add(id)
    this.#calls.set(from.row.id, from.row)
  }

  #loseLeg(open: Open, leg: PublicLeg, at: number): void {
    const lost = toLostLeg(leg, toTimestamp(at))
    this.#legs.push(toLostRow(lost, open.row.account_id))
    this.#tellLeg(open, at, 'leg.ended', lost, { leg: lost })
  }

  /** Who is at a leg may read of it; of one outside whoever's call it is. */
  #tellLeg<T extends LegEventType>(open: Open, at: number, type: T, leg: PublicLeg, data: EventData<T>): void {
    const { row, legs } = open
    const resourceSeq = legs.tell(leg)
    this.#people.see(leg, callOf(row), at)
    this.#calls.set(row.id, row)
    const inbox = toInboxRow({
      accountId: row.account_id,
      userId: leg.user_id ?? row.owner_id,
      type,
      resourceId: leg.id,
      resourceSeq,
      occurredAt: new Date(at),
      actor: null,
      correlationId: row.correlation_id ?? undefined,
      data,
    })
    this.#events.push({ row: inbox, endOf: null })
  }

  #see(open: Open, leg: PublicLeg, at: number): void {
    if (open.legs.isOver(leg.id)) return
    open.legs.see(leg)
    this.#people.see(leg, callOf(open.row), at)
  }

  #noteDialog(open: Open, leg: LegId): void {
    const id = this.#names.get(leg)
    if (id === undefined || open.legs.isOver(leg)) return
    open.leftCallIds.delete(id)
    open.sipCallIds.add(id)
    open.dialogs.add(leg)
  }

  #change(open: Open, change: Partial<CallRow>): void {
    open.row = { ...open.row, ...change }
    this.#calls.set(open.row.id, open.row)
  }

  /** `data`: also as the JSON that it becomes. `by`: the command that it was, where it was one. */
  #tell<T extends EventType>(type: T, { row }: Open, at: number, data: object | string, { isEnd, by }: Telling): void {
    const inbox = toInboxRow({
      accountId: row.account_id,
      userId: row.owner_id,
      type,
      resourceId: row.id,
      resourceSeq: row.resource_seq,
      occurredAt: new Date(at),
      actor: by?.actor ? JSON.parse(by.actor) : null,
      correlationId: (by ? by.correlationId : row.correlation_id) ?? undefined,
      // What each type tells is put together where its record is read, by the contract's types.
      data: data as never,
    })
    this.#events.push({ row: inbox, endOf: isEnd ? row.id : null })
  }

  #leg(leg: LegRow): void {
    const open = this.#open.get(leg.callId)
    if (!open) return
    this.#noteDialog(open, leg.id)
    this.#legs.push({
      id: leg.id,
      call_id: leg.callId,
      account_id: leg.accountId,
      role: leg.role,
      device_id: leg.party.deviceId,
      trunk_id: leg.party.trunkId,
      user_id: leg.party.userId,
      number: leg.party.number,
      name: leg.party.name,
      started_at: toTimestamp(leg.startedAt),
      ringing_at: leg.ringingAt === null ? null : toTimestamp(leg.ringingAt),
      answered_at: leg.answeredAt === null ? null : toTimestamp(leg.answeredAt),
      ended_at: toTimestamp(leg.endedAt),
      sip_code: leg.sipCode,
      q850_cause: leg.q850,
      hangup_cause: leg.hangupCause,
      ended_by: leg.endedBy,
      billing_seconds: leg.billingSeconds,
      billed_user_id: leg.billedUserId,
      billed_device_id: leg.billedDeviceId,
      is_forwarded: leg.isForwarded,
      quality: leg.quality,
    })
  }

  /** The last record of a call. */
  #cdr(cdr: Cdr): void {
    const open = this.#open.get(cdr.callId)
    if (!open) return
    this.#noteDialog(open, cdr.callerLeg)
    if (cdr.calleeLeg !== null) this.#noteDialog(open, cdr.calleeLeg)
    const idOf = (leg: LegId | null) => (leg === null ? null : (this.#names.get(leg) ?? null))
    this.#change(open, {
      resource_seq: open.row.resource_seq + 1,
      owner_id: cdr.ownerId,
      ended_at: toTimestamp(cdr.endedAt),
      hangup_cause: cdr.hangupCause,
      ended_by: cdr.endedBy,
      sip_code: cdr.sipCode,
      q850_cause: cdr.q850,
      duration_seconds: cdr.durationSeconds,
      billing_seconds: cdr.billingSeconds,
      ...detected(cdr.calledE164),
      caller_call_id: idOf(cdr.callerLeg),
      callee_call_id: idOf(cdr.calleeLeg),
      quality: this.#quality(cdr),
      ...noLife,
    })
    this.#tell('cdr.final', open, cdr.endedAt, toCdrData(cdr), { isEnd: true })
    const { callId, accountId } = cdr
    const sipCallIds = [...open.sipCallIds]
    const { messages, room } = this.#options.ladders.take(sipCallIds, [...open.leftCallIds])
    this.#trace(cdr, messages)
    this.#endings.push({ callId, accountId, sipCallIds, legs: [...open.dialogs], room, since: cdr.endedAt })
    this.#open.delete(cdr.callId)
    for (const { id, call_id } of this.#legs) if (call_id === cdr.callId) this.#names.delete(id)
  }

  /** Of both sides, as far as they had media. */
  #quality({ callerLeg, calleeLeg }: Cdr): unknown {
    const of = (id: LegId | null) => this.#legs.find((leg) => leg.id === id)?.quality ?? null
    const [caller, callee] = [of(callerLeg), of(calleeLeg)]
    return caller === null && callee === null ? null : { caller, callee }
  }

  #recording(recording: RecordingState): void {
    const { id, accountId, callId, ownerId, startedAt, endedAt, fault, parts } = recording
    this.#recordings.set(id, {
      id,
      account_id: accountId,
      call_id: callId,
      owner_id: ownerId,
      started_at: toTimestamp(startedAt),
      ended_at: endedAt === null ? null : toTimestamp(endedAt),
      fault,
      parts,
    })
  }

  #ending(callId: string, text: string): void {
    const open = this.#open.get(callId)
    if (open && open.row.snapshot !== null) this.#change(open, { ending: text })
  }

  #snapshot(callId: string, text: string | null): void {
    const open = this.#open.get(callId)
    if (open) this.#change(open, { snapshot: text })
  }
}

const detected = (number: string | null) => {
  const { country, type } = detectNumber(number)
  return { detected_country: country, detected_type: type }
}

const callOf = ({ id, started_at: startedAt }: CallRow) => ({ id, startedAt })

const noLife = { snapshot: null, ending: null, state: null, live_legs: null } as const

const notYet = {
  callee_number: null,
  callee_name: null,
  to_user_id: null,
  to_device_id: null,
  callflow_id: null,
  caller_call_id: null,
  callee_call_id: null,
  ringing_at: null,
  answered_at: null,
  ended_at: null,
  hangup_cause: null,
  ended_by: null,
  sip_code: null,
  q850_cause: null,
  duration_seconds: null,
  billing_seconds: null,
  detected_country: null,
  detected_type: null,
  correlation_id: null,
  quality: null,
  ...noLife,
} as const
