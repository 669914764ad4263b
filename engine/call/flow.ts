/**
 * A call's way through the tree of its callflow: each node's module says a step, the call does it, and the child of the
 * branch that comes out is next. Bounded, so that callflows that lead into each other end (loop protection).
 */
import type { Instant } from '../machine.ts'
import type { FlowNode } from './directory.ts'
import { callflow } from './modules/callflow.ts'
import { device } from './modules/device.ts'
import { externalNumber } from './modules/external-number.ts'
import { hangup } from './modules/hangup.ts'
import type { Module } from './modules/module.ts'
import { play } from './modules/play.ts'
import { user } from './modules/user.ts'
import { loopDetected, type Outcome, refusal } from './outcome.ts'
import type { Forwarder, PlanContext, Ringing, RingPlan } from './targets.ts'

const modules = new Map<string, Module>([
  ['user', user],
  ['device', device],
  ['callflow', callflow],
  ['external_number', externalNumber],
  ['play', play],
  ['hangup', hangup],
])

/** What the call does for its callflow; it comes back by `ringFailed` and `played`. */
export interface FlowHost {
  planContext(isDirect: boolean, forwardedBy: Forwarder | null): PlanContext
  ring(now: Instant, plan: Ringing, timeoutMs: number): void
  play(now: Instant, path: string): void
  flowEnded(now: Instant, outcome: Outcome): void
}

const mostSteps = 50

export class FlowRun {
  readonly #host: FlowHost
  /** Where the call is; null: on its way outside, or over. */
  #node: FlowNode | null
  #steps = 0
  #isDirect = true
  #callflowId: string
  #forwardedBy: Forwarder | null

  constructor(host: FlowHost, { node, callflowId, forwardedBy }: Extract<RingPlan, { type: 'enter' }>) {
    this.#host = host
    this.#node = node
    this.#callflowId = callflowId
    this.#forwardedBy = forwardedBy
  }

  get callflowId(): string {
    return this.#callflowId
  }

  start(now: Instant): void {
    this.#run(now)
  }

  ringFailed(now: Instant, outcome: Outcome): void {
    this.#goOn(now, outcome.branch, outcome)
  }

  /** Played to its end; a call that has nothing more to do then ends as one that was answered. */
  played(now: Instant, outcome: Outcome): void {
    this.#goOn(now, '_', outcome)
  }

  #run(now: Instant): void {
    for (;;) {
      const node = this.#node
      if (!node) return
      this.#steps += 1
      if (this.#steps > mostSteps) return this.#end(now, loopDetected)
      const module = modules.get(node.module)
      if (!module) return this.#end(now, refusal('unknown_number'))
      const step = module(node, this.#host.planContext(this.#isDirect, this.#forwardedBy))
      this.#isDirect = false
      switch (step.type) {
        case 'ring':
          if (step.plan.type === 'ring') return this.#host.ring(now, step.plan, step.timeoutMs)
          this.#node = step.plan.node
          this.#callflowId = step.plan.callflowId
          this.#forwardedBy = step.plan.forwardedBy
          break
        case 'play':
          return this.#host.play(now, step.path)
        case 'enter':
          this.#node = step.node
          this.#callflowId = step.callflowId
          break
        case 'next':
          if (!this.#choose(step.outcome.branch)) return this.#end(now, step.outcome)
          break
        case 'hangup':
          return this.#end(now, step.outcome)
      }
    }
  }

  #goOn(now: Instant, branch: string, outcome: Outcome): void {
    if (this.#choose(branch)) this.#run(now)
    else this.#end(now, outcome)
  }

  #choose(branch: string): boolean {
    const children = this.#node?.children ?? {}
    this.#node = children[branch] ?? children._ ?? null
    return this.#node !== null
  }

  #end(now: Instant, outcome: Outcome): void {
    this.#node = null
    this.#host.flowEnded(now, outcome)
  }
}
