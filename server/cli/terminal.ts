/**
 * What a command writes: results to stdout, progress and errors to stderr, both without anything that a terminal would obey
 * (S9): names and numbers in events were typed by callers.
 */
import { styleText } from 'node:util'

export type Style = Parameters<typeof styleText>[0]

export interface Streams {
  readonly out: (text: string) => void
  readonly error: (text: string) => void
  /** Colours and progress that is written over. */
  readonly isTerminal: boolean
}

/** Control characters of C0 and C1, and those that turn the direction of what follows. */
const obeyed = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu

export const withoutControls = (text: string): string => text.replaceAll(obeyed, '\ufffd')

/** JSON as one line that is safe to show: what `JSON.stringify` leaves is escaped too. */
const toLine = (value: unknown): string =>
  JSON.stringify(value).replaceAll(obeyed, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)

export class Terminal {
  readonly isJson: boolean
  readonly #streams: Streams

  constructor(streams: Streams, isJson: boolean) {
    this.#streams = streams
    this.isJson = isJson
  }

  /** A result: `value` as JSON, or its text. */
  result(value: unknown, text: () => string): void {
    this.#streams.out(`${this.isJson ? toLine(value) : text()}\n`)
  }

  /** A line of progress, beside the results. */
  note(text: string): void {
    this.#streams.error(`${text}\n`)
  }

  styled(style: Style, text: string): string {
    const clean = withoutControls(text)
    return this.#streams.isTerminal ? styleText(style, clean, { validateStream: false }) : clean
  }
}
