/**
 * How an attempt to reach somebody ends, in the words of everybody who wants to know: the branch of the callflow, the
 * SIP status for the caller, the cause in the history (T32) and that of Q.850.
 */
import type { LegEvent } from './leg.ts'
import type { HangupCause } from './records.ts'

type Branch = 'busy' | 'no_answer' | 'unreachable' | 'failed'

export interface Outcome {
  readonly branch: Branch
  /** For the caller. */
  readonly status: number
  /** What the called side said, for the history, where that is not what the caller is told. */
  readonly sipCode?: number
  readonly cause: HangupCause
  readonly q850: number
  /** A sentence for the reason phrase and the history. */
  readonly text: string
}

export const busy: Outcome = { branch: 'busy', status: 486, cause: 'BUSY', q850: 17, text: 'Busy Here' }
export const noAnswer: Outcome = { branch: 'no_answer', status: 480, cause: 'NO ANSWER', q850: 19, text: 'No Answer' }
export const unreachable: Outcome = {
  branch: 'unreachable',
  status: 480,
  cause: 'FAILED',
  q850: 20,
  text: 'Temporarily Unavailable',
}
/** No trunk could take it (T8: a limit of somebody's own is no 503). */
export const congestion: Outcome = {
  branch: 'unreachable',
  status: 480,
  cause: 'CONGESTION',
  q850: 34,
  text: 'No Line Available',
}
export const loopDetected: Outcome = { branch: 'failed', status: 482, cause: 'FAILED', q850: 25, text: 'Loop Detected' }
export const mediaFailed: Outcome = {
  branch: 'failed',
  status: 503,
  cause: 'FAILED',
  q850: 47,
  text: 'No Media Port Available',
}
/** T18: an emergency call needed the line. */
export const preempted: Outcome = { branch: 'failed', status: 480, cause: 'CONGESTION', q850: 8, text: 'Preempted' }
/** Ended by somebody's wish, not by a failure. */
export const hungUp: Outcome = { branch: 'failed', status: 480, cause: 'NO ANSWER', q850: 16, text: 'Call Ended' }
/** The caller gave up. */
export const cancelled: Outcome = {
  branch: 'failed',
  status: 487,
  cause: 'CANCEL',
  q850: 16,
  text: 'Request Terminated',
}
export const notAcceptable: Outcome = {
  branch: 'failed',
  status: 488,
  cause: 'FAILED',
  q850: 88,
  text: 'Not Acceptable Here',
}

type Refusal =
  | 'unknown_number'
  | 'no_route'
  | 'restricted'
  | 'suspended'
  | 'trunk_not_for_this'
  | 'too_many_hops'
  | 'too_many_calls'
  | 'too_many_calls_in'
  | 'hour_used_up'

const refusals: Record<Refusal, readonly [number, HangupCause, number, string]> = {
  unknown_number: [404, 'FAILED', 1, 'Unknown Number'],
  no_route: [404, 'FAILED', 3, 'No Route To Destination'],
  restricted: [403, 'FAILED', 21, 'Number Not Allowed'],
  suspended: [403, 'FAILED', 21, 'Suspended'],
  trunk_not_for_this: [403, 'FAILED', 21, 'No Incoming Calls'],
  too_many_hops: [483, 'FAILED', 25, 'Too Many Hops'],
  too_many_calls: [403, 'CONGESTION', 34, 'Too Many Calls'],
  too_many_calls_in: [486, 'CONGESTION', 17, 'Too Many Calls'],
  hour_used_up: [403, 'FAILED', 21, 'Hourly Limit Reached'],
}

export function refusal(reason: Refusal): Outcome {
  const [status, cause, q850, text] = refusals[reason]
  return { branch: 'failed', status, cause, q850, text }
}

/** Of a dialled leg that was not answered. */
export function outcomeOfFailure(event: Extract<LegEvent, { type: 'failed' }>): Outcome {
  const { status, reason, q850, isTimeout } = event
  const known = isTimeout ? unreachable : (byStatus.get(status) ?? byClass(status))
  const told = isTimeout || !isForCaller(status) ? 480 : status
  // A reason phrase belongs to its own status.
  const text = told === status && reason !== '' ? reason : known.text
  return { ...known, status: told, sipCode: status, q850: q850 ?? known.q850, text }
}

/**
 * What says something about the called number goes through, as the announcement before it said. What is between us and
 * the peer does not: a 503 would tell a carrier that we are down (T8), a 407 would ask a phone for the trunk's login.
 */
const isForCaller = (status: number): boolean =>
  [403, 404, 410, 480, 484, 486, 488, 600, 603, 604, 606, 607].includes(status)

export const rejected: Outcome = { ...busy, status: 603, q850: 21, text: 'Decline' }
const byStatus = new Map<number, Outcome>([
  [404, refusal('unknown_number')],
  [408, unreachable],
  [410, { ...refusal('unknown_number'), q850: 22 }],
  [430, unreachable],
  [480, noAnswer],
  [484, { ...refusal('unknown_number'), q850: 28 }],
  [486, busy],
  [487, noAnswer],
  [488, notAcceptable],
  [600, busy],
  [603, rejected],
  [604, refusal('unknown_number')],
  [606, notAcceptable],
  [607, rejected],
])

function byClass(status: number): Outcome {
  if (status >= 500 && status < 600) return { ...congestion, q850: status === 503 ? 34 : 41 }
  return refusal('restricted')
}

/** T16: the next trunk may be tried. A user's own answer, and anything after early media, is final. */
export function isFailover(event: Extract<LegEvent, { type: 'failed' }>): boolean {
  return event.isTimeout || [408, 500, 502, 503, 504].includes(event.status)
}

/** RFC 3261 §21.6: nobody else need be asked. */
export const isGlobalFailure = (status: number): boolean => status >= 600

/** Of several branches that all failed, what the caller hears: somebody who is busy says more than one who is away. */
export function bestOutcome(outcomes: readonly Outcome[]): Outcome {
  const order: readonly Branch[] = ['busy', 'no_answer', 'failed', 'unreachable']
  let best = unreachable
  let rank = order.length
  for (const outcome of outcomes) {
    const mine = order.indexOf(outcome.branch)
    if (mine < rank || (mine === rank && best === unreachable)) [best, rank] = [outcome, mine]
  }
  return best
}
