/**
 * Commands from outside the telephone: each verb is a function that checks and acts at once. Here a command finds its
 * call, and the leg that it is about, as far as whoever commands may reach.
 *
 * Invariant: a refused command has changed nothing; an accepted one has one event with its id (causes.ts).
 */
import type { Instant } from '../machine.ts'
import type { Call } from './call.ts'
import { record } from './call-recording.ts'
import type { ActCommand, CallAction, CommandRefusal } from './command.ts'
import { cancel, complete, consult } from './consult.ts'
import { dtmf } from './digits.ts'
import { hold, unhold } from './hold.ts'
import { toMeeting } from './meeting.ts'
import { merge } from './merge.ts'
import { mute, unmute } from './mute.ts'
import { park, retrieve } from './park.ts'
import { pickup } from './pickup.ts'
import { answer, hangup, reject, transfer } from './steer.ts'
import { monitor } from './supervise.ts'
import { noSuchCall, ownLegs, refuse, type Verb } from './verb.ts'

type Verbs = { readonly [V in CallAction['type']]?: Verb<V> }

const verbs: Verbs = {
  answer,
  reject,
  hold,
  unhold,
  mute,
  unmute,
  dtmf,
  transfer,
  hangup,
  consult,
  complete,
  cancel,
  merge,
  park,
  retrieve,
  pickup,
  monitor,
  record,
  to_meeting: toMeeting,
}

export function control(now: Instant, call: Call | undefined, command: ActCommand): CommandRefusal | null {
  const { by, callId, action } = command
  const verb = verbs[action.type] as Verb<CallAction['type']> | undefined
  if (!verb) return refuse('invalid_request', `There is no ${action.type}.`)
  if (!call || call.ledger.facts.accountId !== by.accountId) return noSuchCall(callId)
  const isReached = by.isAdmin || isForOthers(action) || ownLegs(call, by.userId).length > 0
  if (!isReached) return noSuchCall(callId)
  if (call.isOver) return refuse('conflict', 'The call has ended.')
  const { causes } = call.ledger
  causes.begin(command.id, action.type, by.actor)
  const refusal = verb(now, call, command)
  if (refusal !== null) causes.settle(command.id)
  return refusal
}

/** Of calls that somebody else is in; the verb itself says who may. */
const isForOthers = ({ type }: CallAction): boolean => ['pickup', 'retrieve', 'monitor'].includes(type)
