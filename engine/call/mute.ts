/** Muting by a command: what a side says reaches nobody, by bridge, mix or recording. Its phone knows nothing of it. */
import type { Instant } from '../machine.ts'
import type { Call } from './call.ts'
import type { ActCommand, ActionOf, CommandRefusal } from './command.ts'
import { isRefusal, legOfCommand, refuse } from './verb.ts'

export function mute(now: Instant, call: Call, command: ActCommand<ActionOf<'mute'>>): CommandRefusal | null {
  return change(now, call, command, true)
}

export function unmute(now: Instant, call: Call, command: ActCommand<ActionOf<'unmute'>>): CommandRefusal | null {
  return change(now, call, command, false)
}

type Command = ActCommand<ActionOf<'mute' | 'unmute'>>

function change(now: Instant, call: Call, command: Command, isMuted: boolean): CommandRefusal | null {
  const leg = legOfCommand(call, command)
  if (isRefusal(leg)) return leg
  if (leg.answeredAt === null || !leg.media) return refuse('conflict', 'It has not been answered.')
  if (leg.isMuted === isMuted) return refuse('conflict', isMuted ? 'It is muted already.' : 'It is not muted.')
  leg.isMuted = isMuted
  leg.media.mute(isMuted)
  call.tell(now, isMuted ? 'call.muted' : 'call.unmuted', leg, { command: command.id })
  call.writeSnapshot()
  return null
}
