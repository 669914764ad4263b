/** The hash chain of an account's events (E5): whoever changes, removes or reorders one breaks every later link. */
import { hash } from 'node:crypto'

export interface Link {
  readonly id: string
  readonly seq: number
  readonly type: string
  readonly resourceType: string
  readonly resourceId: string
  readonly recordedAt: Date
}

export const genesis = Buffer.alloc(32)

const sha256 = (...parts: readonly Buffer[]): Buffer => hash('sha256', Buffer.concat(parts), 'buffer')

/** Salted, so that the hash of what was erased does not betray it to whoever guesses. */
export const hashData = (salt: Buffer, data: string, actor: string | null): Buffer =>
  sha256(salt, Buffer.from(data), Buffer.from(actor ?? ''))

export const hashLink = (previous: Buffer, event: Link, dataHash: Buffer): Buffer => {
  const { id, seq, type, resourceType, resourceId, recordedAt } = event
  const text = JSON.stringify([id, seq, type, resourceType, resourceId, recordedAt.toISOString()])
  return sha256(previous, Buffer.from(text), dataHash)
}
