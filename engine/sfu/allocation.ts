/**
 * How a path is shared between the videos that are wanted over it (M14). Every one gets its smallest layer first, the
 * largest wishes before the others; what is left raises them in the same order. One whose smallest layer does not fit is
 * paused, so that sound never suffers for a picture.
 */
import type { Slot } from './slot.ts'
import type { Track } from './track.ts'

/** 0: nothing; 1: smallest layers only; 2: no video that is not shown already (M11). */
export type Shedding = 0 | 1 | 2

/** Until measured. */
const usualBps: Readonly<Record<string, number>> = { q: 100_000, h: 350_000, f: 1_200_000 }
/**
 * Going up needs room to spare. Staying does not: the estimate after a moment's delay is 0.85 of what arrived, and where
 * that is nearly all that was sent, nothing was wrong with the path. So nothing flutters.
 */
const riseMargin = 1.1
const stayMargin = 0.8

export function costOf(track: Track, rid: string): number {
  const measured = track.layers.get(rid)?.bitrateBps ?? 0
  return measured > 10_000 ? measured : (usualBps[rid] ?? 600_000)
}

/** Which layer each slot is to show; null: paused. On a path that is not known yet the largest is shown all the same. */
export function share(
  slots: readonly Slot[],
  bps: number,
  isProven: boolean,
  shedding: Shedding,
): Map<Slot, string | null> {
  const videos = slots.filter((slot) => slot.kind === 'video' && slot.track)
  videos.sort((a, b) => b.wantedHeight - a.wantedHeight)
  let left = Math.max(0, bps)
  const chosen = new Map<Slot, string | null>()
  for (const slot of videos) {
    const smallest = slot.track?.rids[0] ?? ''
    const cost = slot.track ? costOf(slot.track, smallest) : 0
    const margin = slot.current ? stayMargin : slot.wasPaused ? riseMargin : 1
    // A page is refused more video, never all of it.
    const isAdmitted = shedding < 2 || slot.current !== null || chosen.size === 0
    const fits = isAdmitted && (cost * margin <= left || (!isProven && chosen.size === 0))
    chosen.set(slot, fits ? smallest : null)
    if (fits) left -= cost
  }
  if (shedding === 0) for (const slot of videos) left = raise(slot, chosen, left)
  return chosen
}

function raise(slot: Slot, chosen: Map<Slot, string | null>, left: number): number {
  const { track } = slot
  const from = chosen.get(slot)
  if (!track || from === null || from === undefined) return left
  const wished = track.ridFor(slot.wantedHeight)
  const reached = track.rids.indexOf(slot.targetRid ?? '')
  let rest = left
  let rid = from
  for (let index = 1; index <= track.rids.indexOf(wished); index++) {
    const next = track.rids[index] ?? rid
    const margin = index <= reached ? stayMargin : riseMargin
    const cost = costOf(track, next) - costOf(track, rid)
    if (cost * margin > rest) break
    rest -= cost
    rid = next
  }
  chosen.set(slot, rid)
  return rest
}
