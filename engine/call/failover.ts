/** The account's number for calls from outside that find nobody there: no phone of whoever they are for can be reached. */
import type { Call } from './call.ts'
import type { Outcome } from './outcome.ts'
import { planForward, type RingPlan } from './targets.ts'

/** Null: there is none, or the call is not one of these. */
export function failoverPlan(call: Call, outcome: Outcome): RingPlan | null {
  const { failoverNumber } = call.directory.account
  const isUnreached = call.ledger.facts.direction === 'incoming' && outcome.branch === 'unreachable'
  if (failoverNumber === null || !isUnreached || call.ledger.answeredAt !== null) return null
  return planForward(call.planContext(false), {
    number: failoverNumber,
    forwarder: call.aim.originator,
    keepsCallerId: true,
    isKeyPressRequired: false,
    reason: 'unconditional',
  })
}
