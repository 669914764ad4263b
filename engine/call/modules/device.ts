/** `device`: one device, `data.id`, whatever else its owner has. Branches as of `user`. */
import { planDevice, textOf } from '../targets.ts'
import { type Module, ringTimeoutMs } from './module.ts'

export const device: Module = (node, context) => ({
  type: 'ring',
  plan: planDevice(context, textOf(node.data.id)),
  timeoutMs: ringTimeoutMs(node),
})
