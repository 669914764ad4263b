/** What whoever is signed in may do with a call, as the server decides it: people with their own side, administrators all. */
import { useSession } from '../session.tsx'
import { useMayCall } from './call-button.tsx'
import type { LiveCall } from './live-calls.ts'

export type Leg = LiveCall['legs'][number]

export interface CallRights {
  /** Those that talk with each other, or would if none was on hold. */
  readonly talking: readonly Leg[]
  readonly maySteer: (leg: Leg) => boolean
  readonly mayPark: (leg: Leg) => boolean
  readonly mayMoveToMeeting: (leg: Leg) => boolean
  readonly mayRetrieve: boolean
  readonly mayRecord: boolean
  readonly mayListen: boolean
}

export function useCallRights(call: LiveCall): CallRights {
  const { who, isAdmin, accountId, homeId } = useSession()
  const mayCall = useMayCall()
  const isAtHome = accountId === homeId && who.user_id !== null
  const isOwn = (leg: Leg) => isAtHome && leg.user_id === who.user_id
  const isConnected = (call.status === 'answered' || call.status === 'held') && call.meeting_id === null
  const answered = call.legs.filter((leg) => leg.status === 'answered' && modeOf(call, leg) === null)
  const talking = isConnected && answered.length > 1 ? answered : []
  const maySteer = (leg: Leg) => mayCall && leg.trunk_id === null && (isAdmin || isOwn(leg))
  // Of three the server knows who consults whom.
  const hasOneOther = (leg: Leg) => talking.length === 2 && talking.includes(leg)
  const isRecordable = call.recording !== null || (talking.length > 0 && !call.is_emergency)
  return {
    talking,
    maySteer,
    mayPark: (leg) => maySteer(leg) && hasOneOther(leg) && leg.device_id !== null,
    mayMoveToMeeting: (leg) =>
      maySteer(leg) && hasOneOther(leg) && !call.is_emergency && who.scopes.includes('meeting'),
    mayRetrieve: mayCall && call.status === 'parked' && (isAdmin || isAtHome),
    mayRecord: mayCall && isRecordable && (isAdmin || talking.some(isOwn)),
    mayListen: mayCall && isAdmin && talking.length > 0 && !call.is_emergency,
  }
}

/** How a leg listens; null: it is one of those that talk. */
export const modeOf = (call: LiveCall, leg: Leg) =>
  call.supervisors.find(({ leg_id }) => leg_id === leg.id)?.mode ?? null

export const nameOf = ({ name, number }: Leg): string => name ?? number
