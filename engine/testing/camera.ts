/**
 * What a page's encoders make: VP8 in simulcast layers with picture ids, sender reports and key frames on demand, and
 * Opus with levels and DTX. Packets are kept, so that what was asked for again can be sent again.
 */
import { readRtcp } from '../sfu/rtcp.ts'
import { extensionIds, types } from './description.ts'
import { bytes16, rtpPacket, vp8Payload } from './packet.ts'
import { senderReport } from './rtcp-packet.ts'

export interface LayerPlan {
  readonly rid: string
  readonly ssrc: number
  readonly height: number
  readonly bps: number
}

export const threeLayers = (ssrc: number): LayerPlan[] => [
  { rid: 'q', ssrc, height: 180, bps: 120_000 },
  { rid: 'h', ssrc: ssrc + 1, height: 360, bps: 400_000 },
  { rid: 'f', ssrc: ssrc + 2, height: 720, bps: 1_400_000 },
]

const frameMs = 40
const largestPayload = 1_100
/** Seconds from 1900 to the simulation's beginning. */
const ntpEpoch = 0xe9000000

export class SimulatedLayer {
  readonly plan: LayerPlan
  ssrc: number
  sequence: number
  /** Where this layer's clock stands at time 0: each layer has its own. */
  readonly timestampBase: number
  pictureId: number
  tl0PicIdx: number
  isActive = true
  isKeyDue = true
  keyFrames = 0
  readonly sent = new Map<number, Uint8Array>()

  constructor(plan: LayerPlan) {
    this.plan = plan
    this.ssrc = plan.ssrc
    this.sequence = (plan.ssrc * 7_919) & 0xffff
    this.timestampBase = Math.imul(plan.ssrc, 0x9e3779b1) >>> 0
    this.pictureId = (plan.ssrc * 31) & 0x7fff
    this.tl0PicIdx = plan.ssrc & 0xff
  }

  timestampAt(nowMs: number): number {
    return (this.timestampBase + Math.round(nowMs * 90)) >>> 0
  }

  /** One frame's packets. */
  frame(mid: string, nowMs: number, transportSequence: () => number): Uint8Array[] {
    const isKey = this.isKeyDue
    this.isKeyDue = false
    if (isKey) this.keyFrames += 1
    this.pictureId = (this.pictureId + 1) & 0x7fff
    this.tl0PicIdx = (this.tl0PicIdx + 1) & 0xff
    const bytes = Math.max(40, (this.plan.bps * frameMs) / 8_000)
    const count = Math.ceil(bytes / largestPayload)
    return Array.from({ length: count }, (_, i) => {
      const payload = vp8Payload({
        ...{ isStart: i === 0, isKey, pictureId: this.pictureId, tl0PicIdx: this.tl0PicIdx },
        ...{ height: this.plan.height, size: Math.round(bytes / count), fill: this.ssrc & 0xff },
      })
      return this.packet(mid, nowMs, transportSequence(), payload, i === count - 1)
    })
  }

  packet(
    mid: string,
    nowMs: number,
    transportSequence: number,
    payload: ArrayLike<number>,
    isMarked = false,
  ): Uint8Array {
    this.sequence = (this.sequence + 1) & 0xffff
    const extensions = new Map<number, readonly number[] | string>([
      [extensionIds.mid, mid],
      [extensionIds.transportSequence, bytes16(transportSequence)],
    ])
    if (this.plan.rid) extensions.set(extensionIds.rid, this.plan.rid)
    const bytes = rtpPacket({
      ...{ ssrc: this.ssrc, sequence: this.sequence, timestamp: this.timestampAt(nowMs), payloadType: types.video },
      ...{ isMarked, extensions, payload },
    })
    this.sent.set(this.sequence, bytes)
    return bytes
  }

  report(nowMs: number): Uint8Array {
    const ntpHigh = ntpEpoch + Math.floor(nowMs / 1000)
    const ntpLow = Math.floor(((nowMs % 1000) / 1000) * 2 ** 32)
    return senderReport(this.ssrc, { ntpHigh, ntpLow, timestamp: this.timestampAt(nowMs) })
  }
}

export class SimulatedCamera {
  readonly mid: string
  readonly layers: readonly SimulatedLayer[]
  readonly nacked: { readonly ssrc: number; readonly sequence: number }[] = []
  #frameAtMs = 0
  #reportAtMs = 0

  constructor(mid: string, plans: readonly LayerPlan[]) {
    this.mid = mid
    this.layers = plans.map((plan) => new SimulatedLayer(plan))
  }

  layer(rid: string): SimulatedLayer {
    const found = this.layers.find(({ plan }) => plan.rid === rid)
    if (!found) throw new Error(`no layer ${rid}`)
    return found
  }

  activate(rids: readonly string[]): void {
    for (const layer of this.layers) {
      const isActive = rids.includes(layer.plan.rid)
      if (isActive && !layer.isActive) layer.isKeyDue = true
      layer.isActive = isActive
    }
  }

  tick(nowMs: number, transportSequence: () => number, send: (bytes: Uint8Array) => void): void {
    if (nowMs >= this.#frameAtMs) {
      this.#frameAtMs = nowMs + frameMs
      for (const layer of this.layers) {
        if (layer.isActive) for (const bytes of layer.frame(this.mid, nowMs, transportSequence)) send(bytes)
      }
    }
    if (nowMs < this.#reportAtMs) return
    this.#reportAtMs = nowMs + 1_000
    for (const layer of this.layers) if (layer.isActive) send(layer.report(nowMs))
  }

  onRtcp(bytes: Uint8Array): void {
    const nothing = () => {}
    readRtcp(bytes, {
      ...{ senderReport: nothing, reportBlock: nothing, transportFeedback: nothing },
      ...{ maximumBitrate: nothing, referenceTime: nothing },
      nack: (ssrc, sequence) => this.nacked.push({ ssrc, sequence }),
      keyFrameRequest: (ssrc) => {
        for (const layer of this.layers) if (layer.ssrc === ssrc) layer.isKeyDue = true
      },
    })
  }
}

/** Twenty milliseconds a packet; `level` null: DTX, nothing is sent. */
export class SimulatedMicrophone {
  readonly mid: string
  readonly ssrc: number
  level: number | null = 70
  hasRed = false
  /** What the next packet carries; else bytes that only count. */
  speech: (() => ArrayLike<number>) | null = null
  sequence = 100
  #packetAtMs = 0

  constructor(mid: string, ssrc: number) {
    this.mid = mid
    this.ssrc = ssrc
  }

  tick(nowMs: number, transportSequence: () => number, send: (bytes: Uint8Array) => void): void {
    if (nowMs < this.#packetAtMs) return
    this.#packetAtMs = nowMs + 20
    if (this.level === null) return
    this.sequence = (this.sequence + 1) & 0xffff
    const opus = Array.from(this.speech?.() ?? new Array<number>(60).fill(this.sequence & 0xff))
    const red = [0x80 | types.opus, 0x0f, 0x00, 20, types.opus, ...new Array<number>(20).fill(0xee), ...opus]
    const extensions = new Map<number, readonly number[] | string>([
      [extensionIds.audioLevel, [0x80 | this.level]],
      [extensionIds.mid, this.mid],
      [extensionIds.transportSequence, bytes16(transportSequence())],
    ])
    const payloadType = this.hasRed ? types.red : types.opus
    const payload = this.hasRed ? red : opus
    const timestamp = (Math.round(nowMs * 48) + this.ssrc) >>> 0
    send(rtpPacket({ ssrc: this.ssrc, sequence: this.sequence, timestamp, payloadType, extensions, payload }))
  }
}
