/**
 * What one peer sends: its m-lines, which stream belongs to which (M3), and the feedback that keeps them whole: NACK,
 * key frame requests, receiver reports and transport-wide feedback.
 */
import { agree, type Agreed, type ExtensionIds, extensionIds, formatAnswer } from './answer.ts'
import { ArrivalLog } from './arrival-log.ts'
import { isH264KeyFrame } from './h264.ts'
import type { Layer } from './layer.ts'
import type { PeerId, PipeId, PipeParameters, Source } from './messages.ts'
import type { Outgoing } from './outgoing.ts'
import { type RtcpSink, readRtcp, writeNack, writePli, writeReceiverReport } from './rtcp.ts'
import { byte, read16, RtpPacket, write16, write32 } from './rtp.ts'
import type { Description } from './sdp.ts'
import type { Slot } from './slot.ts'
import { Track } from './track.ts'
import { Vp8Descriptor } from './vp8.ts'

export interface PublisherHost {
  readonly candidates: readonly string[]
  readonly outgoing: Outgoing
  readonly send: (pipe: PipeId, bytes: Uint8Array) => void
  readonly onTrack: (publisher: Publisher, track: Track) => void
  readonly onTrackGone: (publisher: Publisher, track: Track) => void
  readonly counters: {
    packetsIn: number
    bytesIn: number
    malformed: number
    nacksSent: number
    keyFrameRequests: number
  }
}

/** Which m-line an SSRC belongs to. */
interface Stream {
  readonly track: Track
  readonly layer: Layer | null
  /** Of an RTX stream: the RID or SSRC that it repairs. */
  readonly repairs: { readonly rid: string; readonly ssrc: number } | null
}

interface Memory {
  readonly mid: string
  readonly rid: string
  readonly isRtx: boolean
}

const keyFrameMs = 300
const feedbackUs = 50_000
const reportUs = 1_000_000
const mostStreams = 64
/** RFC 3550: ours, for feedback; a receiver has no media of its own. */
const ownSsrc = 1

export class Publisher implements RtcpSink {
  readonly peerId: PeerId
  pipe: PipeId
  local: PipeParameters
  offer: Description
  isInRoom = false
  readonly tracks = new Map<string, Track>()
  readonly #host: PublisherHost
  #agreed: ReadonlyMap<string, Agreed> = new Map()
  #ids: ExtensionIds
  #version = 0
  readonly #streams = new Map<number, Stream>()
  /** Kept over an ICE restart: Chromium stops sending the extensions once they were acknowledged (M3). */
  readonly #memory = new Map<number, Memory>()
  #arrivals = new ArrivalLog()
  #mediaSsrc = 0
  readonly #packet = new RtpPacket()
  readonly #vp8 = new Vp8Descriptor()
  readonly #oldVp8 = new Vp8Descriptor()
  readonly #old = new RtpPacket()
  readonly #missing: number[] = []
  #feedbackAtUs = 0
  #reportAtUs = 0
  #nowUs = 0
  uplinkLoss = 0

  constructor(
    host: PublisherHost,
    options: { peerId: PeerId; pipe: PipeId; local: PipeParameters; offer: Description },
  ) {
    this.#host = host
    this.peerId = options.peerId
    this.pipe = options.pipe
    this.local = options.local
    this.offer = options.offer
    this.#ids = extensionIds(options.offer)
  }

  /** ICE restart: another transport, the same streams. */
  moveTo(pipe: PipeId, local: PipeParameters): void {
    this.pipe = pipe
    this.local = local
    this.#arrivals = new ArrivalLog()
  }

  /** Takes the offer over and answers it. */
  negotiate(offer: Description, sources: Readonly<Record<string, Source>>): string {
    this.offer = offer
    this.#ids = extensionIds(offer)
    const agreed = new Map<string, Agreed>()
    for (const section of offer.sections) {
      const media = agree(section)
      if (media && sources[section.mid] !== undefined) agreed.set(section.mid, media)
    }
    this.#agreed = agreed
    for (const [mid, track] of [...this.tracks]) {
      if (!agreed.get(mid)?.isSending || sources[mid] !== track.source) this.#dropTrack(mid, track)
    }
    for (const [mid, media] of agreed) {
      const source = sources[mid]
      const known = this.tracks.get(mid)
      if (known) known.agreed = media
      else if (media.isSending && source) this.#addTrack(mid, new Track(this.peerId, source, media))
    }
    this.#version += 1
    const { local } = this
    return formatAnswer({ offer, agreed, local, candidates: this.#host.candidates, version: this.#version })
  }

  #addTrack(mid: string, track: Track): void {
    this.tracks.set(mid, track)
    // Streams without RIDs are named in the description, so their first packet is known.
    if (track.agreed.rids.length === 0) {
      for (const ssrc of track.agreed.ssrcs)
        this.#streams.set(ssrc, { track, layer: track.layer('', ssrc), repairs: null })
      for (const [rtx, ssrc] of track.agreed.rtxOf) {
        this.#streams.set(rtx, { track, layer: null, repairs: { rid: '', ssrc } })
      }
    }
    this.#host.onTrack(this, track)
  }

  #dropTrack(mid: string, track: Track): void {
    this.tracks.delete(mid)
    for (const [ssrc, stream] of this.#streams) {
      if (stream.track !== track) continue
      this.#streams.delete(ssrc)
      this.#memory.delete(ssrc)
    }
    this.#host.onTrackGone(this, track)
  }

  close(): void {
    for (const [mid, track] of [...this.tracks]) this.#dropTrack(mid, track)
  }

  // --- packets ---

  onRtp(bytes: Uint8Array, nowUs: number): void {
    const packet = this.#packet
    const { counters } = this.#host
    counters.packetsIn += 1
    counters.bytesIn += bytes.length
    if (!packet.parse(bytes)) {
      counters.malformed += 1
      return
    }
    this.#nowUs = nowUs
    const at = this.#ids.transportSequence === 0 ? 0 : packet.extension(this.#ids.transportSequence)
    if (at !== 0 && packet.extensionLength >= 2) {
      this.#arrivals.onPacket(read16(bytes, at), nowUs)
      this.#mediaSsrc = packet.ssrc
    }
    const stream = this.#streams.get(packet.ssrc) ?? this.#learn(packet)
    if (!stream) return
    if (stream.repairs) this.#onRtx(stream, packet)
    else if (stream.layer) this.#onMedia(stream.track, stream.layer, packet)
  }

  /** A new SSRC says in its header extensions what it is, or said so before a restart. */
  #learn(packet: RtpPacket): Stream | undefined {
    const mid = packet.text(this.#ids.mid)
    const rid = packet.text(this.#ids.rid)
    const repaired = packet.text(this.#ids.repairedRid)
    const said = mid === undefined ? undefined : { mid, rid: repaired ?? rid ?? '', isRtx: repaired !== undefined }
    const memory = said ?? this.#memory.get(packet.ssrc)
    const track = memory && this.tracks.get(memory.mid)
    if (!track || !memory || this.#streams.size >= mostStreams) return undefined
    const isRtx = memory.isRtx || packet.payloadType === track.agreed.rtxPayloadType
    if (!track.rids.includes(memory.rid)) return undefined
    this.#forgetOthers(track, memory.rid, isRtx)
    this.#memory.set(packet.ssrc, { ...memory, isRtx })
    const stream: Stream = isRtx
      ? { track, layer: null, repairs: { rid: memory.rid, ssrc: 0 } }
      : { track, layer: this.#begin(track, memory.rid, packet.ssrc), repairs: null }
    this.#streams.set(packet.ssrc, stream)
    return stream
  }

  /** Whoever asked for a key frame of this layer before it came was not heard. */
  #begin(track: Track, rid: string, ssrc: number): Layer {
    const layer = track.layer(rid, ssrc)
    const isAwaited = track.kind === 'video' && track.slots.some((slot) => slot.targetRid === rid)
    if (isAwaited) layer.expectKeyFrame(this.#nowUs / 1000)
    return layer
  }

  /** A RID that moved to another SSRC leaves the old one. */
  #forgetOthers(track: Track, rid: string, isRtx: boolean): void {
    for (const [ssrc, stream] of this.#streams) {
      const isSame = isRtx ? stream.repairs?.rid === rid : stream.layer?.rid === rid
      if (stream.track !== track || !isSame) continue
      this.#streams.delete(ssrc)
      this.#memory.delete(ssrc)
    }
  }

  /** RFC 4588 §4: the original, whose number stands before its payload. Padding for probing carries none. */
  #onRtx(stream: Stream, packet: RtpPacket): void {
    const { track, repairs } = stream
    const layer = track.layers.get(repairs?.rid ?? '')
    if (!layer || packet.payloadLength < 3) return
    const { bytes, payloadAt, payloadLength } = packet
    const original = new Uint8Array(12 + payloadLength - 2)
    original.set(bytes.subarray(0, 12))
    original[0] = 0x80
    original[1] = (byte(bytes, 1) & 0x80) | track.agreed.payloadType
    write16(original, 2, read16(bytes, payloadAt))
    write32(original, 8, layer.ssrc)
    original.set(bytes.subarray(payloadAt + 2, payloadAt + payloadLength), 12)
    if (packet.parse(original)) this.#onMedia(track, layer, packet)
  }

  #onMedia(track: Track, layer: Layer, packet: RtpPacket): void {
    const nowUs = this.#nowUs
    const full = layer.onPacket(packet, nowUs / 1000)
    if (full < 0 || track.isMuted || !this.isInRoom) return
    if (track.kind === 'audio') {
      this.#hear(track, packet)
      track.tap?.(packet)
      for (const slot of track.slots) slot.forward(packet, layer, full, null, true, nowUs)
      return
    }
    const isVp8 = track.agreed.codec === 'vp8'
    const vp8 = this.#vp8
    if (packet.payloadLength > 0 && isVp8 && !vp8.parse(packet.bytes, packet.payloadAt, packet.payloadLength)) {
      this.#host.counters.malformed += 1
      return
    }
    const isKey =
      packet.payloadLength > 0 &&
      (isVp8 ? vp8.isKeyFrame : isH264KeyFrame(packet.bytes, packet.payloadAt, packet.payloadLength))
    if (isKey) layer.onKeyFrame(isVp8 ? vp8.height : 0)
    const descriptor = isVp8 && packet.payloadLength > 0 ? vp8 : null
    for (const slot of track.slots) {
      const isSwitch = slot.forward(packet, layer, full, descriptor, isKey, nowUs)
      // The packet that begins a key frame was lost and came late: what came before it follows it now.
      if (isSwitch && full < layer.highest) this.#catchUp(slot, layer, full, isVp8)
    }
  }

  #catchUp(slot: Slot, layer: Layer, from: number, isVp8: boolean): void {
    const packet = this.#old
    for (let full = from + 1; full <= layer.highest; full++) {
      const bytes = layer.packet(full)
      if (!bytes || !packet.parse(bytes)) continue
      const vp8 = isVp8 && packet.payloadLength > 0 ? this.#oldVp8 : null
      if (vp8 && !vp8.parse(bytes, packet.payloadAt, packet.payloadLength)) continue
      slot.forward(packet, layer, full, vp8, false, this.#nowUs)
    }
  }

  /** RFC 6464: the level of the loudest packet since the last look. */
  #hear(track: Track, packet: RtpPacket): void {
    const at = this.#ids.audioLevel === 0 ? 0 : packet.extension(this.#ids.audioLevel)
    if (at === 0) return
    const level = byte(packet.bytes, at) & 0x7f
    if (level < track.loudest) track.loudest = level
  }

  onRtcp(bytes: Uint8Array, nowUs: number): void {
    this.#nowUs = nowUs
    if (!readRtcp(bytes, this)) this.#host.counters.malformed += 1
  }

  senderReport(ssrc: number, ntpHigh: number, ntpLow: number, timestamp: number): void {
    this.#streams.get(ssrc)?.layer?.onSenderReport(ntpHigh, ntpLow, timestamp, this.#nowUs / 1000)
  }

  // A publisher receives no media, so what it may say about receiving is nothing to us.
  reportBlock(): void {}
  nack(): void {}
  keyFrameRequest(): void {}
  transportFeedback(): void {}
  maximumBitrate(): void {}
  referenceTime(): void {}

  requestKeyFrame(track: Track, rid: string, nowMs: number): void {
    const layer = track.layers.get(rid)
    if (layer?.requestKeyFrame(nowMs, keyFrameMs)) this.#sendPli(layer)
  }

  #sendPli(layer: Layer): void {
    this.#host.counters.keyFrameRequests += 1
    const { outgoing } = this.#host
    this.#sendReport(writePli(outgoing.report, ownSsrc, layer.ssrc))
  }

  tick(nowUs: number): void {
    const nowMs = nowUs / 1000
    for (const track of this.tracks.values()) {
      for (const layer of track.layers.values()) {
        if (layer.hasMissing) this.#askMissing(layer, nowMs)
        if (layer.isKeyFrameDue(nowMs, keyFrameMs)) this.#sendPli(layer)
      }
    }
    if (nowUs - this.#feedbackAtUs >= feedbackUs && this.#arrivals.hasNews) {
      this.#feedbackAtUs = nowUs
      this.#sendReport(this.#arrivals.write(this.#host.outgoing.report, ownSsrc, this.#mediaSsrc))
    }
    if (nowUs - this.#reportAtUs >= reportUs) {
      this.#reportAtUs = nowUs
      this.#report(nowMs)
    }
  }

  #askMissing(layer: Layer, nowMs: number): void {
    layer.takeMissing(nowMs, this.#missing)
    if (this.#missing.length === 0) return
    this.#host.counters.nacksSent += this.#missing.length
    this.#sendReport(writeNack(this.#host.outgoing.report, ownSsrc, layer.ssrc, this.#missing))
  }

  #report(nowMs: number): void {
    const layers = [...this.tracks.values()].flatMap((track) => [...track.layers.values()])
    for (const layer of layers) layer.measure(nowMs)
    const flowing = layers.filter((layer) => layer.highest >= 0).slice(0, 31)
    if (flowing.length === 0) return
    const blocks = flowing.map((layer) => layer.takeReport(nowMs))
    this.uplinkLoss = Math.max(...flowing.map((layer) => layer.loss))
    this.#sendReport(writeReceiverReport(this.#host.outgoing.report, ownSsrc, blocks))
  }

  #sendReport(length: number): void {
    if (length > 0) this.#host.send(this.pipe, this.#host.outgoing.reportOf(length))
  }
}
