/**
 * Dialogs (RFC 3261 §12): who talks to whom under which tags, over which routes and with which CSeq. A dialog is plain
 * data around a few rules, so that it can be written down and taken up again by another process (T5).
 *
 * Invariant: two requests of ours in one dialog never have the same CSeq, not even across a restart.
 */
import { formatNameAddr, parseNameAddr } from './address.ts'
import type { OutgoingRequest } from './client-transaction.ts'
import type { HeaderLine } from './format.ts'
import type { SipMessage } from './message.ts'
import { formatRoutes, nextHopUri } from './route-set.ts'

/** What a dialog is, as JSON. */
export interface DialogState {
  readonly callId: string
  readonly localTag: string
  readonly remoteTag: string
  /** From and To of our requests, without their tags. */
  readonly local: string
  readonly remote: string
  readonly localCseq: number
  /** -1: the peer has not sent a request yet. */
  readonly remoteCseq: number
  /** The remote target: the URI of the peer's Contact. */
  readonly target: string
  /** The route set, the next hop first. */
  readonly routes: readonly string[]
}

/**
 * A process that died may have sent requests after its last snapshot, and so may the one that took the same snapshot up
 * after it and died too: nobody sends so many at once, nor one every 10 ms for long.
 */
const restartJump = 10_000
const restartJumpMs = 10

export class Dialog {
  #state: DialogState

  constructor(state: DialogState) {
    this.#state = state
  }

  /** §12.1.1, of a request that we answer under `localTag`; null when it has no Contact to reach the peer by. */
  static ofRequest(request: SipMessage, localTag: string): Dialog | null {
    const target = contactOf(request)
    if (target === null) return null
    return new Dialog({
      callId: request.callId,
      localTag,
      remoteTag: request.fromTag,
      local: formatNameAddr({ displayName: request.to.displayName, uri: request.to.uri }),
      remote: formatNameAddr({ displayName: request.from.displayName, uri: request.from.uri }),
      localCseq: 0,
      remoteCseq: request.cseq,
      target,
      routes: request.headers('record-route'),
    })
  }

  /**
   * §12.1.2, of a response to a request of ours. Its Contact is missing in provisional responses of careless peers; the
   * URI that was dialled must do until the 2xx.
   */
  static ofResponse(response: SipMessage, requestUri: string): Dialog {
    return new Dialog({
      callId: response.callId,
      localTag: response.fromTag,
      remoteTag: response.toTag,
      local: formatNameAddr({ displayName: response.from.displayName, uri: response.from.uri }),
      remote: formatNameAddr({ displayName: response.to.displayName, uri: response.to.uri }),
      localCseq: response.cseq,
      remoteCseq: -1,
      target: contactOf(response) ?? requestUri,
      routes: response.headers('record-route').reverse(),
    })
  }

  /** `ageMs`: since it was written down, where it is not written again with each request. */
  static restore(state: DialogState, ageMs = 0): Dialog {
    const jump = restartJump + Math.floor(Math.max(0, ageMs) / restartJumpMs)
    return new Dialog({ ...state, localCseq: state.localCseq + jump })
  }

  /** As it is now: what was given before stays as it was. */
  get state(): DialogState {
    return this.#state
  }

  /** The URI whose host is the next hop of a request in this dialog. */
  get nextUri(): string {
    return nextHopUri(this.#state.target, this.#state.routes)
  }

  nextCseq(): number {
    const localCseq = this.#state.localCseq + 1
    this.#change({ localCseq })
    return localCseq
  }

  /** The CSeq of a request of ours that was numbered elsewhere. */
  raiseCseq(cseq: number): void {
    this.#change({ localCseq: Math.max(this.#state.localCseq, cseq) })
  }

  /** §12.2.2: false when the request is out of order, which is a 500. */
  takeRemoteCseq(cseq: number): boolean {
    if (cseq < this.#state.remoteCseq) return false
    this.#change({ remoteCseq: cseq })
    return true
  }

  /** §12.2: the Contact of an INVITE or UPDATE, or of a 2xx to one, replaces the target. True when it is another one. */
  refreshTarget(message: SipMessage): boolean {
    const target = contactOf(message)
    if (target === null || target === this.#state.target) return false
    this.#change({ target })
    return true
  }

  /** §13.2.2.4: the 2xx may know another route than the provisional response did; it is "recomputed". */
  confirm(response: SipMessage): void {
    this.refreshTarget(response)
    this.#change({ routes: response.headers('record-route').reverse() })
  }

  /** §12.2.1.1. `headers` come behind those of the dialog. */
  request(method: string, cseq: number, headers: readonly HeaderLine[], body?: string): OutgoingRequest {
    const { callId, localTag, remoteTag, local, remote, target, routes } = this.#state
    const route = formatRoutes(target, routes)
    return {
      method,
      uri: route.uri,
      headers: [
        ['Max-Forwards', '70'],
        ...route.headers,
        ['From', `${local};tag=${localTag}`],
        ['To', remoteTag === '' ? remote : `${remote};tag=${remoteTag}`],
        ['Call-ID', callId],
        ['CSeq', `${cseq} ${method}`],
        ...headers,
      ],
      ...(body === undefined ? {} : { body }),
    }
  }

  #change(change: Partial<DialogState>): void {
    this.#state = { ...this.#state, ...change }
  }
}

function contactOf(message: SipMessage): string | null {
  const [first] = message.headers('contact')
  const address = first === undefined ? null : parseNameAddr(first)
  return address?.uri ?? null
}
