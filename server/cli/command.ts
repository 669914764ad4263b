/** What a command is: its words, its options, what it does; and how its help is written and its arguments are read. */
import { parseArgs } from 'node:util'
import type { Client } from '../../contract/client.ts'
import type { Terminal } from './terminal.ts'

/** A command was called wrongly: exit code 2, and what to write instead. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

export interface Option {
  readonly type: 'string' | 'boolean'
  /** What stands for its value in the help. */
  readonly value?: string
  readonly meaning: string
}

type Values = Readonly<Record<string, string | boolean | undefined>>

export interface Invocation {
  /** Of the installation that the environment names; reading it throws where that names none. */
  readonly client: Client
  readonly terminal: Terminal
  readonly values: Values
  /** The value of an option that takes one. */
  readonly text: (name: string) => string | undefined
  /** What stands behind the command's name: as many as it names. */
  readonly words: readonly string[]
  /** Aborts at Ctrl-C. */
  readonly signal: AbortSignal
}

export interface Command {
  /** As it is typed: `events tail`. */
  readonly name: string
  /** Names of what it takes besides options: `FROM`, `TO`. */
  readonly takes: readonly string[]
  readonly summary: string
  readonly description: string
  readonly options: Readonly<Record<string, Option>>
  /** The exit code. */
  readonly run: (invocation: Invocation) => Promise<number>
}

const everywhere: Readonly<Record<string, Option>> = {
  json: { type: 'boolean', meaning: 'One JSON value a line, for programs.' },
  help: { type: 'boolean', meaning: 'This text.' },
}

export interface Read {
  readonly values: Values
  readonly words: readonly string[]
}

export function readArguments(command: Command, args: readonly string[]): Read {
  const options = Object.fromEntries(
    Object.entries({ ...command.options, ...everywhere }).map(([name, { type }]) => [name, { type }]),
  )
  const { values, positionals } = parse(args, options)
  if (values.help === true) return { values, words: [] }
  const missing = command.takes[positionals.length]
  if (missing !== undefined) throw new UsageError(`${missing} is missing: ${usageOf(command)}`)
  const more = positionals[command.takes.length]
  if (more !== undefined) throw new UsageError(`${more}: too much; ${usageOf(command)}`)
  return { values, words: positionals }
}

function parse(args: readonly string[], options: Record<string, { type: 'string' | 'boolean' }>) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

const usageOf = ({ name, takes }: Command) => ['carillon', name, ...takes, '[options]'].join(' ')

export function formatHelp(command: Command): string {
  const options = Object.entries({ ...command.options, ...everywhere })
  const left = options.map(([name, { value }]) => `--${name}${value ? ` ${value}` : ''}`)
  const width = Math.max(...left.map(({ length }) => length))
  const lines = options.map(([, { meaning }], i) => `  ${left[i]?.padEnd(width)}  ${meaning}`)
  return [`Usage: ${usageOf(command)}`, '', command.description, '', 'Options:', ...lines].join('\n')
}
