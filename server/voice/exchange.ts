/**
 * Joins the machines of a voice process: bytes to messages, messages to legs, legs to calls, and what calls want to the
 * wire, the media worker and the writer. All of it on one timer queue (T9).
 *
 * Invariant: after each input everything that follows from it is carried out before the next.
 */
import { Calls } from '../../engine/call/calls.ts'
import type { CallHost } from '../../engine/call/host.ts'
import type { LegId } from '../../engine/call/leg.ts'
import type { CallOutput } from '../../engine/call/services.ts'
import type { Instant } from '../../engine/machine.ts'
import type { MediaOrder, MediaReport } from '../../engine/rtp/messages.ts'
import type { Hop, LocalAddress } from '../../engine/sip/hop.ts'
import type { LegsOptions } from '../../engine/sip/leg-port.ts'
import { Legs } from '../../engine/sip/legs.ts'
import type { ParseFault, SipMessage } from '../../engine/sip/message.ts'
import { takeRandom } from '../random-bytes.ts'
import { Transactions } from '../../engine/sip/transactions.ts'
import { TimerQueue } from '../../engine/timer-queue.ts'
import type { CallBook } from './call-book.ts'
import type { Writer } from './writer.ts'

/** What calls are given from outside of the exchange. */
export type OutsideHost = Omit<CallHost, 'findDialog' | 'dialogWith'>

export interface ExchangeOptions {
  readonly send: (hop: Hop, bytes: Uint8Array, ticket: string) => void
  readonly local: (hop: Hop) => LocalAddress
  readonly legs: Pick<LegsOptions, 'locate' | 'flow' | 'authorize' | 'onRequest' | 'agent'>
  readonly host: OutsideHost
  readonly order: (order: MediaOrder) => void
  readonly book: CallBook
  readonly writer: Writer
  /** Which legs are in meetings is another. */
  readonly phonesChanged: () => void
  /** What a device is doing has changed (`calls.linesOf`). */
  readonly lineChanged: (now: Instant, deviceId: string) => void
  /** The endpoint's port is free again. */
  readonly closed: (endpoint: string) => void
  /** The port could not be bound; another one may be asked for within. */
  readonly openFailed: (endpoint: string) => void
}

/** RFC 4028 §4 recommends half an hour: a call whose phone vanished ends after it. */
const sessionSeconds = 1_800

export class Exchange {
  readonly queue = new TimerQueue()
  readonly transactions: Transactions
  readonly legs: Legs
  readonly calls: Calls
  readonly #options: ExchangeOptions
  /** Devices of which to tell when all is carried out, so that nobody is told of half a step. */
  readonly #lines = new Set<string>()
  /** What waits until all that is carried out now is durable. */
  #undurable: ((now: Instant) => void)[] = []
  #timer: NodeJS.Timeout | null = null
  #wakesAt = Number.POSITIVE_INFINITY
  #isRunning = false
  #isStopped = false

  constructor(options: ExchangeOptions) {
    this.#options = options
    const { queue } = this
    this.transactions = new Transactions({ queue, send: options.send, local: options.local, token: newToken })
    this.legs = new Legs({
      ...options.legs,
      transactions: this.transactions,
      queue,
      fraction: Math.random,
      sessionSeconds,
      whenDurable: (then) => this.#undurable.push(then),
    })
    const findDialog: CallHost['findDialog'] = (replaces) => this.legs.findDialog(replaces)
    const dialogWith: CallHost['dialogWith'] = (now, leg, answer) => this.legs.dialogWith(now, leg, answer)
    this.calls = new Calls({ ...options.host, findDialog, dialogWith }, queue)
  }

  receive(message: SipMessage | ParseFault, source: Hop): void {
    this.run((now) => {
      if (message.isFault) this.transactions.receiveFault(message, source)
      else this.transactions.receive(now, message, source)
    })
  }

  sendFailed(ticket: string): void {
    this.run((now) => this.transactions.onSendFailed(now, ticket))
  }

  flowClosed(flow: string): void {
    this.run((now) => this.transactions.onFlowClosed(now, flow))
  }

  report(report: MediaReport): void {
    if (report.type === 'open_failed') this.#options.openFailed(report.endpoint)
    this.run((now) => this.calls.handle(now, { type: 'media', report }))
    if (report.type === 'closed') this.#options.closed(report.endpoint)
  }

  /** Does something with the machines, and everything that follows. */
  run(step: (now: Instant) => void): void {
    if (this.#isStopped) return
    const now = instant()
    step(now)
    if (this.#isRunning) return // whoever called us within carries on
    this.#isRunning = true
    try {
      this.#settle(now)
    } finally {
      this.#isRunning = false
    }
    this.#keep()
    this.#arm()
  }

  stop(): void {
    this.#isStopped = true
    if (this.#timer) clearTimeout(this.#timer)
  }

  #settle(now: Instant): void {
    for (;;) {
      const event = this.legs.poll()
      if (event !== undefined) {
        this.calls.handle(now, { type: 'leg', event })
        // Of one that is refused at once nothing is recorded, and nothing would forget its name.
        const isCall = event.type === 'incoming' && this.calls.callOf(event.leg) !== undefined
        if (isCall) this.#options.book.named(event.leg, event.call.callId)
        continue
      }
      const output = this.calls.poll()
      if (output !== undefined) this.#carryOut(now, output)
      else if (this.#lines.size === 0) return
      else this.#tellOfLines(now)
    }
  }

  #keep(): void {
    const waiting = this.#undurable
    if (waiting.length === 0) return
    this.#undurable = []
    this.#options.writer.whenFlushed(() => {
      this.run((now) => {
        for (const then of waiting) then(now)
      })
    })
  }

  #tellOfLines(now: Instant): void {
    const lines = [...this.#lines]
    this.#lines.clear()
    for (const deviceId of lines) this.#options.lineChanged(now, deviceId)
  }

  #carryOut(now: Instant, output: CallOutput): void {
    const { order, book, writer } = this.#options
    switch (output.type) {
      case 'leg':
        this.legs.handle(now, output.command)
        if (output.command.type === 'dial') this.#nameOf(output.command.leg)
        return
      case 'media':
        return order(output.order)
      case 'write':
        return this.#write(output, book, writer)
      case 'line':
        this.#lines.add(output.deviceId)
        return
      case 'phones':
        this.#options.phonesChanged()
        return
      case 'done':
        return // its records are on their way
    }
  }

  #nameOf(leg: LegId): void {
    const callId = this.legs.callIdOf(leg)
    if (callId !== null) this.#options.book.named(leg, callId)
  }

  #write({ write, records }: Extract<CallOutput, { type: 'write' }>, book: CallBook, writer: Writer): void {
    for (const record of records) book.add(record)
    if (write === null) writer.poke()
    else writer.whenFlushed(() => this.run((now) => this.calls.handle(now, { type: 'flushed', write })))
  }

  /** One timer of the process for the whole queue; it may wake too early, never too late. */
  #arm(): void {
    const deadline = this.queue.deadline()
    if (deadline === undefined || deadline >= this.#wakesAt) return
    if (this.#timer) clearTimeout(this.#timer)
    this.#wakesAt = deadline
    this.#timer = setTimeout(() => this.#wake(), Math.max(0, deadline - instant()))
  }

  #wake(): void {
    this.#timer = null
    this.#wakesAt = Number.POSITIVE_INFINITY
    this.run((now) => this.queue.run(now))
    this.#arm()
  }
}

/** Wall time at the start of the process, monotonic from there: a successor's instants go on where these end (T5). */
export const instant = (): Instant => performance.timeOrigin + performance.now()

/** 96 bits, as text that may stand in a token. */
export const newToken = (): string => takeRandom(12).toString('base64url').replaceAll('_', '.')
export const newLegId = (): LegId => `leg_${takeRandom(12).toString('hex')}`
export const newCallId = (): string => `call_${takeRandom(12).toString('hex')}`
