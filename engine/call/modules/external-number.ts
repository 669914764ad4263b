/**
 * `external_number`: calls `data.number`, inside or outside, with the account's rights and at its cost. The one way from
 * trunk to trunk (T14). `data.keep_caller_id`, unless false: the caller's number is shown where the trunk lets it
 * through. `data.require_key_press`: whoever answers takes the call by pressing 1.
 */
import { asAccount } from '../caller-id.ts'
import { planForward, textOf } from '../targets.ts'
import { type Module, ringTimeoutMs } from './module.ts'

export const externalNumber: Module = (node, context) => ({
  type: 'ring',
  plan: planForward(context, {
    number: textOf(node.data.number),
    forwarder: asAccount,
    keepsCallerId: node.data.keep_caller_id !== false,
    isKeyPressRequired: node.data.require_key_press === true,
    reason: 'unconditional',
  }),
  timeoutMs: ringTimeoutMs(node),
})
