/**
 * All calls of a process: makes a call of each incoming INVITE, gives every event to the call that it belongs to, and
 * counts what is limited. The voice process drives it: `handle` what happened, then carry out what `poll` gives, in that
 * order, until there is nothing more.
 *
 * Invariant: a leg belongs to one call. What comes for a leg or an endpoint that no call has any more changes nothing.
 */
import type { Instant, Machine } from '../machine.ts'
import type { MediaReport } from '../rtp/messages.ts'
import type { TimerQueue } from '../timer-queue.ts'
import type { Call } from './call.ts'
import type { CallLeg } from './call-leg.ts'
import { legOf } from './call-legs.ts'
import type { CallCommand, CommandId, CommandRefusal } from './command.ts'
import { control } from './control.ts'
import type { CallHost } from './host.ts'
import { beginCall } from './incoming.ts'
import type { IncomingInvite, LegEvent, LegId } from './leg.ts'
import { Limits } from './limits.ts'
import { type Line, lineOf } from './line.ts'
import { dropPhone, meetingPhone } from './meeting.ts'
import type { MeetingPhone } from './meeting-phone.ts'
import { originate } from './originate.ts'
import type { CallRecord } from './records.ts'
import { preempted } from './outcome.ts'
import { routeIncoming } from './routing.ts'
import type { CallOutput, CallServices } from './services.ts'
import { type KnownLegs, parseSnapshot, restoreCall } from './snapshot.ts'
import { inviteReplacing } from './transfer.ts'

export type CallInput =
  | { readonly type: 'leg'; readonly event: LegEvent }
  | { readonly type: 'media'; readonly report: MediaReport }
  /** The records of that write are durable. */
  | { readonly type: 'flushed'; readonly write: number }
  /** The time of `deadline` has come; not needed where the driver runs the process's timer queue itself. */
  | { readonly type: 'wake' }

/** Whoever asks again does so within seconds. */
const mostObeyed = 10_000

export class Calls implements Machine<CallInput, CallOutput>, CallServices<Call> {
  readonly host: CallHost
  readonly timers: TimerQueue
  readonly limits = new Limits()
  readonly #calls = new Map<string, Call>()
  readonly #byLeg = new Map<LegId, Call>()
  /** Also of legs that are over, until their media has closed. */
  readonly #byEndpoint = new Map<string, Call>()
  readonly #waiting = new Map<number, (now: Instant) => void>()
  /** The youngest commands, the oldest first. */
  readonly #obeyed = new Set<CommandId>()
  readonly #legsOf = new Map<string, Set<CallLeg>>()
  #outputs: CallOutput[] = []
  #nextOutput = 0
  #writes = 0

  /** `timers` is the process's (T9): after it ran, there may be something to poll. */
  constructor(host: CallHost, timers: TimerQueue) {
    this.host = host
    this.timers = timers
  }

  get size(): number {
    return this.#calls.size
  }

  handle(now: Instant, input: CallInput): void {
    switch (input.type) {
      case 'leg':
        return this.#leg(now, input.event)
      case 'media':
        return this.#byEndpoint.get(legOf(input.report.endpoint))?.handleMedia(now, input.report)
      case 'flushed':
        return this.#flushed(now, input.write)
      case 'wake':
        return this.timers.run(now)
    }
  }

  /** Null: it is done, or on its way. One that comes again does nothing. */
  command(now: Instant, command: CallCommand): CommandRefusal | null {
    if (this.#obeyed.has(command.id)) return null
    const refusal =
      command.type === 'originate'
        ? originate(now, this, command, (call) => this.#calls.set(call.id, call))
        : control(now, this.#calls.get(command.callId), command)
    if (refusal === null) this.#remember(command.id)
    return refusal
  }

  #remember(id: CommandId): void {
    this.#obeyed.add(id)
    const [first] = this.#obeyed
    if (this.#obeyed.size > mostObeyed && first !== undefined) this.#obeyed.delete(first)
  }

  /** All legs that are in meetings. */
  meetingPhones(): MeetingPhone[] {
    return [...this.#calls.values()].flatMap((call) => meetingPhone(call) ?? [])
  }

  /** The leg that is in a meeting as that participant is hung up. */
  dropPhone(now: Instant, participantId: string): void {
    for (const call of this.#calls.values()) {
      if (call.floor.meeting?.link.participantId === participantId) dropPhone(now, call)
    }
  }

  /** What a device is doing, for lamps on other phones. */
  linesOf(deviceId: string): Line[] {
    return [...(this.#legsOf.get(deviceId) ?? [])].flatMap((leg) => {
      const call = this.#byLeg.get(leg.id)
      return call ? [lineOf(call, leg)] : []
    })
  }

  /**
   * T5: goes on with a call that another process wrote down. The driver has restored the dialogs of its legs before
   * (`dialogsOf`); a leg whose dialog is not there has ended meanwhile, and so does the call. False: it is no snapshot.
   */
  restore(now: Instant, text: string, knows: KnownLegs): boolean {
    const kept = parseSnapshot(text)
    const call = kept && restoreCall(now, this, kept, knows)
    if (!call) return false
    if (!call.isOver) this.#calls.set(call.id, call)
    return true
  }

  poll(): CallOutput | undefined {
    const output = this.#outputs[this.#nextOutput]
    if (output !== undefined) {
      this.#nextOutput += 1
    } else if (this.#nextOutput > 0) {
      this.#outputs = []
      this.#nextOutput = 0
    }
    return output
  }

  deadline(): Instant | undefined {
    return this.timers.deadline()
  }

  // --- for calls ---

  emit = (output: CallOutput): void => {
    this.#outputs.push(output)
  }

  write(callId: string, records: readonly CallRecord[], then?: (now: Instant) => void): void {
    if (!then) return this.emit({ type: 'write', write: null, callId, records })
    this.#writes += 1
    this.#waiting.set(this.#writes, then)
    this.emit({ type: 'write', write: this.#writes, callId, records })
  }

  own(leg: LegId, call: Call): void {
    this.#byLeg.set(leg, call)
    this.#byEndpoint.set(leg, call)
  }

  disown(leg: LegId): void {
    this.#byLeg.delete(leg)
  }

  forgetEndpoint(leg: LegId): void {
    this.#byEndpoint.delete(leg)
  }

  isInUse(deviceId: string): boolean {
    return this.#legsOf.has(deviceId)
  }

  use(leg: CallLeg): void {
    const { deviceId } = leg.party
    if (deviceId === null) return
    const legs = this.#legsOf.get(deviceId)
    if (legs) legs.add(leg)
    else this.#legsOf.set(deviceId, new Set([leg]))
    this.lineChanged(leg)
  }

  unuse(leg: CallLeg): void {
    const { deviceId } = leg.party
    if (deviceId === null) return
    const legs = this.#legsOf.get(deviceId)
    legs?.delete(leg)
    if (legs?.size === 0) this.#legsOf.delete(deviceId)
    this.lineChanged(leg)
  }

  lineChanged({ party: { deviceId } }: CallLeg): void {
    if (deviceId !== null) this.emit({ type: 'line', deviceId })
  }

  callOf(leg: LegId): Call | undefined {
    return this.#byLeg.get(leg)
  }

  /** The youngest: its people have said the least. */
  preempt(now: Instant, trunkId: string, by: Call): void {
    const key = `trunk:${trunkId}`
    const victim = [...this.#calls.values()].findLast((call) => {
      const { live } = call.legs
      const isThere = live.some(({ limits }) => limits.some((limit) => limit.key === key))
      return call !== by && isThere && !live.some(({ facts }) => facts.isEmergency)
    })
    victim?.end(now, { by: 'system', outcome: preempted, q850: preempted.q850 })
  }

  done(call: Call): void {
    this.#calls.delete(call.id)
    this.emit({ type: 'done', callId: call.id })
  }

  #leg(now: Instant, event: LegEvent): void {
    if (event.type === 'incoming') this.#incoming(now, event.leg, event.call)
    else this.#byLeg.get(event.leg)?.handleLeg(now, event)
  }

  #incoming(now: Instant, leg: LegId, invite: IncomingInvite): void {
    const { replaces } = invite
    if (replaces) {
      const status = inviteReplacing(now, this, leg, invite, replaces)
      if (status !== null) this.emit({ type: 'leg', command: { type: 'reject', leg, status } })
      return
    }
    const routed = routeIncoming(this.host.directories, invite)
    if (routed) return beginCall(now, this, { leg, invite, routed }, (call) => this.#calls.set(call.id, call))
    this.emit({ type: 'leg', command: { type: 'reject', leg, status: 403, reason: 'Unknown Account' } })
  }

  #flushed(now: Instant, write: number): void {
    const then = this.#waiting.get(write)
    this.#waiting.delete(write)
    then?.(now)
  }
}
