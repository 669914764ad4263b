/**
 * A consultation that becomes a conversation of three: everybody hears the two others, until one of them leaves; the other
 * two go on as they were (RFC 4579 calls the like a conference; here it stays one call).
 */
import type { Instant } from '../machine.ts'
import type { Call } from './call.ts'
import type { CallLeg } from './call-leg.ts'
import type { ActCommand, ActionOf, CommandId, CommandRefusal } from './command.ts'
import { consultationOf } from './consult.ts'
import { isRefusal, refuse } from './verb.ts'

export function merge(now: Instant, call: Call, command: ActCommand<ActionOf<'merge'>>): CommandRefusal | null {
  const consultation = consultationOf(call, command)
  if (isRefusal(consultation)) return consultation
  const { consultant, waiting, consulted } = consultation
  if (!consulted) {
    return refuse('conflict', 'Who is consulted has not answered: wait for call.consultation_answered.')
  }
  const { id } = command
  call.media.toSpeech([consultant, waiting, consulted], now, (at, refusing) => {
    if (call.floor.consultation !== consultation || call.isOver) {
      return call.commandFailed(at, id, 'merge', 'The consultation was over before.')
    }
    if (refusing) return call.commandFailed(at, id, 'merge', 'A phone stays with a codec that cannot be mixed.')
    merged(at, call, consultant, consulted, id)
  })
  return null
}

function merged(now: Instant, call: Call, leg: CallLeg, consulted: CallLeg, command: CommandId): void {
  call.floor.consultation = null
  call.floor.third = consulted
  call.media.join(now, call)
  call.tell(now, 'call.merged', leg, { command })
  call.writeSnapshot()
}

/** One of three is over. False: there were not three. */
export function parted(now: Instant, call: Call, leg: CallLeg, command: CommandId | null): boolean {
  const { floor, caller, callee } = call
  const { third } = floor
  if (!third || !callee || ![caller, callee, third].includes(leg)) return false
  const [first = caller, second = callee] = [caller, callee, third].filter((one) => one !== leg)
  floor.third = null
  call.caller = first
  call.callee = second
  call.reached(second)
  call.connect(now)
  call.tell(now, 'call.unmerged', leg, { command })
  call.introduce()
  call.writeSnapshot()
  return true
}
