/**
 * Moves events from the inbox into the log, one at a time in the whole installation (E1): it assigns the position, the
 * gap-free number within the account and the hash link, and wakes the readers.
 *
 * Invariant: the session that holds the advisory lock does the writing, in one statement a pass. When the connection
 * breaks, the lock is gone with it and the statement either happened or did not; the next holder reads the heads again.
 */
import { randomBytes } from 'node:crypto'
import type pg from 'pg'
import type { FastifyBaseLogger } from 'fastify'
import { beginSession, makeSession } from '../store/session.ts'
import { genesis, hashData, hashLink } from './chain.ts'
import { dayOf, ensurePartition } from './partitions.ts'

interface Options {
  readonly connection: pg.ClientConfig
  readonly log: FastifyBaseLogger
  readonly clock: () => number
}

interface InboxRow {
  readonly id: number
  readonly event_id: string
  readonly account_id: string
  readonly type: string
  readonly resource_type: string
  readonly resource_id: string
  readonly actor: string | null
  readonly data: string
}

interface Head {
  seq: number
  hash: Buffer
}

export const eventsChannel = 'carillon_events'
export const lock = 7_201_165
const batch = 500
/** Without a poke: what another process wrote is found this soon. */
const pollMs = 250
/** With more waiting, changes are refused: minutes of work, at the rate that is measured. */
const mostWaiting = 100_000
const passesPerCount = 32
const retryMs = 200

export class Sequencer {
  readonly #options: Options
  #client: pg.Client | null = null
  #isHolder = false
  #position = 0
  #lastRecordedAt = 0
  readonly #days = new Set<string>()
  #timer: NodeJS.Timeout | null = null
  #pass: Promise<void> | null = null
  #isPokedAgain = false
  #isStopped = false
  /** How many events wait, as far as this process knows, and when its last pass ended. */
  backlog = 0
  lastPassAt = 0
  /** Events moved by this process, by type. */
  readonly counts = new Map<string, number>()

  constructor(options: Options) {
    this.#options = options
  }

  start(): void {
    this.#begin()
  }

  /** There may be something in the inbox. Cheap, and safe to call at any time. */
  poke(): void {
    if (this.#pass) this.#isPokedAgain = true
    else if (this.#isHolder) this.#begin()
    // Otherwise another process works, or the database is away: the timer looks.
  }

  /** E1: a log that falls behind by this much is a fault, and more events would hide it. */
  get isOverfull(): boolean {
    return this.backlog > mostWaiting
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    if (this.#timer) clearTimeout(this.#timer)
    await this.#pass
    await this.#drop()
  }

  #begin(): void {
    if (this.#isStopped || this.#pass) return
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
    this.#pass = this.#run().finally(() => {
      this.#pass = null
      this.#again()
    })
  }

  #again(): void {
    if (this.#isStopped) return
    const isUrgent = this.#isPokedAgain && this.#isHolder
    this.#isPokedAgain = false
    if (isUrgent) this.#begin()
    else this.#timer = setTimeout(() => this.#begin(), this.#client ? pollMs : retryMs)
  }

  async #run(): Promise<void> {
    try {
      this.#client ??= await this.#connect()
      const client = this.#client
      if (!this.#isHolder && !(await this.#acquire(client))) {
        this.backlog = await countWaiting(client)
        return
      }
      for (let passes = 0; (await this.#move(client)) === batch; passes++) {
        if (passes % passesPerCount === 0) this.backlog = await countWaiting(client)
      }
      this.lastPassAt = this.#options.clock()
    } catch (error) {
      if (!this.#isStopped) {
        this.#options.log.warn({ err: error }, 'the event sequencer lost its connection and tries again')
      }
      await this.#drop()
    }
  }

  async #connect(): Promise<pg.Client> {
    const client = makeSession(this.#options.connection)
    client.on('error', () => this.#forget(client))
    try {
      await beginSession(client)
      return client
    } catch (error) {
      await client.end().catch(() => {})
      throw error
    }
  }

  /** False while another process is the sequencer. */
  async #acquire(client: pg.Client): Promise<boolean> {
    const held = await client.query<{ held: boolean }>('select pg_try_advisory_lock($1) as held', [lock])
    if (!held.rows[0]?.held) return false
    const log = await client.query<{ position: number }>('select position from event_log')
    this.#position = log.rows[0]?.position ?? 0
    const last = await client.query<{ at: Date | null }>(
      'select max(recorded_at) as at from events where position = $1',
      [this.#position],
    )
    this.#lastRecordedAt = last.rows[0]?.at?.getTime() ?? 0
    this.#days.clear()
    this.#isHolder = true
    return true
  }

  #forget(client: pg.Client): void {
    if (this.#client !== client) return
    this.#client = null
    this.#isHolder = false
  }

  async #drop(): Promise<void> {
    const client = this.#client
    this.#client = null
    this.#isHolder = false
    await client?.end().catch(() => {})
  }

  async #move(client: pg.Client): Promise<number> {
    const { rows } = await client.query<InboxRow>({
      name: 'read-inbox',
      text: `select id, event_id, account_id, type, resource_type, resource_id, actor, data
             from event_inbox order by id limit ${batch}`,
    })
    if (rows.length < batch) this.backlog = rows.length
    if (rows.length === 0) return 0
    // Never backwards, or the partitions would not follow the positions.
    this.#lastRecordedAt = Math.max(this.#lastRecordedAt, this.#options.clock())
    const recordedAt = new Date(this.#lastRecordedAt)
    const day = dayOf(recordedAt)
    if (!this.#days.has(day)) await ensurePartition(client, day)
    this.#days.add(day)
    const heads = await this.#readHeads(client, rows)
    await client.query({ name: 'move-inbox', text: moveStatement, values: this.#link(rows, heads, recordedAt) })
    this.#position += rows.length
    for (const { type } of rows) this.counts.set(type, (this.counts.get(type) ?? 0) + 1)
    return rows.length
  }

  async #readHeads(client: pg.Client, rows: readonly InboxRow[]): Promise<Map<string, Head>> {
    const accounts = [...new Set(rows.map((row) => row.account_id))]
    const found = await client.query<{ account_id: string; seq: number; hash: Buffer }>({
      name: 'read-heads',
      text: 'select account_id, seq, hash from event_heads where account_id = any($1)',
      values: [accounts],
    })
    const heads = new Map<string, Head>(accounts.map((id) => [id, { seq: 0, hash: genesis }]))
    for (const { account_id, seq, hash } of found.rows) heads.set(account_id, { seq, hash })
    return heads
  }

  /** The columns of the moving statement: what each row gets, and the new heads. */
  #link(rows: readonly InboxRow[], heads: Map<string, Head>, recordedAt: Date): unknown[] {
    const seqs: number[] = []
    const salts: Buffer[] = []
    const dataHashes: Buffer[] = []
    const hashes: Buffer[] = []
    for (const row of rows) {
      const head = heads.get(row.account_id)
      if (!head) throw new Error('an account of the batch has no head')
      const salt = randomBytes(16)
      const dataHash = hashData(salt, row.data, row.actor)
      head.seq += 1
      head.hash = hashLink(
        head.hash,
        {
          id: row.event_id,
          seq: head.seq,
          type: row.type,
          resourceType: row.resource_type,
          resourceId: row.resource_id,
          recordedAt,
        },
        dataHash,
      )
      seqs.push(head.seq)
      salts.push(salt)
      dataHashes.push(dataHash)
      hashes.push(head.hash)
    }
    const positions = rows.map((_, index) => this.#position + index + 1)
    return [
      rows.map((row) => row.id),
      positions,
      seqs,
      salts,
      dataHashes,
      hashes,
      recordedAt,
      [...heads.keys()],
      [...heads.values()].map((head) => head.seq),
      [...heads.values()].map((head) => head.hash),
      this.#position + rows.length,
    ]
  }
}

/** From both ends of the index, since a count would read all that waits, and what left it and was not vacuumed yet. */
async function countWaiting(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ count: number }>({
    name: 'count-inbox',
    text: 'select coalesce(max(id) - min(id) + 1, 0) as count from event_inbox',
  })
  return rows[0]?.count ?? 0
}

const moveStatement = `
  with given as (
    select * from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bytea[])
      as given (inbox_id, position, seq, salt, data_hash, hash)
  ), taken as (
    delete from event_inbox where id = any($1::bigint[]) returning *
  ), written as (
    insert into events (position, account_id, user_id, seq, id, type, resource_type, resource_id, resource_seq, occurred_at,
      recorded_at, actor, correlation_id, schema_version, data, salt, data_hash, hash)
    select position, account_id, user_id, seq, event_id, type, resource_type, resource_id, resource_seq, occurred_at,
      $7::timestamptz, actor, correlation_id, schema_version, data, salt, data_hash, hash
    from given join taken on taken.id = given.inbox_id
  ), heads as (
    insert into event_heads (account_id, seq, hash)
    select * from unnest($8::text[], $9::bigint[], $10::bytea[])
    on conflict (account_id) do update set seq = excluded.seq, hash = excluded.hash
  ), moved as (
    update event_log set position = $11
  )
  select pg_notify('${eventsChannel}', '')`
