/**
 * The notifier's side of SUBSCRIBE and NOTIFY (RFC 6665) with the event package `dialog` (RFC 4235), in dialogs of their
 * own. Whoever calls has authenticated the request and knows which number it watches.
 *
 * Invariant: a subscription that was accepted gets a NOTIFY at once, one at each change, and one that ends it, never two
 * at a time; what changes meanwhile goes into the next. After a restart each gets a fresh one (T7).
 */
import type { Instant } from '../machine.ts'
import type { TimerQueue } from '../timer-queue.ts'
import { Dialog, type DialogState } from './dialog.ts'
import { dialogInfoType, type WatchedDialog } from './dialog-info.ts'
import type { ResponseParts } from './format.ts'
import { numberHeader, parseWord, unknownExtensions } from './headers.ts'
import type { Hop } from './hop.ts'
import type { SipMessage } from './message.ts'
import type { ServerTransaction } from './server-transaction.ts'
import { type EndReason, Subscription } from './subscription.ts'
import type { Transactions } from './transactions.ts'

/** What is written down, as JSON. */
export interface SubscriptionState {
  /** Our tag in its dialog. */
  readonly id: string
  readonly accountId: string
  readonly deviceId: string
  /** The Event header of its messages: `dialog`, with the `id` that the subscriber gave it. */
  readonly event: string
  /** The number that is watched. */
  readonly resource: string
  readonly dialog: Readonly<DialogState>
  /** Where the last SUBSCRIBE came from. */
  readonly source: Hop
  /** Of the last document. */
  readonly version: number
  /** By the clock of the engine. */
  readonly expiresAt: Instant
}

export interface Subscriber {
  readonly accountId: string
  readonly deviceId: string
  /** Null: there is no such number, or it may not be watched. */
  readonly resource: string | null
}

export interface SubscriptionsOptions {
  readonly transactions: Transactions
  readonly queue: TimerQueue
  /** What a watched number is doing. */
  readonly dialogs: (accountId: string, resource: string) => readonly WatchedDialog[]
  /** Where the subscriber is now, which a phone with a new connection is not where it was; null: nowhere yet. */
  readonly reach: (state: SubscriptionState) => Hop | null
  /** To be written down: new, refreshed (null: it is over). Not at each NOTIFY: a restart skips some numbers. */
  readonly onChange: (id: string, state: SubscriptionState | null) => void
  readonly fraction: () => number
  readonly agent: string
  readonly limits: { readonly minSeconds: number; readonly maxSeconds: number; readonly maxPerDevice: number }
}

/** Two processes must not both give a document the same version; nobody sends so many between two writings. */
const restartJump = 10_000
/** T7: each gets a fresh NOTIFY within 10 s, and not all at once. */
const freshWithinMs = 5_000

export class Subscriptions {
  readonly #options: SubscriptionsOptions
  readonly #byId = new Map<string, Subscription>()
  readonly #byResource = new Map<string, Set<Subscription>>()
  readonly #byDevice = new Map<string, Set<Subscription>>()

  constructor(options: SubscriptionsOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#byId.size
  }

  /** A SUBSCRIBE, new or in the dialog of one. Answers it. */
  subscribe(now: Instant, transaction: ServerTransaction, subscriber: Subscriber): void {
    const { request } = transaction
    const known = request.toTag === '' ? null : (this.#byId.get(request.toTag) ?? null)
    if (request.toTag !== '' && known === null) return void transaction.respond(now, { status: 481 })
    const seconds = this.#secondsOf(request)
    const refusal =
      this.#refusalOf(request, seconds) ??
      (known === null ? this.#newRefusal(subscriber) : known.refusalOf(request, subscriber.deviceId))
    if (refusal !== null) return void transaction.respond(now, refusal)
    if (known !== null) return known.accept(now, transaction, seconds)
    this.#begin(now, transaction, subscriber, seconds)
  }

  /** A call of that number began, changed or ended. */
  changed(now: Instant, accountId: string, resource: string): void {
    for (const subscription of [...(this.#byResource.get(resourceKey(accountId, resource)) ?? [])]) {
      subscription.notify(now)
    }
  }

  /** A device registered: what could not be told to it is told. */
  deviceBack(now: Instant, deviceId: string): void {
    for (const subscription of [...(this.#byDevice.get(deviceId) ?? [])]) subscription.retry(now)
  }

  /** `noresource`: the number is no more; `rejected`: the device may not; `deactivated`: it should subscribe again. */
  endWhere(now: Instant, reason: EndReason, isMeant: (state: SubscriptionState) => boolean): void {
    for (const subscription of [...this.#byId.values()]) {
      if (isMeant(subscription.state)) subscription.end(now, reason)
    }
  }

  /** What a process before this one left. */
  restore(now: Instant, states: readonly SubscriptionState[]): void {
    for (const state of states) {
      if (state.expiresAt <= now) this.#options.onChange(state.id, null)
      else if (!this.#byId.has(state.id)) {
        const dialog = Dialog.restore({ ...state.dialog })
        const subscription = this.#remember({ ...state, version: state.version + restartJump }, dialog)
        subscription.notifyAt(now + this.#options.fraction() * freshWithinMs)
      }
    }
  }

  #secondsOf(request: SipMessage): number {
    const { maxSeconds } = this.#options.limits
    return Math.min(numberHeader(request, 'expires') ?? maxSeconds, maxSeconds)
  }

  /** RFC 6665 §4.2.1.1. */
  #refusalOf(request: SipMessage, seconds: number): ResponseParts | null {
    const { minSeconds } = this.#options.limits
    const event = parseWord(request.header('event') ?? '')
    if (event?.word !== 'dialog') return { status: 489, headers: [['Allow-Events', 'dialog']] }
    const unknown = unknownExtensions(request, new Set())
    if (unknown.length > 0) return { status: 420, headers: [['Unsupported', unknown.join(', ')]] }
    if (!acceptsDialogInfo(request)) return { status: 406, headers: [['Accept', dialogInfoType]] }
    // "If and only if the expiration interval is greater than zero AND smaller than one hour AND less than" our minimum.
    const isBrief = seconds > 0 && seconds < 3_600 && seconds < minSeconds
    return isBrief ? { status: 423, headers: [['Min-Expires', `${minSeconds}`]] } : null
  }

  #newRefusal({ deviceId, resource }: Subscriber): ResponseParts | null {
    if (resource === null) return { status: 404 }
    const count = this.#byDevice.get(deviceId)?.size ?? 0
    return count >= this.#options.limits.maxPerDevice ? { status: 403, reason: 'Too Many Subscriptions' } : null
  }

  #begin(now: Instant, transaction: ServerTransaction, subscriber: Subscriber, seconds: number): void {
    const { request, source, localTag } = transaction
    const { accountId, deviceId, resource } = subscriber
    const dialog = Dialog.ofRequest(request, localTag)
    if (dialog === null || resource === null) {
      return void transaction.respond(now, { status: 400, reason: 'Missing Contact' })
    }
    const id = parseWord(request.header('event') ?? '')?.params.get('id')
    const event = id === undefined ? 'dialog' : `dialog;id=${id}`
    const state = { id: localTag, accountId, deviceId, event, resource, source, version: -1, expiresAt: now }
    this.#remember({ ...state, dialog: dialog.state }, dialog).accept(now, transaction, seconds)
  }

  #remember(state: SubscriptionState, dialog: Dialog): Subscription {
    const sets = [
      [this.#byResource, resourceKey(state.accountId, state.resource)],
      [this.#byDevice, state.deviceId],
    ] as const
    const subscription = new Subscription(this.#options, state, dialog, () => {
      this.#byId.delete(state.id)
      for (const [map, key] of sets) removeFrom(map, key, subscription)
      this.#options.onChange(state.id, null)
    })
    this.#byId.set(state.id, subscription)
    for (const [map, key] of sets) {
      const set = map.get(key)
      if (set === undefined) map.set(key, new Set([subscription]))
      else set.add(subscription)
    }
    return subscription
  }
}

const resourceKey = (accountId: string, resource: string): string => `${accountId} ${resource}`

function removeFrom(map: Map<string, Set<Subscription>>, key: string, subscription: Subscription): void {
  const set = map.get(key)
  set?.delete(subscription)
  if (set?.size === 0) map.delete(key)
}

/** RFC 4235 §3.3: without Accept it is meant. */
function acceptsDialogInfo(request: SipMessage): boolean {
  const accepted = request.headers('accept').map((value) => parseWord(value)?.word)
  return accepted.length === 0 || [dialogInfoType, 'application/*', '*/*'].some((type) => accepted.includes(type))
}
