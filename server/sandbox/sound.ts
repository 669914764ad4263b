/**
 * The sound of a simulated party: one RTP socket that sends back what it hears, or that beeps once and is silent then.
 * G.711 and telephone events as the peer offered them (RFC 3264 §6.1).
 */
import { randomInt } from 'node:crypto'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { encodeG711, type Law, silence } from '../../engine/rtp/g711.ts'
import { renderTone } from '../../engine/rtp/tones.ts'
import { write16, write32 } from '../../engine/sfu/rtp.ts'

const frameMs = 20
const frameSamples = frameMs * 8
const beepFrames = 25
const headerBytes = 12

export class Sound {
  readonly #socket: Socket
  readonly #address: string
  #sending: NodeJS.Timeout | null = null
  #isEcho = true

  private constructor(socket: Socket, address: string) {
    this.#socket = socket
    this.#address = address
    socket.on('message', (bytes, from) => {
      if (this.#isEcho) socket.send(bytes, from.port, from.address)
    })
    socket.on('error', () => {}) // the peer closed its port before it said so
  }

  static async open(address: string): Promise<Sound> {
    const socket = createSocket('udp4').bind(0, address)
    await once(socket, 'listening')
    return new Sound(socket, address)
  }

  /** The answer to an offer. Null: no G.711 in it. */
  answer(offer: string): string | null {
    const formats = /^m=audio \d+ \S+ ([\d ]+)/m.exec(offer)?.[1]?.split(' ') ?? []
    const sound = formats.filter((one) => one === '0' || one === '8')
    if (sound.length === 0) return null
    const keys = /^a=rtpmap:(\d+) telephone-event\/8000/im.exec(offer)?.[1]
    const asked = /^a=(sendonly|recvonly|inactive)/m.exec(offer)?.[1] ?? 'sendrecv'
    return this.#describe(keys === undefined ? sound : [...sound, keys], mirrored[asked] ?? asked)
  }

  /** An offer of our own. */
  offer(): string {
    return this.#describe(['8', '0', '101'], 'sendrecv')
  }

  #describe(formats: readonly string[], direction: string): string {
    const { port } = this.#socket.address()
    const names: Readonly<Record<string, string>> = { '0': 'PCMU/8000', '8': 'PCMA/8000' }
    return [
      'v=0',
      `o=- ${port} 1 IN IP4 ${this.#address}`,
      's=-',
      `c=IN IP4 ${this.#address}`,
      't=0 0',
      `m=audio ${port} RTP/AVP ${formats.join(' ')}`,
      ...formats.map((format) => `a=rtpmap:${format} ${names[format] ?? 'telephone-event/8000'}`),
      `a=${direction}`,
      '',
    ].join('\r\n')
  }

  /** Half a second of tone to where the peer's description says, then silence until it is closed. */
  beep(peer: string): void {
    const [, port = '', formats = ''] = /^m=audio (\d+) \S+ ([\d ]+)/m.exec(peer) ?? []
    const address = /^c=IN IP4 (\S+)/m.exec(peer)?.[1]
    if (address === undefined || !(Number(port) > 0 && Number(port) < 65_536)) return
    const payload = formats.split(' ').find((one) => one === '0' || one === '8') ?? '8'
    const frames = framesOf(payload === '0' ? 'PCMU' : 'PCMA')
    const [ssrc, firstSequence, firstTimestamp] = [randomInt(2 ** 32), randomInt(32_768), randomInt(2 ** 31)]
    const start = performance.now()
    let sent = 0
    this.#isEcho = false
    this.#sending = setInterval(() => {
      for (; sent * frameMs <= performance.now() - start; sent += 1) {
        const packet = new Uint8Array(headerBytes + frameSamples)
        packet[0] = 0x80
        packet[1] = Number(payload) | (sent === 0 ? 0x80 : 0)
        write16(packet, 2, (firstSequence + sent) & 0xffff)
        write32(packet, 4, (firstTimestamp + sent * frameSamples) >>> 0)
        write32(packet, 8, ssrc)
        packet.set(frames[Math.min(sent, beepFrames)] ?? new Uint8Array(), headerBytes)
        this.#socket.send(packet, Number(port), address)
      }
    }, frameMs)
  }

  close(): void {
    if (this.#sending) clearInterval(this.#sending)
    this.#socket.close()
  }
}

const mirrored: Readonly<Record<string, string>> = { sendonly: 'recvonly', recvonly: 'sendonly' }

/** The beep, and a frame of silence after it. */
function framesOf(law: Law): Uint8Array[] {
  const samples = renderTone('dial', 'be')
  const beep = Array.from({ length: beepFrames }, (_, i) => {
    const codes = new Uint8Array(frameSamples)
    encodeG711(law, samples.subarray(i * frameSamples, (i + 1) * frameSamples), codes)
    return codes
  })
  return [...beep, new Uint8Array(frameSamples).fill(silence[law])]
}
