/**
 * A call that outlives its process (T5): what is written at the answer and at each change, and how the next process goes
 * on from it. The media worker has the endpoints still, or its successor gets them again (T6).
 */
import type { Instant } from '../machine.ts'
import { Call } from './call.ts'
import { CallLeg, type LegSnapshot } from './call-leg.ts'
import { originatorOf } from './caller-id.ts'
import { emptyFloor, type FloorSnapshot, restoreFloor } from './floor-snapshot.ts'
import type { LegId, WrittenDialog } from './leg.ts'
import { type Ending, Ledger, type LedgerSnapshot } from './ledger.ts'
import type { Limit } from './limits.ts'
import { readNumber } from './numbers.ts'
import { hungUp } from './outcome.ts'
import type { CallServices } from './services.ts'
import { transferLost, type TransferSnapshot } from './transfer.ts'

export interface CallSnapshot {
  readonly version: 1
  readonly ledger: LedgerSnapshot
  readonly legs: readonly LegSnapshot[]
  readonly caller: LegId
  readonly callee: LegId | null
  /** Absent: of a version that kept them with the caller. */
  readonly limits?: readonly Limit[]
  /** Absent: of a version before this one. */
  readonly transfer?: TransferSnapshot | null
  /** Absent: two talk, and that is all. */
  readonly floor?: FloorSnapshot
  /** It was over, and its record is not written. */
  readonly ending?: Ending & { readonly at: Instant }
}

/** What became of the legs of a snapshot. */
export interface KnownLegs {
  readonly hasDialog: (leg: LegId) => boolean
  /** It went to another call in the last that was written, and goes on there. */
  readonly isElsewhere: (leg: LegId) => boolean
}

/** Null: written by a version that we do not know. */
export function parseSnapshot(text: string): CallSnapshot | null {
  try {
    const parsed: unknown = JSON.parse(text)
    const isKnown = typeof parsed === 'object' && parsed !== null && 'version' in parsed && parsed.version === 1
    return isKnown ? (parsed as CallSnapshot) : null
  } catch {
    return null // Text that is no JSON is no snapshot.
  }
}

/** A dialog that the SIP layer has to take up before its call is restored. */
export interface KeptDialog {
  readonly leg: LegId
  readonly dialog: WrittenDialog
  /** What we told the peer last. */
  readonly sdp: string | null
  /** Whose login it needs. */
  readonly trunkId: string | null
}

export function dialogsOf(text: string): KeptDialog[] {
  const legs = parseSnapshot(text)?.legs ?? []
  return legs.flatMap(({ facts, party, media, dialog }) =>
    dialog === null ? [] : [{ leg: facts.id, dialog, sdp: media?.sdp.local ?? null, trunkId: party.trunkId }],
  )
}

/** Those that it would bring back. */
export const legsOf = (text: string): LegId[] => (parseSnapshot(text)?.legs ?? []).map(({ facts }) => facts.id)

/** Null: its account is gone. */
export function restoreCall(
  now: Instant,
  services: CallServices<Call>,
  kept: CallSnapshot,
  { hasDialog, isElsewhere }: KnownLegs,
): Call | null {
  const ledger = Ledger.fromSnapshot(kept.ledger)
  const { facts } = ledger
  const directory = services.host.directories.account(facts.accountId)
  const caller = kept.legs.find((leg) => leg.facts.id === kept.caller)
  if (!directory || !caller) return null
  const isCallerHere = !isElsewhere(kept.caller)
  const call = new Call(services, {
    directory,
    ledger,
    caller: newLeg(caller, ledger.answeredAt),
    aim: {
      originator: originatorOf(directory, caller.party),
      called: readNumber(facts.calledNumber, directory.account.country),
      wantsPrivacy: false,
    },
    maxForwards: 70,
    offer: null,
    isCallerAbsent: !isCallerHere,
  })
  call.limits = kept.limits ?? []
  services.limits.acquire(call.limits, true)
  call.legs.started(now)
  if (isCallerHere) takeUp(services, call, call.caller, caller)
  const legs = takeOthers(services, call, kept, isElsewhere)
  if (kept.ending) {
    // Each hears of it once more, whoever hung up too.
    call.end(kept.ending.at, kept.ending)
    return call
  }
  const [first, second] = [kept.caller, calleeOf(kept), kept.floor?.third ?? null].filter(
    (leg): leg is LegId => leg !== null && hasDialog(leg),
  )
  const floor = kept.floor ?? emptyFloor
  const isAlone = second === undefined && first === kept.caller
  if (isAlone && (floor.parking || floor.meeting || kept.transfer)) {
    restoreFloor(now, call, floor, legs)
    if (floor.parking) call.media.holdFor(call.caller, floor.parking.parker)
  } else if (second === undefined) {
    call.end(now, { by: 'system', outcome: hungUp, q850: 41 })
  } else {
    call.caller = legs.get(first ?? '') ?? call.caller
    call.callee = legs.get(second) ?? null
    restoreFloor(now, call, { ...floor, parking: null, meeting: null }, legs)
    call.connect(now)
    call.floor.resume()
  }
  if (!call.isOver) for (const leg of call.floor.unplaced) call.legs.drop(now, leg, null)
  if (!call.isOver && isAlone && kept.transfer) transferLost(now, call, kept.transfer)
  if (!call.isOver && call.floor.recording) call.writeSnapshot()
  return call
}

/** Where the callee is being handed on, the transferor is still there to talk to. */
function calleeOf({ callee, caller, floor, legs, transfer }: CallSnapshot): LegId | null {
  if (callee !== null || floor?.parking || floor?.meeting) return callee
  const transferor = transfer?.transferor.facts.id
  if (transfer !== undefined) return legs.find(({ facts }) => facts.id === transferor)?.facts.id ?? null
  const others = new Set([caller, ...(floor?.supervisions ?? []).map(({ leg }) => leg)])
  return legs.find(({ facts, dialog }) => !others.has(facts.id) && dialog !== null)?.facts.id ?? null
}

/** All that have a dialog, by their id. */
function takeOthers(
  services: CallServices<Call>,
  call: Call,
  kept: CallSnapshot,
  isElsewhere: KnownLegs['isElsewhere'],
): Map<LegId, CallLeg> {
  const legs = new Map([[call.caller.id, call.caller]])
  for (const one of kept.legs) {
    if (one.dialog === null || legs.has(one.facts.id) || isElsewhere(one.facts.id)) continue
    const leg = newLeg(one, null)
    call.legs.take(leg)
    takeUp(services, call, leg, one)
    legs.set(leg.id, leg)
  }
  return legs
}

/** `callAnsweredAt`: the caller whose answer was on its way when the process died gets it again. */
function newLeg({ facts, party, ringingAt, answeredAt, dialog }: LegSnapshot, callAnsweredAt: Instant | null): CallLeg {
  const leg = new CallLeg(facts, party)
  leg.answered(answeredAt ?? callAnsweredAt ?? facts.startedAt)
  leg.ringingAt = ringingAt
  leg.dialog = dialog
  return leg
}

function takeUp(services: CallServices<Call>, call: Call, leg: CallLeg, kept: LegSnapshot): void {
  services.limits.acquire(kept.limits, true)
  leg.limits = kept.limits
  if (leg.facts.isOutside && leg.facts.role === 'callee' && leg.answeredAt !== null) {
    services.limits.startSpending(call.ledger.facts.accountId, leg.id, leg.answeredAt)
  }
  leg.holding = kept.holding ?? null
  leg.isMuted = kept.isMuted ?? false
  if (kept.media) call.media.reopen(leg, kept.media)
  if (leg.isMuted) leg.media?.mute(true)
}
