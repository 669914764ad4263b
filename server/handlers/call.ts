/** What a handler is given and what it answers with, tied to the operation's schemas by its name. */
import type { ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import type { Transaction } from 'kysely'
import type { z } from 'zod'
import type { Actor } from '../../contract/event.ts'
import type { OperationId, operations } from '../../contract/operations.ts'
import type { App } from '../app.ts'
import type { Principal } from '../auth/principal.ts'
import type { Database, Tables } from '../store/database.ts'

type In<S> = S extends z.ZodType ? z.output<S> : undefined
type Field<T, K extends string> = T extends Record<K, infer V> ? V : undefined
type Op<Id extends OperationId> = (typeof operations)[Id]

export type Result<Id extends OperationId> = z.output<Op<Id>['result']>

export interface Call<Id extends OperationId = OperationId> {
  readonly app: App
  readonly who: Principal
  /** For the events that the call causes. */
  readonly actor: Actor
  readonly ip: string
  readonly params: In<Field<Op<Id>, 'params'>>
  readonly query: In<Field<Op<Id>, 'query'>>
  readonly body: In<Field<Op<Id>, 'body'>>
  /** Of an upload. */
  readonly bytes: Buffer
  /** The secret that was presented; only for giving it back, or for looking at it again. */
  readonly secret: string | null
  /** Authenticates once more, which is no use of the credential: for whoever stays connected (S4). */
  readonly again: () => Promise<Principal>
  /** A header, by its name in lower case; null: it is not there. */
  readonly header: (name: string) => string | null
  /** Gives the browser a token to keep as its cookie; null takes it away (S2). */
  readonly keepSession: (token: string | null) => void
  /** Ends when the caller goes away. */
  readonly signal: AbortSignal
  /** Carries a change out in a transaction, once for each Idempotency-Key. Its value must be the handler's answer. */
  readonly write: <T extends Result<Id>>(run: (trx: Transaction<Tables>) => Promise<T>) => Promise<T>
  /** The same for a change that is a single statement, which needs no transaction of its own. */
  readonly writeOne: <T extends Result<Id>>(run: (database: Database) => Promise<T>) => Promise<T>
  /** `Idempotency-Key`, for what sees to it without a transaction; null: there is none, or nobody whose it could be. */
  readonly idempotencyKey: string | null
  /** The answer was given before (A6). */
  readonly replayed: () => void
  /** `Prefer: wait=n` (RFC 7240), in seconds. */
  readonly preferredWait: number | null
  /** The answer is 202: what was asked is on its way. */
  readonly accepted: () => void
  /** Says which version the answer shows (A5). */
  readonly etag: (resourceSeq: number) => void
  /** The caller sent `If-Match`. */
  readonly hasVersion: boolean
  /** 412 unless `If-Match` names this version, or is absent (A5). */
  readonly expectVersion: (resourceSeq: number) => void
}

/** An answer that is JSON already, as the result's schema says; it is sent as it is. */
export class JsonText {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** An answer that comes in pieces, at the pace of its reader. */
export class Streaming {
  readonly mediaType: string
  readonly body: Readable
  readonly headers: Readonly<Record<string, string>>

  constructor(mediaType: string, body: Readable, headers: Readonly<Record<string, string>> = {}) {
    this.mediaType = mediaType
    this.body = body
    this.headers = headers
  }
}

/** An answer that goes on by itself: it has its headers when it begins, and whoever begins it writes, waits and ends it. */
export class Live {
  readonly mediaType: string
  readonly begin: (response: ServerResponse) => void

  constructor(mediaType: string, begin: (response: ServerResponse) => void) {
    this.mediaType = mediaType
    this.begin = begin
  }
}

type Handler<Id extends OperationId> = (call: Call<Id>) => Promise<Result<Id> | JsonText | Streaming | Live>
export type Handlers<Ids extends OperationId = OperationId> = { readonly [Id in Ids]: Handler<Id> }
