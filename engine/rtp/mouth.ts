/**
 * Speaks to one peer in its codec: samples at 8 kHz become packets of our own making in the endpoint's stream.
 *
 * A frame that many hear is encoded once for all G.711 of one law; Opus has a state of its own for each who hears it.
 */
import { encodeG711, type Law } from './g711.ts'
import type { RemoteMedia } from './messages.ts'
import type { Opus, OpusEncoder } from './opus.ts'
import type { OutgoingStream } from './outgoing-stream.ts'
import { clockRateOf, type Speech, speechOf, samplesPerMs } from './speech.ts'

/** What is said at one time, to one or to many. */
export class Frame {
  readonly samples: Int16Array
  readonly #codes: Readonly<Record<Law, Uint8Array>>
  readonly #isEncoded: Record<Law, boolean> = { PCMA: false, PCMU: false }

  constructor(length: number) {
    this.samples = new Int16Array(length)
    this.#codes = { PCMA: new Uint8Array(length), PCMU: new Uint8Array(length) }
  }

  /** After `samples` were written. */
  renew(): void {
    this.#isEncoded.PCMA = false
    this.#isEncoded.PCMU = false
  }

  encoded(law: Law): Uint8Array {
    const codes = this.#codes[law]
    if (!this.#isEncoded[law]) encodeG711(law, this.samples, codes)
    this.#isEncoded[law] = true
    return codes
  }
}

interface MouthParts {
  readonly stream: OutgoingStream
  /** Used again for every packet (M5). */
  readonly scratch: Uint8Array
  readonly opus: Opus
  /** So many bytes of the scratch; `samples`: what they say. */
  readonly send: (length: number, samples: Int16Array, clockRate: number) => void
}

const opusFramesMs = new Set([10, 20, 40, 60])
const usualMs = 20

export class Mouth {
  readonly #parts: MouthParts
  #codec: { readonly speech: Speech; readonly payload: number } | null = null
  #ptimeMs = usualMs
  #encoder: OpusEncoder | null = null

  constructor(parts: MouthParts) {
    this.#parts = parts
  }

  describe(remote: RemoteMedia): void {
    const codec = remote.codecs.find((one) => speechOf(one) !== null)
    const speech = codec ? speechOf(codec) : null
    this.#codec = codec && speech ? { speech, payload: codec.sendPayload } : null
    const fits = speech !== 'OPUS' || opusFramesMs.has(remote.ptimeMs)
    this.#ptimeMs = fits ? remote.ptimeMs : usualMs
  }

  /** The peer has a codec that we speak. */
  get canSpeak(): boolean {
    return this.#codec !== null
  }

  /** As long as the peer wishes packets to be, where its codec can. */
  get ptimeMs(): number {
    return this.#ptimeMs
  }

  /** `source`: whoever says it; compared only. */
  say(frame: Frame, source: object, nowMs: number): void {
    if (!this.#codec) return
    const { stream, scratch, send } = this.#parts
    const { speech, payload } = this.#codec
    const clockRate = clockRateOf(speech)
    const { samples } = frame
    const units = (samples.length * clockRate) / (samplesPerMs * 1_000)
    const bytes = speech === 'OPUS' ? this.#compress(samples) : frame.encoded(speech)
    const at = stream.make(scratch, { source, payload, samples: units, clockRate }, nowMs)
    scratch.set(bytes, at)
    send(at + bytes.length, samples, clockRate)
  }

  #compress(samples: Int16Array): Uint8Array {
    this.#encoder ??= this.#parts.opus.newEncoder()
    return this.#encoder.encode(samples)
  }
}
