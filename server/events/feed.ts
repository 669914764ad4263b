/**
 * The log as it grows, read once for everybody in this process: one connection is woken by NOTIFY, reads what is new and
 * keeps the newest events in memory. A follower holds nothing but its position: it takes what it wants when it is ready,
 * from memory or, further back, from the database. So nobody is buffered for, and nobody can be too slow to be served.
 * While nobody follows or waits, nothing is read: it only notes how far the log reaches, and memory is empty then.
 *
 * Invariant: a follower that waits has seen everything up to `position`; who is woken saw everything before the batch
 * that woke it. What memory holds ends at `position`, without a gap.
 */
import type pg from 'pg'
import type { FastifyBaseLogger } from 'fastify'
import type { Database } from '../store/database.ts'
import { beginSession, makeSession } from '../store/session.ts'
import { isMatch, type LogFilter, type ParentOf } from './filter.ts'
import { findCorrelated, type LogPage, mostBytes, readPage, readParents } from './log.ts'
import { type LogEvent, type LogEventRow, toLogEvent } from './log-event.ts'
import { Ring } from './ring.ts'
import { eventsChannel } from './sequencer.ts'

interface Options {
  readonly connection: pg.ClientConfig
  readonly database: Database
  readonly log: FastifyBaseLogger
}

interface Following {
  /** The position that was seen last: what follows it is told. */
  readonly after: number
  readonly filter: LogFilter
}

export interface Waiting {
  readonly accountId: string
  readonly correlationId: string
  /** `feed.position` from before the command was given. */
  readonly after: number
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

const batch = 500
const pageSize = 500
/** Of events in memory, between two turns of the event loop. */
const mostScanned = 2_000
const retryMs = 500
/** In case a notification was missed. */
const lookMs = 1_000

/** Who waits at the newest position; is woken once, when there may be something for its filter. */
export interface Waiter {
  readonly filter: LogFilter
  /** Up to this position there was nothing. */
  wake(before: number): void
}

export class Feed {
  readonly #options: Options
  readonly #ring = new Ring()
  readonly #parents = new Map<string, string | null>()
  readonly #parentOf: ParentOf = (accountId) => this.#parents.get(accountId) ?? null
  /** Who waits for one account's events, and who for those of several. */
  readonly #narrow = new Map<string, Set<Waiter>>()
  readonly #wide = new Set<Waiter>()
  /** Commands whose event is waited for, by correlation id (E7). */
  readonly #awaited = new Map<string, Set<(event: LogEvent | null) => void>>()
  #client: pg.Client | null = null
  #lookTimer: NodeJS.Timeout | undefined
  #retryTimer: NodeJS.Timeout | null = null
  #position = 0
  /** Up to where the log reaches, as the last notification told; it may have been read before it was told. */
  #told = 0
  #recordedAt = new Date(0)
  #hasBegun = false
  #isReading = false
  #isReadAgain = false
  #isStopped = false
  /** How many follow, and how many pages they had to read from the database, because they were far behind. */
  followers = 0
  pages = 0
  /** Another number when something was erased, or may have been: who keeps texts of events reads them again then (E5). */
  redactions = 0

  constructor(options: Options) {
    this.#options = options
  }

  /** The newest position that this process knows of. */
  get position(): number {
    return this.#position
  }

  get isStopped(): boolean {
    return this.#isStopped
  }

  /** Resolves when it listens, or when the first attempt failed; it goes on trying. */
  async start(): Promise<void> {
    if (this.#isStopped) return
    const { connection, log } = this.#options
    const client = makeSession(connection)
    client.on('error', () => {})
    client.on('end', () => this.#restart(client))
    client.on('notification', ({ payload }) => this.#hear(Number(payload)))
    try {
      await beginSession(client)
      await client.query(`listen ${eventsChannel}`)
      if (!this.#hasBegun) await this.#begin(client)
      this.#client = client
      this.#look()
    } catch (error) {
      log.debug({ err: error }, 'cannot listen for events yet')
      await client.end().catch(() => {})
      this.#restart(client)
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#lookTimer)
    if (this.#retryTimer) clearTimeout(this.#retryTimer)
    this.#wakeAll()
    for (const set of this.#awaited.values()) for (const found of set) found(null)
    await this.#client?.end().catch(() => {})
  }

  follow(following: Following): Follower {
    return new Follower(this, following)
  }

  /** What is next after a position, at most so much, or where it is now when nothing matched; null: all was seen. */
  async next(position: number, filter: LogFilter, limit = pageSize): Promise<LogPage | null> {
    if (position >= this.#position) return null
    if (this.#ring.isAfter(position)) return this.#take(position, filter, limit)
    this.pages += 1
    return readPage(this.#options.database, position, filter, limit)
  }

  /** The waiter has seen everything up to `position`, now. */
  addWaiter(waiter: Waiter): void {
    const { accounts } = waiter.filter
    if (accounts.kind !== 'one') this.#wide.add(waiter)
    else this.#narrow.set(accounts.id, (this.#narrow.get(accounts.id) ?? new Set()).add(waiter))
  }

  removeWaiter(waiter: Waiter): void {
    const { accounts } = waiter.filter
    if (accounts.kind !== 'one') return void this.#wide.delete(waiter)
    const set = this.#narrow.get(accounts.id)
    set?.delete(waiter)
    if (set?.size === 0) this.#narrow.delete(accounts.id)
  }

  /** The first event with the correlation id (E7), or null when the time is over. */
  async wait(waiting: Waiting): Promise<LogEvent | null> {
    const { accountId, correlationId, timeoutMs, signal } = waiting
    const over = AbortSignal.any([signal, AbortSignal.timeout(Math.max(1, timeoutMs))])
    const set = this.#awaited.get(correlationId) ?? new Set()
    this.#awaited.set(correlationId, set)
    const { promise, resolve } = Promise.withResolvers<LogEvent | null>()
    const found = (event: LogEvent | null) => {
      if (event === null || event.accountId === accountId) resolve(event)
    }
    const end = () => resolve(null)
    set.add(found)
    over.addEventListener('abort', end)
    if (over.aborted || this.#isStopped) end()
    try {
      // What came before this was asked is not told again.
      return (await this.#lookBack(waiting)) ?? (await promise)
    } finally {
      over.removeEventListener('abort', end)
      set.delete(found)
      if (set.size === 0) this.#awaited.delete(correlationId)
    }
  }

  async #lookBack({ accountId, correlationId, after }: Waiting): Promise<LogEvent | null> {
    if (!this.#ring.isAfter(after)) {
      return findCorrelated(this.#options.database, { accountId, correlationId, after })
    }
    for (let position = after + 1; position <= this.#position; position++) {
      const event = this.#ring.at(position)
      if (event?.correlationId === correlationId && event.accountId === accountId) return event
    }
    return null
  }

  /** Where the log ends now. */
  async #begin(client: pg.Client): Promise<void> {
    const log = await client.query<{ position: number }>('select position from event_log')
    const position = log.rows[0]?.position ?? 0
    const last = await client.query<{ at: Date }>('select recorded_at as at from events where position = $1', [
      position,
    ])
    this.#recordedAt = last.rows[0]?.at ?? new Date(0)
    this.#position = position
    this.#ring.reset(position)
    this.#hasBegun = true
    this.#wakeAll() // whoever came before this may be behind
  }

  get #isWanted(): boolean {
    return this.followers > 0 || this.#awaited.size > 0 || this.#wide.size > 0 || this.#narrow.size > 0
  }

  #hear(end: number): void {
    if (end <= this.#position) return
    this.#told = end
    if (this.#isReading || this.#isWanted) this.#look()
    else this.#skipTo(end)
  }

  #look(): void {
    if (this.#isReading) this.#isReadAgain = true
    else void this.#read()
  }

  async #read(): Promise<void> {
    clearTimeout(this.#lookTimer)
    this.#isReading = true
    try {
      do {
        this.#isReadAgain = false
        const client = this.#client
        while (client && client === this.#client && (await this.#advance(client)));
      } while (this.#isReadAgain && this.#position !== this.#told)
    } catch (error) {
      // The connection is gone, which its end tells too; or else the next look finds the same again.
      if (!this.#isStopped) this.#options.log.warn({ err: error }, 'the tail of the event log could not be read')
    }
    this.#isReading = false
    if (!this.#isStopped && this.#client) this.#lookTimer = setTimeout(() => this.#look(), lookMs)
  }

  /** True when there may be more. */
  async #advance(client: pg.Client): Promise<boolean> {
    if (this.#isWanted) return (await this.#readBatch(client)) > 0 && this.#position !== this.#told
    const { rows } = await client.query<{ position: number }>({ name: 'end', text: 'select position from event_log' })
    if (this.#isWanted) return true // who came meanwhile has seen what is before `position`, and is told the rest
    this.#skipTo(rows[0]?.position ?? 0)
    return false
  }

  /** Nobody wants what comes before this; one who reads from an earlier cursor finds it in the database. */
  #skipTo(end: number): void {
    if (end <= this.#position) return
    this.#position = end
    this.#ring.reset(end)
    this.redactions += 1
  }

  async #readBatch(client: pg.Client): Promise<number> {
    // The time leaves out the partitions of days that are over: positions and times grow together.
    const { rows } = await client.query<LogEventRow>({
      name: 'tail',
      text: tailStatement,
      values: [this.#position, this.#recordedAt],
    })
    const events = rows.map(toLogEvent)
    await this.#learnParents(events)
    this.#publish(events)
    return rows.length
  }

  /** A filter of a tree asks for the parents of whoever an event is of; they are known before it is shown. */
  async #learnParents(events: readonly LogEvent[]): Promise<void> {
    const unknown = new Set(events.flatMap(({ accountId }) => (this.#parents.has(accountId) ? [] : [accountId])))
    if (unknown.size === 0) return
    const found = await readParents(this.#options.database, [...unknown])
    for (const [id, parentId] of found) this.#parents.set(id, parentId)
    for (const id of unknown) if (!found.has(id)) this.#parents.set(id, null)
  }

  #publish(events: readonly LogEvent[]): void {
    const last = events.at(-1)
    if (!last) return
    const before = this.#position
    for (const event of events) {
      this.#ring.push(event)
      if (event.correlationId !== null) this.#tellAwaited(event.correlationId, event)
    }
    this.#position = last.position
    this.#recordedAt = new Date(last.recordedAt)
    // What was erased must not be shown any more: who is behind reads it from the database, where it is blank (E5).
    if (events.some(({ type }) => type === 'event.redacted')) {
      this.#ring.reset(last.position)
      this.redactions += 1
    }
    this.#wake(this.#wide, before)
    if (this.#narrow.size === 0) return
    for (const id of new Set(events.map(({ accountId }) => accountId))) this.#wake(this.#narrow.get(id) ?? [], before)
  }

  #tellAwaited(correlationId: string, event: LogEvent): void {
    for (const found of this.#awaited.get(correlationId) ?? []) found(event)
  }

  #take(position: number, filter: LogFilter, limit: number): LogPage {
    const end = Math.min(this.#position, position + mostScanned)
    const events: LogEvent[] = []
    let chars = 0
    let at = position
    while (at < end && chars < mostBytes && events.length < limit) {
      at += 1
      const event = this.#ring.at(at)
      if (!event || !isMatch(event, filter, this.#parentOf)) continue
      events.push(event)
      chars += event.text.length
    }
    return { events, position: at }
  }

  #wake(waiters: Iterable<Waiter>, before: number): void {
    for (const waiter of [...waiters]) {
      this.removeWaiter(waiter)
      waiter.wake(before)
    }
  }

  #wakeAll(): void {
    this.#wake([...this.#wide, ...[...this.#narrow.values()].flatMap((set) => [...set])], 0)
  }

  #restart(client: pg.Client): void {
    if (this.#client === client) this.#client = null
    if (this.#isStopped || this.#retryTimer) return
    this.#retryTimer = setTimeout(() => {
      this.#retryTimer = null
      void this.start()
    }, retryMs)
  }
}

/**
 * One reader's way through the log, until it is stopped, which whoever follows does in the end. `position` moves on past
 * what does not match (E3); it is behind no batch that was not given out.
 */
export class Follower implements Waiter {
  readonly filter: LogFilter
  readonly #feed: Feed
  #position: number
  #isStopped = false
  /** While it waits. */
  #onWake: (() => void) | null = null

  constructor(feed: Feed, { after, filter }: Following) {
    this.#feed = feed
    this.#position = after
    this.filter = filter
    feed.followers += 1
  }

  get position(): number {
    return this.#onWake ? Math.max(this.#position, this.#feed.position) : this.#position
  }

  get isStopped(): boolean {
    return this.#isStopped
  }

  /** The next events that match, one at least, when there are some; null when it was stopped. One call at a time. */
  async next(): Promise<readonly LogEvent[] | null> {
    while (!this.#isStopped && !this.#feed.isStopped) {
      const page = await this.#feed.next(this.#position, this.filter)
      if (this.#isStopped) return null
      if (page === null) await this.#wait()
      else this.#position = page.position
      if (page !== null && page.events.length > 0) return page.events
    }
    return null
  }

  wake(before: number): void {
    this.#position = Math.max(this.#position, before)
    const onWake = this.#onWake
    this.#onWake = null
    onWake?.()
  }

  stop(): void {
    if (this.#isStopped) return
    this.#isStopped = true
    this.#feed.followers -= 1
    this.#feed.removeWaiter(this)
    this.wake(this.position)
  }

  #wait(): Promise<void> | undefined {
    // It may have grown, or stopped, since it was looked at.
    if (this.#position < this.#feed.position || this.#feed.isStopped) return
    return new Promise((resolve) => {
      this.#onWake = resolve
      this.#feed.addWaiter(this)
    })
  }
}

/** Names as Kysely's plugin makes them; as many rows as `mostBytes` allows, one at least. */
const tailStatement = `
  select * from (
    select position, account_id as "accountId", user_id as "userId", seq, id, type, resource_type as "resourceType",
      resource_id as "resourceId", resource_seq as "resourceSeq", occurred_at as "occurredAt",
      recorded_at as "recordedAt", actor, correlation_id as "correlationId", schema_version as "schemaVersion", data,
      coalesce(sum(octet_length(data)) over (order by position rows between unbounded preceding and 1 preceding), 0)
        as "bytesBefore"
    from (
      select * from events where position > $1 and recorded_at >= $2 order by position limit ${batch}
    ) as newest
  ) as counted where "bytesBefore" < ${mostBytes} order by position`
