/**
 * Reads the log: any filter, from any cursor, waiting for what comes next. A cursor is the position of the last event
 * that was considered, whether it matched or not (E3), so that a reader with a narrow filter does not fall behind.
 */
import { sql } from 'kysely'
import pg from 'pg'
import type { FastifyBaseLogger } from 'fastify'
import type { Event } from '../../contract/event.ts'
import { ApiError, invalidField } from '../api-error.ts'
import type { Database } from '../store/database.ts'
import { eventsChannel } from './sequencer.ts'

export interface LogFilter {
  /** Null: every account. */
  readonly accountIds: readonly string[] | null
  /** What the reader may see, by kind of resource. */
  readonly types: readonly string[]
  /** Set for plain users: what concerns this person (E6). */
  readonly userId: string | null
  readonly resource?: { readonly type: string; readonly id?: string } | undefined
  readonly since?: Date | undefined
  readonly until?: Date | undefined
  readonly limit: number
}

export interface LogPage {
  readonly data: Event[]
  readonly next: string
}

export const formatCursor = (position: number): string => `c${position.toString(36)}`

function parseCursor(cursor: string): number {
  const position = /^c[0-9a-z]{1,11}$/.test(cursor) ? Number.parseInt(cursor.slice(1), 36) : Number.NaN
  if (Number.isSafeInteger(position)) return position
  throw invalidField('after', 'is no cursor; use one that an answer carried, or `now`')
}

/** Where a reader starts: at a cursor, at the present, or at the oldest event that is kept. */
export async function startOf(database: Database, after: string | undefined): Promise<number> {
  const log = await database.selectFrom('eventLog').selectAll().executeTakeFirstOrThrow()
  if (after === undefined) return log.droppedPosition
  if (after === 'now') return log.position
  const position = parseCursor(after)
  if (position > log.position) throw invalidField('after', 'lies in the future')
  if (position < log.droppedPosition) {
    const oldest = formatCursor(log.droppedPosition)
    throw new ApiError('cursor_expired', `after: begin again at ${oldest}, the oldest one.`, { oldest })
  }
  return position
}

export async function readPage(database: Database, position: number, filter: LogFilter): Promise<LogPage> {
  // Read before the page: what is written in between is left to the next one.
  const end = await database.selectFrom('eventLog').select('position').executeTakeFirstOrThrow()
  const rows = await database
    .selectFrom('events')
    .selectAll()
    .where('position', '>', position)
    .where('position', '<=', end.position)
    .where('type', '=', sql<string>`any(${[...filter.types]}::text[])`)
    .$if(filter.accountIds !== null, (query) =>
      query.where('accountId', '=', sql<string>`any(${[...(filter.accountIds ?? [])]}::text[])`),
    )
    .$if(filter.userId !== null, (query) => query.where('userId', '=', filter.userId))
    .$if(filter.resource !== undefined, (query) => query.where('resourceType', '=', filter.resource?.type ?? ''))
    .$if(filter.resource?.id !== undefined, (query) => query.where('resourceId', '=', filter.resource?.id ?? ''))
    .$if(filter.since !== undefined, (query) => query.where('recordedAt', '>=', filter.since ?? new Date(0)))
    .$if(filter.until !== undefined, (query) => query.where('recordedAt', '<', filter.until ?? new Date(0)))
    .orderBy('position')
    .limit(filter.limit)
    .execute()
  const last = rows.length === filter.limit ? rows.at(-1)?.position : undefined
  return { data: rows.map(toEvent), next: formatCursor(last ?? Math.max(position, end.position)) }
}

type EventRow = Awaited<ReturnType<ReturnType<typeof allEvents>['executeTakeFirstOrThrow']>>
const allEvents = (database: Database) => database.selectFrom('events').selectAll()

const toEvent = (row: EventRow): Event => ({
  id: row.id,
  seq: row.seq,
  cursor: formatCursor(row.position),
  type: row.type,
  account_id: row.accountId,
  resource: { type: row.resourceType, id: row.resourceId },
  resource_seq: row.resourceSeq,
  occurred_at: row.occurredAt.toISOString(),
  recorded_at: row.recordedAt.toISOString(),
  actor: row.actor === null ? null : JSON.parse(row.actor),
  correlation_id: row.correlationId,
  schema_version: row.schemaVersion,
  data: row.data === null ? null : JSON.parse(row.data),
})

const retryMs = 500
const lookMs = 1_000

/** Tells waiting readers that the log grew: by NOTIFY, and every second in case one was missed. */
export class LogWatch {
  readonly #connection: pg.ClientConfig
  readonly #log: FastifyBaseLogger
  readonly #waiting = new Set<() => void>()
  #client: pg.Client | null = null
  #timer: NodeJS.Timeout | null = null
  #isStopped = false

  constructor(connection: pg.ClientConfig, log: FastifyBaseLogger) {
    this.#connection = connection
    this.#log = log
  }

  async start(): Promise<void> {
    if (this.#isStopped) return
    const client = new pg.Client(this.#connection)
    client.on('error', () => {})
    client.on('end', () => this.#restart(client))
    client.on('notification', () => this.#wake())
    try {
      await client.connect()
      await client.query(`listen ${eventsChannel}`)
      this.#client = client
    } catch (error) {
      this.#log.debug({ err: error }, 'cannot listen for events yet')
      await client.end().catch(() => {})
      this.#restart(client)
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    if (this.#timer) clearTimeout(this.#timer)
    this.#wake()
    await this.#client?.end().catch(() => {})
  }

  /** Resolves when there may be more, or after a second, or when the signal ends. */
  more(signal: AbortSignal): Promise<void> {
    if (this.#isStopped || signal.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer)
        this.#waiting.delete(done)
        signal.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, lookMs)
      this.#waiting.add(done)
      signal.addEventListener('abort', done)
    })
  }

  get isStopped(): boolean {
    return this.#isStopped
  }

  #wake(): void {
    for (const done of [...this.#waiting]) done()
  }

  #restart(client: pg.Client): void {
    if (this.#client === client) this.#client = null
    if (this.#isStopped || this.#timer) return
    this.#timer = setTimeout(() => {
      this.#timer = null
      void this.start()
    }, retryMs)
  }
}
