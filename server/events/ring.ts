/** The newest events, as many as fit: positions have no gaps, so the place of an event is its position. */
import type { LogEvent } from './log-event.ts'

const mostEvents = 16_384
/** Characters of text; an event of a call has about 900. */
const mostChars = 24_000_000

export class Ring {
  readonly #places: (LogEvent | undefined)[] = []
  #first = 1
  /** The newest position; what comes next must follow it. */
  #last = 0
  #chars = 0

  /** Empty; what comes next follows this position. */
  reset(position: number): void {
    this.#places.length = 0
    this.#first = position + 1
    this.#last = position
    this.#chars = 0
  }

  push(event: LogEvent): void {
    if (event.position !== this.#last + 1) throw new Error(`event ${event.position} does not follow ${this.#last}`)
    while (this.#count >= mostEvents || (this.#count > 0 && this.#chars > mostChars)) this.#drop()
    this.#places[event.position % mostEvents] = event
    this.#last = event.position
    this.#chars += event.text.length
  }

  /** True when everything after this position is here. */
  isAfter(position: number): boolean {
    return position >= this.#first - 1
  }

  at(position: number): LogEvent | undefined {
    if (position < this.#first || position > this.#last) return undefined
    return this.#places[position % mostEvents]
  }

  get #count(): number {
    return this.#last - this.#first + 1
  }

  #drop(): void {
    const place = this.#first % mostEvents
    this.#chars -= this.#places[place]?.text.length ?? 0
    this.#places[place] = undefined
    this.#first += 1
  }
}
