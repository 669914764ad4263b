/**
 * What waits while the database is away (T4): batches, one JSON value a line, in a file that is synced before a batch
 * counts as written. They leave it in their order; a batch that was in the database already does nothing there.
 */
import { type FileHandle, open } from 'node:fs/promises'
import type { CallBatch } from '../store/call-batch.ts'

/** Hours of calls; then new ones are refused. */
const mostBytes = 256 * 1024 * 1024
const readBytes = 65_536

export class Spool {
  readonly #file: FileHandle
  #size: number
  #read = 0
  /** The number of the last batch in it; 0: it was empty when it was opened. */
  readonly lastNumber: number

  private constructor(file: FileHandle, size: number, lastNumber: number) {
    this.#file = file
    this.#size = size
    this.lastNumber = lastNumber
  }

  static async open(path: string): Promise<Spool> {
    const file = await open(path, 'a+', 0o600)
    const text = (await file.readFile()).toString()
    // A line that was cut off by a crash was never acknowledged.
    const whole = text.slice(0, text.lastIndexOf('\n') + 1)
    const size = Buffer.byteLength(whole)
    await file.truncate(size)
    const last = whole.trimEnd().split('\n').at(-1) ?? ''
    return new Spool(file, size, last === '' ? 0 : (JSON.parse(last) as CallBatch).number)
  }

  get isEmpty(): boolean {
    return this.#read >= this.#size
  }

  get isFull(): boolean {
    return this.#size >= mostBytes
  }

  get bytes(): number {
    return this.#size - this.#read
  }

  async add(batch: CallBatch): Promise<void> {
    const line = Buffer.from(`${JSON.stringify(batch)}\n`)
    await this.#file.appendFile(line)
    await this.#file.datasync()
    this.#size += line.length
  }

  /** The oldest, which stays until `drop` says that it is in the database. */
  async first(): Promise<{ readonly batch: CallBatch; readonly drop: () => Promise<void> } | null> {
    if (this.isEmpty) return null
    const line = await this.#line()
    return {
      batch: JSON.parse(line.toString()),
      drop: async () => {
        this.#read += line.length
        if (!this.isEmpty) return
        await this.#file.truncate(0)
        this.#read = 0
        this.#size = 0
      },
    }
  }

  async #line(): Promise<Buffer> {
    const parts: Buffer[] = []
    for (let at = this.#read; ; at += readBytes) {
      const { buffer, bytesRead } = await this.#file.read(Buffer.alloc(readBytes), 0, readBytes, at)
      const chunk = buffer.subarray(0, bytesRead)
      const end = chunk.indexOf('\n')
      if (end >= 0) return Buffer.concat([...parts, chunk.subarray(0, end + 1)])
      if (bytesRead === 0) throw new Error('the spool ends within a line')
      parts.push(chunk)
    }
  }

  close(): Promise<void> {
    return this.#file.close()
  }
}
