/**
 * The legs of one call that events told of and that are not over, with their versions: written beside the call, so that the
 * next process can end those that died with this one.
 *
 * Invariant (T3): a leg is told to have ended once. One that a snapshot brings back although its end was told stays over.
 */
import type { EventData } from '../../contract/events.ts'
import type { LegId } from '../../engine/call/leg.ts'
import type { LegEnd, LegState } from '../../engine/call/records.ts'
import type { CallRow, LegTableRow } from '../store/call-batch.ts'
import { toPublicParty, toTimestamp } from './call-events.ts'

export type PublicLeg = EventData<'leg.ended'>['leg']

interface OpenLeg {
  readonly seq: number
  readonly leg: PublicLeg
}

/** Without what its call says too: it is written again with each event. */
type WrittenLeg = Omit<PublicLeg, 'call' | keyof typeof noEnd> & { readonly seq: number }

const noEnd = { ended_at: null, hangup_cause: null, ended_by: null, sip_code: null, q850_cause: null } as const

type CallOfLeg = Pick<CallRow, 'id' | 'direction' | 'caller_number' | 'caller_name' | 'called_number'>

export class OpenLegs {
  readonly #legs = new Map<LegId, OpenLeg>()
  /** Over in a process before this one, or in another call now: nothing of them is told here. */
  #over = new Set<LegId>()
  #text: string | null = null

  /** `given`: those that the snapshot of the call has. */
  static fromRow(row: CallRow, given: readonly LegId[]): OpenLegs {
    const legs = new OpenLegs()
    if (row.live_legs === null) return legs // of a version that told of no legs
    const written: readonly WrittenLeg[] = JSON.parse(row.live_legs)
    for (const { seq, ...leg } of written)
      legs.#legs.set(leg.id, { seq, leg: { ...leg, call: inShort(row), ...noEnd } })
    legs.#over = new Set(given.filter((id) => !legs.#legs.has(id)))
    return legs
  }

  get all(): PublicLeg[] {
    return [...this.#legs.values()].map(({ leg }) => leg)
  }

  isOver(id: LegId): boolean {
    return this.#over.has(id)
  }

  /** An event of the call shows it. */
  see(leg: PublicLeg): void {
    if (this.#over.has(leg.id)) return
    this.#put(leg, this.#legs.get(leg.id)?.seq ?? 0)
  }

  /** An event of its own; gives its version. */
  tell(leg: PublicLeg): number {
    const seq = (this.#legs.get(leg.id)?.seq ?? 0) + 1
    if (leg.status === 'ended') this.#drop(leg.id)
    else this.#put(leg, seq)
    return seq
  }

  /** It goes on in that call. */
  moveTo(other: OpenLegs, id: LegId): void {
    const known = this.#legs.get(id)
    this.#over.add(id)
    if (!known) return
    this.#drop(id)
    other.#over.delete(id)
    other.#put(known.leg, known.seq)
  }

  /** As it is written beside the call. */
  get text(): string {
    this.#text ??= JSON.stringify([...this.#legs.values()].map(toWritten))
    return this.#text
  }

  #put(leg: PublicLeg, seq: number): void {
    this.#legs.set(leg.id, { seq, leg })
    this.#text = null
  }

  #drop(id: LegId): void {
    this.#legs.delete(id)
    this.#text = null
  }
}

export const toLeg = (leg: LegState, end: LegEnd | null, call: CallOfLeg): PublicLeg => ({
  id: leg.id,
  role: leg.role,
  status: end ? 'ended' : leg.status,
  ...toPublicParty(leg.party),
  call: inShort(call),
  started_at: toTimestamp(leg.startedAt),
  ringing_at: leg.ringingAt === null ? null : toTimestamp(leg.ringingAt),
  answered_at: leg.answeredAt === null ? null : toTimestamp(leg.answeredAt),
  ended_at: end ? toTimestamp(end.at) : null,
  hangup_cause: end?.cause ?? null,
  ended_by: end?.by ?? null,
  sip_code: end?.sipCode ?? null,
  q850_cause: end?.q850 ?? null,
})

const inShort = (call: CallOfLeg): PublicLeg['call'] => ({
  id: call.id,
  direction: call.direction as PublicLeg['call']['direction'], // the table checks it
  caller_number: call.caller_number,
  caller_name: call.caller_name,
  called_number: call.called_number,
})

const toWritten = ({ seq, leg }: OpenLeg): WrittenLeg => ({
  seq,
  id: leg.id,
  role: leg.role,
  status: leg.status,
  number: leg.number,
  name: leg.name,
  user_id: leg.user_id,
  device_id: leg.device_id,
  trunk_id: leg.trunk_id,
  started_at: leg.started_at,
  ringing_at: leg.ringing_at,
  answered_at: leg.answered_at,
})

/** Its process died, and nobody can go on with it. */
export const toLostLeg = (leg: PublicLeg, at: string): PublicLeg => ({
  ...leg,
  status: 'ended',
  ended_at: at,
  hangup_cause: leg.answered_at === null ? 'FAILED' : 'ANSWERED',
  ended_by: 'system_restart',
  q850_cause: 41, // temporary failure
})

/** Of a leg whose own record died with its process. */
export const toLostRow = (leg: PublicLeg, accountId: string): LegTableRow => ({
  id: leg.id,
  call_id: leg.call.id,
  account_id: accountId,
  role: leg.role,
  device_id: leg.device_id,
  trunk_id: leg.trunk_id,
  user_id: leg.user_id,
  number: leg.number,
  name: leg.name,
  started_at: leg.started_at,
  ringing_at: leg.ringing_at,
  answered_at: leg.answered_at,
  ended_at: leg.ended_at ?? leg.started_at,
  sip_code: leg.sip_code,
  q850_cause: leg.q850_cause,
  hangup_cause: leg.hangup_cause,
  ended_by: 'system_restart',
  billing_seconds: isBilled(leg) ? secondsBetween(leg.answered_at, leg.ended_at) : 0,
  billed_user_id: null,
  billed_device_id: null,
  is_forwarded: false,
  quality: null,
})

const isBilled = ({ role, trunk_id: trunk }: PublicLeg): boolean => role === 'callee' && trunk !== null

const secondsBetween = (from: string | null, to: string | null): number =>
  from === null || to === null ? 0 : Math.max(0, Math.ceil((Date.parse(to) - Date.parse(from)) / 1_000))
