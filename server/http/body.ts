/**
 * A body is JSON whatever its content type says (A4): the published telephony client sends none. An empty one is no
 * body. What the database or the program could not hold is refused here, once for all fields.
 */
import type { FastifyInstance } from 'fastify'
import { invalidField } from '../api-error.ts'

/** Deeper than any object of ours; PostgreSQL and `JSON.stringify` give up far below that. */
const deepest = 64

export function readBodies(http: FastifyInstance): void {
  http.removeAllContentTypeParsers()
  http.addContentTypeParser('*', { parseAs: 'buffer' }, async (_request: unknown, bytes: Buffer) => {
    return parseJson(decode(bytes))
  })
}

/** JSON is UTF-8 (RFC 8259 section 8.1); the mark that some programs write in front of it says nothing. */
const utf8 = new TextDecoder('utf-8', { fatal: true })

/** What else would be kept as replacement characters, and nobody would be told. */
function decode(bytes: Buffer): string {
  try {
    return utf8.decode(bytes)
  } catch {
    throw invalidField('body', 'is not UTF-8')
  }
}

/** Routes whose body is a file: whatever its type says, it is taken as it is, and checked by whoever uses it. */
export function readUploads(http: FastifyInstance): void {
  http.removeAllContentTypeParsers()
  http.addContentTypeParser('*', { parseAs: 'buffer' }, async (_request: unknown, bytes: Buffer) => bytes)
}

function parseJson(text: string): unknown {
  if (text.trim() === '') return undefined
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch (error) {
    throw invalidField('body', `is not JSON: ${error instanceof Error ? error.message : ''}`)
  }
  refuseUnstorable(body)
  return body
}

/** PostgreSQL stores neither NUL nor half a surrogate pair; `__proto__` would be no field but the object's kind. */
export function refuseUnstorable(value: unknown, path: readonly string[] = []): void {
  if (typeof value === 'string') {
    if (!value.includes('\0') && value.isWellFormed()) return
    throw invalidField(path.join('.') || 'body', 'holds a NUL character or half of a surrogate pair')
  }
  if (typeof value !== 'object' || value === null) return
  if (path.length >= deepest) throw invalidField(path[0] ?? 'body', `is nested deeper than ${deepest} levels`)
  for (const [name, entry] of Object.entries(value)) {
    if (name === '__proto__') throw invalidField([...path, name].join('.'), 'is no field: leave it out')
    refuseUnstorable(name, path)
    refuseUnstorable(entry, [...path, name])
  }
}
