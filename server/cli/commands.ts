/** All commands, the help that lists them, and docs/command-line.md. */
import { targetVariables } from '../config.ts'
import { call } from './call.ts'
import { type Command, formatHelp } from './command.ts'
import { eventsTail } from './events-tail.ts'
import { listen } from './listen.ts'
import { trigger } from './trigger.ts'
import { whoami } from './whoami.ts'

export const commands: readonly Command[] = [listen, trigger, eventsTail, call, whoami]

export function formatCommands(): string {
  return [
    'Usage: carillon COMMAND [options]',
    '',
    ...inColumns(commands.map(({ name, takes, summary }) => [[name, ...takes].join(' '), summary])),
    '',
    'carillon COMMAND --help tells more. It speaks to the installation of this folder, or to another:',
    '',
    ...inColumns(Object.entries(targetVariables).map(([name, { meaning }]) => [name, meaning.replaceAll('`', '')])),
    '',
    'Exit codes: 0 done, 1 failed or refused, 2 called wrongly, 130 left by Ctrl-C before it was done.',
  ].join('\n')
}

function inColumns(rows: readonly (readonly [string, string])[]): readonly string[] {
  const width = Math.max(...rows.map(([left]) => left.length))
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`)
}

export function formatCommandLineDoc(): string {
  const block = (text: string) => ['```', text, '```', '']
  return [
    '# Command line',
    '',
    '<!-- Written from server/cli by `npm run docs`. -->',
    '',
    'In the folder of an installation `npx carillon` speaks to that one, as its operator. Elsewhere, and in projects that have',
    'the package, it needs an address and a key of there:',
    '',
    '```sh',
    'export CARILLON_URL=https://phone.example.com CARILLON_API_KEY=…',
    'npx carillon whoami',
    '```',
    '',
    'Results go to stdout, progress and errors to stderr; with `--json` each result is one JSON value a line.',
    '',
    ...block(formatCommands()),
    ...commands.flatMap((command) => [`## ${command.name}`, '', ...block(formatHelp(command))]),
  ].join('\n')
}
