/** Steering calls: each operation becomes a command to the voice process (command.ts). */
import type { z } from 'zod'
import type { CallState } from '../../contract/call.ts'
import type { CallTarget } from '../../contract/call-command.ts'
import type { CallAction, CommandTarget, Origination } from '../../engine/call/command.ts'
import { invalidField } from '../api-error.ts'
import { mayUse, ownOnly } from '../auth/principal.ts'
import { lacks } from '../events/reader.ts'
import { newId } from '../ids.ts'
import type { Call, Handlers } from './call.ts'
import { giveCommand } from './command.ts'
import { noSuch } from './configuration.ts'
import { placeIn } from './meeting-place.ts'

const ringSeconds = 30

export const callControlHandlers: Handlers<
  | 'originateCall'
  | 'getLiveCall'
  | 'answerCall'
  | 'rejectCall'
  | 'holdCall'
  | 'unholdCall'
  | 'muteCall'
  | 'unmuteCall'
  | 'sendCallDigits'
  | 'transferCall'
  | 'hangUpCall'
> = {
  originateCall(call) {
    const { body } = call
    const origination = toOrigination(call)
    return giveCommand(call, {
      verb: 'originate',
      operation: 'originateCall',
      callId: `call_${newId()}`,
      id: body.data.correlation_id,
      idField: 'correlation_id',
      request: { body },
      make: async (parts) => {
        const target = await toPlace(call)
        return { type: 'originate', origination: { ...origination, to: target }, ...parts }
      },
    })
  },

  async getLiveCall({ app, who, params, etag }) {
    if (!mayUse(who, 'telephony:read')) throw lacks(who, 'telephony:read', 'data')
    const row = await app.database
      .selectFrom('calls')
      .select(['resourceSeq', 'state'])
      .where('id', '=', params.call_id)
      .where('accountId', '=', who.accountId)
      .where('endedAt', 'is', null)
      .executeTakeFirst()
    const call: z.output<typeof CallState> | null = row?.state ? JSON.parse(row.state) : null
    if (!row || !call || !isSeen(call, ownOnly(who))) throw noSuch('call', params.call_id, who)
    etag(row.resourceSeq)
    return { data: { ...call, resource_seq: row.resourceSeq } }
  },
  answerCall: (call) => act(call, { type: 'answer', leg: legOf(call) }),
  rejectCall: (call) => act(call, { type: 'reject', leg: legOf(call) }),
  holdCall: (call) => act(call, { type: 'hold', leg: legOf(call) }),
  unholdCall: (call) => act(call, { type: 'unhold', leg: legOf(call) }),
  muteCall: (call) => act(call, { type: 'mute', leg: legOf(call) }),
  unmuteCall: (call) => act(call, { type: 'unmute', leg: legOf(call) }),
  sendCallDigits: (call) => act(call, { type: 'dtmf', leg: legOf(call), digits: call.body.data.digits.toUpperCase() }),
  transferCall: (call) => act(call, { type: 'transfer', leg: legOf(call), to: toTarget(call.body.data.to) }),
  hangUpCall: (call) => act(call, { type: 'hangup', leg: legOf(call) }),
}

/** `userId` null: all of the account. */
const isSeen = ({ caller, callee, legs }: z.output<typeof CallState>, userId: string | null): boolean =>
  userId === null || [caller, callee, ...legs].some((party) => party?.user_id === userId)

type Acting = Parameters<typeof giveCommand>[0] & {
  readonly params: { readonly call_id: string }
  readonly body: { readonly data: { readonly command_id?: string | undefined } }
}

/** A verb of one call. */
export function act(call: Acting, action: CallAction) {
  const { params, body } = call
  return giveCommand(call, {
    verb: action.type,
    operation: action.type,
    callId: params.call_id,
    id: body.data.command_id,
    idField: 'command_id',
    request: { params, body },
    make: (parts) => ({ type: 'act', action, ...parts }),
  })
}

async function toPlace(call: Call<'originateCall'>): Promise<Origination['to']> {
  const { to } = call.body.data
  if (!('meeting_id' in to)) return toTarget(to)
  const meeting = await placeIn(call, to.meeting_id)
  if ('refusal' in meeting) throw invalidField('data.to.meeting_id', meeting.refusal)
  return { type: 'meeting', meeting }
}

export const legOf = ({ body }: { readonly body: { readonly data: { readonly leg_id?: string | undefined } } }) =>
  body.data.leg_id ?? null

export function toTarget(target: CallTarget): CommandTarget {
  if ('number' in target) return { type: 'number', number: target.number }
  if ('user_id' in target) return { type: 'user', userId: target.user_id }
  return { type: 'device', deviceId: target.device_id }
}

function toOrigination({ body, who }: Pick<Call<'originateCall'>, 'body' | 'who'>): Omit<Origination, 'to'> {
  const { from, caller_id: callerId, auto_answer: isAutoAnswer = false } = body.data
  const own = who.userId === null ? undefined : { user_id: who.userId }
  const caller = from ?? own
  if (!caller) throw invalidField('data.from', 'must name a user or a device: a key has no phone of its own')
  return {
    from: toTarget(caller),
    isAutoAnswer,
    callerId: callerId ? { number: callerId.number ?? null, name: callerId.name ?? null } : null,
    ringMs: (body.data.ring_seconds ?? ringSeconds) * 1_000,
  }
}
