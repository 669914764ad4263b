/**
 * Parking without lots: one of two leaves, the other waits with music, and the call lives on with one side until a phone
 * retrieves it. Whoever is forgotten is brought back: after `longestParkedMs` the parker's phone is called, and when nobody
 * answers there the call ends.
 *
 *   talking --park--> parked --retrieve--> ringing --somebody answers--> talking
 *                       ^ |  \                 |
 *                       | |   `--too long--> the parker is called back --nobody answers--> over
 *                       `-+--nobody answers, command_failed--'
 */
import type { Instant } from '../machine.ts'
import { Alarm } from './alarm.ts'
import type { Call } from './call.ts'
import { autoAnswered } from './auto-answer.ts'
import type { ActCommand, ActionOf, CommandId, CommandRefusal } from './command.ts'
import type { Outcome } from './outcome.ts'
import { type Party, toPartyState } from './party.ts'
import { planDevice, planUser, type RingPlan } from './targets.ts'
import { isRefusal, legOfCommand, refuse } from './verb.ts'

const longestParkedMs = 300_000
const retrieveRingMs = 30_000

/** T5. */
export interface ParkingSnapshot {
  readonly parker: Party
  readonly until: Instant
}

export class Parking {
  readonly parker: Party
  readonly until: Instant
  /** Of whom a phone rings for it. */
  retrieval: CommandId | null = null
  /** The parker is called back. */
  isRecall = false
  readonly #alarm: Alarm

  constructor(call: Call, parker: Party, until: Instant) {
    this.parker = parker
    this.until = until
    this.#alarm = new Alarm(call.timers, (at) => recall(at, call, this))
    this.#alarm.set(until)
  }

  /** Again in a while: somebody is just retrieving it. */
  postpone(now: Instant): void {
    this.#alarm.set(now + retrieveRingMs)
  }

  close(): void {
    this.#alarm.cancel()
  }

  snapshot(): ParkingSnapshot {
    return { parker: this.parker, until: this.until }
  }
}

export function park(now: Instant, call: Call, command: ActCommand<ActionOf<'park'>>): CommandRefusal | null {
  const leg = legOfCommand(call, command)
  if (isRefusal(leg)) return leg
  const other = call.peerOf(leg)
  if (leg.party.deviceId === null)
    return refuse('not_allowed', 'Only a phone of the account can park whom it talks to.')
  if (!other || call.floor.consultation)
    return refuse('conflict', 'It does not talk to one other, who could be parked.')
  call.stage = 'running'
  call.caller = other
  call.callee = null
  call.floor.parking = new Parking(call, leg.party, now + longestParkedMs)
  call.ledger.isHeld = false
  call.floor.arrange(now)
  call.media.holdFor(other, leg.party)
  call.legs.drop(now, leg, null)
  call.tell(now, 'call.parked', leg, { command: command.id, party: toPartyState(leg.party) })
  call.writeSnapshot()
  return null
}

export function retrieve(now: Instant, call: Call, command: ActCommand<ActionOf<'retrieve'>>): CommandRefusal | null {
  const { parking } = call.floor
  if (!parking || call.stage !== 'running') return refuse('conflict', 'Nobody is parked in this call.')
  if (parking.retrieval !== null || parking.isRecall) return refuse('conflict', 'It is being retrieved already.')
  const plan = planPhones(call, command)
  if (isRefusal(plan)) return plan
  parking.retrieval = command.id
  call.follow(now, command.action.isAutoAnswer ? autoAnswered(plan) : plan, retrieveRingMs)
  return null
}

/** A phone took it: they talk. */
export function retrieved(now: Instant, call: Call): boolean {
  const { parking } = call.floor
  if (!parking || !call.callee) return false
  parking.close()
  call.floor.parking = null
  const command = parking.retrieval
  call.tell(now, 'call.retrieved', call.callee, { command, party: toPartyState(call.callee.party) })
  return true
}

/** Nobody came for it. True: it stays parked. */
export function retrievalFailed(now: Instant, call: Call, outcome: Outcome): boolean {
  const { parking } = call.floor
  if (!parking || parking.isRecall) return false
  if (parking.retrieval !== null) call.commandFailed(now, parking.retrieval, 'retrieve', outcome.text)
  parking.retrieval = null
  // A carrier's early media, or a callflow, may have been heard in place of the music.
  if (!call.caller.media?.isBusy) call.media.holdFor(call.caller, parking.parker)
  return true
}

function recall(now: Instant, call: Call, parking: Parking): void {
  if (call.floor.parking !== parking || call.isOver) return
  if (parking.retrieval !== null) return parking.postpone(now)
  parking.isRecall = true
  const { deviceId } = parking.parker
  call.follow(now, planDevice(call.planContext(false), deviceId ?? ''), retrieveRingMs)
}

/** The phones of a person or one of them, as a command names them: people have their own only. */
export function planPhones(
  call: Call,
  { by: who, action: { by } }: ActCommand<ActionOf<'retrieve' | 'pickup' | 'monitor'>>,
): RingPlan | CommandRefusal {
  const context = call.planContext(false)
  if (by.type === 'number') return refuse('invalid_request', 'must name a user or a device', 'by')
  const { users, devices } = call.directory
  const isKnown = by.type === 'user' ? users.has(by.userId) : devices.has(by.deviceId)
  if (!isKnown) return refuse('invalid_request', `names no ${by.type} of this account`, 'by')
  const owner = by.type === 'user' ? by.userId : devices.get(by.deviceId)?.ownerId
  if (!who.isAdmin && owner !== who.userId) return refuse('not_allowed', 'It is not a phone of your own.', 'by')
  const plan = by.type === 'user' ? planUser(context, by.userId) : planDevice(context, by.deviceId)
  const [failure] = plan.type === 'ring' && plan.targets.length === 0 ? plan.failed : []
  return failure ? refuse('conflict', `No phone of it can ring: ${failure.text}.`, 'by') : plan
}
