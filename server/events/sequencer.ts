/**
 * Moves events from the inbox into the log, one at a time in the whole installation (E1): it assigns the position, the
 * gap-free number within the account and the hash link, and wakes the readers.
 *
 * Invariant: the session that holds the advisory lock does the writing, in one statement a pass, and nobody else writes
 * `event_heads`; so the heads that it wrote stay in memory. When the connection breaks or a pass fails, the lock is gone
 * with the session and the statement either happened or did not; the next holder reads the heads again.
 */
import { randomFillSync } from 'node:crypto'
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
  readonly seq: number
  readonly hash: Buffer
}

export const eventsChannel = 'carillon_events'
export const lock = 7_201_165
const batch = 500
/** From the beginning of a pass that moved something to the beginning of the next: a pass costs as much as ten events. */
const gatherMs = 10
/** Without a poke: what another process wrote is found this soon. */
const pollMs = 250
/** Accounts whose heads are kept in memory. */
const mostHeads = 10_000
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
  /** As this session read or wrote them. */
  readonly #heads = new Map<string, Head>()
  /** Not before this time the next pass begins, by `performance.now()`. */
  #gathersUntil = 0
  #timer: NodeJS.Timeout | undefined
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
    else if (this.#isHolder) this.#beginSoon()
    // Otherwise another process works, or the database is away: the timer looks.
  }

  /** E1: a log that falls behind by this much is a fault, and more events would hide it. */
  get isOverfull(): boolean {
    return this.backlog > mostWaiting
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#timer)
    await this.#pass
    await this.#drop()
  }

  /** A lone event is moved at once; under load they gather. */
  #beginSoon(): void {
    const pause = this.#gathersUntil - performance.now()
    if (pause > 0) this.#beginIn(pause)
    else this.#begin()
  }

  #beginIn(ms: number): void {
    clearTimeout(this.#timer)
    if (!this.#isStopped) this.#timer = setTimeout(() => this.#begin(), ms)
  }

  #begin(): void {
    if (this.#isStopped || this.#pass) return
    clearTimeout(this.#timer)
    this.#pass = this.#run().finally(() => {
      this.#pass = null
      this.#again()
    })
  }

  #again(): void {
    const isUrgent = this.#isPokedAgain && this.#isHolder
    this.#isPokedAgain = false
    if (isUrgent) this.#beginSoon()
    else this.#beginIn(this.#client ? pollMs : retryMs)
  }

  async #run(): Promise<void> {
    try {
      this.#client ??= await this.#connect()
      const client = this.#client
      if (!this.#isHolder && !(await this.#acquire(client))) {
        this.backlog = await countWaiting(client)
        return
      }
      for (let passes = 0; ; passes++) {
        const beganAt = performance.now()
        const moved = await this.#move(client)
        if (moved > 0) this.#gathersUntil = beganAt + gatherMs
        if (moved < batch) break
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
    this.#heads.clear()
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
    await this.#learnHeads(client, rows)
    await client.query({ name: 'move-inbox', text: moveStatement, values: this.#link(rows, recordedAt) })
    this.#position += rows.length
    for (const { type } of rows) this.counts.set(type, (this.counts.get(type) ?? 0) + 1)
    return rows.length
  }

  async #learnHeads(client: pg.Client, rows: readonly InboxRow[]): Promise<void> {
    if (this.#heads.size > mostHeads) this.#heads.clear()
    const unknown = new Set<string>()
    for (const { account_id } of rows) if (!this.#heads.has(account_id)) unknown.add(account_id)
    if (unknown.size === 0) return
    const found = await client.query<{ account_id: string; seq: number; hash: Buffer }>({
      name: 'read-heads',
      text: 'select account_id, seq, hash from event_heads where account_id = any($1)',
      values: [[...unknown]],
    })
    for (const id of unknown) this.#heads.set(id, { seq: 0, hash: genesis })
    for (const { account_id, seq, hash } of found.rows) this.#heads.set(account_id, { seq, hash })
  }

  /** What the moving statement is given; the heads in memory are those after it, which hold when it succeeds. */
  #link(rows: readonly InboxRow[], recordedAt: Date): unknown[] {
    const salts = randomFillSync(Buffer.allocUnsafe(rows.length * saltBytes))
    const packed = Buffer.allocUnsafe(rows.length * packedBytes)
    const seqs: number[] = []
    const changed = new Map<string, Head>()
    for (const [index, row] of rows.entries()) {
      const before = this.#heads.get(row.account_id)
      if (!before) throw new Error('an account of the batch has no head')
      const seq = before.seq + 1
      const salt = salts.subarray(index * saltBytes, (index + 1) * saltBytes)
      const dataHash = hashData(salt, row.data, row.actor)
      const hash = hashLink(
        before.hash,
        {
          id: row.event_id,
          seq,
          type: row.type,
          resourceType: row.resource_type,
          resourceId: row.resource_id,
          recordedAt,
        },
        dataHash,
      )
      const at = index * packedBytes
      salt.copy(packed, at)
      dataHash.copy(packed, at + saltBytes)
      hash.copy(packed, at + saltBytes + hashBytes)
      seqs.push(seq)
      const head = { seq, hash }
      this.#heads.set(row.account_id, head)
      changed.set(row.account_id, head)
    }
    const heads = [...changed.values()]
    return [
      formatNumbers(rows.map(({ id }) => id)),
      formatNumbers(seqs),
      this.#position,
      packed,
      recordedAt,
      [...changed.keys()],
      formatNumbers(heads.map(({ seq }) => seq)),
      Buffer.concat(heads.map(({ hash }) => hash)),
    ]
  }
}

/** As PostgreSQL reads an array: pg would quote each of them. */
const formatNumbers = (numbers: readonly number[]): string => `{${numbers.join()}}`

/** From both ends of the index, since a count would read all that waits, and what left it and was not vacuumed yet. */
async function countWaiting(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ count: number }>({
    name: 'count-inbox',
    text: 'select coalesce(max(id) - min(id) + 1, 0) as count from event_inbox',
  })
  return rows[0]?.count ?? 0
}

/** Salts and hashes come packed, as octets: an array of them would be text that is made and read again. */
const saltBytes = 16
const hashBytes = 32
const packedBytes = saltBytes + 2 * hashBytes
const slice = (packed: string, size: number, start: number, length: number) =>
  `substr(${packed}, (place::integer - 1) * ${size} + ${start + 1}, ${length})`

const moveStatement = `
  with given as (
    select inbox_id, $3::bigint + place as position, seq,
      ${slice('$4::bytea', packedBytes, 0, saltBytes)} as salt,
      ${slice('$4::bytea', packedBytes, saltBytes, hashBytes)} as data_hash,
      ${slice('$4::bytea', packedBytes, saltBytes + hashBytes, hashBytes)} as hash
    from unnest($1::bigint[], $2::bigint[]) with ordinality as given (inbox_id, seq, place)
  ), taken as (
    delete from event_inbox where id = any($1::bigint[]) returning *
  ), written as (
    insert into events (position, account_id, user_id, seq, id, type, resource_type, resource_id, resource_seq, occurred_at,
      recorded_at, actor, correlation_id, schema_version, data, salt, data_hash, hash)
    select position, account_id, user_id, seq, event_id, type, resource_type, resource_id, resource_seq, occurred_at,
      $5::timestamptz, actor, correlation_id, schema_version, data, salt, data_hash, hash
    from given join taken on taken.id = given.inbox_id
  ), heads as (
    insert into event_heads (account_id, seq, hash)
    select account_id, seq, ${slice('$8::bytea', hashBytes, 0, hashBytes)}
    from unnest($6::text[], $7::bigint[]) with ordinality as head (account_id, seq, place)
    on conflict (account_id) do update set seq = excluded.seq, hash = excluded.hash
  ), moved as (
    update event_log set position = $3::bigint + cardinality($1::bigint[]) returning position
  )
  select pg_notify('${eventsChannel}', position::text) from moved`
