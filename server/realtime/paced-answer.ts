/**
 * The body of an answer that goes on for ever, at the pace of whoever reads it: what was said is taken before more is
 * said, so that a reader that stops costs a few kilobytes, and is told apart from one that is only slow by time.
 * It writes on the response itself: a stream piped into it would double the memory of each reader that waits.
 */
import type { ServerResponse } from 'node:http'

/** To take the last words. */
const lastWordsMs = 5_000

export class PacedAnswer {
  readonly #response: ServerResponse
  readonly #slowMs: number

  constructor(response: ServerResponse, slowMs: number) {
    this.#response = response
    this.#slowMs = slowMs
  }

  /** False after the last thing was said, and when nobody is there any more. */
  get isOpen(): boolean {
    return !this.#response.destroyed && !this.#response.writableEnded
  }

  /** Says something that matters only to who is reading: left out where something waits to be taken. */
  hint(text: string): void {
    if (this.isOpen && !this.#response.writableNeedDrain) this.#response.write(text)
  }

  /** Resolves when more may be said: false when it was not taken in time, or nobody is there any more. */
  say(text: string): Promise<boolean> {
    if (!this.isOpen) return Promise.resolve(false)
    return this.#response.write(text) ? Promise.resolve(true) : this.#taken()
  }

  /** Says a last thing; whoever does not take it soon is cut off. */
  finish(text: string): void {
    if (!this.isOpen) return
    this.#response.end(text)
    const timer = setTimeout(() => this.#response.destroy(), lastWordsMs)
    this.#response.once('close', () => clearTimeout(timer))
  }

  #taken(): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (isTaken: boolean) => {
        clearTimeout(timer)
        this.#response.off('drain', drained).off('close', gone)
        resolve(isTaken)
      }
      const drained = () => settle(true)
      const gone = () => settle(false)
      const timer = setTimeout(gone, this.#slowMs)
      this.#response.on('drain', drained).on('close', gone)
    })
  }
}
