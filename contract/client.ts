/**
 * The client of both APIs, for browsers and Node: `client.call('PUT /v3.0/devices', { body })`. It is typed by the table of
 * operations and holds nothing of it at run time, so it needs no dependency and stays small.
 *
 * Invariant: a call is repeated only where doing it twice is doing it once: reads, and changes under their
 * `Idempotency-Key` (A6), which every change gets.
 */
import { mayPass, pause, waitMs } from './backoff.ts'
import { readEventSource } from './event-source.ts'
import { type EventOptions, EventStream, type Open } from './event-stream.ts'
import { type ApiFailure, ConnectionFailure, reasonOf, toFailure } from './failure.ts'
import { type LiveKind, LiveList, type LiveOptions, resourceOf, type Snapshot } from './live-list.ts'
import type { Answer, BareRoute, Input, Route } from './route.ts'
import type { EventType } from './events.ts'
import type { EventPattern, TypesOf } from './typed-event.ts'

export { ApiFailure, ConnectionFailure, CursorExpired } from './failure.ts'
export type { EventOptions, EventStream, StreamState } from './event-stream.ts'
export type { LiveItem, LiveKind, LiveList } from './live-list.ts'
export type { Answer, Input, Route } from './route.ts'
export type { EventOf, EventPattern } from './typed-event.ts'

export interface ClientOptions {
  /** Where Carillon is, such as `https://phone.example.com`. Default: where the page came from. */
  readonly url?: string
  /** One of the three ways to say who calls; `cookie` is for pages of Carillon's own origin. */
  readonly apiKey?: string
  readonly token?: string
  readonly cookie?: boolean
  /** Act in an account below the own one. */
  readonly accountId?: string
  /** Web Meeting API: act for this person. */
  readonly userId?: string
  /** Of refusals: `fr`, say. */
  readonly language?: string
  /** How often a call that may be repeated is, after the first time. Default 4. */
  readonly retries?: number
  /** Of one attempt, in milliseconds, until its answer is there. Default 100 s: longer than the longest long poll. */
  readonly timeoutMs?: number
  /** Default: the global one. */
  readonly fetch?: typeof fetch
}

export interface CallOptions extends Pick<ClientOptions, 'accountId' | 'userId' | 'retries' | 'timeoutMs'> {
  readonly signal?: AbortSignal | undefined
  /** The `etag` of what was read: 412 when it was changed since. */
  readonly ifMatch?: string
  /** Default: a new one for each call. */
  readonly idempotencyKey?: string
  /** Of a command: how many seconds to wait for its effect. */
  readonly waitSeconds?: number
  readonly headers?: Readonly<Record<string, string>>
}

/** An answer with what stands beside its body. */
export interface Answered<T> {
  readonly status: number
  readonly body: T
  readonly etag: string | null
  /** The answer to a call that was made before, with the same `Idempotency-Key`. */
  readonly isReplayed: boolean
  readonly requestId: string | null
}

export const createClient = (options: ClientOptions = {}): Client => new Client(options)

const standard = { url: '', retries: 4, timeoutMs: 100_000 }
const unsafe = /^(?:PUT|POST|PATCH|DELETE) /

export class Client {
  readonly #options: ClientOptions

  constructor(options: ClientOptions) {
    this.#options = options
  }

  /** The same client with some options changed: `client.with({ accountId })`. */
  with(options: ClientOptions): Client {
    return new Client({ ...this.#options, ...options })
  }

  /** Calls an operation and answers with its body. Throws `ApiFailure`, `ConnectionFailure`, or the signal's reason. */
  call<R extends BareRoute>(route: R, input?: Input<R> & CallOptions): Promise<Answer<R>>
  call<R extends Route>(route: R, input: Input<R> & CallOptions): Promise<Answer<R>>
  async call(route: Route, input: Partial<Sent> & CallOptions = {}): Promise<unknown> {
    return this.#run(route, input, readBody)
  }

  /** The same, with status, ETag and request id. */
  answer<R extends BareRoute>(route: R, input?: Input<R> & CallOptions): Promise<Answered<Answer<R>>>
  answer<R extends Route>(route: R, input: Input<R> & CallOptions): Promise<Answered<Answer<R>>>
  answer(route: Route, input: Partial<Sent> & CallOptions = {}): Promise<Answered<unknown>> {
    return this.#run(route, input, async (response) => ({
      status: response.status,
      body: await readBody(response),
      etag: response.headers.get('etag'),
      isReplayed: response.headers.has('idempotent-replayed'),
      requestId: response.headers.get('x-request-id'),
    }))
  }

  /** The same, unread: for answers that are long, or never end. `timeoutMs` is until the answer begins. */
  response<R extends BareRoute>(route: R, input?: Input<R> & CallOptions): Promise<Response>
  response<R extends Route>(route: R, input: Input<R> & CallOptions): Promise<Response>
  response(route: Route, input: Partial<Sent> & CallOptions = {}): Promise<Response> {
    return this.#run(route, input, async (response) => response)
  }

  /**
   * The events of the log as they happen, from `after` on. It goes on by itself after any break, without loss and without
   * doubles, until it is left or its signal aborts. Throws `CursorExpired` when `after` is older than what is kept.
   */
  events<const P extends EventPattern = EventType>(options: EventOptions<P> = {}): EventStream<TypesOf<P>> {
    return new EventStream<TypesOf<P>>(this.#stream(options), options)
  }

  /**
   * Calls, registrations or meetings as they are now and from now on: a snapshot that is kept up to date.
   * `for await (const items of client.watch('calls'))` gives the whole list, at first and after each change.
   */
  watch<K extends LiveKind>(kind: K, options: LiveOptions & Pick<EventOptions, 'account'> = {}): LiveList<K> {
    const { account } = options
    const query = { ...(account !== undefined && { account }) }
    const open = this.#stream({ ...query, resource: resourceOf[kind] })
    // Each kind has its own route, whose answer is a list of its items.
    const read = (signal: AbortSignal) =>
      this.call(`GET /v3.0/realtime/${kind}`, { query, signal }) as Promise<Snapshot<K>>
    return new LiveList(kind, { read, open }, options)
  }

  #stream({ type, resource, account, since }: EventOptions): Open {
    const filter = {
      ...(type !== undefined && { type: [type].flat().join() }),
      ...(resource !== undefined && { resource }),
      ...(account !== undefined && { account }),
      ...(since !== undefined && { since }),
    }
    const open = (after: string | undefined, signal: AbortSignal) =>
      this.response('GET /v3.0/realtime/stream', {
        query: { ...filter, ...(after !== undefined && { after }) },
        retries: 0,
        signal,
      })
    return async function* (after, signal) {
      yield* readEventSource(await open(after, signal))
    }
  }

  async #run<T>(
    route: Route,
    input: Partial<Sent> & CallOptions,
    read: (response: Response) => Promise<T>,
  ): Promise<T> {
    const options = { ...standard, ...this.#options, ...input }
    const init = requestOf(route, options)
    const url = addressOf(options.url, route, input)
    for (let attempt = 0; ; attempt += 1) {
      const outcome = await this.#attempt(url, init, options, read)
      if ('value' in outcome) return outcome.value
      const { failure } = outcome
      if (attempt >= options.retries || !mayPass(failure, attempt)) throw failure
      await pause(waitMs(attempt, failure), input.signal)
      input.signal?.throwIfAborted()
    }
  }

  async #attempt<T>(
    url: string,
    init: RequestInit,
    options: { readonly signal?: AbortSignal | undefined; readonly timeoutMs: number },
    read: (response: Response) => Promise<T>,
  ): Promise<{ value: T } | { failure: ApiFailure | ConnectionFailure }> {
    const { signal } = options
    signal?.throwIfAborted()
    const late = new AbortController()
    const timer = setTimeout(() => late.abort(new Error(`no answer within ${options.timeoutMs} ms`)), options.timeoutMs)
    const ends = signal ? AbortSignal.any([signal, late.signal]) : late.signal
    try {
      const response = await (this.#options.fetch ?? fetch)(url, { ...init, signal: ends })
      if (response.ok) return { value: await read(response) }
      return { failure: await toFailure(response) }
    } catch (cause) {
      signal?.throwIfAborted()
      const reason = late.signal.aborted ? late.signal.reason : cause
      return { failure: new ConnectionFailure(`${url} cannot be reached: ${reasonOf(reason)}`, { cause: reason }) }
    } finally {
      clearTimeout(timer)
    }
  }
}

interface Sent {
  readonly params: Readonly<Record<string, unknown>>
  readonly query: Readonly<Record<string, unknown>>
  readonly body: unknown
  readonly bytes: Uint8Array<ArrayBuffer> | Blob
  readonly mediaType: string
}

function addressOf(url: string, route: Route, { params, query }: Partial<Sent>): string {
  const path = route
    .slice(route.indexOf(' ') + 1)
    .replaceAll(/\{(\w+)\}/g, (_, name) => encodeURIComponent(String(params?.[name])))
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query ?? {})) if (value != null) search.set(name, String(value))
  return url.replace(/\/+$/, '') + path + (search.size > 0 ? `?${search}` : '')
}

function requestOf(route: Route, options: ClientOptions & CallOptions & Partial<Sent>): RequestInit {
  const { body, bytes, cookie } = options
  const wanted = {
    accept: 'application/json, */*;q=0.5',
    'accept-language': options.language,
    'x-api-key': options.apiKey,
    'x-auth-token': options.token,
    // S2: what no form and no foreign page can send.
    'x-carillon-client': cookie ? 'client' : undefined,
    'x-account-id': options.accountId,
    'x-user-id': options.userId,
    'if-match': options.ifMatch,
    'idempotency-key': unsafe.test(route) ? (options.idempotencyKey ?? randomKey()) : undefined,
    prefer: options.waitSeconds === undefined ? undefined : `wait=${options.waitSeconds}`,
    'content-type': bytes ? options.mediaType : body !== undefined || cookie ? 'application/json' : undefined,
    ...options.headers,
  }
  const headers = Object.entries(wanted).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))
  const sent = bytes ?? (body === undefined ? undefined : JSON.stringify(body))
  return {
    method: route.slice(0, route.indexOf(' ')),
    headers: headers as [string, string][],
    ...(sent !== undefined && { body: sent }),
    credentials: cookie ? 'same-origin' : 'omit',
    // A key is for the server that was named, and for no other that it might point to.
    redirect: 'error',
    cache: 'no-store',
  }
}

async function readBody(response: Response): Promise<unknown> {
  const type = response.headers.get('content-type') ?? ''
  if (type.startsWith('application/json')) return response.json()
  if (/^text\/|ndjson/.test(type)) return response.text()
  const [, encoded = ''] = /filename\*=UTF-8''([^;]+)/.exec(response.headers.get('content-disposition') ?? '') ?? []
  return { bytes: new Uint8Array(await response.arrayBuffer()), fileName: decodeURIComponent(encoded) }
}

/** NOTE: `randomUUID` is absent on pages without TLS. */
const randomKey = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
