/** Callflows: what a number rings. */
import { z } from 'zod'
import { Callflow, CallflowFilter, CallflowSummary, NewCallflow, PatchCallflow, UpdateCallflow } from './callflow.ts'
import { defineOperations } from './define.ts'
import { ById, creating, deletedAs, deleting, listing, patching, reading, updating } from './resource.ts'
import { telephonyExamples, telephonyIds } from './telephony-examples.ts'

const callflows = { tag: 'Callflows' }
const { callflow } = telephonyExamples
const { flow: _, ...summary } = callflow

export const callflowOperations = defineOperations({
  listCallflows: listing({
    ...callflows,
    path: '/v3.0/callflows',
    summary: 'List callflows, without their trees',
    query: CallflowFilter,
    data: z.array(CallflowSummary),
    example: [summary],
  }),
  getCallflow: reading({
    ...callflows,
    path: '/v3.0/callflows/{id}',
    summary: 'Read one callflow',
    params: ById,
    data: Callflow,
    example: callflow,
  }),
  createCallflow: creating({
    ...callflows,
    path: '/v3.0/callflows',
    summary: 'Create a callflow',
    description:
      'A call to one of `numbers` begins at `flow`. Each step’s outcome chooses the child by which it goes on: `busy`, `no_answer`, `unreachable`, `failed`, and `_` for what has no child of its own; without any the call ends.',
    body: NewCallflow,
    data: Callflow,
    asked: {
      name: callflow.name,
      numbers: callflow.numbers,
      flow: {
        module: 'user',
        data: { id: telephonyIds.user, timeout: 20 },
        children: { module: 'hangup', data: { cause: 'busy' } },
      },
    },
    example: callflow,
  }),
  updateCallflow: updating({
    ...callflows,
    path: '/v3.0/callflows',
    summary: 'Change a callflow: absent fields stay, `flow` is replaced whole',
    body: UpdateCallflow,
    data: Callflow,
    asked: { id: telephonyIds.callflow, name: 'Reception' },
    example: { ...callflow, name: 'Reception' },
  }),
  patchCallflow: patching({
    ...callflows,
    path: '/v3.0/callflows/{id}',
    summary: 'Change a callflow (RFC 7396, but for `flow`, which is replaced whole)',
    params: ById,
    body: PatchCallflow,
    data: Callflow,
    asked: { numbers: ['1001', '1011'] },
    example: { ...callflow, numbers: ['1001', '1011'] },
  }),
  deleteCallflow: deleting({
    ...callflows,
    path: '/v3.0/callflows/{id}',
    summary: 'Delete a callflow; its numbers ring nothing then',
    params: ById,
    data: deletedAs('callflow_id'),
    example: { id: telephonyIds.callflow, callflow_id: telephonyIds.callflow },
  }),
})
