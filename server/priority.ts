/**
 * The processor first for what carries sound and pictures (M11): a media worker that waits for it behind other programs
 * makes every path look congested, and pauses pictures for nothing.
 */
import { writeFileSync } from 'node:fs'
import { constants, setPriority } from 'node:os'

/** The nice value that a media worker has where we may give it (root, or `LimitNICE` of the service). */
export const mediaNice = constants.priority.PRIORITY_HIGH

/**
 * Raises a process that was just started: threads that it starts from now on inherit it. False: not permitted, and it
 * runs as any other.
 */
export function putFirst(pid: number): boolean {
  try {
    setPriority(pid, mediaNice)
  } catch {
    return false
  }
  try {
    // A process of its own session is in a group of its own, between which `nice` says nothing: sched(7), autogroup.
    writeFileSync(`/proc/${pid}/autogroup`, String(mediaNice))
  } catch {
    // Another kernel has no such groups, and one with control groups does not look at them.
  }
  return true
}
