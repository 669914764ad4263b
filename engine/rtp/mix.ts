/**
 * Who hears whom: each speaker is put into order by a jitter buffer of its own, and every 20 ms each listener is said the
 * sum of its speakers (M8). Absolute times: a late tick makes up for what it missed, a long stall is left out.
 *
 * Listeners with the same speakers share one sum and its G.711. Of those who hear everybody but themselves the silent ones
 * share the sum of all, and the others hear that sum less their own voice: so a conference of n costs n, not n times n.
 */
import { JitterBuffer } from './jitter-buffer.ts'
import { Limiter } from './limiter.ts'
import { Frame } from './mouth.ts'
import { samplesPerMs } from './speech.ts'

const mixMs = 20
const frameSamples = mixMs * samplesPerMs
/** A stall that is longer is left out, not caught up. */
const longestStallMs = 200
/** What G.711 makes of silence. */
const silentPeak = 8

/** What a mix knows of those that it joins. */
export interface Mixable {
  readonly id: string
  /** Where its peer's voice goes to be mixed; null: nobody hears it. */
  inlet: JitterBuffer | null
}

interface Voice {
  readonly inlet: JitterBuffer
  readonly samples: Int16Array
  isSilent: boolean
}

/** A sum that is made at most once in a frame. */
class Sum {
  readonly voices: readonly Voice[]
  readonly #frame = new Frame(frameSamples)
  readonly #limiter = new Limiter()
  #madeFor = -1

  constructor(voices: readonly Voice[]) {
    this.voices = voices
  }

  /** `number`: of the frame. */
  frame(number: number, accumulator: Int32Array, add: (voices: readonly Voice[], into: Int32Array) => void): Frame {
    if (this.#madeFor === number) return this.#frame
    this.#madeFor = number
    add(this.voices, accumulator)
    return this.limited(accumulator)
  }

  limited(accumulator: Int32Array): Frame {
    this.#limiter.limit(accumulator, this.#frame.samples)
    this.#frame.renew()
    return this.#frame
  }
}

interface Listener {
  readonly sum: Sum
  /** Its own voice, where it hears everybody else. */
  readonly own: Voice | null
}

export class Mix<E extends Mixable> {
  readonly #say: (endpoint: E, frame: Frame, nowMs: number) => void
  readonly #voices = new Map<E, Voice>()
  readonly #listeners = new Map<E, Listener>()
  readonly #total = new Int32Array(frameSamples)
  readonly #accumulator = new Int32Array(frameSamples)
  #hears: ReadonlyMap<E, readonly E[]> = new Map()
  #all = new Sum([])
  #frames = 0
  #nextAtMs: number

  /** `say` is called for each listener and frame, and may take endpoints out of the mix. */
  constructor(say: (endpoint: E, frame: Frame, nowMs: number) => void, nowMs: number) {
    this.#say = say
    this.#nextAtMs = nowMs + mixMs
  }

  get isEmpty(): boolean {
    return this.#voices.size === 0 && this.#listeners.size === 0
  }

  get members(): ReadonlySet<E> {
    return new Set([...this.#listeners.keys(), ...this.#voices.keys()])
  }

  get hears(): ReadonlyMap<E, readonly E[]> {
    return this.#hears
  }

  /** In place of who heard whom before; whoever spoke and speaks still goes on without a gap. */
  set(hears: ReadonlyMap<E, readonly E[]>): void {
    const speakers = new Set([...hears.values()].flat())
    for (const endpoint of [...this.#voices.keys()]) if (!speakers.has(endpoint)) this.#silence(endpoint)
    for (const endpoint of speakers) {
      const known = this.#voices.get(endpoint)
      const inlet = known?.inlet ?? new JitterBuffer()
      endpoint.inlet = inlet
      if (!known) this.#voices.set(endpoint, { inlet, samples: new Int16Array(frameSamples), isSilent: true })
    }
    this.#hears = hears
    this.#all = new Sum([...this.#voices.values()])
    this.#listeners.clear()
    const sums = new Map<string, Sum>()
    for (const [listener, others] of hears) this.#listeners.set(listener, this.#listener(listener, others, sums))
  }

  remove(gone: E): void {
    const rest = [...this.#hears].filter(([listener]) => listener !== gone)
    this.set(new Map(rest.map(([listener, others]) => [listener, others.filter((other) => other !== gone)])))
  }

  close(): void {
    this.set(new Map())
  }

  #silence(endpoint: E): void {
    this.#voices.delete(endpoint)
    endpoint.inlet = null
  }

  #listener(listener: E, others: readonly E[], sums: Map<string, Sum>): Listener {
    const own = this.#voices.get(listener) ?? null
    const heard = new Set(others)
    const hearsOthers = [...this.#voices.keys()].every((speaker) => speaker === listener || heard.has(speaker))
    if (hearsOthers && !heard.has(listener)) return { sum: own ? new Sum([]) : this.#all, own }
    const key = [...heard]
      .map(({ id }) => id)
      .sort()
      .join(' ')
    const sum = sums.get(key) ?? new Sum([...heard].flatMap((other) => this.#voices.get(other) ?? []))
    sums.set(key, sum)
    return { sum, own: null }
  }

  /** Every 10 ms. */
  tick(nowMs: number): void {
    if (nowMs - this.#nextAtMs > longestStallMs) this.#nextAtMs = nowMs
    for (; this.#nextAtMs <= nowMs; this.#nextAtMs += mixMs) this.#mix(nowMs)
  }

  #mix(nowMs: number): void {
    this.#frames += 1
    for (const voice of this.#voices.values()) {
      voice.inlet.read(voice.samples)
      voice.isSilent = voice.samples.every((sample) => sample <= silentPeak && sample >= -silentPeak)
    }
    addVoices(this.#all.voices, this.#total)
    for (const [endpoint, listener] of this.#listeners) this.#say(endpoint, this.#frameFor(listener), nowMs)
  }

  #frameFor({ sum, own }: Listener): Frame {
    const accumulator = this.#accumulator
    if (!own) return sum.frame(this.#frames, accumulator, addVoices)
    if (own.isSilent) return this.#all.frame(this.#frames, accumulator, addVoices)
    for (let i = 0; i < frameSamples; i++) accumulator[i] = (this.#total[i] ?? 0) - (own.samples[i] ?? 0)
    return sum.limited(accumulator)
  }
}

function addVoices(voices: readonly Voice[], into: Int32Array): void {
  into.fill(0)
  for (const { samples, isSilent } of voices) {
    if (isSilent) continue
    for (let i = 0; i < frameSamples; i++) into[i] = (into[i] ?? 0) + (samples[i] ?? 0)
  }
}
