/**
 * Opus by libopus (`@evan/opus`: prebuilt for common machines, WebAssembly for the others) as engine/rtp/opus.ts wants it.
 */
import { Decoder, Encoder } from '@evan/opus'
import type { Opus, OpusDecoder, OpusEncoder } from '../../engine/rtp/opus.ts'

const sampleRate = 8_000
/** Narrowband speech is transparent to the ear at this rate. */
const bitrateBps = 20_000
/** Of 10: as good to hear at 8 kHz, and a quarter cheaper than the best. */
const complexity = 5

export const opus: Opus = { newEncoder, newDecoder }

function newEncoder(): OpusEncoder {
  const encoder = new Encoder({ channels: 1, sample_rate: sampleRate, application: 'voip' })
  encoder.bitrate = bitrateBps
  encoder.complexity = complexity
  return { encode: (samples) => encoder.encode(samples) }
}

function newDecoder(): OpusDecoder {
  const decoder = new Decoder({ channels: 1, sample_rate: sampleRate })
  return {
    decode: (packet) => {
      try {
        const { buffer, byteOffset, byteLength } = decoder.decode(packet)
        return new Int16Array(buffer, byteOffset, byteLength / 2)
      } catch {
        return null // What is no Opus packet is the peer's fault, and one lost packet.
      }
    },
  }
}
