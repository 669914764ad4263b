/** One route for one operation of the table: who, what, the handler, the envelope. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Transaction } from 'kysely'
import type { Operation } from '../../contract/define.ts'
import type { OperationId } from '../../contract/operations.ts'
import { ApiError } from '../api-error.ts'
import type { App } from '../app.ts'
import { authenticate, presentedSecret } from '../auth/authenticate.ts'
import { actorOf, type Principal } from '../auth/principal.ts'
import type { Call } from '../handlers/call.ts'
import { handlers } from '../handlers/handlers.ts'
import type { Database, Tables } from '../store/database.ts'
import { languageOf } from './answer.ts'
import { checkIdempotencyKey, runOnce, type Stored } from './idempotency.ts'
import { rateLimitOf } from './limits.ts'
import { ignoredFields, readInput } from './read.ts'

type AnyHandler = (call: Call) => Promise<unknown>

export function addRoute(http: FastifyInstance, app: App, id: OperationId, operation: Operation): void {
  // The table ties each handler to its schemas; here, where they meet at run time, the tie is by name.
  const handle = handlers[id] as AnyHandler
  http.route({
    method: operation.method,
    url: operation.path.replaceAll(/\{(\w+)\}/g, ':$1'),
    config: { rateLimit: rateLimitOf(app, operation.access) },
    handler: async (request, reply) => {
      const who = await authenticate(app, request, operation.access)
      const call = readCall(app, id, operation, who, request, reply)
      const result = operation.result.parse(await handle(call))
      if (operation.mediaType) return reply.type(`${operation.mediaType}; charset=utf-8`).send(result)
      return operation.surface === 'meeting' && isObject(result) ? { responseCode: 0, ...result } : result
    },
  })
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

function readCall(
  app: App,
  id: OperationId,
  operation: Operation,
  who: Principal,
  request: FastifyRequest,
  reply: FastifyReply,
): Call {
  const language = languageOf(request)
  const { strict, query } = splitStrict(operation, request.query)
  const ignored = operation.surface === 'meeting' ? ignoredFields(operation.body, request.body) : []
  if (ignored.length > 0 && strict) {
    throw new ApiError('invalid_request', `${ignored.join(', ')}: unknown; leave it out, or call without \`strict\``)
  }
  if (ignored.length > 0) reply.header('x-ignored-fields', ignored.map(encodeURIComponent).join(', '))
  const read = {
    params: readInput(operation.params, request.params, language, 'path'),
    query: readInput(operation.query, query, language, 'query'),
    body: readInput(operation.body, request.body ?? {}, language, 'body'),
  }
  const writing = new Writing(app, id, who, request, reply, read)
  return {
    ...(read as Pick<Call, 'params' | 'query' | 'body'>),
    app,
    who,
    actor: actorOf(who, request.ip),
    ip: request.ip,
    secret: presentedSecret(request),
    get signal() {
      return request.signal
    },
    write: (run) => writing.write(run),
    writeOne: (run) => writing.writeOne(run),
    etag: (resourceSeq) => writing.etag(resourceSeq),
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

/** Carries changes out, once for each Idempotency-Key, and remembers the version that the answer shows. */
class Writing {
  readonly #app: App
  readonly #operation: OperationId
  readonly #who: Principal
  readonly #request: FastifyRequest
  readonly #reply: FastifyReply
  readonly #read: unknown
  #etag: string | null = null

  constructor(
    app: App,
    operation: OperationId,
    who: Principal,
    request: FastifyRequest,
    reply: FastifyReply,
    read: unknown,
  ) {
    this.#app = app
    this.#operation = operation
    this.#who = who
    this.#request = request
    this.#reply = reply
    this.#read = read
  }

  etag(resourceSeq: number): void {
    this.#etag = etagOf(resourceSeq)
    this.#reply.header('etag', this.#etag)
  }

  write<T>(run: (trx: Transaction<Tables>) => Promise<T>): Promise<T> {
    const key = this.#key()
    if (key !== null) return this.#once(key, run)
    return this.#app.database.transaction().execute(run)
  }

  writeOne<T>(run: (database: Database) => Promise<T>): Promise<T> {
    const key = this.#key()
    return key === null ? run(this.#app.database) : this.#once(key, run)
  }

  #key(): string | null {
    const key = this.#request.headers['idempotency-key']
    if (typeof key !== 'string') return null
    if (this.#who.kind === 'public') return null // NOTE: nobody's keys would be everybody's
    return checkIdempotencyKey(key)
  }

  async #once<T>(key: string, run: (trx: Transaction<Tables>) => Promise<T>): Promise<T> {
    const credential = [this.#who.credential, this.#who.accountId, this.#who.userId ?? ''].join(' ')
    const once = { credential, operation: this.#operation, key, request: this.#read }
    const stored: Stored = await runOnce(this.#app.database, once, async (trx) => {
      const answer = await run(trx)
      return { answer, etag: this.#etag }
    })
    if (stored.isReplayed) this.#reply.header('idempotent-replayed', 'true')
    if (stored.etag) this.#reply.header('etag', stored.etag)
    return stored.answer as T
  }
}
