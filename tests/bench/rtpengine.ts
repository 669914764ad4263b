/** Debian's rtpengine in user space as the mark to beat, driven over its ng protocol (bencode over UDP). */
import { type ChildProcess, spawn } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'

type Bencoded = string | number | readonly Bencoded[] | { readonly [name: string]: Bencoded }

const program = '/usr/bin/rtpengine'
const controlPort = 22_222
const answerMs = 2_000
const startMs = 10_000

export class Rtpengine {
  readonly #process: ChildProcess
  readonly #socket: Socket = createSocket('udp4')
  readonly #waiting = new Map<string, (answer: string) => void>()
  #requests = 0

  /** `under`: what starts it, such as `taskset -c 0`. */
  constructor(under: readonly string[]) {
    const flags = ['-f', '-E', '--table=-1', '-i', '127.0.0.1', `--listen-ng=127.0.0.1:${controlPort}`]
    const ports = ['-m', '24000', '-M', '31999', '--num-threads=4', '--config-file=none', '--log-level=1']
    const [starter = program, ...rest] = [...under, program, ...flags, ...ports]
    this.#process = spawn(starter, rest, { stdio: 'ignore' })
    this.#socket.on('message', (bytes) => {
      const text = bytes.toString('latin1')
      const cookie = text.slice(0, text.indexOf(' '))
      this.#waiting.get(cookie)?.(text.slice(cookie.length + 1))
    })
  }

  get pid(): number {
    return this.#process.pid ?? 0
  }

  async start(): Promise<void> {
    const giveUpAt = performance.now() + startMs
    while (performance.now() < giveUpAt) {
      const answer = await this.#ask({ command: 'ping' }).catch(() => '')
      if (answer.includes('pong')) return
    }
    throw new Error('rtpengine does not answer')
  }

  /** A call between telephones at those two ports; the ports that it gives to each. */
  async call(id: string, a: number, b: number): Promise<readonly [number, number]> {
    const common = { 'call-id': id, 'from-tag': 'a', ICE: 'remove', replace: ['origin', 'session-connection'] }
    const offered = await this.#ask({ command: 'offer', ...common, sdp: describe(a) })
    const answered = await this.#ask({ command: 'answer', ...common, 'to-tag': 'b', sdp: describe(b) })
    return [portOf(answered), portOf(offered)]
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once('exit', resolve))
    this.#process.kill('SIGTERM')
    await ended
    this.#socket.close()
  }

  #ask(message: Bencoded): Promise<string> {
    this.#requests += 1
    const cookie = `c${this.#requests}`
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(cookie)
        reject(new Error('rtpengine did not answer in time'))
      }, answerMs)
      this.#waiting.set(cookie, (answer) => {
        clearTimeout(timer)
        this.#waiting.delete(cookie)
        resolve(answer)
      })
      this.#socket.send(`${cookie} ${encode(message)}`, controlPort, '127.0.0.1')
    })
  }
}

function encode(value: Bencoded): string {
  if (typeof value === 'number') return `i${value}e`
  if (typeof value === 'string') return `${Buffer.byteLength(value)}:${value}`
  if (Array.isArray(value)) return `l${value.map(encode).join('')}e`
  return `d${Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, one]) => encode(name) + encode(one))
    .join('')}e`
}

const describe = (port: number): string =>
  [
    ...['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0'],
    ...[`m=audio ${port} RTP/AVP 8`, 'a=rtpmap:8 PCMA/8000', ''],
  ].join('\r\n')

function portOf(answer: string): number {
  const port = Number(/m=audio (\d+)/.exec(answer)?.[1])
  if (!port) throw new Error(`rtpengine gave no port: ${answer.slice(0, 200)}`)
  return port
}
