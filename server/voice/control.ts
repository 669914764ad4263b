/**
 * The voice process's end of the Unix socket by which the api reaches it: configuration that changed is read again before
 * the api answers whoever changed it (T4), and calls are steered.
 */
import { chmodSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import type { CallCommand, CommandRefusal } from '../../engine/call/command.ts'
import type { MeetingPhone } from '../../engine/call/meeting-phone.ts'
import { LineReader } from '../media/lines.ts'
import type { OutsideCall } from '../sandbox/protocol.ts'
import type { FromVoice, ToVoice } from './control-protocol.ts'

/** Between two words that something was written: a pass of the sequencer costs as much as ten events. */
const gatherMs = 20

export interface ControlHandler {
  /** Configuration of that account is another now. */
  changed(accountId: string): Promise<void>
  command(command: CallCommand): CommandRefusal | null
  /** All legs that are in meetings. */
  phones(): readonly MeetingPhone[]
  dropPhone(participantId: string): void
  /** False: there is no simulated outside world. */
  sandboxCall(call: OutsideCall): boolean
  figures(): Extract<FromVoice, { type: 'figures' }>['figures']
}

export class Control {
  readonly #path: string
  readonly #handler: ControlHandler
  readonly #sockets = new Set<Socket>()
  #tellsPhones = false
  readonly #server: Server
  /** Runs after it was said that something was written; whether more was written since. */
  #pause: NodeJS.Timeout | null = null
  #hasMore = false

  constructor(path: string, handler: ControlHandler) {
    this.#path = path
    this.#handler = handler
    this.#server = createServer((socket) => this.#accept(socket))
  }

  open(): Promise<void> {
    rmSync(this.#path, { force: true })
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(this.#path, () => {
        chmodSync(this.#path, 0o600)
        resolve()
      })
    })
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Events wait in the inbox: said at once, under load once a pause. */
  wrote(): void {
    if (this.#pause) {
      this.#hasMore = true
      return
    }
    for (const socket of this.#sockets) say(socket, { type: 'wrote' })
    this.#hasMore = false
    this.#pause = setTimeout(() => {
      this.#pause = null
      if (this.#hasMore) this.wrote()
    }, gatherMs)
  }

  /** Several in one turn are one. */
  phonesChanged(): void {
    if (this.#tellsPhones) return
    this.#tellsPhones = true
    setImmediate(() => {
      this.#tellsPhones = false
      const phones = this.#handler.phones()
      for (const socket of this.#sockets) say(socket, { type: 'phones', phones })
    })
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket)
    say(socket, { type: 'phones', phones: this.#handler.phones() })
    const lines = new LineReader((line) => void this.#obey(socket, JSON.parse(line)))
    socket.on('data', (bytes) => lines.push(bytes))
    socket.on('error', () => {}) // `close` follows
    socket.on('close', () => this.#sockets.delete(socket))
  }

  #command(socket: Socket, { request, command }: Extract<ToVoice, { type: 'command' }>): void {
    say(socket, { type: 'commanded', request, refusal: this.#handler.command(command) })
  }

  async #obey(socket: Socket, message: ToVoice): Promise<void> {
    switch (message.type) {
      case 'changed':
        try {
          await this.#handler.changed(message.accountId)
          say(socket, { type: 'done', request: message.request, fault: null })
        } catch (error) {
          say(socket, { type: 'done', request: message.request, fault: error instanceof Error ? error.message : '' })
        }
        return
      case 'command':
        return this.#command(socket, message)
      case 'sandbox_call': {
        const fault = this.#handler.sandboxCall(message.call) ? null : 'the simulated outside world is not there'
        return void say(socket, { type: 'done', request: message.request, fault })
      }
      case 'drop_phone':
        return this.#handler.dropPhone(message.participantId)
      case 'figures':
        say(socket, { type: 'figures', request: message.request, figures: this.#handler.figures() })
    }
  }
}

const say = (socket: Socket, message: FromVoice) => socket.writable && socket.write(`${JSON.stringify(message)}\n`)
