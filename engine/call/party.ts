/** Somebody in a call: how they are shown to the others, and what of the directory they are. */
import type { Identity } from './leg.ts'
import type { PartyState } from './records.ts'

export interface Party {
  readonly identity: Identity
  readonly userId: string | null
  readonly deviceId: string | null
  readonly trunkId: string | null
}

/** What the log and the history say of a party. */
export const toPartyState = ({ identity, userId, deviceId, trunkId }: Party): PartyState => ({
  number: identity.number,
  name: identity.name,
  userId,
  deviceId,
  trunkId,
})
