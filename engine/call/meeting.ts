/**
 * A call that goes on in a meeting (M8): one of two leaves, the other takes part in the meeting by telephone. The call
 * lives as long as its phone does; whoever runs meetings is told who is there (`phones`), and hangs up by `dropPhone`.
 *
 *   talking --to_meeting--> in the meeting --hangs up, removed, the meeting ends--> over
 */
import type { Instant } from '../machine.ts'
import type { Call } from './call.ts'
import type { CallLeg } from './call-leg.ts'
import type { ActCommand, ActionOf, CommandId, CommandRefusal, MeetingLink } from './command.ts'
import { type MeetingPhone, phonePeerId } from './meeting-phone.ts'
import { hungUp } from './outcome.ts'
import { isRefusal, legOfCommand, refuse } from './verb.ts'

/** T5. */
export interface Attendance {
  readonly link: MeetingLink
  /** Null: it did not come by a command of its own. */
  readonly command: CommandId | null
}

export function toMeeting(
  now: Instant,
  call: Call,
  command: ActCommand<ActionOf<'to_meeting'>>,
): CommandRefusal | null {
  if (call.floor.meeting) return refuse('conflict', 'It is in a meeting already.')
  const leg = legOfCommand(call, command)
  if (isRefusal(leg)) return leg
  const other = call.peerOf(leg)
  if (!other || call.floor.consultation) {
    return refuse('conflict', 'It does not talk to one other, who could go on to the meeting.')
  }
  if (call.isEmergency) return refuse('not_allowed', 'An emergency call stays where it is.')
  const { meeting } = command.action
  if ('refusal' in meeting) return refuse('invalid_request', meeting.refusal, 'meeting_id')
  const attendance = { link: meeting, command: command.id }
  call.media.toSpeech([other], now, (at, refusing) => {
    if (call.isOver || other.isOver || call.peerOf(leg) !== other) {
      return call.commandFailed(at, command.id, 'to_meeting', 'The two did not talk to each other any more.')
    }
    if (refusing) {
      return call.commandFailed(at, command.id, 'to_meeting', 'The phone stays with a codec that cannot be mixed.')
    }
    call.callee = null
    call.caller = other
    attend(at, call, attendance, leg)
    call.writeSnapshot()
  })
  return null
}

/**
 * The call's only leg takes part from now on; a snapshot is to be written after it. `leg`: whose doing it is, who leaves
 * where it is another.
 */
export function attend(now: Instant, call: Call, attendance: Attendance, leg: CallLeg): void {
  const { floor, caller, ledger } = call
  call.stage = 'running'
  ledger.isHeld = false
  floor.meeting = attendance
  floor.arrange(now)
  call.media.part(caller)
  call.media.letTalk(call, caller)
  join(call, attendance)
  if (leg !== caller) call.legs.drop(now, leg, null)
  const { command, link } = attendance
  const { meetingId, participantId } = link
  const event = ledger.event('call.joined_meeting', now, leg, command)
  // Told first: the participant that comes of it is the second thing that its command caused.
  call.services.write(call.id, [{ ...event, about: { meeting: { meetingId, participantId } } }], () => {
    if (!call.isOver) call.services.emit({ type: 'phones' })
  })
}

/** After a restart, all at once. */
export function rejoin(call: Call, attendance: Attendance): void {
  join(call, attendance)
  call.services.emit({ type: 'phones' })
}

function join({ services, caller }: Call, { link }: Attendance): void {
  const peer = phonePeerId(link.participantId)
  services.emit({ type: 'media', order: { type: 'meeting', endpoint: caller.id, peer, worker: link.worker } })
}

/** Null: it is in no meeting. */
export function meetingPhone({ id: callId, floor, caller, isOver }: Call): MeetingPhone | null {
  if (!floor.meeting || isOver) return null
  const { link, command } = floor.meeting
  const { meetingId, participantId } = link
  const { number, name } = caller.party.identity
  return { meetingId, participantId, callId, leg: caller.id, number, name, command }
}

/** Removed, or the meeting is over. */
export const dropPhone = (now: Instant, call: Call): void => call.end(now, { by: 'system', outcome: hungUp })
