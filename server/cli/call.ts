import type { Client, Input } from '../../contract/client.ts'
import { type Command, UsageError } from './command.ts'
import { formatEvent, tellBreaks } from './event-line.ts'

export const call: Command = {
  name: 'call',
  takes: ['FROM', 'TO'],
  summary: 'Place a call between a phone of the account and a number, and follow it to its end',
  description: [
    'The phones of FROM ring: an internal number, a user name, or the id of a user or device. Who takes one is connected',
    'to TO, a number as that phone would dial it. Ctrl-C leaves the call alone. Exit code 1: nobody talked; the',
    'last line says why.',
  ].join('\n'),
  options: { 'auto-answer': { type: 'boolean', meaning: 'The phone of FROM answers by itself, where it can.' } },
  async run({ client, terminal, values, words: [from = '', to = ''], signal }) {
    const placed = await client.call('PUT /v3.0/realtime/calls', {
      body: {
        data: {
          from: await findPhone(client, from),
          to: { number: to },
          ...(values['auto-answer'] === true && { auto_answer: true }),
        },
      },
      signal,
    })
    const { call_id, cursor } = placed.data
    terminal.note(terminal.styled('dim', call_id))
    const resource = `call:${call_id}`
    const stream = client.events({ resource, after: cursor, signal, onState: tellBreaks(terminal) })
    let isAnswered = false
    try {
      for await (const event of stream) {
        terminal.result(event, () => formatEvent(terminal, event))
        isAnswered ||= event.type === 'call.answered'
        if (event.type === 'call.ended') break
      }
    } catch (error) {
      if (!signal.aborted) throw error
      terminal.note('The call goes on.')
    }
    return isAnswered ? 0 : 1
  },
}

type Phones = Input<'PUT /v3.0/realtime/calls'>['body']['data']['from']

async function findPhone(client: Client, name: string): Promise<NonNullable<Phones>> {
  const { data: users } = await client.call('GET /v3.0/users')
  const user = users.find(({ id, username, email }) => [id, username, email].includes(name))
  if (user) return { user_id: user.id }
  const { data: devices } = await client.call('GET /v3.0/devices')
  const device = devices.find(({ id, username }) => [id, username].includes(name))
  if (device) return { device_id: device.id }
  const { data: callflows } = await client.call('GET /v3.0/callflows')
  const found = callflows.find(({ numbers }) => numbers.includes(name))
  const flow = found && (await client.call('GET /v3.0/callflows/{id}', { params: { id: found.id } })).data.flow
  const id = String(flow?.data?.id ?? '')
  if (flow?.module === 'user') return { user_id: id }
  if (flow?.module === 'device') return { device_id: id }
  throw new UsageError(`${name}: no user, device or internal number of a phone has this name.`)
}
