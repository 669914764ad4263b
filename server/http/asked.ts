/**
 * From what was asked to the `Call` that a handler gets, whatever brought it: a request of HTTP, or a frame of the
 * WebSocket. Both are read, refused, kept from being done twice and answered alike.
 */
import { hash } from 'node:crypto'
import type { Transaction } from 'kysely'
import type { Operation } from '../../contract/define.ts'
import type { OperationId } from '../../contract/operations.ts'
import { ApiError, invalidField } from '../api-error.ts'
import type { App } from '../app.ts'
import { actorOf } from '../auth/principal.ts'
import type { Call } from '../handlers/call.ts'
import type { Database, Tables } from '../store/database.ts'
import { languageOf } from './answer.ts'
import { refuseUnstorable } from './body.ts'
import { checkIdempotencyKey, runOnce, type Stored } from './idempotency.ts'
import { formatNames, ignoredFields, readInput } from './read.ts'

type FromAsked = 'who' | 'ip' | 'secret' | 'signal' | 'header' | 'again' | 'keepSession' | 'accepted'

export interface Asked extends Pick<Call, FromAsked> {
  readonly params: unknown
  readonly query: unknown
  readonly body: unknown
  /** Puts a header on the answer. */
  readonly tell: (name: string, value: string) => void
}

const noBytes = Buffer.alloc(0)

export function readCall(app: App, id: OperationId, operation: Operation, asked: Asked): Call {
  const { who, ip, secret, header, tell } = asked
  const language = languageOf(header('accept-language'))
  refuseUnstorable(asked.params, [])
  refuseUnstorable(asked.query, [])
  const { strict, query } = splitStrict(operation, asked.query)
  const bytes = operation.upload && Buffer.isBuffer(asked.body) ? asked.body : noBytes
  const ignored = ignoredFields(operation, asked.body)
  if (ignored[0] !== undefined && strict) {
    throw invalidField(ignored[0], 'is unknown; leave it out, or call without `strict`')
  }
  if (ignored.length > 0) tell('x-ignored-fields', formatNames(ignored))
  const read = {
    params: readInput(operation.params, asked.params, language, 'path'),
    query: readInput(operation.query, query, language, 'query'),
    body: readInput(operation.body, asked.body === undefined ? {} : asked.body, language, 'body'),
  }
  const request = bytes.length > 0 ? { ...read, bytes: hash('sha256', bytes) } : read
  const writing = new Writing({ app, id, operation, asked, request })
  return {
    ...(read as Pick<Call, 'params' | 'query' | 'body'>),
    app,
    who,
    actor: actorOf(who, ip),
    ip,
    bytes,
    secret,
    header,
    again: asked.again,
    keepSession: asked.keepSession,
    get signal() {
      return asked.signal
    },
    write: (run) => writing.write(run),
    writeOne: (run) => writing.writeOne(run),
    get idempotencyKey() {
      return writing.key()
    },
    replayed: () => tell('idempotent-replayed', 'true'),
    preferredWait: readWait(header('prefer')),
    accepted: asked.accepted,
    etag: (resourceSeq) => writing.etag(resourceSeq),
    hasVersion: header('if-match') !== null,
    expectVersion: (resourceSeq) => expectVersion(header('if-match'), resourceSeq),
  }
}

/** `wait` of `Prefer` (RFC 7240 §4.3). */
function readWait(prefer: string | null): number | null {
  const seconds = /(?:^|[,;])\s*wait\s*=\s*"?(\d{1,6})"?\s*(?:[,;]|$)/i.exec(prefer ?? '')?.[1]
  return seconds === undefined ? null : Number(seconds)
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

/** v6 has `?strict=true` on every call; it is no field of any operation. */
function splitStrict(operation: Operation, query: unknown): { strict: boolean; query: unknown } {
  if (operation.surface !== 'meeting' || !isObject(query)) return { strict: false, query }
  const { strict, ...rest }: { strict?: unknown } = query
  return { strict: strict === 'true', query: rest }
}

function expectVersion(wanted: string | null, resourceSeq: number): void {
  if (wanted === null || wanted === '*') return
  const tags = wanted.split(',').map((tag) => tag.trim())
  if (tags.includes(etagOf(resourceSeq))) return
  throw new ApiError('precondition_failed', `If-Match: the version is ${etagOf(resourceSeq)} now.`)
}

const etagOf = (resourceSeq: number) => `"${resourceSeq}"`

interface WritingOptions {
  readonly app: App
  readonly id: OperationId
  readonly operation: Operation
  readonly asked: Asked
  /** As it was read. */
  readonly request: unknown
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
    this.#options.asked.tell('etag', this.#etag)
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
    const answer = await run(this.key())
    sequencer.poke()
    return answer
  }

  key(): string | null {
    const key = this.#options.asked.header('idempotency-key')
    if (key === null) return null
    if (this.#options.asked.who.kind === 'public') return null // NOTE: nobody's keys would be everybody's
    return checkIdempotencyKey(key)
  }

  async #once<T>(key: string, run: (trx: Transaction<Tables>) => Promise<T>): Promise<T> {
    const { app, id, operation, asked, request } = this.#options
    const { who, tell } = asked
    const credential = [who.credential, who.accountId, who.userId ?? ''].join(' ')
    const once = { credential, operation: id, key, request, shownOnce: operation.shownOnce }
    const stored: Stored = await runOnce(app, once, async (trx) => {
      const answer = await run(trx)
      return { answer, etag: this.#etag }
    })
    if (stored.isReplayed) tell('idempotent-replayed', 'true')
    if (stored.etag) tell('etag', stored.etag)
    return stored.answer as T
  }
}
