/**
 * What one endpoint still has to get, and when the next may be sent. Deliveries stand in lanes: with `none` each in its
 * own, with `per_resource` those of one resource in one, with `strict` all in one. Of a lane only the first is sent, again
 * and again, until it is accepted or given up (attempts: schedule.ts).
 *
 * A breaker opens after five failures in a row. Then one delivery at a time tries the endpoint, at most one a minute, and
 * when one is accepted everything that waits for its next attempt is tried at once.
 *
 * Invariant: a delivery is in flight at most once, and never beside another of its lane.
 */
import type { Instant } from '../machine.ts'
import { Timer, TimerQueue } from '../timer-queue.ts'
import { longestRetryAfterMs, retryDelayMs } from './schedule.ts'

export type Ordering = 'none' | 'per_resource' | 'strict'

/** What was last heard of an endpoint, before this process sends to it. */
export type Heard = 'nothing' | 'success' | 'failure'

export interface QueuedDelivery {
  readonly id: string
  /** Kind and id of the object that the event tells of. */
  readonly resource: string
  /** Made so far. */
  readonly attempts: number
  readonly dueAt: Instant
}

export interface Failure {
  readonly random: number
  readonly retryAfterMs: number | null
}

const failuresToOpen = 5
const firstProbeMs = 5_000
const longestProbeMs = 60_000
const firstWindow = 4
const largestWindow = 100
/** Of what could be sent; beyond it the log is not read on. */
const mostRunnable = 500
/** Times what may be in flight. */
const readAhead = 5
const mostWaiting = 20_000

class Entry extends Timer {
  readonly id: string
  readonly lane: Lane
  attempts: number
  isInFlight = false
  readonly #onDue: (entry: Entry) => void

  constructor(id: string, lane: Lane, attempts: number, onDue: (entry: Entry) => void) {
    super()
    this.id = id
    this.lane = lane
    this.attempts = attempts
    this.#onDue = onDue
  }

  override wake(): void {
    this.#onDue(this)
  }
}

interface Lane {
  readonly name: string
  readonly entries: Entry[]
}

export class EndpointQueue {
  readonly #ordering: Ordering
  readonly #entries = new Map<string, Entry>()
  readonly #lanes = new Map<string, Lane>()
  /** Heads of lanes whose time has come, oldest first, and those that wait for it. */
  readonly #ready = new Set<Entry>()
  readonly #waiting = new TimerQueue()
  #runnable = 0
  #inFlight = 0
  #window: number
  #hasAnswered: boolean
  #failures = 0
  #probeAt: Instant = 0
  #heldUntil: Instant = 0

  constructor(ordering: Ordering, heard: Heard) {
    this.#ordering = ordering
    this.#window = heard === 'failure' ? 1 : firstWindow
    this.#hasAnswered = heard === 'success'
  }

  get size(): number {
    return this.#entries.size
  }

  get ids(): readonly string[] {
    return [...this.#entries.keys()]
  }

  get inFlight(): number {
    return this.#inFlight
  }

  get isOpen(): boolean {
    return this.#failures >= failuresToOpen
  }

  /** It answers, and the last answer was a success. */
  get isProven(): boolean {
    return this.#hasAnswered && this.#failures === 0 && this.#window >= firstWindow
  }

  has(id: string): boolean {
    return this.#entries.has(id)
  }

  /** Behind what is there already. */
  add({ id, resource, attempts, dueAt }: QueuedDelivery, now: Instant): void {
    if (this.#entries.has(id)) return
    const name = this.#ordering === 'strict' ? '' : this.#ordering === 'none' ? id : resource
    const lane = this.#lanes.get(name) ?? { name, entries: [] }
    this.#lanes.set(name, lane)
    const entry = new Entry(id, lane, attempts, (due) => this.#ready.add(due))
    this.#entries.set(id, entry)
    const isBlocked = this.#isBlocked(lane)
    lane.entries.push(entry)
    if (lane.entries.length === 1) this.#schedule(entry, dueAt, now)
    if (!isBlocked && !this.#isBlocked(lane)) this.#runnable += 1
  }

  /** Not to be sent any more; what is in flight goes on. */
  remove(id: string): void {
    const entry = this.#entries.get(id)
    if (entry && !entry.isInFlight) this.#finish(entry, 0)
  }

  /** To be sent now, with all its attempts before it, because somebody says that the endpoint works again. */
  hasten(id: string, now: Instant): void {
    const entry = this.#entries.get(id)
    if (!entry || entry.isInFlight) return
    const wasBlocked = this.#isBlocked(entry.lane)
    entry.attempts = 0
    this.#heldUntil = 0
    this.#probeAt = 0
    if (entry.lane.entries[0] === entry) this.#schedule(entry, now, now)
    if (wasBlocked && !this.#isBlocked(entry.lane)) this.#runnable += entry.lane.entries.length
  }

  /** The next to send, which is in flight from now on. */
  take(now: Instant): string | null {
    if (now < this.#heldUntil || (this.isOpen && now < this.#probeAt)) return null
    if (this.#inFlight >= (this.isOpen ? 1 : this.#window)) return null
    this.#waiting.run(now)
    const [entry] = this.#ready
    if (!entry) return null
    this.#ready.delete(entry)
    entry.isInFlight = true
    this.#inFlight += 1
    return entry.id
  }

  succeeded(id: string, now: Instant): void {
    const wasOpen = this.isOpen
    this.#hasAnswered = true
    this.#failures = 0
    this.#heldUntil = 0
    this.#window = Math.min(largestWindow, this.#window + 1)
    const entry = this.#landed(id)
    if (entry) this.#finish(entry, now)
    if (wasOpen) this.#waiting.run(Number.POSITIVE_INFINITY)
  }

  /** When it is tried again; null: it is given up. */
  failed(id: string, now: Instant, { random, retryAfterMs }: Failure): Instant | null {
    this.#failures += 1
    this.#window = Math.max(1, Math.floor(this.#window / 2))
    if (retryAfterMs !== null) this.#heldUntil = now + Math.min(retryAfterMs, longestRetryAfterMs)
    if (this.isOpen) {
      const doublings = Math.min(this.#failures - failuresToOpen, 10)
      this.#probeAt = now + Math.min(longestProbeMs, firstProbeMs * 2 ** doublings)
    }
    const entry = this.#landed(id)
    if (!entry) return null
    const wasBlocked = this.#isBlocked(entry.lane)
    entry.attempts += 1
    const delay = retryDelayMs(entry.attempts, random, retryAfterMs)
    if (delay === null) {
      this.#finish(entry, now)
      return null
    }
    if (!wasBlocked) this.#runnable -= entry.lane.entries.length
    this.#schedule(entry, now + delay, now)
    return now + delay
  }

  /** It was not sent, by our own fault: it is tried again then, and nothing is held against the endpoint. */
  putBack(id: string, at: Instant, now: Instant): void {
    const entry = this.#landed(id)
    if (entry) this.#schedule(entry, at, now)
  }

  /** It cannot be sent at all, which says nothing of the endpoint. */
  drop(id: string, now: Instant): void {
    const entry = this.#landed(id)
    if (entry) this.#finish(entry, now)
  }

  /** When `take` may have something that it has not now; undefined: when something is added or lands. */
  wakeAt(now: Instant): Instant | undefined {
    if (this.#inFlight >= (this.isOpen ? 1 : this.#window)) return undefined
    const gate = Math.max(this.#heldUntil, this.isOpen ? this.#probeAt : 0)
    if (gate > now) return gate // an open breaker may then be tried with a new event, too
    return this.#ready.size > 0 ? now : this.#waiting.deadline()
  }

  /** How many more events may be read from the log for it. */
  room(now: Instant): number {
    if (this.#entries.size >= mostWaiting || now < this.#heldUntil) return 0
    // Of one that does not answer, hardly anything is written down.
    const most = Math.min(mostRunnable, readAhead * this.#window)
    if (!this.isOpen) return Math.max(0, most - this.#runnable)
    const due = this.#waiting.deadline()
    const isIdle = this.#inFlight === 0 && this.#ready.size === 0 && (due === undefined || due > now)
    return isIdle && now >= this.#probeAt ? 1 : 0
  }

  /** Its first has failed and will be tried again: what stands behind cannot be sent whatever is free. */
  #isBlocked({ entries: [first] }: Lane): boolean {
    return first !== undefined && first.attempts > 0
  }

  #landed(id: string): Entry | undefined {
    const entry = this.#entries.get(id)
    if (!entry?.isInFlight) return undefined
    entry.isInFlight = false
    this.#inFlight -= 1
    return entry
  }

  #schedule(entry: Entry, dueAt: Instant, now: Instant): void {
    this.#waiting.cancel(entry)
    this.#ready.delete(entry)
    if (dueAt <= now) this.#ready.add(entry)
    else this.#waiting.set(entry, dueAt)
  }

  #finish(entry: Entry, now: Instant): void {
    const { lane } = entry
    const wasBlocked = this.#isBlocked(lane)
    this.#waiting.cancel(entry)
    this.#ready.delete(entry)
    this.#entries.delete(entry.id)
    const place = lane.entries.indexOf(entry)
    lane.entries.splice(place, 1)
    const isBlocked = this.#isBlocked(lane)
    if (!wasBlocked) this.#runnable -= 1
    if (wasBlocked && !isBlocked) this.#runnable += lane.entries.length
    if (!wasBlocked && isBlocked) this.#runnable -= lane.entries.length
    const [next] = lane.entries
    if (!next) this.#lanes.delete(lane.name)
    else if (place === 0) this.#schedule(next, now, now)
  }
}
