/**
 * Pick-up: a call that rings elsewhere is taken by a phone that the API names. Its phone rings beside the others, or
 * answers by itself, and whoever is first has the call.
 */
import type { Instant } from '../machine.ts'
import { autoAnswered } from './auto-answer.ts'
import type { Call } from './call.ts'
import type { ActCommand, ActionOf, CommandRefusal } from './command.ts'
import { planPhones } from './park.ts'
import { isRefusal, refuse } from './verb.ts'

export function pickup(now: Instant, call: Call, command: ActCommand<ActionOf<'pickup'>>): CommandRefusal | null {
  const { isAutoAnswer } = command.action
  if (call.isEmergency) return refuse('not_allowed', 'An emergency call is not picked up.')
  if (!call.isWaiting) return refuse('conflict', 'It does not ring.')
  const plan = planPhones(call, command)
  if (isRefusal(plan)) return plan
  const chosen = isAutoAnswer ? autoAnswered(plan) : plan
  // A callflow that it is forwarded to has no part in this: it is a phone that was named.
  const ringing = chosen.type === 'ring' ? chosen : chosen.instead
  const { deviceId } = call.caller.party
  if (ringing.targets.some(({ callee }) => callee.deviceId !== null && callee.deviceId === deviceId)) {
    return refuse('conflict', 'It is the phone that calls.', 'by')
  }
  const isRung = call.ringAlso(now, ringing, {
    won: (leg) => call.ledger.causes.await(command.id, 'call.answered', leg.id),
    failed: (at, outcome) => call.commandFailed(at, command.id, 'pickup', outcome.text),
  })
  return isRung ? null : refuse('conflict', 'Nothing rings that could be picked up.')
}
