/** What goes out on a WebSocket, at the pace of whoever reads it: one that does not is told apart by time. */
import type { WebSocket } from '@fastify/websocket'

/** Above this, more is said only when it was taken. */
const mostBuffered = 262_144

export class Outlet {
  readonly #socket: WebSocket
  readonly #slowMs: number
  readonly #onSlow: () => void
  #waiting: (() => void)[] = []
  #timer: NodeJS.Timeout | null = null

  constructor(socket: WebSocket, slowMs: number, onSlow: () => void) {
    this.#socket = socket
    this.#slowMs = slowMs
    this.#onSlow = onSlow
  }

  get isOpen(): boolean {
    return this.#socket.readyState === this.#socket.OPEN
  }

  /** Short things, which are answers to what the peer itself sent at a limited rate. */
  say(text: string): void {
    if (this.isOpen) this.#socket.send(text, () => this.#took())
  }

  /** Resolves when there is room for more. */
  room(): Promise<void> {
    if (!this.isOpen || this.#socket.bufferedAmount < mostBuffered) return Promise.resolve()
    this.#timer ??= setTimeout(this.#onSlow, this.#slowMs)
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** Nobody is there any more: whoever waits goes on, and finds it closed. */
  closed(): void {
    this.#release()
  }

  #took(): void {
    if (this.#socket.bufferedAmount < mostBuffered) this.#release()
    else this.#timer?.refresh() // it reads
  }

  #release(): void {
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}
