/** The history of calls: what was billed, missed and measured. */
import { z } from 'zod'
import { CallId } from './call.ts'
import { HistoryCall, HistoryCallDetail, HistoryFilter, TraceMessage } from './call-history.ts'
import { defineOperations } from './define.ts'
import { listing, reading } from './resource.ts'
import { telephonyExamples } from './telephony-examples.ts'

const history = { tag: 'Call history' }
const { call, callLeg, traceMessage } = telephonyExamples
const ByCall = z.object({ id: CallId })
const own = 'Calls that are over, the newest first. People see their own.'

const calls = <const A extends `/v3.0/${string}`>(path: A, which: string) =>
  listing({
    ...history,
    path,
    minRole: 'user',
    summary: `List ${which}`,
    description: own,
    query: HistoryFilter,
    data: z.array(HistoryCall),
    example: [call],
  })

export const historyOperations = defineOperations({
  listCalls: calls('/v3.0/calls_history', 'all calls'),
  listAllCalls: calls('/v3.0/calls_history/all', 'all calls'),
  listIncomingCalls: calls('/v3.0/calls_history/incoming', 'calls from outside'),
  listOutgoingCalls: calls('/v3.0/calls_history/outgoing', 'calls to outside'),
  listInternalCalls: calls('/v3.0/calls_history/internal', 'calls between colleagues'),
  getCall: reading({
    ...history,
    path: '/v3.0/calls_history/{id}',
    minRole: 'user',
    summary: 'Read one call with its legs',
    params: ByCall,
    data: HistoryCallDetail,
    example: { ...call, legs: [callLeg] },
  }),
  getCallTrace: reading({
    ...history,
    path: '/v3.0/calls_history/{id}/trace',
    summary: 'Read the SIP messages of a call: its last 200, without credentials and keys',
    params: ByCall,
    data: z.array(TraceMessage),
    example: [traceMessage],
  }),
})
