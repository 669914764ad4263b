/**
 * One WebSocket of `/v3.0/websockets/events`: who is at its other end, what was subscribed to, what was commanded.
 *
 * Invariant: nothing is told and nothing is done before it is known who asks, nor after that ended (S4).
 */
import type { WebSocket } from '@fastify/websocket'
import type { FastifyRequest } from 'fastify'
import {
  ClientFrame,
  closeCodes,
  type EndReason,
  endReasons,
  type ServerFrame,
  socketLimits,
} from '../../contract/realtime.ts'
import { ApiError, invalidField } from '../api-error.ts'
import type { App } from '../app.ts'
import { type Asking, authenticate, checkAccess, presentedSecret } from '../auth/authenticate.ts'
import type { Principal } from '../auth/principal.ts'
import { startOf } from '../events/log.ts'
import { formatCursor } from '../events/log-event.ts'
import { readStreamFilter } from '../events/reader.ts'
import { toRefusal } from '../http/answer.ts'
import { refuseUnstorable } from '../http/body.ts'
import { readInput } from '../http/read.ts'
import { Outlet } from './outlet.ts'
import { runCommand } from './socket-command.ts'
import { endBy } from './sse.ts'
import { isSameRights } from './streams.ts'
import { Subscription } from './subscription.ts'

const anybody = { kind: 'credential', scope: null, minRole: 'user' } as const
const reader = { kind: 'credential', scope: 'realtime', minRole: 'user' } as const
/** RFC 6455 §7.4.1 and its registry: the server starts again. */
const restart = 1012
/** To take the last words. */
const lastWordsMs = 5_000

type Frame<T extends ClientFrame['type']> = Extract<ClientFrame, { type: T }>

export class SocketSession {
  readonly #app: App
  readonly #socket: WebSocket
  readonly #request: FastifyRequest
  readonly #outlet: Outlet
  readonly #closing = new AbortController()
  readonly #subscriptions = new Map<string, Subscription>()
  #who: Principal | null = null
  #secret: string | null = null
  #forget: () => void = () => {}
  #calls = 0

  constructor(app: App, socket: WebSocket, request: FastifyRequest) {
    this.#app = app
    this.#socket = socket
    this.#request = request
    this.#outlet = new Outlet(socket, app.streams.slowMs, () => this.end('slow_reader'))
  }

  /** By what came with the request that opened it. */
  async open(): Promise<void> {
    try {
      await this.#authenticate(this.#request)
    } catch (error) {
      this.refuseStranger(this.#refusalOf(error).error.message)
    }
  }

  refuseStranger(message: string): void {
    if (this.#who === null) this.close('unauthenticated', message)
  }

  /** Only when there is room for an answer: who writes without reading waits, and is told apart as a slow reader. */
  async take(text: string): Promise<void> {
    await this.#outlet.room()
    if (!this.#outlet.isOpen) return
    let id: string | null = null
    try {
      const json = parse(text)
      id = typeof json.id === 'string' ? json.id.slice(0, 64) : null
      const frame = readInput(ClientFrame, json, 'en', 'frame') as ClientFrame
      if (this.#who === null && frame.type !== 'authenticate') {
        return this.close('unauthenticated', 'The first frame must authenticate.')
      }
      await this.#carryOut(frame)
    } catch (error) {
      const { error: failure } = this.#refusalOf(error)
      this.#say({ type: 'error', id, error: failure })
      this.refuseStranger(failure.message)
    }
  }

  /** How far each subscription has come, also past what does not match (E3). */
  beat(): void {
    if (this.#who === null) return
    const cursors = Object.fromEntries([...this.#subscriptions].map(([id, { cursor }]) => [id, cursor]))
    this.#say({ type: 'heartbeat', cursors })
  }

  /** All of it is over. */
  end(reason: EndReason, message: string = endReasons[reason]): void {
    const who = this.#who
    this.#app.log.info({ reason, account: who?.accountId, credential: who?.credential }, 'a stream was ended')
    for (const id of this.#subscriptions.keys()) this.#say({ type: 'ended', id, reason, message })
    if (reason === 'session_invalid' || reason === 'slow_reader') this.close(reason, message)
    else this.#close(restart, message)
  }

  close(name: keyof typeof closeCodes, message: string = closeCodes[name].description): void {
    this.#close(closeCodes[name].code, message)
  }

  closed(): void {
    this.#forget()
    this.#closing.abort()
    for (const subscription of this.#subscriptions.values()) subscription.stop()
    this.#subscriptions.clear()
    this.#outlet.closed()
  }

  #carryOut(frame: ClientFrame): Promise<void> | void {
    switch (frame.type) {
      case 'authenticate':
        return this.#authenticate(this.#asking(frame))
      case 'subscribe':
        return this.#subscribe(frame)
      case 'unsubscribe':
        return this.#unsubscribe(frame)
      case 'call':
        return this.#call(frame)
    }
  }

  /** As if the frame were the headers of a request from there. */
  #asking({ api_key, token, account_id, user_id }: Frame<'authenticate'>): Asking {
    const { ip, socket, protocol, host, log } = this.#request
    const headers = { 'x-api-key': api_key, 'x-auth-token': token, 'x-account-id': account_id, 'x-user-id': user_id }
    return { ip, socket, protocol, host, log, method: 'GET', cookies: {}, headers }
  }

  async #authenticate(asking: Asking): Promise<void> {
    const who = await authenticate(this.#app, asking, anybody)
    if (!this.#outlet.isOpen) return
    if (this.#who !== null && !isSameRights(this.#who, who)) this.#endAll('The rights changed with the credential.')
    this.#who = who
    this.#secret = presentedSecret(asking, this.#app.config.publicUrl)
    this.#forget()
    this.#forget = this.#app.streams.add({
      who,
      secret: this.#secret,
      again: () => authenticate(this.#app, asking, anybody, false),
      end: (reason, message) => this.end(reason, message),
    })
    const { accountId, userId, role, scopes, expiresAt } = who
    this.#say({
      type: 'authenticated',
      account_id: accountId,
      user_id: userId,
      role,
      scopes: [...scopes],
      expires_at: expiresAt?.toISOString() ?? null,
    })
  }

  #endAll(message: string): void {
    for (const [id, subscription] of this.#subscriptions) {
      subscription.stop()
      this.#say({ type: 'ended', id, reason: 'session_invalid', message })
    }
    this.#subscriptions.clear()
  }

  async #subscribe({ id, after, filter: wish = {} }: Frame<'subscribe'>): Promise<void> {
    const who = this.#known()
    checkAccess(who, reader)
    if (this.#subscriptions.has(id)) throw new ApiError('conflict', `id: ${id} is a subscription already.`)
    const { subscriptions } = socketLimits
    if (this.#subscriptions.size >= subscriptions) {
      throw new ApiError('conflict', `id: a socket has at most ${subscriptions} subscriptions.`)
    }
    const filter = await readStreamFilter(this.#app, who, wish)
    const start = await startOf(this.#app.database, after)
    // It may have been closed, or become somebody else's, while the database was asked.
    if (!this.#outlet.isOpen || this.#who !== who) return
    const subscription = new Subscription(this.#app.feed, this.#outlet, { id, after: start, filter })
    this.#subscriptions.set(id, subscription)
    this.#say({ type: 'subscribed', id, cursor: formatCursor(start) })
    const end = (...why: [EndReason, string?, string?]) => {
      // It may have been unsubscribed meanwhile, and its name be another's.
      if (this.#subscriptions.get(id) === subscription) this.#endOne(id, ...why)
    }
    subscription.run().catch((error: unknown) => endBy(this.#app, end, error))
  }

  #endOne(id: string, reason: EndReason, message: string = endReasons[reason], oldest?: string): void {
    this.#subscriptions.delete(id)
    this.#say({ type: 'ended', id, reason, message, ...(oldest !== undefined && { oldest }) })
  }

  #unsubscribe({ id }: Frame<'unsubscribe'>): void {
    const subscription = this.#subscriptions.get(id)
    if (!subscription) throw new ApiError('not_found', `id: there is no subscription ${id}.`)
    const { cursor } = subscription
    subscription.stop()
    this.#subscriptions.delete(id)
    this.#say({ type: 'unsubscribed', id, cursor })
  }

  /** Not waited for: others go on meanwhile. */
  #call(frame: Frame<'call'>): void {
    const { callsAtOnce } = socketLimits
    if (this.#calls >= callsAtOnce) throw new ApiError('rate_limited', `At most ${callsAtOnce} calls at once.`)
    this.#calls += 1
    const caller = { who: this.#known(), secret: this.#secret, ip: this.#request.ip, signal: this.#closing.signal }
    void runCommand(this.#app, caller, frame).then((result) => {
      this.#calls -= 1
      this.#say({ type: 'result', id: frame.id, ...result })
    })
  }

  #known(): Principal {
    if (this.#who === null) throw new Error('a frame of somebody unknown was carried out')
    return this.#who
  }

  #refusalOf(error: unknown) {
    return toRefusal(error, 'en', this.#request.id, this.#app.log)
  }

  #say(frame: ServerFrame): void {
    this.#outlet.say(JSON.stringify(frame))
  }

  #close(code: number, message: string): void {
    if (!this.#outlet.isOpen) return
    this.closed()
    // RFC 6455 §5.5: a control frame has 125 bytes, two of them the code.
    this.#socket.close(
      code,
      Buffer.from(message)
        .subarray(0, 120)
        .toString()
        .replace(/\ufffd$/, ''),
    )
    const timer = setTimeout(() => this.#socket.terminate(), lastWordsMs)
    this.#socket.once('close', () => clearTimeout(timer))
  }
}

function parse(text: string): Record<string, unknown> {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw invalidField('frame', 'is not JSON')
  }
  refuseUnstorable(json)
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw invalidField('frame', 'is no object')
  return json as Record<string, unknown>
}
