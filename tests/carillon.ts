/**
 * The whole product as an operator starts it, on free ports and an empty data folder: for tests that kill processes or
 * open browsers. Nothing of it is left when the file is done.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'

export const root = resolve(import.meta.dirname, '..')
const startMs = 120_000

export interface Json {
  // Answers are read field by field; a wrong shape fails the test that reads it.
  // biome-ignore lint/suspicious/noExplicitAny: JSON of the wire
  readonly [name: string]: any
}

/** Free over UDP and TCP, as those are that come after it in a row of so many. */
export async function freePort(inRow = 1): Promise<number> {
  for (;;) {
    const first = ownPorts + Math.floor(Math.random() * (portsOfEach - inRow))
    const ports = Array.from({ length: inRow }, (_, index) => first + index)
    if (ports.some((port) => givenPorts.has(port))) continue
    const areFree = await Promise.all(ports.flatMap((port) => [isFree('udp', port), isFree('tcp', port)]))
    if (!areFree.every(Boolean)) continue
    for (const port of ports) givenPorts.add(port)
    return first
  }
}

/** Below those that the kernel gives to connections: one of these may be taken before the product comes to it. */
const portsOfEach = 1_350
const half = (Number(process.env.VITEST_POOL_ID) || 0) % 2
const ownPorts = 30_000 + portsOfEach * half
const givenPorts = new Set<number>()

async function isFree(protocol: 'tcp' | 'udp', port: number): Promise<boolean> {
  const socket = protocol === 'udp' ? createSocket('udp4').bind(port) : createServer().listen(port, '127.0.0.1')
  try {
    await once(socket, 'listening')
    socket.close()
    return true
  } catch {
    return false
  }
}

/** Below the ports that the kernel gives out by itself; each product of a test run has its own, and each worker its half. */
export const ownRtpPorts = 10_000 + 10_000 * half
const rtpPorts = () => ownRtpPorts + 400 * (lastRtp++ % 25)
let lastRtp = process.pid

/** Of what an attempt still waited for when it had failed; vitest.config.ts knows it by its name. */
class AttemptOver extends Error {
  override readonly name = 'AttemptOver'
}

/** What rejects each thing that is waited for. */
const waiting = new Set<(reason: AttemptOver) => void>()

/** A second attempt begins (attempts.ts): the first one waits for nothing more. */
export function beginAttempt(): void {
  for (const reject of waiting) reject(new AttemptOver('a second attempt has begun'))
}

function inThisAttempt<T>(work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    waiting.add(reject)
    void work.then(resolve, reject).finally(() => waiting.delete(reject))
  })
}

export function until<T>(
  read: () => T | Promise<T>,
  what: string | (() => string),
  ms = 20_000,
): Promise<NonNullable<Awaited<T>>> {
  return inThisAttempt(poll(read, what, ms))
}

async function poll<T>(read: () => T | Promise<T>, what: string | (() => string), ms: number) {
  const giveUpAt = performance.now() + ms
  for (;;) {
    const value = await read()
    if (value) return value as NonNullable<Awaited<T>>
    if (performance.now() > giveUpAt)
      throw new Error(`${typeof what === 'string' ? what : what()}: not within ${ms} ms`)
    await wait(20)
  }
}

export class Carillon {
  readonly dataDir = mkdtempSync(join(tmpdir(), 'carillon-whole-'))
  readonly environment: Readonly<Record<string, string>>
  readonly url: string
  readonly webrtcPort: number
  readonly sipPort: number
  #child: ChildProcess | null = null
  #isEmpty = true
  output = ''

  private constructor(
    ports: { http: number; webrtc: number; sip: number; rtp: number },
    extra: Record<string, string>,
  ) {
    this.webrtcPort = ports.webrtc
    this.sipPort = ports.sip
    this.environment = {
      CARILLON_DATA_DIR: this.dataDir,
      CARILLON_HTTP_PORT: String(ports.http),
      CARILLON_WEBRTC_PORT: String(ports.webrtc),
      CARILLON_SIP_PORT: String(ports.sip),
      CARILLON_RTP_PORTS: `${ports.rtp}-${ports.rtp + 399}`,
      CARILLON_RATE_LIMIT: '1000000',
      CARILLON_PUBLIC_RATE_LIMIT: '1000000',
      NODE_COMPILE_CACHE: join(root, 'node_modules/.cache/node'), // as `npm start` has it
      ...extra,
    }
    const scheme = extra.CARILLON_TLS ? 'https' : 'http'
    this.url = extra.CARILLON_PUBLIC_URL ?? `${scheme}://localhost:${ports.http}`
  }

  static async start(extra: Record<string, string> = {}): Promise<Carillon> {
    // Media workers have ports in a row, and SIP over TLS has the one after SIP's.
    const workers = Number(extra.CARILLON_MEDIA_WORKERS ?? 1)
    const [http, webrtc, sip] = [await freePort(), await freePort(workers), await freePort(2)]
    const carillon = new Carillon({ http, webrtc, sip, rtp: rtpPorts() }, extra)
    try {
      await carillon.start()
    } catch (error) {
      await carillon.destroy()
      throw error
    }
    return carillon
  }

  /** Also after `destroy`: another one in the same place, which knows of nothing. */
  async start(): Promise<void> {
    if (this.#isEmpty) this.#furnish()
    const child = this.launch()
    const isUp = async () => {
      if (child.exitCode !== null) throw new Error(`it did not start:\n${this.output}`)
      // Its own api, not the last breath of one whose supervisor was killed. Few ask who runs until something answers:
      // that is a look at every process.
      return (await this.ready()) === 200 && this.pids.api > 0 && (await this.ready()) === 200
    }
    await until(isUp, 'ready', startMs)
  }

  #furnish(): void {
    this.#isEmpty = false
    this.output = ''
    mkdirSync(this.dataDir, { recursive: true, mode: 0o700 })
    // Of the run (cluster.ts), with its owner. Outside of one there is none, and the product makes its own.
    const cluster = process.env.CARILLON_TEST_CLUSTER
    if (!cluster || this.environment.DATABASE_URL) return
    execFileSync('cp', ['-a', cluster, join(this.dataDir, 'postgres')])
  }

  /** Starts it without waiting. */
  launch(): ChildProcess {
    const child = this.#spawn()
    child.stdout.on('data', (text) => (this.output += text))
    child.stderr.on('data', (text) => (this.output += text))
    this.#child = child
    return child
  }

  /** A second one with the same settings; what it said when it ended. */
  async launchBeside(): Promise<{ readonly code: number; readonly output: string }> {
    const child = this.#spawn()
    let output = ''
    child.stdout.on('data', (text) => (output += text))
    child.stderr.on('data', (text) => (output += text))
    const [code] = await once(child, 'close')
    return { code, output }
  }

  #spawn() {
    return spawn(process.execPath, ['server/main.ts'], {
      cwd: root,
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ...this.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  }

  async ready(): Promise<number> {
    try {
      return (await fetch(`${this.url}/readyz`)).status
    } catch {
      return 0
    }
  }

  get instanceKey(): string {
    return JSON.parse(readFileSync(join(this.dataDir, 'credentials.json'), 'utf8')).instanceApiKey
  }

  /** What lies in its own PostgreSQL, past everything that the API shows. */
  async openDatabase(): Promise<pg.Client> {
    const folder = join(this.dataDir, 'postgres')
    const password = readFileSync(join(folder, 'password'), 'utf8').trim()
    const place = { host: join(folder, 'sockets'), port: 5432, user: 'postgres', database: 'postgres' }
    const client = new pg.Client({ ...place, password })
    await client.connect()
    return client
  }

  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Json> {
    return inThisAttempt(this.#ask(method, path, body, headers))
  }

  async #ask(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Json> {
    const answer = await fetch(this.url + path, {
      method,
      headers: { 'content-type': 'application/json', 'x-api-key': this.instanceKey, ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    return { status: answer.status, ...((await answer.json()) as Json) }
  }

  /** An account with one organizer, as in the tutorial. */
  async account(email = `person-${Math.random().toString(36).slice(2)}@example.com`) {
    const newAccount = { accountType: 'trial', adminFirstname: 'Test', adminLastname: 'User', adminEmail: email }
    const account = await this.call('POST', '/api/v6/account', newAccount)
    const admins = await this.call('GET', `/api/v6/account/admin/${account.data.id}`)
    return { accountId: String(account.data.id), userId: String(admins.data[0].id), email }
  }

  /** A meeting that is open now. */
  async meeting(fields: Record<string, unknown> = {}): Promise<Json> {
    const { userId } = await this.account()
    const body = { topic: 'Weekly', startTime: new Date().toISOString(), duration: 60, ...fields }
    return (await this.call('POST', '/api/v6/meeting', body, { 'x-user-id': userId })).data
  }

  /** The whole log of the instance, oldest first. */
  async events(type?: string): Promise<Json[]> {
    const events: Json[] = []
    for (let after = ''; ; ) {
      const query = new URLSearchParams({
        limit: '1000',
        account: 'tree',
        ...(type && { type }),
        ...(after && { after }),
      })
      const page = await this.call('GET', `/v3.0/events?${query}`)
      if (page.status !== 200) throw new Error(JSON.stringify(page))
      events.push(...page.data)
      if (page.next === after || page.data.length === 0) return events
      after = page.next
    }
  }

  get pids() {
    const supervisor = this.#child?.pid ?? 0
    const all = processes()
    const control = (program: string) =>
      all.find(({ parent, command }) => parent === supervisor && command.includes(program))?.pid ?? 0
    const [api, voice] = [control('server/api.ts'), control('server/voice.ts')]
    const worker =
      all.find(({ command }) => command.includes('worker.ts') && command.includes(`${this.dataDir}/`))?.pid ?? 0
    return { supervisor, api, voice, worker, postgres: this.#postgresPid() }
  }

  /** All of them, where there are several. */
  get workers(): number[] {
    const isOurs = (command: string) => command.includes('worker.ts') && command.includes(`${this.dataDir}/`)
    return processes().flatMap(({ pid, command }) => (isOurs(command) ? [pid] : []))
  }

  /** Processes of a supervisor that was killed. */
  get #orphans(): number[] {
    return processes().flatMap(({ pid }) => (environmentOf(pid).includes(this.dataDir) ? [pid] : []))
  }

  #postgresPid(): number {
    const file = join(this.dataDir, 'postgres/cluster/postmaster.pid')
    return existsSync(file) ? Number(readFileSync(file, 'utf8').split('\n')[0]) : 0
  }

  async stop(): Promise<void> {
    const child = this.#child
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGTERM')
    await gone
  }

  /** Everything at once, as a power cut would. */
  async killAll(): Promise<void> {
    const { supervisor, api, voice, worker, postgres } = this.pids
    const backends = processes().filter(({ parent }) => parent === postgres)
    for (const pid of [supervisor, api, voice, worker, postgres, ...backends.map(({ pid }) => pid)]) kill(pid)
    await until(() => [supervisor, api, voice, worker, postgres].every((pid) => !isAlive(pid)), 'all dead')
  }

  async destroy(): Promise<void> {
    await this.stop()
    const left = [...this.workers, this.pids.postgres, ...this.#orphans]
    for (const pid of left) kill(pid)
    await until(() => !left.some(isAlive), 'nothing of it runs')
    rmSync(this.dataDir, { recursive: true, force: true, maxRetries: 10 })
    this.#isEmpty = true
  }
}

export function kill(pid: number): void {
  if (pid > 0 && isAlive(pid)) process.kill(pid, 'SIGKILL')
}

export function isAlive(pid: number): boolean {
  try {
    // A zombie is dead; it waits for its parent to read that.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

function environmentOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8')
  } catch {
    return '' // it ended meanwhile
  }
}

export function processes(): { pid: number; parent: number; command: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ')
        const parent = Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${name}/status`, 'utf8'))?.[1])
        return [{ pid: Number(name), parent, command }]
      } catch {
        return [] // it ended meanwhile
      }
    })
}
