/**
 * Events read again from the log, for later attempts: together and one statement at a time, so that a hundred endpoints
 * that come back at once take one connection and not all of them.
 */
import { sql } from 'kysely'
import { logEventColumns, toLogEvent } from '../events/log-event.ts'
import type { Database } from '../store/database.ts'
import type { Pending } from './endpoint.ts'

interface Asked {
  readonly position: number
  readonly recordedAt: Date
  readonly found: (text: string | null) => void
  readonly failed: (error: unknown) => void
}

const mostTogether = 100

export class EventTexts {
  readonly #database: Database
  #asked: Asked[] = []
  #isReading = false

  constructor(database: Database) {
    this.#database = database
  }

  /** Null: the log does not hold it any more. */
  read({ text, position, recordedAt }: Pending): Promise<string | null> {
    if (text !== null || position === null || recordedAt === null) return Promise.resolve(text)
    return new Promise((found, failed) => {
      this.#asked.push({ position, recordedAt, found, failed })
      if (!this.#isReading) void this.#readAll()
    })
  }

  async #readAll(): Promise<void> {
    this.#isReading = true
    while (this.#asked.length > 0) {
      const batch = this.#asked.splice(0, mostTogether)
      try {
        const texts = await this.#readBatch(batch)
        for (const { position, found } of batch) found(texts.get(position) ?? null)
      } catch (error) {
        for (const { failed } of batch) failed(error)
      }
    }
    this.#isReading = false
  }

  async #readBatch(batch: readonly Asked[]): Promise<Map<number, string>> {
    const positions = batch.map(({ position }) => position)
    // The times leave out the partitions of other days.
    const times = batch.map(({ recordedAt }) => recordedAt.getTime())
    const rows = await this.#database
      .selectFrom('events')
      .select(logEventColumns)
      .where('position', '=', sql<number>`any(${positions}::bigint[])`)
      .where('recordedAt', '>=', new Date(Math.min(...times)))
      .where('recordedAt', '<=', new Date(Math.max(...times)))
      .execute()
    return new Map(rows.map((row) => [row.position, toLogEvent(row).text]))
  }
}
