/** Runs sipp as phones that call Carillon and are called by it, and reads what it counted. All its files go with it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

interface SippCounts {
  readonly good: number
  readonly failed: number
  readonly again: number
}

const lastOutput = 2_000

export class Sipp {
  readonly folder = mkdtempSync(join(tmpdir(), 'carillon-sipp-'))
  /** Where its requests go to. */
  readonly #port: number
  readonly #running = new Set<ChildProcess>()

  constructor(port: number) {
    this.#port = port
  }

  /** Starts it; `name` is of its files. Until `-m` calls are done, or it is killed. */
  start(name: string, scenario: string, flags: readonly string[], port = this.#port): ChildProcess {
    const file = this.#file(name, 'xml')
    writeFileSync(file, scenario)
    const common = ['-i', '127.0.0.1', '-nostdin', '-buff_size', '4194304']
    const traces = ['-trace_stat', '-stf', this.#file(name, 'csv'), '-fd', '1', '-trace_err']
    const errors = ['-error_file', this.#file(name, 'errors')]
    const child = spawn('sipp', [`127.0.0.1:${port}`, '-sf', file, ...common, ...traces, ...errors, ...flags], {
      cwd: this.folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    const keep = (text: unknown) => (output = (output + text).slice(-lastOutput))
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    this.#running.add(child)
    child.on('exit', (code) => {
      this.#running.delete(child)
      // 1 and 253 are calls that went wrong, which `counts` tells.
      if (code !== null && code > 1 && code < 253) console.log(`${name}: sipp ended with ${code}\n${output}`)
    })
    return child
  }

  async run(name: string, scenario: string, flags: readonly string[], port = this.#port): Promise<void> {
    await once(this.start(name, scenario, flags, port), 'exit')
  }

  /** A file of lines that calls take one after the other (`-inf`). */
  lines(name: string, lines: readonly string[]): string {
    const file = this.#file(name, 'lines')
    writeFileSync(file, `${['SEQUENTIAL', ...lines].join('\n')}\n`)
    return file
  }

  /** So far. */
  counts(name: string): SippCounts {
    const [names = '', ...rows] = this.#read(name, 'csv').trim().split('\n')
    const last = rows.at(-1)?.split(';') ?? []
    const of = (column: string) => Number(last[names.split(';').indexOf(column)] ?? 0)
    return { good: of('SuccessfulCall(C)'), failed: of('FailedCall(C)'), again: of('Retransmissions(C)') }
  }

  /** What it did not expect, the first of it. */
  errors(name: string): string {
    return this.#read(name, 'errors').slice(0, 1_500)
  }

  close(): void {
    for (const child of this.#running) child.kill('SIGKILL')
    rmSync(this.folder, { recursive: true, force: true })
  }

  #file(name: string, kind: string): string {
    return join(this.folder, `${name}.${kind}`)
  }

  #read(name: string, kind: string): string {
    const file = this.#file(name, kind)
    return existsSync(file) ? readFileSync(file, 'utf8') : ''
  }
}
