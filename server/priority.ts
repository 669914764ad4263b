/**
 * The processor first for what people wait for. A media worker that waits for it behind other programs makes every path
 * look congested, and pauses pictures for nothing (M11); a voice process that does turns calls away (T8).
 */
import { writeFileSync } from 'node:fs'
import { constants, getPriority, setPriority } from 'node:os'

/** A nice value of -7: five times the share of another program, which leaves PostgreSQL some where all is taken. */
const raised = constants.priority.PRIORITY_ABOVE_NORMAL
const groupAgainMs = 150
const groupTries = 10

/** It takes root, CAP_SYS_NICE or RLIMIT_NICE. */
export function mayRaisePriority(): boolean {
  return startRaised(() => getPriority()) === raised
}

/**
 * Starts a process at the raised priority, where that is permitted. It is this thread's for the moment of the start, and
 * so that of all threads of the process from their beginning: on Linux each thread has its own.
 */
export function startRaised<T>(start: () => T): T {
  const before = getPriority()
  try {
    setPriority(raised)
  } catch {
    return start()
  }
  try {
    return start()
  } finally {
    setPriority(before)
  }
}

/**
 * The same for the group of a process that has a session of its own, where the kernel shares the processor out between
 * sessions: between them the nice values of processes say nothing (sched(7), autogroup).
 */
export function raiseGroup(pid: number, triesLeft = groupTries): void {
  try {
    writeFileSync(`/proc/${pid}/autogroup`, String(raised))
  } catch (error) {
    // Who is not root may do that ten times a second. Others: no such groups, or not permitted.
    const isTooSoon = (error as NodeJS.ErrnoException).code === 'EAGAIN' && triesLeft > 0
    if (isTooSoon) setTimeout(() => raiseGroup(pid, triesLeft - 1), groupAgainMs).unref()
  }
}

/** For what a raised process starts and nobody waits for. */
export function lowerPriority(pid: number): void {
  setPriority(pid, constants.priority.PRIORITY_NORMAL)
}
