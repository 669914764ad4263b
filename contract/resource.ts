/**
 * The verbs of a telephony object: `GET /r` lists, `GET /r/{id}` reads, `PUT /r` creates, `POST /r` changes with the id in
 * `data`, `PATCH /r/{id}` does the same (RFC 7396), `DELETE /r/{id}` deletes. Each operation is named in a table.
 */
import { z } from 'zod'
import type { Role, Scope } from './access.ts'
import type { ErrorCode } from './errors.ts'
import { Next } from './telephony-values.ts'
import { Id } from './values.ts'

/** Kept as a literal, so that clients name an operation by its method and path. */
export type Path = `/v3.0/${string}`

interface Common {
  readonly tag: string
  readonly summary: string
  readonly description?: string
  /** Default: an administrator. */
  readonly minRole?: Role
  readonly scope?: Scope
}

export const dataOf = <T extends z.ZodType>(type: T) => z.object({ data: type })
const askedData = <T extends z.ZodType>(type: T) => z.strictObject({ data: type })

const common = ['unauthenticated', 'not_allowed', 'rate_limited'] as const
export const readErrors: readonly ErrorCode[] = [...common, 'invalid_request', 'not_found']
export const writeErrors: readonly ErrorCode[] = [
  ...common,
  'invalid_request',
  'not_found',
  'conflict',
  'already_exists',
  'precondition_failed',
  'idempotency_mismatch',
]

export const ById = z.object({ id: Id })

const readAccess = ({ minRole = 'admin', scope = 'telephony:read' }: Common) =>
  ({ kind: 'credential', scope, minRole }) as const
const writeAccess = ({ minRole = 'admin', scope = 'telephony:write' }: Common) =>
  ({ kind: 'credential', scope, minRole }) as const

const described = ({ tag, summary, description }: Common) => ({
  surface: 'telephony' as const,
  tag,
  summary,
  ...(description !== undefined && { description }),
})

/** A list in `data`, or an object keyed by what identifies the entries. */
export const listing = <const A extends Path, Q extends z.ZodObject, T extends z.ZodType>(
  of: Common & { readonly path: A; readonly query: Q; readonly data: T; readonly example: unknown },
) => ({
  ...described(of),
  method: 'GET' as const,
  path: of.path,
  access: readAccess(of),
  query: of.query,
  result: z.object({ data: of.data, next: Next }),
  errors: readErrors,
  example: { result: { data: of.example } },
})

export const reading = <const A extends Path, P extends z.ZodObject, T extends z.ZodType>(
  of: Common & { readonly path: A; readonly params: P; readonly data: T; readonly example: unknown },
) => ({
  ...described(of),
  method: 'GET' as const,
  path: of.path,
  access: readAccess(of),
  params: of.params,
  result: dataOf(of.data),
  errors: readErrors,
  example: { result: { data: of.example } },
})

type Writing<A extends Path, B extends z.ZodType, T extends z.ZodType> = Common & {
  readonly path: A
  readonly body: B
  readonly data: T
  readonly asked: unknown
  readonly example: unknown
}

const writing = <const A extends Path, B extends z.ZodType, T extends z.ZodType>(of: Writing<A, B, T>) => ({
  ...described(of),
  path: of.path,
  access: writeAccess(of),
  body: askedData(of.body),
  result: dataOf(of.data),
  errors: writeErrors,
  example: { body: { data: of.asked }, result: { data: of.example } },
})

export const creating = <const A extends Path, B extends z.ZodType, T extends z.ZodType>(
  of: Writing<A, B, T> & { readonly shownOnce?: string },
) => ({
  ...writing(of),
  method: 'PUT' as const,
  ...(of.shownOnce !== undefined && { shownOnce: of.shownOnce }),
})

/** `POST /r`: the object is named by `data.id`. */
export const updating = <const A extends Path, B extends z.ZodType, T extends z.ZodType>(of: Writing<A, B, T>) => ({
  ...writing(of),
  method: 'POST' as const,
})

export const patching = <const A extends Path, P extends z.ZodObject, B extends z.ZodType, T extends z.ZodType>(
  of: Writing<A, B, T> & { readonly params: P },
) => ({ ...writing(of), method: 'PATCH' as const, params: of.params })

export const deleting = <const A extends Path, P extends z.ZodObject, T extends z.ZodType>(
  of: Common & { readonly path: A; readonly params: P; readonly data: T; readonly example: unknown },
) => ({
  ...described(of),
  method: 'DELETE' as const,
  path: of.path,
  access: writeAccess(of),
  params: of.params,
  result: dataOf(of.data),
  errors: writeErrors,
  example: { result: { data: of.example } },
})

/** What a deletion answers: the id, also under the name that the published client reads. */
export const deletedAs = <N extends string>(name: N) =>
  z.object({ id: z.string(), [name]: z.string() } as { id: z.ZodString } & Record<N, z.ZodString>)
