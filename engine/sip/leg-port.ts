/** What legs are given: by the driver through `Legs`, and by `Legs` itself. */
import type { LegEvent } from '../call/leg.ts'
import type { Instant } from '../machine.ts'
import type { TimerQueue } from '../timer-queue.ts'
import type { HeaderLine } from './format.ts'
import type { Hop } from './hop.ts'
import type { SipMessage } from './message.ts'
import type { ServerTransaction } from './server-transaction.ts'
import type { Transactions } from './transactions.ts'

export interface Login {
  readonly username: string
  readonly password: string
}

/** A request as a digest covers it. */
export interface ChallengedRequest {
  readonly method: string
  readonly uri: string
  readonly body: string
}

export interface LegsOptions {
  readonly transactions: Transactions
  readonly queue: TimerQueue
  /**
   * The next hops of a URI, the best first (RFC 3263); none when it leads nowhere or where the address policy forbids
   * (T12). May call back at once.
   */
  readonly locate: (now: Instant, uri: string, done: (now: Instant, hops: readonly Hop[]) => void) => void
  /** Where a flow leads; null when it is gone. */
  readonly flow: (id: string) => Hop | null
  /** Authorization or Proxy-Authorization for a 401 or 407; null when there is nothing (more) to say to it. */
  readonly authorize: (challenge: SipMessage, request: ChallengedRequest, login: Login) => readonly HeaderLine[] | null
  /** Uniform in [0, 1). */
  readonly fraction: () => number
  /**
   * T5: calls back when all that follows from what is being handled is durable. Until then a peer that answered has no
   * ACK, and one that hung up no 200, so that it tries again with the next process. Absent: everything is, at once.
   */
  readonly whenDurable?: (then: (now: Instant) => void) => void
  /** Each new request that belongs to no leg; whoever takes it answers it, or gives it to `Legs.accept`. */
  readonly onRequest: (now: Instant, transaction: ServerTransaction) => void
  /** For User-Agent and Server. */
  readonly agent: string
  /** The interval of session timers that we ask for; RFC 4028 §4 recommends 1800. */
  readonly sessionSeconds: number
}

/** What a request needs that is sent until it has its final answer; others than legs send such too. */
export interface RequestPort {
  readonly options: Pick<LegsOptions, 'transactions' | 'locate' | 'authorize'>
}

/** What a leg needs of `Legs`. */
export interface LegPort {
  readonly options: LegsOptions
  emit(event: LegEvent): void
}
