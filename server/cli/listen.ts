import { type Command, UsageError } from './command.ts'
import { eventOptions, formatEvent, readEventOptions, tellBreaks } from './event-line.ts'
import { formatOutcome, readReceiver, receiverOptions, sendSigned } from './signed-request.ts'

export const listen: Command = {
  name: 'listen',
  takes: [],
  summary: 'Forward live events, signed as webhooks are, to a receiver on your machine',
  description: [
    'Sends every event, as it happens, to --forward-to: the same body and headers as a webhook, one after the other.',
    'Nothing is sent twice: a receiver that fails is told of here, and the next event follows.',
  ].join('\n'),
  options: {
    ...receiverOptions,
    ...eventOptions,
    after: { type: 'string', value: 'CURSOR', meaning: 'From this cursor on. Default: from now on.' },
  },
  async run(invocation) {
    const { client, terminal, signal, text } = invocation
    const receiver = readReceiver(text)
    if (receiver === null) throw new UsageError('--forward-to is missing: where do events go?')
    const { data } = await client.call('GET /v3.0/whoami', { signal })
    const filter = { ...readEventOptions(invocation), after: text('after') ?? 'now' }
    const stream = client.events({ ...filter, signal, onState: tellBreaks(terminal) })
    terminal.result({ account_id: data.account_id, forward_to: receiver.url, secret: receiver.secret }, () =>
      [
        `Events of ${terminal.styled('bold', data.account_name)} go to ${terminal.styled('bold', receiver.url)}`,
        `Secret  ${receiver.secret}`,
      ].join('\n'),
    )
    try {
      for await (const event of stream) {
        const outcome = await sendSigned(receiver, event)
        const style = outcome.isAccepted ? 'green' : 'red'
        terminal.result(
          { event, delivery: outcome },
          () => `${formatEvent(terminal, event)}  ${terminal.styled(style, formatOutcome(outcome))}`,
        )
      }
    } catch (error) {
      if (!signal.aborted) throw error
    }
    return 0
  },
}
