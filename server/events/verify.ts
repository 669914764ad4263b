/** Walks the chain of an account and says where it breaks (E5). Erased data breaks nothing: its hash stays. */
import type { Signer } from '../auth/signing.ts'
import type { Queries } from '../store/accounts.ts'
import { genesis, hashData, hashLink } from './chain.ts'

export type Verdict =
  | { readonly isIntact: true; readonly events: number }
  | { readonly isIntact: false; readonly seq: number; readonly reason: string }

const page = 1000
export const checkpointText = (accountId: string, seq: number, hash: Buffer) =>
  `${accountId} ${seq} ${hash.toString('hex')}`
export const checkpointPurpose = 'event checkpoint'

export async function verifyChain(database: Queries, signer: Signer, accountId: string): Promise<Verdict> {
  // Before the walk: an account that goes on meanwhile has a newer one after it.
  const head = await database.selectFrom('eventHeads').selectAll().where('accountId', '=', accountId).executeTakeFirst()
  const checkpoint = await database
    .selectFrom('eventCheckpoints')
    .selectAll()
    .where('accountId', '=', accountId)
    .executeTakeFirst()
  let seq = checkpoint?.seq ?? 0
  let hash: Buffer = checkpoint?.hash ?? genesis
  if (checkpoint && !signer.isMark(checkpointPurpose, checkpointText(accountId, seq, hash), checkpoint.mark)) {
    return { isIntact: false, seq, reason: 'the checkpoint is not signed by this installation' }
  }
  let events = 0
  for (;;) {
    const rows = await database
      .selectFrom('events')
      .selectAll()
      .where('accountId', '=', accountId)
      .where('seq', '>', seq)
      .orderBy('seq')
      .limit(page)
      .execute()
    for (const row of rows) {
      if (row.seq !== seq + 1) return { isIntact: false, seq: seq + 1, reason: 'the event is missing' }
      const isErased = row.data === null && row.redactedAt !== null
      if (!isErased && !row.dataHash.equals(hashData(row.salt ?? Buffer.alloc(0), row.data ?? '', row.actor))) {
        return { isIntact: false, seq: row.seq, reason: 'the data was changed' }
      }
      hash = hashLink(hash, row, row.dataHash)
      if (!hash.equals(row.hash)) return { isIntact: false, seq: row.seq, reason: 'the link was changed' }
      seq = row.seq
      events += 1
    }
    if (rows.length < page) break
  }
  if ((head?.seq ?? 0) > seq) return { isIntact: false, seq: seq + 1, reason: 'the newest events are missing' }
  return { isIntact: true, events }
}
