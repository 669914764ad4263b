/**
 * Hold by a command: the other side's phone is told by a re-INVITE that it listens only (sendonly), and hears the music of
 * whoever holds, as when a phone holds by itself (T21). What a phone holds by itself is its own to resume.
 */
import type { Instant } from '../machine.ts'
import type { Call } from './call.ts'
import type { CallLeg } from './call-leg.ts'
import type { ActCommand, ActionOf, CommandRefusal } from './command.ts'
import { isRefusal, legOfCommand, refuse } from './verb.ts'

export function hold(now: Instant, call: Call, command: ActCommand<ActionOf<'hold'>>): CommandRefusal | null {
  return change(now, call, command, true)
}

export function unhold(now: Instant, call: Call, command: ActCommand<ActionOf<'unhold'>>): CommandRefusal | null {
  return change(now, call, command, false)
}

type Command = ActCommand<ActionOf<'hold' | 'unhold'>>

function change(_now: Instant, call: Call, command: Command, isOn: boolean): CommandRefusal | null {
  const holder = legOfCommand(call, command)
  if (isRefusal(holder)) return holder
  const other = call.peerOf(holder)
  if (!other) return refuse('conflict', 'It does not talk to one other.')
  const reason = obstacle(holder, isOn)
  if (reason !== null) return refuse('conflict', reason)
  const failed = (at: Instant, why: string) => call.commandFailed(at, command.id, command.action.type, why)
  call.ledger.causes.await(command.id, isOn ? 'call.held' : 'call.resumed', holder.id)
  return call.media.hold(call, { holder, other, isOn, failed }) ? null : refuse('conflict', 'It is just being changed.')
}

function obstacle(holder: CallLeg, isOn: boolean): string | null {
  if (isOn) return holder.isHeld ? 'It holds the call already.' : null
  if (holder.media?.isHeld) return 'Its phone holds the call by itself: it is resumed there.'
  return holder.holding === null ? 'It does not hold the call.' : null
}
