/**
 * Hostile bytes from where a peer may send from (M9): whatever comes, nothing throws, and whatever the endpoint sends on is
 * RTP of one stream that goes forward. A fault is an exception that carries its input.
 */
import { opus } from '../../server/media/opus.ts'
import { mutate } from '../testing/mutation.ts'
import { drawInteger } from '../testing/random.ts'
import { RtpPhone } from '../testing/rtp-phone.ts'
import { read32 } from '../sfu/rtp.ts'
import type { Endpoint } from './endpoint.ts'
import type { RemoteMedia } from './messages.ts'
import { Switchboard } from './switchboard.ts'

type Random = () => number

const codec = (name: string, payload: number) => ({ name, clockRate: 8_000, payload, sendPayload: payload })
const remote = (n: number, srtp: RemoteMedia['srtp'] = null): RemoteMedia => ({
  address: `10.0.0.${n}`,
  port: 4_000,
  rtcpPort: 4_001,
  signalling: `10.0.0.${n}`,
  direction: 'sendrecv',
  codecs:
    n === 1
      ? [codec('PCMA', 8), codec('G729', 18), { ...codec('OPUS', 111), clockRate: 48_000 }]
      : [codec('PCMU', 0), codec('G729', 118)],
  dtmf: { ...codec('TELEPHONE-EVENT', 101), clockRate: n === 1 ? 48_000 : 8_000 },
  comfortNoise: n === 1 ? 13 : null,
  ptimeMs: 20,
  srtp,
})

/** Two endpoints in a bridge; the first one's peer is hostile. */
export class HostileCall {
  nowMs = 1_000
  readonly endpoints: Endpoint[] = []
  readonly sent: Uint8Array[] = []
  readonly board: Switchboard

  constructor(random: Random, srtp: RemoteMedia['srtp'] = null, isMixed = false) {
    const isFirst = () => this.endpoints.length === 1
    this.board = new Switchboard({
      random,
      // Not what it is called: a tag is what is attacked here, and it is the HMAC's.
      aes: () => (blocks) => Uint8Array.from(blocks),
      opus,
      timeoutMs: 60_000,
      cname: 'c',
      now: () => this.nowMs,
      meeting: () => {},
      report: () => {},
      load: (_path, done) => done({ reason: 'none' }),
      record: () => ({ isBroken: false, write: () => {}, close: (done) => done(null) }),
      open: (endpoint, done) => {
        this.endpoints.push(endpoint)
        const keep = isFirst() ? () => {} : (bytes: Uint8Array) => void this.sent.push(Uint8Array.from(bytes))
        done({ rtp: keep, rtcp: () => {}, close: () => {} })
      },
      fault: (error) => {
        throw error
      },
    })
    for (const n of [1, 2]) {
      const endpoint = `e${n}`
      this.board.handle({ type: 'open', endpoint, port: 30_000 + n * 2, address: '127.0.0.1' }, this.nowMs)
      const media = remote(n, n === 1 ? srtp : null)
      this.board.handle({ type: 'remote', endpoint, remote: media }, this.nowMs)
      this.board.handle({ type: 'record', endpoint, path: endpoint, sides: 'both' }, this.nowMs)
    }
    const hears = { e1: ['e2'], e2: ['e1'] }
    this.board.handle(isMixed ? { type: 'mix', mix: 'm', hears } : { type: 'bridge', a: 'e1', b: 'e2' }, this.nowMs)
  }

  rtp(bytes: Uint8Array): void {
    this.endpoints[0]?.onRtp(bytes, '10.0.0.1', 4_000, this.nowMs)
  }

  rtcp(bytes: Uint8Array): void {
    this.endpoints[0]?.onRtcp(bytes, '10.0.0.1', 4_001, this.nowMs)
  }

  pass(ms: number): void {
    this.nowMs += ms
    this.board.tick(this.nowMs)
  }
}

const report = Uint8Array.from([
  0x81,
  200,
  0,
  12,
  ...Array.from({ length: 48 }, (_, i) => i),
  0x80,
  201,
  0,
  1,
  0,
  0,
  0,
  1,
])

export function fuzzCall(random: Random, rounds: number): void {
  const srtp = { suite: 'AES_CM_128_HMAC_SHA1_80', receive: 'A'.repeat(40), send: 'A'.repeat(40) } as const
  const mixed = new HostileCall(random, null, true)
  const compressed = opus.newEncoder().encode(new Int16Array(160).fill(3_000))
  for (const call of [new HostileCall(random), new HostileCall(random, srtp), mixed]) {
    const phone = new RtpPhone({ hz: 400 })
    for (let round = 0; round < rounds; round++) {
      const valid = [
        phone.speech(),
        phone.packet(18, [1, 2, 3]),
        phone.packet(13, [40]),
        phone.packet(111, compressed),
        ...phone.key(5, 101, 1),
      ]
      const bytes = valid[drawInteger(random, valid.length)] ?? report
      const input = random() < 0.2 ? bytes : mutate(random, bytes)
      const hex = Array.from(input, (byte) => byte.toString(16).padStart(2, '0')).join('')
      try {
        call.rtp(input)
        call.rtcp(mutate(random, report))
        if (random() < 0.3) call.pass(drawInteger(random, 50))
      } catch (error) {
        throw new Error(`${String(error)}: ${hex}`)
      }
      demandStream(call.sent.splice(0), call.endpoints[1], hex)
    }
  }
}

function demandStream(sent: readonly Uint8Array[], endpoint: Endpoint | undefined, hex: string): void {
  for (const bytes of sent) {
    const isOurs = bytes.length >= 12 && (bytes[0] ?? 0) >> 6 === 2 && read32(bytes, 8) === endpoint?.stream.ssrc
    const payload = (bytes[1] ?? 0) & 0x7f
    if (!isOurs || ![0, 101, 118, 127].includes(payload)) throw new Error(`sent what is no packet of ours: ${hex}`)
  }
}
