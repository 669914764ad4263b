/**
 * What the verbs of call control have in common: the leg that a command is about, and refusals in the API's words.
 */
import type { Instant } from '../machine.ts'
import type { Call } from './call.ts'
import type { CallLeg } from './call-leg.ts'
import type { ActCommand, ActionOf, CallAction, CommandRefusal } from './command.ts'

/** Null: it is done, or on its way. */
export type Verb<V extends CallAction['type']> = (
  now: Instant,
  call: Call,
  command: ActCommand<ActionOf<V>>,
) => CommandRefusal | null

/**
 * The leg that a command is about: a person's own; of an administrator the one that is named, or the only one of the
 * account's people.
 */
export function legOfCommand(
  call: Call,
  { by, action }: ActCommand<CallAction & { readonly leg: string | null }>,
): CallLeg | CommandRefusal {
  const mine = by.isAdmin ? call.legs.live : ownLegs(call, by.userId)
  if (action.leg !== null) {
    return mine.find(({ id }) => id === action.leg) ?? refuse('not_found', `There is no leg ${action.leg}.`, 'leg_id')
  }
  const candidates = by.isAdmin ? mine.filter(({ party }) => party.trunkId === null) : mine
  const [only, ...more] = answeredFirst(candidates)
  if (only && more.length === 0) return only
  return refuse('invalid_request', 'must name one of the legs of the call', 'leg_id')
}

/** Who talks counts before who merely rings. */
function answeredFirst(legs: readonly CallLeg[]): readonly CallLeg[] {
  const answered = legs.filter(({ answeredAt }) => answeredAt !== null)
  return answered.length > 0 ? answered : legs
}

export const ownLegs = (call: Call, userId: string | null): CallLeg[] =>
  call.legs.live.filter(({ party }) => userId !== null && party.userId === userId)

/** `field`: in the API's words, where one of them does not fit. */
export const refuse = (
  code: CommandRefusal['code'],
  message: string,
  field: CommandRefusal['field'] = null,
): CommandRefusal => ({ code, field, message })

export const isRefusal = (value: object): value is CommandRefusal => 'code' in value

export const noSuchCall = (callId: string) => refuse('not_found', `There is no call ${callId}.`)
