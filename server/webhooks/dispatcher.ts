/**
 * Sends events to webhooks. One process in the whole installation does (a session of the database holds a lock); the
 * others wait to take over. Each webhook follows the log at its own cursor; what matches becomes rows in the statement
 * that moves the cursor, so that whoever takes over loses nothing and sends again, with the same `webhook-id`, only what
 * was under way.
 *
 * Invariant: all is written on the connection that holds the lock. With it the memory of who waits for what is gone, and
 * requests under way end.
 */
import type pg from 'pg'
import type { App } from '../app.ts'
import type { Waiter } from '../events/feed.ts'
import { type LogPage, oldestKept } from '../events/log.ts'
import { beginSession, makeSession } from '../store/session.ts'
import { webhooksChannel } from '../store/webhooks.ts'
import { type AttemptResult, send, unsendable } from './attempt.ts'
import type { Endpoint, Pending } from './endpoint.ts'
import { disableWebhook } from './ending.ts'
import { EventTexts } from './event-texts.ts'
import { meetsConditions } from './event-choice.ts'
import {
  type Advance,
  type NewDelivery,
  type Outcome,
  toNewDelivery,
  writeHealth,
  writeIntake,
  writeOutcomes,
} from './ledger.ts'
import { Places } from './places.ts'
import { Roster } from './roster.ts'
import { continueReplays } from './replays.ts'

export type DispatcherApp = Pick<
  App,
  'database' | 'vault' | 'clock' | 'config' | 'log' | 'feed' | 'outgoing' | 'rootAccountId'
>

interface Options {
  readonly app: DispatcherApp
  readonly connection: pg.ClientConfig
  readonly random?: () => number
}

const lock = 7_201_166
const retryMs = 1_000
/** The longest sleep: a clock may be set, a notification missed. */
const lookMs = 1_000
/** Cursors that moved past what does not match are written down this often (E3). */
const idleCursorMs = 5_000
const mostInFlight = 1_024
const mostInFlightOfOne = mostInFlight / 8
/** Tests are asked for by hand: they take no place of an event. */
const mostTests = 32
const mostTestsOfOne = mostTests / 4
/** Endpoints that failed last, or never answered, take no place of one that answers. */
const mostUnproven = mostInFlight / 2
const mostUnprovenOfOne = mostUnproven / 4
/** After a fault of our own. */
const againMs = 1_000
const fiveDaysMs = 5 * 86_400_000

export interface DispatcherFigures {
  readonly isSending: boolean
  readonly endpoints: number
  readonly open: number
  readonly waiting: number
  readonly inFlight: number
}

export class Dispatcher {
  readonly #app: DispatcherApp
  readonly #connection: pg.ClientConfig
  readonly #random: () => number
  readonly #roster: Roster
  readonly #texts: EventTexts
  #client: pg.Client | null = null
  #abort = new AbortController()
  #isStopped = false
  #running: Promise<void> = Promise.resolve()
  #wake: (() => void) | null = null
  #isPoked = false
  #outcomes: Outcome[] = []
  readonly #waiter: Waiter = {
    filter: { accounts: { kind: 'all' }, types: new Set(), userId: null },
    wake: () => {
      this.poke()
      this.#app.feed.addWaiter(this.#waiter)
    },
  }
  /** Deliveries whose request is under way. */
  readonly #underWay = new Places(mostInFlight, mostInFlightOfOne)
  readonly #unprovenUnderWay = new Places(mostUnproven, mostUnprovenOfOne)
  readonly #testsUnderWay = new Places(mostTests, mostTestsOfOne)
  /** Of the feed, when texts were forgotten last. */
  #redactions = 0
  #idleSince = 0
  /** Attempts by what became of them, and how long the first ones took from the record of the event, in seconds. */
  readonly counts = { delivered: 0, retried: 0, failed: 0 }
  onFirstAttempt: (lagSeconds: number) => void = () => {}

  constructor({ app, connection, random = Math.random }: Options) {
    this.#app = app
    this.#connection = connection
    this.#random = random
    this.#texts = new EventTexts(app.database)
    const isBusy = (id: string) =>
      [this.#underWay, this.#unprovenUnderWay, this.#testsUnderWay].some((places) => places.has(id)) ||
      this.#outcomes.some((outcome) => outcome.id === id)
    const comesAgain = (id: string) => this.#outcomes.some((one) => one.id === id && one.status === 'pending')
    this.#roster = new Roster(app, isBusy, comesAgain)
  }

  start(): void {
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.poke()
    await this.#running
  }

  /** There may be something to do; safe to call at any time. */
  poke(): void {
    this.#isPoked = true
    this.#wake?.()
  }

  get figures(): DispatcherFigures {
    const endpoints = [...this.#roster.endpoints.values()]
    return {
      isSending: this.#client !== null,
      endpoints: endpoints.length,
      open: endpoints.filter(({ queue }) => queue.isOpen).length,
      waiting: endpoints.reduce((sum, { queue }) => sum + queue.size, 0),
      inFlight: this.#underWay.size + this.#unprovenUnderWay.size + this.#testsUnderWay.size,
    }
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      try {
        const client = await this.#lead()
        if (client) await this.#send(client)
      } catch (error) {
        if (!this.#isStopped) this.#app.log.warn({ err: error }, 'webhooks wait for the database')
      }
      await this.#leave()
      if (!this.#isStopped) await this.#sleep(retryMs)
    }
  }

  /** Null while another process sends. */
  async #lead(): Promise<pg.Client | null> {
    const client = makeSession(this.#connection)
    const abort = new AbortController()
    this.#abort = abort
    client.on('error', () => {})
    client.on('end', () => abort.abort())
    client.on('notification', ({ payload }) => {
      if (payload) this.#roster.changed.add(payload)
      this.poke()
    })
    this.#client = client
    await beginSession(client)
    const { rows } = await client.query<{ held: boolean }>('select pg_try_advisory_lock($1) as held', [lock])
    if (!rows[0]?.held) return null
    await client.query(`listen ${webhooksChannel}`)
    await this.#roster.load(client)
    return client
  }

  async #leave(): Promise<void> {
    this.#abort.abort()
    const client = this.#client
    this.#client = null
    this.#outcomes = []
    this.#roster.clear()
    this.#followLog()
    await client?.end().catch(() => {})
  }

  /** Turns until the connection is lost or the process stops. */
  async #send(client: pg.Client): Promise<void> {
    while (!this.#isStopped && !this.#abort.signal.aborted) {
      this.#isPoked = false
      await this.#writeDown(client)
      await this.#roster.refresh(client)
      this.#followLog() // before it is looked at: what comes after that begins another turn
      await this.#takeIn(client)
      const isMore = await continueReplays(this.#app, client, this.#roster.endpoints.values())
      this.#sendAll()
      if (!isMore) await this.#sleep(this.#nextWake())
    }
    await this.#writeDown(client)
  }

  /** While there is a webhook that is on: whatever comes into the log may be for it. */
  #followLog(): void {
    const { feed } = this.#app
    const isOn = [...this.#roster.endpoints.values()].some(({ webhook }) => webhook.isEnabled)
    if (isOn) feed.addWaiter(this.#waiter)
    else feed.removeWaiter(this.#waiter)
  }

  /** A fault of our own outside a turn: what is in memory may be wrong, so it is left and read again. */
  #giveUp(error: unknown, abort: AbortController): void {
    this.#app.log.error({ err: error }, 'webhooks begin again after a fault')
    abort.abort()
    this.poke()
  }

  #sleep(ms: number): Promise<void> {
    if (this.#isPoked || ms <= 0) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = setTimeout(done, Math.min(ms, lookMs))
      this.#wake = done
      const self = this
      function done() {
        clearTimeout(timer)
        self.#wake = null
        resolve()
      }
    })
  }

  #nextWake(): number {
    const now = this.#app.clock()
    let first = now + lookMs
    for (const { queue } of this.#roster.endpoints.values()) {
      const at = queue.wakeAt(now)
      // What is ready and was not taken waits for a place, which a landing request gives.
      if (at !== undefined && at > now && at < first) first = at
    }
    return first - now
  }

  async #writeDown(client: pg.Client): Promise<void> {
    const outcomes = this.#outcomes
    this.#outcomes = []
    const changed = [...this.#roster.endpoints.values()].filter((endpoint) => endpoint.isHealthNew)
    for (const endpoint of changed) endpoint.isHealthNew = false
    await writeOutcomes(client, outcomes)
    await writeHealth(
      client,
      changed.map(({ id, failingSince, lastSuccessAt }) => ({
        webhookId: id,
        failingSince: failingSince === null ? null : new Date(failingSince),
        lastSuccessAt: lastSuccessAt === null ? null : new Date(lastSuccessAt),
      })),
    )
  }

  /** What the log has for each webhook that can take more. */
  async #takeIn(client: pg.Client): Promise<void> {
    const { feed, clock } = this.#app
    const { redactions } = feed
    const now = clock()
    const isIdleTurn = now - this.#idleSince >= idleCursorMs
    const advances: Advance[] = []
    const made: NewDelivery[] = []
    for (const endpoint of this.#roster.endpoints.values()) {
      const room = endpoint.isEnding || !endpoint.webhook.isEnabled ? 0 : endpoint.queue.room(now)
      const page = room > 0 ? await this.#nextFor(endpoint, room) : null
      if (page) endpoint.position = page.position
      const deliveries = (page?.events ?? [])
        .filter(({ text }) => meetsConditions(text, endpoint.conditions))
        .map((event) => toNewDelivery(endpoint.id, event, now))
      made.push(...deliveries)
      if (deliveries.length === 0 && !(isIdleTurn && endpoint.position !== endpoint.storedPosition)) continue
      advances.push({ webhookId: endpoint.id, before: endpoint.storedPosition, after: endpoint.position })
    }
    if (isIdleTurn) this.#idleSince = now
    if (advances.length === 0) return
    const moved = await writeIntake(client, advances, made, new Date(now))
    for (const { webhookId, after } of advances) {
      const endpoint = this.#roster.endpoints.get(webhookId)
      if (moved.has(webhookId) && endpoint) endpoint.storedPosition = after
      // It was stopped or set elsewhere in the same moment.
      else this.#roster.forget(webhookId)
    }
    for (const delivery of made) {
      if (feed.redactions !== redactions) delivery.text = null
      if (moved.has(delivery.webhookId)) this.#roster.endpoints.get(delivery.webhookId)?.add(delivery, now)
    }
    if (made.length > 0) this.poke()
  }

  async #nextFor({ id, position, filter }: Endpoint, room: number): Promise<LogPage | null> {
    try {
      return await this.#app.feed.next(position, filter, room)
    } catch (error) {
      const oldest = oldestKept(error)
      if (oldest === null) throw error
      // Retention was faster: what is left is what is kept. Nobody else waits for this one.
      this.#app.log.warn({ err: error, webhookId: id }, 'a webhook lost events that the log does not keep any more')
      this.poke()
      return { events: [], position: oldest }
    }
  }

  /** What was erased is not sent from memory (E5): it is read again from the log, where it is blank. */
  #forgetErased(): void {
    const { redactions } = this.#app.feed
    if (redactions === this.#redactions) return
    this.#redactions = redactions
    for (const endpoint of this.#roster.endpoints.values()) endpoint.forgetTexts()
  }

  /** Those that are healthy first: who fails waits for a place. */
  #sendAll(): void {
    const now = this.#app.clock()
    const endpoints = [...this.#roster.endpoints.values()]
    for (const endpoint of endpoints) for (const test of endpoint.tests.values()) this.#sendTest(endpoint, test)
    for (const endpoint of endpoints) if (endpoint.queue.isProven) this.#sendSome(endpoint, now)
    for (const endpoint of endpoints) if (!endpoint.queue.isProven) this.#sendSome(endpoint, now)
  }

  #sendTest(endpoint: Endpoint, test: Pending): void {
    const { accountId } = endpoint.webhook
    if (this.#testsUnderWay.has(test.id) || !this.#testsUnderWay.isFreeFor(accountId, 0)) return
    this.#testsUnderWay.take(test.id, accountId)
    const abort = this.#abort
    this.#attempt(endpoint, test)
      .then((result) => {
        this.#testsUnderWay.free(test.id)
        this.#checkCurrent(endpoint)
        if (!result || result === 'not made') return // the next turn tries it again
        endpoint.tests.delete(test.id)
        const status = result.isSuccess ? 'delivered' : 'failed'
        this.#record(endpoint, test, result, { status, nextAttemptAt: null })
      })
      .catch((error: unknown) => this.#giveUp(error, abort))
  }

  /** One that was read anew meanwhile was so without what was under way: it is read again. */
  #checkCurrent(endpoint: Endpoint): void {
    const current = this.#roster.endpoints.get(endpoint.id)
    if (!current || current === endpoint) return
    this.#roster.changed.add(endpoint.id)
    this.poke()
  }

  #sendSome(endpoint: Endpoint, now: number): void {
    const { accountId } = endpoint.webhook
    // One that was replaced sends nothing more: what it holds is its successor's.
    while (!endpoint.isEnding && this.#roster.endpoints.get(endpoint.id) === endpoint) {
      const places = endpoint.queue.isProven ? this.#underWay : this.#unprovenUnderWay
      if (!places.isFreeFor(accountId, endpoint.queue.inFlight)) return
      const id = endpoint.queue.take(now)
      if (id === null) return
      const delivery = endpoint.pending.get(id)
      if (!delivery) return this.#roster.forget(endpoint.id)
      places.take(id, accountId)
      const abort = this.#abort
      this.#attempt(endpoint, delivery)
        .then((result) => {
          places.free(id)
          this.#checkCurrent(endpoint)
          if (result === 'not made') endpoint.queue.putBack(id, this.#app.clock() + againMs, this.#app.clock())
          else if (result) this.#land(endpoint, delivery, result)
        })
        .catch((error: unknown) => this.#giveUp(error, abort))
    }
  }

  /** Null: it was broken off, because this process does not send any more. `not made`: our own fault. */
  async #attempt(endpoint: Endpoint, delivery: Pending): Promise<AttemptResult | 'not made' | null> {
    const { signal } = this.#abort
    const { outgoing, clock, log } = this.#app
    try {
      this.#forgetErased()
      const text = await this.#texts.read(delivery)
      if (signal.aborted) return null
      if (delivery.attemptCount === 0 && delivery.recordedAt && delivery.kind === 'event') {
        this.onFirstAttempt(Math.max(0, clock() - delivery.recordedAt.getTime()) / 1000)
      }
      const { webhook, settings } = endpoint
      const target = { method: settings.method, url: webhook.url }
      if (!endpoint.mayGet(delivery)) return unsendable(target, 'the webhook may not get this event any more', clock())
      const request = text === null ? null : endpoint.compose({ ...delivery, text }, clock())
      if (!request) return unsendable(target, 'the log does not hold this event any more', clock())
      const result = await send(outgoing.clientFor(webhook.accountId), request, clock, signal)
      return signal.aborted ? null : result
    } catch (error) {
      log.warn({ err: error, webhookId: endpoint.id, deliveryId: delivery.id }, 'an attempt could not be made')
      return signal.aborted ? null : 'not made'
    }
  }

  #land(endpoint: Endpoint, delivery: Pending, result: AttemptResult): void {
    const now = this.#app.clock()
    const { queue } = endpoint
    delivery.text = null
    if (result.isUnsendable) {
      queue.drop(delivery.id, now)
      this.#settle(endpoint, delivery, result, { status: 'failed', nextAttemptAt: null })
      return
    }
    endpoint.isHealthNew = true
    if (result.isSuccess) {
      queue.succeeded(delivery.id, now)
      endpoint.failingSince = null
      endpoint.lastSuccessAt = now
      this.#settle(endpoint, delivery, result, { status: 'delivered', nextAttemptAt: null })
      return
    }
    endpoint.failingSince ??= now
    const next = queue.failed(delivery.id, now, { random: this.#random(), retryAfterMs: result.retryAfterMs })
    if (queue.isOpen) endpoint.forgetTexts()
    if (next === null) this.#settle(endpoint, delivery, result, { status: 'failed', nextAttemptAt: null })
    else this.#record(endpoint, delivery, result, { status: 'pending', nextAttemptAt: new Date(next) })
    if (result.isGone && result.attempt.url === endpoint.webhook.url) this.#end(endpoint, 'gone')
    else if (now - endpoint.failingSince >= fiveDaysMs) this.#end(endpoint, 'failing')
  }

  /** It is over. */
  #settle(
    endpoint: Endpoint,
    delivery: Pending,
    result: AttemptResult,
    end: Pick<Outcome, 'status' | 'nextAttemptAt'>,
  ) {
    endpoint.pending.delete(delivery.id)
    this.#record(endpoint, delivery, result, end)
  }

  #record(
    endpoint: Endpoint,
    delivery: Pending,
    { attempt, response }: AttemptResult,
    { status, nextAttemptAt }: Pick<Outcome, 'status' | 'nextAttemptAt'>,
  ): void {
    delivery.attemptCount += 1
    this.counts[status === 'pending' ? 'retried' : status] += 1
    this.#outcomes.push({
      webhookId: endpoint.id,
      id: delivery.id,
      status,
      attemptCount: delivery.attemptCount,
      nextAttemptAt,
      finishedAt: status === 'pending' ? null : new Date(this.#app.clock()),
      attempt,
      response,
    })
    this.#sendSome(endpoint, this.#app.clock())
    this.poke()
  }

  #end(endpoint: Endpoint, reason: 'failing' | 'gone'): void {
    if (endpoint.isEnding) return
    endpoint.isEnding = true
    const { id, webhook, failingSince } = endpoint
    const since = failingSince === null ? null : new Date(failingSince)
    const { accountId, url } = webhook
    disableWebhook(this.#app, { webhookId: id, accountId, url, reason, failingSince: since }).catch(
      (error: unknown) => {
        this.#app.log.warn({ err: error, webhookId: id }, 'a webhook could not be turned off')
        endpoint.isEnding = false // its next failure tries it again
      },
    )
  }
}
