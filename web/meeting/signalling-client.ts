/**
 * The page's end of the meeting socket (contract/signalling.ts). It comes back by itself: at once when the network or
 * the tab returns, else after a growing pause; and says which session it was, so that nothing said meanwhile is lost.
 *
 * Invariant: a request is answered, refused, or fails with `offline` when the socket breaks; it is never sent twice.
 */
import type {
  ClientOp,
  EventParams,
  OpParams,
  OpResult,
  ServerEvent,
  SignallingErrorCode,
} from '../../contract/signalling.ts'

export class SignallingFault extends Error {
  override name = 'SignallingFault'
  readonly code: SignallingErrorCode | 'offline'

  constructor(code: SignallingErrorCode | 'offline', message: string) {
    super(message)
    this.code = code
  }
}

export interface SignallingHandler {
  helloParams(): OpParams<'hello'>
  /** `isResumed` false: everything begins anew. */
  opened(hello: OpResult<'hello'>): void
  /** The server does not want this page; after `not_found` it is not asked again. */
  refused(fault: SignallingFault): void
  lost(): void
  event<E extends ServerEvent>(event: E, params: EventParams<E>): void
}

interface Pending {
  resolve(value: unknown): void
  reject(fault: SignallingFault): void
}

const pingMs = 5_000
/** A socket that says nothing for this long after a ping is dead, whatever the browser thinks. */
const silentMs = 6_000
const probeMs = 2_000
/** From the wish for a socket to the answer to hello; a server that is starting may take a socket and say nothing. */
const openMs = 8_000
const firstPauseMs = 300
const longestPauseMs = 5_000

export class SignallingClient {
  readonly #url: string
  readonly #handler: SignallingHandler
  #socket: WebSocket | null = null
  #isOpen = false
  #isStopped = false
  #lastId = 0
  #session: string | null = null
  #seq = 0
  #attempt = 0
  #heardAt = 0
  #retry: ReturnType<typeof setTimeout> | undefined
  #ping: ReturnType<typeof setInterval> | undefined
  #opening: ReturnType<typeof setTimeout> | undefined
  readonly #pending = new Map<number, Pending>()
  readonly #unlisten = new AbortController()

  constructor(url: string, handler: SignallingHandler) {
    this.#url = url
    this.#handler = handler
    const { signal } = this.#unlisten
    window.addEventListener('online', () => this.#hurry(), { signal })
    document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && this.#hurry(), {
      signal,
    })
    networkInformation()?.addEventListener('change', () => this.#hurry(), { signal })
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  connect(): void {
    clearTimeout(this.#retry)
    if (this.#socket || this.#isStopped) return
    const socket = new WebSocket(this.#url)
    this.#socket = socket
    this.#heardAt = performance.now()
    socket.onopen = () => void this.#sayHello(socket)
    socket.onmessage = ({ data }) => socket === this.#socket && this.#read(String(data))
    socket.onclose = () => socket === this.#socket && this.#broke()
    clearTimeout(this.#opening)
    this.#opening = setTimeout(() => !this.#isOpen && socket === this.#socket && this.#broke(), openMs)
    clearInterval(this.#ping)
    this.#ping = setInterval(() => this.#beat(silentMs), pingMs)
  }

  /** No more frames, for good. */
  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#retry)
    clearTimeout(this.#opening)
    clearInterval(this.#ping)
    this.#unlisten.abort()
    this.#drop()
  }

  /** Says hello anew, as if the page had just been opened. */
  startOver(): void {
    this.#session = null
    this.#drop()
    this.connect()
  }

  request<O extends ClientOp>(op: O, params: OpParams<O>): Promise<OpResult<O>> {
    if (!this.#isOpen) return Promise.reject(offline())
    return this.#ask(op, params)
  }

  #ask<O extends ClientOp>(op: O, params: OpParams<O>): Promise<OpResult<O>> {
    this.#lastId += 1
    const id = this.#lastId
    this.#socket?.send(JSON.stringify({ id, op, params }))
    return new Promise((resolve, reject) => {
      // The server answers an `op` with that op's result; the contract's table says so.
      this.#pending.set(id, { resolve: (value) => resolve(value as OpResult<O>), reject })
    })
  }

  async #sayHello(socket: WebSocket): Promise<void> {
    const again = this.#session === null ? {} : { session: this.#session, seq: this.#seq }
    try {
      const hello = await this.#ask('hello', { ...this.#handler.helloParams(), ...again })
      this.#attempt = 0
      this.#isOpen = true
      this.#session = hello.session
      if (!hello.isResumed) this.#seq = 0
      this.#handler.opened(hello)
    } catch (error) {
      if (!(error instanceof SignallingFault) || socket !== this.#socket) return
      this.#handler.refused(error)
      if (error.code === 'not_found') this.stop()
      else socket.close()
    }
  }

  #read(text: string): void {
    this.#heardAt = performance.now()
    // Frames of our own server, of the contract's shapes; checking them twice would cost the page its weight.
    const frame = JSON.parse(text)
    if (typeof frame.re === 'number') return this.#settle(frame)
    this.#seq = frame.seq
    this.#handler.event(frame.event as ServerEvent, frame.params)
  }

  #settle(frame: { re: number; ok?: unknown; error?: { code: SignallingErrorCode; message: string } }): void {
    const pending = this.#pending.get(frame.re)
    this.#pending.delete(frame.re)
    if (frame.error) pending?.reject(new SignallingFault(frame.error.code, frame.error.message))
    else pending?.resolve(frame.ok)
  }

  #beat(patienceMs: number): void {
    if (!this.#isOpen) return
    const askedAt = performance.now()
    this.request('ping', {}).catch(() => {})
    setTimeout(() => {
      if (this.#isOpen && this.#heardAt < askedAt) this.#broke()
    }, patienceMs)
  }

  /** The network or the tab came back: a dead socket is found out now, not at the next ping. */
  #hurry(): void {
    if (this.#isOpen) return this.#beat(probeMs)
    if (this.#socket?.readyState === WebSocket.CONNECTING) return
    this.#attempt = 0
    this.connect()
  }

  #broke(): void {
    const wasOpen = this.#isOpen
    this.#drop()
    if (this.#isStopped) return
    if (wasOpen) this.#handler.lost()
    const pause = Math.min(longestPauseMs, firstPauseMs * 2 ** this.#attempt) * (0.5 + Math.random() / 2)
    this.#retry = setTimeout(() => this.connect(), this.#attempt === 0 && wasOpen ? 0 : pause)
    this.#attempt += 1
  }

  #drop(): void {
    this.#isOpen = false
    const socket = this.#socket
    this.#socket = null
    socket?.close()
    for (const { reject } of this.#pending.values()) reject(offline())
    this.#pending.clear()
  }
}

const offline = () => new SignallingFault('offline', 'The connection to the server is lost.')

/** Not in every browser, and not in TypeScript's library. */
function networkInformation(): EventTarget | undefined {
  return 'connection' in navigator && navigator.connection instanceof EventTarget ? navigator.connection : undefined
}
