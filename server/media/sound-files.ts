/** Files of a worker: sounds that are played, kept while they are wanted often, and recordings that are written. */
import { type FileHandle, open, readFile, stat } from 'node:fs/promises'
import type { RecordingSink } from '../../engine/rtp/recording.ts'
import type { Sound } from '../../engine/rtp/sound.ts'
import { formatWavHeader, parseWav, wavHeaderBytes } from '../../engine/rtp/wav.ts'

/** An hour of A-law is 29 MB. */
const mostBytes = 64 * 1024 * 1024
const sampleRate = 8_000
/** Two seconds of one side. */
const flushBytes = 32_000

interface Kept {
  readonly sound: Sound
  readonly bytes: number
  /** Of the file as it was read: another content is another sound. */
  readonly version: string
}

export class SoundFiles {
  readonly #kept = new Map<string, Kept>()
  #bytes = 0

  load(path: string, done: (result: Sound | { readonly reason: string }) => void): void {
    this.#read(path).then(done, (error: unknown) =>
      done({ reason: error instanceof Error ? error.message : 'the file cannot be read' }),
    )
  }

  async #read(path: string): Promise<Sound | { readonly reason: string }> {
    const { size, mtimeMs, ino } = await stat(path)
    if (size > mostBytes) return { reason: 'the sound is too long' }
    const version = `${ino} ${size} ${mtimeMs}`
    const kept = this.#kept.get(path)
    if (kept?.version === version) {
      // Read last: thrown away last.
      this.#kept.delete(path)
      this.#kept.set(path, kept)
      return kept.sound
    }
    const sound = parseWav(await readFile(path))
    if (!('reason' in sound)) this.#keep(path, { sound, bytes: size, version })
    return sound
  }

  #keep(path: string, kept: Kept): void {
    this.#drop(path)
    this.#kept.set(path, kept)
    this.#bytes += kept.bytes
    for (const [oldest] of this.#kept) {
      if (this.#bytes <= mostBytes) return
      this.#drop(oldest)
    }
  }

  #drop(path: string): void {
    this.#bytes -= this.#kept.get(path)?.bytes ?? 0
    this.#kept.delete(path)
  }
}

/**
 * A WAV file in the making: written behind, in the order of the calls. Its length is written at the end; what a killed
 * worker leaves is read to its end all the same (engine/rtp/wav.ts).
 */
export class RecordingFile implements RecordingSink {
  readonly #channels: number
  #written = 0
  #pending: Buffer[] = []
  #pendingBytes = 0
  #fault: string | null = null
  #file: FileHandle | null = null
  /** Everything that was asked for so far. */
  #work: Promise<void>
  readonly ended: Promise<void>
  #end: () => void = () => {}

  constructor(path: string, channels: number) {
    this.#channels = channels
    this.ended = new Promise((resolve) => {
      this.#end = resolve
    })
    this.#work = this.#step(async () => {
      this.#file = await open(path, 'wx', 0o600)
      await this.#file.write(formatWavHeader(channels, sampleRate, 0))
    }, Promise.resolve())
  }

  get isBroken(): boolean {
    return this.#fault !== null
  }

  write(samples: Int16Array): void {
    this.#pending.push(
      Buffer.from(Uint8Array.from(new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength))),
    )
    this.#pendingBytes += samples.byteLength
    if (this.#pendingBytes >= flushBytes) this.#flush()
  }

  close(done: (fault: string | null) => void): void {
    this.#flush()
    this.#work = this.#step(async () => {
      await this.#file?.write(formatWavHeader(this.#channels, sampleRate, this.#written), 0, wavHeaderBytes, 0)
    }, this.#work).then(async () => {
      await this.#file?.close().catch((error: unknown) => this.#failed(error))
      done(this.#fault)
      this.#end()
    })
  }

  #flush(): void {
    const bytes = Buffer.concat(this.#pending)
    this.#pending = []
    this.#pendingBytes = 0
    this.#work = this.#step(async () => {
      await this.#file?.write(bytes)
      this.#written += bytes.length
    }, this.#work)
  }

  /** After a fault nothing more is written: a full disk is not asked again for each second. */
  #step(run: () => Promise<void>, after: Promise<void>): Promise<void> {
    return after.then(() => (this.#fault === null ? run() : undefined)).catch((error: unknown) => this.#failed(error))
  }

  #failed(error: unknown): void {
    this.#fault ??= error instanceof Error ? error.message : 'the file cannot be written'
  }
}
