/**
 * Operations as their callers name them, `PUT /v3.0/devices`, with what each takes and answers. Types only: nothing here
 * is there at run time, and a call that the table of operations does not know does not compile.
 */
import type { z } from 'zod'
import type { OperationId, operations } from './operations.ts'

type Table = typeof operations
type Operations = { [Id in OperationId as `${Table[Id]['method']} ${Table[Id]['path']}`]: Table[Id] }

/** Method and path of an operation, as in the API documents. */
export type Route = keyof Operations

/** As it is sent; a field that is read from text, such as a number in a query, as what it is read to. */
type Asked<T extends z.ZodType> = T extends z.ZodObject
  ? { [K in keyof z.input<T>]: unknown extends z.input<T>[K] ? OutputOf<T, K> : z.input<T>[K] }
  : z.input<T>
type OutputOf<T extends z.ZodType, K> = K extends keyof z.output<T> ? z.output<T>[K] : unknown

/** A part whose fields may all be absent may be absent itself. */
type Part<Name extends string, T> =
  Record<never, never> extends T ? { readonly [K in Name]?: T } : { readonly [K in Name]: T }
type Nothing = Record<never, never>

type Params<O> = O extends { params: infer T extends z.ZodObject } ? Part<'params', z.input<T>> : Nothing
type Query<O> = O extends { query: infer T extends z.ZodObject } ? Part<'query', Asked<T>> : Nothing
type Body<O> = O extends { body: infer T extends z.ZodType } ? Part<'body', z.input<T>> : Nothing
type Upload<O> = O extends { upload: { mediaTypes: readonly (infer M)[] } }
  ? { readonly bytes: Uint8Array<ArrayBuffer> | Blob; readonly mediaType: M }
  : Nothing

// NOTE: a condition that always holds takes operations one by one; else the compiler would multiply the parts of all.
type InputOf<O> = O extends unknown ? Params<O> & Query<O> & Body<O> & Upload<O> : never

type AnswerOf<O extends Table[OperationId]> = O extends { mediaType: `text/${string}` | 'application/x-ndjson' }
  ? string
  : O['surface'] extends 'meeting'
    ? { responseCode: 0 } & z.output<O['result']>
    : z.output<O['result']>

type Inputs = { [R in Route]: InputOf<Operations[R]> }
type Answers = { [R in Route]: AnswerOf<Operations[R]> }
type BareRoutes = { [R in Route]: Nothing extends Inputs[R] ? R : never }

/** What the operation takes: `params` of its path, `query`, `body`, and for an upload `bytes` with their `mediaType`. */
export type Input<R extends Route> = Inputs[R]

/** What it answers. v6 puts `responseCode` beside the data; a calendar is a text, a sound its bytes. */
export type Answer<R extends Route> = Answers[R]

/** Those that need nothing: all that they take may be absent. */
export type BareRoute = BareRoutes[Route]
