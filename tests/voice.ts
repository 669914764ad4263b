/**
 * A voice process that knows calls by their rows alone: it obeys commands to calls that go on and are the commander's, and
 * tells of each by one event, as the real one does. What a command does to a call is tested on the engine and by phones.
 */
import { callExamples } from '../contract/call.ts'
import type { CallCommand, CommandRefusal } from '../engine/call/command.ts'
import { noVoice, type Voice } from '../server/app.ts'
import { append } from '../server/events/inbox.ts'
import type { Database } from '../server/store/database.ts'

interface FakeVoice extends Voice {
  /** What was given to it, in its order. */
  readonly commands: CallCommand[]
  /** Does not tell of what it does; the test does. */
  isSilent: boolean
}

export function fakeVoice(database: Database): FakeVoice {
  const commands: CallCommand[] = []
  const voice: FakeVoice = {
    ...noVoice,
    commands,
    isSilent: false,
    async command(command) {
      const refusal = await refusalOf(database, command)
      if (refusal) return { type: 'refused', refusal }
      commands.push(command)
      if (!voice.isSilent) await tellOf(database, command)
      return { type: 'obeyed' }
    },
  }
  return voice
}

async function refusalOf(database: Database, { type, by, callId }: CallCommand): Promise<CommandRefusal | null> {
  if (type === 'originate') return null
  const call = await database
    .selectFrom('calls')
    .selectAll()
    .where('id', '=', callId)
    .where('accountId', '=', by.accountId)
    .where('endedAt', 'is', null)
    .executeTakeFirst()
  if (call && (by.isAdmin || call.ownerId === by.userId)) return null
  return { code: 'not_found', field: null, message: `There is no call ${callId}.` }
}

/** `failure`: it came to nothing, for that reason. */
export async function tellOf(database: Database, { id, by, callId, ...rest }: CallCommand, failure?: string) {
  const told = { call: { ...callExamples.state, id: callId, account_id: by.accountId }, leg_id: null }
  const event = {
    accountId: by.accountId,
    userId: by.userId,
    resourceId: callId,
    resourceSeq: 2,
    actor: JSON.parse(by.actor),
    correlationId: id,
  }
  const verb = rest.type === 'act' ? rest.action.type : rest.type
  if (failure === undefined) {
    await append(database, { ...event, type: rest.type === 'act' ? 'call.muted' : 'call.started', data: told })
  } else {
    const data = { ...told, command_id: id, verb, reason: failure }
    await append(database, { ...event, type: 'call.command_failed', data })
  }
}
