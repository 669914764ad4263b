/**
 * A body is JSON whatever its content type says (A4): the published telephony client sends none. An empty one is no
 * body.
 */
import type { FastifyInstance } from 'fastify'
import { ApiError } from '../api-error.ts'

export function readBodies(http: FastifyInstance): void {
  http.removeAllContentTypeParsers()
  http.addContentTypeParser('*', { parseAs: 'string' }, async (_request: unknown, text: string) => parseJson(text))
}

function parseJson(text: string): unknown {
  if (text.trim() === '') return undefined
  if (text.includes('"__proto__"')) throw new ApiError('invalid_request', '__proto__: not a field; leave it out')
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new ApiError('invalid_request', `The body is not JSON: ${error instanceof Error ? error.message : ''}`)
  }
}
