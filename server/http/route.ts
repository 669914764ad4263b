/** One route for one operation of the table: who, what, the handler, the envelope. */
import type { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Operation } from '../../contract/define.ts'
import type { OperationId } from '../../contract/operations.ts'
import type { App } from '../app.ts'
import { authenticate, presentedSecret } from '../auth/authenticate.ts'
import { setCookieSecret } from '../auth/cookie.ts'
import type { Principal } from '../auth/principal.ts'
import { type Call, JsonText, Live, Streaming } from '../handlers/call.ts'
import { handlers } from '../handlers/handlers.ts'
import { type Asked, readCall } from './asked.ts'
import type { Limiter } from './limits.ts'

type AnyHandler = (call: Call) => Promise<unknown>

declare module 'fastify' {
  interface FastifyRequest {
    /** Set on routes of the table, before the body is read. */
    who: Principal | null
  }
}

export function addRoute(http: FastifyInstance, app: App, limit: Limiter, id: OperationId, operation: Operation): void {
  // The table ties each handler to its schemas; here, where they meet at run time, the tie is by name.
  const handle = handlers[id] as AnyHandler
  const headers = app.config.publicUrl.startsWith('https:') ? { ...answerHeaders, ...secureOnly } : answerHeaders
  http.route({
    method: operation.method,
    url: operation.path.replaceAll(/\{(\w+)\}/g, ':$1'),
    ...(operation.upload && { bodyLimit: operation.upload.largestBytes }),
    onRequest: limit(operation.access),
    // Those of pages say what a page may load, and are made anew for each answer.
    helmet: false,
    // Before the body is read: a stranger learns nothing but that, whatever was sent.
    preParsing: async (request) => {
      request.who = await authenticate(app, request, operation.access)
    },
    onSend: async (_request, reply) => {
      // A file says more strictly what it may do.
      reply.headers(reply.hasHeader('content-disposition') ? withoutPolicy(headers) : headers)
    },
    handler: async (request, reply) => {
      const answer = await handle(readCall(app, id, operation, toAsked(app, operation, request, reply)))
      if (answer instanceof JsonText) return reply.type('application/json; charset=utf-8').send(answer.text)
      if (answer instanceof Streaming) return sendStream(reply, answer)
      if (answer instanceof Live) return beginLive(reply, answer, headers)
      const result = operation.result.parse(answer)
      if (isFile(result)) return sendFile(reply, operation.mediaType ?? '', result)
      if (operation.mediaType) return reply.type(`${operation.mediaType}; charset=utf-8`).send(result)
      return operation.surface === 'meeting' && isObject(result) ? { responseCode: 0, ...result } : result
    },
  })
}

/** An answer is data: nothing may be loaded by it, and its address is told to nobody (S4). */
const answerHeaders = {
  'content-security-policy': "default-src 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
}
function withoutPolicy<T extends typeof answerHeaders>({ 'content-security-policy': _, ...headers }: T) {
  return headers
}
const secureOnly = { 'strict-transport-security': 'max-age=31536000; includeSubDomains' }

interface File {
  readonly bytes: Uint8Array | Readable
  readonly fileName: string
  /** Of one that is sent as it is read. */
  readonly sizeBytes?: number
}
const isFile = (value: unknown): value is File => isObject(value) && 'bytes' in value && 'fileName' in value

/** What a customer uploaded is shown as the kind of file it was checked to be, and can do nothing (S7). */
function sendFile(reply: FastifyReply, mediaType: string, { bytes, fileName, sizeBytes }: File): FastifyReply {
  const name = encodeURIComponent(fileName).replaceAll(/['()*]/g, (char) => `%${char.charCodeAt(0).toString(16)}`)
  return reply
    .type(mediaType)
    .header('content-disposition', `inline; filename*=UTF-8''${name}`)
    .header('content-security-policy', "sandbox; default-src 'none'")
    .headers(sizeBytes === undefined ? {} : { 'content-length': String(sizeBytes) })
    .send(bytes)
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

/** Something on the way that waits for an end, or for more, would keep a stream back. */
const unbuffered = { 'cache-control': 'no-store', 'x-accel-buffering': 'no' }

function sendStream(reply: FastifyReply, { mediaType, headers, body }: Streaming): FastifyReply {
  return reply
    .type(`${mediaType}; charset=utf-8`)
    .headers({ ...unbuffered, ...headers })
    .send(body)
}

/** No hook of `onSend` runs for it: what those put on every answer is put on here. */
function beginLive(reply: FastifyReply, { mediaType, begin }: Live, headers: Record<string, string>): FastifyReply {
  const { raw, request } = reply
  reply.type(`${mediaType}; charset=utf-8`).headers({ ...unbuffered, ...headers, 'x-request-id': request.id })
  reply.hijack()
  raw.cork()
  raw.writeHead(
    reply.statusCode,
    Object.entries(reply.getHeaders()).flatMap(([name, value]) => (value === undefined ? [] : [name, value])),
  )
  // Written as they are: with the first words they would stay in memory in the pieces that Node made them of.
  raw.flushHeaders()
  if (request.method === 'HEAD') raw.end()
  else begin(raw)
  raw.uncork()
  return reply
}

function toAsked(app: App, operation: Operation, request: FastifyRequest, reply: FastifyReply): Asked {
  const { who, params, query, body, ip, headers } = request
  if (!who) throw new Error('the route did not find out who calls')
  return {
    who,
    params,
    query,
    body,
    ip,
    secret: presentedSecret(request, app.config.publicUrl),
    get signal() {
      return request.signal
    },
    header: (name) => {
      const value = headers[name]
      return typeof value === 'string' ? value : null
    },
    again: () => authenticate(app, request, operation.access, false),
    keepSession: (token) => setCookieSecret(reply, app.config.publicUrl, token),
    tell: (name, value) => reply.header(name, value),
    accepted: () => reply.status(202),
  }
}
