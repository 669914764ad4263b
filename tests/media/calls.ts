/** Telephone calls for a test: a media worker in its own process, voice's client, and phones on real sockets. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { MediaReport, RemoteMedia } from '../../engine/rtp/messages.ts'
import { type PhoneOptions, RtpPhone } from '../../engine/testing/rtp-phone.ts'
import { MediaClient } from '../../server/voice/media-client.ts'
import { freeUdpPort, until } from './worker.ts'

const program = join(import.meta.dirname, '../../server/media/worker.ts')
export type ReportOf<T extends MediaReport['type']> = Extract<MediaReport, { type: T }>

export class CallWorker {
  readonly folder = mkdtempSync(join(tmpdir(), 'carillon-calls-'))
  readonly reports: MediaReport[] = []
  process: ChildProcess
  client: MediaClient
  readonly #settings: string

  private constructor(udpPort: number) {
    const socketPath = join(this.folder, 'media.sock')
    this.#settings = JSON.stringify({
      socketPath,
      udpPort,
      bindAddress: '127.0.0.1',
      candidates: [],
      mendedPort: null,
      rtpTimeoutMs: 60_000,
    })
    this.process = this.launch()
    this.client = this.#connect()
  }

  static async start(): Promise<CallWorker> {
    const worker = new CallWorker(await freeUdpPort())
    await until('the worker is up', () => worker.client.isUp)
    return worker
  }

  launch(): ChildProcess {
    this.process = spawn(process.execPath, ['--expose-gc', program, this.#settings], {
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    return this.process
  }

  #connect(): MediaClient {
    const { socketPath } = JSON.parse(this.#settings)
    return new MediaClient(socketPath, (report) => this.reports.push(report))
  }

  /** Another voice process takes over. */
  async restartVoice(): Promise<void> {
    this.client.stop()
    this.client = this.#connect()
    await until('voice is connected again', () => this.client.isUp)
  }

  of<T extends MediaReport['type']>(type: T, endpoint?: string): ReportOf<T>[] {
    const isIt = (report: MediaReport): report is ReportOf<T> => report.type === type
    return this.reports.filter(isIt).filter((report) => endpoint === undefined || report.endpoint === endpoint)
  }

  async report<T extends MediaReport['type']>(type: T, endpoint: string): Promise<ReportOf<T>> {
    await until(
      `${type} of ${endpoint}`,
      () => this.of(type, endpoint).length > 0,
      () => this.reports,
    )
    const found = this.of(type, endpoint).at(-1)
    if (!found) throw new Error('it was there')
    return found
  }

  /** An endpoint for that phone, open. */
  async leg(endpoint: string, phone: Phone, remote: Partial<RemoteMedia> = {}): Promise<number> {
    const port = await freePair(phone.address)
    this.client.order({ type: 'open', endpoint, port, address: phone.address })
    await this.report('opened', endpoint)
    this.client.order({ type: 'remote', endpoint, remote: { ...phone.describe(), ...remote } })
    phone.to = port
    return port
  }

  async bridged(a: Phone, b: Phone, ra: Partial<RemoteMedia> = {}, rb: Partial<RemoteMedia> = {}): Promise<void> {
    await this.leg('a', a, ra)
    await this.leg('b', b, rb)
    this.client.order({ type: 'bridge', a: 'a', b: 'b' })
  }

  async stop(): Promise<void> {
    this.client.stop()
    await end(this.process, 'SIGTERM')
    rmSync(this.folder, { recursive: true, force: true })
  }
}

export async function end(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill(signal)
  await ended
}

/** A phone with a socket: talks on a clock of 20 ms, or sends what a test wants. */
export class Phone {
  readonly rtp: RtpPhone
  readonly address: string
  to = 0
  toAddress: string
  readonly control: Uint8Array[] = []
  /** What a test does with each packet that comes, before the phone hears it. */
  onPacket: (bytes: Buffer) => Uint8Array = (bytes) => bytes
  #talking: NodeJS.Timeout | null = null
  readonly #socket: Socket
  readonly #controlSocket: Socket

  private constructor(socket: Socket, control: Socket, options: PhoneOptions, address: string) {
    this.#socket = socket
    this.#controlSocket = control
    this.rtp = new RtpPhone(options)
    this.address = address
    this.toAddress = address
    socket.on('message', (bytes) => this.rtp.hear(this.onPacket(bytes)))
    control.on('message', (bytes) => this.control.push(bytes))
  }

  static async open(options: PhoneOptions = {}, address = '127.0.0.1'): Promise<Phone> {
    const [socket, control] = await Promise.all([bound(address), bound(address)])
    return new Phone(socket, control, options, address)
  }

  get port(): number {
    return this.#socket.address().port
  }

  describe(): RemoteMedia {
    const { address } = this
    const rtcpPort = this.#controlSocket.address().port
    return { ...plainMedia, address, signalling: address, port: this.port, rtcpPort }
  }

  send(bytes: Uint8Array): void {
    this.#socket.send(bytes, this.to, this.toAddress)
  }

  sendControl(bytes: Uint8Array): void {
    this.#controlSocket.send(bytes, this.to + 1, this.toAddress)
  }

  /** `make`: another packet than plain speech. */
  talk(make: () => Uint8Array = () => this.rtp.speech()): void {
    const startedAt = performance.now()
    let sent = 0
    this.#talking = setInterval(() => {
      for (; sent * 20 <= performance.now() - startedAt; sent++) this.send(make())
    }, 10)
  }

  hush(): void {
    if (this.#talking) clearInterval(this.#talking)
    this.#talking = null
  }

  /** Packets that came since now. */
  async hears(packets: number, withinMs = 20_000): Promise<number> {
    const since = this.rtp.packets.length
    const enough = () => this.rtp.packets.length >= since + packets
    await until(`${packets} packets`, enough, () => this.rtp.packets.length - since, withinMs)
    return since
  }

  close(): void {
    this.hush()
    this.#socket.close()
    this.#controlSocket.close()
  }
}

const codec = (name: string, payload: number) => ({ name, clockRate: 8_000, payload, sendPayload: payload })
const plainMedia: RemoteMedia = {
  address: '',
  port: 0,
  rtcpPort: 0,
  signalling: '',
  direction: 'sendrecv',
  codecs: [codec('PCMA', 8), codec('PCMU', 0)],
  dtmf: codec('TELEPHONE-EVENT', 101),
  comfortNoise: null,
  ptimeMs: 20,
  srtp: null,
}

function bound(address: string, port = 0): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
    socket.once('error', reject)
    socket.bind(port, address, () => resolve(socket))
  })
}

/** An even port that is free, with the next one. */
export async function freePair(address = '127.0.0.1'): Promise<number> {
  for (;;) {
    const first = await bound(address)
    const { port } = first.address()
    first.close()
    if (port % 2 === 1 || port > 65_000) continue
    const second = await bound(address, port + 1).catch(() => null)
    second?.close()
    if (second) return port
  }
}
