/**
 * `Idempotency-Key` (A6): the answer is stored in the transaction of the change, so that a repeated call is answered
 * again and never carried out again, whatever happened in between.
 */
import type { Transaction } from 'kysely'
import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import { ApiError } from '../api-error.ts'
import type { App } from '../app.ts'
import type { Tables } from '../store/database.ts'

export interface Once {
  readonly credential: string
  readonly operation: string
  readonly key: string
  /** The call as it was read: path, query and body. */
  readonly request: unknown
  /** The field of `data` that only the first answer shows. */
  readonly shownOnce: string | undefined
}

export interface Stored {
  readonly answer: unknown
  readonly etag: string | null
  readonly isReplayed: boolean
}

const longestKey = 255

export function checkIdempotencyKey(key: string): string {
  if (key.length <= longestKey && /^[\x20-\x7e]+$/.test(key)) return key
  throw new ApiError('invalid_request', `Idempotency-Key: must be 1 to ${longestKey} visible ASCII characters`)
}

export function runOnce(
  { database, vault }: Pick<App, 'database' | 'vault'>,
  once: Once,
  run: (trx: Transaction<Tables>) => Promise<{ answer: unknown; etag: string | null }>,
): Promise<Stored> {
  return database.transaction().execute(async (trx) => {
    await claim(trx, once)
    const requestHash = createHash('sha256').update(JSON.stringify(once.request)).digest()
    const before = await find(trx, once)
    if (before) {
      if (!before.requestHash.equals(requestHash)) {
        throw new ApiError('idempotency_mismatch', 'Use a new Idempotency-Key for another request.')
      }
      return {
        answer: JSON.parse(vault.open(sealedFor(once), before.answer).answer ?? ''),
        etag: before.etag,
        isReplayed: true,
      }
    }
    const { answer, etag } = await run(trx)
    const row = {
      ...keyOf(once),
      requestHash,
      etag,
      answer: vault.seal(sealedFor(once), { answer: JSON.stringify(answer, withoutSecret(answer, once.shownOnce)) }),
    }
    await trx.insertInto('idempotency').values(row).execute()
    return { answer, etag, isReplayed: false }
  })
}

/** A key that was shown is not shown again (A7). */
function withoutSecret(answer: unknown, shownOnce: string | undefined) {
  const data = typeof answer === 'object' && answer !== null && 'data' in answer ? answer.data : undefined
  return function (this: unknown, name: string, value: unknown) {
    return this === data && name === shownOnce ? undefined : value
  }
}

/** Who may see secrets is answered with them, again too: an answer is sealed like what it shows (S5). */
const sealedFor = (once: Once) => `idempotency:${JSON.stringify(keyOf(once))}`

const keyOf = ({ credential, operation, key }: Once) => ({ credential, operation, key })

/** One at a time: whoever comes while the first is being carried out is told so. */
async function claim(trx: Transaction<Tables>, once: Once): Promise<void> {
  const name = JSON.stringify(keyOf(once))
  const { rows } = await sql<{
    locked: boolean
  }>`select pg_try_advisory_xact_lock(hashtextextended(${name}, 0)) as locked`.execute(trx)
  if (rows[0]?.locked) return
  throw new ApiError('conflict', 'A call with this Idempotency-Key is being carried out.', { reason: 'in_flight' })
}

function find(trx: Transaction<Tables>, once: Once) {
  return trx
    .selectFrom('idempotency')
    .selectAll()
    .where('credential', '=', once.credential)
    .where('operation', '=', once.operation)
    .where('key', '=', once.key)
    .executeTakeFirst()
}
