/**
 * Both connections of the page to the media worker, and when they are made again: after the worker was lost, when ICE
 * gave up, and when the page comes back to a server that does not know it any more.
 *
 * Invariant: at most one attempt for each direction is under way, and an answer to an earlier attempt changes nothing.
 */
import type { EventParams, OpResult } from '../../contract/signalling.ts'
import { PublishConnection } from './publish-connection.ts'
import { type SignallingClient, SignallingFault } from './signalling-client.ts'
import { SubscribeConnection, type VideoOf } from './subscribe-connection.ts'

export interface MediaHost {
  videosChanged(videos: readonly VideoOf[]): void
  soundBlocked(): void
  /** Whether what this page came for can flow. */
  flowing(isFlowing: boolean): void
}

export interface MediaOptions {
  readonly sends: boolean
  readonly receives: boolean
  readonly isPhone: boolean
}

/** The worker is back within seconds (M7). */
const retryMs = 250

export class MeetingMedia {
  readonly #client: SignallingClient
  readonly #host: MediaHost
  readonly #options: MediaOptions
  #publish: PublishConnection | null = null
  #subscribe: SubscribeConnection | null = null
  #configuration: RTCConfiguration = {}
  #filter: readonly string[] = []
  #isOpen = false
  readonly #up = { publish: false, subscribe: false }
  readonly #tracks: { microphone: MediaStreamTrack | null; camera: MediaStreamTrack | null } = {
    microphone: null,
    camera: null,
  }
  #screen: { video: MediaStreamTrack; audio: MediaStreamTrack | null } | null = null
  #speaker = ''
  #retries = new Set<ReturnType<typeof setTimeout>>()

  constructor(client: SignallingClient, host: MediaHost, options: MediaOptions) {
    this.#client = client
    this.#host = host
    this.#options = options
    // Before the server has answered: a connection takes some milliseconds to be made.
    if (options.sends) this.#publish = this.#newPublish()
  }

  configure(hello: OpResult<'hello'>): void {
    this.#filter = hello.iceCandidatesToFilter
    const iceServers = hello.iceServers.map(({ urls, username, credential }) => ({
      urls,
      ...(username !== undefined && { username }),
      ...(credential !== undefined && { credential }),
    }))
    this.#configuration = { iceServers }
    this.#publish?.configure(this.#configuration)
  }

  /** Makes what is missing: before joining that is warming, and carries nothing. */
  open(isFresh = false): void {
    if (this.#isOpen) return
    this.#isOpen = true
    if (this.#options.receives) this.#openSubscribe(isFresh)
    if (this.#options.sends) this.#openPublish()
  }

  /** The socket is back and the server knows us: what was under way is asked again, what broke is made again. */
  resume(): void {
    if (!this.#isOpen) return
    if (this.#options.receives) this.#openSubscribe(!this.#up.subscribe)
    if (this.#options.sends && !this.#up.publish) this.#openPublish()
  }

  /** The worker has lost us, or the server has lost the worker, which then still has the connection that is closed here. */
  reopen(): void {
    this.close()
    this.open(true)
  }

  #openSubscribe(isFresh: boolean): void {
    this.#subscribe ??= this.#newSubscribe()
    this.#client.request('subscribe', { fresh: isFresh }).catch((error) => {
      this.#retry(error, () => this.#openSubscribe(isFresh))
    })
  }

  #newSubscribe(): SubscribeConnection {
    const connection: SubscribeConnection = new SubscribeConnection(
      {
        answer: (revision, sdp) => this.#client.request('answer', { revision, sdp }),
        candidatesToFilter: this.#filter,
        connected: () => this.#tell('subscribe', true),
        broken: () => {
          this.#tell('subscribe', false)
          this.#openSubscribe(true)
        },
        changed: () => connection === this.#subscribe && this.#host.videosChanged(connection.videos()),
        soundBlocked: () => this.#host.soundBlocked(),
      },
      this.#configuration,
    )
    if (this.#speaker !== '') void connection.setSpeaker(this.#speaker)
    return connection
  }

  #openPublish(): void {
    // The one that was made ahead has not been used; any other is replaced, because its transport is spent.
    if (!this.#publish?.isFresh) {
      this.#publish?.close()
      this.#publish = this.#newPublish()
    }
    const connection = this.#publish
    connection.configure(this.#configuration)
    void connection.setTrack('microphone', this.#tracks.microphone)
    void connection.setTrack('camera', this.#tracks.camera)
    const negotiation = connection.negotiate()
    if (this.#screen) void connection.setScreen(this.#screen.video, this.#screen.audio).catch(() => {})
    negotiation.catch((error) => {
      if (connection !== this.#publish) return
      this.#retry(error, () => connection === this.#publish && this.#openPublish())
    })
  }

  #newPublish(): PublishConnection {
    const connection: PublishConnection = new PublishConnection(
      {
        publish: async (sdp, sources) => (await this.#client.request('publish', { sdp, sources })).sdp,
        candidatesToFilter: () => this.#filter,
        connected: () => connection === this.#publish && this.#tell('publish', true),
        broken: () => {
          if (connection !== this.#publish) return
          this.#tell('publish', false)
          this.#openPublish()
        },
      },
      this.#options.isPhone,
    )
    return connection
  }

  #tell(direction: 'publish' | 'subscribe', isUp: boolean): void {
    this.#up[direction] = isUp
    const { sends, receives } = this.#options
    this.#host.flowing((!receives || this.#up.subscribe) && (!sends || receives || this.#up.publish))
  }

  #retry(error: unknown, again: () => void): void {
    if (!(error instanceof SignallingFault)) throw error
    // `offline` is asked again when the socket is back; a refusal to warm, when the person joins.
    const isTemporary =
      error.code === 'media_unavailable' || error.code === 'internal' || error.code === 'negotiation_failed'
    if (!isTemporary) {
      if (error.code !== 'offline') this.close()
      return
    }
    const timer = setTimeout(
      () => {
        this.#retries.delete(timer)
        if (this.#isOpen) again()
      },
      error.code === 'negotiation_failed' ? 4 * retryMs : retryMs,
    )
    this.#retries.add(timer)
  }

  offer({ revision, sdp }: EventParams<'offer'>): void {
    // An answer that does not reach the server is asked for again when the socket is back.
    this.#subscribe?.offer(revision, sdp).catch((error) => {
      if (error instanceof SignallingFault && error.code === 'offline') return
      this.#retry(new SignallingFault('negotiation_failed', String(error)), () => this.#openSubscribe(true))
    })
  }

  slots({ slots }: EventParams<'slots'>): void {
    this.#subscribe?.slots(slots)
  }

  layers({ source, active }: EventParams<'layers'>): void {
    void this.#publish?.setLayers(source, active)
  }

  setTrack(source: 'microphone' | 'camera', track: MediaStreamTrack | null): void {
    if (this.#tracks[source] === track) return
    this.#tracks[source] = track
    void this.#publish?.setTrack(source, track)
  }

  /** Somebody is about to share. What fails here is told when the share itself is set. */
  prepareScreen(): void {
    this.#publish?.prepareScreen().catch(() => {})
  }

  async setScreen(video: MediaStreamTrack | null, audio: MediaStreamTrack | null): Promise<void> {
    this.#screen = video && { video, audio }
    await this.#publish?.setScreen(video, audio)
  }

  setSpeaker(deviceId: string): void {
    this.#speaker = deviceId
    void this.#subscribe?.setSpeaker(deviceId)
  }

  playAll(): void {
    this.#subscribe?.playAll()
  }

  /** A connection that was made ahead and not used yet is kept for the next `open`, unless this is the end. */
  close(isFinal = false): void {
    this.#isOpen = false
    for (const timer of this.#retries) clearTimeout(timer)
    this.#retries.clear()
    if (isFinal || !this.#publish?.isFresh) {
      this.#publish?.close()
      this.#publish = null
    }
    this.#subscribe?.close()
    this.#subscribe = null
    this.#up.publish = false
    this.#up.subscribe = false
    this.#host.flowing(false)
    this.#host.videosChanged([])
  }
}
