import { randomUUID } from 'node:crypto'
import { type Command, UsageError } from './command.ts'
import { formatOutcome, readReceiver, receiverOptions, sendSigned } from './signed-request.ts'

export const trigger: Command = {
  name: 'trigger',
  takes: ['TYPE'],
  summary: 'Send the example of an event, signed, to a receiver on your machine',
  description: [
    'Sends the example that the catalogue has for TYPE, with `carillon-test: true`, to --forward-to. It never stands in',
    'the log: what is there happened. With the --secret that `carillon listen` printed the receiver takes it as well.',
  ].join('\n'),
  options: receiverOptions,
  async run({ terminal, text, words: [type = ''] }) {
    const receiver = readReceiver(text)
    if (receiver === null) throw new UsageError('--forward-to is missing: where does the event go?')
    const event = await exampleOf(type)
    const outcome = await sendSigned(receiver, event, { 'carillon-test': 'true' })
    terminal.result({ event, delivery: outcome, secret: receiver.secret }, () =>
      [
        ...(text('secret') === undefined ? [`Secret  ${receiver.secret}`] : []),
        terminal.styled(outcome.isAccepted ? 'green' : 'red', `${type} → ${receiver.url}: ${formatOutcome(outcome)}`),
      ].join('\n'),
    )
    return outcome.isAccepted ? 0 : 1
  },
}

/** As the log would show it, but for a cursor: it has no place there. */
async function exampleOf(type: string) {
  const { events } = await import('../../contract/events.ts') // half a second that no other command needs
  const definition = Object.entries(events).find(([name]) => name === type)?.[1]
  if (!definition) {
    const { unknownEvent } = await import('../../contract/unknown-event.ts')
    throw new UsageError(`TYPE: ${unknownEvent(type)}; docs/events.md lists all.`)
  }
  const { resource, example } = definition
  const now = new Date().toISOString()
  return {
    id: randomUUID(),
    seq: 0,
    cursor: null,
    type,
    account_id: '5e94578578a5e3001f2b8c4f',
    resource: { type: resource, id: '5e94578578a5e3001f2b8c40' },
    resource_seq: 1,
    occurred_at: now,
    recorded_at: now,
    actor: null,
    correlation_id: null,
    schema_version: 1,
    data: example,
  }
}
