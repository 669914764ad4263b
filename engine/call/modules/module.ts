/**
 * A module of a callflow: what a call is to do at one node of the tree, said at once from the node and the directory.
 * The call does it and comes back with the branch to go on by; a branch without a child of its own goes by `_`.
 */
import type { FlowNode } from '../directory.ts'
import type { Outcome } from '../outcome.ts'
import type { PlanContext, RingPlan } from '../targets.ts'

type Step =
  /** Goes on by `busy`, `no_answer`, `unreachable` or `failed` when nobody takes the call. */
  | { readonly type: 'ring'; readonly plan: RingPlan; readonly timeoutMs: number }
  /** Answers the call, and goes on by `_` when it was played. */
  | { readonly type: 'play'; readonly path: string }
  /** The flow of another callflow takes the place of this one. */
  | { readonly type: 'enter'; readonly node: FlowNode; readonly callflowId: string }
  | { readonly type: 'next'; readonly outcome: Outcome }
  | { readonly type: 'hangup'; readonly outcome: Outcome }

export type Module = (node: FlowNode, context: PlanContext) => Step

const defaultRingSeconds = 30
const longestRingSeconds = 600

/** `data.timeout`, in seconds. */
export function ringTimeoutMs({ data }: FlowNode): number {
  const seconds = Number(data.timeout ?? defaultRingSeconds)
  const isUsable = Number.isFinite(seconds) && seconds > 0
  return Math.min(isUsable ? seconds : defaultRingSeconds, longestRingSeconds) * 1000
}
