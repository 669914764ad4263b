/**
 * Opus (RFC 6716) as whoever runs us lends it: mono at 8 kHz, whatever rate or channels the other end has, because a
 * decoder gives out any of its rates and an encoder's rate is nobody else's business (RFC 7587 §4.1). So nothing is
 * resampled, and G.711 and Opus meet at the same samples.
 */
export interface Opus {
  newEncoder(): OpusEncoder
  newDecoder(): OpusDecoder
}

export interface OpusEncoder {
  /** 10, 20, 40 or 60 ms. What is returned is the caller's. */
  encode(samples: Int16Array): Uint8Array
}

export interface OpusDecoder {
  /** Null: this is no Opus packet. What is returned is overwritten by the next call, or not: use it at once. */
  decode(packet: Uint8Array): Int16Array | null
}
