/** One media worker's switchboard in memory: packets go in by `from`, and what leaves is kept; its clock is moved by hand. */
import { createCipheriv } from 'node:crypto'
import type { Endpoint, Transport } from '../../engine/rtp/endpoint.ts'
import type { MediaOrder, MediaQuality, MediaReport, RemoteMedia } from '../../engine/rtp/messages.ts'
import type { Sound } from '../../engine/rtp/sound.ts'
import type { Aes128 } from '../../engine/rtp/srtp.ts'
import { Switchboard } from '../../engine/rtp/switchboard.ts'
import type { RtpPhone } from '../../engine/testing/rtp-phone.ts'
import { opus } from '../../server/media/opus.ts'

export const aes: Aes128 = (key) => {
  const cipher = createCipheriv('aes-128-ecb', key, null)
  cipher.setAutoPadding(false)
  return (blocks) => cipher.update(blocks)
}

interface Sent {
  readonly bytes: Uint8Array
  readonly to: string
}

export class Bench {
  nowMs = 1_000
  readonly reports: MediaReport[] = []
  readonly rtp = new Map<string, Sent[]>()
  readonly rtcp = new Map<string, Sent[]>()
  readonly open = new Map<string, Endpoint>()
  readonly files = new Map<string, Sound>()
  readonly recordings = new Map<string, Int16Array[]>()
  failing: string | null = null
  readonly meetings: (readonly [string, string | null])[] = []
  readonly #numbers = new Map<string, number>()
  readonly board = new Switchboard({
    random: () => 0.5,
    aes,
    opus,
    cname: 'carillon',
    timeoutMs: 60_000,
    now: () => this.nowMs,
    report: (report) => this.reports.push(report),
    fault: (error) => {
      throw error
    },
    open: (endpoint, done) => {
      if (this.failing) return done({ reason: this.failing })
      this.open.set(endpoint.id, endpoint)
      done(this.#transport(endpoint.id))
    },
    meeting: (endpoint, peer) => this.meetings.push([endpoint.id, peer]),
    load: (path, done) => done(this.files.get(path) ?? { reason: 'There is no such file.' }),
    record: (path) => {
      const parts: Int16Array[] = []
      this.recordings.set(path, parts)
      return { isBroken: false, write: (samples) => parts.push(Int16Array.from(samples)), close: (done) => done(null) }
    },
  })

  #transport(id: string): Transport {
    const keep = (map: Map<string, Sent[]>) => {
      const sent: Sent[] = []
      map.set(id, sent)
      return (bytes: Uint8Array, port: number, address: string) =>
        void sent.push({ bytes: Uint8Array.from(bytes), to: `${address} ${port}` })
    }
    return { rtp: keep(this.rtp), rtcp: keep(this.rtcp), close: () => this.open.delete(id) }
  }

  order(...orders: readonly MediaOrder[]): void {
    for (const order of orders) this.board.handle(order, this.nowMs)
  }

  /** Opens it and gives it a peer at 10.0.0.<n>:4000. */
  leg(endpoint: string, n: number, remote: Partial<RemoteMedia> = {}): void {
    this.#numbers.set(endpoint, n)
    this.order({ type: 'open', endpoint, port: 30_000 + n * 2, address: '0.0.0.0' })
    this.order({ type: 'remote', endpoint, remote: { ...plain(n), ...remote } })
  }

  remoteOf(endpoint: string): RemoteMedia {
    const remote = this.open.get(endpoint)?.remote
    if (!remote) throw new Error(`${endpoint} has no description`)
    return remote
  }

  from(endpoint: string, bytes: Uint8Array, address?: string, port = 4_000): void {
    const n = this.#numbers.get(endpoint)
    this.open.get(endpoint)?.onRtp(Uint8Array.from(bytes), address ?? `10.0.0.${n}`, port, this.nowMs)
  }

  pass(ms: number): void {
    for (const end = this.nowMs + ms; this.nowMs < end; ) {
      this.nowMs += 10
      this.board.tick(this.nowMs)
    }
  }

  /** Both talk for so many packets, each hears what was sent to it. */
  talk(a: RtpPhone | null, b: RtpPhone | null, packets = 50): void {
    for (let i = 0; i < packets; i++) {
      if (a) this.from('a', a.speech())
      if (b) this.from('b', b.speech())
      this.pass(20)
    }
    if (a) this.listen('a', a)
    if (b) this.listen('b', b)
  }

  listen(endpoint: string, phone: RtpPhone): void {
    for (const { bytes } of this.rtp.get(endpoint) ?? []) phone.hear(bytes)
    this.forget(endpoint)
  }

  forget(...endpoints: readonly string[]): void {
    for (const endpoint of endpoints) if (this.rtp.has(endpoint)) this.rtp.get(endpoint)?.splice(0)
  }

  of<T extends MediaReport['type']>(type: T): Extract<MediaReport, { type: T }>[] {
    return this.reports.filter((report): report is Extract<MediaReport, { type: T }> => report.type === type)
  }

  close(endpoint: string): MediaQuality | null {
    this.order({ type: 'close', endpoint })
    return this.of('closed').at(-1)?.quality ?? null
  }
}

export const codec = (name: string, payload: number, sendPayload = payload) => ({
  name,
  clockRate: 8_000,
  payload,
  sendPayload,
})
export const events = (payload: number) => codec('TELEPHONE-EVENT', payload)
export const pcma = codec('PCMA', 8)
export const pcmu = codec('PCMU', 0)
export const plain = (n: number): RemoteMedia => ({
  address: `10.0.0.${n}`,
  port: 4_000,
  rtcpPort: 4_001,
  signalling: `192.0.2.${n}`,
  direction: 'sendrecv',
  codecs: [pcma, pcmu],
  dtmf: events(101),
  comfortNoise: null,
  ptimeMs: 20,
  srtp: null,
})
