/**
 * One page's conversation with the server. It outlives its socket by 30 s: frames are numbered and the last 256 kept,
 * so that a page that comes back is sent what it missed (M6).
 */
import type { EventParams, ServerEvent } from '../../contract/signalling.ts'
import type { PeerId } from '../../engine/sfu/messages.ts'

/** What a session needs of its WebSocket. */
export interface Wire {
  send(text: string): void
  close(): void
  /** Bytes that the kernel has not taken yet. */
  readonly bufferedBytes: number
}

const replayed = 256
const mostBuffered = 1_048_576

export class Session {
  readonly id: string
  readonly meetingId: string
  readonly ip: string
  /** Decided at `hello`; becomes a participant at `join`, another one where that one has left in between. */
  participantId: string
  readonly peerId: PeerId
  isHost: boolean
  /** Its participant was inside when it said hello: a page that was loaded anew. */
  isComingBack = false
  isJoined = false
  /** The peer exists at the worker, as far as we know. */
  isPeerOpen = false
  name: string | null = null
  wire: Wire | null = null
  /** Whoever speaks for it: the conversation of its latest socket. */
  speaker: object | null = null
  #seq = 0
  readonly #sent: { readonly seq: number; readonly text: string }[] = []

  constructor(options: {
    readonly id: string
    readonly meetingId: string
    readonly ip: string
    readonly participantId: string
    readonly peerId: PeerId
    readonly isHost: boolean
  }) {
    this.id = options.id
    this.meetingId = options.meetingId
    this.ip = options.ip
    this.participantId = options.participantId
    this.peerId = options.peerId
    this.isHost = options.isHost
  }

  tell<E extends ServerEvent>(event: E, params: EventParams<E>): void {
    this.#seq += 1
    const text = JSON.stringify({ seq: this.#seq, event, params })
    this.#sent.push({ seq: this.#seq, text })
    if (this.#sent.length > replayed) this.#sent.shift()
    this.#send(text)
  }

  reply(id: number, ok: unknown): void {
    this.#send(JSON.stringify({ re: id, ok }))
  }

  /** True when everything after `seq` could be sent again. */
  replay(seq: number): boolean {
    if (seq > this.#seq) return false
    const first = this.#sent[0]?.seq ?? this.#seq + 1
    if (seq + 1 < first) return false
    for (const frame of this.#sent) if (frame.seq > seq) this.#send(frame.text)
    return true
  }

  /** The end: nothing follows. */
  bye(reason: EventParams<'bye'>['reason'], by: string | null): void {
    this.tell('bye', { reason, by })
    this.wire?.close()
    this.wire = null
  }

  #send(text: string): void {
    if (!this.wire) return
    if (this.wire.bufferedBytes > mostBuffered) {
      // A page that does not read: it may come back and be sent what it missed.
      this.wire.close()
      this.wire = null
      return
    }
    this.wire.send(text)
  }
}
