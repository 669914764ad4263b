/**
 * The browser's end of one media transport, made of the same library as the worker's: ICE, DTLS and SRTP are real, and
 * what goes through is whatever the caller writes, so that it can be exact, hostile or heavy.
 */
import { PeerConnection, type Track, Video } from 'node-datachannel'
import type { PipeParameters } from '../engine/sfu/messages.ts'

export interface SyntheticPipeOptions {
  readonly name: string
  readonly bindAddress: string
  readonly onPacket: (bytes: Buffer) => void
}

export class SyntheticPipe {
  readonly #connection: PeerConnection
  readonly #onPacket: (bytes: Buffer) => void
  #track: Track | null = null
  #isAnswered = false
  isConnected = false
  refused = 0
  readonly #candidates: string[] = []
  /** For a server that wants to be told; ours finds our address by itself. */
  readonly gathered: Promise<readonly string[]>
  /** Resolves when packets can go through. */
  readonly connected: Promise<void>

  constructor({ name, bindAddress, onPacket }: SyntheticPipeOptions) {
    this.#onPacket = onPacket
    this.#connection = new PeerConnection(name, {
      iceServers: [],
      bindAddress,
      disableAutoNegotiation: true,
      forceMediaTransport: true,
      mtu: 1500,
    })
    this.#connection.onLocalCandidate((candidate) => this.#candidates.push(candidate.replace(/^a=/, '')))
    this.gathered = new Promise((resolve) => {
      this.#connection.onGatheringStateChange((state) => {
        if (state === 'complete') resolve([...this.#candidates])
      })
    })
    this.connected = new Promise((resolve) => {
      this.#connection.onStateChange((state) => {
        this.isConnected = state === 'connected'
        if (this.isConnected) resolve()
      })
    })
  }

  offer(): PipeParameters {
    const line = new Video('0', 'SendRecv')
    line.addVP8Codec(96)
    this.#bind(this.#connection.addTrack(line))
    this.#connection.setLocalDescription('offer')
    return this.#local('actpass')
  }

  accept(remote: PipeParameters, candidates: readonly string[]): void {
    if (this.#isAnswered) return
    this.#isAnswered = true
    this.#connection.setRemoteDescription(description(remote, candidates), 'answer')
  }

  /** Its checks begin with `begin`: this library sends its first one early and the second half a second later. */
  answer(remote: PipeParameters): PipeParameters {
    this.#connection.onTrack((track) => this.#bind(track))
    this.#connection.setRemoteDescription(description(remote, []), 'offer')
    this.#connection.setLocalDescription('answer')
    return this.#local('active')
  }

  /** The other end has our answer. */
  begin(candidates: readonly string[]): void {
    for (const candidate of candidates) this.#connection.addRemoteCandidate(candidate, '0')
  }

  /** A number that SRTP will not send twice, or a header that it cannot read, is refused and counted. */
  send(bytes: Buffer): void {
    if (!this.isConnected) return
    try {
      this.#track?.sendMessageBinary(bytes)
    } catch {
      this.refused += 1
    }
  }

  close(): void {
    this.isConnected = false
    this.#connection.close()
  }

  #bind(track: Track): void {
    this.#track = track
    track.onMessage((bytes) => this.#onPacket(bytes))
  }

  #local(setup: PipeParameters['setup']): PipeParameters {
    const sdp = this.#connection.localDescription()?.sdp ?? ''
    const read = (name: string) => new RegExp(`^a=${name}:(.+?)\\r?$`, 'm').exec(sdp)?.[1] ?? ''
    return { ufrag: read('ice-ufrag'), pwd: read('ice-pwd'), fingerprint: read('fingerprint'), setup }
  }
}

const description = ({ ufrag, pwd, fingerprint, setup }: PipeParameters, candidates: readonly string[]): string =>
  [
    ...['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 't=0 0', 'a=group:BUNDLE 0', 'a=msid-semantic: WMS *'],
    ...['m=video 9 UDP/TLS/RTP/SAVPF 96', 'c=IN IP4 0.0.0.0', 'a=mid:0', 'a=sendrecv', 'a=rtcp-mux'],
    'a=rtpmap:96 VP8/90000',
    `a=ice-ufrag:${ufrag}`,
    `a=ice-pwd:${pwd}`,
    `a=fingerprint:${fingerprint}`,
    `a=setup:${setup}`,
    ...candidates.map((candidate) => `a=${candidate}`),
    ...(candidates.length > 0 ? ['a=end-of-candidates'] : []),
    '',
  ].join('\r\n')
