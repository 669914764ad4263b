/**
 * One subscription: its dialog, its time, and the NOTIFY that is on its way.
 *
 *   SUBSCRIBE --200, NOTIFY active--> active --SUBSCRIBE--> active (longer, NOTIFY)
 *      `--Expires: 0--.                 `--time over, Expires: 0, taken back--.
 *                     `--> NOTIFY terminated --> gone <-----------------------'
 *   a NOTIFY that is refused or not answered --> gone (RFC 6665 §4.2.2)
 */
import type { Instant } from '../machine.ts'
import { Timer } from '../timer-queue.ts'
import { parseNameAddr } from './address.ts'
import type { Dialog } from './dialog.ts'
import { dialogInfoType, formatDialogInfo } from './dialog-info.ts'
import type { HeaderLine, ResponseParts } from './format.ts'
import { parseWord } from './headers.ts'
import { formatContact } from './leg-headers.ts'
import { LegRequest } from './leg-request.ts'
import type { SipMessage } from './message.ts'
import type { ServerTransaction } from './server-transaction.ts'
import type { SubscriptionState, SubscriptionsOptions } from './subscriptions.ts'

/** RFC 6665 §4.1.3. */
export type EndReason = 'timeout' | 'noresource' | 'rejected' | 'deactivated'

export class Subscription extends Timer {
  readonly #options: SubscriptionsOptions
  readonly #dialog: Dialog
  readonly #forget: () => void
  #state: SubscriptionState
  #isSending = false
  /** Something is to be told that no NOTIFY on its way tells. */
  #isDue = false
  #notifyAt: Instant | null = null
  #end: EndReason | null = null
  #isGone = false
  /** Of the dialog that was shown last; what it is called when it is over. */
  #lastDialog: string

  constructor(options: SubscriptionsOptions, state: SubscriptionState, dialog: Dialog, forget: () => void) {
    super()
    this.#options = options
    this.#state = state
    this.#dialog = dialog
    this.#forget = forget
    this.#lastDialog = state.resource
    this.#sleep()
  }

  get state(): SubscriptionState {
    return { ...this.#state, dialog: this.#dialog.state }
  }

  /** Null: it is a SUBSCRIBE of this subscription, and the next one. */
  refusalOf(request: SipMessage, deviceId: string): ResponseParts | null {
    const { callId, remoteTag } = this.#dialog.state
    const id = parseWord(request.header('event') ?? '')?.params.get('id')
    const isOurs = request.callId === callId && request.fromTag === remoteTag && this.#end === null
    if (!isOurs || this.#state.event !== (id === undefined ? 'dialog' : `dialog;id=${id}`)) return { status: 481 }
    if (deviceId !== this.#state.deviceId) return { status: 403 }
    return this.#dialog.takeRemoteCseq(request.cseq) ? null : { status: 500, reason: 'CSeq Out of Order' }
  }

  /** Answers a SUBSCRIBE, the first or a later one. */
  accept(now: Instant, transaction: ServerTransaction, seconds: number): void {
    const { source, request } = transaction
    this.#dialog.refreshTarget(request)
    const { transactions, agent, onChange } = this.#options
    this.#state = { ...this.#state, source, expiresAt: now + seconds * 1_000 }
    transaction.respond(now, {
      status: 200,
      headers: [
        formatContact(source, transactions.options.local(source)),
        ['Expires', `${seconds}`],
        ['Server', agent],
      ],
    })
    this.#sleep()
    if (seconds === 0) return this.end(now, 'timeout')
    onChange(this.#state.id, this.state)
    this.notify(now)
  }

  notify(now: Instant): void {
    this.#isDue = true
    this.#send(now)
  }

  /** Its subscriber may be reachable again. */
  retry(now: Instant): void {
    if (this.#isDue) this.#send(now)
  }

  notifyAt(at: Instant): void {
    this.#notifyAt = at
    this.#sleep()
  }

  end(now: Instant, reason: EndReason): void {
    this.#end ??= reason
    this.#sleep()
    this.notify(now)
  }

  override wake(now: Instant): void {
    if (now >= this.#state.expiresAt) return this.end(now, 'timeout')
    if (this.#notifyAt !== null && now >= this.#notifyAt) {
      this.#notifyAt = null
      this.notify(now)
    }
    this.#sleep()
  }

  #send(now: Instant): void {
    if (this.#isSending || this.#isGone) return
    const hop = this.#options.reach(this.state)
    // Nobody to tell that it is over; else it waits for the device to come back.
    if (hop === null) return this.#end === null ? undefined : this.#drop()
    const { transactions, agent } = this.#options
    const isLast = this.#end !== null
    this.#isSending = true
    this.#isDue = false
    this.#notifyAt = null
    const body = this.#document()
    const headers = (state: string): HeaderLine[] => [
      ['Event', this.#state.event],
      ['Subscription-State', state],
      ['Content-Type', dialogInfoType],
      ['User-Agent', agent],
    ]
    const seconds = Math.max(0, Math.round((this.#state.expiresAt - now) / 1_000))
    const lines = headers(isLast ? `terminated;reason=${this.#end}` : `active;expires=${seconds}`)
    const locate = (at: Instant, _uri: string, done: (now: Instant, hops: readonly []) => void) => done(at, [])
    new LegRequest(
      { options: { transactions, locate, authorize: () => null } },
      {
        ...{ nextUri: this.#dialog.nextUri, hop, login: null },
        nextCseq: () => this.#dialog.nextCseq(),
        build: (to, cseq) =>
          this.#dialog.request('NOTIFY', cseq, [formatContact(to, transactions.options.local(to)), ...lines], body),
        onResponse: (at, response) => {
          if (response.status >= 200) this.#done(at, isLast || isGone(response.status))
        },
        // 503: the connection is gone. The device will come back by another one, or the time will be over.
        onFailure: (at, status) => this.#done(at, isLast || status === 408, status === 503),
      },
    ).start(now)
  }

  #document(): string {
    const { accountId, resource } = this.#state
    const dialogs = this.#options.dialogs(accountId, resource)
    this.#lastDialog = dialogs[0]?.id ?? this.#lastDialog
    this.#state = { ...this.#state, version: this.#state.version + 1 }
    // The watched number as the subscriber wrote it: by that it knows which lamp is meant.
    const entity = parseNameAddr(this.#dialog.state.local)?.uri ?? this.#dialog.state.local
    return formatDialogInfo(entity, this.#state.version, dialogs, this.#lastDialog)
  }

  #done(now: Instant, isOver: boolean, isUnsent = false): void {
    this.#isSending = false
    if (isOver) return this.#drop()
    this.#isDue ||= isUnsent
    if (this.#isDue && (!isUnsent || this.#end !== null)) this.#send(now)
  }

  #drop(): void {
    if (this.#isGone) return
    this.#isGone = true
    this.#options.queue.cancel(this)
    this.#forget()
  }

  #sleep(): void {
    const { expiresAt } = this.#state
    const isAwake = this.#end === null && !this.#isGone
    this.#options.queue.set(this, isAwake ? Math.min(expiresAt, this.#notifyAt ?? Infinity) : undefined)
  }
}

/** RFC 6665 §4.2.2, RFC 5057 §5.3: refusals that say that there is no such subscription any more; others are of the moment. */
const goneStatuses = [404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604]
const isGone = (status: number): boolean => goneStatuses.includes(status)
