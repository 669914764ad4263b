/**
 * Supervision: somebody's phone is called and hears a call. `monitor`: and is heard by nobody; `whisper`: by one side;
 * `barge`: by all. Asked again it changes the mode of whoever listens already. Whoever supervises comes and goes without
 * the others: its leaving ends nothing, and with the call it is hung up. Emergency calls are not listened to.
 */
import type { Instant } from '../machine.ts'
import type { Codec } from '../sdp/codec.ts'
import { autoAnswered } from './auto-answer.ts'
import type { Call } from './call.ts'
import type { CallLeg } from './call-leg.ts'
import { speech } from './call-media.ts'
import type { ActCommand, ActionOf, CommandId, CommandRefusal, CommandTarget, SupervisionMode } from './command.ts'
import { Invitation, type InvitationHost } from './invitation.ts'
import type { LegId } from './leg.ts'
import type { Outcome } from './outcome.ts'
import { planPhones } from './park.ts'
import { toPartyState } from './party.ts'
import type { Forwarder, PlanContext } from './targets.ts'
import { isRefusal, refuse } from './verb.ts'

const superviseRingMs = 30_000

/** T5. */
export interface SupervisionSnapshot {
  readonly leg: LegId
  readonly mode: SupervisionMode
  readonly target: LegId | null
  readonly by: CommandTarget
}

export class Supervision implements InvitationHost {
  readonly by: CommandTarget
  readonly command: CommandId
  mode: SupervisionMode
  /** Whom a whisper reaches. */
  target: LegId | null
  /** Null while its phones ring. */
  leg: CallLeg | null = null
  /** It hears the call: nobody has to change a codec first. */
  hasStarted = false
  invitation: Invitation | null = null
  readonly #call: Call

  constructor(
    call: Call,
    parts: { by: CommandTarget; command: CommandId; mode: SupervisionMode; target: LegId | null },
  ) {
    this.#call = call
    this.by = parts.by
    this.command = parts.command
    this.mode = parts.mode
    this.target = parts.target
  }

  isHeardBy(leg: CallLeg): boolean {
    return this.mode === 'barge' || (this.mode === 'whisper' && leg.id === this.target)
  }

  snapshot(): SupervisionSnapshot[] {
    const { leg, mode, target, by, hasStarted } = this
    return leg === null || !hasStarted ? [] : [{ leg: leg.id, mode, target, by }]
  }

  planContext(isDirect: boolean, forwardedBy: Forwarder | null): PlanContext {
    return this.#call.planContext(isDirect, forwardedBy)
  }

  /** What can be mixed. */
  codecs(): readonly Codec[] {
    return speech
  }

  ringing(): void {}
  earlyMedia(): void {}

  play(now: Instant): void {
    this.lost(now)
  }

  won(now: Instant, leg: CallLeg): void {
    const call = this.#call
    this.invitation = null
    this.leg = leg
    call.media.toSpeech(call.floor.talking, now, (at, refusing) => {
      if (leg.isOver || call.isOver) return
      this.hasStarted = !refusing
      if (refusing) {
        call.legs.drop(at, leg, null)
        remove(call, this)
        call.commandFailed(at, this.command, 'monitor', 'A phone stays with a codec that cannot be mixed.')
        return
      }
      call.media.join(at, call)
      call.tell(at, 'call.monitor_started', leg, { ...told(this), command: this.command })
      call.writeSnapshot()
    })
  }

  lost(now: Instant, outcome?: Outcome): void {
    this.invitation = null
    remove(this.#call, this)
    this.#call.commandFailed(now, this.command, 'monitor', outcome?.text ?? 'Nobody answered.')
  }
}

export function monitor(now: Instant, call: Call, command: ActCommand<ActionOf<'monitor'>>): CommandRefusal | null {
  const { by, mode, leg, isAutoAnswer } = command.action
  if (!command.by.isAdmin) return refuse('not_allowed', 'Only an administrator may listen to calls.')
  if (call.isEmergency) return refuse('not_allowed', 'Nobody listens to an emergency call.')
  const target = mode === 'whisper' ? whisperedTo(call, leg) : null
  if (mode === 'whisper' && target === null) {
    return refuse('invalid_request', 'must say to which of those who talk the whisper goes', 'leg_id')
  }
  const { supervisions } = call.floor
  const known = supervisions.find((one) => isSame(one.by, by)) ?? supervisions.find((one) => isAt(one, by))
  if (known) return change(now, call, known, { mode, target }, command.id)
  if (call.stage !== 'connected') return refuse('conflict', 'Nobody talks in this call.')
  const plan = planPhones(call, command)
  if (isRefusal(plan)) return plan
  const supervision = new Supervision(call, { by, command: command.id, mode, target })
  call.floor.supervisions = [...call.floor.supervisions, supervision]
  supervision.invitation = new Invitation(call, supervision)
  supervision.invitation.start(now, isAutoAnswer ? autoAnswered(plan) : plan, superviseRingMs)
  return null
}

/** A leg is over, and it was its. */
export function supervisionEnded(
  now: Instant,
  call: Call,
  supervision: Supervision,
  command: CommandId | null = null,
): void {
  const { leg } = supervision
  remove(call, supervision)
  if (call.isOver) return
  if (!supervision.hasStarted) {
    call.floor.arrange(now)
    if (command !== null) call.tell(now, 'call.rejected', leg, { command })
    return call.commandFailed(now, supervision.command, 'monitor', 'It was gone before it could listen.')
  }
  call.media.join(now, call)
  call.tell(now, 'call.monitor_stopped', leg, { ...told(supervision), command })
  call.writeSnapshot()
}

/** Those who listen, and those who are called to. */
export function dropSupervisions(now: Instant, call: Call): void {
  for (const supervision of call.floor.supervisions) {
    const { leg, invitation, command } = supervision
    if (leg) {
      call.legs.drop(now, leg, null)
      supervisionEnded(now, call, supervision)
    } else {
      invitation?.cancel(now)
      remove(call, supervision)
      call.commandFailed(now, command, 'monitor', 'Nobody listens to an emergency call.')
    }
  }
}

function change(
  now: Instant,
  call: Call,
  supervision: Supervision,
  { mode, target }: { mode: SupervisionMode; target: LegId | null },
  command: CommandId,
): CommandRefusal | null {
  if (supervision.leg === null) return refuse('conflict', 'Its phone still rings.', 'by')
  supervision.mode = mode
  supervision.target = target
  call.floor.arrange(now)
  call.tell(now, 'call.monitor_changed', supervision.leg, { ...told(supervision), command })
  call.writeSnapshot()
  return null
}

/** Without a leg named: the only one of the account's own that talks. */
function whisperedTo(call: Call, leg: LegId | null): LegId | null {
  const { talking } = call.floor
  if (leg !== null) return talking.some(({ id }) => id === leg) ? leg : null
  const [own, ...more] = talking.filter(({ party }) => party.deviceId !== null)
  return own && more.length === 0 ? own.id : null
}

function remove(call: Call, supervision: Supervision): void {
  call.floor.supervisions = call.floor.supervisions.filter((one) => one !== supervision)
}

const isSame = (a: CommandTarget, b: CommandTarget): boolean => JSON.stringify(a) === JSON.stringify(b)

/** Also where it was called as one of several: a mode is changed for the phone that listens, or rings for it. */
function isAt({ leg, invitation }: Supervision, by: CommandTarget): boolean {
  if (by.type === 'number') return false
  const isIts = ({ party }: CallLeg) =>
    by.type === 'device' ? party.deviceId === by.deviceId : party.userId === by.userId
  return leg === null ? (invitation?.legs.some(isIts) ?? false) : isIts(leg)
}

const told = ({ mode, leg }: Supervision) => ({ mode, ...(leg && { party: toPartyState(leg.party) }) })
