/**
 * What this page receives (M1, M2). The server offers; m-lines are slots whose owner changes by a `slots` message and
 * no new description. A video slot gets its new name when the first picture of the new owner is shown, which is told by
 * its RTP timestamp: else a face would stand under another's name for a moment.
 *
 * Each slot has one media element for life, so that a picture is there already when its tile appears.
 */
import type { Slot, Source } from '../../contract/signalling.ts'
import { watchConnection, withoutCandidates } from './publish-connection.ts'

export interface SubscribeHost {
  answer(revision: number, sdp: string): Promise<unknown>
  readonly candidatesToFilter: readonly string[]
  connected(): void
  broken(): void
  /** Whose pictures and sounds are here now. */
  changed(): void
  /** The browser wants a click before it plays sound. */
  soundBlocked(): void
}

export interface VideoOf {
  readonly participantId: string
  readonly source: Source
  readonly element: HTMLVideoElement
}

interface Line {
  readonly receiver: RTCRtpReceiver
  readonly element: HTMLMediaElement
}

const patienceMs = 3_000
/** Where a browser does not tell timestamps, or the picture does not come: the name goes up all the same. */
const longestWaitMs = 1_500
const halfCircle = 0x80000000

export class SubscribeConnection {
  readonly #host: SubscribeHost
  readonly #configuration: RTCConfiguration
  #connection: RTCPeerConnection | null = null
  #queue: Promise<unknown> = Promise.resolve()
  #lastOffer = ''
  #isClosed = false
  readonly #lines = new Map<string, Line>()
  /** What the server says, and what is shown: they differ until the first picture. */
  readonly #slots = new Map<string, Slot>()
  readonly #shown = new Map<string, Slot>()
  readonly #waits = new Map<string, () => void>()
  #sink = ''

  constructor(host: SubscribeHost, configuration: RTCConfiguration) {
    this.#host = host
    this.#configuration = configuration
  }

  /** One at a time, in order. Revision 0 is a new connection. */
  offer(revision: number, sdp: string): Promise<void> {
    const run = () => this.#take(revision, sdp)
    const done = this.#queue.then(run, run)
    this.#queue = done.catch(() => {})
    return done
  }

  async #take(revision: number, sdp: string): Promise<void> {
    if (this.#isClosed) return
    // Told again after a broken socket: the answer may be what was lost.
    const isRepeated = sdp === this.#lastOffer
    if (!isRepeated && revision === 0) this.#begin()
    const connection = this.#connection
    if (!connection) return
    if (!isRepeated) {
      await connection.setRemoteDescription({ type: 'offer', sdp })
      await connection.setLocalDescription()
      this.#lastOffer = sdp
      this.#adopt(connection)
    }
    const answer = withoutCandidates(connection.localDescription?.sdp ?? '', this.#host.candidatesToFilter)
    await this.#host.answer(revision, answer)
  }

  #begin(): void {
    this.#end()
    const connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle', ...this.#configuration })
    this.#connection = connection
    watchConnection(connection, patienceMs, {
      connected: () => connection === this.#connection && this.#host.connected(),
      broken: () => connection === this.#connection && this.#host.broken(),
    })
  }

  /** New m-lines get their elements. */
  #adopt(connection: RTCPeerConnection): void {
    for (const { mid, receiver } of connection.getTransceivers()) {
      if (mid === null || this.#lines.has(mid)) continue
      const element = receiver.track.kind === 'video' ? newVideo() : newAudio(this.#sink)
      const line = { receiver, element }
      this.#lines.set(mid, line)
      // Pictures play from the start, so that the first one is up as soon as it comes; sounds when somebody has them.
      if (element instanceof HTMLVideoElement) this.#play(line)
    }
    for (const slot of [...this.#slots.values()]) this.#place(slot)
  }

  slots(slots: readonly Slot[]): void {
    for (const slot of slots) {
      this.#slots.set(slot.mid, slot)
      this.#place(slot)
    }
  }

  #place(slot: Slot): void {
    const line = this.#lines.get(slot.mid)
    if (!line) return // its m-line is in an offer that is on its way
    this.#waits.get(slot.mid)?.()
    if (line.element.srcObject === null && slot.participantId !== null) this.#play(line)
    const before = this.#shown.get(slot.mid)
    const isOther = before?.participantId !== slot.participantId || before?.source !== slot.source
    if (!isOther) return
    if (slot.kind === 'audio' || slot.participantId === null || slot.rtpTimestamp === null) return this.#show(slot)
    // Nobody's picture is up in this slot while it waits for the next one's.
    this.#show({ ...slot, participantId: null, source: null })
    this.#waitForPicture(line.receiver, slot, slot.rtpTimestamp)
  }

  #waitForPicture(receiver: RTCRtpReceiver, slot: Slot, first: number): void {
    const giveUpAt = performance.now() + longestWaitMs
    let frame = 0
    const look = () => {
      const shown = receiver.getSynchronizationSources?.()[0]?.rtpTimestamp
      const isThere = shown !== undefined && (shown - first) >>> 0 < halfCircle
      if (isThere || performance.now() > giveUpAt) {
        this.#waits.delete(slot.mid)
        this.#show(slot)
      } else frame = requestAnimationFrame(look)
    }
    this.#waits.set(slot.mid, () => {
      cancelAnimationFrame(frame)
      this.#waits.delete(slot.mid)
    })
    look()
  }

  #show(slot: Slot): void {
    this.#shown.set(slot.mid, slot)
    this.#host.changed()
  }

  #play(line: Line): void {
    line.element.srcObject = new MediaStream([line.receiver.track])
    line.element.play().catch((error: Error) => {
      if (line.element instanceof HTMLAudioElement && error.name === 'NotAllowedError') this.#host.soundBlocked()
    })
  }

  /** After a click: the browser lets sound play now. */
  playAll(): void {
    for (const { element } of this.#lines.values()) if (element.srcObject) element.play().catch(() => {})
  }

  async setSpeaker(deviceId: string): Promise<void> {
    this.#sink = deviceId
    const sounds = [...this.#lines.values()]
      .map(({ element }) => element)
      .filter((one) => one instanceof HTMLAudioElement)
    await Promise.all(sounds.map((element) => setSink(element, deviceId)))
  }

  videos(): VideoOf[] {
    const found: VideoOf[] = []
    for (const { mid, kind, participantId, source } of this.#shown.values()) {
      const element = this.#lines.get(mid)?.element
      if (kind !== 'video' || participantId === null || source === null) continue
      if (element instanceof HTMLVideoElement) found.push({ participantId, source, element })
    }
    return found
  }

  close(): void {
    this.#isClosed = true
    this.#end()
    this.#host.changed()
  }

  #end(): void {
    for (const stop of [...this.#waits.values()]) stop()
    for (const { element } of this.#lines.values()) {
      element.srcObject = null
      element.remove()
    }
    this.#lines.clear()
    this.#slots.clear()
    this.#shown.clear()
    this.#lastOffer = ''
    this.#connection?.close()
    this.#connection = null
  }
}

function newVideo(): HTMLVideoElement {
  const element = document.createElement('video')
  element.muted = true
  element.playsInline = true
  element.tabIndex = -1
  return element
}

function newAudio(sink: string): HTMLAudioElement {
  const element = document.createElement('audio')
  // In the document, because some browsers stop what is outside of it.
  document.body.append(element)
  if (sink !== '') void setSink(element, sink)
  return element
}

async function setSink(element: HTMLAudioElement, deviceId: string): Promise<void> {
  if ('setSinkId' in element) await element.setSinkId(deviceId).catch(() => {})
}
