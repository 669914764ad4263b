/** What one call is given by the owner of all calls, and what it gives to the world. */
import type { Instant } from '../machine.ts'
import type { MediaOrder } from '../rtp/messages.ts'
import type { TimerQueue } from '../timer-queue.ts'
import type { CallLeg } from './call-leg.ts'
import type { CallHost } from './host.ts'
import type { LegCommand, LegId } from './leg.ts'
import type { Limits } from './limits.ts'
import type { CallRecord } from './records.ts'

/** In the order in which they are to be carried out. */
export type CallOutput =
  | { readonly type: 'leg'; readonly command: LegCommand }
  | { readonly type: 'media'; readonly order: MediaOrder }
  /** `write` null: nobody waits for it; else `flushed` is to come back when it is durable (T2). */
  | {
      readonly type: 'write'
      readonly write: number | null
      readonly callId: string
      readonly records: readonly CallRecord[]
    }
  /** What a device is doing has changed: `Calls.linesOf` says it, for lamps on other phones (RFC 4235). */
  | { readonly type: 'line'; readonly deviceId: string }
  /** Which legs are in meetings has changed: `Calls.meetingPhones` says it. */
  | { readonly type: 'phones' }
  /** The call is over and forgotten; its last write is before this. */
  | { readonly type: 'done'; readonly callId: string }

export interface CallServices<Call> {
  readonly host: CallHost
  readonly timers: TimerQueue
  readonly limits: Limits
  emit(output: CallOutput): void
  /** `then` is called when the records are durable; without it nobody waits. */
  write(callId: string, records: readonly CallRecord[], then?: (now: Instant) => void): void
  /** Events of that leg, and reports of its endpoint, are the call's from now on. */
  own(leg: LegId, call: Call): void
  /** No event of the leg is waited for any more. */
  disown(leg: LegId): void
  /** Reports of an endpoint still come after its leg is over. */
  forgetEndpoint(leg: LegId): void
  callOf(leg: LegId): Call | undefined
  isInUse(deviceId: string): boolean
  /** The device of a leg is in use by it, or no more. */
  use(leg: CallLeg): void
  unuse(leg: CallLeg): void
  /** The leg rings, talks, or talks to somebody else. */
  lineChanged(leg: CallLeg): void
  /** T18: makes room on a trunk by ending another call that is no emergency, if there is one. */
  preempt(now: Instant, trunkId: string, by: Call): void
  done(call: Call): void
}
