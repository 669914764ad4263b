/** What a phone is doing, as those are told who watch it (RFC 4235). */
import type { Call } from './call.ts'
import type { CallLeg } from './call-leg.ts'
import type { Directory } from './directory.ts'
import type { Identity, LegId } from './leg.ts'
import type { Party } from './party.ts'
import { textOf } from './targets.ts'

export interface Line {
  readonly leg: LegId
  /** Who began the call: the watched phone, or the other side. */
  readonly direction: 'initiator' | 'recipient'
  readonly state: 'trying' | 'early' | 'confirmed'
  /** Who is at the other end, as the watched one is shown it (T26). */
  readonly remote: Identity
}

export function lineOf(call: Call, leg: CallLeg): Line {
  const { ledger } = call
  const isCaller = leg.facts.role === 'caller'
  const other = otherThan(call, leg)
  const called = { number: ledger.facts.calledNumber, name: null, isAnonymous: false }
  const isEarly = isCaller ? ledger.hasRung : leg.ringingAt !== null
  return {
    leg: leg.id,
    direction: isCaller ? 'initiator' : 'recipient',
    state: leg.answeredAt !== null ? 'confirmed' : isEarly ? 'early' : 'trying',
    remote: other?.identity ?? called,
  }
}

function otherThan({ ledger, caller, callee, floor }: Call, leg: CallLeg): Party | null {
  const { consultation } = floor
  const isConsulted = leg === consultation?.consulted || consultation?.invitation?.legs.includes(leg)
  if (consultation && isConsulted) return consultation.consultant.party
  return leg === caller ? (callee?.party ?? ledger.callee) : caller.party
}

/** The devices behind an internal number: those of the user, or the device, that its callflow begins with. */
export function devicesOfNumber(directory: Directory, number: string): string[] {
  const flow = directory.callflowOf(number)?.flow
  const id = textOf(flow?.data.id)
  if (flow?.module === 'device') return directory.devices.has(id) ? [id] : []
  return flow?.module === 'user' ? [...directory.devicesOf(id)].map((device) => device.id) : []
}
