/**
 * The transaction layer (RFC 3261 §17): finds the transaction of each message, absorbs retransmissions, and hands up
 * what is new. It owns all transactions and the way their bytes take; the clock, sockets and randomness are the
 * driver's.
 *
 * Invariant: every request that is handed up but an ACK is answered through its transaction, and each transaction
 * leaves the maps at a deadline of its own.
 */
import type { Instant } from '../machine.ts'
import type { TimerQueue } from '../timer-queue.ts'
import {
  type ClientSide,
  ClientTransaction,
  clientKey,
  formatForHop,
  type OutgoingRequest,
  type ResponseHandler,
} from './client-transaction.ts'
import { formatResponse } from './format.ts'
import { type Hop, isReliable, type LocalAddress, replyHop } from './hop.ts'
import type { ParseFault, SipMessage } from './message.ts'
import { type ServerSide, ServerTransaction } from './server-transaction.ts'
import { defaultTimers, type Timers } from './timers.ts'

/** Who is above: it gets what belongs to no transaction yet. */
export interface TransactionUser {
  /** A new request, neither ACK nor CANCEL. It must be answered by `transaction.respond`, now or later. */
  onRequest(now: Instant, transaction: ServerTransaction): void
  /** An ACK to a 2xx, or to nothing that is known. */
  onAck(now: Instant, ack: SipMessage, source: Hop): void
  /** A 2xx to an INVITE that no transaction waits for (T5). */
  onStrayAnswer(now: Instant, response: SipMessage, source: Hop): void
}

export interface TransactionsOptions {
  readonly queue: TimerQueue
  readonly timers?: Timers
  /** `ticket` comes back in `onSendFailed`, which must not be called from inside `send`. */
  readonly send: (hop: Hop, bytes: Uint8Array, ticket: string) => void
  /** Our address as the peer at the other end of that hop reaches it (T10). */
  readonly local: (hop: Hop) => LocalAddress
  /** 64 bits of chance or more, as text that may stand in a token. */
  readonly token: () => string
}

const magicCookie = 'z9hG4bK'
const ignore: ResponseHandler = { onResponse: () => {}, onFailure: () => {} }

export class Transactions {
  readonly options: TransactionsOptions
  user: TransactionUser | null = null
  readonly #clients = new Map<string, ClientTransaction>()
  readonly #servers = new Map<string, ServerTransaction>()
  /** The last request without To tag of each Call-ID, by which copies that took another way are known (§8.2.2.2). */
  readonly #initial = new Map<string, ServerTransaction>()
  /** What waits for an answer over a connection, which may close. */
  readonly #byFlow = new Map<string, Set<ClientTransaction>>()
  readonly #clientSide: ClientSide
  readonly #serverSide: ServerSide
  /** Of To in answers that leave no state behind (§8.2.7). */
  readonly #statelessTag: string

  constructor(options: TransactionsOptions) {
    this.options = options
    const { queue, send, local, token } = options
    const shared = { queue, timers: options.timers ?? defaultTimers, send }
    this.#statelessTag = token()
    this.#serverSide = { ...shared, token, forget: (transaction) => this.#forgetServer(transaction) }
    this.#clientSide = {
      ...shared,
      local,
      cancel: (now, { branch, hop }, request) => this.#start(now, { branch, hop, request, handler: ignore }),
      forget: (transaction) => this.#forgetClient(transaction),
    }
  }

  get timers(): Timers {
    return this.#clientSide.timers
  }

  /** How many transactions there are: a metric, and nothing when all is over. */
  get size(): number {
    return this.#clients.size + this.#servers.size
  }

  receive(now: Instant, message: SipMessage, source: Hop): void {
    if (message.isRequest) this.#receiveRequest(now, message, source)
    else this.#receiveResponse(now, message, source)
  }

  /** What could not be read, and can be answered (§8.2.7: without any state). */
  receiveFault(fault: ParseFault, source: Hop): void {
    if (fault.request === null) return
    fault.request.stampSource(source.address, source.port)
    this.#answerStateless(fault.request, source, fault.status, fault.reason)
  }

  request(now: Instant, hop: Hop, request: OutgoingRequest, handler: ResponseHandler): ClientTransaction {
    return this.#start(now, { branch: magicCookie + this.options.token(), hop, request, handler })
  }

  /** An ACK to a 2xx, which is no transaction (§13.2.2.4). Its bytes, to be sent again when the 2xx comes again. */
  formatAck(hop: Hop, request: OutgoingRequest): Uint8Array {
    return formatForHop(hop, this.#clientSide, magicCookie + this.options.token(), request)
  }

  /** Sends what no transaction waits for. */
  sendAck(hop: Hop, bytes: Uint8Array): void {
    this.options.send(hop, bytes, '')
  }

  /** The transport could not send what had that ticket. */
  onSendFailed(now: Instant, ticket: string): void {
    this.#clients.get(ticket)?.handleTransportError(now)
    this.#servers.get(ticket)?.handleTransportError(now)
  }

  /** A connection closed: no answer will come over it. What we still owe goes over a new one (§18.2.2). */
  onFlowClosed(now: Instant, flow: string): void {
    for (const transaction of [...(this.#byFlow.get(flow) ?? [])]) transaction.handleTransportError(now)
  }

  #start(
    now: Instant,
    options: { branch: string; hop: Hop; request: OutgoingRequest; handler: ResponseHandler },
  ): ClientTransaction {
    const transaction = new ClientTransaction(now, this.#clientSide, options)
    this.#clients.set(transaction.key, transaction)
    const { flow } = transaction.hop
    if (flow !== null && isReliable(transaction.hop)) {
      const waiting = this.#byFlow.get(flow)
      if (waiting === undefined) this.#byFlow.set(flow, new Set([transaction]))
      else waiting.add(transaction)
    }
    transaction.start(now)
    return transaction
  }

  #receiveResponse(now: Instant, response: SipMessage, source: Hop): void {
    // §18.1.2 compares sent-by as well; a branch that only we and the peer know says as much, and survives rewriting NATs.
    const transaction = this.#clients.get(clientKey(response.branch, response.method))
    if (transaction !== undefined) {
      if (transaction.method === response.method) transaction.handleResponse(now, response)
    } else if (response.method === 'INVITE' && response.status >= 200 && response.status < 300) {
      this.user?.onStrayAnswer(now, response, source)
    }
  }

  #receiveRequest(now: Instant, request: SipMessage, source: Hop): void {
    request.stampSource(source.address, source.port)
    const key = serverKey(request)
    const known = this.#servers.get(key)
    if (request.method === 'ACK') {
      if (known === undefined || known.handleRequest(now, 'ACK')) this.user?.onAck(now, request, source)
    } else if (known !== undefined) known.handleRequest(now, request.method)
    else if (this.#isMerged(request)) this.#answerStateless(request, source, 482)
    else this.#receiveNew(now, new ServerTransaction(this.#serverSide, { key, request, source }), request)
  }

  #receiveNew(now: Instant, transaction: ServerTransaction, request: SipMessage): void {
    this.#servers.set(transaction.key, transaction)
    if (request.method === 'CANCEL') return this.#cancel(now, transaction, request)
    const { initialCallId } = transaction
    if (initialCallId !== '') this.#initial.set(initialCallId, transaction)
    this.user?.onRequest(now, transaction)
  }

  /**
   * §8.2.2.2: without To tag, and "the From tag, Call-ID, and CSeq exactly match those associated with an ongoing
   * transaction, but the request does not match that transaction".
   */
  #isMerged(request: SipMessage): boolean {
    if (request.toTag !== '' || request.method === 'CANCEL') return false
    const first = this.#initial.get(request.callId)
    return first?.isLike(request) === true
  }

  /** §9.2: 200, whatever becomes of the INVITE, with the To tag that its responses have; 481 when there is none. */
  #cancel(now: Instant, transaction: ServerTransaction, cancel: SipMessage): void {
    const invite = this.#servers.get(transaction.key.slice(0, -cancelSuffix.length))
    if (invite === undefined || invite.method !== 'INVITE') {
      transaction.respond(now, { status: 481 })
      return
    }
    transaction.takeTag(invite.localTag)
    transaction.respond(now, { status: 200 })
    // "If it has already sent a final response for the original request, the CANCEL has no effect": §9.2.
    if (!invite.isAnswered) invite.handleCancel(now, cancel)
  }

  #answerStateless(request: SipMessage, source: Hop, status: number, reason?: string): void {
    const parts = { status, toTag: this.#statelessTag, ...(reason === undefined ? {} : { reason }) }
    this.options.send(replyHop(request, source), formatResponse(request, parts), '')
  }

  #forgetClient(transaction: ClientTransaction): void {
    this.#clients.delete(transaction.key)
    const { flow } = transaction.hop
    const waiting = flow === null ? undefined : this.#byFlow.get(flow)
    if (flow === null || waiting === undefined) return
    waiting.delete(transaction)
    if (waiting.size === 0) this.#byFlow.delete(flow)
  }

  #forgetServer(transaction: ServerTransaction): void {
    this.#servers.delete(transaction.key)
    const { initialCallId } = transaction
    if (this.#initial.get(initialCallId) === transaction) this.#initial.delete(initialCallId)
  }
}

const cancelSuffix = ' CANCEL'

/**
 * §17.2.3: branch, sent-by and method, where an ACK matches its INVITE; a CANCEL is its INVITE's key and a suffix.
 * Branches of RFC 2543 are not unique, so that the rest of the request is its name; the To tag is left out, because the
 * ACK has one that the INVITE had not.
 */
function serverKey(request: SipMessage): string {
  const { branch, sentBy, method } = request
  const suffix = method === 'INVITE' || method === 'ACK' ? '' : ` ${method}`
  if (branch.startsWith(magicCookie)) return `${branch} ${sentBy}${suffix}`
  const { callId, cseq, fromTag, uri } = request
  return `${callId} ${cseq} ${fromTag} ${uri} ${branch} ${sentBy}${suffix}`
}
