/**
 * How answers look on each surface: v6's `responseCode` envelope, v3.0's `error` object, and RFC 9457 problem details
 * for whoever asks for them. Sentences come in the language of `Accept-Language`.
 */
import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify'
import type { Surface } from '../../contract/define.ts'
import { type ErrorCode, errors, type Language, languages } from '../../contract/errors.ts'
import { ApiError } from '../api-error.ts'
import { isDatabaseDown } from '../store/database.ts'

const surfaceOf = (url: string): Surface => (url.startsWith('/api/') ? 'meeting' : 'telephony')

/** The first of our languages that the caller lists; the order of the list is taken as the wish (RFC 9110 §12.5.4). */
export function languageOf(accepted: string | null | undefined): Language {
  const wishes = (accepted ?? '').split(',')
  for (const wish of wishes) {
    const primary = wish.trim().split(/[-;]/)[0]?.toLowerCase()
    const language = languages.find((one) => one === primary)
    if (language) return language
  }
  return 'en'
}

interface Failure {
  readonly code: ErrorCode
  readonly message: string
  readonly details: Readonly<Record<string, unknown>>
}

/** The one place where anything thrown becomes an answer. What is our fault is logged and shown as nothing but that. */
export function sendError(request: FastifyRequest, reply: FastifyReply, error: unknown): FastifyReply {
  const failure = toFailure(error)
  if (failure.code === 'internal') request.log.error({ err: error }, 'a request failed by our fault')
  const { status } = errors[failure.code]
  if (status === 401) reply.header('www-authenticate', 'Bearer')
  if (failure.code === 'unavailable') reply.header('retry-after', '1')
  reply.status(status)
  if (wantsProblem(request)) return sendProblem(request, reply, failure)
  reply.type('application/json; charset=utf-8')
  return reply.send(surfaceOf(request.url) === 'meeting' ? v6(request, failure) : v3(request, failure))
}

/** Fastify's own refusals, by their status. */
const codesByStatus: Record<number, ErrorCode> = {
  400: 'invalid_request',
  404: 'not_found',
  413: 'too_large',
  415: 'invalid_request',
  429: 'rate_limited',
  503: 'unavailable',
}

function toFailure(error: unknown): Failure {
  if (error instanceof ApiError) return { code: error.code, message: error.message, details: error.details }
  if (isDatabaseDown(error)) {
    return { code: 'unavailable', message: 'The database cannot be reached at the moment.', details: {} }
  }
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500
  const code = codesByStatus[status] ?? (status < 500 ? 'invalid_request' : 'internal')
  const message = code === 'internal' || !(error instanceof Error) ? '' : error.message
  return { code, message, details: {} }
}

const titleOf = (request: FastifyRequest, code: ErrorCode) =>
  errors[code].title[languageOf(request.headers['accept-language'])]

const v6 = (request: FastifyRequest, { code, message, details }: Failure) => ({
  responseCode: errors[code].responseCode,
  responseMessage: [titleOf(request, code), message].filter(Boolean).join(' '),
  data: { ...details, type: code, requestId: request.id },
})

const v3 = (request: FastifyRequest, failure: Failure) => ({
  error: toV3Error(failure, languageOf(request.headers['accept-language']), request.id),
})

const toV3Error = ({ code, message, details }: Failure, language: Language, requestId: string) => ({
  type: code,
  message: message || errors[code].title[language],
  details: { ...details, request_id: requestId },
})

/** The same where there is no request to answer: in a frame. */
export function toRefusal(error: unknown, language: Language, requestId: string, log: FastifyBaseLogger) {
  const failure = toFailure(error)
  if (failure.code === 'internal') log.error({ err: error }, 'a frame failed by our fault')
  return { status: errors[failure.code].status, error: toV3Error(failure, language, requestId) }
}

const wantsProblem = (request: FastifyRequest) => (request.headers.accept ?? '').includes('application/problem+json')

/** RFC 9457. */
function sendProblem(request: FastifyRequest, reply: FastifyReply, { code, message, details }: Failure): FastifyReply {
  return reply.type('application/problem+json').send(
    JSON.stringify({
      type: `urn:carillon:error:${code}`,
      title: titleOf(request, code),
      status: errors[code].status,
      detail: message,
      instance: request.id,
      ...details,
    }),
  )
}
