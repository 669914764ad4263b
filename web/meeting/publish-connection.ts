/**
 * What this page sends: one connection, one m-line a source (M1). Microphone and camera have their lines from the
 * start, so that switching them is `replaceTrack` and no negotiation; a screen's lines come with the first wish to share
 * one and stay.
 *
 * Invariant: one negotiation in flight; wishes that come meanwhile become one more after it.
 */
import type { Source } from '../../contract/signalling.ts'
import { preferAudio, preferVideo } from './codecs.ts'

export interface PublishHost {
  /** Sends the offer; the server's answer. */
  publish(sdp: string, sources: Record<string, Source>): Promise<string>
  /** Lines of candidates that are not to leave this page. */
  candidatesToFilter(): readonly string[]
  connected(): void
  /** It will not mend by itself: make a new one. */
  broken(): void
}

type Layer = 'q' | 'h' | 'f'

const desktopLayers: RTCRtpEncodingParameters[] = [
  { rid: 'q', scaleResolutionDownBy: 4, maxBitrate: 150_000 },
  { rid: 'h', scaleResolutionDownBy: 2, maxBitrate: 500_000 },
  { rid: 'f', scaleResolutionDownBy: 1, maxBitrate: 1_700_000 },
]
/** M17: an encoder less for a battery; its camera is opened at 640x360. */
const phoneLayers: RTCRtpEncodingParameters[] = [
  { rid: 'q', scaleResolutionDownBy: 2, maxBitrate: 150_000 },
  { rid: 'h', scaleResolutionDownBy: 1, maxBitrate: 600_000 },
]
const screenEncoding: RTCRtpEncodingParameters = { maxBitrate: 2_500_000, maxFramerate: 15 }
/** ICE mends short gaps itself; after this it is quicker to begin again. */
const patienceMs = 3_000
const basic: RTCConfiguration = { bundlePolicy: 'max-bundle' }

export class PublishConnection {
  readonly #host: PublishHost
  readonly #connection: RTCPeerConnection
  readonly #transceivers = new Map<Source, RTCRtpTransceiver>()
  #negotiation: Promise<void> | null = null
  /** Of the lines for a screen; null: not offered, or in vain. */
  #screenReady: Promise<void> | null = null
  #layersSet: Promise<void> = Promise.resolve()
  #isDue = false
  #isClosed = false

  /** Nothing was offered by it yet. */
  isFresh = true

  constructor(host: PublishHost, isPhone: boolean) {
    this.#host = host
    this.#connection = new RTCPeerConnection(basic)
    const microphone = this.#connection.addTransceiver('audio', { direction: 'sendonly' })
    preferAudio(microphone)
    const sendEncodings = (isPhone ? phoneLayers : desktopLayers).map((layer) => ({ ...layer }))
    const camera = this.#connection.addTransceiver('video', { direction: 'sendonly', sendEncodings })
    preferVideo(camera)
    this.#transceivers.set('microphone', microphone).set('camera', camera)
    watchConnection(this.#connection, patienceMs, host)
  }

  /** Before the first offer. */
  configure(configuration: RTCConfiguration): void {
    if (this.isFresh && configuration.iceServers?.length)
      this.#connection.setConfiguration({ ...basic, ...configuration })
  }

  /** Offers what there is. Rejects when the server or the browser refuses. */
  negotiate(): Promise<void> {
    this.isFresh = false
    this.#isDue = true
    this.#negotiation ??= this.#offerWhatIsDue()
    return this.#negotiation
  }

  async #offerWhatIsDue(): Promise<void> {
    try {
      while (this.#isDue && !this.#isClosed) {
        this.#isDue = false
        await this.#offer()
      }
    } finally {
      this.#negotiation = null
    }
  }

  async #offer(): Promise<void> {
    const connection = this.#connection
    await connection.setLocalDescription()
    const sdp = withoutCandidates(connection.localDescription?.sdp ?? '', this.#host.candidatesToFilter())
    const answer = await this.#host.publish(sdp, this.#sources())
    if (!this.#isClosed) await connection.setRemoteDescription({ type: 'answer', sdp: answer })
  }

  #sources(): Record<string, Source> {
    const entries = [...this.#transceivers].flatMap(([source, { mid }]) =>
      mid === null ? [] : [[mid, source] as const],
    )
    return Object.fromEntries(entries)
  }

  /** Null: nothing of that source is sent from here on. */
  async setTrack(source: 'microphone' | 'camera', track: MediaStreamTrack | null): Promise<void> {
    if (this.#isClosed) return
    await this.#transceivers.get(source)?.sender.replaceTrack(track)
  }

  /**
   * Lines for a shared screen. Made while the person still chooses what to show, a share waits for no negotiation; they
   * stay, so that the next share has none either.
   */
  async prepareScreen(): Promise<void> {
    if (this.#isClosed) return
    this.#addScreen()
    this.#screenReady ??= this.negotiate().catch((error: unknown) => {
      this.#screenReady = null
      throw error
    })
    await this.#screenReady
  }

  #addScreen(): void {
    if (this.#transceivers.has('screen')) return
    const sendEncodings = [{ ...screenEncoding }]
    const screen = this.#connection.addTransceiver('video', { direction: 'sendonly', sendEncodings })
    preferVideo(screen)
    const sound = this.#connection.addTransceiver('audio', { direction: 'sendonly' })
    preferAudio(sound)
    this.#transceivers.set('screen', screen).set('screen_audio', sound)
  }

  /** A shared screen, with its sound when the browser gives it; null ends the share. */
  async setScreen(video: MediaStreamTrack | null, audio: MediaStreamTrack | null): Promise<void> {
    if (this.#isClosed) return
    const negotiation = video && this.prepareScreen()
    await Promise.all([
      this.#transceivers.get('screen')?.sender.replaceTrack(video),
      this.#transceivers.get('screen_audio')?.sender.replaceTrack(audio),
      negotiation,
    ])
  }

  /** Encodes what somebody wants and nothing else (M17). One after the other: parameters that were read once are spent. */
  setLayers(source: 'camera' | 'screen', active: readonly Layer[]): Promise<void> {
    const run = () => this.#applyLayers(source, active)
    this.#layersSet = this.#layersSet.then(run, run)
    return this.#layersSet
  }

  async #applyLayers(source: 'camera' | 'screen', active: readonly Layer[]): Promise<void> {
    const sender = this.#transceivers.get(source)?.sender
    const parameters = sender?.getParameters()
    if (!sender || !parameters || this.#isClosed) return
    const isActive = ({ rid }: RTCRtpEncodingParameters) => active.some((layer) => layer === rid)
    const isSame = parameters.encodings.every((encoding) => (encoding.active ?? true) === isActive(encoding))
    if (isSame || parameters.encodings.length < 2) return
    for (const encoding of parameters.encodings) encoding.active = isActive(encoding)
    await sender.setParameters(parameters)
  }

  close(): void {
    this.#isClosed = true
    this.#connection.close()
  }
}

/** Tells once when a connection is up, and when waiting for it is in vain. */
export function watchConnection(
  connection: RTCPeerConnection,
  patience: number,
  host: { connected(): void; broken(): void },
): void {
  let timer: ReturnType<typeof setTimeout> | undefined
  connection.addEventListener('connectionstatechange', () => {
    clearTimeout(timer)
    const { connectionState } = connection
    if (connectionState === 'connected') host.connected()
    if (connectionState === 'failed') host.broken()
    if (connectionState === 'disconnected') {
      timer = setTimeout(() => connection.connectionState === 'disconnected' && host.broken(), patience)
    }
  })
}

/** `iceCandidatesToFilter` of the account. */
export function withoutCandidates(sdp: string, filter: readonly string[]): string {
  if (filter.length === 0) return sdp
  const isKept = (line: string) => !line.startsWith('a=candidate:') || !filter.some((text) => line.includes(text))
  return sdp.split('\r\n').filter(isKept).join('\r\n')
}
