/**
 * Small portions of the system's randomness, drawn many at a time: a call takes a dozen tags, branches and ids, and each
 * draw of its own costs as much as parsing a message.
 */
import { randomFillSync } from 'node:crypto'

const pool = Buffer.alloc(6_144)
let taken = pool.length

/** Bytes that nobody else gets. They are to be read at once: the next draws overwrite them. */
export function takeRandom(length: number): Buffer {
  if (taken + length > pool.length) {
    randomFillSync(pool)
    taken = 0
  }
  taken += length
  return pool.subarray(taken - length, taken)
}
