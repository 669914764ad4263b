/**
 * `user`: all devices of `data.id` ring at once, or where the user forwards to, for `data.timeout` seconds. Branches:
 * `busy` (also do not disturb), `no_answer`, `unreachable` (no device is registered), `failed`.
 */
import { planUser, textOf } from '../targets.ts'
import { type Module, ringTimeoutMs } from './module.ts'

export const user: Module = (node, context) => ({
  type: 'ring',
  plan: planUser(context, textOf(node.data.id)),
  timeoutMs: ringTimeoutMs(node),
})
