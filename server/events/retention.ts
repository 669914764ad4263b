/**
 * Makes partitions ahead and drops the days that are past their time, whole. Before a day goes, the chain's state at
 * its end is kept as a signed checkpoint, and readers whose cursor lies in it are told so from then on (410).
 */
import pg from 'pg'
import type { Signer } from '../auth/signing.ts'
import { getTypeParser } from '../store/database.ts'
import { dayOf, ensurePartition, listDays, partitionOf } from './partitions.ts'
import { checkpointPurpose, checkpointText } from './verify.ts'

interface Options {
  readonly connection: pg.ClientConfig
  readonly signer: Signer
  readonly now: Date
  readonly keptDays: number
}

const dayMs = 86_400_000
const daysAhead = 2

/** The days that were dropped. */
export async function keepPartitions({ connection, signer, now, keptDays }: Options): Promise<string[]> {
  const client = new pg.Client({ ...connection, types: { getTypeParser } })
  client.on('error', () => {})
  await client.connect()
  try {
    for (let ahead = 0; ahead <= daysAhead; ahead++) {
      await ensurePartition(client, dayOf(new Date(now.getTime() + ahead * dayMs)))
    }
    const oldest = dayOf(new Date(now.getTime() - keptDays * dayMs))
    const old = (await listDays(client)).filter((day) => day < oldest)
    for (const day of old) await dropDay(client, signer, day)
    return old
  } finally {
    await client.end()
  }
}

async function dropDay(client: pg.Client, signer: Signer, day: string): Promise<void> {
  const table = partitionOf(day)
  await client.query('begin')
  // The sequencer locks the table before the row of `event_log`; in the other order the two would wait for each other.
  await client.query('lock table events in access exclusive mode')
  const { rows } = await client.query<{ account_id: string; seq: number; hash: Buffer }>(
    `select distinct on (account_id) account_id, seq, hash from ${table} order by account_id, seq desc`,
  )
  for (const { account_id, seq, hash } of rows) {
    await client.query(
      `insert into event_checkpoints (account_id, seq, hash, mark) values ($1, $2, $3, $4)
       on conflict (account_id) do update set seq = excluded.seq, hash = excluded.hash, mark = excluded.mark`,
      [account_id, seq, hash, signer.mark(checkpointPurpose, checkpointText(account_id, seq, hash))],
    )
  }
  await client.query(
    `update event_log set dropped_position =
       greatest(dropped_position, coalesce((select max(position) from ${table}), 0))`,
  )
  await client.query(`drop table ${table}`)
  await client.query('commit')
}
