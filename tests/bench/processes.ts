/** What the kernel says of processes: their children, CPU time and open files. Of one that ended: nothing. */
import { readdirSync, readFileSync } from 'node:fs'

const ticksPerSecond = 100

export function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && numberIn(`/proc/${name}/status`, /^PPid:\s+(\d+)/m) === pid)
    .map(Number)
}

/** What it is called by now, which PostgreSQL's processes say of themselves; empty when it is gone. */
export function titleOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}

/** Milliseconds so far. */
export function cpuOf(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    return ((Number(fields[11]) + Number(fields[12])) * 1_000) / ticksPerSecond
  } catch {
    return 0 // it ended
  }
}

/** Files, sockets and pipes. */
export function openFilesOf(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).length
  } catch {
    return 0 // it ended
  }
}

function numberIn(file: string, pattern: RegExp): number {
  try {
    return Number(pattern.exec(readFileSync(file, 'utf8'))?.[1] ?? 0)
  } catch {
    return 0 // it ended
  }
}
