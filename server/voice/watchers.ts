/**
 * Phones that watch numbers, their lamps (RFC 4235): engine/sip/subscriptions.ts joined to calls, to registrations and to
 * the database, by which subscriptions outlive the process (T7).
 *
 * Invariant: what is written is what counts last; with the database away it waits, and phones have their lamps meanwhile.
 */
import type { FastifyBaseLogger } from 'fastify'
import { numberOfUri } from '../../engine/call/numbers.ts'
import type { Instant } from '../../engine/machine.ts'
import type { Hop } from '../../engine/sip/hop.ts'
import type { ServerTransaction } from '../../engine/sip/server-transaction.ts'
import { type SubscriptionState, Subscriptions, type SubscriptionsOptions } from '../../engine/sip/subscriptions.ts'
import type { DeviceLogin } from './directories.ts'
import { Lamps, type LampsOptions } from './lamps.ts'

export interface WatchersOptions extends Pick<SubscriptionsOptions, 'transactions' | 'queue' | 'agent'> {
  readonly lamps: LampsOptions
  /** Where a device is registered from, the latest first. */
  readonly registeredFrom: (deviceId: string) => readonly Hop[]
  /** T7: a connection that is closed leads nowhere. */
  readonly isAlive: (flow: string) => boolean
  /** Enabled, and not deleted. */
  readonly mayWatch: (deviceId: string) => boolean
  readonly write: (kept: readonly SubscriptionState[], gone: readonly string[]) => Promise<void>
  readonly log: FastifyBaseLogger
}

const limits = { minSeconds: 60, maxSeconds: 3_600, maxPerDevice: 200 }
const gatherMs = 20
const retryMs = 1_000

export class Watchers {
  readonly #options: WatchersOptions
  readonly #lamps: Lamps
  readonly #subscriptions: Subscriptions
  /** To be written (null: deleted), by id. */
  #dirty = new Map<string, SubscriptionState | null>()
  #timer: NodeJS.Timeout | null = null
  #isWriting = false

  constructor(options: WatchersOptions) {
    this.#options = options
    this.#lamps = new Lamps(options.lamps)
    const { transactions, queue, agent } = options
    this.#subscriptions = new Subscriptions({
      transactions,
      queue,
      agent,
      limits,
      fraction: Math.random,
      dialogs: (accountId, number) => this.#lamps.dialogs({ accountId, number }),
      reach: (state) => this.#reach(state),
      onChange: (id, state) => this.#changed(id, state),
    })
  }

  get size(): number {
    return this.#subscriptions.size
  }

  /** What a process before this one left. */
  restore(now: Instant, states: readonly SubscriptionState[]): void {
    for (const { id, accountId, resource } of states) this.#lamps.watch(id, { accountId, number: resource })
    this.#subscriptions.restore(now, states)
  }

  /** A SUBSCRIBE of a device that proved who it is. */
  subscribe(now: Instant, transaction: ServerTransaction, { accountId, deviceId }: DeviceLogin): void {
    const number = numberOfUri(transaction.request.uri)
    const resource = this.#lamps.mayBeWatched({ accountId, number }) ? number : null
    this.#subscriptions.subscribe(now, transaction, { accountId, deviceId, resource })
  }

  /** A device is doing something else. */
  lineChanged(now: Instant, deviceId: string): void {
    for (const { accountId, number } of [...this.#lamps.ofDevice(deviceId)]) {
      this.#subscriptions.changed(now, accountId, number)
    }
  }

  deviceBack(now: Instant, deviceId: string): void {
    this.#subscriptions.deviceBack(now, deviceId)
  }

  /** Configuration of an account was read again. */
  refresh(now: Instant, accountId: string): void {
    const { mayWatch } = this.#options
    this.#subscriptions.endWhere(now, 'rejected', ({ deviceId }) => !mayWatch(deviceId))
    this.#subscriptions.endWhere(
      now,
      'noresource',
      (state) => state.accountId === accountId && !this.#lamps.mayBeWatched({ accountId, number: state.resource }),
    )
    for (const { number } of this.#lamps.refresh(accountId)) this.#subscriptions.changed(now, accountId, number)
  }

  async stop(): Promise<void> {
    // What changed while a write was under way goes with one of its own.
    while (this.#isWriting) await new Promise((resolve) => setImmediate(resolve))
    if (this.#timer) clearTimeout(this.#timer)
    await this.#write()
  }

  #reach({ deviceId, source }: SubscriptionState): Hop | null {
    const registered = this.#options.registeredFrom(deviceId)
    if (source.transport === 'udp') {
      // A NAT may have given a phone another port since it subscribed; its registration is the fresher of the two.
      const isThere = registered.some(({ address, port }) => address === source.address && port === source.port)
      return isThere ? source : (registered.find(({ transport }) => transport === 'udp') ?? source)
    }
    const isOpen = source.flow !== null && this.#options.isAlive(source.flow)
    return isOpen ? source : (registered[0] ?? null)
  }

  #changed(id: string, state: SubscriptionState | null): void {
    if (state === null) this.#lamps.unwatch(id)
    else this.#lamps.watch(id, { accountId: state.accountId, number: state.resource })
    this.#dirty.set(id, state)
    this.#schedule(gatherMs)
  }

  #schedule(ms: number): void {
    if (this.#isWriting || this.#timer !== null) return
    this.#timer = setTimeout(() => void this.#write(), ms)
  }

  async #write(): Promise<void> {
    this.#timer = null
    if (this.#isWriting || this.#dirty.size === 0) return
    const dirty = this.#dirty
    this.#dirty = new Map()
    this.#isWriting = true
    let pause = gatherMs
    try {
      const kept = [...dirty.values()].filter((state) => state !== null)
      const gone = [...dirty].filter(([, state]) => state === null).map(([id]) => id)
      await this.#options.write(kept, gone)
    } catch (error) {
      this.#dirty = new Map([...dirty, ...this.#dirty])
      this.#options.log.warn({ err: error }, 'subscriptions wait for the database')
      pause = retryMs
    }
    this.#isWriting = false
    if (this.#dirty.size > 0) this.#schedule(pause)
  }
}
