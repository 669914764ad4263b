/** Steering calls: each operation becomes a command to the voice process (command.ts). */
import type { CallAction } from '../../engine/call/command.ts'
import type { Handlers } from './call.ts'
import { giveCommand } from './command.ts'

export const callControlHandlers: Handlers<'hangUpCall'> = {
  hangUpCall: (call) => act(call, { type: 'hangup', leg: call.body.data.leg_id ?? null }),
}

type Acting = Parameters<typeof giveCommand>[0] & {
  readonly params: { readonly call_id: string }
  readonly body: { readonly data: { readonly command_id?: string | undefined } }
}

export function act(call: Acting, action: CallAction) {
  const { params, body } = call
  return giveCommand(call, {
    verb: action.type,
    operation: action.type,
    callId: params.call_id,
    id: body.data.command_id,
    request: { params, body },
    make: (parts) => ({ type: 'act', action, ...parts }),
  })
}
