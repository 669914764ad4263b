import { type Command, type Invocation, UsageError } from './command.ts'
import { eventOptions, formatEvent, readEventOptions, tellBreaks } from './event-line.ts'

export const eventsTail: Command = {
  name: 'events tail',
  takes: [],
  summary: 'Show the events of the log as they happen',
  description: [
    'Shows events as they happen, through restarts of the server and breaks of the network, without loss.',
    'Ctrl-C ends it. The last line tells the cursor to go on from with --after.',
  ].join('\n'),
  options: {
    ...eventOptions,
    since: { type: 'string', value: 'WHEN', meaning: 'From then on: 10m, 2h, 7d, or 2026-05-04T09:00:00Z.' },
    after: { type: 'string', value: 'CURSOR', meaning: 'From this cursor on; `0` from the oldest event that is kept.' },
    count: { type: 'string', value: 'N', meaning: 'End after so many.' },
  },
  async run(invocation) {
    const { client, terminal, signal, text } = invocation
    const count = readCount(text('count'))
    const start = readStart(invocation)
    // A wrong address is told of, and not waited for as the stream does later.
    await client.call('GET /v3.0/whoami', { signal })
    const stream = client.events({
      ...readEventOptions(invocation),
      ...start,
      signal,
      onState: tellBreaks(terminal),
    })
    let seen = 0
    try {
      for await (const event of stream) {
        terminal.result(event, () => formatEvent(terminal, event))
        seen += 1
        if (seen >= count) break
      }
    } catch (error) {
      if (!signal.aborted) throw error
    }
    if (stream.cursor !== undefined) terminal.note(terminal.styled('dim', `--after ${stream.cursor}`))
    return 0
  },
}

function readStart({ text }: Invocation): { after?: string; since?: string } {
  const [after, since] = [text('after'), text('since')]
  const from = after === undefined ? (since === undefined ? { after: 'now' } : {}) : after === '0' ? {} : { after }
  return { ...from, ...(since !== undefined && { since: readInstant(since) }) }
}

const unitMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

function readInstant(text: string): string {
  const [, number, unit] = /^(\d+)([smhd])$/.exec(text) ?? []
  const ms = number === undefined ? Date.parse(text) : Date.now() - Number(number) * (unitMs[unit ?? ''] ?? 0)
  if (Number.isNaN(ms)) throw new UsageError(`--since ${text}: must be such as 10m, 2h or 2026-05-04T09:00:00Z`)
  return new Date(ms).toISOString()
}

function readCount(text: string | undefined): number {
  if (text === undefined) return Number.POSITIVE_INFINITY
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new UsageError(`--count ${text}: must be a number from 1 on`)
}
