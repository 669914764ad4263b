/** Cuts a byte stream into lines. UTF-8 has no 0x0A inside a character, so bytes are cut before they are decoded. */
const newline = 0x0a

export class LineReader {
  readonly #onLine: (line: string) => void
  #rest: Buffer[] = []

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine
  }

  push(bytes: Buffer): void {
    let from = 0
    for (let at = bytes.indexOf(newline); at !== -1; at = bytes.indexOf(newline, from)) {
      const line = Buffer.concat([...this.#rest, bytes.subarray(from, at)]).toString()
      this.#rest = []
      from = at + 1
      this.#onLine(line)
    }
    if (from < bytes.length) this.#rest.push(bytes.subarray(from))
  }
}
