/**
 * What follows an accepted REFER (RFC 3515 §2.4.4): NOTIFY with message/sipfrag about the call that it led to, one after
 * the other, until a final status ends it. `norefersub` (RFC 4488) leaves it out.
 */
import type { Instant } from '../machine.ts'
import { requestInDialog } from './dialog-request.ts'
import { hasToken } from './headers.ts'
import type { SipMessage } from './message.ts'
import type { SipLeg } from './sip-leg.ts'
import type { Dialog } from './dialog.ts'
import { reasonOf } from './status.ts'

/** Whether the peer wants no subscription. */
export const isReferOnly = (refer: SipMessage): boolean =>
  refer.header('refer-sub')?.trim().toLowerCase().startsWith('false') === true ||
  hasToken(refer, 'require', 'norefersub')

const lifeSeconds = 180

export class ReferSubscription {
  readonly #leg: SipLeg
  readonly #dialog: Dialog
  readonly #event: string
  readonly #waiting: number[] = []
  #isBusy = false
  #isOver = false

  /** `id`: the CSeq of the REFER, when it is not the first in its dialog (§2.4.6). */
  constructor(leg: SipLeg, dialog: Dialog, id: number | null) {
    this.#leg = leg
    this.#dialog = dialog
    this.#event = id === null ? 'refer' : `refer;id=${id}`
  }

  notify(now: Instant, status: number): void {
    if (this.#isOver) return
    if (status >= 200) this.#isOver = true
    this.#waiting.push(status)
    this.#next(now)
  }

  #next(now: Instant): void {
    const status = this.#isBusy ? undefined : this.#waiting.shift()
    if (status === undefined) return
    this.#isBusy = true
    requestInDialog(now, this.#leg, this.#dialog, {
      method: 'NOTIFY',
      headers: (hop) => [
        ...this.#leg.targetHeaders(hop),
        ['Event', this.#event],
        ['Subscription-State', status < 200 ? `active;expires=${lifeSeconds}` : 'terminated;reason=noresource'],
        ['Content-Type', 'message/sipfrag;version=2.0'],
      ],
      body: `SIP/2.0 ${status} ${reasonOf(status)}\r\n`,
      onDone: (at, answer) => this.#done(at, answer < 300),
    })
  }

  /** "If the NOTIFY is refused, the subscription is gone" (RFC 6665 §4.2.2); the call is not. */
  #done(now: Instant, isTaken: boolean): void {
    this.#isBusy = false
    if (isTaken) this.#next(now)
    else this.#isOver = true
  }
}
