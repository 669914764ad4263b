/**
 * The api's end of the bridge by which WebSockets of phones reach the voice process. It connects again by itself; while
 * the voice process is away there is nobody to talk to, and phones are told to come back later.
 */
import { connect, type Socket } from 'node:net'
import { type Frame, FrameReader, formatFrame, type WebPeer } from './bridge-frames.ts'

/** A phone's WebSocket, as the bridge uses it. */
export interface PhoneSocket {
  send(message: Buffer): void
  /** The voice process is gone, and with it whatever it knew of the phone. */
  close(): void
}

export interface PhoneConnection {
  send(message: Uint8Array): void
  close(): void
}

const reconnectMs = 50
/** A voice process that does not read for so long is stuck; its supervisor will start another. */
const mostBuffered = 8_388_608

export class Bridge {
  readonly #path: string
  readonly #phones = new Map<number, PhoneSocket>()
  #socket: Socket | null = null
  #isUp = false
  #isStopped = false
  #lastId = 0
  #timer: NodeJS.Timeout | null = null

  constructor(path: string) {
    this.#path = path
    this.#connect()
  }

  /** Null: there is no voice process at the moment. */
  open(peer: WebPeer, phone: PhoneSocket): PhoneConnection | null {
    const socket = this.#socket
    if (!this.#isUp || socket === null) return null
    this.#lastId = (this.#lastId + 1) % 0x1_0000_0000
    const id = this.#lastId
    this.#phones.set(id, phone)
    socket.write(formatFrame('opened', id, Buffer.from(JSON.stringify(peer))))
    return {
      send: (message) => {
        if (!this.#phones.has(id)) return
        socket.write(formatFrame('message', id, message))
        if (socket.writableLength > mostBuffered) socket.destroy()
      },
      close: () => {
        if (this.#phones.delete(id)) socket.write(formatFrame('closed', id))
      },
    }
  }

  stop(): void {
    this.#isStopped = true
    if (this.#timer) clearTimeout(this.#timer)
    this.#socket?.destroy()
  }

  #connect(): void {
    const socket = connect(this.#path)
    const reader = new FrameReader()
    this.#socket = socket
    socket.on('connect', () => {
      this.#isUp = true
    })
    socket.on('data', (bytes) => {
      for (const frame of reader.push(bytes)) this.#take(frame)
    })
    socket.on('error', () => {}) // `close` follows
    socket.on('close', () => {
      this.#isUp = false
      const phones = [...this.#phones.values()]
      this.#phones.clear()
      for (const phone of phones) phone.close()
      if (!this.#isStopped) this.#timer = setTimeout(() => this.#connect(), reconnectMs)
    })
  }

  #take({ kind, id, payload }: Frame): void {
    const phone = this.#phones.get(id)
    if (kind === 'message') phone?.send(payload)
    else if (kind === 'closed' && this.#phones.delete(id)) phone?.close()
  }
}
