/**
 * Short signed texts that we give out and read again: a host's link, a participant's place. Signed with HMAC-SHA-256 by
 * keys derived (RFC 5869) from the master key, which lies outside the database.
 */
import { hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { link, mkdir, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hmacSha256 } from './hmac.ts'

export interface Signer {
  /** `purpose` keeps one kind of text from being used as another. */
  sign(purpose: string, text: string): string
  /** The text, or null when it is not ours. */
  read(purpose: string, signed: string): string | null
  /** A bare signature, for texts the reader knows already. */
  mark(purpose: string, text: string): string
  isMark(purpose: string, text: string, mark: string): boolean
}

/** `<data dir>/master.key`, made at the first start; processes that race for it agree on one. */
export async function readMasterKey(dataDir: string): Promise<Buffer> {
  const file = join(dataDir, 'master.key')
  try {
    return readFileSync(file)
  } catch (error) {
    if (!isCode(error, 'ENOENT')) throw error
  }
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const draft = `${file}.${randomBytes(6).toString('hex')}`
  await writeFile(draft, randomBytes(32), { mode: 0o600, flush: true })
  // A hard link appears whole or not at all, and fails when another process was first.
  await link(draft, file).catch((error: unknown) => {
    if (!isCode(error, 'EEXIST')) throw error
  })
  await unlink(draft)
  return readFileSync(file)
}

const isCode = (error: unknown, code: string) => error instanceof Error && 'code' in error && error.code === code

/** 24 octets in base64url. */
const markLength = 32

export function createSigner(masterKey: Buffer): Signer {
  const keys = new Map<string, ReturnType<typeof hmacSha256>>()
  const keyFor = (purpose: string) => {
    const known = keys.get(purpose)
    if (known) return known
    const made = hmacSha256(Buffer.from(hkdfSync('sha256', masterKey, '', purpose, 32)))
    keys.set(purpose, made)
    return made
  }
  const mark = (purpose: string, text: string) => keyFor(purpose)(text).slice(0, markLength)
  const isMark = (purpose: string, text: string, given: string) => {
    const expected = Buffer.from(mark(purpose, text))
    const actual = Buffer.from(given)
    return actual.length === expected.length && timingSafeEqual(actual, expected)
  }
  return {
    mark,
    isMark,
    sign: (purpose, text) => `${Buffer.from(text).toString('base64url')}.${mark(purpose, text)}`,
    read(purpose, signed) {
      const [body = '', signature = ''] = signed.split('.')
      const text = Buffer.from(body, 'base64url').toString()
      return isMark(purpose, text, signature) ? text : null
    },
  }
}
