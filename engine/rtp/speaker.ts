/**
 * What an endpoint says by itself, on a clock of absolute times: a sound, digits, and, where both sides wait for the other
 * to begin, the first packets (T10). While it speaks, nothing is relayed to its peer.
 */
import type { RemoteMedia } from './messages.ts'
import { Frame, type Mouth } from './mouth.ts'
import type { OutgoingStream } from './outgoing-stream.ts'
import type { Playback } from './sound.ts'
import { samplesPerMs } from './speech.ts'
import { EventSender, eventOf } from './telephone-event.ts'

export interface SpeakerParts {
  readonly stream: OutgoingStream
  /** Used again for every packet (M5). */
  readonly scratch: Uint8Array
  readonly mouth: Mouth
  /** Events, and what only opens the way. */
  readonly send: (length: number) => void
  readonly ended: (play: string, reason: 'end' | 'stopped' | 'error', message?: string) => void
}

/** A stall that is longer is left out, not caught up. */
const longestStallMs = 200
const shortestDigitMs = 40
const pauseMs = 60
const mostDigits = 64
/** T10: how long we go first, and how long after the first packet comes the next; then each pause is twice the last. */
const openingMs = 2_000
const firstPauseMs = 100
/** RFC 6263 §4.6: a payload type that nobody negotiated, for those who have no codec of which we know the silence. */
const unknownPayload = 127

export class Speaker {
  readonly #parts: SpeakerParts
  #frame = new Frame(0)
  #remote: RemoteMedia | null = null
  #playback: Playback | null = null
  #event: EventSender | null = null
  readonly #digits: { readonly event: number; readonly durationMs: number }[] = []
  #pauseUntilMs = 0
  #nextAtMs = 0
  #openUntilMs = 0
  #openNextMs = 0
  #openPauseMs = firstPauseMs

  constructor(parts: SpeakerParts) {
    this.#parts = parts
  }

  describe(remote: RemoteMedia, nowMs: number): void {
    this.#remote = remote
    const length = this.#parts.mouth.ptimeMs * samplesPerMs
    if (this.#frame.samples.length !== length) this.#frame = new Frame(length)
    this.#openUntilMs = nowMs + openingMs
    this.#openNextMs = nowMs
    this.#openPauseMs = firstPauseMs
    if (!remote.dtmf) {
      this.#digits.length = 0
      this.#event = null
    }
    if (this.#playback && !this.#parts.mouth.canSpeak) this.#end('error', 'the peer has no codec that can be played to')
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
    if (this.#remote && !this.#parts.mouth.canSpeak) this.#end('error', 'the peer has no codec that can be played to')
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
    const { ptimeMs } = this.#parts.mouth
    if (nowMs - this.#nextAtMs > longestStallMs) this.#nextAtMs = nowMs
    for (; this.#nextAtMs <= nowMs; this.#nextAtMs += ptimeMs) {
      if (!this.#sayEvent(nowMs, ptimeMs, canSend)) this.#sayFrame(nowMs, canSend)
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
      this.#parts.send(at + 4)
    } else event.write(scratch, 12)
    if (event.isDone) {
      this.#event = null
      this.#pauseUntilMs = nowMs + pauseMs
    }
    return true
  }

  #sayFrame(nowMs: number, canSend: boolean): void {
    const playback = this.#playback
    const { mouth } = this.#parts
    if (!playback || !mouth.canSpeak) return
    playback.read(this.#frame.samples)
    this.#frame.renew()
    if (canSend) mouth.say(this.#frame, playback, nowMs)
    if (playback.isOver) this.#end('end')
  }

  /** T10: until the peer is heard, but not in place of anything that is sent anyway. */
  #open(nowMs: number, canSend: boolean): void {
    if (!canSend || nowMs >= this.#openUntilMs || nowMs < this.#openNextMs) return
    const { stream, scratch, mouth, send } = this.#parts
    const isSilent = !stream.hasSentSince(nowMs - firstPauseMs / 2)
    this.#openNextMs = nowMs + (isSilent ? this.#openPauseMs : firstPauseMs)
    if (!isSilent) return
    this.#openPauseMs *= 2
    if (mouth.canSpeak) {
      this.#frame.samples.fill(0)
      this.#frame.renew()
      return mouth.say(this.#frame, this, nowMs)
    }
    send(stream.make(scratch, { source: this, payload: unknownPayload, samples: 0, clockRate: 8_000 }, nowMs))
  }

  #end(reason: 'end' | 'stopped' | 'error', message?: string): void {
    const playback = this.#playback
    this.#playback = null
    if (playback) this.#parts.ended(playback.play, reason, message)
  }
}
