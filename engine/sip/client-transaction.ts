/**
 * A request of ours on its way: one of the two client machines with its bytes, its hop, and whoever waits for the
 * answer. What RFC 3261 §8.1.3.1 says of failures is here: nobody answered is a 408, a broken transport a 503.
 */
import type { Instant } from '../machine.ts'
import { Timer, type TimerQueue } from '../timer-queue.ts'
import { formatRequest, type HeaderLine } from './format.ts'
import { formatVia, type Hop, isReliable, type LocalAddress } from './hop.ts'
import { InviteClientTransaction } from './invite-client-transaction.ts'
import type { SipMessage } from './message.ts'
import { NonInviteClientTransaction } from './non-invite-client-transaction.ts'
import type { Timers } from './timers.ts'

/** A request without its top Via, which each hop and each attempt has of its own. */
export interface OutgoingRequest {
  readonly method: string
  readonly uri: string
  readonly headers: readonly HeaderLine[]
  readonly body?: string | Uint8Array
}

export interface ResponseHandler {
  /** Every provisional response, one final one; of an INVITE each 2xx, also repeated and late ones. */
  onResponse(now: Instant, response: SipMessage, transaction: ClientTransaction): void
  /** 408: no answer in time; 503: the transport failed. Instead of a final response. */
  onFailure(now: Instant, status: 408 | 503, transaction: ClientTransaction): void
}

/** What the transaction layer gives its client transactions. */
export interface ClientSide {
  readonly queue: TimerQueue
  readonly timers: Timers
  send(hop: Hop, bytes: Uint8Array, ticket: string): void
  local(hop: Hop): LocalAddress
  cancel(now: Instant, transaction: ClientTransaction, request: OutgoingRequest): void
  forget(transaction: ClientTransaction): void
}

export class ClientTransaction extends Timer {
  readonly branch: string
  /** Its name in the layer, and the ticket of what it sends. */
  readonly key: string
  readonly method: string
  readonly hop: Hop
  readonly #side: ClientSide
  readonly #machine: InviteClientTransaction | NonInviteClientTransaction
  readonly #handler: ResponseHandler
  /** Both until a final response; a 2xx lets go of them for the 32 s that the transaction still lives. */
  #request: OutgoingRequest | null
  #bytes: Uint8Array | null
  #ack: Uint8Array | null = null
  #cancelHeaders: readonly HeaderLine[] = []
  #isAnswered = false

  constructor(
    now: Instant,
    side: ClientSide,
    options: { branch: string; hop: Hop; request: OutgoingRequest; handler: ResponseHandler },
  ) {
    super()
    const { branch, hop, request, handler } = options
    this.#side = side
    this.branch = branch
    this.hop = hop
    this.method = request.method
    this.key = clientKey(branch, request.method)
    this.#handler = handler
    this.#request = request
    this.#bytes = formatForHop(hop, side, branch, request)
    const settings = { isReliable: isReliable(hop), timers: side.timers }
    this.#machine =
      request.method === 'INVITE'
        ? new InviteClientTransaction(now, settings)
        : new NonInviteClientTransaction(now, settings)
  }

  get state(): string {
    return this.#machine.state
  }

  /** Sends the request. Not in the constructor, so that the layer knows it by then. */
  start(now: Instant): void {
    this.#pump(now, null)
  }

  handleResponse(now: Instant, response: SipMessage): void {
    this.#machine.handle(now, { type: 'response', status: response.status })
    this.#pump(now, response)
  }

  handleTransportError(now: Instant): void {
    this.#machine.handle(now, { type: 'transport_error' })
    this.#pump(now, null)
  }

  /** §9.1: of an INVITE, as soon as it may be; without effect when a final response was there first. */
  cancel(now: Instant, headers: readonly HeaderLine[] = []): void {
    if (!(this.#machine instanceof InviteClientTransaction)) return
    this.#cancelHeaders = headers
    this.#machine.handle(now, { type: 'cancel' })
    this.#pump(now, null)
  }

  override wake(now: Instant): void {
    this.#machine.handle(now, { type: 'wake' })
    this.#pump(now, null)
  }

  #pump(now: Instant, response: SipMessage | null): void {
    for (let output = this.#machine.poll(); output !== undefined; output = this.#machine.poll()) {
      switch (output.type) {
        case 'send':
          if (this.#bytes !== null) this.#side.send(this.hop, this.#bytes, this.key)
          break
        case 'ack':
          if (response !== null) this.#sendAck(response)
          break
        case 'response':
          if (response !== null) this.#deliver(now, response)
          break
        case 'cancel':
          if (this.#request !== null) this.#side.cancel(now, this, this.#cancelRequest(this.#request))
          break
        case 'terminated':
          this.#end(now, output.reason)
          break
      }
    }
    this.#side.queue.set(this, this.#machine.deadline())
  }

  #deliver(now: Instant, response: SipMessage): void {
    if (response.status >= 200) {
      this.#isAnswered = true
      this.#bytes = null
      this.#request = null
    }
    this.#handler.onResponse(now, response, this)
  }

  #end(now: Instant, reason: 'done' | 'timeout' | 'transport_error'): void {
    this.#side.forget(this)
    if (this.#isAnswered || reason === 'done') return
    this.#handler.onFailure(now, reason === 'timeout' ? 408 : 503, this)
  }

  /** §17.1.1.3: the branch of the INVITE, the To of the response. */
  #sendAck(response: SipMessage): void {
    if (this.#request !== null) {
      const { uri, headers } = this.#request
      const lines: HeaderLine[] = [
        ['Max-Forwards', '70'],
        ...pick(headers, 'Route'),
        ...pick(headers, 'From'),
        ['To', response.header('to') ?? ''],
        ...pick(headers, 'Call-ID'),
        ['CSeq', `${response.cseq} ACK`],
      ]
      this.#ack = formatForHop(this.hop, this.#side, this.branch, { method: 'ACK', uri, headers: lines })
    }
    if (this.#ack !== null) this.#side.send(this.hop, this.#ack, this.key)
  }

  /** §9.1: "The Request-URI, Call-ID, To, the numeric part of CSeq, and From header fields … MUST be identical". */
  #cancelRequest({ uri, headers }: OutgoingRequest): OutgoingRequest {
    const cseq = pick(headers, 'CSeq')[0]?.[1] ?? ''
    return {
      method: 'CANCEL',
      uri,
      headers: [
        ['Max-Forwards', '70'],
        ...pick(headers, 'Route'),
        ...pick(headers, 'From'),
        ...pick(headers, 'To'),
        ...pick(headers, 'Call-ID'),
        ['CSeq', cseq.replace('INVITE', 'CANCEL')],
        ...this.#cancelHeaders,
      ],
    }
  }
}

/** §17.1.3: the branch and the method of CSeq; only a CANCEL shares the branch of another request of ours. */
export const clientKey = (branch: string, method: string): string => (method === 'CANCEL' ? `${branch} CANCEL` : branch)

/** The request as it goes over that hop, under that branch. */
export function formatForHop(
  hop: Hop,
  side: { local(hop: Hop): LocalAddress },
  branch: string,
  request: OutgoingRequest,
): Uint8Array {
  const via = ['Via', formatVia(hop.transport, side.local(hop), branch)] as const
  return formatRequest({ ...request, headers: [via, ...request.headers] })
}

const pick = (headers: readonly HeaderLine[], name: string): HeaderLine[] => headers.filter((line) => line[0] === name)
