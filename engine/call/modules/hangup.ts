/** `hangup`: ends the call; before it was answered with `data.cause`: `busy`, `unreachable`, `rejected` or `not_found`. */
import { busy, type Outcome, refusal, rejected, unreachable } from '../outcome.ts'
import { textOf } from '../targets.ts'
import type { Module } from './module.ts'

const causes = new Map<string, Outcome>([
  ['busy', busy],
  ['unreachable', unreachable],
  ['rejected', rejected],
  ['not_found', refusal('unknown_number')],
])

export const hangup: Module = ({ data }) => ({
  type: 'hangup',
  outcome: causes.get(textOf(data.cause)) ?? busy,
})
