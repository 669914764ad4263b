/**
 * sipp as a carrier: one of the scenarios of scenarios/*.xml, as server or as caller, on an address of loopback of its
 * own, since trunks are told apart by address. What it got is read from its trace.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, until } from '../carillon.ts'

type Scenario = 'calls-in' | 'takes' | 'challenges' | 'registers' | 'is-down'

export interface CarrierOptions {
  readonly scenario: Scenario
  /** 127.0.0.2 and so on. */
  readonly address: string
  readonly port?: number
  /** How many calls until it is done. */
  readonly calls?: number
  /** `[name]` in the scenario. */
  readonly keys?: Readonly<Record<string, string | number>>
}

const timeoutSeconds = 40

export class Carrier {
  readonly address: string
  readonly port: number
  readonly #folder = mkdtempSync(join(tmpdir(), 'carillon-sipp-'))
  readonly #child: ChildProcess
  readonly #exit: Promise<number | null>
  #output = ''

  private constructor(options: CarrierOptions, port: number, more: readonly string[]) {
    this.address = options.address
    this.port = port
    const keys = Object.entries(options.keys ?? {}).flatMap(([name, value]) => ['-key', name, String(value)])
    const scenario = join(import.meta.dirname, 'scenarios', `${options.scenario}.xml`)
    const flags = ['-sf', scenario, '-i', options.address, '-p', String(port), '-m', String(options.calls ?? 1)]
    const trace = [
      '-trace_msg',
      '-message_file',
      this.#trace,
      '-trace_err',
      '-error_file',
      join(this.#folder, 'errors'),
    ]
    const limits = ['-timeout', String(timeoutSeconds), '-timeout_error', '-nostdin']
    this.#child = spawn('sipp', [...more, ...flags, ...trace, ...limits, ...keys], {
      cwd: this.#folder,
      env: { ...process.env, TERM: 'dumb' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child.stdout?.resume()
    this.#child.stderr?.on('data', (text) => (this.#output += text))
    this.#exit = new Promise((resolve) => this.#child.once('exit', resolve))
  }

  /** Waits for calls or registrations. */
  static async listen(options: CarrierOptions): Promise<Carrier> {
    const port = options.port ?? (await freePort())
    const carrier = new Carrier(options, port, [])
    await until(() => isBound(carrier.port), `sipp listens: ${carrier.#output}`)
    return carrier
  }

  /** Calls a number at that port of ours. `user`: of the request URI, where that is not the number. */
  static async call(
    options: Omit<CarrierOptions, 'scenario'> & { number: string; user?: string; to: number },
  ): Promise<Carrier> {
    const { number, user = number, to } = options
    const port = options.port ?? (await freePort())
    const keys = { ...options.keys, user }
    return new Carrier({ ...options, scenario: 'calls-in', keys }, port, ['-s', number, `127.0.0.1:${to}`])
  }

  get #trace(): string {
    return join(this.#folder, 'messages')
  }

  /** The messages that it got, oldest first. */
  get received(): string[] {
    if (!existsSync(this.#trace)) return []
    const parts = readFileSync(this.#trace, 'utf8').split(/^-{20,}.*\n/m)
    return parts
      .filter((part) => / message received \[/.test(part))
      .map((part) => part.slice(part.indexOf('\n') + 1).trimStart())
  }

  got(start: string, count = 1): Promise<string> {
    return until(
      () => this.received.filter((text) => text.startsWith(start))[count - 1],
      `${start} at ${this.address}:${this.port}`,
    )
  }

  /** Everything went as its scenario says; else what it complains of, with what it saw. */
  async done(): Promise<void> {
    const code = await this.#exit
    if (code === 0) return
    const file = join(this.#folder, 'errors')
    const errors = existsSync(file) ? readFileSync(file, 'utf8') : this.#output
    throw new Error(`sipp ended with ${code}: ${errors}\n${this.received.join('\n')}`)
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null) this.#child.kill('SIGKILL')
    await this.#exit
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** On any address of this machine. */
function isBound(port: number): boolean {
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  return new RegExp(`^ *\\d+: [0-9A-F]{8}:${hex} `, 'm').test(readFileSync('/proc/net/udp', 'utf8'))
}
