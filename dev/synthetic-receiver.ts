/**
 * What a synthetic peer makes of what it is sent, as strictly as a decoder would: every stream must go on without a
 * hole, picture ids and timestamps must follow each other, a picture must be entered at a key frame. It asks again for
 * what is missing and tells the sender when packets arrived, as a browser does.
 */
import { ArrivalLog } from '../engine/sfu/arrival-log.ts'
import { readRtcp, type RtcpSink, writeNack, writePli, writeReceiverReport } from '../engine/sfu/rtcp.ts'
import { isRtcp, read16, RtpPacket, write16, write32 } from '../engine/sfu/rtp.ts'
import { ahead32, unwrap16 } from '../engine/sfu/sequence.ts'
import { Vp8Descriptor } from '../engine/sfu/vp8.ts'
import { stampBytes } from './synthetic-source.ts'

export interface OfferedStream {
  readonly mid: string
  readonly kind: 'audio' | 'video'
  readonly ssrc: number
  readonly rtxSsrc: number
}

export interface ReceivedStream {
  readonly mid: string
  readonly kind: 'audio' | 'video'
  packets: number
  bytes: number
  /** Pictures or sounds whose last packet came. */
  frames: number
  keyFrames: number
  /** Of the last key frame. */
  height: number
  /** Came on the repair stream. */
  repaired: number
  /** Came twice: numbers that a sender must not use again. */
  duplicates: number
  /** Never came. */
  lost: number
  /** Picture ids that did not follow, timestamps that went back. */
  breaks: number
  /** Packets before the first key frame. */
  undecodable: number
}

interface State extends ReceivedStream {
  readonly ssrc: number
  highest: number
  readonly missing: Map<number, { sinceMs: number; askedMs: number }>
  /** Frames wait here for order: sequence number to what matters of the packet. */
  readonly waiting: Map<number, { pictureId: number; timestamp: number; isKey: boolean }>
  next: number
  pictureId: number
  timestamp: number
  lastReport: number
  lastReportMs: number
  received: number
  first: number
}

const giveUpMs = 1_500
const ownSsrc = 7

export class SyntheticReceiver implements RtcpSink {
  readonly #send: (bytes: Buffer) => void
  readonly #streams = new Map<number, State>()
  readonly #rtx = new Map<number, State>()
  readonly #packet = new RtpPacket()
  readonly #vp8 = new Vp8Descriptor()
  readonly #arrivals = new ArrivalLog()
  readonly #scratch = Buffer.alloc(1500)
  #nowMs = 0
  #feedbackAtMs = 0
  #reportAtMs = 0
  /** Packets of SSRCs that were never offered. */
  unknown = 0
  /** A share of the incoming packets that is thrown away, as a bad path would. */
  drop: () => boolean = () => false
  /** Feedback of arrival times, so that the sender knows what the path carries. */
  isFeedingBack = true
  onDelay: ((ms: number) => void) | null = null
  /** The id that the sender gave to its transport-wide number. */
  transportSequence = 0

  constructor(send: (bytes: Buffer) => void) {
    this.#send = send
  }

  get streams(): readonly ReceivedStream[] {
    return [...this.#streams.values()]
  }

  get offeredSsrcs(): readonly number[] {
    return [...this.#streams.keys()]
  }

  offered(streams: readonly OfferedStream[]): void {
    for (const { mid, kind, ssrc, rtxSsrc } of streams) {
      if (this.#streams.has(ssrc)) continue
      const state = newState(mid, kind, ssrc)
      this.#streams.set(ssrc, state)
      if (rtxSsrc !== 0) this.#rtx.set(rtxSsrc, state)
    }
  }

  onPacket(bytes: Buffer, nowMs: number): void {
    this.#nowMs = nowMs
    if (isRtcp(bytes)) {
      readRtcp(bytes, this)
      return
    }
    if (this.drop() || !this.#packet.parse(bytes)) return
    const at = this.transportSequence === 0 ? 0 : this.#packet.extension(this.transportSequence)
    if (at !== 0 && this.isFeedingBack) this.#arrivals.onPacket(read16(bytes, at), nowMs * 1000)
    this.#onRtp(bytes, this.#packet)
  }

  #onRtp(bytes: Buffer, packet: RtpPacket): void {
    const repairs = this.#rtx.get(packet.ssrc)
    if (repairs) {
      if (packet.payloadLength < 3) return
      repairs.repaired += 1
      const original = Buffer.alloc(12 + packet.payloadLength - 2)
      bytes.copy(original, 0, 0, 12)
      original[0] = 0x80
      original[1] = ((bytes[1] ?? 0) & 0x80) | 96
      write16(original, 2, read16(bytes, packet.payloadAt))
      write32(original, 8, repairs.ssrc)
      bytes.copy(original, 12, packet.payloadAt + 2, packet.payloadAt + packet.payloadLength)
      if (packet.parse(original)) this.#onMedia(original, packet, repairs, true)
      return
    }
    const state = this.#streams.get(packet.ssrc)
    if (state) this.#onMedia(bytes, packet, state, false)
    else this.unknown += 1
  }

  #onMedia(bytes: Buffer, packet: RtpPacket, state: State, isRepair: boolean): void {
    if (state.highest < 0) {
      state.highest = 0x10000 + packet.sequence - 1
      state.next = state.highest + 1
      state.first = state.next
    }
    const full = unwrap16(packet.sequence, state.highest)
    if (full <= state.highest && !state.missing.delete(full)) {
      if (!isRepair) state.duplicates += 1
      return
    }
    for (let gone = Math.max(state.highest + 1, full - 500); gone < full; gone++) {
      state.missing.set(gone, { sinceMs: this.#nowMs, askedMs: 0 })
    }
    state.highest = Math.max(state.highest, full)
    state.packets += 1
    state.received += 1
    state.bytes += bytes.length
    if (packet.isMarked) state.frames += 1
    if (!isRepair && this.onDelay) this.onDelay(this.#nowMs - bytes.readDoubleBE(bytes.length - stampBytes))
    if (state.kind === 'video') this.#look(full, packet, state)
  }

  #look(full: number, packet: RtpPacket, state: State): void {
    const vp8 = this.#vp8
    if (packet.payloadLength === 0 || !vp8.parse(packet.bytes, packet.payloadAt, packet.payloadLength)) return
    if (vp8.isKeyFrame) {
      state.keyFrames += 1
      state.height = vp8.height
    } else if (state.keyFrames === 0) state.undecodable += 1
    state.waiting.set(full, { pictureId: vp8.pictureId, timestamp: packet.timestamp, isKey: vp8.isKeyFrame })
    this.#follow(state)
  }

  /** Takes packets in order; picture ids must go up by one and timestamps never back. */
  #follow(state: State): void {
    for (;;) {
      const packet = state.waiting.get(state.next)
      if (!packet) {
        if (state.missing.has(state.next) || state.next > state.highest) return
        state.next += 1
        continue
      }
      state.waiting.delete(state.next)
      state.next += 1
      const step = (packet.pictureId - state.pictureId) & 0x7fff
      const isBack = state.timestamp >= 0 && ahead32(packet.timestamp, state.timestamp) < 0
      if (isBack || (state.pictureId >= 0 && step > 1)) state.breaks += 1
      state.pictureId = packet.pictureId
      state.timestamp = packet.timestamp
    }
  }

  tick(nowMs: number): void {
    this.#nowMs = nowMs
    for (const state of this.#streams.values()) if (state.missing.size > 0) this.#ask(state)
    if (nowMs - this.#feedbackAtMs >= 50 && this.#arrivals.hasNews) {
      this.#feedbackAtMs = nowMs
      const length = this.#arrivals.write(this.#scratch, ownSsrc, this.#streams.keys().next().value ?? 0)
      if (length > 0) this.#send(this.#scratch.subarray(0, length))
    }
    if (nowMs - this.#reportAtMs >= 1_000) {
      this.#reportAtMs = nowMs
      this.#report()
    }
  }

  #ask(state: State): void {
    const due: number[] = []
    for (const [full, missing] of [...state.missing].sort(([a], [b]) => a - b)) {
      if (this.#nowMs - missing.sinceMs > giveUpMs) {
        state.missing.delete(full)
        state.lost += 1
      } else if (this.#nowMs - missing.askedMs >= 50) {
        missing.askedMs = this.#nowMs
        due.push(full & 0xffff)
      }
    }
    if (due.length > 0) {
      const length = writeNack(this.#scratch, ownSsrc, state.ssrc, due)
      this.#send(this.#scratch.subarray(0, length))
    }
  }

  #report(): void {
    const blocks = [...this.#streams.values()]
      .filter(({ highest }) => highest >= 0)
      .slice(0, 31)
      .map((state) => ({
        ssrc: state.ssrc,
        fraction: 0,
        lost: state.highest - state.first + 1 - state.received,
        highest: state.highest,
        jitter: 0,
        lsr: state.lastReport,
        dlsr: state.lastReport === 0 ? 0 : Math.round((this.#nowMs - state.lastReportMs) * 65.536),
      }))
    if (blocks.length > 0) this.#send(this.#scratch.subarray(0, writeReceiverReport(this.#scratch, ownSsrc, blocks)))
  }

  requestKeyFrame(mid: string): void {
    for (const state of this.#streams.values()) {
      if (state.mid !== mid) continue
      this.#send(this.#scratch.subarray(0, writePli(this.#scratch, ownSsrc, state.ssrc)))
    }
  }

  senderReport(ssrc: number, ntpHigh: number, ntpLow: number): void {
    const state = this.#streams.get(ssrc)
    if (!state) return
    state.lastReport = ((ntpHigh << 16) | (ntpLow >>> 16)) >>> 0
    state.lastReportMs = this.#nowMs
  }

  // Nothing that a receiver is told concerns it.
  reportBlock(): void {}
  nack(): void {}
  keyFrameRequest(): void {}
  transportFeedback(): void {}
  maximumBitrate(): void {}
  referenceTime(): void {}
}

const newState = (mid: string, kind: 'audio' | 'video', ssrc: number): State => ({
  ...{ mid, kind, ssrc, packets: 0, bytes: 0, frames: 0, keyFrames: 0, height: 0, repaired: 0, duplicates: 0 },
  ...{ lost: 0, breaks: 0, undecodable: 0, highest: -1, next: 0, pictureId: -1, timestamp: -1 },
  ...{ lastReport: 0, lastReportMs: 0, received: 0, first: 0 },
  missing: new Map(),
  waiting: new Map(),
})
