/**
 * One m-line of a subscriber, and the forwarding of one track into it. Sequence numbers, timestamps, picture ids and
 * SSRC are rewritten so that the browser sees one unbroken stream, whoever is in it and whichever layer it is (M2).
 *
 * The slot remembers for each number it sent which packet of which layer it was; the packet itself lies in the layer's
 * ring, so a retransmission is written again from there (M5).
 */
import type { Agreed } from './answer.ts'
import { type Layer, largestGap } from './layer.ts'
import { payloadAt } from './outgoing.ts'
import { primaryAt } from './red.ts'
import { writeSenderReport } from './rtcp.ts'
import { type RtpPacket, write16 } from './rtp.ts'
import { ahead16, ahead32 } from './sequence.ts'
import type { Subscriber } from './subscriber.ts'
import type { Track } from './track.ts'
import type { Vp8Descriptor } from './vp8.ts'

const remembered = 1024
const generations = 16
/** Closed numbers that are remembered, for packets that come late. */
const mostClosed = 64

/** How numbers are rewritten since a switch; retransmissions of older packets need the older ones. */
interface Generation {
  layer: Layer | null
  agreed: Agreed | null
  /** The number of its first packet. */
  first: number
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
  /** What the path allows: the target is the nearest to it that flows, and the publisher is to send it. */
  chosenRid: string | null = null
  chosenAtMs = 0
  /** Since when the target was waited for. */
  targetSinceMs = 0
  /** It did not fit the path: coming back needs room to spare. */
  wasPaused = false
  /** The first frame of this track in this slot was not sent yet. */
  isAwaitingFirst = false
  firstTimestamp: number | null = null
  wantedHeight = 0
  packets = 0
  octets = 0
  lastReportMiddle = 0
  lastReportMs = 0
  readonly #inOf = new Float64Array(remembered).fill(-1)
  /** Whose place it is: a number that was never sent finds the one that lay there before it. */
  readonly #outOf = new Uint16Array(remembered)
  readonly #generationOf = new Uint8Array(remembered)
  readonly #generations: Generation[] = Array.from({ length: generations }, () => ({
    layer: null,
    agreed: null,
    first: 0,
    timestampDelta: 0,
    pictureDelta: 0,
    tl0Delta: 0,
  }))
  #generation = 0
  #now: Generation
  #sequence: number
  #rtxSequence: number
  #sequenceDelta = 0
  #switchedAt = 0
  #highestIn = 0
  /** Numbers of the publisher's that were not sent on since the switch, ascending. */
  #closed: number[] = []
  #timestamp = 0
  #timestampMs = -1
  #pictureId = 0
  #tl0PicIdx = 0
  #payloadType = 0
  #payloadFrom = 0

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
    this.#now = this.#turnGeneration()
  }

  assign(track: Track | null): void {
    if (this.track === track) return
    this.track?.detach(this)
    this.track = track
    track?.slots.push(this)
    this.current = null
    this.targetRid = track?.kind === 'audio' ? '' : null
    this.chosenRid = null
    this.isAwaitingFirst = track?.kind === 'video'
    this.firstTimestamp = null
  }

  /** The publisher's RID has another SSRC now: wait for its key frame. */
  onLayerReplaced(before: Layer | undefined): void {
    if (before && this.current === before) this.current = null
  }

  /** What was held back is not made up for: the next packet follows the last one that was sent. */
  restart(): void {
    this.current = null
  }

  /** True when this packet was a switch: what came after it is to be forwarded now if it came before it. */
  forward(
    packet: RtpPacket,
    layer: Layer,
    full: number,
    vp8: Vp8Descriptor | null,
    isKey: boolean,
    nowUs: number,
  ): boolean {
    if (!this.isReady || !this.subscriber.isConnected) return false
    const isSwitch = layer !== this.current
    if (isSwitch) {
      if (layer.rid !== this.targetRid || packet.payloadLength === 0) return false
      if (this.kind === 'video' && !isKey) return false
      this.#switchTo(layer, packet, full, vp8, nowUs)
    } else if (full < this.#switchedAt)
      return false // older than the switch
    else if (full - this.#highestIn > largestGap) this.#jumpTo(full)
    const isNewest = full > this.#highestIn
    if (packet.payloadLength === 0 && isNewest) {
      this.#close(full)
      return isSwitch
    }
    const out = isNewest ? (full + this.#sequenceDelta) & 0xffff : this.#lateNumber(full)
    if (out < 0) return isSwitch
    if (isNewest) {
      this.#highestIn = full
      this.#sequence = out
    }
    const at = out % remembered
    this.#inOf[at] = full
    this.#outOf[at] = out
    this.#generationOf[at] = this.#generation
    this.#send(packet, out, vp8, isNewest, nowUs)
    return isSwitch
  }

  /** Padding alone is not sent on; what follows moves up (M15). */
  #close(full: number): void {
    this.#highestIn = full
    this.#sequenceDelta -= 1
    this.#closed.push(full)
    if (this.#closed.length > mostClosed) this.#switchedAt = Math.max(this.#switchedAt, (this.#closed.shift() ?? 0) + 1)
  }

  /** A packet that comes late has the number it would have had: padding that was closed after it does not count. */
  #lateNumber(full: number): number {
    let delta = this.#sequenceDelta
    for (let i = this.#closed.length - 1; i >= 0; i--) {
      const closed = this.#closed[i] ?? 0
      if (closed === full) return -1
      if (closed < full) break
      delta += 1
    }
    return (full + delta) & 0xffff
  }

  /** The publisher's numbers jumped: ours go on. */
  #jumpTo(full: number): void {
    this.#sequenceDelta = this.#sequence + 1 - full
    this.#switchedAt = full
    this.#highestIn = full - 1
    this.#closed.length = 0
  }

  #turnGeneration(): Generation {
    this.#generation = (this.#generation + 1) % generations
    const generation = this.#generations[this.#generation]
    if (!generation) throw new Error('a slot lost its generation')
    return generation
  }

  #switchTo(layer: Layer, packet: RtpPacket, full: number, vp8: Vp8Descriptor | null, nowUs: number): void {
    const before = this.#now
    const timestamp = this.#nextTimestamp(before, layer, packet, nowUs / 1000)
    const next = this.#turnGeneration()
    this.#now = next
    next.layer = layer
    next.agreed = this.track?.agreed ?? null
    next.first = (this.#sequence + 1) & 0xffff
    next.timestampDelta = (timestamp - packet.timestamp) >>> 0
    next.pictureDelta = vp8 ? this.#pictureId + 1 - vp8.pictureId : 0
    next.tl0Delta = vp8 ? this.#tl0PicIdx + 1 - vp8.tl0PicIdx : 0
    this.#jumpTo(full)
    this.#timestamp = timestamp
    this.#timestampMs = nowUs / 1000
    this.current = layer
    if (!this.isAwaitingFirst) return
    this.isAwaitingFirst = false
    this.firstTimestamp = timestamp
    this.subscriber.onFirstFrame(this)
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

  #send(packet: RtpPacket, out: number, vp8: Vp8Descriptor | null, isNewest: boolean, nowUs: number): void {
    const generation = this.#now
    const timestamp = (packet.timestamp + generation.timestampDelta) >>> 0
    if (isNewest && ahead32(timestamp, this.#timestamp) > 0) {
      this.#timestamp = timestamp
      this.#timestampMs = nowUs / 1000
    }
    if (!this.#choosePayload(packet, generation)) return
    const from = this.#payloadFrom
    const end = packet.payloadAt + packet.payloadLength
    const { outgoing } = this.subscriber
    if (!outgoing.load(packet.bytes, from, end)) return
    if (vp8 && vp8.pictureIdAt !== 0) {
      const picture = vp8.pictureId + generation.pictureDelta
      const tl0 = vp8.tl0PicIdx + generation.tl0Delta
      if (isNewest) {
        this.#pictureId = picture & (vp8.pictureIdBits === 15 ? 0x7fff : 0x7f)
        this.#tl0PicIdx = tl0 & 0xff
      }
      renumber(outgoing.bytes, payloadAt - from, vp8, picture, tl0)
    }
    this.packets += 1
    this.octets += end - from
    this.subscriber.send(packet.isMarked, this.#payloadType, out, timestamp, this.ssrc, end - from, nowUs)
  }

  /** Which payload type, and from where. False: the page does not take it. */
  #choosePayload(packet: RtpPacket, { agreed }: Generation): boolean {
    const { accepted } = this.subscriber
    if (!agreed || !accepted) return false
    this.#payloadFrom = packet.payloadAt
    if (packet.payloadType === agreed.payloadType) {
      const { codec } = agreed
      this.#payloadType = codec === 'opus' ? accepted.opus : codec === 'vp8' ? accepted.vp8 : accepted.h264
    } else if (agreed.redPayloadType !== 0 && packet.payloadType === agreed.redPayloadType) {
      this.#payloadType = accepted.red
      if (accepted.red !== 0) return true
      this.#payloadFrom = primaryAt(packet.bytes, packet.payloadAt, packet.payloadLength)
      this.#payloadType = this.#payloadFrom < 0 ? 0 : accepted.opus
    } else this.#payloadType = 0
    return this.#payloadType !== 0
  }

  /** Sends a packet again that was sent before, as RTX where the page takes it (RFC 4588). Its length, or 0. */
  resend(out: number, packet: RtpPacket, vp8: Vp8Descriptor, nowUs: number): number {
    const at = out % remembered
    const full = this.#inOf[at] ?? -1
    const generation = this.#generations[this.#generationOf[at] ?? 0]
    const age = ahead16(this.#sequence, out)
    if (this.#outOf[at] !== out) return 0
    if (!generation || full < 0 || age < 0 || age >= remembered || ahead16(out, generation.first) < 0) return 0
    const bytes = generation.layer?.packet(full)
    if (!bytes || !packet.parse(bytes) || !this.#choosePayload(packet, generation)) return 0
    const from = this.#payloadFrom
    const end = packet.payloadAt + packet.payloadLength
    const { outgoing } = this.subscriber
    const rtxType = this.subscriber.rtxTypeOf(this.#payloadType)
    const shift = rtxType === 0 ? 0 : 2
    const isLoaded = shift === 0 ? outgoing.load(bytes, from, end) : outgoing.loadRepair(bytes, from, end, out)
    if (!isLoaded) return 0
    if (generation.agreed?.codec === 'vp8' && vp8.parse(bytes, packet.payloadAt, packet.payloadLength)) {
      const picture = vp8.pictureId + generation.pictureDelta
      renumber(outgoing.bytes, payloadAt + shift - from, vp8, picture, vp8.tl0PicIdx + generation.tl0Delta)
    }
    const timestamp = (packet.timestamp + generation.timestampDelta) >>> 0
    const length = end - from + shift
    if (shift === 0) {
      this.subscriber.send(packet.isMarked, this.#payloadType, out, timestamp, this.ssrc, length, nowUs)
    } else this.#sendRepair(packet.isMarked, rtxType, timestamp, length, nowUs)
    return length
  }

  #sendRepair(isMarked: boolean, type: number, timestamp: number, length: number, nowUs: number): void {
    this.#rtxSequence = (this.#rtxSequence + 1) & 0xffff
    this.subscriber.send(isMarked, type, this.#rtxSequence, timestamp, this.rtxSsrc, length, nowUs)
  }

  /** Probes a path on which nothing flows: padding on the repair stream is no part of any picture. */
  sendPadding(type: number, nowUs: number): number {
    const length = this.subscriber.outgoing.loadPadding()
    this.#rtxSequence = (this.#rtxSequence + 1) & 0xffff
    this.subscriber.sendPadding(type, this.#rtxSequence, this.#timestamp, this.rtxSsrc, length, nowUs)
    return length
  }

  /** The newest number that was sent, for probes. */
  get lastSequence(): number {
    return this.#sequence
  }

  /** RFC 3550 §6.4.1: the publisher's clock, our timestamps. Its length, or 0 when the publisher has not reported. */
  writeReport(bytes: Uint8Array, at: number, nowMs: number): number {
    const layer = this.current
    if (!layer || layer.reportAtMs === 0 || this.packets === 0) return 0
    const timestamp = (layer.reportTimestamp + this.#now.timestampDelta) >>> 0
    this.lastReportMiddle = ((layer.reportNtpHigh << 16) | (layer.reportNtpLow >>> 16)) >>> 0
    this.lastReportMs = nowMs
    const { ssrc, packets, octets } = this
    const { reportNtpHigh: ntpHigh, reportNtpLow: ntpLow } = layer
    return writeSenderReport(bytes, { ssrc, ntpHigh, ntpLow, timestamp, packets, octets }, at)
  }
}

/** RFC 7741: picture id and TL0PICIDX go on across switches. `shift` is from the packet's offsets to ours. */
function renumber(bytes: Uint8Array, shift: number, vp8: Vp8Descriptor, picture: number, tl0: number): void {
  if (vp8.pictureIdAt === 0) return
  if (vp8.pictureIdBits === 15) write16(bytes, vp8.pictureIdAt + shift, 0x8000 | (picture & 0x7fff))
  else bytes[vp8.pictureIdAt + shift] = picture & 0x7f
  if (vp8.tl0PicIdxAt !== 0) bytes[vp8.tl0PicIdxAt + shift] = tl0 & 0xff
}

const ntpSeconds = (layer: Layer) => layer.reportNtpHigh + layer.reportNtpLow / 2 ** 32
