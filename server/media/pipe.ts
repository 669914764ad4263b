/**
 * One ICE + DTLS + SRTP association on libdatachannel (RFC 8445, 5764, 3711): decrypted RTP and RTCP in and out, nothing
 * else. It has exactly one sendrecv m-line, because with one the library hands every packet to that track; with several
 * it demultiplexes by SSRC alone and drops simulcast (M11).
 *
 * Invariant (M9): a JavaScript exception in a native callback ends the process, so every callback catches, counts and
 * closes this one pipe. One offer and one answer in a life: a second `setLocalDescription` aborts the process too.
 */
import { PeerConnection, type Track, Video } from 'node-datachannel'
import type { PipeParameters } from '../../engine/sfu/messages.ts'

export type PipeState = 'connected' | 'disconnected' | 'failed' | 'closed'

export interface PipeOptions {
  readonly name: string
  readonly udpPort: number
  readonly bindAddress: string
  readonly onState: (state: PipeState) => void
  readonly onPacket: (packet: Buffer) => void
  /** A callback of ours threw. The pipe closes itself. */
  readonly onFault: (error: unknown) => void
  /** The library would not send a packet. It is lost, as on a wire; nothing else is. */
  readonly onRefused: () => void
}

/** Larger packets leave unchecked and are never whole on the wire (M11). */
const largestPacket = 1_500
const smallestPacket = 12
const states = new Set<string>(['connected', 'disconnected', 'failed', 'closed'])
const isState = (state: string): state is PipeState => states.has(state)

export class Pipe {
  readonly #options: PipeOptions
  readonly #connection: PeerConnection
  #track: Track | null = null
  #isConnected = false
  #isAnswered = false
  #isClosed = false

  constructor(options: PipeOptions) {
    this.#options = options
    this.#connection = new PeerConnection(options.name, {
      iceServers: [],
      bindAddress: options.bindAddress,
      enableIceUdpMux: true,
      portRangeBegin: options.udpPort,
      portRangeEnd: options.udpPort,
      disableAutoNegotiation: true,
      forceMediaTransport: true,
      mtu: largestPacket,
    })
    this.#connection.onStateChange((state) => this.#guarded(() => this.#onState(state)))
  }

  /** The peer offered: what we answer with. Throws when the library refuses the parameters. */
  answer(remote: PipeParameters): PipeParameters {
    this.#isAnswered = true
    this.#connection.onTrack((track) => this.#guarded(() => this.#bind(track)))
    this.#connection.setRemoteDescription(description(remote), 'offer')
    this.#connection.setLocalDescription('answer')
    return this.#local()
  }

  /**
   * NOTE: the library takes the answer's fingerprint over only after it gave the rest to ICE. On a machine that is far too
   * busy a path that opens in between fails at once (1 to 3 in 100 were seen); the page then subscribes afresh.
   */
  offer(): PipeParameters {
    const line = new Video('0', 'SendRecv')
    line.addVP8Codec(96)
    this.#bind(this.#connection.addTrack(line))
    this.#connection.setLocalDescription('offer')
    return this.#local()
  }

  /** The peer's answer to our offer; only the first counts. */
  accept(remote: PipeParameters): void {
    if (this.#isAnswered) return
    this.#isAnswered = true
    this.#connection.setRemoteDescription(description(remote), 'answer')
  }

  /** Copied before it returns. Silently nothing while not connected, as a wire would. */
  send(packet: Uint8Array): void {
    if (!this.#isConnected || packet.length < smallestPacket || packet.length > largestPacket) return
    try {
      this.#track?.sendMessageBinary(Buffer.isBuffer(packet) ? packet : Buffer.from(packet))
    } catch {
      this.#options.onRefused()
    }
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#isConnected = false
    this.#connection.close()
  }

  #bind(track: Track): void {
    this.#track = track
    track.onMessage((packet) => this.#guarded(() => this.#options.onPacket(packet)))
  }

  #onState(state: string): void {
    this.#isConnected = state === 'connected'
    if (isState(state)) this.#options.onState(state)
  }

  #guarded(run: () => void): void {
    if (this.#isClosed) return
    try {
      run()
    } catch (error) {
      this.#fault(error)
    }
  }

  #fault(error: unknown): void {
    this.#options.onFault(error)
    // Not inside the callback that threw: the library holds its locks there.
    setImmediate(() => this.close())
  }

  /** No candidates: they are configuration, and nobody waits for the library to gather its own (M10, M19). */
  #local(): PipeParameters {
    const sdp = this.#connection.localDescription()?.sdp ?? ''
    const read = (name: string) => new RegExp(`^a=${name}:(.+?)\\r?$`, 'm').exec(sdp)?.[1] ?? ''
    const setup = read('setup')
    return {
      ufrag: read('ice-ufrag'),
      pwd: read('ice-pwd'),
      fingerprint: read('fingerprint'),
      setup: setup === 'active' || setup === 'passive' ? setup : 'actpass',
    }
  }
}

const description = ({ ufrag, pwd, fingerprint, setup }: PipeParameters): string =>
  [
    'v=0',
    'o=- 1 1 IN IP4 127.0.0.1',
    's=-',
    't=0 0',
    'a=group:BUNDLE 0',
    'a=msid-semantic: WMS *',
    'm=video 9 UDP/TLS/RTP/SAVPF 96',
    'c=IN IP4 0.0.0.0',
    'a=mid:0',
    'a=sendrecv',
    'a=rtcp-mux',
    'a=rtpmap:96 VP8/90000',
    `a=ice-ufrag:${ufrag}`,
    `a=ice-pwd:${pwd}`,
    `a=fingerprint:${fingerprint}`,
    `a=setup:${setup}`,
    '',
  ].join('\r\n')
