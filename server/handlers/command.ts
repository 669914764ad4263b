/**
 * Gives a command to a call and answers with the event that it causes (E7): written down first, given to the voice
 * process, then its event is waited for. An answer is kept, so that a repeated call is answered again and nothing is done
 * twice, also where the first died on the way (A6).
 */
import { createHash } from 'node:crypto'
import type { CommandResult } from '../../contract/call-command.ts'
import { hasRole } from '../../contract/access.ts'
import type { CallCommand, CommandRefusal } from '../../engine/call/command.ts'
import { ApiError, invalidField } from '../api-error.ts'
import { describe } from '../auth/principal.ts'
import { formatCursor, type LogEvent } from '../events/log-event.ts'
import { newId } from '../ids.ts'
import { answerCommand, type Claim, claimCommand, type CommandRow, dropCommand } from '../store/call-commands.ts'
import type { Call } from './call.ts'

type Asking = Pick<
  Call,
  'app' | 'who' | 'actor' | 'signal' | 'idempotencyKey' | 'replayed' | 'preferredWait' | 'accepted'
>

interface Command {
  /** As in its address. */
  readonly verb: string
  readonly operation: string
  readonly callId: string
  /** Chosen by the caller, in that field. */
  readonly id: string | undefined
  readonly idField: string
  /** All that was asked, for A6. */
  readonly request: unknown
  /** Asked once it is sure that it is to be given. */
  readonly make: (parts: Pick<CallCommand, 'id' | 'by' | 'callId'>) => CallCommand | Promise<CallCommand>
}

const longestWaitSeconds = 5
/** Longer than anybody waits for the voice process and the event. */
const leaseMs = 15_000

/** As it is kept: a command that failed is answered so again. */
type Answer =
  | { readonly type: 'result'; readonly data: CommandResult }
  | { readonly type: 'failed'; readonly reason: string; readonly details: Readonly<Record<string, unknown>> }

export async function giveCommand(call: Asking, command: Command): Promise<{ data: CommandResult }> {
  const { app, replayed } = call
  const claim = await claimFor(call, command)
  if (claim.type === 'answered') {
    replayed()
    return toResult(call, JSON.parse(claim.answer))
  }
  if (claim.type !== 'taken') throw refusalOf(claim, command)
  const { row, isAgain } = claim
  if (isAgain) replayed()
  const event = (isAgain ? await eventOf(call, row, 0) : null) ?? (await carryOut(call, row, command))
  const answer = answerOf(row, event)
  await answerCommand(app.database, row, {
    text: JSON.stringify(answer),
    settledAt: event && new Date(app.clock()),
  })
  return toResult(call, answer)
}

function claimFor(call: Asking, command: Command): Promise<Claim> {
  const { app, who, actor, idempotencyKey } = call
  const now = app.clock()
  const credential = [who.credential, who.accountId, who.userId ?? ''].join(' ')
  const row = {
    accountId: who.accountId,
    id: command.id ?? `cmd_${newId()}`,
    callId: command.callId,
    verb: command.verb,
    actor: JSON.stringify(actor),
    position: app.feed.position,
    requestHash: createHash('sha256').update(JSON.stringify(command.request)).digest(),
    once: idempotencyKey === null ? null : { credential, operation: command.operation, key: idempotencyKey },
    leasedUntil: new Date(now + leaseMs),
  }
  return claimCommand(app.database, row, new Date(now))
}

/** Null: its event did not come in time. */
async function carryOut(call: Asking, row: CommandRow, { make }: Command): Promise<LogEvent | null> {
  const { app, who } = call
  const isAdmin = hasRole(who.role, 'admin')
  const by = { accountId: who.accountId, userId: who.userId, isAdmin, actor: row.actor }
  const answer = await app.voice.command(await made(call, row, make({ id: row.id, by, callId: row.callId })))
  if (answer.type === 'away') {
    await dropCommand(app.database, row)
    throw new ApiError('unavailable', 'Telephony is being restarted; nothing was done. Try again shortly.')
  }
  if (answer.type === 'refused') {
    await dropCommand(app.database, row)
    throw toError(answer.refusal, call)
  }
  return eventOf(call, row, Math.min(call.preferredWait ?? longestWaitSeconds, longestWaitSeconds) * 1_000)
}

async function made({ app }: Asking, row: CommandRow, command: ReturnType<Command['make']>): Promise<CallCommand> {
  try {
    return await command
  } catch (error) {
    await dropCommand(app.database, row)
    throw error
  }
}

const eventOf = ({ app, signal }: Asking, row: CommandRow, timeoutMs: number): Promise<LogEvent | null> =>
  app.feed.wait({ accountId: row.accountId, correlationId: row.id, after: row.position, timeoutMs, signal })

function answerOf(row: CommandRow, found: LogEvent | null): Answer {
  const named = { command_id: row.id, call_id: row.callId, cursor: formatCursor(row.position) }
  if (!found) return { type: 'result', data: { ...named, status: 'accepted' } }
  const event = JSON.parse(found.text)
  if (found.type !== 'call.command_failed') {
    return { type: 'result', data: { ...named, status: 'done', seq: found.seq, event } }
  }
  return { type: 'failed', reason: String(event.data?.reason ?? ''), details: { ...named, seq: found.seq } }
}

function toResult({ accepted }: Asking, answer: Answer): { data: CommandResult } {
  if (answer.type === 'failed') throw new ApiError('conflict', answer.reason, answer.details)
  if (answer.data.status === 'accepted') accepted()
  return { data: answer.data }
}

function refusalOf({ type }: Exclude<Claim, { type: 'taken' | 'answered' }>, { idField }: Command): ApiError {
  switch (type) {
    case 'in_flight':
      return new ApiError('conflict', 'A call with this Idempotency-Key is being carried out.', { reason: 'in_flight' })
    case 'mismatch':
      return new ApiError('idempotency_mismatch', 'Use a new Idempotency-Key for another request.')
    case 'id_used': {
      const [field, message] = [`data.${idField}`, 'names another command of the last day']
      return new ApiError('already_exists', `${field}: ${message}`, { issues: [{ field, message }] })
    }
  }
}

function toError({ code, field, message }: CommandRefusal, { who }: Asking): ApiError {
  if (code === 'invalid_request' && field !== null) return invalidField(`data.${field}`, message)
  return new ApiError(code, field === null ? message : `data.${field}: ${message}`, describe(who))
}
