/**
 * WAV files: read into samples at 8 kHz (PCM 16 bit, A-law or µ-law, 8 or 16 kHz, the channels of a stereo file added),
 * written as PCM 16 bit. Whatever the bytes are, the answer is samples or a sentence.
 */
import { decodeG711, type Law } from './g711.ts'
import type { Sound } from './sound.ts'

const byte = (bytes: Uint8Array, at: number): number => bytes[at] ?? 0
const read16 = (bytes: Uint8Array, at: number): number => byte(bytes, at) | (byte(bytes, at + 1) << 8)
const read32 = (bytes: Uint8Array, at: number): number => (read16(bytes, at) | (read16(bytes, at + 2) << 16)) >>> 0
const tag = (bytes: Uint8Array, at: number): string =>
  String.fromCharCode(byte(bytes, at), byte(bytes, at + 1), byte(bytes, at + 2), byte(bytes, at + 3))

interface Format {
  readonly coding: 'pcm16' | Law
  readonly channels: number
  readonly sampleRate: number
}

const extensible = 0xfffe

export function parseWav(bytes: Uint8Array): Sound | { readonly reason: string } {
  if (bytes.length < 12 || tag(bytes, 0) !== 'RIFF' || tag(bytes, 8) !== 'WAVE') return { reason: 'It is no WAV file.' }
  let format: Format | { readonly reason: string } | null = null
  for (let at = 12; at + 8 <= bytes.length; ) {
    const name = tag(bytes, at)
    const from = at + 8
    // The length of a file that was never finished is 0 or wrong, like that of the whole: then it goes to the end.
    const length = Math.min(read32(bytes, at + 4), bytes.length - from)
    if (name === 'fmt ') format = parseFormat(bytes, from, length)
    if (name === 'data') {
      if (!format) return { reason: 'The WAV file does not say what it holds.' }
      if ('reason' in format) return format
      const isFinished = read32(bytes, 4) + 8 === bytes.length
      return new WavSound(bytes, from, length === 0 && !isFinished ? bytes.length - from : length, format)
    }
    at = from + length + (length % 2)
  }
  return format && 'reason' in format ? format : { reason: 'The WAV file has no sound in it.' }
}

function parseFormat(bytes: Uint8Array, at: number, length: number): Format | { readonly reason: string } {
  if (length < 16) return { reason: 'The WAV file’s format is cut off.' }
  const said = read16(bytes, at)
  const code = said === extensible && length >= 40 ? read16(bytes, at + 24) : said
  const channels = read16(bytes, at + 2)
  const sampleRate = read32(bytes, at + 4)
  const bits = read16(bytes, at + 14)
  if (channels !== 1 && channels !== 2) return { reason: 'Only WAV files of one or two channels can be played.' }
  if (sampleRate !== 8_000 && sampleRate !== 16_000) return { reason: 'Only WAV files of 8 or 16 kHz can be played.' }
  if (code === 1 && bits === 16) return { coding: 'pcm16', channels, sampleRate }
  if (code === 6 && bits === 8) return { coding: 'PCMA', channels, sampleRate }
  if (code === 7 && bits === 8) return { coding: 'PCMU', channels, sampleRate }
  return { reason: 'Only WAV files of PCM 16 bit, A-law or µ-law can be played.' }
}

/** Decoded where it is played: an hour of music costs nothing at its start. */
class WavSound implements Sound {
  readonly length: number
  readonly #bytes: Uint8Array
  readonly #from: number
  readonly #frames: number
  readonly #format: Format
  readonly #one: Int16Array

  constructor(bytes: Uint8Array, from: number, length: number, format: Format) {
    const width = format.coding === 'pcm16' ? 2 : 1
    this.#bytes = bytes
    this.#from = from
    this.#format = format
    this.#frames = Math.floor(length / (width * format.channels))
    this.#one = new Int16Array(1)
    this.length = format.sampleRate === 16_000 ? this.#frames >> 1 : this.#frames
  }

  read(at: number, into: Int16Array): void {
    const isWide = this.#format.sampleRate === 16_000
    for (let i = 0; i < into.length; i++) into[i] = isWide ? this.#halved(2 * (at + i)) : this.#frame(at + i)
  }

  #halved(middle: number): number {
    let sum = 0
    for (let tap = 0; tap < taps.length; tap++) sum += (taps[tap] ?? 0) * this.#frame(middle + tap - halfTaps)
    return Math.max(-32_768, Math.min(32_767, Math.round(sum)))
  }

  #frame(index: number): number {
    if (index < 0 || index >= this.#frames) return 0
    if (this.#format.channels === 1) return this.#sample(index)
    return (this.#sample(2 * index) + this.#sample(2 * index + 1)) >> 1
  }

  #sample(index: number): number {
    const { coding } = this.#format
    if (coding === 'pcm16') return (read16(this.#bytes, this.#from + 2 * index) << 16) >> 16
    decodeG711(coding, this.#bytes, this.#from + index, 1, this.#one)
    return this.#one[0] ?? 0
  }
}

/** A half-band filter (a windowed sinc), so that what lies over 4 kHz does not fold down. */
const halfTaps = 15
const taps = Float32Array.from({ length: 2 * halfTaps + 1 }, (_, i) => {
  const x = i - halfTaps
  const sinc = x === 0 ? 0.5 : Math.sin((Math.PI * x) / 2) / (Math.PI * x)
  return sinc * (0.54 + 0.46 * Math.cos((Math.PI * x) / (halfTaps + 0.5)))
})

export const wavHeaderBytes = 44

/** Of PCM 16 bit; written again with the true length when a recording ends. */
export function formatWavHeader(channels: number, sampleRate: number, dataBytes: number): Uint8Array {
  const bytes = new Uint8Array(wavHeaderBytes)
  const view = new DataView(bytes.buffer)
  const write = (at: number, text: string) => {
    for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i)
  }
  write(0, 'RIFF')
  view.setUint32(4, wavHeaderBytes - 8 + dataBytes, true)
  write(8, 'WAVEfmt ')
  view.setUint32(16, 16, true)
  view.setUint16(20, 1, true)
  view.setUint16(22, channels, true)
  view.setUint32(24, sampleRate, true)
  view.setUint32(28, sampleRate * channels * 2, true)
  view.setUint16(32, channels * 2, true)
  view.setUint16(34, 16, true)
  write(36, 'data')
  view.setUint32(40, dataBytes, true)
  return bytes
}
