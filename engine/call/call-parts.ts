/** What a call is made of when it begins. */
import type { CallLeg } from './call-leg.ts'
import type { Originator } from './caller-id.ts'
import type { Directory } from './directory.ts'
import type { Ledger } from './ledger.ts'
import type { ReadNumber } from './numbers.ts'
import type { ShownCallerId } from './targets.ts'

export type Stage = 'running' | 'answering' | 'connected' | 'ending' | 'done'

/** Whom the call is for now, and with whose rights it goes there. */
export interface Aim {
  readonly originator: Originator
  readonly called: ReadNumber
  readonly wantsPrivacy: boolean
  /** How often others had passed it on before it came here. */
  readonly timesDiverted?: number
  /** Shown in place of the originator's own; null: that. */
  readonly shown?: ShownCallerId | null
}

export interface CallParts {
  readonly directory: Directory
  readonly ledger: Ledger
  readonly caller: CallLeg
  readonly aim: Aim
  readonly maxForwards: number
  /** The caller's; null: it made none (T21). */
  readonly offer: string | null
  /** It is no leg of the call: of a click-to-call its phone does not ring yet. */
  readonly isCallerAbsent?: boolean
}
