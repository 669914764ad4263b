/** Names and secrets drawn from the system's randomness. */
import { hash, randomBytes, randomInt, randomUUID } from 'node:crypto'
import { takeRandom } from './random-bytes.ts'

/** The id of any object on any surface: 24 hexadecimal digits (A2). */
export const newId = (): string => takeRandom(12).toString('hex')

/** 256 bits that open something: an API key, a token, a one-time link. Only the hash is stored (A7). */
export const newSecret = (): string => randomBytes(32).toString('base64url')

export const hashSecret = (secret: string): Buffer => hash('sha256', secret, 'buffer')

/** As the tutorial shows it: two version 4 UUIDs. */
export const newIcsToken = (): string => `${randomUUID()}-${randomUUID()}`

/** Sixteen digits; it is not derived from anything, and 10^16 of them make guessing one hopeless. */
export const newMeetingNumber = (): string =>
  String(randomInt(100_000_000)).padStart(8, '0') + String(randomInt(100_000_000)).padStart(8, '0')

export const dashed = (number: string): string => number.replace(/(\d{4})(?=\d)/g, '$1-')
export const undashed = (number: string): string => number.replaceAll('-', '')
