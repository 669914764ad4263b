/**
 * A request that a peer sent us: one of the two server machines with the way back to whoever sent it. The request is
 * kept until its final response only; the transaction lives on for 32 s to absorb retransmissions.
 */
import type { Instant } from '../machine.ts'
import { Timer, type TimerQueue } from '../timer-queue.ts'
import { formatResponse, type ResponseParts } from './format.ts'
import { type Hop, isReliable, replyHop } from './hop.ts'
import { InviteServerTransaction } from './invite-server-transaction.ts'
import type { SipMessage } from './message.ts'
import { NonInviteServerTransaction } from './non-invite-server-transaction.ts'
import { detached } from './text.ts'
import type { Timers } from './timers.ts'

/** Whoever answers a request and wants to know what becomes of it until then. */
export interface RequestHandler {
  /** The peer cancelled an INVITE that has no final response; the CANCEL is answered already. */
  onCancel(now: Instant, cancel: SipMessage): void
}

/** What the transaction layer gives its server transactions. */
export interface ServerSide {
  readonly queue: TimerQueue
  readonly timers: Timers
  send(hop: Hop, bytes: Uint8Array, ticket: string): void
  token(): string
  forget(transaction: ServerTransaction): void
}

export class ServerTransaction extends Timer {
  /** Its name in the layer, and the ticket of what it sends. */
  readonly key: string
  readonly method: string
  /** Of a request that begins something, by which copies of it are known; empty in a dialog. */
  readonly initialCallId: string
  /** Where the request came from. */
  readonly source: Hop
  handler: RequestHandler | null = null
  /** The CANCEL, when it came; also before there was a handler. */
  cancel: SipMessage | null = null
  readonly #cseq: number
  readonly #fromTag: string
  readonly #side: ServerSide
  /** Where our responses go. */
  readonly replyTo: Hop
  readonly #machine: InviteServerTransaction | NonInviteServerTransaction
  #request: SipMessage | null
  readonly #hasTag: boolean
  #localTag = ''

  constructor(side: ServerSide, options: { key: string; request: SipMessage; source: Hop }) {
    super()
    const { key, request, source } = options
    this.#side = side
    this.key = detached(key)
    this.method = request.method
    this.initialCallId = request.toTag === '' ? detached(request.callId) : ''
    this.#cseq = request.cseq
    this.#fromTag = detached(request.fromTag)
    this.source = source
    this.replyTo = replyHop(request, source)
    this.#request = request
    this.#hasTag = request.toTag !== ''
    const settings = { isReliable: isReliable(source), timers: side.timers }
    this.#machine =
      request.method === 'INVITE' ? new InviteServerTransaction(settings) : new NonInviteServerTransaction(settings)
  }

  get state(): string {
    return this.#machine.state
  }

  /** Until there is a final response; after that nobody may need it. */
  get request(): SipMessage {
    if (this.#request === null) throw new Error(`The request of ${this.key} was answered`)
    return this.#request
  }

  get isAnswered(): boolean {
    return this.#request === null
  }

  /** Of To in our responses to a request that has none there, one for all of them (§8.2.6.2). */
  get localTag(): string {
    if (this.#localTag === '') this.#localTag = this.#side.token()
    return this.#localTag
  }

  /** §8.2.2.2: of the same Call-ID, and in all else the same request too. */
  isLike({ method, cseq, fromTag }: SipMessage): boolean {
    return method === this.method && cseq === this.#cseq && fromTag === this.#fromTag
  }

  /** §9.2: the answers to a CANCEL and to its INVITE have one tag. */
  takeTag(tag: string): void {
    this.#localTag ||= tag
  }

  handleCancel(now: Instant, cancel: SipMessage): void {
    this.cancel ??= cancel
    this.handler?.onCancel(now, cancel)
  }

  /** The bytes of a final response as `respond` would send them. */
  draft(parts: ResponseParts): Uint8Array {
    return formatResponse(this.request, { ...parts, toTag: this.#hasTag ? '' : this.localTag })
  }

  /** Sends a response and gives its bytes, which a dialog needs to repeat a 2xx. A second final one is a fault of ours. */
  respond(now: Instant, parts: ResponseParts): Uint8Array {
    const toTag = parts.status === 100 || this.#hasTag ? '' : this.localTag
    const bytes = formatResponse(this.request, { ...parts, toTag })
    if (parts.status >= 200) {
      this.#request = null
      this.handler = null
    }
    this.#machine.handle(now, { type: 'respond', status: parts.status, bytes })
    this.#pump()
    return bytes
  }

  /** RFC 6026 §8.5: the dialog repeats a 2xx, and a reliable provisional response (RFC 3262 §3), by itself. */
  repeat(bytes: Uint8Array): void {
    this.#side.send(this.replyTo, bytes, this.key)
  }

  /** The request again, or the ACK to an INVITE's response; true when the ACK is the dialog's. */
  handleRequest(now: Instant, method: string): boolean {
    if (this.#machine instanceof InviteServerTransaction) {
      this.#machine.handle(now, { type: 'request', method: method === 'ACK' ? 'ACK' : 'INVITE' })
    } else this.#machine.handle(now, { type: 'request' })
    return this.#pump()
  }

  handleTransportError(now: Instant): void {
    this.#machine.handle(now, { type: 'transport_error' })
    this.#pump()
  }

  override wake(now: Instant): void {
    this.#machine.handle(now, { type: 'wake' })
    this.#pump()
  }

  #pump(): boolean {
    let isAckOfDialog = false
    for (let output = this.#machine.poll(); output !== undefined; output = this.#machine.poll()) {
      if (output.type === 'send') this.#side.send(this.replyTo, output.bytes, this.key)
      else if (output.type === 'ack') isAckOfDialog = true
      else this.#side.forget(this)
    }
    this.#side.queue.set(this, this.#machine.deadline())
    return isAckOfDialog
  }
}
