/**
 * An INVITE that a phone answers by itself. There is no one header for it: most phones go by Call-Info (`answer-after`) or
 * Alert-Info (`info=alert-autoanswer`), and one that knows neither rings. Only phones of the account are asked so.
 */
import type { Attempt } from './attempt.ts'
import type { Ringing, RingPlan, RingTarget } from './targets.ts'

type Header = readonly [string, string]

const headers: readonly Header[] = [
  ['Call-Info', '<sip:auto-answer>;answer-after=0'],
  ['Alert-Info', '<http://auto-answer>;info=alert-autoanswer;delay=0'],
  // RFC 5373.
  ['Answer-Mode', 'Auto'],
]

export function autoAnswered(plan: RingPlan): RingPlan {
  return plan.type === 'ring' ? ringing(plan) : { ...plan, instead: ringing(plan.instead) }
}

const ringing = (plan: Ringing): Ringing => ({ ...plan, targets: plan.targets.map(target) })

const target = (one: RingTarget): RingTarget =>
  one.callee.deviceId === null ? one : { ...one, attempts: one.attempts.map(attempt) }

const attempt = (one: Attempt): Attempt => ({
  ...one,
  dial: { ...one.dial, headers: [...one.dial.headers, ...headers] },
})
