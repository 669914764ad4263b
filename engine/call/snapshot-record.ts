/** T5: what the next process needs to go on with a call (snapshot.ts). */
import type { Call } from './call.ts'
import { floorSnapshot } from './floor-snapshot.ts'
import type { CallRecord } from './records.ts'
import type { CallSnapshot } from './snapshot.ts'

export function snapshotRecord(call: Call): CallRecord {
  const { id: callId, accountId } = call.ledger.facts
  const floor = floorSnapshot(call.floor)
  const kept: CallSnapshot = {
    version: 1,
    ledger: call.ledger.snapshot(),
    legs: call.legs.live.map((leg) => leg.snapshot()),
    caller: call.caller.id,
    callee: call.callee?.id ?? null,
    limits: call.limits,
    transfer: call.transfer?.snapshot() ?? null,
    ...(floor && { floor }),
  }
  return { type: 'snapshot', callId, accountId, text: JSON.stringify(kept) }
}
