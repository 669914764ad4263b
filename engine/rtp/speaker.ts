/**
 * What an endpoint says by itself, on a clock of absolute times: a sound, digits, and, where both sides wait for the other
 * to begin, the first packets (T10). While it speaks, nothing is relayed to its peer.
 */
import { encodeG711, isLaw, type Law, silence } from './g711.ts'
import type { RemoteMedia } from './messages.ts'
import type { OutgoingStream } from './outgoing-stream.ts'
import type { Playback } from './sound.ts'
import { EventSender, eventOf } from './telephone-event.ts'

export interface SpeakerParts {
  readonly stream: OutgoingStream
  /** Used again for every packet (M5). */
  readonly scratch: Uint8Array
  /** `law` of speech; null for events and what only opens the way. */
  readonly send: (length: number, law: Law | null) => void
  readonly ended: (play: string, reason: 'end' | 'stopped' | 'error', message?: string) => void
}

const samplesPerMs = 8
const longestFrameMs = 60
/** A stall that is longer is left out, not caught up. */
const longestStallMs = 200
const shortestDigitMs = 40
const pauseMs = 60
const mostDigits = 64
/** T10: how long we go first, and how often. */
const openingMs = 2_000
const openingEveryMs = 100
/** RFC 6263 §4.6: a payload type that nobody negotiated, for those who have no codec of which we know the silence. */
const unknownPayload = 127

export class Speaker {
  readonly #parts: SpeakerParts
  readonly #samples = new Int16Array(longestFrameMs * samplesPerMs)
  #remote: RemoteMedia | null = null
  #speech: { readonly law: Law; readonly payload: number } | null = null
  #playback: Playback | null = null
  #event: EventSender | null = null
  readonly #digits: { readonly event: number; readonly durationMs: number }[] = []
  #pauseUntilMs = 0
  #nextAtMs = 0
  #openUntilMs = 0
  #openNextMs = 0

  constructor(parts: SpeakerParts) {
    this.#parts = parts
  }

  describe(remote: RemoteMedia, nowMs: number): void {
    this.#remote = remote
    const codec = remote.codecs.find(({ name }) => isLaw(name))
    this.#speech = codec && isLaw(codec.name) ? { law: codec.name, payload: codec.sendPayload } : null
    this.#openUntilMs = nowMs + openingMs
    this.#openNextMs = nowMs
    if (!remote.dtmf) this.#digits.length = 0
    if (this.#playback && !this.#speech) this.#end('error', 'the peer has no codec that can be played to')
  }

  /** Whether it has the stream to itself. */
  get isSpeaking(): boolean {
    return this.#playback !== null || this.#event !== null
  }

  /** Whether it wants ticks. */
  isActive(nowMs: number): boolean {
    return this.isSpeaking || this.#digits.length > 0 || nowMs < this.#openUntilMs
  }

  play(playback: Playback, nowMs: number): void {
    this.stop()
    this.#playback = playback
    if (this.#event === null) this.#nextAtMs = nowMs
    if (this.#remote && !this.#speech) this.#end('error', 'the peer has no codec that can be played to')
  }

  stop(): void {
    if (this.#playback) this.#end('stopped')
  }

  /** False: it cannot be said, by its name or to this peer. */
  press(digit: string, durationMs: number, nowMs: number): boolean {
    const event = eventOf(digit)
    if (event === -1 || !this.#remote?.dtmf || this.#digits.length >= mostDigits) return false
    if (!this.isSpeaking && this.#digits.length === 0) this.#nextAtMs = nowMs
    this.#digits.push({ event, durationMs: Math.max(shortestDigitMs, durationMs) })
    return true
  }

  /** `canSend`: the direction allows it and there is somewhere to send to. `isHeard`: the peer's first packet came. */
  tick(nowMs: number, canSend: boolean, isHeard: boolean): void {
    if (isHeard) this.#openUntilMs = 0
    if (this.#remote === null) return
    if (!this.isSpeaking && this.#digits.length === 0) return this.#open(nowMs, canSend)
    const { ptimeMs } = this.#remote
    if (nowMs - this.#nextAtMs > longestStallMs) this.#nextAtMs = nowMs
    for (; this.#nextAtMs <= nowMs; this.#nextAtMs += ptimeMs) {
      if (!this.#sayEvent(nowMs, ptimeMs, canSend)) this.#sayFrame(nowMs, ptimeMs, canSend)
    }
  }

  #sayEvent(nowMs: number, ptimeMs: number, canSend: boolean): boolean {
    const dtmf = this.#remote?.dtmf
    if (!dtmf || nowMs < this.#pauseUntilMs) return false
    const { stream, scratch } = this.#parts
    if (this.#event === null) {
      const digit = this.#digits.shift()
      if (!digit) return false
      const timing = { timestamp: stream.startsAt(dtmf.clockRate, nowMs), clockRate: dtmf.clockRate, ptimeMs }
      this.#event = new EventSender(digit.event, digit.durationMs, timing)
    }
    const event = this.#event
    if (canSend) {
      const { timestamp } = event
      const header = { source: event, payload: dtmf.sendPayload, samples: 0, clockRate: dtmf.clockRate, timestamp }
      const at = stream.make(scratch, header, nowMs)
      event.write(scratch, at)
      this.#parts.send(at + 4, null)
    } else event.write(scratch, 12)
    if (event.isDone) {
      this.#event = null
      this.#pauseUntilMs = nowMs + pauseMs
    }
    return true
  }

  #sayFrame(nowMs: number, ptimeMs: number, canSend: boolean): void {
    const playback = this.#playback
    const speech = this.#speech
    if (!playback || !speech) return
    const samples = this.#samples.subarray(0, ptimeMs * samplesPerMs)
    playback.read(samples)
    if (canSend) {
      const { stream, scratch } = this.#parts
      const header = { source: playback, payload: speech.payload, samples: samples.length, clockRate: 8_000 }
      const at = stream.make(scratch, header, nowMs)
      encodeG711(speech.law, samples, scratch.subarray(at))
      this.#parts.send(at + samples.length, speech.law)
    }
    if (playback.isOver) this.#end('end')
  }

  /** T10: until the peer is heard, but not in place of anything that is sent anyway. */
  #open(nowMs: number, canSend: boolean): void {
    if (!canSend || nowMs >= this.#openUntilMs || nowMs < this.#openNextMs) return
    this.#openNextMs = nowMs + openingEveryMs
    const { stream, scratch } = this.#parts
    if (stream.hasSentSince(nowMs - openingEveryMs / 2)) return
    const payload = this.#speech?.payload ?? unknownPayload
    const samples = this.#speech ? 20 * samplesPerMs : 0
    const at = stream.make(scratch, { source: this, payload, samples, clockRate: 8_000 }, nowMs)
    if (this.#speech) scratch.fill(silence[this.#speech.law], at, at + samples)
    this.#parts.send(at + samples, null)
  }

  #end(reason: 'end' | 'stopped' | 'error', message?: string): void {
    const playback = this.#playback
    this.#playback = null
    if (playback) this.#parts.ended(playback.play, reason, message)
  }
}
