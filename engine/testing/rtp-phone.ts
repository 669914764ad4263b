/** A phone's RTP in a test: sends a tone, keeps what it hears, and knows what a stream should look like. */
import { decodeG711, encodeG711, type Law } from '../rtp/g711.ts'
import { read16, read32 } from '../sfu/rtp.ts'
import { sine } from './goertzel.ts'
import { rtpPacket } from './packet.ts'

export interface PhoneOptions {
  readonly hz?: number
  readonly law?: Law
  readonly payload?: number
  readonly ssrc?: number
  readonly sequence?: number
  readonly timestamp?: number
  readonly ptimeMs?: number
}

export interface HeardPacket {
  readonly payload: number
  readonly isMarked: boolean
  readonly sequence: number
  readonly timestamp: number
  readonly ssrc: number
  readonly bytes: Uint8Array
}

export class RtpPhone {
  readonly packets: HeardPacket[] = []
  sequence: number
  timestamp: number
  readonly ssrc: number
  readonly #options: Required<Pick<PhoneOptions, 'law' | 'payload' | 'ptimeMs'>>
  readonly #tone: Int16Array
  #at = 0

  constructor({ hz = 440, law = 'PCMA', ...options }: PhoneOptions = {}) {
    const payload = options.payload ?? (law === 'PCMA' ? 8 : 0)
    this.#options = { law, payload, ptimeMs: options.ptimeMs ?? 20 }
    this.ssrc = options.ssrc ?? hz
    this.sequence = options.sequence ?? 65_530
    this.timestamp = options.timestamp ?? 0xffff_ff00
    this.#tone = sine(hz, 8_000)
  }

  speech(): Uint8Array {
    const { law, payload, ptimeMs } = this.#options
    const samples = this.#tone.subarray(this.#at, this.#at + ptimeMs * 8)
    this.#at = (this.#at + samples.length) % this.#tone.length
    const codes = new Uint8Array(samples.length)
    encodeG711(law, samples, codes)
    const packet = this.packet(payload, codes, this.timestamp)
    this.timestamp = (this.timestamp + samples.length) >>> 0
    return packet
  }

  /** A key: packets of its event as they follow each other, the end three times. */
  key(event: number, payload: number, count = 3): Uint8Array[] {
    const { timestamp } = this
    const packets = Array.from({ length: count + 3 }, (_, i) => {
      const duration = Math.min(i + 1, count + 1) * 160
      return this.packet(payload, [event, i >= count ? 0x8a : 0x0a, duration >> 8, duration & 0xff], timestamp, i === 0)
    })
    this.timestamp = (this.timestamp + (count + 3) * 160) >>> 0
    return packets
  }

  packet(payloadType: number, payload: ArrayLike<number>, timestamp = this.timestamp, isMarked = false): Uint8Array {
    const { sequence, ssrc } = this
    this.sequence = (sequence + 1) & 0xffff
    return rtpPacket({ ssrc, sequence, timestamp, payloadType, isMarked, payload })
  }

  hear(bytes: Uint8Array): void {
    const second = bytes[1] ?? 0
    this.packets.push({
      payload: second & 0x7f,
      isMarked: second >= 0x80,
      sequence: read16(bytes, 2),
      timestamp: read32(bytes, 4),
      ssrc: read32(bytes, 8),
      bytes: Uint8Array.from(bytes),
    })
  }

  /** What was heard since that packet, joined. */
  heard(since = 0, law = this.#options.law): Int16Array {
    const payload = law === 'PCMA' ? 8 : 0
    const parts = this.packets.slice(since).filter((packet) => packet.payload === payload)
    const samples = new Int16Array(parts.reduce((sum, { bytes }) => sum + bytes.length - 12, 0))
    let at = 0
    for (const { bytes } of parts) {
      decodeG711(law, bytes, 12, bytes.length - 12, samples.subarray(at))
      at += bytes.length - 12
    }
    return samples
  }
}
