/**
 * Who sits where. People keep the seat they came to; whoever speaks for a while and is on another page gets a seat on
 * the first one, from whoever there has been silent longest. So tiles do not jump about.
 */

export const pageLength = 9
/** A cough is not a speech. */
const speakingMs = 1_500

export class Seating {
  /** Seats on the first page. */
  visible = pageLength
  #order: string[] = []
  readonly #spokeAt = new Map<string, number>()
  #speaker: string | null = null
  #since = 0

  /** Everybody, in the order of seats. */
  get order(): readonly string[] {
    return this.#order
  }

  /** Those inside now, in the order they came. */
  setPeople(ids: readonly string[]): void {
    const inside = new Set(ids)
    const kept = this.#order.filter((id) => inside.has(id))
    const known = new Set(kept)
    this.#order = [...kept, ...ids.filter((id) => !known.has(id))]
  }

  /** Loudest first. `isHeld`: the pointer is among the tiles, which then stay where they are. */
  hear(speakers: readonly string[], nowMs: number, isHeld: boolean): void {
    for (const id of speakers) this.#spokeAt.set(id, nowMs)
    const loudest = speakers.find((id) => this.#order.includes(id)) ?? null
    if (loudest !== this.#speaker) {
      this.#speaker = loudest
      this.#since = nowMs
    }
    this.look(nowMs, isHeld)
  }

  /** True when somebody was moved. */
  look(nowMs: number, isHeld: boolean): boolean {
    const at = this.#speaker === null ? -1 : this.#order.indexOf(this.#speaker)
    if (isHeld || at < this.visible || nowMs - this.#since < speakingMs) return false
    const silent = this.#order
      .slice(0, this.visible)
      .reduce((least, id) => ((this.#spokeAt.get(id) ?? 0) < (this.#spokeAt.get(least) ?? 0) ? id : least))
    const seat = this.#order.indexOf(silent)
    this.#order = this.#order.with(seat, this.#speaker ?? silent).with(at, silent)
    return true
  }
}
