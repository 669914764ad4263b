/** What the voice process and the simulated outside world say to each other, over Node's channel to a child. */
import type { SandboxCaller } from '../../contract/sandbox.ts'

export interface OutsideCall {
  readonly scenario: SandboxCaller
  readonly from: string
  readonly to: string
}

export type ToOutside = { readonly type: 'call'; readonly call: OutsideCall }

/** Its SIP socket is open. */
export type FromOutside = { readonly type: 'ready'; readonly port: number }
