/**
 * The codecs that we can hear and speak, and what their packets are in samples: mono at 8 kHz, on one clock of 8 kHz
 * whatever the RTP clock of the codec is (48 kHz for Opus, RFC 7587 §4.1).
 */
import { ahead32 } from '../sfu/sequence.ts'
import { decodeG711, isLaw, type Law } from './g711.ts'
import type { RemoteCodec } from './messages.ts'
import type { Opus, OpusDecoder } from './opus.ts'

export type Speech = Law | 'OPUS'

export const samplesPerMs = 8
const sampleRate = 8_000
/** The longest Opus packet: 120 ms (RFC 6716 §3.2.5). */
const longestPacket = 120 * samplesPerMs
const opusClockRate = 48_000

/** Null: a codec that we only pass on. */
export function speechOf({ name, clockRate }: Pick<RemoteCodec, 'name' | 'clockRate'>): Speech | null {
  if (isLaw(name)) return name
  return name === 'OPUS' && clockRate === opusClockRate ? 'OPUS' : null
}

export const clockRateOf = (speech: Speech): number => (speech === 'OPUS' ? opusClockRate : sampleRate)

/** RTP timestamps as places on a line of samples. */
export class SampleClock {
  #clockRate = 0
  #timestamp = 0
  #at = 0

  /** True: what was before has nothing to do with what follows. */
  isOther(clockRate: number): boolean {
    return clockRate !== this.#clockRate
  }

  at(timestamp: number, clockRate: number): number {
    const step = this.isOther(clockRate) ? 0 : (ahead32(timestamp, this.#timestamp) * sampleRate) / clockRate
    this.#clockRate = clockRate
    this.#timestamp = timestamp
    this.#at = (this.#at + Math.round(step)) >>> 0
    return this.#at
  }
}

/** What one endpoint's peer says, decoded once for everybody who needs it. */
export class Ear {
  /** Of the last packet: `length` samples that belong at `timestamp`. */
  readonly samples = new Int16Array(longestPacket)
  length = 0
  timestamp = 0
  /** Another number: another stream, whose timestamps have nothing to do with those before. */
  stream = 0
  readonly #opus: Opus
  readonly #clock = new SampleClock()
  #decoder: OpusDecoder | null = null
  #ssrc = -1

  constructor(opus: Opus) {
    this.#opus = opus
  }

  /** False: there is nothing in it that can be heard. */
  hear(speech: Speech, payload: Uint8Array, timestamp: number, ssrc: number): boolean {
    const clockRate = clockRateOf(speech)
    if (ssrc !== this.#ssrc || this.#clock.isOther(clockRate)) this.stream += 1
    this.#ssrc = ssrc
    if (!(speech === 'OPUS' ? this.#decode(payload) : this.#expand(speech, payload))) return false
    this.timestamp = this.#clock.at(timestamp, clockRate)
    return true
  }

  #expand(law: Law, payload: Uint8Array): boolean {
    if (payload.length > longestPacket) return false
    decodeG711(law, payload, 0, payload.length, this.samples)
    this.length = payload.length
    return true
  }

  #decode(payload: Uint8Array): boolean {
    this.#decoder ??= this.#opus.newDecoder()
    const decoded = this.#decoder.decode(payload)
    if (!decoded || decoded.length > longestPacket) return false
    this.samples.set(decoded)
    this.length = decoded.length
    return true
  }
}
