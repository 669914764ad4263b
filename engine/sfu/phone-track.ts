/**
 * A phone in a meeting, as everybody else sees it: the RTP that a browser with nothing but a microphone would send, Opus
 * (RFC 7587) with its level (RFC 6464). Silence is not sent, as browsers do with DTX (M16).
 */
import type { JitterBuffer } from '../rtp/jitter-buffer.ts'
import type { Mixable } from '../rtp/mix.ts'
import type { Frame } from '../rtp/mouth.ts'
import type { Opus, OpusEncoder } from '../rtp/opus.ts'
import { write16, write32 } from './rtp.ts'

/** The endpoint of a phone's leg (engine/rtp): it is said a mix, and its peer's voice comes through its inlet. */
export interface PhoneLine extends Mixable {
  say(frame: Frame, source: object, nowMs: number): void
}

const payloadType = 111
const levelId = 1
const mid = '0'
const unitsPerSample = 6
const headerBytes = 20
/** What G.711 makes of silence. */
const silentPeak = 8
/** The room's own noise dies away before nothing comes any more. */
const framesBeforeSilence = 25
/** -dBov. */
const silentLevel = 127
const voiceLevel = 60

/** What it offers, in the words of RFC 8829: nobody is at the other end of that transport. */
export const phoneOffer = (ssrc: number): string =>
  [
    'v=0',
    'o=- 1 1 IN IP4 127.0.0.1',
    's=-',
    't=0 0',
    `a=group:BUNDLE ${mid}`,
    `m=audio 9 UDP/TLS/RTP/SAVPF ${payloadType}`,
    'c=IN IP4 0.0.0.0',
    `a=mid:${mid}`,
    'a=sendonly',
    'a=rtcp-mux',
    'a=ice-ufrag:phone',
    'a=ice-pwd:phonephonephonephonephone',
    `a=fingerprint:sha-256 ${new Array(32).fill('00').join(':')}`,
    'a=setup:active',
    `a=rtpmap:${payloadType} opus/48000/2`,
    `a=extmap:${levelId} urn:ietf:params:rtp-hdrext:ssrc-audio-level`,
    `a=ssrc:${ssrc} cname:phone`,
    '',
  ].join('\r\n')

export const phoneSources = { [mid]: 'microphone' } as const

export class PhoneTrack implements Mixable {
  readonly id: string
  /** Nobody hears it: the phone itself is what is mixed. */
  inlet: JitterBuffer | null = null
  readonly #ssrc: number
  readonly #encoder: OpusEncoder
  readonly #publish: (packet: Uint8Array) => void
  #sequence: number
  #timestamp: number
  #silentFrames = framesBeforeSilence

  constructor(id: string, ssrc: number, opus: Opus, random: () => number, publish: (packet: Uint8Array) => void) {
    this.id = id
    this.#ssrc = ssrc
    this.#encoder = opus.newEncoder()
    this.#publish = publish
    this.#sequence = Math.floor(random() * 32_768)
    this.#timestamp = Math.floor(random() * 2 ** 32)
  }

  say({ samples }: Frame, _source: object, _nowMs: number): void {
    const isSilent = samples.every((sample) => sample <= silentPeak && sample >= -silentPeak)
    const isFirst = !isSilent && this.#silentFrames >= framesBeforeSilence
    this.#silentFrames = isSilent ? this.#silentFrames + 1 : 0
    this.#timestamp = (this.#timestamp + samples.length * unitsPerSample) >>> 0
    if (this.#silentFrames < framesBeforeSilence) this.#publish(this.#packet(samples, isFirst))
  }

  #packet(samples: Int16Array, isFirst: boolean): Uint8Array {
    const speech = this.#encoder.encode(samples)
    const packet = new Uint8Array(headerBytes + speech.length)
    this.#sequence = (this.#sequence + 1) & 0xffff
    packet[0] = 0x90
    packet[1] = (isFirst ? 0x80 : 0) | payloadType
    write16(packet, 2, this.#sequence)
    write32(packet, 4, this.#timestamp)
    write32(packet, 8, this.#ssrc)
    write32(packet, 12, 0xbede_0001)
    packet[16] = levelId << 4
    packet[17] = levelOf(samples)
    packet.set(speech, headerBytes)
    return packet
  }
}

/** RFC 6464 §3: -dBov, and the bit for what is loud enough for a voice. */
function levelOf(samples: Int16Array): number {
  let power = 0
  for (const sample of samples) power += sample * sample
  if (power === 0) return silentLevel
  const dBov = 10 * Math.log10(power / samples.length / 32_768 ** 2)
  const level = Math.min(silentLevel, Math.max(0, Math.round(-dBov)))
  return level < voiceLevel ? 0x80 | level : level
}
