/** In the place of Opus where a test is about who hears whom: the samples as they are. */
import type { Opus } from '../rtp/opus.ts'

export const plainOpus: Opus = {
  newEncoder: () => ({ encode: (samples) => Uint8Array.from(new Uint8Array(samples.slice().buffer)) }),
  newDecoder: () => ({
    decode: (packet) => (packet.length % 2 === 0 ? new Int16Array(Uint8Array.from(packet).buffer) : null),
  }),
}
