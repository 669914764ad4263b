/**
 * Digits by a command: to the other side, as if the leg had pressed them, one after the other, with pauses where a comma
 * stands. They go as telephone events where the peer takes them, else by INFO (T23). What they were is not recorded: they
 * may open something.
 */
import type { Instant } from '../machine.ts'
import { Alarm } from './alarm.ts'
import type { Call } from './call.ts'
import type { CallLeg } from './call-leg.ts'
import type { ActCommand, ActionOf, CommandRefusal } from './command.ts'
import { isRefusal, legOfCommand, refuse } from './verb.ts'

const digitMs = 160
/** RFC 4733 §2.5.1.2 leaves it open; 80 ms are told apart by every receiver. */
const gapMs = 80
const pauseMs = 1_000

export function dtmf(now: Instant, call: Call, command: ActCommand<ActionOf<'dtmf'>>): CommandRefusal | null {
  const leg = legOfCommand(call, command)
  if (isRefusal(leg)) return leg
  const peer = call.peerOf(leg)
  if (!peer?.media) return refuse('conflict', 'It does not talk to one other.')
  if (peer.isSentDigits) return refuse('conflict', 'Digits are being sent already.')
  peer.isSentDigits = true
  new Sending(call, leg, peer, command).next(now)
  return null
}

class Sending {
  readonly #call: Call
  readonly #leg: CallLeg
  readonly #peer: CallLeg
  readonly #command: ActCommand<ActionOf<'dtmf'>>
  readonly #alarm: Alarm
  #at = 0

  constructor(call: Call, leg: CallLeg, peer: CallLeg, command: ActCommand<ActionOf<'dtmf'>>) {
    this.#call = call
    this.#leg = leg
    this.#peer = peer
    this.#command = command
    this.#alarm = new Alarm(call.timers, (at) => this.next(at))
  }

  next(now: Instant): void {
    const { id, action } = this.#command
    const call = this.#call
    const digit = action.digits[this.#at]
    // Of a call that is over the command has failed with it.
    if (call.isOver) return
    if (digit !== undefined && call.peerOf(this.#leg) === this.#peer) {
      this.#at += 1
      if (digit !== ',') call.sendDigit(this.#peer, digit, digitMs)
      return this.#alarm.set(now + (digit === ',' ? pauseMs : digitMs + gapMs))
    }
    this.#peer.isSentDigits = false
    if (digit !== undefined) return call.commandFailed(now, id, 'dtmf', 'The other side left before the last digit.')
    call.tell(now, 'call.dtmf_sent', this.#leg, { command: id, digitCount: action.digits.replaceAll(',', '').length })
  }
}
