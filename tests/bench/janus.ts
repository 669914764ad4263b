/**
 * Debian's Janus as the mark to beat: its VideoRoom in a network namespace of its own (it ignores loopback), spoken to
 * over its WebSocket, with the same synthetic peers.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SyntheticSignalling } from '../../dev/synthetic-peer.ts'

/** A pair of addresses: ours, and one inside the namespace. */
export class Namespace {
  readonly name: string
  readonly outside: string
  readonly inside: string

  constructor() {
    const number = process.pid % 250
    this.name = `carb${process.pid % 100_000}`
    this.outside = `10.214.${number}.1`
    this.inside = `10.214.${number}.2`
    const device = this.name
    ip('netns', 'add', this.name)
    ip('link', 'add', `${device}a`, 'type', 'veth', 'peer', 'name', `${device}b`, 'netns', this.name)
    ip('addr', 'add', `${this.outside}/30`, 'dev', `${device}a`)
    ip('link', 'set', `${device}a`, 'up')
    this.#inside('addr', 'add', `${this.inside}/30`, 'dev', `${device}b`)
    this.#inside('link', 'set', `${device}b`, 'up')
    this.#inside('link', 'set', 'lo', 'up')
  }

  get under(): readonly string[] {
    return ['ip', 'netns', 'exec', this.name]
  }

  #inside(...flags: string[]): void {
    ip('-n', this.name, ...flags)
  }

  remove(): void {
    ip('netns', 'del', this.name)
  }
}

function ip(...flags: string[]): void {
  execFileSync('ip', flags, { stdio: ['ignore', 'ignore', 'inherit'] })
}

const room = 1234
const webSocketPort = 8188

export class Janus {
  readonly #process: ChildProcess
  readonly #folder: string
  readonly #url: string
  readonly #sockets: WebSocket[] = []

  constructor(namespace: Namespace) {
    this.#folder = mkdtempSync(join(tmpdir(), 'carillon-janus-'))
    this.#url = `ws://${namespace.inside}:${webSocketPort}`
    const write = (name: string, text: string) => writeFileSync(join(this.#folder, name), text)
    write('janus.jcfg', configuration)
    write(
      'janus.transport.websockets.jcfg',
      `general: { ws = true, ws_port = ${webSocketPort}, ws_ip = "${namespace.inside}" }`,
    )
    write(
      'janus.plugin.videoroom.jcfg',
      `room-${room}: { publishers = 30, bitrate = 50000000, videocodec = "vp8", audiocodec = "opus", transport_wide_cc_ext = true }`,
    )
    const [starter = 'ip', ...flags] = namespace.under
    const file = join(this.#folder, 'janus.jcfg')
    this.#process = spawn(starter, [...flags, 'janus', '-F', this.#folder, '-C', file, '-o'], { stdio: 'ignore' })
  }

  /** Microseconds of processor time. `ip netns exec` became Janus by exec, so the pid is its own. */
  cpuMicros(): number {
    const fields = readFileSync(`/proc/${this.#process.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    return (Number(fields[11]) + Number(fields[12])) * 10_000
  }

  async signalling(feed: { id: number }): Promise<SyntheticSignalling> {
    const handle = await this.#attach()
    return {
      open: async (events) => handle.onOffer((sdp) => events.offer(0, sdp)),
      publish: async (sdp) => {
        const body = { request: 'joinandconfigure', room, ptype: 'publisher' }
        const event = await handle.message(body, { type: 'offer', sdp })
        feed.id = event.plugindata?.data.id ?? 0
        return event.jsep?.sdp ?? ''
      },
      subscribe: async () => {
        await handle.message({ request: 'join', ptype: 'subscriber', room, streams: [{ feed: feed.id }] })
      },
      answer: async (_revision, sdp) => {
        await handle.message({ request: 'start' }, { type: 'answer', sdp })
      },
      join: async () => {},
      wanted: async () => {},
      leave: async () => handle.close(),
    }
  }

  async #attach(): Promise<JanusHandle> {
    for (;;) {
      const socket = new WebSocket(this.#url, 'janus-protocol')
      const isOpen = await new Promise((resolve) => {
        socket.onopen = () => resolve(true)
        socket.onerror = () => resolve(false)
      })
      if (!isOpen) continue
      this.#sockets.push(socket)
      return await JanusHandle.attach(socket)
    }
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.close()
    const ended = new Promise((resolve) => this.#process.once('exit', resolve))
    this.#process.kill('SIGKILL')
    await ended
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

const configuration = `
general: { configs_folder = "", debug_level = 2 }
media: { rtp_port_range = "20000-24000" }
nat: { ice_lite = false, ignore_mdns = true }
plugins: { disable = "libjanus_audiobridge.so,libjanus_duktape.so,libjanus_echotest.so,libjanus_lua.so,libjanus_nosip.so,libjanus_recordplay.so,libjanus_sip.so,libjanus_streaming.so,libjanus_textroom.so,libjanus_videocall.so,libjanus_voicemail.so" }
transports: { disable = "libjanus_http.so,libjanus_mqtt.so,libjanus_nanomsg.so,libjanus_pfunix.so,libjanus_rabbitmq.so" }
`

interface JanusMessage {
  readonly janus: string
  readonly transaction?: string
  readonly data?: { readonly id: number }
  readonly jsep?: { readonly type: string; readonly sdp: string }
  readonly plugindata?: { readonly data: { readonly id?: number; readonly error?: string } }
}

/** One session with one handle. */
class JanusHandle {
  readonly #socket: WebSocket
  readonly #waiting = new Map<string, (message: JanusMessage) => void>()
  #sessionId = 0
  #handleId = 0
  #last = 0
  #offer: (sdp: string) => void = () => {}

  static async attach(socket: WebSocket): Promise<JanusHandle> {
    const handle = new JanusHandle(socket)
    handle.#sessionId = (await handle.#ask({ janus: 'create' })).data?.id ?? 0
    handle.#handleId = (await handle.#ask({ janus: 'attach', plugin: 'janus.plugin.videoroom' })).data?.id ?? 0
    return handle
  }

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.onmessage = ({ data }) => this.#read(JSON.parse(String(data)))
  }

  onOffer(offer: (sdp: string) => void): void {
    this.#offer = offer
  }

  async message(body: object, jsep?: { readonly type: string; readonly sdp: string }): Promise<JanusMessage> {
    const event = await this.#ask({ janus: 'message', body, ...(jsep && { jsep }) })
    const error = event.plugindata?.data.error
    if (error) throw new Error(`Janus: ${error}`)
    if (jsep) this.#send({ janus: 'trickle', candidate: { completed: true }, transaction: 'trickle' })
    return event
  }

  #ask(message: object): Promise<JanusMessage> {
    this.#last += 1
    const transaction = String(this.#last)
    return new Promise((resolve) => {
      this.#waiting.set(transaction, resolve)
      this.#send({ ...message, transaction })
    })
  }

  #send(message: object): void {
    const ids = {
      ...(this.#sessionId && { session_id: this.#sessionId }),
      ...(this.#handleId && { handle_id: this.#handleId }),
    }
    this.#socket.send(JSON.stringify({ ...message, ...ids }))
  }

  #read(message: JanusMessage): void {
    if (message.janus === 'ack') return
    if (message.jsep?.type === 'offer') this.#offer(message.jsep.sdp)
    const waiting = this.#waiting.get(message.transaction ?? '')
    this.#waiting.delete(message.transaction ?? '')
    waiting?.(message)
  }

  close(): void {
    this.#socket.close()
  }
}
