/** One route for one operation of the table: who, what, the handler, the envelope. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { hash } from 'node:crypto'
import type { Transaction } from 'kysely'
import type { Operation } from '../../contract/define.ts'
import type { OperationId } from '../../contract/operations.ts'
import { ApiError, invalidField } from '../api-error.ts'
import type { App } from '../app.ts'
import { authenticate, presentedSecret } from '../auth/authenticate.ts'
import { setCookieSecret } from '../auth/cookie.ts'
import { actorOf, type Principal } from '../auth/principal.ts'
import { type Call, JsonText } from '../handlers/call.ts'
import { handlers } from '../handlers/handlers.ts'
import type { Database, Tables } from '../store/database.ts'
import { languageOf } from './answer.ts'
import { checkIdempotencyKey, runOnce, type Stored } from './idempotency.ts'
import { refuseUnstorable } from './body.ts'
import type { Limiter } from './limits.ts'
import { formatNames, ignoredFields, readInput } from './read.ts'

const noBytes = Buffer.alloc(0)

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
      const call = readCall(app, id, operation, request, reply)
      const answer = await handle(call)
      if (answer instanceof JsonText) return reply.type('application/json; charset=utf-8').send(answer.text)
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
  readonly bytes: Uint8Array
  readonly fileName: string
}
const isFile = (value: unknown): value is File => isObject(value) && 'bytes' in value && 'fileName' in value

/** What a customer uploaded is shown as the kind of file it was checked to be, and can do nothing (S7). */
function sendFile(reply: FastifyReply, mediaType: string, { bytes, fileName }: File): FastifyReply {
  const name = encodeURIComponent(fileName).replaceAll(/['()*]/g, (char) => `%${char.charCodeAt(0).toString(16)}`)
  return reply
    .type(mediaType)
    .header('content-disposition', `inline; filename*=UTF-8''${name}`)
    .header('content-security-policy', "sandbox; default-src 'none'")
    .send(bytes)
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

function readCall(app: App, id: OperationId, operation: Operation, request: FastifyRequest, reply: FastifyReply): Call {
  const { who } = request
  if (!who) throw new Error('the route did not find out who calls')
  const language = languageOf(request)
  refuseUnstorable(request.params, [])
  refuseUnstorable(request.query, [])
  const { strict, query } = splitStrict(operation, request.query)
  const bytes = operation.upload && Buffer.isBuffer(request.body) ? request.body : noBytes
  const ignored = ignoredFields(operation, request.body)
  if (ignored[0] !== undefined && strict) {
    throw invalidField(ignored[0], 'is unknown; leave it out, or call without `strict`')
  }
  if (ignored.length > 0) reply.header('x-ignored-fields', formatNames(ignored))
  const read = {
    params: readInput(operation.params, request.params, language, 'path'),
    query: readInput(operation.query, query, language, 'query'),
    body: readInput(operation.body, request.body === undefined ? {} : request.body, language, 'body'),
  }
  const asked = bytes.length > 0 ? { ...read, bytes: hash('sha256', bytes) } : read
  const writing = new Writing({ app, id, operation, who, request, reply, read: asked })
  return {
    ...(read as Pick<Call, 'params' | 'query' | 'body'>),
    app,
    who,
    actor: actorOf(who, request.ip),
    ip: request.ip,
    bytes,
    secret: presentedSecret(request, app.config.publicUrl),
    keepSession: (token) => setCookieSecret(reply, app.config.publicUrl, token),
    get signal() {
      return request.signal
    },
    write: (run) => writing.write(run),
    writeOne: (run) => writing.writeOne(run),
    etag: (resourceSeq) => writing.etag(resourceSeq),
    hasVersion: request.headers['if-match'] !== undefined,
    expectVersion: (resourceSeq) => expectVersion(request, resourceSeq),
  }
}

/** v6 has `?strict=true` on every call; it is no field of any operation. */
function splitStrict(operation: Operation, query: unknown): { strict: boolean; query: unknown } {
  if (operation.surface !== 'meeting' || !isObject(query)) return { strict: false, query }
  const { strict, ...rest }: { strict?: unknown } = query
  return { strict: strict === 'true', query: rest }
}

function expectVersion(request: FastifyRequest, resourceSeq: number): void {
  const wanted = request.headers['if-match']
  if (wanted === undefined || wanted === '*') return
  const tags = wanted.split(',').map((tag) => tag.trim())
  if (tags.includes(etagOf(resourceSeq))) return
  throw new ApiError('precondition_failed', `If-Match: the version is ${etagOf(resourceSeq)} now.`)
}

const etagOf = (resourceSeq: number) => `"${resourceSeq}"`

interface WritingOptions {
  readonly app: App
  readonly id: OperationId
  readonly operation: Operation
  readonly who: Principal
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly read: unknown
}

/** Carries changes out, once for each Idempotency-Key, and remembers the version that the answer shows. */
class Writing {
  readonly #options: WritingOptions
  #etag: string | null = null

  constructor(options: WritingOptions) {
    this.#options = options
  }

  etag(resourceSeq: number): void {
    this.#etag = etagOf(resourceSeq)
    this.#options.reply.header('etag', this.#etag)
  }

  write<T>(run: (trx: Transaction<Tables>) => Promise<T>): Promise<T> {
    return this.#told((key) =>
      key === null ? this.#options.app.database.transaction().execute(run) : this.#once(key, run),
    )
  }

  writeOne<T>(run: (database: Database) => Promise<T>): Promise<T> {
    return this.#told((key) => (key === null ? run(this.#options.app.database) : this.#once(key, run)))
  }

  /** A change has an event; the sequencer need not wait for its next look. */
  async #told<T>(run: (key: string | null) => Promise<T>): Promise<T> {
    const { sequencer } = this.#options.app
    if (sequencer.isOverfull) throw new ApiError('unavailable', 'Too many events wait to be written to the log.')
    const answer = await run(this.#key())
    sequencer.poke()
    return answer
  }

  #key(): string | null {
    const key = this.#options.request.headers['idempotency-key']
    if (typeof key !== 'string') return null
    if (this.#options.who.kind === 'public') return null // NOTE: nobody's keys would be everybody's
    return checkIdempotencyKey(key)
  }

  async #once<T>(key: string, run: (trx: Transaction<Tables>) => Promise<T>): Promise<T> {
    const { app, id, operation, who, reply, read } = this.#options
    const credential = [who.credential, who.accountId, who.userId ?? ''].join(' ')
    const once = { credential, operation: id, key, request: read, shownOnce: operation.shownOnce }
    const stored: Stored = await runOnce(app.database, once, async (trx) => {
      const answer = await run(trx)
      return { answer, etag: this.#etag }
    })
    if (stored.isReplayed) reply.header('idempotent-replayed', 'true')
    if (stored.etag) reply.header('etag', stored.etag)
    return stored.answer as T
  }
}
