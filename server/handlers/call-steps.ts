/** Verbs of calls with more than two, or with one: each operation becomes a command to the voice process (command.ts). */
import type { CommandTarget } from '../../engine/call/command.ts'
import { invalidField } from '../api-error.ts'
import type { Call, Handlers } from './call.ts'
import { act, legOf, toTarget } from './call-control.ts'

export const callStepHandlers: Handlers<
  | 'consultForCall'
  | 'completeConsultation'
  | 'cancelConsultation'
  | 'mergeConsultation'
  | 'parkCall'
  | 'retrieveCall'
  | 'pickUpCall'
  | 'monitorCall'
  | 'recordCall'
> = {
  consultForCall: (call) => act(call, { type: 'consult', leg: legOf(call), to: toTarget(call.body.data.to) }),
  completeConsultation: (call) => act(call, { type: 'complete', leg: legOf(call) }),
  cancelConsultation: (call) => act(call, { type: 'cancel', leg: legOf(call) }),
  mergeConsultation: (call) => act(call, { type: 'merge', leg: legOf(call) }),
  parkCall: (call) => act(call, { type: 'park', leg: legOf(call) }),
  retrieveCall: (call) => act(call, { type: 'retrieve', ...byPhone(call) }),
  pickUpCall: (call) => act(call, { type: 'pickup', ...byPhone(call) }),
  monitorCall: (call) => act(call, { type: 'monitor', mode: call.body.data.mode, leg: legOf(call), ...byPhone(call) }),
  recordCall: (call) => act(call, { type: 'record', action: call.body.data.action }),
}

type ByPhone = Pick<Call<'retrieveCall'> | Call<'pickUpCall'> | Call<'monitorCall'>, 'body' | 'who'>

function byPhone({ body, who }: ByPhone): { readonly by: CommandTarget; readonly isAutoAnswer: boolean } {
  const own = who.userId === null ? undefined : { user_id: who.userId }
  const by = body.data.by ?? own
  if (!by) throw invalidField('data.by', 'must name a user or a device: a key has no phone of its own')
  return { by: toTarget(by), isAutoAnswer: body.data.auto_answer ?? false }
}
