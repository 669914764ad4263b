/**
 * `node dev/make-sounds.ts`: makes the sounds that Carillon brings along, into server/voice/prompts: what is said to
 * people, by espeak-ng, and the music on hold, by arithmetic. WAV files of µ-law at 8 kHz, which every phone line is.
 * Run it when a sentence changes, and commit what it made; it needs Debian's espeak-ng and ffmpeg.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { encodeG711 } from '../engine/rtp/g711.ts'

const rate = 8_000
const folder = join(import.meta.dirname, '../server/voice/prompts')

const sentences: Readonly<Record<string, { readonly voice: string; readonly forward_press_1: string }>> = {
  en: { voice: 'en-gb', forward_press_1: 'This is a forwarded call. To take it, press 1.' },
  fr: { voice: 'fr-be', forward_press_1: 'Ceci est un appel transféré. Pour le prendre, appuyez sur un.' },
  nl: { voice: 'nl', forward_press_1: 'Dit is een doorgeschakelde oproep. Druk op één om hem aan te nemen.' },
}

for (const [language, { voice, ...texts }] of Object.entries(sentences)) {
  for (const [name, text] of Object.entries(texts)) write(join(language, `${name}.wav`), speak(voice, text))
}
write('music_on_hold.wav', music())

function speak(voice: string, text: string): Int16Array {
  const spoken = execFileSync('espeak-ng', ['-v', voice, '-s', '150', '--stdout', text], { maxBuffer: 10_000_000 })
  const filter = 'silenceremove=start_periods=1:start_threshold=-50dB,highpass=f=200,loudnorm=I=-20,apad=pad_dur=0.3'
  const output = ['-af', filter, '-ar', String(rate), '-ac', '1', '-f', 's16le', '-']
  const bytes = execFileSync('ffmpeg', ['-loglevel', 'error', '-i', '-', ...output], { input: spoken })
  return Int16Array.from({ length: bytes.length / 2 }, (_, i) => bytes.readInt16LE(2 * i))
}

/** Sixteen seconds that go on from their end at their beginning: four chords, each broken into eight plucked notes. */
function music(): Int16Array {
  const noteSeconds = 0.5
  const ringSeconds = 2.5
  const chords = [
    [48, 55, 60, 64],
    [45, 52, 57, 60],
    [41, 48, 57, 60],
    [43, 50, 55, 59],
  ] as const
  const order = [0, 1, 2, 3, 2, 3, 1, 2] as const
  const notes = chords.flatMap((chord) => order.map((index) => chord[index]))
  const samples = new Float64Array(notes.length * noteSeconds * rate)
  for (const [at, key] of notes.entries()) {
    const hz = 440 * 2 ** ((key + 12 - 69) / 12)
    for (let i = 0; i < ringSeconds * rate; i++) {
      const seconds = i / rate
      const swell = Math.min(1, seconds / 0.01) * Math.exp(-2.2 * seconds) * Math.min(1, (ringSeconds - seconds) / 0.2)
      const wave = Math.sin(2 * Math.PI * hz * seconds) + 0.35 * Math.sin(4 * Math.PI * hz * seconds)
      const place = (at * noteSeconds * rate + i) % samples.length
      samples[place] = (samples[place] ?? 0) + 2_000 * swell * wave
    }
  }
  return Int16Array.from(samples, Math.round)
}

function write(name: string, samples: Int16Array): void {
  const path = join(folder, name)
  mkdirSync(join(path, '..'), { recursive: true })
  const data = new Uint8Array(samples.length)
  encodeG711('PCMU', samples, data)
  writeFileSync(path, Buffer.concat([header(data.length), data]))
  console.log(`${path}: ${(samples.length / rate).toFixed(1)} s, ${data.length + 44} bytes`)
}

/** Of RIFF, with format 7: µ-law. */
function header(length: number): Buffer {
  const bytes = Buffer.alloc(44)
  bytes.write('RIFF', 0)
  bytes.writeUInt32LE(36 + length, 4)
  bytes.write('WAVEfmt ', 8)
  bytes.writeUInt32LE(16, 16)
  bytes.writeUInt16LE(7, 20)
  bytes.writeUInt16LE(1, 22)
  bytes.writeUInt32LE(rate, 24)
  bytes.writeUInt32LE(rate, 28)
  bytes.writeUInt16LE(1, 32)
  bytes.writeUInt16LE(8, 34)
  bytes.write('data', 36)
  bytes.writeUInt32LE(length, 40)
  return bytes
}
