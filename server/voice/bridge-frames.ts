/**
 * How the api hands the WebSockets of phones to the voice process: one Unix socket, many connections in it. A frame is
 * its length (four octets, of what follows), its kind (one), the connection's number (four) and what it carries.
 */
import { unixSocketPath } from '../media/worker-process.ts'

/** `opened` carries a `WebPeer` as JSON, and comes from the api alone; `message` is one WebSocket message. */
export type FrameKind = 'opened' | 'message' | 'closed'

export interface Frame {
  readonly kind: FrameKind
  readonly id: number
  readonly payload: Buffer
}

export interface WebPeer {
  readonly address: string
  readonly port: number
  readonly isSecure: boolean
}

const kinds: readonly FrameKind[] = ['opened', 'message', 'closed']
const headBytes = 5
const nothing = Buffer.alloc(0)

export const bridgeSocketPath = (dataDir: string): string => unixSocketPath(dataDir, 'voice-phones.sock')

export function formatFrame(kind: FrameKind, id: number, payload: Uint8Array = nothing): Buffer {
  const frame = Buffer.alloc(4 + headBytes + payload.length)
  frame.writeUInt32BE(headBytes + payload.length, 0)
  frame.writeUInt8(kinds.indexOf(kind), 4)
  frame.writeUInt32BE(id, 5)
  frame.set(payload, 4 + headBytes)
  return frame
}

export class FrameReader {
  #rest: Buffer = nothing

  /** The frames that are whole now. Both ends are ours: one that is broken is our own fault, and throws. */
  push(bytes: Buffer): Frame[] {
    let rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    const frames: Frame[] = []
    while (rest.length >= 4) {
      const end = 4 + rest.readUInt32BE(0)
      if (rest.length < end) break
      const kind = kinds[rest.readUInt8(4)]
      if (kind === undefined) throw new Error('the bridge of WebSockets sent a frame of no kind')
      frames.push({ kind, id: rest.readUInt32BE(5), payload: rest.subarray(4 + headBytes, end) })
      rest = rest.subarray(end)
    }
    this.#rest = rest
    return frames
  }
}
