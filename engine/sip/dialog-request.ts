/** One request in a dialog of a leg, of which only the outcome matters: BYE, INFO, NOTIFY, PRACK. */
import type { SipReason } from '../call/leg.ts'
import type { Instant } from '../machine.ts'
import type { Dialog } from './dialog.ts'
import type { HeaderLine } from './format.ts'
import { formatReason } from './headers.ts'
import type { Hop } from './hop.ts'
import { LegRequest } from './leg-request.ts'
import type { SipMessage } from './message.ts'
import type { SipLeg } from './sip-leg.ts'

export interface DialogRequest {
  readonly method: string
  readonly headers: (hop: Hop) => readonly HeaderLine[]
  readonly body?: string
  /** With the final status; 408 or 503 when there is no answer. */
  readonly onDone?: (now: Instant, status: number, response: SipMessage | null) => void
}

export function requestInDialog(now: Instant, leg: SipLeg, dialog: Dialog, request: DialogRequest): void {
  const { method, headers, body, onDone } = request
  new LegRequest(leg.port, {
    nextUri: dialog.nextUri,
    hop: leg.hop,
    login: leg.login,
    nextCseq: () => dialog.nextCseq(),
    build: (hop, cseq, authorization) => dialog.request(method, cseq, [...headers(hop), ...authorization], body),
    onResponse: (at, response) => {
      if (response.status >= 200) onDone?.(at, response.status, response)
    },
    onFailure: (at, status) => onDone?.(at, status, null),
  }).start(now)
}

/** The leg may be gone itself. `onDone`: there is an answer, or none will come. */
export function sendBye(
  now: Instant,
  leg: SipLeg,
  dialog: Dialog,
  reason: SipReason | null,
  onDone?: (now: Instant) => void,
): void {
  requestInDialog(now, leg, dialog, {
    method: 'BYE',
    headers: () => reasonHeaders(reason),
    ...(onDone === undefined ? {} : { onDone }),
  })
}

export const reasonHeaders = (reason: SipReason | null): HeaderLine[] =>
  reason === null ? [] : [['Reason', formatReason(reason)]]
