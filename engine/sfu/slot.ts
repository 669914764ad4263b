/**
 * One m-line of a subscriber, and the forwarding of one track into it. Sequence numbers, timestamps, picture ids and
 * SSRC are rewritten so that the browser sees one unbroken stream, whoever is in it and whichever layer it is (M2).
 *
 * The slot remembers for each number it sent which packet of which layer it was; the packet itself lies in the layer's
 * ring, so a retransmission is written again from there (M5).
 */
import type { Layer } from './layer.ts'
import { primaryAt } from './red.ts'
import { writeSenderReport } from './rtcp.ts'
import { type RtpPacket, write16 } from './rtp.ts'
import { ahead16, ahead32 } from './sequence.ts'
import type { Subscriber } from './subscriber.ts'
import type { Track } from './track.ts'
import type { Vp8Descriptor } from './vp8.ts'

const remembered = 1024
const generations = 16

/** How numbers are rewritten since a switch; retransmissions of older packets need the older ones. */
interface Generation {
  layer: Layer | null
  timestampDelta: number
  pictureDelta: number
  tl0Delta: number
}

export class Slot {
  readonly mid: string
  readonly kind: 'audio' | 'video'
  readonly ssrc: number
  readonly rtxSsrc: number
  readonly subscriber: Subscriber
  /** The page's answer has this m-line. */
  isReady = false
  track: Track | null = null
  current: Layer | null = null
  /** Which layer to change to at its next key frame; null: none, the video is paused. */
  targetRid: string | null = null
  /** Since when the target was waited for. */
  targetSinceMs = 0
  /** The first frame of this track in this slot was not sent yet. */
  isAwaitingFirst = false
  firstTimestamp: number | null = null
  wantedHeight = 0
  packets = 0
  octets = 0
  lastReportMiddle = 0
  lastReportMs = 0
  readonly #inOf = new Float64Array(remembered).fill(-1)
  readonly #generationOf = new Uint8Array(remembered)
  readonly #generations: Generation[] = Array.from({ length: generations }, () => ({
    layer: null,
    timestampDelta: 0,
    pictureDelta: 0,
    tl0Delta: 0,
  }))
  #generation = 0
  #sequence: number
  #rtxSequence: number
  #sequenceDelta = 0
  #switchedAt = 0
  #highestIn = 0
  #timestamp = 0
  #timestampMs = -1
  #pictureId = 0
  #tl0PicIdx = 0

  constructor(
    subscriber: Subscriber,
    options: { mid: string; kind: 'audio' | 'video'; ssrc: number; rtxSsrc: number; first: number },
  ) {
    this.subscriber = subscriber
    this.mid = options.mid
    this.kind = options.kind
    this.ssrc = options.ssrc
    this.rtxSsrc = options.rtxSsrc
    this.#sequence = options.first
    this.#rtxSequence = options.first
  }

  assign(track: Track | null): void {
    if (this.track === track) return
    this.track?.detach(this)
    this.track = track
    track?.slots.push(this)
    this.current = null
    this.targetRid = track?.kind === 'audio' ? '' : null
    this.isAwaitingFirst = track?.kind === 'video'
    this.firstTimestamp = null
  }

  /** The publisher's RID has another SSRC now: wait for its key frame. */
  onLayerReplaced(before: Layer | undefined, _after: Layer): void {
    if (before && this.current === before) this.current = null
  }

  /** What was held back is not made up for: the next packet follows the last one that was sent. */
  restart(): void {
    this.current = null
  }

  forward(
    packet: RtpPacket,
    layer: Layer,
    full: number,
    vp8: Vp8Descriptor | null,
    isKey: boolean,
    nowMs: number,
  ): void {
    if (!this.isReady) return
    if (layer !== this.current) {
      if (layer.rid !== this.targetRid) return
      if (this.kind === 'video' && !isKey) return
      if (packet.payloadLength === 0) return
      this.#switchTo(layer, packet, full, vp8, nowMs)
    } else if (full < this.#switchedAt) return // older than the switch
    if (packet.payloadLength === 0) return this.#closeGap(full)
    const out = (full + this.#sequenceDelta) & 0xffff
    const at = out % remembered
    this.#inOf[at] = full
    this.#generationOf[at] = this.#generation
    if (full > this.#highestIn) {
      this.#highestIn = full
      this.#sequence = out
    }
    const generation = this.#now
    const timestamp = (packet.timestamp + generation.timestampDelta) >>> 0
    if (ahead32(timestamp, this.#timestamp) > 0) {
      this.#timestamp = timestamp
      this.#timestampMs = nowMs
    }
    const length = this.#write(packet, out, timestamp, vp8, generation)
    if (length === 0) return
    this.packets += 1
    this.octets += length
    this.subscriber.send(length)
  }

  get #now(): Generation {
    const generation = this.#generations[this.#generation]
    if (!generation) throw new Error('a slot lost its generation')
    return generation
  }

  #switchTo(layer: Layer, packet: RtpPacket, full: number, vp8: Vp8Descriptor | null, nowMs: number): void {
    const before = this.#now
    this.#generation = (this.#generation + 1) % generations
    const next = this.#now
    next.layer = layer
    next.timestampDelta = (this.#nextTimestamp(before, layer, packet, nowMs) - packet.timestamp) >>> 0
    next.pictureDelta = vp8 ? this.#pictureId + 1 - vp8.pictureId : 0
    next.tl0Delta = vp8 ? this.#tl0PicIdx + 1 - vp8.tl0PicIdx : 0
    this.#sequenceDelta = (this.#sequence + 1 - full) & 0xffff
    this.#switchedAt = full
    this.#highestIn = full - 1
    this.current = layer
    if (this.isAwaitingFirst) {
      this.isAwaitingFirst = false
      this.firstTimestamp = (packet.timestamp + next.timestampDelta) >>> 0
      this.subscriber.onFirstFrame(this)
    }
  }

  /**
   * Where the timeline goes on: by both layers' sender reports where they are had (M15), else by the time that passed;
   * never backwards, never the same frame twice.
   */
  #nextTimestamp(before: Generation, layer: Layer, packet: RtpPacket, nowMs: number): number {
    if (this.#timestampMs < 0) return packet.timestamp
    const rate = layer.clockRate
    const old = before.layer
    const isSameTrack = old !== null && this.track?.layers.get(old.rid) === old
    const passed = Math.round(((nowMs - this.#timestampMs) * rate) / 1000)
    let next = (this.#timestamp + Math.max(passed, rate / 100)) >>> 0
    if (isSameTrack && old.reportAtMs > 0 && layer.reportAtMs > 0) {
      const apart = ntpSeconds(layer) - ntpSeconds(old) + ahead32(packet.timestamp, layer.reportTimestamp) / rate
      const mapped = (old.reportTimestamp + before.timestampDelta + Math.round(apart * rate)) >>> 0
      // Reports that disagree with the clock by a second are not believed.
      if (Math.abs(ahead32(mapped, next)) < rate) next = mapped
    }
    return ahead32(next, this.#timestamp) > 0 ? next : (this.#timestamp + rate / 1000) >>> 0
  }

  /** Padding alone is not sent on; what follows moves up (M15). */
  #closeGap(full: number): void {
    if (full !== this.#highestIn + 1) return
    this.#highestIn = full
    this.#sequenceDelta = (this.#sequenceDelta - 1) & 0xffff
  }

  /** The packet as the subscriber gets it, in its scratch. */
  #write(packet: RtpPacket, out: number, timestamp: number, vp8: Vp8Descriptor | null, generation: Generation): number {
    const payload = this.#payload(packet)
    if (payload.type === 0) return 0
    const { scratch } = this.subscriber
    const from = this.subscriber.writeHeader(payload.type, packet.isMarked, out, timestamp, this.ssrc)
    return this.#copyPayload(
      packet.bytes,
      payload.at,
      packet.payloadAt + packet.payloadLength,
      scratch,
      from,
      vp8,
      generation,
    )
  }

  readonly #payloadOut = { type: 0, at: 0 }

  /** Which payload type and from where; type 0: the page does not take it. */
  #payload(packet: RtpPacket): { readonly type: number; readonly at: number } {
    const { accepted } = this.subscriber
    const agreed = this.track?.agreed
    const payload = this.#payloadOut
    payload.type = 0
    payload.at = packet.payloadAt
    if (!agreed || !accepted) return payload
    if (packet.payloadType === agreed.payloadType) {
      payload.type = agreed.codec === 'opus' ? accepted.opus : agreed.codec === 'vp8' ? accepted.vp8 : accepted.h264
    } else if (agreed.redPayloadType !== 0 && packet.payloadType === agreed.redPayloadType) {
      payload.type = accepted.red
      if (accepted.red !== 0) return payload
      const at = primaryAt(packet.bytes, packet.payloadAt, packet.payloadLength)
      if (at < 0) return payload
      payload.type = accepted.opus
      payload.at = at
    }
    return payload
  }

  #copyPayload(
    bytes: Uint8Array,
    at: number,
    end: number,
    scratch: Uint8Array,
    from: number,
    vp8: Vp8Descriptor | null,
    generation: Generation,
  ): number {
    if (from + end - at > scratch.length) return 0
    scratch.set(bytes.subarray(at, end), from)
    if (vp8 && vp8.pictureIdAt !== 0) this.#renumber(scratch, from - at, vp8, generation)
    return from + end - at
  }

  /** RFC 7741: picture id and TL0PICIDX go on across switches. */
  #renumber(scratch: Uint8Array, shift: number, vp8: Vp8Descriptor, generation: Generation): void {
    const picture = vp8.pictureId + generation.pictureDelta
    if (vp8.pictureIdBits === 15) {
      this.#pictureId = picture & 0x7fff
      write16(scratch, vp8.pictureIdAt + shift, 0x8000 | this.#pictureId)
    } else {
      this.#pictureId = picture & 0x7f
      scratch[vp8.pictureIdAt + shift] = this.#pictureId
    }
    if (vp8.tl0PicIdxAt === 0) return
    this.#tl0PicIdx = (vp8.tl0PicIdx + generation.tl0Delta) & 0xff
    scratch[vp8.tl0PicIdxAt + shift] = this.#tl0PicIdx
  }

  /** Writes a packet that was sent before again, as RTX where the page takes it (RFC 4588). Its length, or 0. */
  rewrite(out: number, packet: RtpPacket, vp8: Vp8Descriptor): number {
    const at = out % remembered
    const full = this.#inOf[at] ?? -1
    const generation = this.#generations[this.#generationOf[at] ?? 0]
    const isKnown = full >= 0 && ahead16(this.#sequence, out) >= 0 && ahead16(this.#sequence, out) < remembered
    const bytes = isKnown ? generation?.layer?.packet(full) : undefined
    if (!generation || !bytes || !packet.parse(bytes)) return 0
    const payload = this.#payload(packet)
    if (payload.type === 0) return 0
    const rtxType = this.subscriber.rtxTypeOf(payload.type)
    const timestamp = (packet.timestamp + generation.timestampDelta) >>> 0
    const { scratch } = this.subscriber
    const isVp8 = this.track?.agreed.codec === 'vp8'
    const descriptor = isVp8 && vp8.parse(bytes, packet.payloadAt, packet.payloadLength) ? vp8 : null
    const end = packet.payloadAt + packet.payloadLength
    const [picture, tl0] = [this.#pictureId, this.#tl0PicIdx]
    let length: number
    if (rtxType === 0) {
      const from = this.subscriber.writeHeader(payload.type, packet.isMarked, out, timestamp, this.ssrc)
      length = this.#copyPayload(bytes, payload.at, end, scratch, from, descriptor, generation)
    } else {
      this.#rtxSequence = (this.#rtxSequence + 1) & 0xffff
      const from = this.subscriber.writeHeader(rtxType, packet.isMarked, this.#rtxSequence, timestamp, this.rtxSsrc)
      write16(scratch, from, out)
      length = this.#copyPayload(bytes, payload.at, end, scratch, from + 2, descriptor, generation)
    }
    this.#pictureId = picture
    this.#tl0PicIdx = tl0
    return length
  }

  /** The newest number that was sent, for probes. */
  get lastSequence(): number {
    return this.#sequence
  }

  /** RFC 3550 §6.4.1: the publisher's clock, our timestamps. Its length, or 0 when the publisher has not reported. */
  writeReport(bytes: Uint8Array, nowMs: number): number {
    const layer = this.current
    if (!layer || layer.reportAtMs === 0 || this.packets === 0) return 0
    const timestamp = (layer.reportTimestamp + this.#now.timestampDelta) >>> 0
    this.lastReportMiddle = ((layer.reportNtpHigh << 16) | (layer.reportNtpLow >>> 16)) >>> 0
    this.lastReportMs = nowMs
    const { reportNtpHigh, reportNtpLow } = layer
    return writeSenderReport(bytes, this.ssrc, reportNtpHigh, reportNtpLow, timestamp, this.packets, this.octets)
  }
}

const ntpSeconds = (layer: Layer) => layer.reportNtpHigh + layer.reportNtpLow / 2 ** 32
