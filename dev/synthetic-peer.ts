/**
 * A participant without a browser: real ICE, DTLS and SRTP, synthetic media. It publishes what its plans say and takes
 * every slot it is offered. Whom it talks to is its `SyntheticSignalling`: a media worker, or a whole server by its
 * meeting's link.
 */
import type { PipeParameters, SlotState, Source, WantedVideo } from '../engine/sfu/messages.ts'
import { readRtcp, type RtcpSink } from '../engine/sfu/rtcp.ts'
import { isRtcp } from '../engine/sfu/rtp.ts'
import { parseSdp } from '../engine/sfu/sdp.ts'
import { SyntheticPipe } from './synthetic-pipe.ts'
import { SyntheticReceiver } from './synthetic-receiver.ts'
import {
  formatPublishOffer,
  formatSubscribeAnswer,
  readCandidates,
  readOfferedStreams,
  readTransportSequence,
} from './synthetic-sdp.ts'
import { type LayerPlan, type SourcePlan, SyntheticStream } from './synthetic-source.ts'

export interface SyntheticEvents {
  offer(revision: number, sdp: string): void
  slots(slots: readonly SlotState[]): void
  layers(source: 'camera' | 'screen', active: readonly string[]): void
}

/** What stands between a peer and the forwarding unit. */
export interface SyntheticSignalling {
  open(events: SyntheticEvents): Promise<void>
  publish(sdp: string, sources: Readonly<Record<string, Source>>): Promise<string>
  subscribe(): Promise<void>
  answer(revision: number, sdp: string): Promise<void>
  join(): Promise<void>
  wanted(wanted: readonly WantedVideo[]): Promise<void>
  leave(): Promise<void>
}

export interface SyntheticPeerOptions {
  readonly name: string
  readonly signalling: SyntheticSignalling
  readonly plans: readonly SourcePlan[]
  readonly isSubscribing?: boolean
  readonly bindAddress?: string
  /** Tells its addresses: for servers that do not find them. */
  readonly isTellingAddresses?: boolean
  /** Uniform in [0, 1). */
  readonly random: () => number
}

const layer = (rid: string, height: number, packetsPerFrame: number): LayerPlan => ({
  ...{ rid, height, packetsPerFrame, framesPerSecond: 20, packetBytes: 900 },
})

/** What a page sends: a voice, and a camera in three layers. */
export const microphone: SourcePlan = {
  source: 'microphone',
  mid: '0',
  kind: 'audio',
  layers: [{ rid: '', height: 0, framesPerSecond: 50, packetsPerFrame: 1, packetBytes: 120 }],
}
export const camera: SourcePlan = {
  source: 'camera',
  mid: '1',
  kind: 'video',
  layers: [layer('q', 180, 1), layer('h', 360, 2), layer('f', 720, 5)],
}
export const screen: SourcePlan = { source: 'screen', mid: '2', kind: 'video', layers: [layer('', 1080, 3)] }

const tickMs = 5

export class SyntheticPeer implements RtcpSink {
  readonly name: string
  readonly streams: readonly SyntheticStream[]
  readonly receiver: SyntheticReceiver
  readonly #options: SyntheticPeerOptions
  readonly #publishPipe: SyntheticPipe
  readonly #subscribePipe: SyntheticPipe
  readonly slots = new Map<string, SlotState>()
  /** What the worker last wished to be sent of a source. */
  readonly activeLayers = new Map<string, readonly string[]>()
  #transportSequence = 0
  #timer: NodeJS.Timeout | null = null
  #reportAtMs = 0
  #subscribeParameters: PipeParameters | null = null
  #negotiation: Promise<void> = Promise.resolve()
  feedbacks = 0
  nacks = 0
  /** A share of what it sends that gets lost on the way. */
  dropSent: () => boolean = () => false

  constructor(options: SyntheticPeerOptions) {
    this.#options = options
    this.name = options.name
    const bindAddress = options.bindAddress ?? '127.0.0.1'
    this.#publishPipe = new SyntheticPipe({
      name: `${options.name}-up`,
      bindAddress,
      onPacket: (bytes) => isRtcp(bytes) && readRtcp(bytes, this),
    })
    this.#subscribePipe = new SyntheticPipe({
      name: `${options.name}-down`,
      bindAddress,
      onPacket: (bytes) => this.receiver.onPacket(bytes, performance.now()),
    })
    this.receiver = new SyntheticReceiver((bytes) => this.#subscribePipe.send(bytes))
    const outlet = {
      send: (bytes: Buffer) => this.dropSent() || this.#publishPipe.send(bytes),
      nextTransportSequence: () => {
        this.#transportSequence = (this.#transportSequence + 1) & 0xffff
        return this.#transportSequence
      },
    }
    this.streams = options.plans.flatMap((plan) =>
      plan.layers.map((one) => new SyntheticStream(plan, one, outlet, options.random)),
    )
  }

  /** Resolves when it is in the room and both ways are open. */
  async join(): Promise<void> {
    const { signalling, plans } = this.#options
    await signalling.open({
      offer: (revision, sdp) => {
        this.#negotiation = this.#negotiation.then(() => this.#answer(revision, sdp))
      },
      slots: (slots) => {
        for (const slot of slots) this.slots.set(slot.mid, slot)
      },
      layers: (source, active) => this.#setLayers(source, active),
    })
    const { isSubscribing = true } = this.#options
    const waits: Promise<unknown>[] = isSubscribing ? [signalling.subscribe(), this.#subscribePipe.connected] : []
    if (plans.length > 0) waits.push(this.#publish(), this.#publishPipe.connected)
    await signalling.join()
    await Promise.all(waits)
    this.#timer = setInterval(() => this.#tick(performance.now()), tickMs)
  }

  async #publish(): Promise<void> {
    const { signalling, plans } = this.#options
    const local = this.#publishPipe.offer()
    const addresses = this.#options.isTellingAddresses ? await this.#publishPipe.gathered : []
    const offer = formatPublishOffer(plans, this.streams, local, addresses)
    const sources = Object.fromEntries(plans.map(({ mid, source }) => [mid, source]))
    const answer = await signalling.publish(offer, sources)
    this.#publishPipe.accept(pipeOf(answer), readCandidates(answer))
  }

  async #answer(revision: number, sdp: string): Promise<void> {
    this.receiver.offered(readOfferedStreams(sdp))
    this.receiver.transportSequence = readTransportSequence(sdp)
    this.#subscribeParameters ??= this.#subscribePipe.answer(pipeOf(sdp))
    const addresses = this.#options.isTellingAddresses ? await this.#subscribePipe.gathered : []
    await this.#options.signalling.answer(revision, formatSubscribeAnswer(sdp, this.#subscribeParameters, addresses))
    if (revision === 0) this.#subscribePipe.begin(readCandidates(sdp))
  }

  wanted(wanted: readonly WantedVideo[]): Promise<void> {
    return this.#options.signalling.wanted(wanted)
  }

  /** Bytes of the caller's own making, through the authenticated transport. */
  sendRaw(direction: 'publish' | 'subscribe', bytes: Buffer): void {
    if (direction === 'publish') this.#publishPipe.send(bytes)
    else this.#subscribePipe.send(bytes)
  }

  #setLayers(source: string, active: readonly string[]): void {
    this.activeLayers.set(source, active)
    for (const stream of this.streams) {
      if (stream.plan.source !== source) continue
      const isActive = active.includes(stream.layer.rid)
      if (isActive && !stream.isActive) stream.requestKeyFrame()
      stream.isActive = isActive
    }
  }

  #tick(nowMs: number): void {
    for (const stream of this.streams) stream.tick(nowMs)
    this.receiver.tick(nowMs)
    if (nowMs - this.#reportAtMs < 1_000) return
    this.#reportAtMs = nowMs
    for (const stream of this.streams) stream.report(nowMs)
  }

  nack(ssrc: number, sequence: number): void {
    this.nacks += 1
    this.streams.find((stream) => stream.ssrc === ssrc)?.resend(sequence)
  }

  keyFrameRequest(ssrc: number): void {
    this.streams.find((stream) => stream.ssrc === ssrc)?.requestKeyFrame()
  }

  transportFeedback(): void {
    this.feedbacks += 1
  }

  // A synthetic peer sends what its plan says, whatever it is told about the path.
  reportBlock(): void {}
  senderReport(): void {}
  maximumBitrate(): void {}
  referenceTime(): void {}

  async leave(): Promise<void> {
    if (this.#timer) clearInterval(this.#timer)
    await this.#options.signalling.leave()
    this.#publishPipe.close()
    this.#subscribePipe.close()
  }
}

function pipeOf(sdp: string): PipeParameters {
  const parsed = parseSdp(sdp)
  if ('reason' in parsed) throw new Error(parsed.reason)
  return parsed.description.pipe
}
