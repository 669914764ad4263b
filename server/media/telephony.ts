/**
 * The telephone side of a media worker: the switchboard (engine/rtp) with its sockets and files, and the voice processes
 * that give it orders. Endpoints live on for 60 s without a voice process (T6); what happened meanwhile is told to the
 * next one.
 */
import { createCipheriv } from 'node:crypto'
import { Endpoint } from '../../engine/rtp/endpoint.ts'
import type { MediaOrder, MediaReport } from '../../engine/rtp/messages.ts'
import type { Sfu } from '../../engine/sfu/sfu.ts'
import { Switchboard } from '../../engine/rtp/switchboard.ts'
import { opus } from './opus.ts'
import type { FromWorker } from './protocol.ts'
import { openRtpSockets, type SocketGuard } from './rtp-sockets.ts'
import { RecordingFile, SoundFiles } from './sound-files.ts'

export type Voice = (message: FromWorker) => void

const orphanMs = 60_000
/** Reports kept for the next voice process: the oldest go first. */
const mostKept = 10_000

export class Telephony {
  readonly #voices = new Set<Voice>()
  readonly #board: Switchboard
  readonly #recordings = new Set<RecordingFile>()
  #reports: MediaReport[] = []
  #isFlushing = false
  #orphan: NodeJS.Timeout | null = null
  /** Sockets that told an error; media went on. */
  socketFaults = 0

  constructor({ rtpTimeoutMs }: { readonly rtpTimeoutMs: number }, meetings: Pick<Sfu, 'joinLine' | 'partLine'>) {
    const files = new SoundFiles()
    const guard: SocketGuard = {
      onError: () => {
        this.socketFaults += 1
      },
      fault: (endpoint, error) => this.#board.fault(endpoint, error),
    }
    this.#board = new Switchboard({
      random: Math.random,
      aes: blockCipher,
      opus,
      cname: 'carillon',
      timeoutMs: rtpTimeoutMs,
      open: (endpoint, done) => openRtpSockets(endpoint, guard, done),
      load: (path, done) => files.load(path, done),
      record: (path, channels) => this.#record(path, channels),
      meeting: (endpoint, peer, nowMs) => {
        if (peer === null) meetings.partLine(endpoint, nowMs)
        else meetings.joinLine(peer, endpoint, nowMs)
      },
      now: () => performance.now(),
      report: (report) => this.#report(report),
      fault: (error) => console.error('a telephone endpoint was closed by our fault:', error),
    })
  }

  endpoints(): ReturnType<Switchboard['endpoints']> {
    return this.#board.endpoints()
  }

  connected(voice: Voice): void {
    this.#voices.add(voice)
    if (this.#orphan) clearTimeout(this.#orphan)
    this.#orphan = null
    if (this.#reports.length > 0) this.#flushSoon()
  }

  disconnected(voice: Voice): void {
    if (!this.#voices.delete(voice) || this.#voices.size > 0) return
    this.#orphan = setTimeout(() => this.#board.closeAll(performance.now()), orphanMs)
  }

  handle(orders: readonly MediaOrder[]): void {
    const now = performance.now()
    for (const order of orders) this.#board.handle(order, now)
  }

  /** What an endpoint of ours threw elsewhere. */
  fault(line: object, error: unknown): void {
    if (line instanceof Endpoint) this.#board.fault(line, error)
  }

  tick(): void {
    this.#board.tick(performance.now())
  }

  /** Resolves when recordings are whole. */
  async close(): Promise<void> {
    this.#board.closeAll(performance.now())
    await Promise.all([...this.#recordings].map(({ ended }) => ended))
  }

  #record(path: string, channels: number): RecordingFile {
    const file = new RecordingFile(path, channels)
    this.#recordings.add(file)
    file.ended.then(() => this.#recordings.delete(file))
    return file
  }

  #report(report: MediaReport): void {
    this.#reports.push(report)
    if (this.#reports.length > mostKept) this.#reports.shift()
    if (this.#voices.size > 0) this.#flushSoon()
  }

  /** What happens in one turn of the loop is one line. */
  #flushSoon(): void {
    if (this.#isFlushing) return
    this.#isFlushing = true
    setImmediate(() => {
      this.#isFlushing = false
      if (this.#voices.size === 0) return
      const reports = this.#reports
      this.#reports = []
      for (const voice of this.#voices) voice({ type: 'rtp', reports })
    })
  }
}

/** Kept for the life of a key: making the object costs ten times what it then does (engine/rtp/srtp.ts). */
function blockCipher(key: Uint8Array): (blocks: Uint8Array) => Uint8Array {
  const cipher = createCipheriv('aes-128-ecb', key, null)
  cipher.setAutoPadding(false)
  return (blocks) => cipher.update(blocks)
}
