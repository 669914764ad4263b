/** An event as one line for people, the options that choose events, and how a break of the stream is told. */
import type { EventOf, EventPattern, StreamState } from '../../contract/client.ts'
import type { EventType } from '../../contract/events.ts'
import { reasonOf } from '../../contract/failure.ts'
import type { Command, Invocation } from './command.ts'
import type { Terminal } from './terminal.ts'

export type AnyEvent = EventOf<EventType>

export function formatEvent(terminal: Terminal, event: AnyEvent): string {
  const { occurred_at, type, resource, seq } = event
  const isEnd = /(?:ended|deleted|failed|disabled|cancelled)$/.test(type)
  return [
    terminal.styled('dim', occurred_at.slice(11, 23)),
    terminal.styled(isEnd ? 'red' : 'cyan', type.padEnd(26)),
    terminal.styled('dim', `${resource.id} #${seq}`),
    terminal.styled('reset', describe(event)),
  ]
    .join('  ')
    .trimEnd()
}

/** Whom a call or a leg is between, how somebody is, or what the thing is called. */
function describe({ type, data }: AnyEvent): string {
  if (data === null) return '(erased)'
  if ('presence' in data) return data.presence?.state ?? '(deleted)'
  if ('leg' in data) {
    const { call, number, hangup_cause: cause } = data.leg
    return `${call.caller_number} → ${number}${cause === null ? '' : `  ${cause}`}`
  }
  const call = 'call' in data ? data.call : 'cdr' in data ? data.cdr : null
  if (call !== null && typeof call === 'object' && 'caller' in call) {
    const whom = call.callee ? call.callee.number : call.called_number
    const cause = type.endsWith('ended') && call.hangup_cause !== null ? `  ${call.hangup_cause}` : ''
    return `${call.caller.number} → ${whom}${cause}`
  }
  return nameIn(data) ?? ''
}

/** The first name in the state that the event carries. */
function nameIn(data: object): string | null {
  for (const state of Object.values(data).reverse()) {
    if (typeof state !== 'object' || state === null) continue
    for (const field of ['name', 'topic', 'number', 'email']) {
      const value: unknown = Reflect.get(state, field)
      if (typeof value === 'string') return value
    }
  }
  return null
}

export const eventOptions: Command['options'] = {
  type: { type: 'string', value: 'TYPES', meaning: 'Types, comma-separated: call.ended,meeting.*' },
  resource: { type: 'string', value: 'WHAT', meaning: 'A kind, or one object: call, or call:call_5e94…' },
  account: { type: 'string', value: 'ID', meaning: 'An account below, or `tree` for all of them.' },
}

export function readEventOptions({ text }: Invocation) {
  const [types, resource, account] = [text('type'), text('resource'), text('account')]
  // The server knows the types, and says which one it does not.
  return {
    ...(types !== undefined && { type: types.split(',') as EventPattern[] }),
    ...(resource !== undefined && { resource }),
    ...(account !== undefined && { account }),
  }
}

/** Tells of breaks and of their end, never of the first connection. */
export function tellBreaks(terminal: Terminal): (state: StreamState) => void {
  let isFirst = true
  return ({ status, reason }) => {
    if (status === 'reconnecting') terminal.note(terminal.styled('yellow', `reconnecting: ${reasonOf(reason)}`))
    else if (!isFirst) terminal.note(terminal.styled('green', 'connected again'))
    isFirst = false
  }
}
