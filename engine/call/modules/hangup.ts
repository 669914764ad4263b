/** `hangup`: ends the call. A caller who was not answered is told `data.cause`: `normal`, `busy`, `rejected`, `unavailable`. */
import { busy, hungUp, type Outcome, rejected, unreachable } from '../outcome.ts'
import { textOf } from '../targets.ts'
import type { Module } from './module.ts'

const causes = new Map<string, Outcome>([
  ['busy', busy],
  ['rejected', rejected],
  ['unavailable', unreachable],
])

export const hangup: Module = ({ data }) => ({
  type: 'hangup',
  outcome: causes.get(textOf(data.cause)) ?? hungUp,
})
