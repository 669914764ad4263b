/**
 * One ICE + DTLS + SRTP association on libdatachannel (RFC 8445, 5764, 3711): decrypted RTP and RTCP in and out, nothing
 * else. It has exactly one sendrecv m-line, because with one the library hands every packet to that track; with several
 * it demultiplexes by SSRC alone and drops simulcast (M11).
 *
 * It is always the answering end of the library, also where we offer: the library sets a remote description only after
 * it gave it to ICE, and when the path opens in between it refuses the peer's certificate (1 to 3 % of the connections on
 * a busy machine). So an offer is written from credentials of our own, and the connection made when the answer is here.
 * The answering end is controlled; our descriptions say `ice-lite`, which makes the browser the controlling one both
 * ways (RFC 8445 §6.1.1). Where we controlled, we could nominate a path that TURN over TCP cannot use (stun-mender.ts).
 *
 * Invariant (M9): a JavaScript exception in a native callback ends the process, so every callback catches, counts and
 * closes this one pipe. One description each way in a life: a second `setLocalDescription` aborts the process too.
 */
import { randomBytes } from 'node:crypto'
import { PeerConnection, type Track } from 'node-datachannel'
import type { PipeParameters } from '../../engine/sfu/messages.ts'
import type { Certificate } from './certificate.ts'

type PipeState = 'connected' | 'disconnected' | 'failed' | 'closed'

export interface PipeOptions {
  readonly name: string
  readonly udpPort: number
  readonly bindAddress: string
  readonly certificate: Certificate
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
  readonly #ufrag = credential(6)
  readonly #pwd = credential(24)
  #connection: PeerConnection | null = null
  #track: Track | null = null
  #isConnected = false
  #isClosed = false

  constructor(options: PipeOptions) {
    this.#options = options
  }

  /** The peer offered: what we answer with. Throws when the library refuses the parameters. */
  answer(remote: PipeParameters): PipeParameters {
    this.#connect(remote)
    // The peer leaves the choice to us (actpass), and the end that answers speaks first (RFC 5763 §5).
    return this.#local(remote.setup === 'active' ? 'passive' : 'active')
  }

  offer(): PipeParameters {
    return this.#local('actpass')
  }

  /** The peer's answer to our offer; only the first counts. Throws as `answer` does. */
  accept(remote: PipeParameters): void {
    if (!this.#connection) this.#connect(remote)
  }

  #connect(remote: PipeParameters): void {
    if (this.#isClosed) return
    const { name, bindAddress, udpPort, certificate } = this.#options
    const connection = new PeerConnection(name, {
      iceServers: [],
      bindAddress,
      enableIceUdpMux: true,
      portRangeBegin: udpPort,
      portRangeEnd: udpPort,
      disableAutoNegotiation: true,
      forceMediaTransport: true,
      mtu: largestPacket,
      certificatePemFile: certificate.cert,
      keyPemFile: certificate.key,
    })
    this.#connection = connection
    connection.onStateChange((state) => this.#guarded(() => this.#onState(state)))
    connection.onTrack((track) => this.#guarded(() => this.#bind(track)))
    connection.setRemoteDescription(description(remote), 'offer')
    connection.setLocalDescription('answer', { iceUfrag: this.#ufrag, icePwd: this.#pwd })
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
    this.#connection?.close()
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
  #local(setup: PipeParameters['setup']): PipeParameters {
    return { ufrag: this.#ufrag, pwd: this.#pwd, fingerprint: this.#options.certificate.fingerprint, setup }
  }
}

/** ice-char (RFC 8839 §5.4) of that many bytes of chance. */
const credential = (bytes: number) => randomBytes(bytes).toString('base64').replaceAll('=', '')

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
