/**
 * baresip, a phone that nobody here wrote: in a namespace of its own, driven by its JSON control connection (ctrl_tcp),
 * sending a tone and recording what it hears.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createConnection, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from '../carillon.ts'
import { makeNamespace, type Namespace } from './namespace.ts'
import { isTone, partAt } from './sound.ts'

export interface BaresipOptions {
  readonly username: string
  readonly password: string
  readonly domain: string
  /** Carillon's SIP port. */
  readonly port: number
  readonly transport?: 'udp' | 'tcp' | 'tls'
  /** What it sends, Hz. */
  readonly tone: number
  readonly codecs?: string
  /** `srtp-mand` with TLS. */
  readonly encryption?: string
  /** By itself, at once: what other phones do when Call-Info asks them to. */
  readonly isAnswering?: boolean
  readonly more?: string
}

interface BaresipEvent {
  readonly type: string
  readonly class?: string
  readonly id?: string
  readonly peeruri?: string
  readonly param?: string
}

const controlPort = 4444

export class Baresip {
  readonly options: BaresipOptions
  readonly namespace: Namespace
  readonly folder = mkdtempSync(join(tmpdir(), 'carillon-baresip-'))
  readonly events: BaresipEvent[] = []
  output = ''
  #child: ChildProcess | null = null
  #control: Socket | null = null
  #isDriven = false
  #buffer = Buffer.alloc(0)

  private constructor(options: BaresipOptions) {
    this.options = options
    this.namespace = makeNamespace()
  }

  /** Runs, and is registered unless `isRegistering` is false. */
  static async start(options: BaresipOptions, isRegistering = true): Promise<Baresip> {
    const phone = new Baresip(options)
    try {
      phone.#configure()
      await phone.#launch()
      // Said before anybody listens to its events.
      if (isRegistering) await until(() => /200 OK .*binding/.test(phone.output), `it registers: ${phone.output}`)
      return phone
    } catch (error) {
      await phone.stop()
      throw error
    }
  }

  get records(): string {
    return join(this.folder, 'sound')
  }

  #configure(): void {
    const {
      username,
      password,
      domain,
      port,
      transport = 'udp',
      tone,
      codecs = '',
      encryption,
      more = '',
    } = this.options
    mkdirSync(this.records)
    const outbound = `sip:${this.namespace.gateway}:${transport === 'tls' ? port + 1 : port};transport=${transport}`
    const parameters = [
      `auth_user=${username}`,
      `auth_pass=${password}`,
      `outbound="${outbound}"`,
      'regint=60',
      `answermode=${this.options.isAnswering ? 'auto' : 'manual'}`,
      ...(codecs === '' ? [] : [`audio_codecs=${codecs}`]),
      ...(encryption === undefined ? [] : [`mediaenc=${encryption}`]),
    ]
    writeFileSync(
      join(this.folder, 'accounts'),
      `<sip:${username}@${domain};transport=${transport}>;${parameters.join(';')}${more}\n`,
    )
    writeFileSync(join(this.folder, 'contacts'), '')
    writeFileSync(
      join(this.folder, 'config'),
      [
        `module_path /usr/lib/baresip/modules`,
        'sip_verify_server no',
        'call_local_timeout 120',
        'call_max_calls 4',
        `audio_source ausine,${tone}`,
        'audio_player aubridge,nil',
        'audio_alert aubridge,nil',
        // All that ausine knows; it is made smaller for the codec.
        'ausrc_srate 48000',
        'ausrc_channels 2',
        'auplay_srate 8000',
        'auplay_channels 1',
        `snd_path ${this.records}`,
        `ctrl_tcp_listen 127.0.0.1:${controlPort}`,
        'module g711.so',
        'module g722.so',
        'module opus.so',
        'module srtp.so',
        'module ausine.so',
        'module aubridge.so',
        'module sndfile.so',
        'module_tmp uuid.so',
        'module_tmp account.so',
        'module_app ctrl_tcp.so',
        'module_app menu.so',
        'module_app debug_cmd.so',
        '',
      ].join('\n'),
    )
  }

  /** It ends with the test's process: one that outlived a start that failed spun on, on a whole core. */
  get #inside(): readonly string[] {
    return ['netns', 'exec', this.namespace.name, 'setpriv', '--pdeathsig', 'KILL']
  }

  async #launch(): Promise<void> {
    const child = spawn('ip', [...this.#inside, 'baresip', '-f', this.folder], { stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.on('data', (text) => (this.output += text))
    child.stderr.on('data', (text) => (this.output += text))
    this.#child = child
    await until(() => this.output.includes('baresip is ready'), `baresip runs: ${this.output}`)
    await this.#connect()
  }

  /** Its control port is inside the namespace: a process there carries it out. */
  async #connect(): Promise<void> {
    const path = join(this.folder, 'control.sock')
    const bridge = spawn('ip', [...this.#inside, process.execPath, '-e', bridgeProgram, path, String(controlPort)], {
      stdio: 'ignore',
    })
    this.#child?.once('exit', () => bridge.kill())
    await until(() => existsSync(path), 'the bridge to baresip')
    const socket = createConnection(path)
    await once(socket, 'connect')
    socket.on('data', (bytes) => this.#read(bytes))
    socket.on('error', () => {})
    this.#control = socket
    // What happens before it has taken the connection is told to nobody: a call could come and not be seen.
    this.command('listcalls')
    await until(() => this.#isDriven, 'baresip answers')
  }

  /** Netstrings of JSON. */
  #read(bytes: Buffer): void {
    this.#buffer = Buffer.concat([this.#buffer, bytes])
    for (;;) {
      const colon = this.#buffer.indexOf(':')
      if (colon < 0) return
      const length = Number(this.#buffer.subarray(0, colon).toString())
      if (this.#buffer.length < colon + length + 2) return
      const frame = JSON.parse(this.#buffer.subarray(colon + 1, colon + 1 + length).toString())
      this.#buffer = this.#buffer.subarray(colon + length + 2)
      if (frame.event) this.events.push(frame)
      if (frame.response) this.#isDriven = true
    }
  }

  command(command: string, params = ''): void {
    const text = JSON.stringify({ command, params, token: 'test' })
    this.#control?.write(`${Buffer.byteLength(text)}:${text},`)
  }

  /** The first event of that type that was not waited for yet. */
  event(type: string, ms = 15_000): Promise<BaresipEvent> {
    return until(
      () => {
        const index = this.events.findIndex((event) => event.type === type)
        return index < 0 ? undefined : this.events.splice(index, 1)[0]
      },
      `${this.options.username}: ${type}; it had ${this.events.map((event) => event.type).join(' ')}`,
      ms,
    )
  }

  dial(number: string): void {
    this.command('dial', `sip:${number}@${this.options.domain}`)
  }
  answer(): void {
    this.command('accept')
  }
  hangUp(): void {
    this.command('hangup')
  }

  hold(): void {
    this.command('hold')
  }
  resume(): void {
    this.command('resume')
  }
  transfer(number: string): void {
    this.command('transfer', `sip:${number}@${this.options.domain}`)
  }
  /** RFC 4733. */
  press(digit: string): void {
    this.command('sndcode', digit)
  }

  /** Waits until half a second of what came last is this tone. */
  async hears(hz: number, ms = 10_000): Promise<void> {
    const before = this.#heard()
    const isHeard = () => {
      const { file, samples, rate } = this.#heard()
      const since = file === before.file ? before.samples.length : 0
      const last = samples.subarray(Math.max(since, samples.length - rate / 2))
      return last.length >= rate / 2 && isTone(last, hz, rate)
    }
    await until(isHeard, `${this.options.username}: hearing ${hz} Hz`, ms)
  }

  /** The same of several tones at once, each with its part, and little besides. */
  async hearsAll(tones: readonly number[], ms = 15_000): Promise<void> {
    const isHeard = () => {
      const { samples, rate } = this.#heard()
      const last = samples.subarray(samples.length - rate / 2)
      const parts = tones.map((hz) => partAt(last, hz, rate))
      const sum = parts.reduce((all, part) => all + part, 0)
      return last.length >= rate / 2 && sum > 0.8 && parts.every((part) => part > 0.4 / tones.length)
    }
    await until(isHeard, `${this.options.username}: hearing ${tones.join(' and ')} Hz`, ms)
  }

  /** Waits until half a second of what came last is silence. */
  async hearsNothing(ms = 10_000): Promise<void> {
    const isSilent = () => {
      const { samples, rate } = this.#heard()
      const last = samples.subarray(samples.length - rate / 2)
      return last.length >= rate / 2 && last.every((sample) => Math.abs(sample) < 200)
    }
    await until(isSilent, `${this.options.username}: hearing nothing`, ms)
  }

  /** What came so far, as it lies in the recording; each call and each hold begins another. */
  #heard(): { file: string | undefined; samples: Int16Array; rate: number } {
    const file = readdirSync(this.records)
      .filter((name) => name.endsWith('-dec.wav'))
      .sort()
      .at(-1)
    const bytes = file === undefined ? Buffer.alloc(0) : readFileSync(join(this.records, file))
    const at = bytes.indexOf('data') + 8
    if (bytes.length < 44 || at < 8) return { file, samples: new Int16Array(0), rate: 8_000 }
    const samples = Int16Array.from({ length: Math.floor((bytes.length - at) / 2) }, (_, i) =>
      bytes.readInt16LE(at + 2 * i),
    )
    return { file, samples, rate: bytes.readUInt32LE(24) }
  }

  async stop(): Promise<void> {
    const child = this.#child
    if (!existsSync(this.folder)) return // stopped already
    this.#control?.destroy()
    if (child && child.exitCode === null) {
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    }
    this.namespace.remove()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

const bridgeProgram = `
const { connect, createServer } = require('node:net')
const { renameSync } = require('node:fs')
const [path, port] = process.argv.slice(1)
createServer((outside) => {
  const inside = connect(Number(port), '127.0.0.1')
  outside.pipe(inside).pipe(outside)
  for (const end of [inside, outside]) end.on('error', () => process.exit())
}).listen(path + '.new', () => renameSync(path + '.new', path)) // its name appears when it listens
`
