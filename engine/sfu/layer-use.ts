/** M17: what nobody uses for two seconds is switched off at the publisher; what somebody wants is switched on at once. */
import type { Track } from './track.ts'

const unusedMs = 2_000

/** Compares what is sent with what is used. True: other RIDs of it are to be sent, those in `activeRids` now. */
export function switchLayers(track: Track, nowMs: number): boolean {
  if (track.agreed.rids.length === 0) return false
  const used = new Set<string>()
  for (const { subscriber } of track.slots) subscriber.usedRids(track, used)
  const rids = track.rids.filter((rid) => used.has(rid))
  const isMissing = rids.some((rid) => !track.activeRids.includes(rid))
  const isSame = rids.length === track.activeRids.length && !isMissing
  if (isSame) track.otherSinceMs = 0
  else if (track.otherSinceMs === 0) track.otherSinceMs = nowMs
  if (!isMissing && (isSame || nowMs - track.otherSinceMs < unusedMs)) return false
  track.activeRids = isMissing ? track.rids.filter((rid) => used.has(rid) || track.activeRids.includes(rid)) : rids
  track.otherSinceMs = 0
  return true
}
