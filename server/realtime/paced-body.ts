/**
 * The body of an answer that goes on for ever, at the pace of whoever reads it: what was said is taken before more is
 * said, so that a reader that stops costs a few kilobytes, and is told apart from one that is only slow by time.
 */
import { Readable } from 'node:stream'

/** In characters; more is not said before somebody read. */
const highWaterMark = 32_768
/** To take the last words. */
const lastWordsMs = 5_000

export class PacedBody extends Readable {
  readonly #slowMs: number
  #isWanted = true
  #isFinished = false
  #onWanted: (() => void) | null = null

  constructor(slowMs: number) {
    super({ highWaterMark })
    this.#slowMs = slowMs
  }

  /** Says something that matters only to who is reading: left out where something waits to be taken. */
  hint(text: string): void {
    if (this.#isWanted && !this.#isOver) this.#isWanted = this.push(text, 'utf8')
  }

  /** Resolves when more may be said: false when it was not taken in time, or nobody is there any more. */
  say(text: string): Promise<boolean> {
    if (this.#isOver) return Promise.resolve(false)
    this.#isWanted = this.push(text, 'utf8')
    if (this.#isWanted) return Promise.resolve(true)
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#settle(false), this.#slowMs)
      this.#onWanted = () => {
        clearTimeout(timer)
        resolve(this.#isWanted)
      }
    })
  }

  /** Says a last thing; whoever does not take it soon is cut off. */
  finish(text: string): void {
    if (this.#isOver) return
    this.#isFinished = true
    this.push(text, 'utf8')
    this.push(null)
    const timer = setTimeout(() => this.destroy(), lastWordsMs)
    this.once('close', () => clearTimeout(timer))
  }

  override _read(): void {
    this.#settle(true)
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#settle(false)
    callback(error)
  }

  get #isOver(): boolean {
    return this.#isFinished || this.destroyed
  }

  #settle(isWanted: boolean): void {
    this.#isWanted = isWanted
    this.#onWanted?.()
    this.#onWanted = null
  }
}
