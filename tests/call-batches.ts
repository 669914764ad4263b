/** Batches in the calling thread, as the writer's thread of the voice process puts them into the database. */
import type { ClientBase } from 'pg'
import { BatchRows, beginBatches, type CallBatch, writeBatch } from '../server/store/call-batch.ts'

/** In a session that is for nothing else. */
export async function openBatches(client: ClientBase) {
  const rows = new BatchRows(await beginBatches(client))
  return { write: (batch: CallBatch) => writeBatch(client, rows.values(batch)) }
}
