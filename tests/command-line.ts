/** The command line as people start it: a process of its own, what it prints and how it ends. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterEach } from 'vitest'
import { root } from './carillon.ts'

export interface Running {
  readonly stdout: () => string
  readonly stderr: () => string
  /** Its exit code. */
  readonly ended: Promise<number | null>
  readonly interrupt: () => void
}

export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

const children: ChildProcess[] = []
afterEach(() => {
  for (const { pid, exitCode } of children.splice(0)) {
    if (pid !== undefined && exitCode === null) process.kill(-pid, 'SIGKILL') // a group: it has a child of its own
  }
})

export function carillonCommand(args: readonly string[], environment: Readonly<Record<string, string>>): Running {
  const child = spawn(process.execPath, [join(root, 'server/cli/carillon.js'), ...args], {
    env: { PATH: process.env.PATH, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  children.push(child)
  const texts = { out: '', error: '' }
  child.stdout.on('data', (text) => (texts.out += text))
  child.stderr.on('data', (text) => (texts.error += text))
  return {
    stdout: () => texts.out,
    stderr: () => texts.error,
    ended: once(child, 'close').then(([code]) => code),
    // As a terminal does it: to the whole group.
    interrupt: () => process.kill(-(child.pid ?? 0), 'SIGINT'),
  }
}

export async function finished({ ended, stdout, stderr }: Running): Promise<Finished> {
  const code = await ended
  return { code, stdout: stdout(), stderr: stderr() }
}

export const linesOf = (text: string): string[] => text.split('\n').filter(Boolean)
