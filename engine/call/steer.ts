/** Verbs that act on one leg of a call. */
import type { Instant } from '../machine.ts'
import type { Call } from './call.ts'
import type { ActCommand, ActionOf, CommandRefusal } from './command.ts'
import { hungUp } from './outcome.ts'
import { isRefusal, legOfCommand } from './verb.ts'

/** Without a leg an administrator ends the call; else one of the two that talk does, as if by its phone. */
export function hangup(now: Instant, call: Call, command: ActCommand<ActionOf<'hangup'>>): CommandRefusal | null {
  const { by, action } = command
  const leg = by.isAdmin && action.leg === null ? call.caller : legOfCommand(call, command)
  if (isRefusal(leg)) return leg
  call.ledger.causes.await(command.id, 'call.ended', null)
  call.end(now, { by: by.isAdmin && action.leg === null ? 'system' : leg.facts.role, outcome: hungUp })
  return null
}
