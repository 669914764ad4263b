/**
 * Who is connected for long, and may be so no more (S4): every two seconds each stream's credential is looked at again,
 * all together in one query, so that one that was revoked, by whatever process, ends within five seconds.
 */
import type { FastifyBaseLogger } from 'fastify'
import type { EndReason } from '../../contract/realtime.ts'
import { ApiError } from '../api-error.ts'
import type { Credentials } from '../auth/credentials.ts'
import type { Principal } from '../auth/principal.ts'
import { isDatabaseDown } from '../store/database.ts'

export interface OpenStream {
  readonly who: Principal
  readonly secret: string | null
  /** Authenticates as at the beginning; refuses when that would be refused now. */
  readonly again: () => Promise<Principal>
  end(reason: EndReason, message?: string): void
}

interface Options {
  readonly credentials: Credentials
  readonly log: FastifyBaseLogger
  /** Default: 15 s. */
  readonly heartbeatMs?: number | undefined
  /** How long a reader may leave what is there untaken. Default: 30 s. */
  readonly slowMs?: number | undefined
}

const lookMs = 2_000
/** Streams that are looked at together, so that one slow answer does not hold up thousands. */
const lookedAtOnce = 50

export class Streams {
  readonly heartbeatMs: number
  readonly slowMs: number
  readonly #options: Options
  readonly #open = new Set<OpenStream>()
  #timer: NodeJS.Timeout | null = null
  #isStopped = false

  constructor(options: Options) {
    this.#options = options
    this.heartbeatMs = options.heartbeatMs ?? 15_000
    this.slowMs = options.slowMs ?? 30_000
  }

  get size(): number {
    return this.#open.size
  }

  /** Until the returned function is called, which is to be done when it ended, by whatever side. */
  add(stream: OpenStream): () => void {
    if (this.#isStopped) stream.end('unavailable')
    else this.#open.add(stream)
    this.#timer ??= setTimeout(() => void this.#look(), lookMs)
    return () => this.#open.delete(stream)
  }

  /** Says goodbye to all. */
  stop(): void {
    this.#isStopped = true
    if (this.#timer) clearTimeout(this.#timer)
    for (const stream of [...this.#open]) stream.end('unavailable')
  }

  async #look(): Promise<void> {
    const streams = [...this.#open]
    try {
      await this.#options.credentials.refresh(new Set(streams.flatMap(({ secret }) => secret ?? [])))
      for (let at = 0; at < streams.length; at += lookedAtOnce) {
        await Promise.all(streams.slice(at, at + lookedAtOnce).map((stream) => this.#check(stream)))
      }
    } catch (error) {
      // The database is away: nobody can be told apart, and nothing is told to anybody either.
      this.#options.log.debug({ err: error }, 'streams could not be looked at')
    }
    this.#timer = null
    if (this.#open.size > 0 && !this.#isStopped) this.#timer = setTimeout(() => void this.#look(), lookMs)
  }

  /** Throws only when the database is away. One that was closed meanwhile has nothing left to look at. */
  async #check(stream: OpenStream): Promise<void> {
    if (!this.#open.has(stream)) return
    try {
      const now = await stream.again()
      if (isSameRights(now, stream.who) || !this.#open.has(stream)) return
      stream.end('session_invalid', 'The rights of the credential changed.')
    } catch (error) {
      if (isDatabaseDown(error)) throw error
      if (!this.#open.has(stream)) return
      if (error instanceof ApiError) return stream.end('session_invalid', error.message)
      // By our fault nobody knows whether it still may: it asks again.
      this.#options.log.error({ err: error }, 'a stream could not be looked at')
      stream.end('unavailable')
    }
  }
}

export const isSameRights = (a: Principal, b: Principal): boolean =>
  a.accountId === b.accountId &&
  a.userId === b.userId &&
  a.role === b.role &&
  a.scopes.size === b.scopes.size &&
  [...a.scopes].every((scope) => b.scopes.has(scope))
