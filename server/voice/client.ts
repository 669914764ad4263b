/** The api's end of the voice process's socket. It connects again by itself for as long as it lives. */
import { connect, type Socket } from 'node:net'
import type { FastifyBaseLogger } from 'fastify'
import type { CallCommand } from '../../engine/call/command.ts'
import type { MeetingPhone } from '../../engine/call/meeting-phone.ts'
import type { CommandAnswer } from '../app.ts'
import { LineReader } from '../media/lines.ts'
import type { OutsideCall } from '../sandbox/protocol.ts'
import type { FromVoice, ToVoice, VoiceFigures } from './control-protocol.ts'

const reconnectMs = 50
/** Longer than it takes to read an account; a voice process that does not answer is being restarted and will read all. */
const askMs = 3_000

interface Waiting {
  readonly resolve: (message: FromVoice | null) => void
  readonly timer: NodeJS.Timeout
}
type Asked<T> = T extends { readonly request: number } ? Omit<T, 'request'> : never

interface VoiceEvents {
  /** Events wait in the inbox. */
  wrote(): void
  /** All legs that are in meetings. */
  phones(phones: readonly MeetingPhone[]): void
  lost(): void
}

export class VoiceClient {
  readonly #path: string
  readonly #events: VoiceEvents
  readonly #log: FastifyBaseLogger
  readonly #waiting = new Map<number, Waiting>()
  #socket: Socket | null = null
  #isUp = false
  #isStopped = false
  #lastRequest = 0
  #timer: NodeJS.Timeout | null = null

  constructor(path: string, log: FastifyBaseLogger, events: VoiceEvents) {
    this.#path = path
    this.#log = log
    this.#events = events
    this.#connect()
  }

  /** It serves: its socket is opened last. */
  get isUp(): boolean {
    return this.#isUp
  }

  /** Returns when calls are routed by the new configuration; a voice process that is away reads it when it starts. */
  async changed(accountId: string): Promise<void> {
    const answer = await this.#ask({ type: 'changed', accountId })
    if (answer?.type === 'done' && answer.fault !== null) {
      this.#log.error({ accountId, fault: answer.fault }, 'the voice process could not read what changed')
    }
  }

  async figures(): Promise<VoiceFigures | null> {
    const answer = await this.#ask({ type: 'figures' })
    return answer?.type === 'figures' ? answer.figures : null
  }

  async command(command: CallCommand): Promise<CommandAnswer> {
    if (!this.#isUp) return { type: 'away' }
    const answer = await this.#ask({ type: 'command', command })
    if (answer?.type !== 'commanded') return { type: 'unknown' }
    return answer.refusal === null ? { type: 'obeyed' } : { type: 'refused', refusal: answer.refusal }
  }

  dropPhone(participantId: string): void {
    if (this.#isUp) this.#say({ type: 'drop_phone', participantId })
  }

  async sandboxCall(call: OutsideCall): Promise<boolean> {
    const answer = await this.#ask({ type: 'sandbox_call', call })
    return answer?.type === 'done' && answer.fault === null
  }

  stop(): void {
    this.#isStopped = true
    if (this.#timer) clearTimeout(this.#timer)
    this.#socket?.destroy()
  }

  #ask(question: Asked<ToVoice>): Promise<FromVoice | null> {
    const socket = this.#socket
    if (!this.#isUp || socket === null) return Promise.resolve(null)
    this.#lastRequest += 1
    const request = this.#lastRequest
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#settle(request, null), askMs)
      this.#waiting.set(request, { resolve, timer })
      this.#say({ ...question, request } as ToVoice)
    })
  }

  #say(message: ToVoice): void {
    this.#socket?.write(`${JSON.stringify(message)}\n`)
  }

  #settle(request: number, message: FromVoice | null): void {
    const waiting = this.#waiting.get(request)
    if (!waiting) return
    this.#waiting.delete(request)
    clearTimeout(waiting.timer)
    waiting.resolve(message)
  }

  #connect(): void {
    const socket = connect(this.#path)
    const lines = new LineReader((line) => {
      const message: FromVoice = JSON.parse(line)
      if (message.type === 'wrote') this.#events.wrote()
      else if (message.type === 'phones') this.#events.phones(message.phones)
      else this.#settle(message.request, message)
    })
    this.#socket = socket
    socket.on('connect', () => {
      this.#isUp = true
    })
    socket.on('data', (bytes) => lines.push(bytes))
    socket.on('error', () => {}) // `close` follows
    socket.on('close', () => {
      if (this.#isUp && !this.#isStopped) this.#events.lost()
      this.#isUp = false
      for (const request of [...this.#waiting.keys()]) this.#settle(request, null)
      if (!this.#isStopped) this.#timer = setTimeout(() => this.#connect(), reconnectMs)
    })
  }
}
