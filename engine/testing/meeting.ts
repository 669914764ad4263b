/**
 * A whole forwarding unit with simulated pages and a driver that opens every transport at once, on a clock that jumps by
 * 10 ms. What the pages are sent goes through `deliver`, where a test may put a network in between.
 */
import { plainOpus } from './plain-opus.ts'
import type {
  Input,
  Order,
  Output,
  PeerId,
  PipeId,
  PipeParameters,
  Report,
  Source,
  WantedVideo,
} from '../sfu/messages.ts'
import { outgoingBytes } from '../sfu/outgoing.ts'
import { isRtcp, RtpPacket } from '../sfu/rtp.ts'
import { Sfu } from '../sfu/sfu.ts'
import type { SimulatedCamera, SimulatedMicrophone } from './camera.ts'
import { type AnswerOptions, type PublishedSection, publishOffer, subscribeAnswer } from './description.ts'
import { seededRandom } from './random.ts'

const local: PipeParameters = {
  ...{ ufrag: 'unit', pwd: 'u'.repeat(24), setup: 'passive' },
  fingerprint: `sha-256 ${new Array(32).fill('0A').join(':')}`,
}

export interface Received {
  readonly atMs: number
  readonly ssrc: number
  readonly payloadType: number
  readonly sequence: number
  readonly timestamp: number
  readonly isMarked: boolean
  readonly payload: Uint8Array
  /** Transport-wide; -1: none. */
  readonly number: number
  readonly bytes: Uint8Array
}

type ReportOf<Type extends Report['type']> = Extract<Report, { type: Type }>

export class Meeting {
  readonly sfu: Sfu
  nowMs = 10_000
  readonly pages = new Map<PeerId, Page>()
  readonly reports: Report[] = []
  readonly closedPipes: PipeId[] = []
  /** The driver opens transports; false: a test does it by `open`. */
  isOpening = true
  /** Everything that is sent to a page, once each; a test may lose or delay it. */
  deliver: (page: Page, bytes: Uint8Array) => void = (page, bytes) => page.receive(bytes)
  readonly #pageOf = new Map<PipeId, { readonly page: Page; readonly isPublish: boolean }>()
  #request = 0

  constructor(seed = 1) {
    this.sfu = new Sfu({
      candidates: ['candidate:1 1 UDP 1 192.0.2.1 7000 typ host', 'candidate:2 1 UDP 1 2001:db8::1 7000 typ host'],
      random: seededRandom(seed),
      send: (pipe, bytes) => this.#onSent(pipe, bytes),
      buffer: new Uint8Array(outgoingBytes),
      opus: plainOpus,
      fault: (_line, error) => {
        throw error
      },
    })
  }

  get nextRequest(): number {
    this.#request += 1
    return this.#request
  }

  /** Hands an order or event in; everything that came of it. */
  say(input: Input): Output[] {
    this.sfu.handle(this.nowMs, input)
    return this.drain()
  }

  drain(): Output[] {
    const outputs: Output[] = []
    for (let output = this.sfu.poll(); output; output = this.sfu.poll()) {
      outputs.push(output)
      this.#onOutput(output)
    }
    return outputs
  }

  #onOutput(output: Output): void {
    if (output.type === 'open_pipe') {
      const page = this.pages.get(this.#opening)
      if (page) this.#pageOf.set(output.pipe, { page, isPublish: output.remote !== null })
      if (page && output.remote) page.publishPipe = output.pipe
      else if (page) page.subscribePipe = output.pipe
      if (this.isOpening) this.open(output.pipe)
      return
    }
    if (output.type === 'accept_pipe')
      this.sfu.handle(this.nowMs, { type: 'pipe_state', pipe: output.pipe, state: 'connected' })
    else if (output.type === 'close_pipe') this.closedPipes.push(output.pipe)
    else {
      this.reports.push(output)
      if ('peerId' in output) this.pages.get(output.peerId)?.onReport(output)
    }
  }

  /** The native transport is there. */
  open(pipe: PipeId): void {
    this.sfu.handle(this.nowMs, { type: 'pipe_opened', pipe, local })
    if (this.#pageOf.get(pipe)?.isPublish) this.sfu.handle(this.nowMs, { type: 'pipe_state', pipe, state: 'connected' })
  }

  /** Whose order opens the next transport: commands name only pipes. */
  #opening: PeerId = ''
  orderOf(order: Extract<Order, { peerId: PeerId }>): Output[] {
    this.#opening = order.peerId
    return this.say(order)
  }

  #onSent(pipe: PipeId, bytes: Uint8Array): void {
    const end = this.#pageOf.get(pipe)
    if (!end) throw new Error(`sent into pipe ${pipe}, which nobody opened`)
    const copy = Uint8Array.from(bytes)
    if (end.isPublish) end.page.onFeedback(copy)
    else this.deliver(end.page, copy)
  }

  packet(pipe: PipeId, bytes: Uint8Array): void {
    this.sfu.onPacket(pipe, bytes, this.nowMs * 1000)
  }

  /** Everybody sends for so long. */
  run(ms: number, each: () => void = () => {}): void {
    for (const until = this.nowMs + ms; this.nowMs < until; ) {
      this.nowMs += 10
      for (const page of this.pages.values()) page.tick()
      each()
      this.sfu.tick(this.nowMs * 1000)
      this.drain()
    }
  }

  page(peerId: PeerId, options: AnswerOptions = {}): Page {
    const page = new Page(this, peerId, options)
    this.pages.set(peerId, page)
    this.say({ type: 'open_peer', peerId, filter: [] })
    return page
  }

  reportsOf<Type extends Report['type']>(type: Type): ReportOf<Type>[] {
    return this.reports.filter((report): report is ReportOf<Type> => report.type === type)
  }
}

export class Page {
  readonly meeting: Meeting
  readonly peerId: PeerId
  readonly options: AnswerOptions
  publishPipe = -1
  subscribePipe = -1
  camera: SimulatedCamera | null = null
  microphone: SimulatedMicrophone | null = null
  isAnswering = true
  followsLayers = true
  /** Of every packet that its camera or microphone made: false: lost on the way up. */
  passes: (bytes: Uint8Array) => boolean = () => true
  readonly offers: ReportOf<'offer'>[] = []
  received: Received[] = []
  readonly rtcp: Uint8Array[] = []
  readonly feedback: Uint8Array[] = []
  #answered = 0
  #transportSequence = 0
  readonly #packet = new RtpPacket()

  constructor(meeting: Meeting, peerId: PeerId, options: AnswerOptions) {
    this.meeting = meeting
    this.peerId = peerId
    this.options = options
  }

  join(roomId = 'room'): this {
    this.meeting.say({ type: 'join', peerId: this.peerId, roomId })
    return this
  }

  subscribe(fresh = false): this {
    this.meeting.orderOf({ type: 'subscribe', peerId: this.peerId, fresh })
    this.answer()
    return this
  }

  publish(sections: readonly PublishedSection[], sources: Readonly<Record<string, Source>>, ufrag = 'page'): Output[] {
    const sdp = publishOffer(sections, ufrag)
    return this.meeting.orderOf({
      type: 'publish',
      request: this.meeting.nextRequest,
      peerId: this.peerId,
      sdp,
      sources,
    })
  }

  want(...wanted: readonly WantedVideo[]): Output[] {
    return this.meeting.say({ type: 'wanted', peerId: this.peerId, wanted })
  }

  onReport(report: Report): void {
    if (report.type === 'offer') this.offers.push(report)
    if (report.type === 'layers' && this.followsLayers) this.camera?.activate(report.active)
  }

  /** The newest offer, once. */
  answer(): Output[] {
    const offer = this.offers.at(-1)
    if (!offer || this.offers.length === this.#answered) return []
    this.#answered = this.offers.length
    const sdp = subscribeAnswer(offer.sdp, this.options)
    const { meeting, peerId } = this
    return meeting.say({ type: 'answer', request: meeting.nextRequest, peerId, revision: offer.revision, sdp })
  }

  tick(): void {
    if (this.isAnswering) this.answer()
    const number = () => this.#transportSequence++ & 0xffff
    const send = (bytes: Uint8Array) => this.send(bytes)
    this.camera?.tick(this.meeting.nowMs, number, send)
    this.microphone?.tick(this.meeting.nowMs, number, send)
  }

  /** Up. */
  send(bytes: Uint8Array): void {
    if (this.passes(bytes)) this.meeting.packet(this.publishPipe, bytes)
  }

  /** Feedback for what it receives. */
  tell(bytes: Uint8Array): void {
    this.meeting.packet(this.subscribePipe, bytes)
  }

  onFeedback(bytes: Uint8Array): void {
    this.feedback.push(bytes)
    this.camera?.onRtcp(bytes)
  }

  receive(bytes: Uint8Array): void {
    const packet = this.#packet
    if (isRtcp(bytes)) {
      this.rtcp.push(bytes)
      return
    }
    if (!packet.parse(bytes)) throw new Error('the unit sent what is no RTP')
    const at = packet.extension(3)
    const { ssrc, payloadType, sequence, timestamp, isMarked, payloadAt, payloadLength } = packet
    this.received.push({
      ...{ atMs: this.meeting.nowMs, ssrc, payloadType, sequence, timestamp, isMarked, bytes },
      payload: bytes.subarray(payloadAt, payloadAt + payloadLength),
      number: at === 0 ? -1 : ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0),
    })
  }

  /** SSRC and repair SSRC of a slot, as the newest offer names them. */
  streamOf(mid: string): { readonly ssrc: number; readonly rtxSsrc: number } {
    const section =
      this.offers
        .at(-1)
        ?.sdp.split('\r\nm=')
        .find((text) => text.includes(`\r\na=mid:${mid}\r\n`)) ?? ''
    const ssrc = Number(/a=ssrc:(\d+)/.exec(section)?.[1])
    return { ssrc, rtxSsrc: Number(/a=ssrc-group:FID \d+ (\d+)/.exec(section)?.[1] ?? 0) }
  }

  /** Which slot shows that source now, by what it was told. */
  slotOf(peerId: PeerId, source: Source): string | undefined {
    const slots = new Map<string, string>()
    for (const report of this.meeting.reportsOf('slots')) {
      if (report.peerId !== this.peerId) continue
      for (const slot of report.slots) slots.set(slot.mid, `${slot.peerId}/${slot.source}`)
    }
    return [...slots].find(([, shown]) => shown === `${peerId}/${source}`)?.[0]
  }

  /** What came of one stream, in order of arrival. */
  of(ssrc: number): Received[] {
    return this.received.filter((one) => one.ssrc === ssrc)
  }
}
