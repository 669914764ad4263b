/** The hash chain of an account's events (E5): whoever changes, removes or reorders one breaks every later link. */
import { createHash } from 'node:crypto'

export interface Link {
  readonly id: string
  readonly seq: number
  readonly type: string
  readonly resourceType: string
  readonly resourceId: string
  readonly recordedAt: Date
}

export const genesis = Buffer.alloc(32)

/** Salted, so that the hash of what was erased does not betray it to whoever guesses. */
export const hashData = (salt: Buffer, data: string, actor: string | null): Buffer =>
  createHash('sha256')
    .update(salt)
    .update(data)
    .update(actor ?? '')
    .digest()

export const hashLink = (previous: Buffer, event: Link, dataHash: Buffer): Buffer =>
  createHash('sha256')
    .update(previous)
    .update(
      JSON.stringify([
        event.id,
        event.seq,
        event.type,
        event.resourceType,
        event.resourceId,
        event.recordedAt.toISOString(),
      ]),
    )
    .update(dataHash)
    .digest()
