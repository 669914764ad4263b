/** What can be played: samples at 8 kHz, read a frame at a time. */
export interface Sound {
  /** In samples. */
  readonly length: number
  /** Silence before the beginning and after the end. */
  read(at: number, into: Int16Array): void
}

export const soundOf = (samples: Int16Array): Sound => ({
  length: samples.length,
  read: (at, into) => {
    for (let i = 0; i < into.length; i++) into[i] = samples[at + i] ?? 0
  },
})

export const silentSound: Sound = { length: 8_000, read: (_at, into) => into.fill(0) }

/** One run through a sound, or round and round. */
export class Playback {
  readonly play: string
  readonly #sound: Sound
  readonly #repeats: boolean
  #at = 0

  constructor(play: string, sound: Sound, repeats: boolean) {
    this.play = play
    this.#sound = sound
    this.#repeats = repeats && sound.length > 0
  }

  get isOver(): boolean {
    return !this.#repeats && this.#at >= this.#sound.length
  }

  read(into: Int16Array): void {
    const { length } = this.#sound
    this.#sound.read(this.#at, into)
    this.#at += into.length
    while (this.#repeats && this.#at >= length) {
      const over = this.#at - length
      this.#at = Math.min(over, into.length)
      // The frame's end is the next round's beginning.
      if (over > 0) this.#sound.read(0, into.subarray(into.length - this.#at))
      if (over <= into.length) break
    }
  }
}
