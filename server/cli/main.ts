/** `npm run carillon -- COMMAND` and `npx carillon COMMAND`. */
import { ApiFailure, ConnectionFailure, createClient } from '../../contract/client.ts'
import { ConfigError } from '../config.ts'
import { type Command, formatHelp, readArguments, UsageError } from './command.ts'
import { commands, formatCommands } from './commands.ts'
import { readTarget } from './target.ts'
import { type Streams, Terminal, withoutControls } from './terminal.ts'

async function run(args: readonly string[], streams: Streams, signal: AbortSignal): Promise<number> {
  const found = findCommand(args)
  if (found === null) {
    const isAsked = args.length === 0 || args[0] === '--help' || args[0] === 'help'
    streams[isAsked ? 'out' : 'error'](`${formatCommands()}\n`)
    return isAsked ? 0 : 2
  }
  const { command, rest } = found
  const { values, words } = readArguments(command, rest)
  if (values.help === true) {
    streams.out(`${formatHelp(command)}\n`)
    return 0
  }
  const terminal = new Terminal(streams, values.json === true)
  const text = (name: string) => {
    const value = values[name]
    return typeof value === 'string' ? value : undefined
  }
  return command.run({
    get client() {
      return createClient(readTarget(process.env))
    },
    terminal,
    values,
    text,
    words,
    signal,
  })
}

/** `events tail` is two words, `whoami` one. */
function findCommand(args: readonly string[]): { command: Command; rest: readonly string[] } | null {
  for (const command of commands) {
    const words = command.name.split(' ')
    if (words.every((word, i) => args[i] === word)) return { command, rest: args.slice(words.length) }
  }
  return null
}

function explain(error: unknown): { code: number; text: string } {
  if (error instanceof UsageError || error instanceof ConfigError) return { code: 2, text: error.message }
  if (error instanceof ApiFailure) {
    return { code: 1, text: `${error.type}: ${error.message}${error.requestId ? ` (request ${error.requestId})` : ''}` }
  }
  if (error instanceof ConnectionFailure) return { code: 1, text: error.message }
  throw error
}

const leaving = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => leaving.abort(new Error(name)))
// `carillon events tail | head`: whoever read has seen enough.
process.stdout.on('error', () => process.exit(0))

const streams: Streams = {
  out: (text) => void process.stdout.write(text),
  error: (text) => void process.stderr.write(text),
  isTerminal: process.stdout.isTTY === true && process.env.NO_COLOR === undefined,
}
try {
  process.exitCode = await run(process.argv.slice(2), streams, leaving.signal)
} catch (error) {
  if (leaving.signal.aborted) process.exit(130)
  const { code, text } = explain(error)
  console.error(text.split('\n').map(withoutControls).join('\n'))
  process.exit(code)
}
