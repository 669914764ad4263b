/**
 * Our own re-INVITEs and UPDATEs in a dialog, one after the other: new offers, who the other party is now, refreshes of
 * the session timer. What meets a request of the peer waits and comes again (RFC 3261 §14.1, glare).
 *
 * Invariant: each offer gets one `offer_result`, or the leg ends first.
 */
import type { Identity } from '../call/leg.ts'
import type { Instant } from '../machine.ts'
import { sdpOf } from './body.ts'
import type { HeaderLine } from './format.ts'
import { hasToken, retryAfter } from './headers.ts'
import type { Hop } from './hop.ts'
import type { InviteUsage } from './invite-usage.ts'
import { formatAsserted, sdpType } from './leg-headers.ts'
import { LegRequest } from './leg-request.ts'
import type { SipMessage } from './message.ts'
import { giveUpMs } from './timers.ts'

export type Change =
  /** `sdp` null: the peer is asked for an offer. */
  | { readonly kind: 'offer'; readonly sdp: string | null; readonly identity: Identity | null }
  /** The answer that came too late to be one; nobody asked for its result. */
  | { readonly kind: 'amend'; readonly sdp: string }
  | { readonly kind: 'identity'; readonly identity: Identity }
  | { readonly kind: 'refresh' }

interface Running {
  readonly change: Change
  readonly method: 'INVITE' | 'UPDATE'
  readonly sdp: string | null
  request: LegRequest
  /** Of an INVITE: for 2xx that come again. Null: not known yet. */
  ack: { hop: Hop; bytes: Uint8Array } | null
  isAnswered: boolean
}

/** A peer that is busy for ever is not asked for ever. */
const mostRetries = 8

export class OwnChanges {
  readonly #usage: InviteUsage
  readonly #queue: Change[] = []
  #running: Running | null = null
  #retries = 0
  #retryAt: Instant | undefined
  /** §14: when an INVITE that rings for ever inside a call is taken back. */
  #cancelAt: Instant | undefined

  constructor(usage: InviteUsage) {
    this.#usage = usage
  }

  get isInviting(): boolean {
    return this.#running?.method === 'INVITE'
  }

  deadline(): Instant | undefined {
    return this.#retryAt ?? this.#cancelAt
  }

  add(now: Instant, change: Change): void {
    this.#queue.push(change)
    this.pump(now)
  }

  wake(now: Instant): void {
    if (this.#cancelAt !== undefined && now >= this.#cancelAt) {
      this.#cancelAt = undefined
      this.#running?.request.cancel(now, [])
    }
    if (this.#retryAt === undefined || now < this.#retryAt) return
    this.#retryAt = undefined
    this.pump(now)
  }

  /** Sends what waits, when it may be sent. */
  pump(now: Instant): void {
    const [change] = this.#queue
    if (change === undefined || this.#running !== null || this.#retryAt !== undefined) return
    const usage = this.#usage
    if (usage.isAckHeld) return
    const method = 'sdp' in change || !usage.isUpdateAllowed ? 'INVITE' : 'UPDATE'
    if (method === 'INVITE' && !usage.mayInvite) return
    this.#queue.shift()
    this.#send(now, change, method)
  }

  /** The leg is over. */
  stop(now: Instant): void {
    this.#queue.length = 0
    this.#retryAt = undefined
    this.#cancelAt = undefined
    const running = this.#running
    this.#running = null
    running?.request.cancel(now, [])
  }

  #send(now: Instant, change: Change, method: 'INVITE' | 'UPDATE'): void {
    const usage = this.#usage
    const { leg, dialog } = usage
    const sdp = method === 'UPDATE' ? null : 'sdp' in change ? change.sdp : usage.offers.local
    if (sdp !== null) usage.offers.offer(sdp)
    const request = new LegRequest(leg.port, {
      nextUri: dialog.nextUri,
      hop: leg.hop,
      login: leg.login,
      nextCseq: () => dialog.nextCseq(),
      build: (hop, cseq, authorization) => {
        const headers: HeaderLine[] = [...leg.targetHeaders(hop), ...usage.session.requestHeaders(), ...authorization]
        if ('identity' in change && change.identity !== null) {
          headers.push(...formatAsserted(change.identity, leg.domain, leg.isIdentityTrusted))
        }
        if (sdp !== null) headers.push(sdpType)
        return dialog.request(method, cseq, headers, sdp ?? undefined)
      },
      onResponse: (at, response) => this.#onResponse(at, running, response),
      onFailure: (at, status) => this.#onFailure(at, running, status),
    })
    const running: Running = { change, method, sdp, request, ack: null, isAnswered: false }
    this.#running = running
    this.#cancelAt = method === 'INVITE' ? now + giveUpMs(leg.port.options.transactions.timers) : undefined
    request.start(now)
  }

  #onResponse(now: Instant, running: Running, response: SipMessage): void {
    const { status } = response
    if (status < 200) return
    const isInvited2xx = running.method === 'INVITE' && status < 300
    if (isInvited2xx && running.isAnswered) {
      const { ack } = running
      if (ack !== null) this.#usage.leg.port.options.transactions.sendAck(ack.hop, ack.bytes)
      return
    }
    running.isAnswered = true
    // The leg ended meanwhile: the peer gets its ACK, and nothing else happens.
    if (this.#running !== running) {
      if (isInvited2xx) this.#sendAck(now, running, response, null)
      return
    }
    this.#running = null
    this.#cancelAt = undefined
    if (status < 300) this.#onSuccess(now, running, response)
    else this.#onRefusal(now, running, response)
    this.pump(now)
    this.#usage.reschedule()
  }

  #onSuccess(now: Instant, running: Running, response: SipMessage): void {
    const usage = this.#usage
    const { change, sdp } = running
    this.#retries = 0
    const isMoved = usage.dialog.refreshTarget(response)
    usage.noteAllowed(response)
    usage.session.takeResponse(now, response)
    const remote = sdpOf(response)
    if (running.method === 'INVITE') {
      if (sdp === null && remote !== null) {
        usage.offers.ask()
        usage.owe((at, answer) => this.#sendAck(at, running, response, answer))
      } else {
        usage.offers.agree()
        this.#sendAck(now, running, response, null)
      }
    }
    if (change.kind === 'offer') this.#report(response.status, remote)
    if (isMoved || 'sdp' in change) usage.emitSnapshot(now)
  }

  #onRefusal(now: Instant, running: Running, response: SipMessage): void {
    const usage = this.#usage
    const { change, method } = running
    const { status } = response
    if (running.sdp !== null) usage.offers.refuse()
    // §12.2.1.2: "If the response for a request within a dialog is a 481 or a 408, the UAC SHOULD terminate the dialog."
    if (status === 481 || status === 408) return usage.die(now, 'error', status)
    if (status === 422 && usage.session.raise(response)) return this.#again(change)
    if (method === 'UPDATE' && (status === 405 || status === 501)) {
      usage.isUpdateAllowed = false
      return this.#again(change)
    }
    const wait = this.#glareWait(response)
    if (wait !== null && this.#retries < mostRetries) {
      this.#retries += 1
      this.#retryAt = now + wait
      return this.#again(change)
    }
    this.#giveUp(now, change, status)
  }

  #onFailure(now: Instant, running: Running, status: 408 | 503): void {
    if (this.#running !== running) return
    this.#running = null
    this.#cancelAt = undefined
    const usage = this.#usage
    if (running.sdp !== null) usage.offers.refuse()
    if (status === 408) return usage.die(now, 'timeout', status)
    this.#giveUp(now, running.change, status)
    this.pump(now)
    usage.reschedule()
  }

  #again(change: Change): void {
    this.#queue.unshift(change)
  }

  #giveUp(now: Instant, change: Change, status: number): void {
    this.#retries = 0
    if (change.kind === 'offer') this.#report(status, null)
    if (change.kind === 'refresh') this.#usage.onRefreshFailed(now)
  }

  /**
   * §14.1: after a 491 the one that made the Call-ID waits 2.1 to 4 s, the other up to 2 s, in steps of 10 ms. A 500 with
   * Retry-After says that the peer's own request is in our way (§14.2).
   */
  #glareWait(response: SipMessage): number | null {
    const { leg } = this.#usage
    const draw = (most: number) => 10 * Math.floor(leg.port.options.fraction() * (most / 10 + 1))
    if (response.status === 491) return leg.isCaller ? 2_100 + draw(1_900) : draw(2_000)
    const seconds = response.status === 500 ? retryAfter(response) : null
    return seconds === null || seconds > 10 ? null : seconds * 1000
  }

  #sendAck(now: Instant, running: Running, response: SipMessage, sdp: string | null): void {
    const { leg, dialog } = this.#usage
    const { transactions } = leg.port.options
    const { authorization } = running.request
    leg.withHop(now, dialog.nextUri, (hop) => {
      const headers = sdp === null ? authorization : [...authorization, sdpType]
      const request = dialog.request('ACK', response.cseq, headers, sdp ?? undefined)
      running.ack = { hop, bytes: transactions.formatAck(hop, request) }
      transactions.sendAck(hop, running.ack.bytes)
    })
  }

  #report(status: number, sdp: string | null): void {
    const { leg } = this.#usage
    leg.emit({ type: 'offer_result', leg: leg.id, status, sdp })
  }
}

/** Whether the peer takes UPDATE; null when the message does not say. */
export const allowsUpdate = (message: SipMessage): boolean | null =>
  message.header('allow') === undefined ? null : hasToken(message, 'allow', 'UPDATE')
