/**
 * What is recorded of an endpoint: each side is put into order by a jitter buffer and read on one 20 ms clock, so that a
 * file is as long as time, whatever packets did. `both` is stereo: received on the left, sent on the right.
 */
import { JitterBuffer } from './jitter-buffer.ts'
import { type Ear, SampleClock } from './speech.ts'

/** Where the samples go: a file. Kept in the order of the calls; `close` reports what went wrong, or null. */
export interface RecordingSink {
  /** Something went wrong: nothing more is written. */
  readonly isBroken: boolean
  write(samples: Int16Array): void
  close(done: (fault: string | null) => void): void
}

const frameMs = 20
const frameSamples = 160
/** A stall that is longer is a gap of the file, not a burst of frames. */
const longestStallMs = 2_000

export class Recording {
  readonly path: string
  readonly #sink: RecordingSink
  readonly #received = new JitterBuffer()
  readonly #sent: JitterBuffer | null
  readonly #sentClock = new SampleClock()
  readonly #left = new Int16Array(frameSamples)
  readonly #right = new Int16Array(frameSamples)
  readonly #frame: Int16Array
  #stream = -1
  #isDeaf = false
  #isPaused = false
  #nextAtMs: number
  #frames = 0

  constructor(path: string, sides: 'received' | 'both', sink: RecordingSink, nowMs: number) {
    this.path = path
    this.#sink = sink
    this.#sent = sides === 'both' ? new JitterBuffer() : null
    this.#frame = sides === 'both' ? new Int16Array(2 * frameSamples) : this.#left
    this.#nextAtMs = nowMs + frameMs
  }

  get durationMs(): number {
    return this.#frames * frameMs
  }

  get isBroken(): boolean {
    return this.#sink.isBroken
  }

  onReceived(ear: Ear): void {
    if (this.#isPaused) return
    if (ear.stream !== this.#stream) this.#received.restart()
    this.#stream = ear.stream
    this.#received.write(ear.timestamp, ear.samples, ear.length)
  }

  /** There was speech that cannot be heard. */
  onUnheard(): void {
    if (!this.#isPaused) this.#isDeaf = true
  }

  /** `timestamp` and `clockRate`: of the packet as it was sent. */
  onSent(samples: Int16Array, length: number, timestamp: number, clockRate: number): void {
    if (!this.#sent || this.#isPaused) return
    if (this.#sentClock.isOther(clockRate)) this.#sent.restart()
    this.#sent.write(this.#sentClock.at(timestamp, clockRate), samples, length)
  }

  /** What came before is written to its end; what comes while it lasts is not kept, and leaves no gap. */
  pause(isPaused: boolean, nowMs: number): void {
    if (isPaused === this.#isPaused) return
    if (isPaused) this.#drain(nowMs)
    this.#isPaused = isPaused
    this.#received.restart()
    this.#sent?.restart()
    this.#nextAtMs = nowMs + frameMs
  }

  tick(nowMs: number): void {
    if (this.#isPaused) return
    if (nowMs - this.#nextAtMs > longestStallMs) this.#nextAtMs = nowMs
    for (; this.#nextAtMs <= nowMs; this.#nextAtMs += frameMs) this.#read()
  }

  /** What waits in the buffers belongs to it. */
  close(nowMs: number, done: (fault: string | null) => void): void {
    if (!this.#isPaused) this.#drain(nowMs)
    const fault = this.#isDeaf ? 'some of it was in a codec that cannot be recorded' : null
    this.#sink.close((reason) => done(reason ?? fault))
  }

  #drain(nowMs: number): void {
    this.tick(nowMs)
    while (this.#received.level > 0 || (this.#sent?.level ?? 0) > 0) this.#read()
  }

  #read(): void {
    this.#received.read(this.#left)
    if (this.#sent) {
      this.#sent.read(this.#right)
      for (let i = 0; i < frameSamples; i++) {
        this.#frame[2 * i] = this.#left[i] ?? 0
        this.#frame[2 * i + 1] = this.#right[i] ?? 0
      }
    }
    this.#frames += 1
    this.#sink.write(this.#frame)
  }
}
