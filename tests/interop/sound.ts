/**
 * The sound of a scripted phone: sends a tone as PCMA or PCMU, keeps what it gets, and tells tones apart by Goertzel's
 * algorithm, since codecs and relays change every byte and no tone.
 */
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { until } from '../carillon.ts'

const rate = 8_000
const frame = 160

export interface Packet {
  readonly payloadType: number
  readonly isMarked: boolean
  readonly sequence: number
  readonly timestamp: number
  readonly ssrc: number
  readonly payload: Buffer
  /** Address and port it came from. */
  readonly from: string
}

export class Sound {
  readonly socket: Socket
  readonly packets: Packet[] = []
  readonly rtcp: Buffer[] = []
  readonly #rtcp: Socket
  port = 0
  #timer: NodeJS.Timeout | null = null
  #sequence = Math.floor(Math.random() * 30_000)
  #timestamp = Math.floor(Math.random() * 1_000_000)
  readonly ssrc = Math.floor(Math.random() * 0xffffffff)
  #sample = 0

  private constructor(family: 'udp4' | 'udp6') {
    this.socket = createSocket(family)
    this.#rtcp = createSocket(family)
  }

  static async open(address = '127.0.0.1'): Promise<Sound> {
    for (;;) {
      const sound = new Sound(address.includes(':') ? 'udp6' : 'udp4')
      sound.socket.bind(0, address)
      await once(sound.socket, 'listening')
      sound.port = sound.socket.address().port
      if (sound.port % 2 === 1) {
        sound.socket.close()
        sound.#rtcp.close()
        continue
      }
      sound.#rtcp.on('error', () => {})
      sound.#rtcp.bind(sound.port + 1, address)
      sound.#rtcp.on('message', (bytes) => sound.rtcp.push(bytes))
      sound.socket.on('message', (bytes, from) => sound.#read(bytes, `${from.address}:${from.port}`))
      return sound
    }
  }

  #read(bytes: Buffer, from: string): void {
    this.packets.push({
      payloadType: bytes.readUInt8(1) & 0x7f,
      isMarked: bytes.readUInt8(1) > 0x7f,
      sequence: bytes.readUInt16BE(2),
      timestamp: bytes.readUInt32BE(4),
      ssrc: bytes.readUInt32BE(8),
      payload: bytes.subarray(12),
      from,
    })
  }

  /** Sends a tone every 20 ms until it is told otherwise. */
  play(hz: number, to: { address: string; port: number }, payloadType = 8): void {
    this.silence()
    const encode = payloadType === 0 ? toMulaw : toAlaw
    let due = performance.now()
    const step = () => {
      while (due <= performance.now()) {
        const samples = Array.from(
          { length: frame },
          (_, i) => 8_000 * Math.sin((2 * Math.PI * hz * (this.#sample + i)) / rate),
        )
        this.#sample += frame
        this.send(payloadType, Buffer.from(samples.map((one) => encode(one))), to)
        this.#timestamp += frame
        due += 20
      }
      this.#timer = setTimeout(step, Math.max(1, due - performance.now()))
    }
    step()
  }

  silence(): void {
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
  }

  /** Between two calls: what one brought is not taken for the next one's. */
  forget(): void {
    this.silence()
    this.packets.length = 0
  }

  send(payloadType: number, payload: Buffer, to: { address: string; port: number }, isMarked = false): void {
    const head = Buffer.alloc(12)
    head.writeUInt8(0x80, 0)
    head.writeUInt8((isMarked ? 0x80 : 0) | payloadType, 1)
    head.writeUInt16BE(this.#sequence & 0xffff, 2)
    head.writeUInt32BE(this.#timestamp >>> 0, 4)
    head.writeUInt32BE(this.ssrc >>> 0, 8)
    this.#sequence += 1
    this.socket.send(Buffer.concat([head, payload]), to.port, to.address)
  }

  /** An RTCP receiver report without a word, to the port beside that of the sound. */
  report({ address, port }: { address: string; port: number }): void {
    const bytes = Buffer.from([0x80, 201, 0, 1, 0, 0, 0, 0])
    bytes.writeUInt32BE(this.ssrc >>> 0, 4)
    this.#rtcp.send(bytes, port + 1, address)
  }

  /** RFC 4733: a key for 100 ms, its end told three times. */
  press(digit: string, to: { address: string; port: number }, payloadType = 101): void {
    const event = '0123456789*#ABCD'.indexOf(digit)
    const at = this.#timestamp
    for (const [duration, isEnd] of [
      [160, false],
      [320, false],
      [480, false],
      [800, true],
      [800, true],
      [800, true],
    ] as const) {
      const payload = Buffer.from([event, (isEnd ? 0x80 : 0) | 10, duration >> 8, duration & 0xff])
      this.#timestamp = at
      this.send(payloadType, payload, to, duration === 160)
    }
    this.#timestamp = at + 800
  }

  /** Waits until half a second of what came last is this tone. */
  async hears(hz: number, ms = 10_000): Promise<void> {
    await until(() => isTone(this.recent(), hz), `hearing ${hz} Hz; ${this.packets.length} packets came`, ms)
  }

  /** The last half second, or nothing while less has come. */
  recent(ms = 500): Int16Array {
    const audio = this.packets.filter(({ payloadType }) => payloadType === 8 || payloadType === 0)
    const some = audio.slice(-ms / 20)
    if (some.length < ms / 20) return new Int16Array(0)
    const decoded = some.flatMap(({ payload, payloadType }) =>
      Array.from(payload, (byte) => (payloadType === 0 ? fromMulaw(byte) : fromAlaw(byte))),
    )
    return Int16Array.from(decoded)
  }

  close(): void {
    this.silence()
    this.socket.close()
    this.#rtcp.close()
  }
}

/** The part of the power of a signal that is at one frequency: near 1 for a pure tone. */
export function partAt(samples: Int16Array, hz: number, sampleRate = rate): number {
  const coefficient = 2 * Math.cos((2 * Math.PI * hz) / sampleRate)
  let [before, last, power] = [0, 0, 0]
  for (const sample of samples) {
    const next = sample + coefficient * last - before
    before = last
    last = next
    power += sample * sample
  }
  const at = last * last + before * before - coefficient * last * before
  return power === 0 ? 0 : (2 * at) / (samples.length * power)
}

export function isTone(samples: Int16Array, hz: number, sampleRate = rate): boolean {
  let power = 0
  for (const sample of samples) power += sample * sample
  return samples.length > 0 && power / samples.length > 10_000 && partAt(samples, hz, sampleRate) > 0.8
}

/** ITU-T G.711, from its definition, sample by sample. */
function toAlaw(sample: number): number {
  const sign = sample >= 0 ? 0x80 : 0
  const magnitude = Math.min(4_095, Math.floor(Math.abs(sample) / 8))
  let segment = 0
  for (let limit = 32; segment < 7 && magnitude >= limit; limit *= 2) segment += 1
  const step = segment < 2 ? magnitude >> 1 : magnitude >> segment
  return (sign | (segment << 4) | (step & 0x0f)) ^ 0x55
}

function fromAlaw(byte: number): number {
  const code = byte ^ 0x55
  const segment = (code & 0x70) >> 4
  const step = code & 0x0f
  const magnitude = segment === 0 ? 2 * step + 1 : (2 * step + 33) << (segment - 1)
  return (code & 0x80 ? 1 : -1) * magnitude * 8
}

function toMulaw(sample: number): number {
  const magnitude = Math.min(8_158, Math.floor(Math.abs(sample) / 4)) + 33
  let segment = 0
  for (let limit = 64; segment < 7 && magnitude >= limit; limit *= 2) segment += 1
  const step = (magnitude >> (segment + 1)) & 0x0f
  return ~((sample < 0 ? 0x80 : 0) | (segment << 4) | step) & 0xff
}

function fromMulaw(byte: number): number {
  const code = ~byte & 0xff
  const segment = (code & 0x70) >> 4
  const magnitude = ((2 * (code & 0x0f) + 33) << segment) - 33
  return (code & 0x80 ? -1 : 1) * magnitude * 4
}

/** Where an SDP wants its sound to be sent. */
export function mediaOf(sdp: string): { address: string; port: number } {
  return {
    address: /^c=IN IP[46] (\S+)/m.exec(sdp)?.[1] ?? '',
    port: Number(/^m=audio (\d+)/m.exec(sdp)?.[1] ?? 0),
  }
}
