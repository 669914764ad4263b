/**
 * The processor first for what people wait for. A media worker that waits for it behind other programs makes every path
 * look congested, and pauses pictures for nothing (M11); a voice process that does turns calls away (T8).
 */
import { writeFileSync } from 'node:fs'
import { constants, setPriority } from 'node:os'

/** Nice values, which they have where we may give them: root, or `LimitNICE` of the service. Sound comes before signalling. */
export const mediaNice = constants.priority.PRIORITY_HIGH
export const voiceNice = constants.priority.PRIORITY_ABOVE_NORMAL

/**
 * Raises a process that was just started: threads that it starts from now on inherit it. False: not permitted, and it
 * runs as any other.
 */
export function raisePriority(pid: number, nice: number): boolean {
  try {
    setPriority(pid, nice)
    return true
  } catch {
    return false
  }
}

/**
 * The same for its group, where the kernel has a group for each session: between them the nice values of processes say
 * nothing (sched(7), autogroup).
 */
export function raiseGroup(pid: number, nice: number): void {
  try {
    writeFileSync(`/proc/${pid}/autogroup`, String(nice))
  } catch {
    // Another kernel has no such groups, and one with control groups does not look at them.
  }
}
