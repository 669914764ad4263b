/** The history of calls, and the SIP messages of each. */
import { sql } from 'kysely'
import { z } from 'zod'
import { type HistoryCall, type HistoryFilter, TraceMessage } from '../../contract/call-history.ts'
import type { App } from '../app.ts'
import { ownOnly, type Principal } from '../auth/principal.ts'
import { historySorts, listLegs, selectHistory, toHistoryCall, toHistoryLeg } from '../store/call-history.ts'
import { readPage } from '../store/configured.ts'
import type { Handlers } from './call.ts'
import { noSuch } from './configuration.ts'

type Direction = HistoryCall['call_direction']

export const historyHandlers: Handlers<
  | 'listCalls'
  | 'listAllCalls'
  | 'listIncomingCalls'
  | 'listOutgoingCalls'
  | 'listInternalCalls'
  | 'getCall'
  | 'getCallTrace'
> = {
  listCalls: (call) => list(call, null),
  listAllCalls: (call) => list(call, null),
  listIncomingCalls: (call) => list(call, 'incoming'),
  listOutgoingCalls: (call) => list(call, 'outgoing'),
  listInternalCalls: (call) => list(call, 'internal'),

  async getCall({ app, who, params, etag }) {
    const row = await selectHistory(app.database, who.accountId, ownOnly(who))
      .where('calls.id', '=', params.id)
      .executeTakeFirst()
    if (!row) throw noSuch('call', params.id, who)
    etag(row.resourceSeq)
    const legs = await listLegs(app.database, row.id)
    return { data: { ...toHistoryCall(row), legs: legs.map(toHistoryLeg) } }
  },

  async getCallTrace({ app, who, params }) {
    const parts = await app.database
      .selectFrom('callTraces')
      .select('messages')
      .where('callId', '=', params.id)
      .where('accountId', '=', who.accountId)
      .orderBy('id')
      .execute()
    if (parts.length === 0) throw noSuch('trace of call', params.id, who)
    return { data: parts.flatMap(({ messages }) => toTrace(messages)) }
  },
}

const defaultLimit = 1_000

async function list(
  { app, who, query }: { readonly app: App; readonly who: Principal; readonly query: HistoryFilter },
  direction: Direction | null,
) {
  const { created_from: from, created_to: to, owner_id: ownerId, device_id: deviceId } = query
  const { trunk_id: trunkId, callflow_id: callflowId, number, hangup_cause: cause, missed } = query
  const calls = selectHistory(app.database, who.accountId, ownOnly(who))
    .$if(direction !== null, (rows) => rows.where('calls.direction', '=', direction ?? 'internal'))
    .$if(from !== undefined, (rows) => rows.where('calls.startedAt', '>=', new Date((from ?? 0) * 1000)))
    .$if(to !== undefined, (rows) => rows.where('calls.startedAt', '<', new Date(((to ?? 0) + 1) * 1000)))
    .$if(ownerId !== undefined, (rows) => rows.where('calls.ownerId', '=', ownerId ?? ''))
    .$if(deviceId !== undefined, (rows) => rows.where(sql<boolean>`${deviceId} in (from_device_id, to_device_id)`))
    .$if(trunkId !== undefined, (rows) => rows.where('calls.trunkId', '=', trunkId ?? ''))
    .$if(callflowId !== undefined, (rows) => rows.where('calls.callflowId', '=', callflowId ?? ''))
    .$if(number !== undefined, (rows) =>
      rows.where(sql<boolean>`${number} in (caller_number, callee_number, called_number)`),
    )
    .$if(cause !== undefined, (rows) => rows.where('calls.hangupCause', '=', cause ?? 'FAILED'))
    .$if(missed !== undefined, (rows) => rows.where('calls.answeredAt', missed === 'true' ? 'is' : 'is not', null))
  const paging = { limit: query.limit ?? defaultLimit, cursor: query.cursor, sort: query.sort ?? '-timestamp' }
  const { rows, next } = await readPage(calls, paging, historySorts)
  return { data: rows.map(toHistoryCall), ...(next && { next }) }
}

/** As the voice process wrote it. */
function toTrace(messages: string) {
  return z.array(TraceMessage).parse(JSON.parse(messages))
}
