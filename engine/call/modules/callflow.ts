/** `callflow`: goes on with the callflow `data.id`; with `_` when it is gone. */
import { refusal } from '../outcome.ts'
import { textOf } from '../targets.ts'
import type { Module } from './module.ts'

export const callflow: Module = ({ data }, { directory }) => {
  const found = directory.callflows.get(textOf(data.id))
  return found?.flow
    ? { type: 'enter', node: found.flow, callflowId: found.id }
    : { type: 'next', outcome: refusal('unknown_number') }
}
